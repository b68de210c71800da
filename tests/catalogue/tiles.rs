//! What bounds say of rectangles, and tile maps of tiles, against every pair in them; and that every entry gives a plan.

use std::collections::BTreeMap;

use attention_playground::attention::{self, Dims, Inputs, Loaded, Plan, assemble, lowering};
use attention_playground::catalogue::{Param, masks, positions};
use attention_playground::experiment::{CausalAlignment, Choice, Experiment, MaskChoice, Patch};
use attention_playground::formula::{Coverage, Sorted};

use super::{Grid, Place, SQUARE, grid, mask};

/// A small generator for rectangles; the seed is fixed, so a failure repeats.
fn random(state: &mut u64, below: usize) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as usize % below
}

/// What bounds say of a rectangle is true of every pair in it.
#[test]
fn bounds_agree_with_every_pair() {
    let places = [
        SQUARE,
        Place { heads: 5, seed: 3, ..SQUARE },
        Place { n_q: 16, offset: 48, heads: 2, ..SQUARE },
        Place { n_q: 40, n_k: 24, ..SQUARE },
        Place { n_q: 53, n_k: 61, heads: 2, seed: 8, ..SQUARE },
    ];
    let mut state = 1;
    let mut decided = BTreeMap::new();
    for e in masks() {
        for place in places {
            let bound = mask(e.id, place, &[], &[]);
            for h in 0..place.heads {
                let found = grid(&bound, place, h);
                for _ in 0..200 {
                    let (q, k) = (random(&mut state, place.n_q), random(&mut state, place.n_k));
                    let height = 1 + random(&mut state, (place.n_q - q).min(16));
                    let width = 1 + random(&mut state, (place.n_k - k).min(16));
                    let cells = || found[q..q + height].iter().flat_map(|row| &row[k..k + width]);
                    let span = |from: usize, len: usize| from as i32..(from + len) as i32;
                    let said = bound.coverage(0, h as i32, span(q, height), span(k, width));
                    let right = match said {
                        Coverage::Empty => cells().all(|&allowed| !allowed),
                        Coverage::Full => cells().all(|&allowed| allowed),
                        Coverage::Mixed => true,
                    };
                    assert!(right, "{}: head {h}, {q}+{height}, {k}+{width} is not {said:?}", e.id);
                    *decided.entry(e.id).or_insert(0) += usize::from(said != Coverage::Mixed);
                }
            }
        }
    }
    // Not only true but useful: tiles of these patterns can be skipped.
    for id in [
        "causal",
        "sliding-window",
        "dilated",
        "longformer",
        "fractal",
        "prefix-lm",
        "document",
        "bigbird",
        "block-sparse",
        "padding",
        "shared-prefix",
        "chunked-local",
        "sinks",
        "a-shape",
        "block-permutation",
        "swin",
        "natten-2d",
        "block-diffusion",
        "cross-modal",
        "image-interval",
    ] {
        assert!(decided.get(id).is_some_and(|&n| n > 100), "{id}: {:?}", decided.get(id));
    }
}

/// The plan of an experiment over zeros.
fn plan(place: Place, change: impl FnOnce(&mut Experiment)) -> Plan {
    let Place { n_q, n_k, heads, seed, .. } = place;
    let dims = Dims { batch: 1, q_heads: heads, kv_heads: heads, n_q, n_k, d: 2, d_v: 2 };
    let zeros = |rows: usize| vec![0.0; heads * rows * 2].into();
    let inputs = Inputs { q: zeros(n_q), k: zeros(n_k), v: zeros(n_k) };
    let tokens = |n: usize| (0..n).map(|i| i.to_string()).collect();
    let loaded = Loaded { dims, tokens_q: tokens(n_q), tokens_k: tokens(n_k), inputs, note: None };
    let mut experiment = Experiment { seed, mask: masked("none", Sorted::new()), ..Experiment::default() };
    if place.offset != 0 {
        assert_eq!(n_q as i32 + place.offset, n_k as i32, "the last query sees the last key");
        experiment.conventions.causal = CausalAlignment::BottomRight;
    }
    change(&mut experiment);
    let (mut problem, mut inputs) = assemble(&experiment, &loaded).unwrap_or_else(|issues| panic!("{issues}"));
    lowering::lower(&mut problem, &mut inputs).unwrap_or_else(|issues| panic!("{issues}"));
    Plan::compile(&problem).unwrap_or_else(|issues| panic!("{issues}"))
}

fn masked(id: &str, params: Sorted<String, f64>) -> MaskChoice {
    MaskChoice { id: id.to_owned(), params, custom: None }
}

