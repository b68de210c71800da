//! Gradients of attention without the score matrix (FlashAttention-2; Dao 2023, algorithm 2): weights are computed again from the rows' log-sum-exp (or threshold).
//!
//! With weights `P` of scores `S`, `dP = dY Vᵀ` and `u` what weights change by with scores (`P` itself of a softmax), the derivative by the scores is `dS = u ∘ (dP − D)`. `D` is the
//! mean of `dP` in its row: `rowsum(dY ∘ Y)` of a softmax, found by a pass over the row where a probability formula or another normaliser stands between. `dS` goes back
//! through the formulas and the softcap to the products; then `dQ = dS K`, `dK = dSᵀ Q` and `dV = Pᵀ dY`.
//!
//! A head of keys and values with its query heads is taken in one pass over blocks of queries, five products where a run has two. Where there are fewer such heads than
//! workers, two passes take their place, one over blocks of queries for dQ and one over blocks of keys for dK and dV, so that no two items add to the same number; the second forms
//! the scores again, which makes seven. Both sum in the same order: a gradient has the same bits whoever computes it.
//!
//! | file | what it holds |
//! |---|---|
//! | `mod` | parts of the gradients, packed tensors, sums of rows |
//! | `tile` | a block of queries beside a tile of keys |
//! | `settle` | weights and derivatives by the scores in one pass; a formula between has its own function take them further |
//! | `chain` | formulas and softcap backwards |

mod chain;
#[cfg_attr(in_browser, allow(dead_code, reason = "the browser runs what is generated from the same plan"))]
mod settle;
mod tile;

use std::ops::Range;

use super::blocks::ROWS;
use super::gemm::{GROUP, KEYS, PANEL, Step};
use super::kernels::Kernels;
use super::pack;
use super::streaming::row_blocks;
use crate::attention::gradients::{Sums, by_sink};
use crate::attention::{Coverage, Dims, Inputs, Normaliser, Plan, TileMap};
use crate::formula::Sorted;
#[cfg(not(in_browser))]
pub(super) use settle::settle;
use tile::{Cells, Tile, write};

/// Numbers of a group of rows and of a panel's columns.
pub type Panel = [Step; GROUP];
const NOTHING: Panel = [[0.0; PANEL]; GROUP];

/// K and V of one head in the orders in which the passes read them.
pub struct Keys {
    of: (usize, usize),
    /// `[ceil(n_k / 8)][d][8]`.
    k: Vec<Step>,
    /// `[ceil(n_k / 8)][d_v][8]`.
    v: Vec<Step>,
    /// `[ceil(d / 8)][n_k][8]`.
    k_rows: Vec<Step>,
}

/// Q and dY of one query head as the second pass reads them.
struct Queries {
    of: (usize, usize),
    /// `[ceil(d / 8)][n_q][8]`.
    q: Vec<Step>,
    /// `[ceil(d_v / 8)][n_q][8]`.
    dy: Vec<Step>,
}

/// What gradients are computed from.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// The problem; for derivatives by parameters [`Plan::kept`].
    pub plan: &'a Plan,
    /// Finite Q, K and V.
    pub inputs: &'a Inputs,
    /// Derivatives by the output, `[batch, q_heads, n_q, d_v]`.
    pub dy: &'a [f32],
    /// The output.
    pub y: &'a [f32],
    /// Log-sum-exp of the rows (or their threshold), `[batch, q_heads, n_q]`.
    pub lse: &'a [f32],
    /// Whether derivatives by what the problem declares are wanted: those of [`Backward::group`] and [`Backward::queries`] add to them.
    pub params: bool,
}

/// A tile of keys beside a block of rows.
#[derive(Clone, Copy)]
struct Where {
    /// The first row, of all rows of all heads, and how many.
    at: usize,
    count: usize,
    /// The first key, and how many.
    k0: usize,
    keys: usize,
    coverage: Coverage,
}

impl Where {
    fn cells<'a>(self, from: &Sources<'a>, kernels: &'static Kernels, packed: &'a Keys, delta: &'a [f32]) -> Cells<'a> {
        let Self { at, count, k0, keys, coverage } = self;
        let (lse, delta) = (&from.lse[at..at + count], &delta[at..at + count]);
        Cells { plan: from.plan, kernels, packed, lse, delta, k0, keys, coverage }
    }
}

/// Computes gradients block by block; packed tensors and tile maps stay between blocks.
pub struct Backward<'a> {
    from: Sources<'a>,
    kernels: &'static Kernels,
    /// What `dP` is measured against in each row; where it has to be found by a pass over the row, only after that.
    delta: Vec<f32>,
    keys: Option<Keys>,
    queries: Vec<Queries>,
    maps: Sorted<(usize, usize), TileMap>,
    tile: Tile,
    /// Tiles of the row of tiles that it stands on.
    live: Vec<(usize, Coverage)>,
    sums: Option<Sums>,
}

