//! Attention without the score matrix: blocks of query rows meet blocks of keys, tile by live tile, with a running maximum and sum per row
//! (online softmax; Milakov and Gimelshein 2018, Dao et al. 2022).

use super::blocks::{Blocks, ROWS};
use super::gemm::{GROUP, GroupBlock, KEYS, PANEL, Step};
use super::kernels::Kernels;
use super::lane::F32x4;
use super::map;
use super::materialised::Table;
use super::softmax::Running;
use super::weights::{Spread, weights};
use crate::attention::{Coverage, Inputs, Plan, Threshold};
use crate::engine::item::{Clock, Engine, MapRequest, Rows, RowsOut, TimedStage, Want};

/// One pass over the keys; two where a probability formula needs the sum first, none for the sum where the normaliser has none.
pub struct Streaming {
    blocks: Blocks,
    state: State,
    table: Table,
}

/// State of the current block of rows.
pub(super) struct State {
    s: GroupBlock,
    running: [Running; ROWS],
    spread: [Spread; ROWS],
    lse: [f32; ROWS],
    /// Whether a row has met a key that is allowed.
    any: [bool; ROWS],
    /// Outputs `[groups][ceil(d_v / 8)]`.
    o: Vec<[Step; GROUP]>,
    live: Vec<(usize, Coverage)>,
}

impl State {
    pub(super) fn new(plan: &Plan) -> Self {
        let dims = plan.dims;
        Self {
            s: [[[0.0; PANEL]; KEYS / PANEL]; GROUP],
            running: [Running::START; ROWS],
            spread: [Spread::START; ROWS],
            lse: [0.0; ROWS],
            any: [false; ROWS],
            o: vec![[[0.0; PANEL]; GROUP]; ROWS.min(dims.n_q).div_ceil(GROUP) * dims.d_v.div_ceil(PANEL)],
            live: Vec::with_capacity(dims.n_k.div_ceil(KEYS)),
        }
    }

    /// Running maxima and sums of the block that `blocks` stands on, first query `q0`; with `VALUES` the outputs too, up to a factor.
    fn online<const STATS: bool, const VALUES: bool>(&mut self, plan: &Plan, blocks: &mut Blocks, q0: usize) {
        let n_k = plan.dims.n_k;
        let panels = plan.dims.d_v.div_ceil(PANEL);
        self.running = [Running::START; ROWS];
        self.o.fill([[0.0; PANEL]; GROUP]);
        blocks.live(q0, &mut self.live);
        for &(col, coverage) in &self.live {
            let tile = (col * KEYS, KEYS.min(n_k - col * KEYS));
            let mut groups = blocks.groups();
            if VALUES && !STATS && blocks.meets(plan) && coverage != Coverage::Partial && tile.1.is_multiple_of(PANEL) {
                groups.start = blocks.meet(plan, tile, &mut self.s, &mut self.running, &mut self.o);
            }
            for group in groups {
                let Some((k0, keys)) = blocks.masked_scores(plan, group, tile, coverage, &mut self.s) else { continue };
                let rows = blocks.group(group);
                let mut keep = [1.0; GROUP];
                let panels_k = keys.div_ceil(PANEL);
                if STATS {
                    for (i, row) in rows.clone().enumerate() {
                        keep[i] = self.running[row].take::<true>(blocks.kernels, &mut self.s[i][..panels_k], k0);
                    }
                } else {
                    let s = &mut self.s[..rows.len()];
                    (blocks.kernels.soften)(s, panels_k, &mut self.running[rows.clone()], &mut keep);
                }
                if VALUES {
                    let o = &mut self.o[group * panels..(group + 1) * panels];
                    (blocks.kernels.values)(rows.len(), &self.s, blocks.v(plan), k0, keys, &keep, o);
                }
            }
        }
    }

    /// Log-sum-exp of the rows `blocks` stands on, into `lse`.
    pub(super) fn sums(&mut self, plan: &Plan, blocks: &mut Blocks, head: usize, q0: usize, lse: &mut [f32]) {
        self.online::<false, false>(plan, blocks, q0);
        for (lse, running) in lse.iter_mut().zip(&self.running) {
            *lse = running.lse(plan.sink_of(head));
        }
        if !plan.exponential() {
            self.thresholds(plan, blocks, q0, lse);
        }
    }

