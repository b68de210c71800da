//! The catalogue, walked: names, formulas, parameters, tables, and the numbers that entries state about themselves, by brute force.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use attention_playground::catalogue::{
    self, MaskEntry, Param, Reach, Setting, Slot, Table, Text, editable_tables, masks, normalisers, positions, recipes,
};
use attention_playground::formula::{
    Bound, Coverage, Data, DataDecl, DataValues, Kind, Scalar, Scope, Sizes, Sorted, Ty, Values, compile,
};

/// Where a pattern is looked at.
#[derive(Clone, Copy)]
struct Place {
    n_q: usize,
    n_k: usize,
    heads: usize,
    offset: i32,
    seed: u64,
}

const SQUARE: Place = Place { n_q: 64, n_k: 64, heads: 1, offset: 0, seed: 0 };

fn scalar(ty: Ty, value: f64) -> Scalar {
    match ty {
        Ty::Bool => Scalar::Bool(value != 0.0),
        Ty::Int => Scalar::Int(value as i32),
        Ty::Float => Scalar::Float(value as f32),
    }
}

/// A formula of the catalogue with its declared parameters, `changed` ones set, and its tables, `given` ones replaced.
fn bind(
    formula: &str,
    kind: Kind,
    declared: &[Param],
    tables: &[Table],
    place: Place,
    changed: Changed,
    given: &[(&str, DataValues)],
) -> Bound {
    let mut params: Sorted<String, f64> = declared.iter().map(|p| (p.name.to_owned(), p.default)).collect();
    for (name, value) in changed {
        assert!(params.insert((*name).to_owned(), *value).is_some(), "no parameter {name}");
    }
    let setting = Setting { n_q: place.n_q, n_k: place.n_k, heads: place.heads, params: &params, seed: place.seed };
    let mut scope = Scope { params: vec![("seed".to_owned(), Ty::Int)], data: vec![] };
    let mut values = Values {
        sizes: Sizes {
            batch: 1,
            heads: place.heads as i32,
            n_q: place.n_q as i32,
            n_k: place.n_k as i32,
            offset: vec![place.offset],
        },
        params: Sorted::from([("seed".to_owned(), Scalar::Int(place.seed as i32))]),
        data: Sorted::new(),
    };
    for param in declared {
        scope.params.push((param.name.to_owned(), param.ty));
        values.params.insert(param.name.to_owned(), scalar(param.ty, *params.get(param.name).unwrap()));
    }
    for table in tables {
        scope.data.push(DataDecl { name: table.name.to_owned(), ty: table.ty, dims: table.rank });
        let mut data = (table.make)(&setting);
        if let Some((_, replaced)) = given.iter().find(|(name, _)| *name == table.name) {
            data = Data { values: replaced.clone(), ..data };
        }
        values.data.insert(table.name.to_owned(), Arc::new(data));
    }
    let formula = compile(formula, kind, &scope).unwrap_or_else(|error| panic!("{formula}: {error}"));
    formula.bind(&values).unwrap_or_else(|error| panic!("{error}"))
}

fn mask(id: &str, place: Place, changed: Changed, given: &[(&str, DataValues)]) -> Bound {
    let entry = catalogue::mask(id).unwrap();
    bind(entry.formula, Kind::Mask, entry.params, entry.tables, place, changed, given)
}

type Grid = Vec<Vec<bool>>;

