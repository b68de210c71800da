//! Patterns whose tables hold more than a rule: seeded blocks, edited tables, strengths.

use attention_playground::catalogue::{self, Setting};
use attention_playground::formula::{DataValues, Kind, Sorted};

use super::counts::pairs;
use super::{Grid, Place, SQUARE, bind, grid, mask, score};

#[test]
fn heads_of_the_strided_pattern_alternate() {
    let place = Place { heads: 2, ..SQUARE };
    let bound = mask("strided", place, &[("alternate", 1.0)], &[]);
    let (near, far) = (grid(&bound, place, 0), grid(&bound, place, 1));
    for q in 0..64 {
        for k in 0..64 {
            let distance = q as i64 - k as i64;
            assert_eq!(near[q][k], (0..8).contains(&distance));
            assert_eq!(far[q][k], distance >= 0 && distance % 8 == 0);
        }
    }
}

/// BigBird as its paper defines it: per block row and head exactly `random` blocks beside window and globals, the same for a seed.
#[test]
fn bigbird_draws_its_random_blocks() {
    // Sixteen blocks, the last one whole or of a single token.
    for n in [64, 61] {
        bigbird_at(Place { n_q: n, n_k: n, heads: 3, seed: 7, ..SQUARE });
    }
}

fn bigbird_at(place: Place) {
    let settings = [("block", 4.0), ("window_blocks", 3.0), ("random", 2.0), ("global_blocks", 2.0)];
    let bound = mask("bigbird", place, &settings, &[]);
    let heads: Vec<Grid> = (0..3).map(|h| grid(&bound, place, h)).collect();
    for found in &heads {
        for r in 0..16 {
            let kept: Vec<usize> = (0..16).filter(|c| found[4 * r][4 * c]).collect();
            let fixed = |c: &usize| r.abs_diff(*c) <= 1 || [0, 15].contains(c) || [0, 15].contains(&r);
            assert!((0..16).filter(fixed).all(|c| kept.contains(&c)));
            let drawn = kept.iter().filter(|c| !fixed(c)).count();
            assert_eq!(drawn, if [0, 15].contains(&r) { 0 } else { 2 }, "row {r}");
        }
    }
    assert!(heads[0] != heads[1] && heads[1] != heads[2], "each head draws for itself");
    let again = mask("bigbird", place, &settings, &[]);
    assert_eq!(grid(&again, place, 1), heads[1]);
    let other = mask("bigbird", Place { seed: 8, ..place }, &settings, &[]);
    assert_ne!(grid(&other, place, 1), heads[1]);
}

#[test]
fn edited_tables_change_the_pattern() {
    let doc = DataValues::Int((0..64).map(|token| token / 32).collect());
    let found = grid(&mask("document", SQUARE, &[], &[("doc", doc)]), SQUARE, 0);
    assert_eq!(pairs(&found), 2 * 32 * 33 / 2);
    let mut layout = vec![0; 256];
    layout[16 * 3 + 5] = 1;
    let found = grid(&mask("block-sparse", SQUARE, &[], &[("layout", DataValues::Bool(layout))]), SQUARE, 0);
    assert!(pairs(&found) == 16 && found[12][20] && found[15][23] && !found[11][20]);
    // A dilation or period of 0 means 1, not everything.
    let zero = DataValues::Int(vec![0]);
    assert_eq!(pairs(&grid(&mask("longformer", SQUARE, &[], &[("dilation", zero.clone())]), SQUARE, 0)), 674);
    assert_eq!(pairs(&grid(&mask("clock", SQUARE, &[], &[("period", zero)]), SQUARE, 0)), 2080);
}

#[test]
fn synapses_multiply_weights_and_fade() {
    let entry = catalogue::mask("synaptic").unwrap();
    let mut gain = vec![0.0; 64];
    (gain[0], gain[1], gain[8]) = (1.0, 0.5, 2.0);
    let gain = [("gain", DataValues::Float(gain))];
    let bound = bind(entry.score.unwrap(), Kind::Score, entry.params, entry.tables, SQUARE, &[("fade", 1.0)], &gain);
    for (distance, weight) in [(0, 1.0), (1, 0.5 / 2.0), (8, 2.0 / 9.0)] {
        assert!((score(&bound, 0, 20, 20 - distance).exp() - weight).abs() < 1e-5);
    }
    let found = grid(&mask("synaptic", SQUARE, &[], &gain), SQUARE, 0);
    assert_eq!(pairs(&found), 64 + 63 + 56);
}

/// How many of LongNet's branches hold a pair: each cuts the sequence into segments and keeps every so-many-th position of them, starting
/// with the head's own.
pub fn longnet_branches(segment: i64, rate: i64, h: i64, i: i64, j: i64) -> i64 {
    let holds = |branch: u32| {
        let (length, gap) = (segment * rate.pow(branch), rate.pow(branch));
        let start = i / length * length;
        let kept = |token: i64| token < start + length && token >= start && (token - start) % gap == h % gap;
        kept(i) && kept(j)
    };
    (0..3).map(|branch| i64::from(holds(branch))).sum()
}

/// Branches are mixed by their softmax denominators: the sum over branches of e^s is what the extra score makes of one e^s.
#[test]
fn longnet_counts_a_pair_once_for_each_branch() {
    let entry = catalogue::mask("longnet").unwrap();
    let place = Place { heads: 3, ..SQUARE };
    let settings = [("segment", 6.0), ("rate", 2.0)];
    let bound = bind(entry.score.unwrap(), Kind::Score, entry.params, entry.tables, place, &settings, &[]);
    let mut seen = [0; 4];
    for (h, q, k) in (0..3).flat_map(|h| (0..64).flat_map(move |q| (0..=q).map(move |k| (h, q, k)))) {
        let branches = longnet_branches(6, 2, h as i64, q as i64, k as i64);
        seen[branches as usize] += 1;
        if branches > 0 {
            assert!((score(&bound, h, q, k).exp() - branches as f64).abs() < 1e-5, "head {h}, {q}, {k}");
        }
    }
    assert!(seen.iter().all(|&count| count > 10), "{seen:?}");
}

/// The drawn lines: as many for each head as asked for, the first always, each head its own, the same for a seed.
#[test]
fn vertical_slash_draws_its_lines() {
    let entry = catalogue::mask("vertical-slash").unwrap();
    let params = Sorted::from([("columns".to_owned(), 6.0), ("diagonals".to_owned(), 3.0)]);
    let setting = |seed| Setting { n_q: 50, n_k: 50, heads: 4, params: &params, seed };
    for (table, count) in entry.tables.iter().zip([6, 3]) {
        let DataValues::Bool(made) = (table.make)(&setting(3)).values else { panic!("{} is a switch", table.name) };
        let heads: Vec<&[u8]> = made.chunks(50).collect();
        for head in &heads {
            assert_eq!((head[0], head.iter().map(|&kept| usize::from(kept)).sum::<usize>()), (1, count));
        }
        assert!(heads[0] != heads[1] && heads[1] != heads[2] && heads[2] != heads[3]);
        assert_eq!((table.make)(&setting(3)).values, DataValues::Bool(made.clone()));
        assert_ne!((table.make)(&setting(4)).values, DataValues::Bool(made));
    }
}
