//! The two products, Q·K and weights·V, a few rows by eight columns at a time.
//!
//! Both read their right side in panels of [`PANEL`] columns, so that the inner loop walks memory forwards. A tile of `M × 8` keeps `2 M`
//! accumulators in registers. In the browser `ordered` takes their place: this is the readable version, and what runs natively.

use super::lane::{F32x4, Tier};

pub use super::shared::{GROUP, KEYS, PANEL};

/// One step along the inner dimension of a panel.
pub type Step = [f32; PANEL];
/// Scores, then weights, of one row and a block of keys.
pub type RowBlock = [Step; KEYS / PANEL];
/// Scores, then weights, of a group of rows and a block of keys.
pub type GroupBlock = [RowBlock; GROUP];

/// A matrix as the second product reads it, eight columns at a time: packed, or as it lies.
#[derive(Clone, Copy)]
pub struct Panels<'a> {
    /// Its numbers.
    pub all: &'a [f32],
    /// Panels of eight columns.
    pub count: usize,
    /// Numbers from a row to the next.
    pub row: usize,
    /// Numbers from a panel to the next.
    pub panel: usize,
}

impl<'a> Panels<'a> {
    /// Of what [`super::pack::values`] made of so many rows.
    pub fn packed(panels: &'a [Step], rows: usize) -> Self {
        Self { all: panels.as_flattened(), count: panels.len() / rows.max(1), row: PANEL, panel: rows * PANEL }
    }

    /// Of `[rows, columns]`, where those are whole panels: packing it would only cost time.
    pub fn plain(all: &'a [f32], columns: usize) -> Self {
        debug_assert!(columns.is_multiple_of(PANEL), "the last panel is not whole");
        Self { all, count: columns / PANEL, row: columns, panel: PANEL }
    }

    /// Whether the first `panels` panels have rows up to `rows`.
    pub fn reach(&self, panels: usize, rows: usize) -> bool {
        panels <= self.count
            && panels.saturating_sub(1) * self.panel + rows.saturating_sub(1) * self.row + PANEL <= self.all.len()
    }
}

/// `body` for each row `$i` below `$m`, written out: at the page's optimisation for size the compiler keeps loops, and accumulators that a loop's
/// counter indexes live in memory.
macro_rules! rows {
    ($i:ident < $m:ident, $body:block) => {
        rows!(@ $i $m $body 0 1 2 3 4 5);
    };
    (@ $i:ident $m:ident $body:block $($row:literal)+) => {
        const { assert!($m <= GROUP) };
        $(if $row < $m {
            const $i: usize = $row;
            $body
        })+
    };
}

#[inline(always)]
fn halves(step: &Step) -> (&[f32; 4], &[f32; 4]) {
    let (halves, _) = step.as_chunks::<4>();
    (&halves[0], &halves[1])
}

#[inline(always)]
fn store<const M: usize>(tile: [F32x4; 2], i: usize, out: &mut [Step; M]) {
    let (halves, _) = out[i].as_chunks_mut::<4>();
    tile[0].store(&mut halves[0]);
    tile[1].store(&mut halves[1]);
}

/// `Σ_x q[x][i] · k[x][j]` for M rows (interleaved, `[d][M]`) and the eight keys of one panel (`[d][8]`).
#[inline(always)]
fn tile<T: Tier, const M: usize>(q: &[[f32; M]], panel: &[Step]) -> [[F32x4; 2]; M] {
    let mut acc = [[F32x4::splat(0.0); 2]; M];
    for (q, k) in q.iter().zip(panel) {
        let (low, high) = halves(k);
        let (low, high) = (F32x4::load(low), F32x4::load(high));
        rows!(I < M, {
            let factor = F32x4::splat(q[I]);
            acc[I][0] = T::mul_add(factor, low, acc[I][0]);
            acc[I][1] = T::mul_add(factor, high, acc[I][1]);
        });
    }
    acc
}

/// Scores of M rows and the keys of `panels` (`[panels][d][8]`, at most [`KEYS`] keys) into the first columns of `s`.
#[inline(never)]
fn scores_of<T: Tier, const M: usize>(q: &[f32], d: usize, panels: &[Step], s: &mut [RowBlock]) {
    T::with(|| {
        let (q, _) = q.as_chunks::<M>();
        for (p, panel) in panels.chunks_exact(d).enumerate() {
            let acc = tile::<T, M>(&q[..d], panel);
            rows!(I < M, {
                store(acc[I], p, &mut s[I]);
            });
        }
    })
}

