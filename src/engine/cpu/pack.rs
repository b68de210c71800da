//! Q, K and V in the order in which the products read them.

use super::gemm::{PANEL, Step};

/// K (`[n_k, d]`) in panels of eight keys, `[ceil(n_k / 8)][d][8]`; keys past the last are zero.
pub fn keys(k: &[f32], d: usize) -> Vec<Step> {
    let mut out = vec![[0.0; PANEL]; (k.len() / d).div_ceil(PANEL) * d];
    for (panel, rows) in out.chunks_exact_mut(d).zip(k.chunks(PANEL * d)) {
        for (j, row) in rows.chunks_exact(d).enumerate() {
            for (step, &x) in panel.iter_mut().zip(row) {
                step[j] = x;
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
    for (i, row) in q.chunks_exact(d).enumerate() {
        for (x, &q) in row.iter().enumerate() {
            out[x * rows + i] = q * factor;
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
    fn queries_interleave_and_scale() {
        let mut out = [0.0; 6];
        queries(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2, 2.0, &mut out);
        assert_eq!(out, [2.0, 6.0, 10.0, 4.0, 8.0, 12.0]);
    }
}
