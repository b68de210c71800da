//! One direction of a derivation, piece by piece.

use std::ops::Range;

use super::super::cut::{Cut, Piece};
use super::super::error::GpuError;
use super::super::job::Job;
use super::super::memory::floats;
use super::super::program::Masks;
use super::super::recorder::Recorder;
use super::super::session::groups;
use super::super::streaming::Height;
use super::super::tiles::{TILE_KEYS, TILE_ROWS};
use super::{GpuBackward, Pass};
use crate::attention::Dims;
use crate::engine::item::TimedStage;

/// Most bytes of mask bits that go along with a submission.
const MOST_BITS: usize = 32 << 20;

impl GpuBackward {
    /// dQ of a shard's heads, appended to `dq`; or the means of their rows, which stay on the GPU. The milliseconds of the kernels.
    pub(super) async fn by_queries(&mut self, shard: usize, pass: Pass, dq: &mut Vec<f32>) -> Result<f64, GpuError> {
        let Dims { n_q, n_k, d, d_v, .. } = self.plan.dims;
        let units = self.shards[shard].shard.units.clone();
        let (width, bit_row) = (d.next_multiple_of(4), n_k.div_ceil(32));
        let products = if pass == Pass::Totals { d + d_v } else { 2 * d + d_v };
        let mut row_bytes = 4 * width;
        if self.program.program.masks() == Masks::Bits {
            row_bytes = row_bytes.max(4 * bit_row * 2);
        }
        let mut cut = Cut::of(self.rate, (n_k * products) as f64 * self.live(shard), row_bytes);
        let (mut unit, mut q, mut ms) = (units.start, 0, 0.0);
        while unit < units.end && n_q > 0 {
            let piece = cut.piece(shard, unit..units.end, q..n_q);
            let height = self.heights[0].of_piece(piece.q.len());
            let bits = self.bits(&piece.units, &piece.q, &(0..n_k), shard);
            let mut job = self.job(shard, false, piece.units.start, &piece.q);
            job.bit_row = bit_row as u32;
            let across = groups(piece.q.end, height.rows()) - (piece.q.start / height.rows()) as u32;
            let at = [across, piece.units.len() as u32, self.program.blocks(pass, height)];
            let bytes = if pass == Pass::Totals { 0 } else { (4 * piece.rows() * width) as u64 };
            let what = Submission { pass, height, at, bytes, clears: false, reads: bytes > 0 };
            let (read, took) = self.submit(shard, job, &bits, what).await?;
            rows_of(&read, d, dq);
            cut.tried(&piece, took);
            self.learn(&mut cut, piece.rows() as f64 * (n_k * products) as f64 * self.live(shard), took);
            ms += took;
            (unit, q) = next(&piece, n_q);
        }
        Ok(ms)
    }

    /// dK and dV of a shard's heads, appended. The milliseconds of the kernels.
    pub(super) async fn by_keys(
        &mut self,
        shard: usize,
        dk: &mut Vec<f32>,
        dv: &mut Vec<f32>,
    ) -> Result<f64, GpuError> {
        let Dims { q_heads, kv_heads, n_q, n_k, d, d_v, .. } = self.plan.dims;
        let group = q_heads / kv_heads.max(1);
        let units = self.shards[shard].shard.units.clone();
        let kv = units.start / group..units.end / group;
        let [width, width_v] = [d, d_v].map(|size| size.next_multiple_of(4));
        // Of one key with one query.
        let pair = 2.0 * (d + d_v) as f64 * self.live(shard);
        // Queries are divided where a piece would take too long.
        let mut cut = Cut::of(self.rate, (group * n_q) as f64 * pair, 4 * (width + width_v)).by_tiles();
        let (mut head, mut k, mut ms) = (kv.start, 0, 0.0);
        while head < kv.end && n_k > 0 {
            let wanted = if self.program.program.masks() == Masks::Bits { head + 1 } else { kv.end };
            let piece = cut.piece(shard, head..wanted, k..n_k);
            let height = self.heights[1].of_piece(piece.q.len());
            let tiles = piece.q.start / TILE_KEYS * TILE_KEYS..piece.q.end.next_multiple_of(TILE_KEYS).min(n_k);
            let across = groups(piece.q.end, height.rows()) - (piece.q.start / height.rows()) as u32;
            let at = [across, piece.units.len() as u32, self.program.blocks(Pass::Keys, height)];
            let dv_at = piece.rows() * width;
            let bytes = 4 * (dv_at + piece.rows() * width_v);
            let chunks = self.chunks(&piece, group, pair);
            let last = chunks.len().saturating_sub(1);
            for (i, (heads, q)) in chunks.into_iter().enumerate() {
                let units = piece.units.start * group + heads.start..(piece.units.end - 1) * group + heads.end;
                let bits = self.bits(&units, &q, &tiles, shard);
                let mut job = self.job(shard, true, units.start, &q);
                (job.k, job.keys, job.heads) = (piece.q.start as u32, piece.q.len() as u32, heads.len() as u32);
                job.dv = (dv_at / 4) as u32;
                (job.bits_from, job.bit_row) = (tiles.start as u32, tiles.len().div_ceil(32) as u32);
                let what =
                    Submission { pass: Pass::Keys, height, at, bytes: bytes as u64, clears: i == 0, reads: i == last };
                let (read, took) = self.submit(shard, job, &bits, what).await?;
                if i == last {
                    let (of_k, of_v) = read.split_at(dv_at.min(read.len()));
                    rows_of(of_k, d, dk);
                    rows_of(of_v, d_v, dv);
                }
                if last == 0 {
                    cut.tried(&piece, took);
                }
                self.learn(&mut cut, (piece.rows() * heads.len() * q.len()) as f64 * pair, took);
                ms += took;
            }
            (head, k) = next(&piece, n_k);
        }
        Ok(ms)
    }