    /// Thresholds of the rows, whose largest scores are known: a pass over the keys for each of Newton's steps, until every row is done.
    fn thresholds(&mut self, plan: &Plan, blocks: &mut Blocks, q0: usize, into: &mut [f32]) {
        let start = |running: &Running| {
            // The sum says what the largest score does not: that one of them is NaN.
            Threshold::start(plan.normaliser, if running.sum.is_nan() { f32::NAN } else { running.max })
        };
        let mut searches: Vec<Threshold> = self.running[..into.len()].iter().filter_map(start).collect();
        let mut searching = searches.iter().any(|search| !search.is_done());
        blocks.live(q0, &mut self.live);
        while searching {
            for &(col, coverage) in &self.live {
                let tile = (col * KEYS, KEYS.min(plan.dims.n_k - col * KEYS));
                for group in blocks.groups() {
                    let Some((_, keys)) = blocks.masked_scores(plan, group, tile, coverage, &mut self.s) else {
                        continue;
                    };
                    for (i, row) in blocks.group(group).enumerate() {
                        if let Some(search) = searches.get_mut(row) {
                            search.add(&self.s[i].as_flattened()[..keys]);
                        }
                    }
                }
            }
            searching = false;
            for search in &mut searches {
                searching |= !search.step();
            }
        }
        for (into, search) in into.iter_mut().zip(&searches) {
            *into = search.tau();
        }
    }

    /// Outputs from final weights: for normalisers without a sum, and for probability formulas after [`State::sums`].
    fn weighted(&mut self, plan: &Plan, blocks: &mut Blocks, q0: usize, stats: bool) {
        let n_k = plan.dims.n_k;
        let panels = plan.dims.d_v.div_ceil(PANEL);
        self.any = [false; ROWS];
        self.spread = [Spread::START; ROWS];
        self.o.fill([[0.0; PANEL]; GROUP]);
        blocks.live(q0, &mut self.live);
        for &(col, coverage) in &self.live {
            let tile = (col * KEYS, KEYS.min(n_k - col * KEYS));
            for group in blocks.groups() {
                let Some((k0, keys)) = blocks.masked_scores(plan, group, tile, coverage, &mut self.s) else { continue };
                let rows = blocks.group(group);
                for (i, row) in rows.clone().enumerate() {
                    let s = &mut self.s[i];
                    self.any[row] |= s.as_flattened()[..keys].iter().any(|&s| s != f32::NEG_INFINITY);
                    weights(blocks.kernels, plan, blocks.rules(row), self.lse[row], k0, keys, s);
                    if stats {
                        self.spread[row].take(k0, &s.as_flattened()[..keys]);
                    }
                }
                let o = &mut self.o[group * panels..(group + 1) * panels];
                (blocks.kernels.values)(rows.len(), &self.s, blocks.v(plan), k0, keys, &[1.0; GROUP], o);
            }
        }
    }

    /// Outputs of the rows, each times its factor, in their place. Four at a time: every output passes here, and the page is compiled for size.
    fn write(&self, d_v: usize, factor: impl Fn(usize) -> f32, y: &mut [f32]) {
        let (panels, whole) = (d_v.div_ceil(PANEL), d_v / PANEL * PANEL);
        let o = self.o.as_flattened().as_flattened();
        for row in 0..y.len() / d_v {
            let factor = factor(row);
            let factors = F32x4::splat(factor);
            let mut from = (row / GROUP * panels * GROUP + row % GROUP) * PANEL;
            let (mut to, end) = (row * d_v, row * d_v + whole);
            while to < end {
                F32x4::at(o, from).mul(factors).put(y, to);
                F32x4::at(o, from + 4).mul(factors).put(y, to + 4);
                to += PANEL;
                from += GROUP * PANEL;
            }
            if whole < d_v {
                y[end..end + d_v - whole].iter_mut().zip(&o[from..]).for_each(|(out, o)| *out = o * factor);
            }
        }
    }

