//! Blocks of scores: what streaming, materialised and the pictures share. Packed tensors, tile maps and scratch live here between items.

use std::ops::Range;
use std::sync::Arc;

use super::gemm::{GROUP, GroupBlock, KEYS, PANEL, Panels, RowBlock, Step};
use super::kernels::Kernels;
use super::meet::Meeting;
use super::pack;
use super::rules::{RuleRows, masked};
use super::softmax::Running;
use crate::attention::cost::COLUMNS;
use crate::attention::{Coverage, Inputs, Plan, RowRules, TileMap};
use crate::formula::Sorted;

/// Query rows of a block: one row of tiles, whole groups of them. A block of K serves them all while it is in the cache.
pub const ROWS: usize = 8 * GROUP;

// What a run allocates is counted from its sizes, without this engine.
const _: () = assert!(PANEL == COLUMNS, "memory is counted for another width of panels");

/// K and V of one head, packed.
struct Packed {
    /// Empty where there is one query, which meets K by rows.
    k: Vec<Step>,
    /// The rows of K, where they are not those of the input; empty unless there is one query.
    k_rows: Vec<f32>,
    /// Empty where V is read as it lies.
    v: Vec<Step>,
}

/// The current block of query rows and everything that scores of it need.
pub struct Blocks {
    pub kernels: &'static Kernels,
    /// By `batch · kv_heads + kv_head`; heads that share K and V share an entry.
    packed: Vec<Option<Packed>>,
    /// V of all heads, where its columns are whole panels.
    values: Option<Arc<Vec<f32>>>,
    /// K of all heads as it came, where there is one query.
    keys: Option<Arc<Vec<f32>>>,
    /// By [`Plan::mask_key`].
    maps: Sorted<(usize, usize), TileMap>,
    rules: RuleRows,
    /// Prepared rows `[rows, d]`.
    queries: Vec<f32>,
    /// The same in groups, each interleaved to `[d][rows]`.
    groups: Vec<f32>,
    /// Where the current block stands.
    head: usize,
    kv: usize,
    map: (usize, usize),
    rows: usize,
}

impl Blocks {
    /// Scratch for `plan`; tensors are packed when an item first needs them.
    pub fn new(plan: &Plan, kernels: &'static Kernels) -> Self {
        let dims = plan.dims;
        let rows = ROWS.min(dims.n_q);
        Self {
            kernels,
            packed: (0..dims.batch * dims.kv_heads).map(|_| None).collect(),
            values: None,
            keys: None,
            maps: Sorted::new(),
            rules: RuleRows::new(plan, rows),
            queries: vec![0.0; rows * dims.d],
            groups: vec![0.0; rows * dims.d],
            head: 0,
            kv: 0,
            map: (0, 0),
            rows: 0,
        }
    }

    /// Packs K and V of a head and makes its tile map, unless an earlier item did.
    pub fn prepare(&mut self, plan: &Plan, inputs: &Inputs, batch: usize, head: usize) {
        let dims = plan.dims;
        self.head = head;
        self.kv = batch * dims.kv_heads + dims.kv_head(head);
        let plain = dims.d_v.is_multiple_of(PANEL);
        self.values = plain.then(|| inputs.v.clone());
        let one = dims.n_q == 1;
        self.keys = one.then(|| inputs.k.clone());
        self.packed[self.kv].get_or_insert_with(|| {
            let k_head = inputs.k_head(&dims, batch, head);
            let mut prepared = Vec::new();
            if plan.transforms() {
                prepared = vec![0.0; dims.n_k * dims.d];
                plan.prepare_k(0..dims.n_k, k_head, &mut prepared);
            }
            let (k, k_rows) = if one {
                (Vec::new(), prepared)
            } else {
                (pack::keys(if plan.transforms() { &prepared } else { k_head }, dims.d), Vec::new())
            };
            let pack = || pack::values(inputs.v_head(&dims, batch, head), dims.n_k, dims.d_v);
            Packed { k, k_rows, v: if plain { Vec::new() } else { pack() } }
        });
        self.map = plan.mask_key(batch, head);
        self.maps.get_or_insert_with(self.map, || plan.tiles(batch, head, ROWS, KEYS));
    }

    /// Stands on query rows `q` (at most [`ROWS`]) of the head last prepared; Q is multiplied by `factor`.
    pub fn stand(&mut self, plan: &Plan, inputs: &Inputs, batch: usize, q: Range<usize>, factor: f32) {
        let d = plan.dims.d;
        self.rows = q.len();
        let head = inputs.q_head(&plan.dims, batch, self.head);
        let queries = if plan.transforms() {
            let queries = &mut self.queries[..q.len() * d];
            plan.prepare_q(batch, q.clone(), head, queries);
            &*queries
        } else {
            &head[q.start * d..q.end * d]
        };
        for (rows, out) in queries.chunks(GROUP * d).zip(self.groups.chunks_mut(GROUP * d)) {
            pack::queries(rows, d, factor, out);
        }
        self.rules.stand(plan, batch, self.head, q);
    }

    /// Whether whole tiles go through [`Blocks::meet`].
    pub fn meets(&self, plan: &Plan) -> bool {
        plan.scores_plain() || self.rules.change(plan).is_some()
    }

