//! Gradients of softmax attention without the score matrix (FlashAttention-2; Dao 2023, algorithm 2): weights are computed again from the rows' log-sum-exp.
//!
//! With `P = e^(S − lse)`, `dP = dY Vᵀ` and `D = rowsum(dY ∘ Y)`, the derivative by the scores is `dS = P ∘ (dP − D)`, times the slope of the softcap; then
//! `dQ = dS K`, `dK = dSᵀ Q` and `dV = Pᵀ dY`. Two passes, one over blocks of queries for dQ and one over blocks of keys for dK and dV, so that no two
//! items add to the same number; the second forms the scores again. All products are those of `gemm`, a tile of the transposed ones at a time.

use std::ops::Range;

use super::blocks::ROWS;
use super::gemm::{GROUP, GroupBlock, KEYS, PANEL, RowBlock, Step};
use super::kernels::Kernels;
use super::pack;
use super::streaming::row_blocks;
use crate::attention::{Coverage, Dims, Inputs, Plan, RowRules, TileMap};
use crate::formula::Sorted;

/// A row of a tile: weights, or derivatives by scores.
const EMPTY: RowBlock = [[0.0; PANEL]; KEYS / PANEL];

/// K and V of one head in the orders in which the passes read them.
struct Keys {
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
pub struct Sources<'a> {
    /// The problem: a softmax, formulas that only add to the score, no probability formula.
    pub plan: &'a Plan,
    /// Finite Q, K and V.
    pub inputs: &'a Inputs,
    /// Derivatives by the output, `[batch, q_heads, n_q, d_v]`.
    pub dy: &'a [f32],
    /// The output.
    pub y: &'a [f32],
    /// Log-sum-exp of the rows, `[batch, q_heads, n_q]`.
    pub lse: &'a [f32],
}

/// Computes gradients block by block; packed tensors and tile maps stay between blocks.
pub struct Backward<'a> {
    from: Sources<'a>,
    kernels: &'static Kernels,
    /// `Σ dY · Y` of each row.
    delta: Vec<f32>,
    keys: Option<Keys>,
    queries: Vec<Queries>,
    maps: Sorted<(usize, usize), TileMap>,
    /// One for each row of a block.
    rules: Vec<RowRules>,
    /// Rows of the block it stands on, in groups, each interleaved: `scale · Q` and dY.
    q_groups: Vec<f32>,
    dy_groups: Vec<f32>,
    /// Weights and derivatives by scores of a tile.
    p: Vec<RowBlock>,
    ds: Vec<RowBlock>,
}

impl<'a> Backward<'a> {
    /// Scratch; nothing is computed yet but the sums of rows.
    pub fn new(from: Sources<'a>, kernels: &'static Kernels) -> Self {
        let plan = from.plan;
        let Dims { d, d_v, .. } = plan.dims;
        let rows = from.dy.chunks_exact(d_v.max(1)).zip(from.y.chunks_exact(d_v.max(1)));
        let delta = rows.map(|(dy, y)| dy.iter().zip(y).map(|(a, b)| f64::from(a * b)).sum::<f64>() as f32).collect();
        let formulas = !plan.scores_plain() || plan.masked();
        Self {
            kernels,
            delta,
            keys: None,
            queries: Vec::new(),
            maps: Sorted::new(),
            rules: if formulas { (0..ROWS).map(|_| RowRules::new(plan, KEYS)).collect() } else { Vec::new() },
            q_groups: vec![0.0; ROWS * d],
            dy_groups: vec![0.0; ROWS * d_v],
            p: vec![EMPTY; ROWS],
            ds: vec![EMPTY; ROWS],
            from,
        }
    }

