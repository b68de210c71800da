//! Tile maps against brute force, and what they cost.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::*;
use crate::attention::{Dims, Problem, Term};
use crate::experiment::Patch;

fn dims(n_q: usize, n_k: usize) -> Dims {
    Dims { batch: 2, q_heads: 3, kv_heads: 1, n_q, n_k, d: 4, d_v: 4 }
}

const MASKS: [&str; 9] = [
    "k <= q_pos",
    "k <= q_pos and q_pos - k < 7",
    "abs(q_pos - k) % 3 == 0",
    "q // 10 == k // 10",
    "(k & ~q) == 0 or q - k == 1",
    "k < 5 or q < 3 or hash(q // 4, k // 4, 1) < 4000000",
    "hash(q, k, h) % 4 == 0",
    "k < 10 + 20 * b and h != 1",
    "false",
];

/// Cell by cell, with the plain evaluator.
fn check(plan: &Plan, tile: (usize, usize)) {
    let Dims { n_q, n_k, .. } = plan.dims;
    for batch in 0..2 {
        for head in 0..3 {
            let map = plan.tiles(batch, head, tile.0, tile.1);
            let mut pairs = 0;
            for r in 0..map.grid().0 {
                for c in 0..map.grid().1 {
                    let (mut allowed, mut size) = (0, 0);
                    for q in r * tile.0..((r + 1) * tile.0).min(n_q) {
                        for k in c * tile.1..((c + 1) * tile.1).min(n_k) {
                            let base =
                                plan.masks.iter().all(|m| m.mask_at(batch as i32, head as i32, q as i32, k as i32));
                            let hit = |p: &&Patch| {
                                p.head.is_none_or(|h| h == head)
                                    && (p.q[0]..p.q[1]).contains(&q)
                                    && (p.k[0]..p.k[1]).contains(&k)
                            };
                            let last = plan.paint.iter().rfind(hit);
                            allowed += usize::from(last.map_or(base, |p| p.allow));
                            size += 1;
                        }
                    }
                    let want = match allowed {
                        0 => Coverage::Empty,
                        n if n == size => Coverage::Full,
                        _ => Coverage::Partial,
                    };
                    assert_eq!(map.coverage(r, c), want, "tile {r},{c} of {n_q}x{n_k} by {tile:?}, head {head}");
                    pairs += allowed as u64;
                }
            }
            assert_eq!(map.allowed_pairs(), Some(pairs));
            assert_eq!(map.live(0).count(), map.row(0).iter().filter(|&&c| c != Coverage::Empty).count());
            // A map stands for every head with the same key.
            let (b, h) = plan.mask_key(batch, head);
            let same = plan.tiles(b, h, tile.0, tile.1);
            assert!((0..map.grid().0).all(|r| same.row(r) == map.row(r)));
        }
    }
}

#[test]
fn maps_equal_brute_force() {
    let paint = vec![
        Patch { head: None, q: [3, 20], k: [0, 17], allow: true },
        Patch { head: Some(1), q: [5, 9], k: [4, 40], allow: false },
        Patch { head: None, q: [6, 7], k: [6, 7], allow: true },
        Patch { head: None, q: [30, 37], k: [16, 40], allow: false },
    ];
    for mask in MASKS {
        for (n_q, n_k, tile) in [(37, 41, (8, 8)), (37, 41, (5, 16)), (64, 64, (16, 8)), (37, 50, (64, 64))] {
            for painted in [false, true] {
                for offset in [vec![], vec![4], vec![9, -3]] {
                    let mut problem = Problem::plain(dims(n_q, n_k));
                    problem.masks.push(Term::new("mask", mask));
                    problem.masks.push(Term::new("mask", "k != 13"));
                    problem.offset = offset;
                    if painted {
                        problem.paint.clone_from(&paint);
                    }
                    check(&Plan::compile(&problem).unwrap(), tile);
                }
            }
        }
    }
}

#[test]
fn paint_alone_is_a_mask() {
    let mut problem = Problem::plain(dims(20, 20));
    problem.paint.push(Patch { head: None, q: [2, 3], k: [0, 20], allow: false });
    let plan = Plan::compile(&problem).unwrap();
    assert!(plan.masked());
    check(&plan, (8, 8));
}

