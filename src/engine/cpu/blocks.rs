//! Blocks of scores: what streaming, materialised and the pictures share. Packed tensors, tile maps and scratch live here between items.

use std::ops::Range;

use super::gemm::{GROUP, GroupBlock, KEYS, PANEL, RowBlock, Step};
use super::kernels::Kernels;
use super::meet::Meeting;
use super::pack;
use super::softmax::Running;
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

    /// Online softmax and outputs of the block's whole groups with a tile of `keys` keys from `k0` on (multiples of [`PANEL`]) of which nothing is masked and
    /// nothing added to a score. Returns the group after them.
    pub fn meet(
        &self,
        plan: &Plan,
        (k0, keys): (usize, usize),
        s: &mut GroupBlock,
        running: &mut [Running],
        o: &mut [[Step; GROUP]],
    ) -> usize {
        let (d, n_k) = (plan.dims.d, plan.dims.n_k);
        let Some(Packed { k, v }) = &self.packed[self.kv] else { return 0 };
        let groups = self.rows / GROUP;
        let (q, running) = (&self.groups[..groups * GROUP * d], &mut running[..groups * GROUP]);
        let k = &k[k0 / PANEL * d..(k0 + keys) / PANEL * d];
        (self.kernels.meet)(Meeting { q, d, k, v, n_k, k0, keys, running, o, s });
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
            let mut any = 0;
            for (rules, allowed) in self.rules[rows.clone()].iter_mut().zip(&mut allowed) {
                let mut cells = [0; KEYS];
                rules.mask(plan, k0, &mut cells[..keys]);
                *allowed = bits(&cells);
                any |= *allowed;
            }
            if any == 0 {
                return None;
            }
            from = any.trailing_zeros() as usize / PANEL * PANEL;
            to = KEYS - any.leading_zeros() as usize;
        }
        let (k0, keys) = (k0 + from, to - from);
        self.product(plan, group, k0, keys, s);
        if !plan.scores_plain() {
            for (rules, s) in self.rules[rows.clone()].iter_mut().zip(s.iter_mut()) {
                biased(self.kernels, plan, rules, (k0, keys), s);
            }
        }
        if coverage != Coverage::Partial && keys.is_multiple_of(PANEL) {
            return Some((k0, keys));
        }
        for (s, allowed) in s.iter_mut().zip(allowed).take(rows.len()) {
            // Keys past the last count as masked.
            let mut allowed = allowed >> from;
            for panel in &mut s[..keys.div_ceil(PANEL)] {
                match allowed as u8 {
                    u8::MAX => {}
                    0 => *panel = [f32::NEG_INFINITY; PANEL],
                    some => {
                        for (j, s) in panel.iter_mut().enumerate() {
                            *s = if some >> j & 1 == 0 { f32::NEG_INFINITY } else { *s };
                        }
                    }
                }
                allowed >>= PANEL;
            }
        }
        Some((k0, keys))
    }
}

/// Scores of `keys` keys from `k0` on, from `scale · Q·K` to after the last bias, in place. What lies behind the last key may change too.
pub fn biased(kernels: &Kernels, plan: &Plan, rules: &mut RowRules, (k0, keys): (usize, usize), s: &mut [Step]) {
    rules.before_cap(plan, k0, &mut s.as_flattened_mut()[..keys]);
    if let Some(cap) = plan.softcap {
        (kernels.cap)(&mut s[..keys.div_ceil(PANEL)], cap);
    }
    rules.after_cap(plan, k0, &mut s.as_flattened_mut()[..keys]);
}

/// One bit for each of 64 cells that are 0 or 1: the product moves cell j of every eight to bit 56 + j, and no two others to one place.
pub fn bits(cells: &[u8; KEYS]) -> u64 {
    let (eights, _) = cells.as_chunks::<8>();
    eights
        .iter()
        .rev()
        .fold(0, |bits, eight| bits << 8 | u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_has_its_bit() {
        for seed in 0..500_u64 {
            let wanted = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (1 << (seed % 64));
            let cells = std::array::from_fn(|j| (wanted >> j & 1) as u8);
            assert_eq!(bits(&cells), wanted);
        }
    }
}