/// Whether what `dP` is measured against takes a pass over the row; such a problem is computed by [`Backward::group`] alone.
pub fn measured(normaliser: Normaliser, probability: bool) -> bool {
    match normaliser {
        Normaliser::Softmax | Normaliser::OffByOne => probability,
        Normaliser::Sparsemax | Normaliser::Entmax => true,
        Normaliser::Sigmoid | Normaliser::SquaredRelu | Normaliser::Exponential => false,
    }
}

impl<'a> Backward<'a> {
    /// Scratch; nothing is computed yet but the sums of rows.
    pub fn new(from: Sources<'a>, kernels: &'static Kernels) -> Self {
        let plan = from.plan;
        let d_v = plan.dims.d_v.max(1);
        let mut delta = vec![0.0; from.lse.len()];
        if plan.sums() {
            let rows = from.dy.chunks_exact(d_v).zip(from.y.chunks_exact(d_v));
            for (delta, (dy, y)) in delta.iter_mut().zip(rows) {
                let mut sum = 0.0;
                for i in 0..d_v {
                    sum += f64::from(dy[i]) * f64::from(y[i]);
                }
                *delta = sum as f32;
            }
        }
        Self {
            kernels,
            delta,
            keys: None,
            queries: Vec::new(),
            maps: Sorted::new(),
            tile: Tile::new(plan, from.params),
            live: Vec::new(),
            sums: from.params.then(|| Sums::new(plan)),
            from,
        }
    }

    /// Derivatives by what the problem declares, summed over everything that was computed; nothing where they are not wanted.
    pub fn finish(mut self) -> Option<Sums> {
        if let Some(sums) = &mut self.sums {
            self.tile.finish(sums);
        }
        self.sums
    }

    /// dQ, `[heads, n_q, d]`, dK, `[n_k, d]`, and dV, `[n_k, d_v]`, of a head of keys and values and the query heads that read it.
    pub fn group(&mut self, batch: usize, kv_head: usize) -> [Vec<f32>; 3] {
        let plan = self.from.plan;
        let Dims { q_heads, n_q, n_k, d, d_v, .. } = plan.dims;
        let (panels, panels_v) = (d.div_ceil(PANEL), d_v.div_ceil(PANEL));
        let (tiles, per) = (n_k.div_ceil(KEYS), KEYS.div_ceil(GROUP));
        let mut o_k = vec![NOTHING; tiles * per * panels];
        let mut o_v = vec![NOTHING; tiles * per * panels_v];
        let mut o = vec![NOTHING; ROWS.div_ceil(GROUP) * panels];
        let mut dq = Vec::new();
        for head in (0..q_heads).filter(|&head| plan.dims.kv_head(head) == kv_head) {
            self.prepare(batch, head);
            let start = dq.len();
            for rows in row_blocks(0..n_q) {
                let (count, at) = (rows.len(), plan.dims.row_start(batch, head) + rows.start);
                self.tile.stand(&self.from, batch, head, rows.clone());
                let q_rows = pack::values(&self.tile.q, count, d);
                let dy_rows = pack::values(&self.from.dy[at * d_v..(at + count) * d_v], count, d_v);
                self.look(batch, head, rows.start / ROWS);
                self.measure(at, count);
                self.sink(head, at, count);
                o.fill(NOTHING);
                for i in 0..self.live.len() {
                    let (col, coverage) = self.live[i];
                    let (k0, keys) = (col * KEYS, KEYS.min(n_k - col * KEYS));
                    let of = Where { at, count, k0, keys, coverage };
                    self.compute(of, Some(&mut o));
                    let o_k = &mut o_k[col * per * panels..];
                    let o_v = &mut o_v[col * per * panels_v..];
                    self.add_keys(of, [&q_rows, &dy_rows], count, 0, [o_k, o_v]);
                }
                self.write_queries(&o, count, &mut dq);
            }
            if let Some(turns) = &plan.rotation {
                turns.turn_q_back(batch, 0..n_q, d, &mut dq[start..]);
            }
        }
        let [mut dk, mut dv] = [Vec::with_capacity(n_k * d), Vec::with_capacity(n_k * d_v)];
        for col in 0..tiles {
            let keys = KEYS.min(n_k - col * KEYS);
            write(&o_k[col * per * panels..], keys, d, plan.scale, &mut dk);
            write(&o_v[col * per * panels_v..], keys, d_v, 1.0, &mut dv);
        }
        if let Some(turns) = &plan.rotation {
            turns.turn_k_back(0..n_k, d, &mut dk);
        }
        [dq, dk, dv]
    }

