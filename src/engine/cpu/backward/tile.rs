//! A block of queries beside one tile of keys: weights, and derivatives by the products.

use std::ops::Range;

use super::super::blocks::ROWS;
use super::super::gemm::{GROUP, KEYS, PANEL, Panels, RowBlock, Step};
use super::super::kernels::Kernels;
use super::super::lane::F32x4;
use super::super::pack;
use super::super::rules::{RuleRows, masked};
use super::super::weights::normalise;
use super::chain::{Capped, Chain};
use super::{Keys, Panel, Sources};
use crate::attention::gradients::Sums;
use crate::attention::{Coverage, Dims, Normaliser, Plan, RowRules};

/// A row of a tile: weights, or derivatives by scores.
pub const EMPTY: RowBlock = [[0.0; PANEL]; KEYS / PANEL];

/// A block of rows and what a tile of it gave.
pub struct Tile {
    rules: RuleRows,
    chain: Option<Chain>,
    /// Whether weights and derivatives by the scores are `Kernels::settle` where all that rules do to scores is a `Change`; and where formulas do more than that.
    settles: bool,
    in_calls: bool,
    /// `scale · Q` and dY of the rows, in groups, each interleaved.
    q_groups: Vec<f32>,
    dy_groups: Vec<f32>,
    /// The prepared queries, `[rows, d]`.
    pub q: Vec<f32>,
    /// Final weights and derivatives by the products, of every row.
    p: Vec<RowBlock>,
    ds: Vec<RowBlock>,
    /// For each group of rows the columns between which the mask leaves something; the same where it leaves nothing.
    spans: [(usize, usize); ROWS.div_ceil(GROUP)],
    /// For each row `Σ u · dP` and `Σ u`, with u what the normaliser's weights change by with the scores.
    pub means: Vec<[f64; 2]>,
    /// Columns of `p` and `ds`.
    p_turned: Vec<RowBlock>,
    ds_turned: Vec<RowBlock>,
}