/// Every parameter alone at each end of its range.
fn ends(params: &[Param]) -> impl Iterator<Item = (&'static str, f64)> {
    let free = params.iter().filter(|param| !param.is_convention());
    free.flat_map(|param| [param.min, param.max, param.hard_max].map(|value| (param.name, value)))
}

#[test]
fn every_entry_gives_a_plan_at_the_ends_of_its_parameters() {
    let place = Place { n_q: 19, n_k: 27, heads: 3, offset: 8, seed: 2 };
    for entry in masks() {
        for (name, value) in ends(entry.params) {
            let plan = plan(place, |e| e.mask = masked(entry.id, Sorted::from([(name.to_owned(), value)])));
            assert!(plan.masked() || entry.formula == "true", "{}", entry.id);
        }
    }
    for entry in positions() {
        for (name, value) in ends(entry.params) {
            let params = Sorted::from([(name.to_owned(), value)]);
            plan(place, |e| e.position = Choice { id: entry.id.to_owned(), params });
        }
    }
}

/// Maps of live tiles, at lengths and tile sizes that are no multiple of anything.
#[test]
fn tile_maps_agree_with_every_pair() {
    let places = [
        Place { n_q: 97, n_k: 97, heads: 2, ..SQUARE },
        Place { n_q: 35, n_k: 131, heads: 2, offset: 96, seed: 6 },
        Place { n_q: 83, n_k: 29, ..SQUARE },
        Place { n_q: 1, n_k: 45, ..SQUARE },
    ];
    for entry in masks() {
        let ends: Vec<_> = ends(entry.params).map(|end| vec![end]).chain([Vec::new()]).collect();
        for (place, changed) in places.iter().flat_map(|&place| ends.iter().map(move |changed| (place, changed))) {
            let params = changed.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
            let plan = plan(place, |e| e.mask = masked(entry.id, params));
            let bound = mask(entry.id, place, changed, &[]);
            for h in 0..place.heads {
                let found = grid(&bound, place, h);
                for tile in [(16, 16), (7, 24)] {
                    same(&plan, h, &found, tile, &format!("{} {changed:?}", entry.id));
                }
            }
        }
    }
}

/// A map says of every tile what its cells are, and counts them.
fn same(plan: &Plan, h: usize, found: &Grid, (rows, cols): (usize, usize), name: &str) {
    let map = plan.tiles(0, h, rows, cols);
    let mut pairs = 0;
    for (r, c) in (0..map.grid().0).flat_map(|r| (0..map.grid().1).map(move |c| (r, c))) {
        let tile = found.iter().skip(r * rows).take(rows);
        let cells: Vec<bool> = tile.flat_map(|row| row.iter().skip(c * cols).take(cols)).copied().collect();
        let allowed = cells.iter().filter(|&&allowed| allowed).count();
        pairs += allowed as u64;
        let wanted = match allowed {
            0 => attention::Coverage::Empty,
            all if all == cells.len() => attention::Coverage::Full,
            _ => attention::Coverage::Partial,
        };
        assert_eq!(map.coverage(r, c), wanted, "{name}, head {h}, tile {r}, {c} of {rows} x {cols}");
    }
    assert_eq!(map.allowed_pairs(), Some(pairs), "{name}");
}

/// Two masks mixed are seen where either is; what is painted belongs to the first. (`tests/combine.rs` has those joined by and, or and replace.)
#[test]
fn tile_maps_of_hybrids_agree_with_every_pair() {
    let places =
        [Place { n_q: 83, n_k: 83, heads: 2, seed: 4, ..SQUARE }, Place { n_q: 31, n_k: 47, offset: 16, ..SQUARE }];
    let patch = |allow| Patch { head: None, q: [3, 20], k: [5, 29], allow };
    for (at, entry) in masks().iter().enumerate() {
        // Every mask is the first of a pair and the second of another.
        let second = &masks()[(at + 7) % masks().len()];
        for (place, allow) in places.into_iter().zip([true, false]) {
            let plan = plan(place, |e| {
                e.mask = masked(entry.id, Sorted::new());
                (e.hybrid, e.branch) = (Choice::of("gated"), Choice::of(second.id));
                e.paint = vec![patch(allow)];
            });
            let [a, b] = [entry, second].map(|entry| mask(entry.id, place, &[], &[]));
            for h in 0..place.heads {
                let (mut found, other) = (grid(&a, place, h), grid(&b, place, h));
                found[3..20].iter_mut().for_each(|row| row[5..29].fill(allow));
                let cells = found.iter_mut().flatten().zip(other.iter().flatten());
                cells.for_each(|(cell, other)| *cell |= other);
                for tile in [(16, 16), (7, 24)] {
                    same(&plan, h, &found, tile, &format!("{} beside {}", entry.id, second.id));
                }
            }
        }
    }
}
