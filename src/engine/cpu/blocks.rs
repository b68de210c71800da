//! Blocks of scores: what streaming, materialised and the pictures share. Packed tensors, tile maps and scratch live here between items.

use std::ops::Range;

use super::gemm::{GROUP, GroupBlock, KEYS, PANEL, RowBlock, Step};
use super::kernels::Kernels;
use super::pack;
use crate::attention::{Coverage, Inputs, Plan, RowRules, TileMap};
use crate::formula::Sorted;

/// Query rows of a block: one row of tiles, whole groups of them. A block of K serves them all while it is in the cache.
pub const ROWS: usize = 8 * GROUP;

/// K and V of one head, packed.
struct Packed {
    k: Vec<Step>,
    v: Vec<Step>,
}

/// The current block of query rows and everything that scores of it need.
pub struct Blocks {
    pub kernels: &'static Kernels,
    /// By `batch · kv_heads + kv_head`; heads that share K and V share an entry.
    packed: Vec<Option<Packed>>,
    /// By [`Plan::mask_key`].
    maps: Sorted<(usize, usize), TileMap>,
    /// One for each row of a block; empty for a plan without formulas.
    rules: Vec<RowRules>,
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
        let formulas = !plan.scores_plain() || plan.masked() || plan.probability.is_some();
        Self {
            kernels,
            packed: (0..dims.batch * dims.kv_heads).map(|_| None).collect(),
            maps: Sorted::new(),
            rules: if formulas { (0..rows).map(|_| RowRules::new(plan, KEYS)).collect() } else { Vec::new() },
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
        self.packed[self.kv].get_or_insert_with(|| {
            let k_head = inputs.k_head(&dims, batch, head);
            let k = if plan.transforms() {
                let mut prepared = vec![0.0; dims.n_k * dims.d];
                plan.prepare_k(0..dims.n_k, k_head, &mut prepared);
                pack::keys(&prepared, dims.d)
            } else {
                pack::keys(k_head, dims.d)
            };
            Packed { k, v: pack::values(inputs.v_head(&dims, batch, head), dims.n_k, dims.d_v) }
        });
        self.map = plan.mask_key(batch, head);
        self.maps.get_or_insert_with(self.map, || plan.tiles(batch, head, ROWS, KEYS));
    }

    /// Stands on query rows `q` (at most [`ROWS`]) of the head last prepared; Q is multiplied by `factor`.
    pub fn stand(&mut self, plan: &Plan, inputs: &Inputs, batch: usize, q: Range<usize>, factor: f32) {
        let d = plan.dims.d;
        self.rows = q.len();
        let queries = &mut self.queries[..q.len() * d];
        plan.prepare_q(batch, q.clone(), inputs.q_head(&plan.dims, batch, self.head), queries);
        for (rows, out) in queries.chunks(GROUP * d).zip(self.groups.chunks_mut(GROUP * d)) {
            pack::queries(rows, d, factor, out);
        }
        for (rules, q) in self.rules.iter_mut().zip(q) {
            rules.begin_row(plan, batch, self.head, q);
        }
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
        self.rules.get_mut(row)
    }

    /// Packed V of the head, `[ceil(d_v / 8)][n_k][8]`.
    pub fn v(&self) -> &[Step] {
        self.packed[self.kv].as_ref().map_or(&[], |packed| &packed.v)
    }

    /// `factor · Q·K` of a group with `keys` keys from `k0` on (a multiple of [`PANEL`]), and nothing else.
    pub fn product(&self, plan: &Plan, group: usize, k0: usize, keys: usize, s: &mut [RowBlock]) {
        let d = plan.dims.d;
        let Some(packed) = &self.packed[self.kv] else { return };
        let rows = self.group(group);
        let panels = &packed.k[k0 / PANEL * d..(k0 + keys).div_ceil(PANEL) * d];
        (self.kernels.scores)(rows.len(), &self.groups[rows.start * d..rows.end * d], d, panels, s);
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
        let mut allowed = [[1_u8; KEYS]; GROUP];
        let (mut from, mut to, mut full) = (0, keys, true);
        if coverage == Coverage::Partial {
            let mut any = [0_u8; KEYS];
            let mut all = [1_u8; KEYS];
            for (rules, allowed) in self.rules[rows.clone()].iter_mut().zip(&mut allowed) {
                rules.mask(plan, k0, &mut allowed[..keys]);
                for j in 0..keys {
                    any[j] |= allowed[j];
                    all[j] &= allowed[j];
                }
            }
            from = any[..keys].iter().position(|&a| a != 0)? / PANEL * PANEL;
            to = any[..keys].iter().rposition(|&a| a != 0)? + 1;
            full = all[from..to].iter().all(|&a| a != 0);
        }
        let (k0, keys) = (k0 + from, to - from);
        self.product(plan, group, k0, keys, s);
        if !plan.scores_plain() {
            for (rules, s) in self.rules[rows.clone()].iter_mut().zip(s.iter_mut()) {
                rules.scores(plan, k0, &mut s.as_flattened_mut()[..keys]);
            }
        }
        let padded = keys.next_multiple_of(PANEL);
        for (s, allowed) in s.iter_mut().zip(&allowed).take(rows.len()) {
            let s = &mut s.as_flattened_mut()[..padded];
            if !full {
                for (s, &allowed) in s[..keys].iter_mut().zip(&allowed[from..to]) {
                    *s = if allowed == 0 { f32::NEG_INFINITY } else { *s };
                }
            }
            s[keys..].fill(f32::NEG_INFINITY);
        }
        Some((k0, keys))
    }
}
