//! Whether numbers are finite, sixteen at a time: of every tensor it is asked before a run, which is short where the problem is small.

use super::lane::F32x4;

/// Whether none of `x` is NaN or infinite.
pub fn finite(x: &[f32]) -> bool {
    let zero = F32x4::splat(0.0);
    let (mut a, mut b, mut c, mut d) = (zero, zero, zero, zero);
    let (fours, rest) = x.as_chunks::<4>();
    let (sixteens, fours) = fours.as_chunks::<4>();
    // 0 · x is 0, but NaN of NaN and of infinities; and a sum with NaN in it is NaN.
    for [i, j, k, l] in sixteens {
        a = a.add(F32x4::load(i).mul(zero));
        b = b.add(F32x4::load(j).mul(zero));
        c = c.add(F32x4::load(k).mul(zero));
        d = d.add(F32x4::load(l).mul(zero));
    }
    let sums = a.add(b).add(c.add(d)).to_array();
    let rest = fours.as_flattened().iter().chain(rest);
    sums == [0.0; 4] && rest.copied().all(f32::is_finite)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_that_is_not_finite_is_seen_wherever_it_stands() {
        for length in [0, 1, 15, 16, 17, 64, 103] {
            let mut x: Vec<f32> = (0..length).map(|i| [f32::MAX, -f32::MIN_POSITIVE, -0.0][i % 3]).collect();
            assert!(finite(&x), "{length}");
            for i in 0..length {
                for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                    let good = std::mem::replace(&mut x[i], bad);
                    assert!(!finite(&x), "{bad} at {i} of {length}");
                    x[i] = good;
                }
            }
        }
    }
}