/// Which cells, and what they are computed from.
#[derive(Clone, Copy)]
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
        let mut rules = RuleRows::new(plan, ROWS);
        // Then a row's formulas go back in one call each, after all rows of a group have settled.
        let in_calls = rules.keep(params) && plan.softcap.is_none();
        Self {
            rules,
            chain: formulas.then(|| Chain::new(plan, params)),
            settles: plan.exponential()
                && plan.probability.is_none()
                && (plan.scores_plain() || (in_calls || !params) && (plan.softcap.is_none() || plan.bias.is_empty())),
            in_calls,
            q_groups: vec![0.0; ROWS * d],
            dy_groups: vec![0.0; ROWS * d_v],
            q: Vec::with_capacity(ROWS * d),
            p: vec![EMPTY; ROWS],
            ds: vec![EMPTY; ROWS],
            spans: [(0, 0); ROWS.div_ceil(GROUP)],
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
        self.rules.stand(plan, batch, head, rows);
        self.means.fill([0.0; 2]);
    }

    /// Weights and derivatives by the products (the scale left out) of the rows that it stands on; 0 where masked and past the last key. The latter, times the keys, are added to
    /// `o`, `[groups][ceil(d / 8)]`. With `measure` nothing of that, but [`Tile::means`] are added to. Derivatives by parameters are added to `sums`, or left in [`Tile::finish`].
    pub fn compute(&mut self, cells: &Cells, measure: bool, mut sums: Option<&mut Sums>, mut o: Option<&mut [Panel]>) {
        let Cells { plan, kernels, packed, .. } = *cells;
        let Dims { n_k, d, d_v, .. } = plan.dims;
        let columns = d.div_ceil(PANEL);
        let rows = cells.lse.len();
        let changes = plan.scores_plain() || self.rules.change(plan).is_some();
        let settles = self.settles && !measure && (changes || self.in_calls);
        let (mut p, mut ds) = (std::mem::take(&mut self.p), std::mem::take(&mut self.ds));
        for from in (0..rows).step_by(GROUP) {
            let count = GROUP.min(rows - from);
            let mut allowed = [u64::MAX; GROUP];
            let (left, right) = self.allowed(cells, from, &mut allowed[..count]);
            self.spans[from / GROUP] = (left, right);
            if left == right {
                if !measure {
                    p[from..from + count].fill(EMPTY);
                    ds[from..from + count].fill(EMPTY);
                }
                continue;
            }
            let (k0, keys) = (cells.k0 + left, right - left);
            let narrow = Cells { k0, keys, ..*cells };
            let panels = |size: usize| k0 / PANEL * size..(k0 + keys).div_ceil(PANEL) * size;
            let (s, dp) = (&mut p[from..from + count], &mut ds[from..from + count]);
            // Of fewer panels the first ones are taken, and put in their place in the end.
            let whole = keys > KEYS - PANEL;
            if !whole {
                s.fill(EMPTY);
                dp.fill(EMPTY);
            }
            let (q, dy) = (&self.q_groups[from * d..][..count * d], &self.dy_groups[from * d_v..][..count * d_v]);
            (kernels.scores)(count, q, d, &packed.k[panels(d)], s);
            (kernels.scores)(count, dy, d_v, &packed.v[panels(d_v)], dp);
            if settles {
                self.rules.change_scores(kernels, plan, from..from + count, (k0, keys), s);
                let mut of = [[0.0; 2]; GROUP];
                for i in 0..count {
                    let lse = cells.lse[from + i];
                    // Less ∞ every score is −∞, and its weight 0.
                    let lse = if lse == f32::NEG_INFINITY { f32::INFINITY } else { lse };
                    of[i] = [lse, cells.delta[from + i]];
                    if cells.coverage == Coverage::Partial || !keys.is_multiple_of(PANEL) {
                        masked(&mut s[i], allowed[i] >> left, keys);
                    }
                }
                (kernels.settle)(s, dp, keys.div_ceil(PANEL), &of, plan.softcap);
                for i in if changes && sums.is_none() { 0..0 } else { 0..count } {
                    if let (Some(chain), Some(rules)) = (&mut self.chain, self.rules.of(from + i)) {
                        let by = &mut dp[i].as_flattened_mut()[..keys];
                        chain.scores(plan, rules, k0, &Capped::NONE, by, sums.as_deref_mut());
                    }
                }
            }
            for i in if settles { 0..0 } else { 0..count } {
                self.row(&narrow, from + i, allowed[i] >> left, &mut s[i], &mut dp[i], measure, sums.as_deref_mut());
            }
            if measure {
                continue;
            }
            if let Some(o) = &mut o {
                let o = &mut o[from / GROUP * columns..][..columns];
                let k_rows = Panels::packed(&packed.k_rows, n_k);
                (kernels.values)(count, dp, k_rows, k0, keys, &[1.0; GROUP], o);
            }
            if !whole {
                for i in 0..count {
                    place(&mut s[i], left / PANEL);
                    place(&mut dp[i], left / PANEL);
                }
            }
        }
        (self.p, self.ds) = (p, ds);
    }

    /// The columns of a tile between which the mask leaves something to a group of rows, the first a multiple of [`PANEL`]; and for each row a bit for each column.
    fn allowed(&mut self, cells: &Cells, from: usize, allowed: &mut [u64]) -> (usize, usize) {
        if cells.coverage != Coverage::Partial {
            allowed.fill(u64::MAX >> (KEYS - cells.keys));
            return (0, cells.keys);
        }
        let any = self.rules.allowed(cells.plan, from..from + allowed.len(), (cells.k0, cells.keys), allowed);
        if any == 0 {
            return (0, 0);
        }
        (any.trailing_zeros() as usize / PANEL * PANEL, KEYS - any.leading_zeros() as usize)
    }

    /// One row: `s` are its products, times the scale, and then its final weights; `dp` what is derived by these, and then by the products.
    fn row(
        &mut self,
        cells: &Cells,
        row: usize,
        allowed: u64,
        s: &mut RowBlock,
        dp: &mut RowBlock,
        measure: bool,
        mut sums: Option<&mut Sums>,
    ) {
        let Cells { plan, kernels, k0, keys, .. } = *cells;
        let mut capped = Capped::NONE;
        score(cells, self.rules.of(row), allowed, s, &mut capped, sums.is_some());
        let scores = *s;
        let mut u = EMPTY;
        weigh(kernels, plan, cells.lse[row], keys, s, &mut u);
        if let (Some(chain), Some(rules), true) = (&mut self.chain, self.rules.of(row), plan.probability.is_some()) {
            let (weights, by) = (s.as_flattened_mut(), dp.as_flattened_mut());
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
        let (u, ds) = (u.as_flattened(), dp.as_flattened_mut());
        if measure {
            let [mut sum, mut total] = self.means[row];
            for j in 0..keys {
                sum += f64::from(u[j]) * f64::from(ds[j]);
                total += f64::from(u[j]);
            }
            self.means[row] = [sum, total];
            return;
        }
        let delta = cells.delta[row];
        for j in 0..KEYS {
            ds[j] = u[j] * (ds[j] - delta);
        }
        if let (Some(chain), Some(rules)) = (&mut self.chain, self.rules.of(row)) {
            chain.scores(plan, rules, k0, &capped, &mut ds[..keys], sums);
        }
    }

    /// Adds what the tile gives to keys and values: `Σ dS Q`, `[groups of keys][ceil(d / 8)]`, and `Σ P dY`. `q` and `dy` are panels of columns, of `n` rows each, of which those
    /// that it stands on begin at `q0`.
    pub fn add_keys(
        &mut self,
        cells: &Cells,
        [q, dy]: [&[Step]; 2],
        n: usize,
        q0: usize,
        [o_k, o_v]: [&mut [Panel]; 2],
    ) {
        let Dims { d, d_v, .. } = cells.plan.dims;
        let (count, panels, panels_v) = (cells.lse.len(), d.div_ceil(PANEL), d_v.div_ceil(PANEL));
        transpose(&self.p, count, &mut self.p_turned);
        transpose(&self.ds, count, &mut self.ds_turned);
        for (i, from) in (0..cells.keys).step_by(GROUP).enumerate() {
            let to = cells.keys.min(from + GROUP);
            let (mut first, mut last) = (count, 0);
            for (group, (left, right)) in self.spans[..count.div_ceil(GROUP)].iter().enumerate() {
                if *left < to && from < *right {
                    first = first.min(group * GROUP);
                    last = count.min(group * GROUP + GROUP);
                }
            }
            if first >= last {
                continue;
            }
            if first > 0 {
                for row in self.p_turned[from..to].iter_mut().chain(&mut self.ds_turned[from..to]) {
                    row.as_flattened_mut().copy_within(first..last, 0);
                }
            }
            let (q0, rows, values) = (q0 + first, last - first, cells.kernels.values);
            let [q, dy] = [q, dy].map(|panels| Panels::packed(panels, n));
            let o = &mut o_v[i * panels_v..(i + 1) * panels_v];
            values(to - from, &self.p_turned[from..to], dy, q0, rows, &[1.0; GROUP], o);
            let o = &mut o_k[i * panels..(i + 1) * panels];
            values(to - from, &self.ds_turned[from..to], q, q0, rows, &[1.0; GROUP], o);
        }
    }

    /// Adds what is still held of derivatives by parameters.
    pub fn finish(&mut self, sums: &mut Sums) {
        if let Some(chain) = &mut self.chain {
            chain.finish(sums);
        }
    }
}

