//! Q, K and V in the order in which the products read them.

use super::gemm::{GROUP, PANEL, Step};
use super::lane::F32x4;

/// K (`[n_k, d]`) in panels of eight keys, `[ceil(n_k / 8)][d][8]`; keys past the last are zero.
pub fn keys(k: &[f32], d: usize) -> Vec<Step> {
    let mut out = vec![[0.0; PANEL]; (k.len() / d).div_ceil(PANEL) * d];
    for (panel, rows) in out.chunks_exact_mut(d).zip(k.chunks(PANEL * d)) {
        let whole = if rows.len() == PANEL * d { turned(rows, d, panel) } else { 0 };
        for (j, row) in rows.chunks_exact(d).enumerate() {
            for (step, &x) in panel.iter_mut().zip(row).skip(whole) {
                step[j] = x;
            }
        }
    }
    out
}

/// Eight rows into a panel, four columns at a time; how many columns are done, all but what is left of them by fours.
fn turned(rows: &[f32], d: usize, panel: &mut [Step]) -> usize {
    let (low, high) = rows.split_at(4 * d);
    for (half, rows) in [low, high].into_iter().enumerate() {
        let (steps, _) = panel.as_chunks_mut::<4>();
        let mut columns = four(rows, d);
        for steps in steps {
            let Some(rows) = columns.next() else { break };
            for (step, column) in steps.iter_mut().zip(F32x4::transposed(rows)) {
                column.store(&mut step.as_chunks_mut::<4>().0[half]);
            }
        }
    }
    d / 4 * 4
}

/// Four rows of `d` numbers, four columns at a time.
fn four(rows: &[f32], d: usize) -> impl Iterator<Item = [F32x4; 4]> {
    let (a, rest) = rows.split_at(d);
    let (b, rest) = rest.split_at(d);
    let (c, e) = rest.split_at(d);
    let chunks = |row| <[f32]>::as_chunks::<4>(row).0.iter();
    let (a, b, c, e) = (chunks(a), chunks(b), chunks(c), chunks(e));
    a.zip(b).zip(c.zip(e)).map(|((a, b), (c, e))| [a, b, c, e].map(F32x4::load))
}

/// The right side of `gemm::values`: rows in panels of eight columns, `[panels][pitch][8]`.
#[derive(Debug, Default)]
pub struct Panels {
    /// Panels, one behind the other.
    pub steps: Vec<Step>,
    /// Rows from one panel to the next: those that there are, and some that nobody reads.
    pub pitch: usize,
}

/// Rows from one panel to the next. Panels a power of two apart would have their rows in the same sets of a first cache: eight panels of 64 rows and the keys
/// beside them no longer fit there. Sixteen rows more, 512 bytes, and eight panels divide 4096 bytes, the span of the sets, among them.
fn pitch(rows: usize) -> usize {
    const SETS: usize = 128;
    if rows >= SETS && rows.is_multiple_of(SETS / 2) { rows + SETS / 8 } else { rows }
}

/// V (`[n_k, d_v]`) in panels of eight columns; columns past the last are zero.
pub fn values(v: &[f32], n_k: usize, d_v: usize) -> Panels {
    let pitch = pitch(n_k);
    let mut out = vec![[0.0; PANEL]; d_v.div_ceil(PANEL) * pitch];
    for (p, panel) in out.chunks_exact_mut(pitch.max(1)).enumerate() {
        for (step, row) in panel.iter_mut().zip(v.chunks_exact(d_v)) {
            let row = &row[p * PANEL..];
            // Where the length is known it is two registers; a copy of any length is a call that costs more than eight numbers.
            match row.first_chunk() {
                Some(whole) => *step = *whole,
                None => step[..row.len()].copy_from_slice(row),
            }
        }
    }
    Panels { steps: out, pitch }
}

/// A group of query rows (`[rows, d]`) interleaved to `[d][rows]`, times `factor`.
pub fn queries(q: &[f32], d: usize, factor: f32, out: &mut [f32]) {
    let rows = q.len() / d;
    let whole = if rows == GROUP { grouped(q, d, factor, out) } else { 0 };
    for (i, row) in q.chunks_exact(d).enumerate() {
        for (x, &q) in row.iter().enumerate().skip(whole) {
            out[x * rows + i] = q * factor;
        }
    }
}

/// As [`turned`], of a whole group: four rows together, and the rest beside them.
fn grouped(q: &[f32], d: usize, factor: f32, out: &mut [f32]) -> usize {
    const REST: usize = GROUP - 4;
    let factor = F32x4::splat(factor);
    let (first, rest) = q.split_at(4 * d);
    let (steps, _) = out.as_chunks_mut::<GROUP>();
    let (fours, _) = steps.as_chunks_mut::<4>();
    for (at, (steps, rows)) in fours.iter_mut().zip(four(first, d)).enumerate() {
        let others: [[f32; 4]; REST] = std::array::from_fn(|i| {
            let row = &rest[i * d..(i + 1) * d];
            row.as_chunks::<4>().0.get(at).map_or([0.0; 4], |x| F32x4::load(x).mul(factor).to_array())
        });
        for (x, (step, column)) in steps.iter_mut().zip(F32x4::transposed(rows)).enumerate() {
            let (whole, left) = step.split_at_mut(4);
            if let Some(whole) = whole.first_chunk_mut() {
                column.mul(factor).store(whole);
            }
            left.iter_mut().zip(&others).for_each(|(left, row)| *left = row[x]);
        }
    }
    d / 4 * 4
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
        let Panels { steps, pitch } = values(&v, 2, 10);
        assert_eq!((steps.len(), pitch), (2 * 2, 2));
        assert_eq!(steps[1], [10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0]);
        assert_eq!(steps[2], [8.0, 9.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn eight_panels_of_a_tile_lie_in_sets_of_their_own() {
        for rows in [128, 192, 512, 960, 1024, 2048, 65_536] {
            let bytes = pitch(rows) * size_of::<Step>();
            let mut starts: Vec<usize> = (0..8).map(|panel| panel * bytes % 4096).collect();
            starts.sort_unstable();
            assert_eq!(starts, (0..8).map(|at| at * 512).collect::<Vec<_>>(), "{rows} rows");
        }
        let v: Vec<f32> = (0..192 * 16).map(|x| x as f32).collect();
        let Panels { steps, pitch } = values(&v, 192, 16);
        assert_eq!((steps.len(), steps[pitch][0], steps[2 * pitch - 17][7]), (2 * 208, 8.0, 3071.0));
    }

    #[test]
    fn whole_groups_and_panels_are_turned_as_single_numbers_are() {
        for d in (1..=13).chain([64, 67]) {
            let x: Vec<f32> = (0..PANEL * d).map(|x| x as f32 + 0.5).collect();
            let packed = keys(&x, d);
            assert!((0..PANEL).all(|j| (0..d).all(|c| packed[c][j] == x[j * d + c])), "{d}");
            let mut out = vec![0.0; GROUP * d];
            queries(&x[..GROUP * d], d, 2.0, &mut out);
            assert!((0..GROUP).all(|i| (0..d).all(|c| out[c * GROUP + i] == 2.0 * x[i * d + c])), "{d}");
        }
    }

    #[test]
    fn queries_interleave_and_scale() {
        let mut out = [0.0; 6];
        queries(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2, 2.0, &mut out);
        assert_eq!(out, [2.0, 6.0, 10.0, 4.0, 8.0, 12.0]);
    }
}
