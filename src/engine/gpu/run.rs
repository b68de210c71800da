//! Rows computed: those that are asked for, or all of them piece by piece.

use std::ops::Range;

use super::cut::Piece;
use super::error::GpuError;
use super::session::{Done, GpuSession, real};
use crate::attention::Dims;
use crate::engine::item::{Rows, RowsOut, TimedStage, Want};
use crate::experiment::message;

impl GpuSession {
    /// Computes query rows of heads, one [`RowsOut`] for each entry, in their order. Entries that follow each other and are all the queries
    /// of heads that follow each other go into common submissions of about 50 ms each; others are submitted one by one. The time of a
    /// submission is told with the first of its entries. A call that is not awaited to its end computes no more than the submission it is at.
    ///
    /// # Errors
    /// [`GpuError::Invalid`] for rows that are not there, before anything is computed; else what the GPU says.
    pub async fn run(&mut self, rows: &[Rows], want: Want) -> Result<Vec<RowsOut>, GpuError> {
        for rows in rows {
            self.there(rows)?;
        }
        let mut all = Vec::with_capacity(rows.len());
        while let Some(first) = rows.get(all.len()) {
            let (shard, units) = self.together(&rows[all.len()..], first);
            let mut unit = units.start;
            while unit < units.end {
                let start = all.len();
                let mut q = first.q.clone();
                all.push(RowsOut::default());
                while !q.is_empty() {
                    let piece = self.cut.piece(shard, unit..units.end, q.clone());
                    q.start = piece.q.end;
                    let mut parts = self.compute(&piece, want).await?.into_iter().map(|(_, part)| part);
                    // The rows of one head may take several pieces, a piece may hold several heads.
                    if let (Some(out), Some(part)) = (all.last_mut(), parts.next()) {
                        append(out, part);
                    }
                    all.extend(parts);
                }
                unit += all.len() - start;
            }
        }
        Ok(all)
    }

    /// Computes query rows of one head.
    ///
    /// # Errors
    /// As [`GpuSession::run`].
    pub async fn rows(&mut self, rows: &Rows, want: Want) -> Result<RowsOut, GpuError> {
        let mut all = self.run(std::slice::from_ref(rows), want).await?;
        Ok(all.pop().unwrap_or_default())
    }

    fn there(&self, rows: &Rows) -> Result<(), GpuError> {
        let Dims { batch, q_heads, n_q, .. } = self.plan.dims;
        if rows.batch >= batch || rows.head >= q_heads || rows.q.end > n_q || rows.q.start > rows.q.end {
            return Err(GpuError::Invalid(message!("there are no rows {rows:?}", "没有这些行：{rows:?}")));
        }
        Ok(())
    }

    /// How many of the first entries one submission may hold: their shard and their units.
    fn together(&self, rows: &[Rows], first: &Rows) -> (usize, Range<usize>) {
        let Dims { q_heads, n_q, .. } = self.plan.dims;
        let unit = |rows: &Rows| rows.batch * q_heads + rows.head;
        let start = unit(first);
        let shard = self.shard_of(start);
        let end = self.shards.get(shard).map_or(start, |shard| shard.units.end);
        let all = 0..n_q;
        let whole = (start..end).zip(rows).take_while(|(expected, rows)| unit(rows) == *expected && rows.q == all);
        (shard, start..start + whole.count().max(1))
    }

    /// The next piece of a whole run, about 50 ms of it: rows of one or several heads. `None` when all rows were computed; the call after
    /// that begins again. Whoever stops calling has cancelled the run.
    ///
    /// # Errors
    /// What the GPU says.
    pub async fn next(&mut self, want: Want) -> Result<Option<Vec<(Rows, RowsOut)>>, GpuError> {
        let (shard, unit, q) = self.cursor;
        let Some(units) = self.shards.get(shard).map(|shard| shard.units.clone()) else {
            self.restart();
            return Ok(None);
        };
        let n_q = self.plan.dims.n_q;
        let piece = self.cut.piece(shard, unit.max(units.start)..units.end, q..n_q);
        let parts = self.compute(&piece, want).await?;
        self.cursor = if piece.q.end < n_q {
            (shard, piece.units.start, piece.q.end)
        } else if piece.units.end < units.end {
            (shard, piece.units.end, 0)
        } else {
            (shard + 1, 0, 0)
        };
        Ok(Some(parts))
    }

    /// Makes [`GpuSession::next`] begin with the first row.
    pub fn restart(&mut self) {
        self.cursor = (0, 0, 0);
    }

    /// Computes a piece.
    async fn compute(&mut self, piece: &Piece, want: Want) -> Result<Vec<(Rows, RowsOut)>, GpuError> {
        let start = (self.clock)();
        let mut done =
            if self.materialised() { self.materialise(piece, want).await? } else { self.stream(piece, want).await? };
        let waited = (self.clock)() - start;
        // What the GPU itself took, where it tells; else all there was.
        let kernels: f64 = done.times.0.iter().sum();
        self.cut.took(piece, if kernels > 0.0 { kernels } else { waited });
        done.times.add(TimedStage::Prepare, std::mem::take(&mut self.prepared));
        Ok(self.parts(piece, want, done))
    }

    /// Cuts a piece's results into its units, and remembers the log-sum-exp.
    fn parts(&mut self, piece: &Piece, want: Want, done: Done) -> Vec<(Rows, RowsOut)> {
        let Dims { q_heads, n_k, d_v, .. } = self.plan.dims;
        let mut times = Some(done.times);
        let rows = piece.q.len();
        let mut parts = Vec::with_capacity(piece.units.len());
        for (i, unit) in piece.units.clone().enumerate() {
            let at = Rows { batch: unit / q_heads, head: unit % q_heads, q: piece.q.clone() };
            let mut out = RowsOut { times: times.take().unwrap_or_default(), ..RowsOut::default() };
            out.y.reserve_exact(rows * d_v);
            for row in i * rows..(i + 1) * rows {
                let width = d_v.next_multiple_of(4);
                out.y.extend_from_slice(&done.y[row * width..row * width + d_v]);
                let [lse, entropy, peak, key] = [0, 1, 2, 3].map(|j| done.statistics[4 * row + j]);
                out.lse.push(real(lse));
                out.empty_rows += u32::from(real(lse) == f32::NEG_INFINITY);
                if want.stats {
                    out.entropy.push(entropy);
                    out.peak.push(peak);
                    out.peak_at.push(if key < 0.0 { u32::MAX } else { key as u32 });
                }
                if !done.matrix.is_empty() {
                    let stride = n_k.next_multiple_of(4);
                    out.matrix.extend_from_slice(&done.matrix[row * stride..row * stride + n_k]);
                }
            }
            let start = self.plan.dims.row_start(at.batch, at.head) + at.q.start;
            self.lse[start..start + rows].copy_from_slice(&out.lse);
            parts.push((at, out));
        }
        parts
    }
}

fn append(all: &mut RowsOut, part: RowsOut) {
    let RowsOut { y, lse, entropy, peak, peak_at, matrix, empty_rows, times } = part;
    all.y.extend(y);
    all.lse.extend(lse);
    all.entropy.extend(entropy);
    all.peak.extend(peak);
    all.peak_at.extend(peak_at);
    all.matrix.extend(matrix);
    all.empty_rows += empty_rows;
    all.times.merge(&times);
}
