//! A block of queries beside one tile of keys: weights, and derivatives by the products.

use std::ops::Range;

use super::super::blocks::ROWS;
use super::super::gemm::{GROUP, GroupBlock, KEYS, PANEL, RowBlock, Step};
use super::super::kernels::Kernels;
use super::super::lane::F32x4;
use super::super::pack;
use super::super::weights::normalise;
use super::chain::{Capped, Chain};
use super::{Keys, Sources};
use crate::attention::gradients::Sums;
use crate::attention::{Coverage, Dims, Normaliser, Plan, RowRules};

/// A row of a tile: weights, or derivatives by scores.
pub const EMPTY: RowBlock = [[0.0; PANEL]; KEYS / PANEL];

/// A block of rows and what a tile of it gave.
pub struct Tile {
    /// One for each row; none where no formula is read.
    rules: Vec<RowRules>,
    chain: Option<Chain>,
    /// `scale · Q` and dY of the rows, in groups, each interleaved.
    q_groups: Vec<f32>,
    dy_groups: Vec<f32>,
    /// The prepared queries, `[rows, d]`.
    pub q: Vec<f32>,
    /// Final weights and derivatives by the products, of every row.
    pub p: Vec<RowBlock>,
    pub ds: Vec<RowBlock>,
    /// For each row `Σ u · dP` and `Σ u`, with u what the normaliser's weights change by with the scores.
    pub means: Vec<[f64; 2]>,
    /// Columns of `p` and `ds`.
    pub p_turned: Vec<RowBlock>,
    pub ds_turned: Vec<RowBlock>,
}

/// Which cells, and what they are computed from.
pub struct Cells<'a> {
    pub plan: &'a Plan,
    pub kernels: &'static Kernels,
    pub packed: &'a Keys,
    /// Of the rows.
    pub lse: &'a [f32],
    /// Of the rows, what `dP` is measured against.
    pub delta: &'a [f32],
    /// First key.
    pub k0: usize,
    /// How many, at most [`KEYS`].
    pub keys: usize,
    pub coverage: Coverage,
}

impl Tile {
    /// Scratch.
    pub fn new(plan: &Plan, params: bool) -> Self {
        let Dims { d, d_v, .. } = plan.dims;
        let formulas = !plan.scores_plain() || plan.probability.is_some();
        let rules = formulas || plan.masked();
        Self {
            rules: if rules { (0..ROWS).map(|_| RowRules::new(plan, KEYS)).collect() } else { Vec::new() },
            chain: formulas.then(|| Chain::new(plan, params)),
            q_groups: vec![0.0; ROWS * d],
            dy_groups: vec![0.0; ROWS * d_v],
            q: Vec::with_capacity(ROWS * d),
            p: vec![EMPTY; ROWS],
            ds: vec![EMPTY; ROWS],
            means: vec![[0.0; 2]; ROWS],
            p_turned: vec![EMPTY; KEYS],
            ds_turned: vec![EMPTY; KEYS],
        }
    }

    /// Stands on rows of a head, at most [`ROWS`].
    pub fn stand(&mut self, from: &Sources, batch: usize, head: usize, rows: Range<usize>) {
        let plan = from.plan;
        let Dims { d, d_v, .. } = plan.dims;
        self.q.clear();
        self.q.resize(rows.len() * d, 0.0);
        plan.prepare_q(batch, rows.clone(), from.inputs.q_head(&plan.dims, batch, head), &mut self.q);
        for (q, out) in self.q.chunks(GROUP * d).zip(self.q_groups.chunks_mut(GROUP * d)) {
            pack::queries(q, d, plan.scale, out);
        }
        let start = plan.dims.row_start(batch, head) + rows.start;
        let dy = &from.dy[start * d_v..(start + rows.len()) * d_v];
        for (dy, out) in dy.chunks(GROUP * d_v).zip(self.dy_groups.chunks_mut(GROUP * d_v)) {
            pack::queries(dy, d_v, 1.0, out);
        }
        for (rules, q) in self.rules.iter_mut().zip(rows) {
            rules.begin_row(plan, batch, head, q);
        }
        self.means.fill([0.0; 2]);
    }