#[test]
fn few_tiles_and_many_are_built_alike() {
    let paint = vec![
        Patch { head: None, q: [3, 70], k: [0, 37], allow: true },
        Patch { head: Some(1), q: [0, 9], k: [5, 60], allow: false },
    ];
    for (text, paint) in MASKS.iter().flat_map(|text| [(text, Vec::new()), (text, paint.clone())]) {
        let mut problem = Problem::plain(dims(83, 61));
        problem.masks.push(Term::new("mask", text));
        problem.paint = paint;
        let plan = Plan::compile(&problem).unwrap();
        let grid = Grid { at: (1, 1), tile: (2, 3), size: (42, 21), side: 64 };
        let mut rules = RowRules::new(&plan, 3);
        let maps = [few::build, build::build].map(|build| {
            let Built { root, nodes, totals, effort } = build(&plan, &mut rules, &grid);
            let (counts, side) = (TileCounts::default(), grid.side);
            TileMap { tile: grid.tile, grid: grid.size, side, root, nodes, counts, totals, effort }
        });
        for row in 0..grid.size.0 {
            assert_eq!(maps[0].row(row), maps[1].row(row), "{text}, row {row}");
        }
        let sums = maps.map(|map| {
            let Totals { full, partial, live_cells, pairs, unseen } = map.totals;
            [full, partial, live_cells, pairs, unseen]
        });
        // Squares that count once for many are asked in fewer rectangles, and stand for the same sums.
        assert_eq!(sums[0], sums[1], "{text}");
    }
}

#[test]
fn a_long_causal_map_visits_the_diagonal_only() {
    let mut problem =
        Problem::plain(Dims { batch: 1, q_heads: 1, kv_heads: 1, n_q: 65_536, n_k: 65_536, d: 4, d_v: 4 });
    problem.masks.push(Term::new("mask", "k <= q_pos"));
    let map = Plan::compile(&problem).unwrap().tiles(0, 0, 64, 64);
    let tiles = 1024_u64;
    assert_eq!(
        map.counts(),
        TileCounts {
            total: tiles * tiles,
            skipped: tiles * (tiles - 1) / 2,
            full: tiles * (tiles - 1) / 2,
            partial: tiles
        }
    );
    assert_eq!(map.allowed_pairs(), Some(65_536 * 65_537 / 2));
    // The squares on the diagonal are alike: four rectangles of each size, and one tile is looked at.
    assert!(map.effort().rectangles < 50, "{:?}", map.effort());
    assert_eq!(map.effort().cells, 64 * 64);
}

#[test]
fn a_mask_without_structure_stops_at_the_budget() {
    let mut problem = Problem::plain(Dims { batch: 1, q_heads: 1, kv_heads: 1, n_q: 8192, n_k: 8192, d: 4, d_v: 4 });
    problem.masks.push(Term::new("mask", "hash(q, k, 0) % 2 == 0"));
    let map = Plan::compile(&problem).unwrap().tiles(0, 0, 64, 64);
    assert!(map.effort().cells <= look::MAX_CELLS && map.unseen() > 0);
    assert_eq!(map.allowed_pairs(), None);
    assert_eq!(map.counts().partial, map.counts().total);
}

#[test]
fn what_bounds_cant_see_is_counted_with_a_cap_and_with_progress() {
    let mut problem = Problem::plain(Dims { batch: 1, q_heads: 1, kv_heads: 1, n_q: 4500, n_k: 4500, d: 4, d_v: 4 });
    // Both hashes are one number: every odd key is allowed, which nothing but looking tells.
    let mask = "k <= q_pos + 64 and ((hash(q, k, 0) % 2 == 0) != (hash(q, k, 0) % 2 == k % 2))";
    problem.masks.push(Term::new("mask", mask));
    let plan = Plan::compile(&problem).unwrap();
    let map = plan.tiles(0, 0, 48, 64);
    let rows = map.grid().0;
    let mut rules = RowRules::new(&plan, 64);
    let mut heard = Vec::new();
    let mut hear = |share: f64| {
        heard.push(share);
        true
    };
    let pairs = (0..4500_u64).map(|q| (q + 65).min(4500) / 2).sum();
    assert_eq!(map.count_pairs(&plan, &mut rules, (0, 0), 1 << 30, &mut hear), Some(pairs));
    assert!(heard.len() == rows && heard.is_sorted() && heard.ends_with(&[1.0]));
    assert_eq!(map.count_pairs(&plan, &mut rules, (0, 0), 1 << 20, &mut |_| true), None, "a cap");
    let mut rounds = 0;
    let mut stop = |_| {
        rounds += 1;
        rounds < 3
    };
    assert_eq!(map.count_pairs(&plan, &mut rules, (0, 0), 1 << 30, &mut stop), None);
    assert_eq!(rounds, 3, "an end on request");
}
