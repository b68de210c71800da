//! Q, K and V in the order in which the products read them.
//!
//! Every number of a run passes here, and the page is compiled for size, where slices and closures are calls: loops count, and read and write four numbers at a
//! time ([`F32x4::at`]).

use super::gemm::{PANEL, Step};
use super::lane::F32x4;

/// Rows and columns that are turned at a time.
const FOUR: usize = 4;

/// `x` (`[rows, d]`) times `factor`, its rows as columns: number `j` of row `i` goes to `out[j * pitch + i]`.
fn turn(x: &[f32], d: usize, factor: f32, out: &mut [f32], pitch: usize) {
    let rows = x.len() / d;
    if rows < FOUR || d < FOUR {
        for (i, row) in x.chunks_exact(d).enumerate() {
            for (j, x) in row.iter().enumerate() {
                out[j * pitch + i] = x * factor;
            }
        }
        return;
    }
    let factor = F32x4::splat(factor);
    let mut i = 0;
    loop {
        let mut j = 0;
        loop {
            let at = i * d + j;
            let (a, b) = (F32x4::at(x, at), F32x4::at(x, at + d));
            let (c, e) = (F32x4::at(x, at + 2 * d), F32x4::at(x, at + 3 * d));
            let (a, b, c, e) = F32x4::transposed(a.mul(factor), b.mul(factor), c.mul(factor), e.mul(factor));
            let to = j * pitch + i;
            a.put(out, to);
            b.put(out, to + pitch);
            c.put(out, to + 2 * pitch);
            e.put(out, to + 3 * pitch);
            if j + FOUR >= d {
                break;
            }
            // The last four, of which some may have been turned before: once more costs less than one by one.
            j = (j + FOUR).min(d - FOUR);
        }
        if i + FOUR >= rows {
            break;
        }
        i = (i + FOUR).min(rows - FOUR);
    }
}

/// K (`[n_k, d]`) in panels of eight keys, `[ceil(n_k / 8)][d][8]`; keys past the last are zero.
pub fn keys(k: &[f32], d: usize) -> Vec<Step> {
    let mut out: Vec<Step> = Vec::with_capacity((k.len() / d).div_ceil(PANEL) * d);
    for rows in k.chunks(PANEL * d) {
        let at = out.len();
        // Panel by panel, right before it is filled: zeros for all of them at once would go to memory and come back.
        // SAFETY: there is room for a panel of each so many rows, and zeros are numbers.
        unsafe {
            out.as_mut_ptr().add(at).write_bytes(0, d);
            out.set_len(at + d);
        }
        turn(rows, d, 1.0, out[at..].as_flattened_mut(), PANEL);
    }
    out
}

/// V (`[n_k, d_v]`) in panels of eight columns, `[ceil(d_v / 8)][n_k][8]`; columns past the last are zero.
pub fn values(v: &[f32], n_k: usize, d_v: usize) -> Vec<Step> {
    let mut out = vec![[0.0; PANEL]; d_v.div_ceil(PANEL) * n_k];
    let (steps, whole) = (out.as_flattened_mut(), d_v / PANEL * PANEL);
    let mut to = 0;
    let mut column = 0;
    while column < whole {
        let mut at = column;
        for _ in 0..n_k {
            F32x4::at(v, at).put(steps, to);
            F32x4::at(v, at + FOUR).put(steps, to + FOUR);
            at += d_v;
            to += PANEL;
        }
        column += PANEL;
    }
    if whole < d_v {
        for (step, row) in steps[to..].chunks_exact_mut(PANEL).zip(v.chunks_exact(d_v)) {
            step[..d_v - whole].copy_from_slice(&row[whole..]);
        }
    }
    out
}

/// A group of query rows (`[rows, d]`) interleaved to `[d][rows]`, times `factor`.
pub fn queries(q: &[f32], d: usize, factor: f32, out: &mut [f32]) {
    turn(q, d, factor, out, q.len() / d);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_go_to_panels_with_zeros_past_the_last() {
        let k: Vec<f32> = (1..=27).map(|x| x as f32).collect();
        let packed = keys(&k, 3);
        assert_eq!(packed.len(), 2 * 3);
        assert_eq!(packed[0], [1.0, 4.0, 7.0, 10.0, 13.0, 16.0, 19.0, 22.0]);
        assert_eq!(packed[5], [27.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn values_go_to_panels_with_zeros_past_the_last_column() {
        let v: Vec<f32> = (0..20).map(|x| x as f32).collect();
        let packed = values(&v, 2, 10);
        assert_eq!(packed.len(), 2 * 2);
        assert_eq!(packed[1], [10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0]);
        assert_eq!(packed[2], [8.0, 9.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn every_number_finds_its_place_whatever_the_size() {
        for rows in 1..=20 {
            for d in 1..=13 {
                let x: Vec<f32> = (1..=rows * d).map(|x| x as f32).collect();
                let (packed, mut interleaved) = (keys(&x, d), vec![0.0; rows * d]);
                queries(&x, d, 0.5, &mut interleaved);
                for (i, row) in x.chunks(d).enumerate() {
                    for (j, &x) in row.iter().enumerate() {
                        assert_eq!(packed[i / PANEL * d + j][i % PANEL], x, "{rows} x {d}");
                        assert_eq!(interleaved[j * rows + i], 0.5 * x, "{rows} x {d}");
                    }
                }
            }
        }
    }

    #[test]
    fn queries_interleave_and_scale() {
        let mut out = [0.0; 6];
        queries(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2, 2.0, &mut out);
        assert_eq!(out, [2.0, 6.0, 10.0, 4.0, 8.0, 12.0]);
    }
}