/// Turns the products of a row, times the scale, into masked scores, −∞ past the last key. `keep` says that scores before the cap are asked for.
fn score(cells: &Cells, rules: Option<&mut RowRules>, allowed: u64, s: &mut RowBlock, capped: &mut Capped, keep: bool) {
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
    rules.after_cap(plan, k0, &mut s.as_flattened_mut()[..keys]);
    if cells.coverage == Coverage::Partial {
        masked(s, allowed, keys);
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

/// Puts the panels of a row behind `skip` others, which are 0; as many fall off its end.
fn place(row: &mut RowBlock, skip: usize) {
    row.copy_within(..KEYS / PANEL - skip, skip);
    row[..skip].fill([0.0; PANEL]);
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

/// Appends `rows` rows of `size` numbers out of tiles `[groups][ceil(size / 8)]`, each times `factor`. Four at a time: the page is compiled for size.
pub fn write(tiles: &[[Step; GROUP]], rows: usize, size: usize, factor: f32, out: &mut Vec<f32>) {
    let (panels, tiles, factors) = (size.div_ceil(PANEL), tiles.as_flattened().as_flattened(), F32x4::splat(factor));
    let start = out.len();
    out.resize(start + rows * size, 0.0);
    let out = &mut out[start..];
    for row in 0..rows {
        let from = (row / GROUP * panels * GROUP + row % GROUP) * PANEL;
        let place = |x: usize| from + x / PANEL * GROUP * PANEL + x % PANEL;
        let mut x = 0;
        while x + 4 <= size {
            F32x4::at(tiles, place(x)).mul(factors).put(out, row * size + x);
            x += 4;
        }
        for x in x..size {
            out[row * size + x] = tiles[place(x)] * factor;
        }
    }
}
