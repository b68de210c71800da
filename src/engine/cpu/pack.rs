//! Q, K and V in the order in which the products read them.

use super::gemm::{PANEL, Step};
use super::lane::F32x4;

/// Columns that are turned at a time.
const FOUR: usize = 4;

/// Four numbers from `at` on, which are there.
#[inline(always)]
fn four(x: &[f32], at: usize) -> F32x4 {
    match x[at..].first_chunk() {
        Some(four) => F32x4::load(four),
        None => F32x4::splat(0.0),
    }
}

/// The same columns of four rows of `d` from `at` on, each as four numbers of its own.
#[inline(always)]
fn turned(x: &[f32], d: usize, at: usize) -> (F32x4, F32x4, F32x4, F32x4) {
    F32x4::transposed(four(x, at), four(x, at + d), four(x, at + 2 * d), four(x, at + 3 * d))
}

#[inline(always)]
fn put(step: &mut Step, low: F32x4, high: F32x4) {
    let (halves, _) = step.as_chunks_mut::<4>();
    low.store(&mut halves[0]);
    high.store(&mut halves[1]);
}

/// K (`[n_k, d]`) in panels of eight keys, `[ceil(n_k / 8)][d][8]`; keys past the last are zero.
pub fn keys(k: &[f32], d: usize) -> Vec<Step> {
    let mut out = vec![[0.0; PANEL]; (k.len() / d).div_ceil(PANEL) * d];
    for (panel, rows) in out.chunks_exact_mut(d).zip(k.chunks(PANEL * d)) {
        let whole = if rows.len() == PANEL * d { d / FOUR * FOUR } else { 0 };
        let mut x = 0;
        for steps in panel[..whole].as_chunks_mut::<FOUR>().0 {
            let (a, b, c, e) = turned(rows, d, x);
            let (f, g, h, i) = turned(rows, d, x + FOUR * d);
            put(&mut steps[0], a, f);
            put(&mut steps[1], b, g);
            put(&mut steps[2], c, h);
            put(&mut steps[3], e, i);
            x += FOUR;
        }
        if whole < d {
            for (j, row) in rows.chunks_exact(d).enumerate() {
                for (step, &x) in panel[whole..].iter_mut().zip(&row[whole..]) {
                    step[j] = x;
                }
            }
        }
    }
    out
}

/// V (`[n_k, d_v]`) in panels of eight columns, `[ceil(d_v / 8)][n_k][8]`; columns past the last are zero.
pub fn values(v: &[f32], n_k: usize, d_v: usize) -> Vec<Step> {
    let mut out = vec![[0.0; PANEL]; d_v.div_ceil(PANEL) * n_k];
    for (p, panel) in out.chunks_exact_mut(n_k).enumerate() {
        for (step, row) in panel.iter_mut().zip(v.chunks_exact(d_v)) {
            let row = &row[p * PANEL..];
            // Where the length is known it is two registers; a copy of any length is a call that costs more than eight numbers.
            match row.first_chunk() {
                Some(whole) => *step = *whole,
                None => step[..row.len()].copy_from_slice(row),
            }
        }
    }
    out
}

/// A group of query rows (`[rows, d]`) interleaved to `[d][rows]`, times `factor`.
pub fn queries(q: &[f32], d: usize, factor: f32, out: &mut [f32]) {
    let rows = q.len() / d;
    let (turn, whole) = if rows < FOUR { (0, 0) } else { (FOUR, d / FOUR * FOUR) };
    let factors = F32x4::splat(factor);
    let mut put = |x: usize, column: F32x4| {
        if let Some(four) = out[x * rows..].first_chunk_mut() {
            column.mul(factors).store(four);
        }
    };
    let mut x = 0;
    while x < whole {
        let (a, b, c, e) = turned(q, d, x);
        put(x, a);
        put(x + 1, b);
        put(x + 2, c);
        put(x + 3, e);
        x += FOUR;
    }
    for (i, row) in q.chunks_exact(d).enumerate() {
        let from = if i < turn { whole } else { 0 };
        let mut at = from * rows + i;
        for &q in &row[from..] {
            out[at] = q * factor;
            at += rows;
        }
    }
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