/// Parameters set to something else than their default.
type Changed<'a> = &'a [(&'a str, f64)];

/// Every pair of one head.
fn grid(bound: &Bound, place: Place, h: usize) -> Grid {
    let row = |q| (0..place.n_k).map(|k| bound.mask_at(0, h as i32, q as i32, k as i32)).collect();
    (0..place.n_q).map(row).collect()
}

fn pairs(grid: &Grid) -> u32 {
    grid.iter().flatten().map(|&allowed| u32::from(allowed)).sum()
}

/// Layers until every query has reached every key: those up to itself where the pattern never looks ahead, else all.
fn reach(grid: &Grid) -> Reach {
    let n = grid.len();
    let bits =
        |row: &Vec<bool>| row.iter().enumerate().fold(0u64, |bits, (k, &allowed)| bits | u64::from(allowed) << k);
    let layer: Vec<u64> = grid.iter().map(bits).collect();
    let up_to = |q: usize| u64::MAX >> (63 - q);
    let causal = layer.iter().enumerate().all(|(q, row)| row & !up_to(q) == 0);
    let wanted: Vec<u64> = (0..n).map(|q| up_to(if causal { q } else { n - 1 })).collect();
    let mut seen = layer.clone();
    for layers in 1..=n as u32 {
        if seen == wanted {
            return Reach::Layers(layers);
        }
        let through = |row: &u64| (0..n).filter(|k| row >> k & 1 == 1).fold(0, |all, k| all | seen[k]);
        seen = layer.iter().map(through).collect();
    }
    Reach::Never
}

fn is_han(c: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&c)
}

/// Names of models and of functions that Chinese texts leave in Latin letters.
const LATIN: [&str; 4] = ["Longformer", "BigBird", "Softmax", "Sigmoid"];

fn bilingual(id: &str, text: Text, name: bool) {
    assert!(!text.en.trim().is_empty() && !text.en.contains("  "), "{id}: {}", text.en);
    assert!(!text.en.chars().any(is_han), "{id}: {}", text.en);
    assert!(text.zh.chars().any(is_han) || name && LATIN.contains(&text.zh), "{id}: {}", text.zh);
    // Half-width punctuation after a Chinese character is a typing mistake.
    let mut before = ' ';
    for c in text.zh.chars() {
        assert!(!(is_han(before) && ",.;:!?()".contains(c)), "{id}: {}", text.zh);
        before = c;
    }
    assert!(
        name || text.en.ends_with(['.', '?']) && text.zh.ends_with(['。', '？']),
        "{id}: a sentence ends with a stop"
    );
}

fn label(id: &str, text: Text) {
    assert!(!text.en.is_empty() && text.zh.chars().any(is_han), "{id}: {} {}", text.en, text.zh);
}

fn check_params(id: &str, params: &[Param], uses: &str) {
    let words: BTreeSet<&str> = uses.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let names: BTreeSet<&str> = params.iter().map(|p| p.name).collect();
    assert_eq!(names.len(), params.len(), "{id}: a parameter twice");
    for p in params {
        label(id, p.label);
        assert!(uses.is_empty() || words.contains(p.name), "{id}: {} is not used", p.name);
        assert!(p.min <= p.default && p.default <= p.max && p.max <= p.hard_max, "{id}: range of {}", p.name);
        assert!(p.min < p.max && p.step > 0.0 && p.step <= p.max - p.min, "{id}: step of {}", p.name);
        if p.ty != Ty::Float {
            assert!([p.min, p.max, p.hard_max, p.step, p.default].iter().all(|x| x.fract() == 0.0), "{id}: {}", p.name);
        }
    }
}

/// Tables of every size have the declared type and rank, as many numbers as their shape says, and clamp.
fn check_tables(id: &str, params: &[Param], tables: &[Table]) {
    let params: Sorted<String, f64> = params.iter().map(|p| (p.name.to_owned(), p.default)).collect();
    for table in tables {
        label(id, table.label);
        for (n_q, n_k, heads) in [(1, 1, 1), (3, 8, 2), (17, 5, 12), (64, 64, 7)] {
            let data = (table.make)(&Setting { n_q, n_k, heads, params: &params, seed: 5 });
            assert_eq!(
                (data.shape.len(), data.values.ty(), data.clamp),
                (table.rank, table.ty, true),
                "{id}: {}",
                table.name
            );
            assert_eq!(data.shape.iter().product::<usize>(), data.values.len(), "{id}: {}", table.name);
            assert!(!data.values.is_empty());
        }
    }
}

#[test]
fn ids_and_texts() {
    let mut seen = BTreeSet::new();
    let mut entry = |room: &str, id: &'static str, name: Text, about: Text| {
        assert!(seen.insert(format!("{room} {id}")), "{room} {id} twice");
        assert!(id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c)), "{id}");
        bilingual(id, name, true);
        bilingual(id, about, false);
    };
    masks().iter().for_each(|e| entry("mask", e.id, e.name, e.about));
    positions().iter().for_each(|e| entry("position", e.id, e.name, e.about));
    normalisers().iter().for_each(|e| entry("normaliser", e.id, e.name, e.about));
    recipes().iter().for_each(|e| entry("recipe", e.id, e.name, e.about));
    let papers = masks().iter().filter_map(|e| e.paper).chain(positions().iter().filter_map(|e| e.paper));
    for paper in papers.chain(normalisers().iter().filter_map(|e| e.paper)) {
        assert!((2014..=2026).contains(&paper.year) && paper.title.contains(", ") && !paper.id.is_empty(), "{paper:?}");
        if let Some(number) = paper.id.strip_prefix("arXiv:") {
            // The number begins with the year and month of the first version; it had four more digits until 2014, five since.
            let year: u16 = number[..2].parse().unwrap();
            let digits = if year < 15 { 4 } else { 5 };
            assert!(number.len() == 5 + digits && number.as_bytes()[4] == b'.', "{paper:?}");
            assert_eq!(2000 + year, paper.year, "{paper:?}");
        }
    }
    for entry in masks() {
        assert!(entry.paper.is_some() || entry.ours.is_some(), "{}: where does it come from?", entry.id);
        entry.ours.into_iter().for_each(|ours| bilingual(entry.id, ours, false));
        assert!(catalogue::mask(entry.id).is_some() && entry.id != "custom");
    }
}