    /// dQ of rows `q` of a head, `[rows, d]`.
    pub fn queries(&mut self, batch: usize, head: usize, q: Range<usize>) -> Vec<f32> {
        let plan = self.from.plan;
        let Dims { n_k, d, .. } = plan.dims;
        self.prepare(batch, head);
        let mut o = vec![NOTHING; ROWS.div_ceil(GROUP) * d.div_ceil(PANEL)];
        let mut out = Vec::with_capacity(q.len() * d);
        for rows in row_blocks(q.clone()) {
            let (count, at) = (rows.len(), plan.dims.row_start(batch, head) + rows.start);
            self.tile.stand(&self.from, batch, head, rows.clone());
            self.look(batch, head, rows.start / ROWS);
            self.sink(head, at, count);
            o.fill(NOTHING);
            for i in 0..self.live.len() {
                let (col, coverage) = self.live[i];
                let (k0, keys) = (col * KEYS, KEYS.min(n_k - col * KEYS));
                self.compute(Where { at, count, k0, keys, coverage }, Some(&mut o));
            }
            self.write_queries(&o, count, &mut out);
        }
        if let Some(turns) = &plan.rotation {
            turns.turn_q_back(batch, q, d, &mut out);
        }
        out
    }

    /// dK, `[keys, d]`, and dV, `[keys, d_v]`, of keys `k` of a head of keys and values: sums over the query heads that read it. `k` begins at a multiple of
    /// [`KEYS`].
    pub fn keys(&mut self, batch: usize, kv_head: usize, k: Range<usize>) -> [Vec<f32>; 2] {
        let plan = self.from.plan;
        let Dims { q_heads, n_q, d, d_v, .. } = plan.dims;
        let heads: Vec<usize> = (0..q_heads).filter(|&head| plan.dims.kv_head(head) == kv_head).collect();
        self.hold(batch, &heads);
        let (panels, panels_v) = (d.div_ceil(PANEL), d_v.div_ceil(PANEL));
        let [mut dk, mut dv] = [Vec::with_capacity(k.len() * d), Vec::with_capacity(k.len() * d_v)];
        let mut o_k = vec![NOTHING; KEYS.div_ceil(GROUP) * panels];
        let mut o_v = vec![NOTHING; KEYS.div_ceil(GROUP) * panels_v];
        for k0 in k.clone().step_by(KEYS) {
            let keys = KEYS.min(k.end - k0);
            o_k.fill(NOTHING);
            o_v.fill(NOTHING);
            for (at, &head) in heads.iter().enumerate() {
                self.prepare(batch, head);
                for q0 in (0..n_q).step_by(ROWS) {
                    let coverage = self.map(batch, head).coverage(q0 / ROWS, k0 / KEYS);
                    if coverage == Coverage::Empty {
                        continue;
                    }
                    let (rows, row) = (q0..(q0 + ROWS).min(n_q), plan.dims.row_start(batch, head) + q0);
                    let count = rows.len();
                    self.tile.stand(&self.from, batch, head, rows);
                    let of = Where { at: row, count, k0, keys, coverage };
                    self.compute(of, None);
                    let queries = std::mem::take(&mut self.queries);
                    if let Some(Queries { q, dy, .. }) = queries.get(at) {
                        self.add_keys(of, [q, dy], n_q, q0, [&mut o_k, &mut o_v]);
                    }
                    self.queries = queries;
                }
            }
            write(&o_k, keys, d, plan.scale, &mut dk);
            write(&o_v, keys, d_v, 1.0, &mut dv);
        }
        if let Some(turns) = &plan.rotation {
            turns.turn_k_back(k, d, &mut dk);
        }
        [dk, dv]
    }

    /// A tile beside the rows that it stands on. With room for dQ it counts for derivatives by parameters too.
    fn compute(&mut self, of: Where, o: Option<&mut [Panel]>) {
        let Some(packed) = &self.keys else { return };
        let cells = of.cells(&self.from, self.kernels, packed, &self.delta);
        self.tile.compute(&cells, false, self.sums.as_mut().filter(|_| o.is_some()), o);
    }

    /// Adds what that tile gives to keys and values: see [`Tile::add_keys`].
    fn add_keys(&mut self, of: Where, rows: [&[Step]; 2], n: usize, q0: usize, o: [&mut [Panel]; 2]) {
        let Some(packed) = &self.keys else { return };
        let cells = of.cells(&self.from, self.kernels, packed, &self.delta);
        self.tile.add_keys(&cells, rows, n, q0, o);
    }