    /// The query heads of a group, and the queries, that are visited by one submission after the other for the keys of a piece: all of them, where they
    /// take no longer than a submission should; else some heads, or some queries of one. Only a piece of one group is divided.
    fn chunks(&self, piece: &Piece, group: usize, pair: f64) -> Vec<(Range<usize>, Range<usize>)> {
        let n_q = self.plan.dims.n_q;
        let cut = Cut::of(self.rate, pair, 1);
        // A little more than is wanted is no reason for another submission.
        let mut most = (1.5 * cut.work() / (pair * piece.rows().max(1) as f64)) as usize;
        if self.program.program.masks() == Masks::Bits {
            most = most.min(MOST_BITS / (4 * (piece.q.len() + TILE_KEYS).div_ceil(32)));
        }
        if piece.units.len() > 1 || most >= group * n_q {
            return vec![(0..group, 0..n_q)];
        }
        let heads = most / n_q.max(1);
        if heads > 0 {
            return (0..group).step_by(heads).map(|from| (from..(from + heads).min(group), 0..n_q)).collect();
        }
        let queries = (most / TILE_ROWS).max(1) * TILE_ROWS;
        let parts = |head| (0..n_q).step_by(queries).map(move |from| (head..head + 1, from..(from + queries).min(n_q)));
        (0..group).flat_map(parts).collect()
    }

    /// The share of the score matrix in live tiles.
    fn live(&self, shard: usize) -> f64 {
        let tiles = &self.shards[shard].shard.tiles;
        if self.plan.masked() { tiles.live_share().max(1e-3) } else { 1.0 }
    }

    /// The job of queries `q` of heads from `unit` on.
    fn job(&self, shard: usize, by_keys: bool, unit: usize, q: &Range<usize>) -> Job {
        let side = &self.shards[shard];
        let words = if by_keys { side.by_keys.len() } else { side.shard.tiles.words().len() };
        Job {
            bound_unit: side.shard.units.start as u32,
            unit: unit as u32,
            q: q.start as u32,
            rows: q.len() as u32,
            bits: words as u32,
            ..Job::new(&self.plan, &self.program.program)
        }
    }

    /// Mask bits, where the CPU evaluates the masks. `keys` begin at a tile.
    fn bits(&self, units: &Range<usize>, q: &Range<usize>, keys: &Range<usize>, shard: usize) -> Vec<u32> {
        if self.program.program.masks() != Masks::Bits {
            return Vec::new();
        }
        let cols = keys.start / TILE_KEYS..keys.end.div_ceil(TILE_KEYS);
        self.shards[shard].shard.tiles.bits(&self.plan, units.clone(), q.clone(), cols)
    }

    fn learn(&mut self, cut: &mut Cut, work: f64, ms: f64) {
        if !self.held {
            cut.learn(work, ms);
            self.rate = cut.rate();
        }
    }

    /// One submission; what it read, and its milliseconds.
    async fn submit(
        &mut self,
        shard: usize,
        job: Job,
        bits: &[u32],
        what: Submission,
    ) -> Result<(Vec<f32>, f64), GpuError> {
        let Submission { pass, height, at, bytes, clears, reads } = what;
        let text = self.program.text(pass, height);
        let pipeline = self.gpu.pipeline(&text.name, &text.text).await?;
        let side = &self.shards[shard];
        let by_keys = pass == Pass::Keys;
        let words = if by_keys { &side.by_keys } else { side.shard.tiles.words() };
        self.scratch.tiles(&self.gpu, 2 * shard + usize::from(by_keys), words, bits).await?;
        self.scratch.room(&self.gpu, bytes, 0, 0, 0).await?;
        let group = self.scratch.bind_with(&self.gpu, &side.shard, &[job], &side.rows, &side.dy);
        let mut recorder = Recorder::new(&self.gpu);
        if clears {
            recorder.clear(&self.scratch.outputs, bytes);
        }
        recorder.pass(TimedStage::Kernel, &pipeline, &group, 0, at);
        if reads {
            recorder.read(&self.scratch.outputs, bytes);
        }
        let start = (self.clock)();
        let recorded = recorder.finish(self.clock).await?;
        let kernel = recorded.times.of(TimedStage::Kernel);
        // A clock that is too coarse to see a kernel says 0: then all that was waited for is the better figure.
        let ms = if kernel > 0.0 { kernel } else { (self.clock)() - start };
        Ok((recorded.read.first().map(|bytes| floats(bytes)).unwrap_or_default(), ms))
    }
}

/// What one submission does: which kernel, over which workgroups; bytes of its outputs, whether they are set to 0 before and read afterwards.
struct Submission {
    pass: Pass,
    height: Height,
    at: [u32; 3],
    bytes: u64,
    clears: bool,
    reads: bool,
}

/// Where the piece after this one begins: unit and row, of `rows` rows each.
fn next(piece: &Piece, rows: usize) -> (usize, usize) {
    if piece.q.end < rows { (piece.units.start, piece.q.end) } else { (piece.units.end, 0) }
}

/// Appends rows of `size` numbers that are padded to whole vec4s.
fn rows_of(padded: &[f32], size: usize, out: &mut Vec<f32>) {
    for row in padded.chunks_exact(size.next_multiple_of(4).max(1)) {
        out.extend_from_slice(&row[..size]);
    }
}