    /// Weights and derivatives by the products (the scale left out) of the rows that it stands on; 0 where masked and past the last key. With
    /// `measure` nothing of that, but [`Tile::means`] are added to. Derivatives by parameters are added to `sums`, or left in [`Tile::finish`].
    pub fn compute(&mut self, cells: &Cells, measure: bool, mut sums: Option<&mut Sums>) {
        let Cells { plan, kernels, packed, k0, keys, .. } = *cells;
        let Dims { d, d_v, .. } = plan.dims;
        let panels = |size: usize| k0 / PANEL * size..(k0 + keys).div_ceil(PANEL) * size;
        let rows = cells.lse.len();
        for from in (0..rows).step_by(GROUP) {
            let count = GROUP.min(rows - from);
            let mut s: GroupBlock = [EMPTY; GROUP];
            let mut dp: GroupBlock = [EMPTY; GROUP];
            let (q, dy) = (&self.q_groups[from * d..][..count * d], &self.dy_groups[from * d_v..][..count * d_v]);
            (kernels.scores)(count, q, d, &packed.k[panels(d)], &mut s);
            (kernels.scores)(count, dy, d_v, &packed.v[panels(d_v)], &mut dp);
            for i in 0..count {
                self.row(cells, from + i, &mut s[i], &mut dp[i], measure, sums.as_deref_mut());
            }
        }
    }

    /// One row: `s` are its products, times the scale; `dp` what is derived by its final weights.
    fn row(
        &mut self,
        cells: &Cells,
        row: usize,
        s: &mut RowBlock,
        dp: &mut RowBlock,
        measure: bool,
        mut sums: Option<&mut Sums>,
    ) {
        let Cells { plan, kernels, k0, keys, .. } = *cells;
        let mut capped = Capped { before: EMPTY, tanh: [0.0; KEYS], slopes: [1.0; KEYS] };
        let rules = self.rules.get_mut(row);
        score(cells, rules, s, &mut capped, sums.is_some());
        let scores = *s;
        let mut u = EMPTY;
        weigh(kernels, plan, cells.lse[row], keys, s, &mut u);
        self.p[row] = *s;
        if let (Some(chain), Some(rules), true) = (&mut self.chain, self.rules.get_mut(row), plan.probability.is_some())
        {
            let (weights, by) = (self.p[row].as_flattened_mut(), dp.as_flattened_mut());
            rules.probability(plan, k0, &mut weights[..keys]);
            let scores = scores.as_flattened();
            for j in 0..KEYS {
                // What is masked has no weight, whatever the formula says of it.
                if scores[j] == f32::NEG_INFINITY {
                    (weights[j], by[j]) = (0.0, 0.0);
                }
            }
            chain.weights(rules, k0, &mut by[..keys], sums.as_deref_mut());
        }
        let (u, dp) = (u.as_flattened(), dp.as_flattened());
        if measure {
            let [mut sum, mut total] = self.means[row];
            for j in 0..keys {
                sum += f64::from(u[j]) * f64::from(dp[j]);
                total += f64::from(u[j]);
            }
            self.means[row] = [sum, total];
            return;
        }
        let delta = cells.delta[row];
        let ds = self.ds[row].as_flattened_mut();
        for j in 0..KEYS {
            ds[j] = u[j] * (dp[j] - delta);
        }
        if let (Some(chain), Some(rules)) = (&mut self.chain, self.rules.get(row)) {
            chain.scores(plan, rules, k0, &capped, &mut ds[..keys], sums);
        }
    }

    /// Turns rows to columns, as many as there are rows: into [`Tile::p_turned`] and [`Tile::ds_turned`].
    pub fn turn(&mut self, rows: usize) {
        transpose(&self.p, rows, &mut self.p_turned);
        transpose(&self.ds, rows, &mut self.ds_turned);
    }

    /// Adds what is still held of derivatives by parameters.
    pub fn finish(&mut self, sums: &mut Sums) {
        if let Some(chain) = &mut self.chain {
            chain.finish(sums);
        }
    }
}