#[test]
fn parameters_and_tables() {
    let with_tables = |e: &MaskEntry| e.tables.iter().map(|t| t.name).collect::<Vec<_>>().join(" ");
    for e in masks() {
        // Parameters of a pattern that is all table are used by the table; the next test sees that they matter.
        let made = if e.tables.is_empty() {
            String::new()
        } else {
            e.params.iter().map(|p| p.name).collect::<Vec<_>>().join(" ")
        };
        check_params(
            e.id,
            e.params,
            &format!("{} {} {made} {}", e.formula, e.score.unwrap_or_default(), with_tables(e)),
        );
        check_tables(e.id, e.params, e.tables);
    }
    for e in positions() {
        match e.slot {
            Slot::Score { formula, tables } => {
                let made = if e.id == "t5" { "max_distance" } else { "" };
                check_params(e.id, e.params, &format!("{formula} {made}"));
                check_tables(e.id, e.params, tables);
            }
            _ => check_params(e.id, e.params, ""),
        }
    }
    // A name means the same wherever it stands, so that an edited table fits every entry that reads it.
    let tables = masks().iter().flat_map(|e| e.tables).filter(|t| t.editable);
    for table in tables {
        let named = catalogue::editable_table(table.name).unwrap();
        assert_eq!((named.ty, named.rank), (table.ty, table.rank), "{}", table.name);
    }
    assert!(editable_tables().count() >= 8);
}

/// A slider that changes nothing would be a lie.
#[test]
fn every_parameter_of_a_mask_matters() {
    let place = Place { heads: 4, ..SQUARE };
    let grids = |e: &MaskEntry, changed: Changed| {
        let bound = mask(e.id, place, changed, &[]);
        (0..place.heads).map(|h| grid(&bound, place, h)).collect::<Vec<_>>()
    };
    for e in masks() {
        let usual = grids(e, &[]);
        for p in e.params {
            let changed =
                [p.min, p.max].iter().any(|&value| value != p.default && grids(e, &[(p.name, value)]) != usual);
            let scores = e.score.is_some_and(|score| score.contains(p.name)) && !e.formula.contains(p.name);
            assert!(changed || scores, "{}: {}", e.id, p.name);
        }
    }
}