    /// dQ of rows `q` of a head, `[rows, d]`.
    pub fn queries(&mut self, batch: usize, head: usize, q: Range<usize>) -> Vec<f32> {
        let plan = self.from.plan;
        let Dims { n_k, d, .. } = plan.dims;
        self.prepare(batch, head);
        let panels = d.div_ceil(PANEL);
        let mut out = Vec::with_capacity(q.len() * d);
        for rows in row_blocks(q.clone()) {
            self.stand(batch, head, rows.clone());
            let mut o = vec![[[0.0; PANEL]; GROUP]; rows.len().div_ceil(GROUP) * panels];
            let live: Vec<_> = self.map(batch, head).live(rows.start / ROWS).collect();
            for (col, coverage) in live {
                let (k0, keys) = (col * KEYS, KEYS.min(n_k - col * KEYS));
                self.tile(batch, head, rows.clone(), (k0, keys), coverage);
                let Some(packed) = &self.keys else { continue };
                for (ds, o) in self.ds[..rows.len()].chunks(GROUP).zip(o.chunks_exact_mut(panels)) {
                    (self.kernels.values)(ds.len(), ds, &packed.k_rows, n_k, k0, keys, &[1.0; GROUP], o);
                }
            }
            write(&o, rows.len(), d, plan.scale, &mut out);
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
        for k0 in k.clone().step_by(KEYS) {
            let keys = KEYS.min(k.end - k0);
            let mut o_k = vec![[[0.0; PANEL]; GROUP]; keys.div_ceil(GROUP) * panels];
            let mut o_v = vec![[[0.0; PANEL]; GROUP]; keys.div_ceil(GROUP) * panels_v];
            for (at, &head) in heads.iter().enumerate() {
                self.prepare(batch, head);
                for q0 in (0..n_q).step_by(ROWS) {
                    let coverage = self.map(batch, head).coverage(q0 / ROWS, k0 / KEYS);
                    if coverage == Coverage::Empty {
                        continue;
                    }
                    let rows = q0..(q0 + ROWS).min(n_q);
                    self.stand(batch, head, rows.clone());
                    self.tile(batch, head, rows.clone(), (k0, keys), coverage);
                    let count = rows.len();
                    let (p, ds) = (transposed(&self.p[..count], keys), transposed(&self.ds[..count], keys));
                    let Some(of) = self.queries.get(at) else { continue };
                    let values = self.kernels.values;
                    for (p, o) in p.chunks(GROUP).zip(o_v.chunks_exact_mut(panels_v)) {
                        values(p.len(), p, &of.dy, n_q, q0, count, &[1.0; GROUP], o);
                    }
                    for (ds, o) in ds.chunks(GROUP).zip(o_k.chunks_exact_mut(panels)) {
                        values(ds.len(), ds, &of.q, n_q, q0, count, &[1.0; GROUP], o);
                    }
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

    /// Stands on rows of a head, at most [`ROWS`].
    fn stand(&mut self, batch: usize, head: usize, rows: Range<usize>) {
        let Sources { plan, inputs, dy, .. } = self.from;
        let Dims { d, d_v, .. } = plan.dims;
        let mut q = vec![0.0; rows.len() * d];
        plan.prepare_q(batch, rows.clone(), inputs.q_head(&plan.dims, batch, head), &mut q);
        for (q, out) in q.chunks(GROUP * d).zip(self.q_groups.chunks_mut(GROUP * d)) {
            pack::queries(q, d, plan.scale, out);
        }
        let start = plan.dims.row_start(batch, head) + rows.start;
        let dy = &dy[start * d_v..(start + rows.len()) * d_v];
        for (dy, out) in dy.chunks(GROUP * d_v).zip(self.dy_groups.chunks_mut(GROUP * d_v)) {
            pack::queries(dy, d_v, 1.0, out);
        }
        for (rules, q) in self.rules.iter_mut().zip(rows) {
            rules.begin_row(plan, batch, head, q);
        }
    }

    /// Weights and derivatives by the product (the scale left out) of the rows it stands on and the keys of one tile; 0 where masked and past the last key.
    fn tile(&mut self, batch: usize, head: usize, rows: Range<usize>, (k0, keys): (usize, usize), coverage: Coverage) {
        let plan = self.from.plan;
        let Dims { d, d_v, .. } = plan.dims;
        let Some(packed) = &self.keys else { return };
        let panels = |size: usize| k0 / PANEL * size..(k0 + keys).div_ceil(PANEL) * size;
        let start = plan.dims.row_start(batch, head) + rows.start;
        let steps = keys.div_ceil(PANEL);
        for from in (0..rows.len()).step_by(GROUP) {
            let count = GROUP.min(rows.len() - from);
            let mut s: GroupBlock = [EMPTY; GROUP];
            let mut dp: GroupBlock = [EMPTY; GROUP];
            let (q, dy) = (&self.q_groups[from * d..][..count * d], &self.dy_groups[from * d_v..][..count * d_v]);
            (self.kernels.scores)(count, q, d, &packed.k[panels(d)], &mut s);
            (self.kernels.scores)(count, dy, d_v, &packed.v[panels(d_v)], &mut dp);
            for i in 0..count {
                let (row, lse, delta) = (from + i, self.from.lse[start + from + i], self.delta[start + from + i]);
                let mut slopes = [1.0; KEYS];
                let rules = self.rules.get_mut(row);
                score(self.kernels, plan, rules, (k0, keys), coverage, &mut s[i], &mut slopes);
                if lse == f32::NEG_INFINITY {
                    s[i] = EMPTY;
                } else {
                    (self.kernels.weigh)(&mut s[i][..steps], lse);
                }
                s[i][steps..].fill([0.0; PANEL]);
                let (p, dp) = (s[i].as_flattened(), dp[i].as_flattened());
                let ds = self.ds[row].as_flattened_mut();
                for j in 0..KEYS {
                    ds[j] = p[j] * (dp[j] - delta) * slopes[j];
                }
                self.p[row] = s[i];
            }
        }
    }
}

/// Turns the products of a row, times the scale, into masked scores, −∞ past the last key; `slopes` are what they change by with the products.
fn score(
    kernels: &Kernels,
    plan: &Plan,
    rules: Option<&mut RowRules>,
    (k0, keys): (usize, usize),
    coverage: Coverage,
    s: &mut RowBlock,
    slopes: &mut [f32; KEYS],
) {
    let cells = s.as_flattened_mut();
    cells[keys..].fill(f32::NEG_INFINITY);
    let Some(rules) = rules else { return };
    rules.before_cap(plan, k0, &mut cells[..keys]);
    if let Some(cap) = plan.softcap {
        (kernels.cap)(s, cap);
    }
    let cells = s.as_flattened_mut();
    cells[keys..].fill(f32::NEG_INFINITY);
    let s = &mut cells[..keys];
    if let Some(cap) = plan.softcap {
        for (slope, s) in slopes.iter_mut().zip(&*s) {
            *slope = 1.0 - (s / cap) * (s / cap);
        }
    }
    rules.after_cap(plan, k0, s);
    if coverage == Coverage::Partial {
        let mut allowed = [1; KEYS];
        rules.mask(plan, k0, &mut allowed[..keys]);
        for (s, allowed) in s.iter_mut().zip(allowed) {
            *s = if allowed == 0 { f32::NEG_INFINITY } else { *s };
        }
    }
}

/// The columns of a tile's rows, as many as there are keys.
fn transposed(rows: &[RowBlock], keys: usize) -> Vec<RowBlock> {
    let mut out = vec![EMPTY; keys];
    for (i, row) in rows.iter().enumerate() {
        for (out, x) in out.iter_mut().zip(row.as_flattened()) {
            out[i / PANEL][i % PANEL] = *x;
        }
    }
    out
}

/// Appends `rows` rows of `size` numbers out of tiles `[groups][ceil(size / 8)]`, each times `factor`.
fn write(tiles: &[[Step; GROUP]], rows: usize, size: usize, factor: f32, out: &mut Vec<f32>) {
    let panels = size.div_ceil(PANEL);
    for row in 0..rows {
        let tiles = &tiles[row / GROUP * panels..][..panels];
        out.extend((0..size).map(|x| tiles[x / PANEL][row % GROUP][x % PANEL] * factor));
    }
}