/// Turns the products of a row, times the scale, into masked scores, −∞ past the last key. `keep` says that scores before the cap are asked for.
fn score(cells: &Cells, rules: Option<&mut RowRules>, s: &mut RowBlock, capped: &mut Capped, keep: bool) {
    let Cells { plan, kernels, k0, keys, .. } = *cells;
    let flat = s.as_flattened_mut();
    flat[keys..].fill(f32::NEG_INFINITY);
    let Some(rules) = rules else { return };
    rules.before_cap(plan, k0, &mut flat[..keys]);
    if let Some(cap) = plan.softcap {
        if keep {
            capped.before = *s;
        }
        (kernels.cap)(s, cap);
        let (flat, inverse) = (s.as_flattened_mut(), 1.0 / cap);
        flat[keys..].fill(f32::NEG_INFINITY);
        for j in 0..keys {
            let tanh = flat[j] * inverse;
            (capped.tanh[j], capped.slopes[j]) = (tanh, 1.0 - tanh * tanh);
        }
    }
    let s = &mut s.as_flattened_mut()[..keys];
    rules.after_cap(plan, k0, s);
    if cells.coverage == Coverage::Partial {
        let mut allowed = [1; KEYS];
        rules.mask(plan, k0, &mut allowed[..keys]);
        for j in 0..keys {
            if allowed[j] == 0 {
                s[j] = f32::NEG_INFINITY;
            }
        }
    }
}

/// Weights before any probability formula in place of masked scores, and into `u` what they change by with the scores, up to a factor of the row. Of a normaliser with a
/// sum `u` weighs the mean of `dP` that its derivative is measured against: Martins and Astudillo (2016), Peters et al. (2019).
fn weigh(kernels: &Kernels, plan: &Plan, lse: f32, keys: usize, s: &mut RowBlock, u: &mut RowBlock) {
    let steps = keys.div_ceil(PANEL);
    if plan.sums() && lse == f32::NEG_INFINITY {
        *s = EMPTY;
        return;
    }
    let relu = 2.0 / plan.dims.n_k as f32;
    let (of, flat) = (u.as_flattened_mut(), s.as_flattened());
    if plan.normaliser == Normaliser::SquaredRelu {
        for j in 0..keys {
            of[j] = relu * flat[j].max(0.0);
        }
    }
    normalise(kernels, plan, lse, &mut s[..steps]);
    s[steps..].fill([0.0; PANEL]);
    let p = s.as_flattened();
    match plan.normaliser {
        Normaliser::Softmax | Normaliser::OffByOne | Normaliser::Exponential => of.copy_from_slice(p),
        Normaliser::Sigmoid => {
            for j in 0..keys {
                of[j] = p[j] * (1.0 - p[j]);
            }
        }
        Normaliser::Sparsemax => {
            for j in 0..keys {
                of[j] = f32::from(p[j] > 0.0);
            }
        }
        Normaliser::Entmax => {
            for j in 0..keys {
                of[j] = p[j].sqrt();
            }
        }
        Normaliser::SquaredRelu => {}
    }
}

#[inline(always)]
fn four(row: &RowBlock, at: usize) -> F32x4 {
    let (halves, _) = row[at / PANEL].as_chunks::<4>();
    F32x4::load(&halves[at % PANEL / 4])
}

#[inline(always)]
fn put(row: &mut RowBlock, at: usize, x: F32x4) {
    let (halves, _) = row[at / PANEL].as_chunks_mut::<4>();
    x.store(&mut halves[at % PANEL / 4]);
}

/// The columns of the first `count` rows of a tile, four by four; what stands in a column past them is not read.
fn transpose(rows: &[RowBlock], count: usize, out: &mut [RowBlock]) {
    const { assert!(ROWS.is_multiple_of(4) && ROWS <= KEYS) };
    let mut i = 0;
    while i < count {
        let mut j = 0;
        while j < KEYS {
            let (a, b) = (four(&rows[i], j), four(&rows[i + 1], j));
            let (c, d) = (four(&rows[i + 2], j), four(&rows[i + 3], j));
            let (a, b, c, d) = F32x4::transposed(a, b, c, d);
            put(&mut out[j], i, a);
            put(&mut out[j + 1], i, b);
            put(&mut out[j + 2], i, c);
            put(&mut out[j + 3], i, d);
            j += 4;
        }
        i += 4;
    }
}

/// Appends `rows` rows of `size` numbers out of tiles `[groups][ceil(size / 8)]`, each times `factor`.
pub fn write(tiles: &[[Step; GROUP]], rows: usize, size: usize, factor: f32, out: &mut Vec<f32>) {
    let panels = size.div_ceil(PANEL);
    for row in 0..rows {
        let tiles = &tiles[row / GROUP * panels..][..panels];
        for x in 0..size {
            out.push(tiles[x / PANEL][row % GROUP][x % PANEL] * factor);
        }
    }
}