#[test]
fn what_masks_state_about_themselves() {
    for e in masks() {
        let found = grid(&mask(e.id, SQUARE, &[], &[]), SQUARE, 0);
        assert_eq!((pairs(&found), reach(&found)), (e.pairs_at_64, e.reach_at_64), "{}", e.id);
        let rows_seen = found.iter().all(|row| row.contains(&true));
        assert!(rows_seen, "{}: a row sees nothing", e.id);
    }
}

/// Counts that stand in the literature survey, worked out there by a program of its own: pairs at 64 tokens, layers to full reach.
#[test]
fn published_counts() {
    use Reach::{Layers, Never};
    let period_4 = [("fastest", 4.0)];
    let known: [(&str, Changed, u32, Reach); 16] = [
        ("causal", &[], 2080, Layers(1)),
        ("sliding-window", &[("window", 8.0)], 484, Layers(9)),
        ("sliding-window", &[("window", 8.0), ("inclusive", 1.0)], 540, Layers(8)),
        ("synaptic", &[], 385, Layers(6)),
        ("synaptic", &[("preset", 1.0)], 498, Layers(4)),
        ("fractal", &[("previous", 0.0)], 729, Never),
        ("fractal", &[], 760, Layers(3)),
        ("fractal", &[("cantor", 1.0), ("previous", 0.0)], 432, Never),
        ("fractal", &[("cantor", 1.0)], 495, Layers(3)),
        ("strided", &[("stride", 8.0)], 708, Layers(2)),
        ("fixed", &[("stride", 8.0), ("columns", 1.0)], 512, Layers(2)),
        ("clock", &[("fastest", 4.0), ("previous", 0.0)], 592, Never),
        ("clock", &period_4, 639, Layers(4)),
        ("clock", &[("fastest", 4.0), ("previous", 0.0), ("relative", 1.0)], 544, Never),
        ("longformer", &[("window", 4.0), ("globals", 1.0)], 674, Layers(2)),
        ("random-blocks", &[("density", 1.0)], 4096, Layers(1)),
    ];
    for (id, changed, count, layers) in known {
        let found = grid(&mask(id, SQUARE, changed, &[]), SQUARE, 0);
        assert_eq!((pairs(&found), reach(&found)), (count, layers), "{id} {changed:?}");
    }
}

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
    let place = Place { heads: 3, seed: 7, ..SQUARE };
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
    ] {
        assert!(decided.get(id).is_some_and(|&n| n > 100), "{id}: {:?}", decided.get(id));
    }
}