/// Scores of `rows` rows (1 to [`GROUP`]; `q` interleaved, `[d][rows]`) and the keys of `panels` (`[panels][d][8]`, at most [`KEYS`] keys)
/// into the first columns of `s`.
pub fn scores<T: Tier>(rows: usize, q: &[f32], d: usize, panels: &[Step], s: &mut [RowBlock]) {
    match rows {
        1 => scores_of::<T, 1>(q, d, panels, s),
        2 => scores_of::<T, 2>(q, d, panels, s),
        3 => scores_of::<T, 3>(q, d, panels, s),
        4 => scores_of::<T, 4>(q, d, panels, s),
        5 => scores_of::<T, 5>(q, d, panels, s),
        _ => scores_of::<T, GROUP>(q, d, panels, s),
    }
}

/// `q · k` of one query with each key of `k` (`[keys, d]`, as many as `s` has room for), into `s`. A single query meets each key once: packing them would take longer than this.
#[inline(never)]
pub fn dots<T: Tier>(q: &[f32], k: &[f32], s: &mut [f32]) {
    T::with(|| {
        let (d, mut from, mut key) = (q.len(), 0, 0);
        while key < s.len() {
            let mut sums = [F32x4::splat(0.0); 4];
            let mut x = 0;
            while x + 16 <= d {
                sums[0] = T::mul_add(F32x4::at(q, x), F32x4::at(k, from + x), sums[0]);
                sums[1] = T::mul_add(F32x4::at(q, x + 4), F32x4::at(k, from + x + 4), sums[1]);
                sums[2] = T::mul_add(F32x4::at(q, x + 8), F32x4::at(k, from + x + 8), sums[2]);
                sums[3] = T::mul_add(F32x4::at(q, x + 12), F32x4::at(k, from + x + 12), sums[3]);
                x += 16;
            }
            while x + 4 <= d {
                sums[0] = T::mul_add(F32x4::at(q, x), F32x4::at(k, from + x), sums[0]);
                x += 4;
            }
            let mut sum = sums[0].add(sums[1]).add(sums[2].add(sums[3])).sum();
            while x < d {
                sum += q[x] * k[from + x];
                x += 1;
            }
            s[key] = sum;
            from += d;
            key += 1;
        }
    });
}

/// `o[i] = keep[i] · o[i] + Σ_k p[i][k] · v[k]` for M rows, `keys` keys of one panel of V, which lie `pitch` numbers apart, and its eight columns.
#[inline(never)]
fn values_of<T: Tier, const M: usize>(
    p: &[RowBlock],
    v: &[f32],
    (keys, pitch): (usize, usize),
    keep: &[f32; GROUP],
    o: &mut [Step; GROUP],
) {
    T::with(|| {
        let mut weights: [&[f32]; M] = [&[]; M];
        let mut acc = [[F32x4::splat(0.0); 2]; M];
        rows!(I < M, {
            weights[I] = &p[I].as_flattened()[..keys];
            let (low, high) = halves(&o[I]);
            let keep = F32x4::splat(keep[I]);
            acc[I] = [F32x4::load(low).mul(keep), F32x4::load(high).mul(keep)];
        });
        for (k, v) in v.chunks(pitch).enumerate().take(keys) {
            let (halves, _) = v.as_chunks::<4>();
            let (low, high) = (F32x4::load(&halves[0]), F32x4::load(&halves[1]));
            rows!(I < M, {
                let factor = F32x4::splat(weights[I][k]);
                acc[I][0] = T::mul_add(factor, low, acc[I][0]);
                acc[I][1] = T::mul_add(factor, high, acc[I][1]);
            });
        }
        rows!(I < M, {
            store(acc[I], I, o);
        });
    })
}