    /// Computes the rows that `blocks` stands on: those after the rows that `out` tells of.
    fn block(
        &mut self,
        plan: &Plan,
        blocks: &mut Blocks,
        head: usize,
        q0: usize,
        rows: usize,
        stats: bool,
        out: &mut RowsOut,
    ) {
        let d_v = plan.dims.d_v;
        let y = out.lse.len() * d_v..(out.lse.len() + rows) * d_v;
        // Of each block by itself: what is about to be written stays in the cache. Compiled for size, `resize` is a loop over single numbers.
        out.y.reserve(y.len());
        // SAFETY: there is room for so many more, and zeros are numbers.
        unsafe {
            out.y.as_mut_ptr().add(y.start).write_bytes(0, y.len());
            out.y.set_len(y.end);
        }
        let sink = plan.sink_of(head);
        if plan.online() {
            if stats {
                self.online::<true, true>(plan, blocks, q0);
            } else {
                self.online::<false, true>(plan, blocks, q0);
            }
            self.write(d_v, |row| self.running[row].factor(sink), &mut out.y[y]);
            for running in &self.running[..rows] {
                out.lse.push(running.lse(sink));
                out.empty_rows += u32::from(running.nothing());
                if stats {
                    out.entropy.push(running.entropy());
                    // The largest score stands for e^0 = 1.
                    out.peak.push(running.factor(sink));
                    out.peak_at.push(running.peak_at);
                }
            }
        } else {
            if plan.sums() {
                let mut lse = [0.0; ROWS];
                self.sums(plan, blocks, head, q0, &mut lse);
                self.lse = lse;
            }
            self.weighted(plan, blocks, q0, stats);
            self.write(d_v, |_| 1.0, &mut out.y[y]);
            for row in 0..rows {
                let lse = if plan.sums() { self.lse[row] } else { 0.0 };
                out.lse.push(if self.any[row] { lse } else { f32::NEG_INFINITY });
                out.empty_rows += u32::from(!self.any[row]);
                if stats {
                    out.entropy.push(self.spread[row].entropy());
                    out.peak.push(self.spread[row].peak);
                    out.peak_at.push(self.spread[row].peak_at);
                }
            }
        }
    }
}

impl Streaming {
    /// An engine for `plan`.
    pub fn new(plan: &Plan, kernels: &'static Kernels) -> Self {
        Self { blocks: Blocks::new(plan, kernels), state: State::new(plan), table: Table::default() }
    }
}

/// `q` cut where rows of tiles end.
pub(super) fn row_blocks(q: std::ops::Range<usize>) -> impl Iterator<Item = std::ops::Range<usize>> {
    let mut from = q.start;
    std::iter::from_fn(move || {
        let to = ((from / ROWS + 1) * ROWS).min(q.end);
        let block = from..to;
        from = to;
        (block.start < block.end).then_some(block)
    })
}

impl Engine for Streaming {
    fn kernel(&self) -> &'static str {
        self.blocks.kernels.streaming
    }

    fn rows(&mut self, plan: &Plan, inputs: &Inputs, rows: &Rows, want: Want, clock: Clock) -> RowsOut {
        let mut out = RowsOut { y: Vec::with_capacity(rows.q.len() * plan.dims.d_v), ..RowsOut::default() };
        let start = clock();
        self.blocks.prepare(plan, inputs, rows.batch, rows.head);
        let prepared = clock();
        out.times.add(TimedStage::Prepare, prepared - start);
        for q in row_blocks(rows.q.clone()) {
            let (q0, count) = (q.start, q.len());
            self.blocks.stand(plan, inputs, rows.batch, q, plan.scale);
            self.state.block(plan, &mut self.blocks, rows.head, q0, count, want.stats, &mut out);
        }
        let computed = clock();
        out.times.add(TimedStage::Kernel, computed - prepared);
        if want.matrix.is_some() {
            // The kernel above never holds the matrix: it is computed beside it, row by row.
            let matrix = Want { stats: false, ..want };
            out.matrix = self.table.rows(plan, inputs, &mut self.blocks, rows, matrix, clock).matrix;
            out.times.add(TimedStage::Picture, clock() - computed);
        }
        out
    }

    fn map(&mut self, plan: &Plan, inputs: &Inputs, request: &MapRequest, lse: &mut [f32], out: &mut [f32]) {
        map::draw(plan, inputs, &mut self.blocks, &mut self.state, request, lse, out);
    }
}