fn score(bound: &Bound, h: usize, q: usize, k: usize) -> f64 {
    f64::from(bound.score_at(0.0, 0, h as i32, q as i32, k as i32))
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

/// Slopes that the authors' code gives (`get_slopes`), for a power of two and for another number.
#[test]
fn alibi_slopes() {
    let entry = catalogue::position("alibi").unwrap();
    let Slot::Score { formula, tables } = entry.slot else { panic!("ALiBi is a score term") };
    let expected: [(usize, &[f64]); 3] = [
        (8, &[0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.007_812_5, 0.003_906_25]),
        (6, &[0.25, 0.0625, 0.015625, 0.003_906_25, 0.5, 0.125]),
        (
            12,
            &[
                0.5,
                0.25,
                0.125,
                0.0625,
                0.03125,
                0.015625,
                0.007_812_5,
                0.003_906_25,
                std::f64::consts::FRAC_1_SQRT_2,
                0.353_553_39,
                0.176_776_7,
                0.088_388_35,
            ],
        ),
    ];
    for (heads, slopes) in expected {
        let place = Place { heads, ..SQUARE };
        let absolute = bind(formula, Kind::Score, entry.params, tables, place, &[], &[]);
        let signed = bind(formula, Kind::Score, entry.params, tables, place, &[("signed", 1.0)], &[]);
        for (h, slope) in slopes.iter().enumerate() {
            assert!((score(&absolute, h, 10, 7) + 3.0 * slope).abs() < 1e-6);
            assert!((score(&absolute, h, 7, 10) + 3.0 * slope).abs() < 1e-6);
            assert!((score(&signed, h, 7, 10) - 3.0 * slope).abs() < 1e-6);
        }
    }
}

/// Buckets that `T5Attention._relative_position_bucket` of Hugging Face gives with 32 buckets and distance 128.
#[test]
fn t5_buckets() {
    let entry = catalogue::position("t5").unwrap();
    let Slot::Score { formula, tables } = entry.slot else { panic!("T5's bias is a score term") };
    let place = Place { n_q: 256, n_k: 256, ..SQUARE };
    // The bias of bucket b is b itself.
    let bias = [("bias", DataValues::Float((0..32).map(|b| b as f32).collect()))];
    let both = bind(formula, Kind::Score, entry.params, tables, place, &[], &bias);
    let causal = bind(formula, Kind::Score, entry.params, tables, place, &[("causal", 1.0)], &bias);
    for (distance, bucket) in [
        (0, 0),
        (1, 1),
        (7, 7),
        (8, 8),
        (11, 8),
        (12, 9),
        (15, 9),
        (16, 10),
        (23, 11),
        (32, 12),
        (45, 12),
        (64, 14),
        (90, 14),
        (91, 15),
        (200, 15),
    ] {
        assert_eq!(score(&both, 0, 230, 230 - distance), f64::from(bucket), "{distance} back");
        let ahead = if distance == 0 { 0 } else { bucket + 16 };
        assert_eq!(score(&both, 0, 10, 10 + distance), f64::from(ahead), "{distance} ahead");
    }
    for (distance, bucket) in [(0, 0), (15, 15), (16, 16), (18, 16), (19, 17), (32, 21), (64, 26), (113, 31), (200, 31)]
    {
        assert_eq!(score(&causal, 0, 230, 230 - distance), f64::from(bucket), "{distance} back");
    }
    assert_eq!(score(&causal, 0, 10, 20), 0.0, "later keys share bucket 0");
}

/// Every table says how formulas read it: with as many indices as it has, of names that formulas know.
#[test]
fn tables_are_read_as_they_say() {
    let tables = catalogue::masks().iter().flat_map(|entry| entry.tables);
    let tables = tables.chain(catalogue::positions().iter().flat_map(|entry| match entry.slot {
        catalogue::Slot::Score { tables, .. } => tables,
        _ => &[],
    }));
    for table in tables {
        let scope = Scope {
            params: vec![("block".to_owned(), Ty::Int)],
            data: vec![DataDecl { name: table.name.to_owned(), ty: table.ty, dims: table.rank }],
        };
        let value = format!("{}[{}]", table.name, table.index);
        let text = if table.ty == Ty::Bool { format!("where({value}, s, 0.0)") } else { format!("s + {value}") };
        compile(&text, Kind::Score, &scope).unwrap_or_else(|error| panic!("{text}: {error}"));
    }
    assert_eq!((catalogue::index_of("slope"), catalogue::index_of("doc")), (Some("h"), Some("k")));
    assert_eq!(catalogue::index_of("bucket"), None, "not for formulas of one's own");
}

/// What the tables would otherwise round or raise in silence is no valid parameter.
#[test]
fn tables_take_parameters_as_they_are() {
    let bigbird = catalogue::mask("bigbird").unwrap();
    let blocks = bigbird.params.iter().find(|param| param.name == "window_blocks").unwrap();
    assert!(blocks.on_step(1.0) && blocks.on_step(63.0) && !blocks.on_step(4.0));
    let t5 = catalogue::position("t5").unwrap();
    let given = |buckets: f64, causal: f64, distance: f64| {
        let all = [("buckets", buckets), ("causal", causal), ("max_distance", distance)];
        t5.too_small(&all.map(|(name, value)| (name.to_owned(), value)).into())
    };
    assert_eq!(t5.too_small(&Sorted::new()), None);
    assert_eq!(given(64.0, 0.0, 17.0), None);
    assert_eq!(given(64.0, 0.0, 16.0), Some(("max_distance", 17.0)));
    assert_eq!(given(64.0, 1.0, 17.0), Some(("max_distance", 33.0)));
    for entry in catalogue::positions() {
        assert_eq!(entry.too_small(&Sorted::new()), None, "{}", entry.id);
    }
}