    /// Groups of the current block, and the rows of group `group`.
    pub fn groups(&self) -> Range<usize> {
        0..self.rows.div_ceil(GROUP)
    }

    /// Rows of the current block in group `group`.
    pub fn group(&self, group: usize) -> Range<usize> {
        group * GROUP..((group + 1) * GROUP).min(self.rows)
    }

    /// Copies the live tiles of the row of tiles that holds query `q`, left to right.
    pub fn live(&self, q: usize, into: &mut Vec<(usize, Coverage)>) {
        into.clear();
        if let Some(map) = self.maps.get(&self.map) {
            into.extend(map.live(q / ROWS));
        }
    }

    /// Formulas of row `row` of the current block; there is none for a plan without formulas.
    pub fn rules(&mut self, row: usize) -> Option<&mut RowRules> {
        self.rules.of(row)
    }

    /// V of the head.
    pub fn v(&self, plan: &Plan) -> Panels<'_> {
        let (n_k, d_v) = (plan.dims.n_k, plan.dims.d_v);
        match (&self.values, &self.packed[self.kv]) {
            (Some(all), _) => Panels::plain(&all[self.kv * n_k * d_v..(self.kv + 1) * n_k * d_v], d_v),
            (None, Some(packed)) => Panels::packed(&packed.v, n_k),
            (None, None) => Panels::packed(&[], n_k),
        }
    }

    /// `factor · Q·K` of a group with `keys` keys from `k0` on (a multiple of [`PANEL`]), and nothing else.
    pub fn product(&self, plan: &Plan, group: usize, k0: usize, keys: usize, s: &mut [RowBlock]) {
        let d = plan.dims.d;
        let Some(packed) = &self.packed[self.kv] else { return };
        let rows = self.group(group);
        if let Some(all) = &self.keys {
            let size = plan.dims.n_k * d;
            let k =
                if packed.k_rows.is_empty() { &all[self.kv * size..(self.kv + 1) * size] } else { &packed.k_rows[..] };
            let s = s[0].as_flattened_mut();
            (self.kernels.dots)(&self.groups[..d], &k[k0 * d..(k0 + keys) * d], &mut s[..keys]);
            s[keys..].fill(0.0);
            return;
        }
        let panels = &packed.k[k0 / PANEL * d..(k0 + keys).div_ceil(PANEL) * d];
        (self.kernels.scores)(rows.len(), &self.groups[rows.start * d..rows.end * d], d, panels, s);
    }

    /// Online softmax and outputs of the block's whole groups with a tile of `keys` keys from `k0` on (multiples of [`PANEL`]) of which nothing is masked,
    /// where [`Blocks::meets`]. Returns the group after them.
    pub fn meet(
        &self,
        plan: &Plan,
        (k0, keys): (usize, usize),
        s: &mut GroupBlock,
        running: &mut [Running],
        o: &mut [[Step; GROUP]],
    ) -> usize {
        let (d, v) = (plan.dims.d, self.v(plan));
        let Some(Packed { k, .. }) = &self.packed[self.kv] else { return 0 };
        let groups = self.rows / GROUP;
        if groups == 0 {
            return 0;
        }
        let (q, running) = (&self.groups[..groups * GROUP * d], &mut running[..groups * GROUP]);
        let k = &k[k0 / PANEL * d..(k0 + keys) / PANEL * d];
        let change = self.rules.change(plan);
        (self.kernels.meet)(Meeting { q, d, k, v, k0, keys, running, o, s, change });
        groups
    }

    /// Masked scores of a group with the keys of one tile, −∞ where a key is masked or past the last. The columns may start later and end
    /// earlier than the tile, where the mask leaves nothing at its edges: they are returned as (first key, number of keys), or `None` if
    /// nothing is allowed at all.
    pub fn masked_scores(
        &mut self,
        plan: &Plan,
        group: usize,
        (k0, keys): (usize, usize),
        coverage: Coverage,
        s: &mut GroupBlock,
    ) -> Option<(usize, usize)> {
        let rows = self.group(group);
        let all = u64::MAX >> (KEYS - keys);
        let mut allowed = [all; GROUP];
        let (mut from, mut to) = (0, keys);
        if coverage == Coverage::Partial {
            let any = self.rules.allowed(plan, rows.clone(), (k0, keys), &mut allowed[..rows.len()]);
            if any == 0 {
                return None;
            }
            from = any.trailing_zeros() as usize / PANEL * PANEL;
            to = KEYS - any.leading_zeros() as usize;
        }
        let (k0, keys) = (k0 + from, to - from);
        self.product(plan, group, k0, keys, s);
        self.rules.change_scores(self.kernels, plan, rows.clone(), (k0, keys), s);
        if coverage != Coverage::Partial && keys.is_multiple_of(PANEL) {
            return Some((k0, keys));
        }
        // Keys past the last count as masked.
        let mut i = 0;
        while i < rows.end - rows.start {
            masked(&mut s[i], allowed[i] >> from, keys);
            i += 1;
        }
        Some((k0, keys))
    }
}