/// Adds weights·V of one block of keys to the outputs of `rows` rows (1 to [`GROUP`]), which are scaled by `keep` first.
///
/// `p` holds the weights; of `v`, all of a head, keys `k0..k0 + keys` are read; `o` is `[panels]` tiles.
pub fn values<T: Tier>(
    rows: usize,
    p: &[RowBlock],
    v: Panels,
    k0: usize,
    keys: usize,
    keep: &[f32; GROUP],
    o: &mut [[Step; GROUP]],
) {
    debug_assert!(v.reach(v.count.min(o.len()), k0 + keys), "rows past the last");
    let size = (keys, v.row);
    for (panel, o) in o.iter_mut().enumerate().take(v.count) {
        let v = &v.all[panel * v.panel + k0 * v.row..];
        match rows {
            1 => values_of::<T, 1>(p, v, size, keep, o),
            2 => values_of::<T, 2>(p, v, size, keep, o),
            3 => values_of::<T, 3>(p, v, size, keep, o),
            4 => values_of::<T, 4>(p, v, size, keep, o),
            5 => values_of::<T, 5>(p, v, size, keep, o),
            _ => values_of::<T, GROUP>(p, v, size, keep, o),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lane::{Fused, Separate};
    use super::super::pack;
    use super::*;

    fn numbers(len: usize, step: usize) -> Vec<f32> {
        (0..len).map(|i| ((i * step + 3) % 17) as f32 * 0.25 - 2.0).collect()
    }

    /// Sums of multiples of 1/16 below 2^20: exact in f32, in whatever order they are added.
    fn product(a: &[f32], b: impl Fn(usize) -> f32) -> f32 {
        a.iter().enumerate().map(|(i, a)| a * b(i)).sum()
    }

    #[test]
    fn scores_of_every_small_size() {
        scores_in::<Separate>();
        scores_in::<Fused>();
    }

    fn scores_in<T: Tier>() {
        for rows in 1..=GROUP {
            for d in (1..=20).chain([63, 64, 127, 256]) {
                for n_k in (1..=20).chain([63, KEYS]) {
                    let (q, k) = (numbers(rows * d, 5), numbers(n_k * d, 7));
                    let mut group = vec![0.0; rows * d];
                    pack::queries(&q, d, 1.0, &mut group);
                    let mut s: GroupBlock = [[[9.0; PANEL]; KEYS / PANEL]; GROUP];
                    scores::<T>(rows, &group, d, &pack::keys(&k, d), &mut s);
                    for i in 0..rows {
                        for j in 0..n_k.next_multiple_of(PANEL) {
                            let want = if j < n_k { product(&q[i * d..(i + 1) * d], |x| k[j * d + x]) } else { 0.0 };
                            assert_eq!(s[i].as_flattened()[j], want, "{rows} rows, d {d}, {n_k} keys: row {i} key {j}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn dots_of_every_small_size() {
        for d in (1..=40).chain([63, 64, 127, 256]) {
            for keys in [1, 2, 7, 8, 64] {
                let (q, k) = (numbers(d, 5), numbers(keys * d, 7));
                let (mut fused, mut separate) = (vec![9.0; keys], vec![9.0; keys]);
                dots::<Fused>(&q, &k, &mut fused);
                dots::<Separate>(&q, &k, &mut separate);
                let want: Vec<f32> = (0..keys).map(|j| product(&q, |x| k[j * d + x])).collect();
                assert!(fused == want && separate == want, "d {d}, {keys} keys");
            }
        }
    }

    #[test]
    fn values_of_every_small_size() {
        values_in::<Separate>();
        values_in::<Fused>();
    }

    fn values_in<T: Tier>() {
        for rows in 1..=GROUP {
            for d_v in (1..=20).chain([63, 64, 127, 256]) {
                for n_k in (1..=20).chain([63, KEYS]) {
                    let v = numbers(n_k * d_v, 11);
                    let packed = pack::values(&v, n_k, d_v);
                    let p: GroupBlock = core::array::from_fn(|i| {
                        core::array::from_fn(|step| core::array::from_fn(|j| ((i + step * 8 + j) % 9) as f32 * 0.5))
                    });
                    let (k0, keys) = (n_k / 3, n_k - n_k / 3);
                    let plain = d_v.is_multiple_of(PANEL).then(|| Panels::plain(&v, d_v));
                    for panels in [Panels::packed(&packed, n_k)].into_iter().chain(plain) {
                        assert!(panels.reach(panels.count, n_k) && !panels.reach(panels.count, n_k + 1));
                        let mut o = vec![[[4.0; PANEL]; GROUP]; d_v.div_ceil(PANEL)];
                        values::<T>(rows, &p, panels, k0, keys, &[0.5; GROUP], &mut o);
                        for i in 0..rows {
                            for c in 0..d_v {
                                let want = 2.0 + product(&p[i].as_flattened()[..keys], |k| v[(k0 + k) * d_v + c]);
                                let of = format!("{rows} rows, d_v {d_v}, {n_k} keys: row {i} column {c}");
                                assert_eq!(o[c / PANEL][i][c % PANEL], want, "{of}");
                            }
                        }
                    }
                }
            }
        }
    }
}