    /// Finds what `dP` is measured against in the rows that it stands on, where that takes a pass over them.
    fn measure(&mut self, at: usize, rows: usize) {
        let plan = self.from.plan;
        if !measured(plan.normaliser, plan.probability.is_some()) {
            return;
        }
        let n_k = plan.dims.n_k;
        for i in 0..self.live.len() {
            let (col, coverage) = self.live[i];
            let of = Where { at, count: rows, k0: col * KEYS, keys: KEYS.min(n_k - col * KEYS), coverage };
            let Some(packed) = &self.keys else { return };
            let cells = of.cells(&self.from, self.kernels, packed, &self.delta);
            self.tile.compute(&cells, true, None, None);
        }
        for (delta, [sum, total]) in self.delta[at..at + rows].iter_mut().zip(&self.tile.means) {
            // The weights of a softmax add up to 1, what a sink takes among them.
            let total = if plan.exponential() { 1.0 } else { *total };
            *delta = if total > 0.0 { (sum / total) as f32 } else { 0.0 };
        }
    }

    /// What rows change by with the sink of their head.
    fn sink(&mut self, head: usize, at: usize, rows: usize) {
        let (Some(sums), Some(_)) = (&mut self.sums, &self.from.plan.sink) else { return };
        for row in at..at + rows {
            let lse = self.from.lse[row];
            if lse != f32::NEG_INFINITY && self.from.plan.exponential() {
                sums.sink[head] += by_sink(self.from.plan, head, lse.into(), self.delta[row].into());
            }
        }
    }

    /// Appends dQ of the rows that it stands on, before any rotation back; what it says of the scale goes to the sums: `Σ dS ∘ Q Kᵀ` is `Σ Q ∘ (dS K)`.
    fn write_queries(&mut self, o: &[Panel], rows: usize, out: &mut Vec<f32>) {
        let plan = self.from.plan;
        let start = out.len();
        write(o, rows, plan.dims.d, 1.0, out);
        let dq = &mut out[start..];
        if let Some(sums) = &mut self.sums {
            for (dq, q) in dq.iter().zip(&self.tile.q) {
                sums.scale += f64::from(*dq) * f64::from(*q);
            }
        }
        for dq in dq {
            *dq *= plan.scale;
        }
    }

    /// Packs K and V of a head, unless it did for the block before.
    fn prepare(&mut self, batch: usize, head: usize) {
        let Sources { plan, inputs, .. } = self.from;
        let Dims { n_k, d, d_v, .. } = plan.dims;
        let of = (batch, plan.dims.kv_head(head));
        if self.keys.as_ref().is_none_or(|keys| keys.of != of) {
            let mut k = vec![0.0; n_k * d];
            plan.prepare_k(0..n_k, inputs.k_head(&plan.dims, batch, head), &mut k);
            let v = pack::keys(inputs.v_head(&plan.dims, batch, head), d_v);
            self.keys = Some(Keys { of, k: pack::keys(&k, d), v, k_rows: pack::values(&k, n_k, d) });
        }
    }

    /// Packs Q and dY of the heads that read one head of keys, unless it did for the block before.
    fn hold(&mut self, batch: usize, heads: &[usize]) {
        let Sources { plan, inputs, dy, .. } = self.from;
        let Dims { n_q, d, d_v, .. } = plan.dims;
        if self.queries.iter().map(|queries| queries.of).eq(heads.iter().map(|&head| (batch, head))) {
            return;
        }
        let pack = |&head: &usize| {
            let mut q = vec![0.0; n_q * d];
            plan.prepare_q(batch, 0..n_q, inputs.q_head(&plan.dims, batch, head), &mut q);
            let start = plan.dims.row_start(batch, head) * d_v;
            let dy = pack::values(&dy[start..start + n_q * d_v], n_q, d_v);
            Queries { of: (batch, head), q: pack::values(&q, n_q, d), dy }
        };
        self.queries = heads.iter().map(pack).collect();
    }

    fn map(&mut self, batch: usize, head: usize) -> &TileMap {
        let plan = self.from.plan;
        self.maps.get_or_insert_with(plan.mask_key(batch, head), || plan.tiles(batch, head, ROWS, KEYS))
    }

    /// Finds the tiles of a row of tiles that hold a key.
    fn look(&mut self, batch: usize, head: usize, row: usize) {
        let mut live = std::mem::take(&mut self.live);
        live.clear();
        live.extend(self.map(batch, head).live(row));
        self.live = live;
    }
}
