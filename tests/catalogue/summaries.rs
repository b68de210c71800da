//! Every entry of every list in one shape: what it says of itself, and that it is so.

use std::sync::Arc;

use attention_playground::attention::inputs::Rng;
use attention_playground::attention::lowering::{self, Columns};
use attention_playground::attention::{Dims, Inputs, Loaded, Plan, RowRules, assemble};
use attention_playground::catalogue::{self, CostClass, List, Summary, every_entry, summaries};
use attention_playground::experiment::{Backend, Experiment, MaskChoice};
use attention_playground::formula::Tree;

use super::list::bilingual;

/// Entries that stand for no change at all: no paper has to be their source.
fn is_plain(entry: &Summary) -> bool {
    entry.id == "none" || entry.list == List::Generator
}

#[test]
fn every_entry_is_drawn() {
    for entry in every_entry() {
        assert!(!entry.written.is_empty(), "{}", entry.id);
        for line in &entry.written {
            let tree = Tree::parse(line).unwrap_or_else(|error| panic!("{}: {line}: {error}", entry.id));
            let math = tree.mathml();
            assert!(math.starts_with("<math ") && math.ends_with("</math>"), "{}: {line}", entry.id);
        }
    }
}

#[test]
fn every_entry_says_where_it_comes_from() {
    for entry in every_entry() {
        assert!(entry.paper.is_some() || entry.ours.is_some() || is_plain(&entry), "{}", entry.id);
        entry.ours.into_iter().for_each(|ours| bilingual(entry.id, ours, false));
        if let Some(paper) = entry.paper {
            let address = paper.address();
            let rest = address.strip_prefix("https://").unwrap();
            let (site, page) = rest.split_once('/').unwrap();
            assert!(site.contains('.') && !page.is_empty() && !rest.contains([':', ' ']), "{}: {address}", entry.id);
        }
    }
    let ours = |list: List, id: &str| summaries(list).into_iter().find(|e| e.id == id).unwrap().ours;
    for id in ["synaptic", "fractal", "clock"] {
        assert!(ours(List::Mask, id).is_some(), "{id}");
    }
    for id in ["dial", "learned-clock", "lstm-generator", "scaled-sinusoidal"] {
        assert!(ours(List::Position, id).is_some(), "{id}");
    }
    assert!(ours(List::Selection, "plastic").is_some() && ours(List::Layout, "hold").is_some());
}

#[test]
fn lists_have_names_and_every_entry_is_in_one() {
    let lengths = [
        catalogue::masks().len(),
        catalogue::positions().len(),
        catalogue::products().len(),
        catalogue::selections().len(),
        catalogue::hybrids().len(),
        catalogue::layouts().len(),
        catalogue::normalisers().len(),
        catalogue::probabilities().len(),
        catalogue::mixes().len(),
        catalogue::estimators().len(),
        catalogue::recipes().len(),
        catalogue::streams().len(),
    ];
    assert_eq!(List::ALL.map(|list| summaries(list).len()), lengths);
    for list in List::ALL {
        assert_eq!(List::of(list.id()), Some(list));
        bilingual(list.id(), list.name(), true);
    }
    // Engines go by the names that requests give them.
    for entry in every_entry() {
        assert!(entry.engines.contains(&"reference"), "{}", entry.id);
        for name in entry.engines {
            let backend: Backend = serde_json::from_value((*name).into()).unwrap();
            assert_ne!(backend, Backend::Auto);
        }
    }
}

#[test]
fn every_entry_that_does_something_has_a_class() {
    for entry in every_entry() {
        let bare = is_plain(&entry) || (entry.list, entry.id) == (List::Layout, "plain");
        // Leaving positions out of some layers takes nothing and leaves every pair.
        let bare = bare || (entry.list, entry.id) == (List::Mix, "some-nope");
        assert_eq!(entry.cost.is_none(), bare && entry.list != List::Mask, "{}", entry.id);
        assert_eq!(entry.cost, entry.pairs.or(entry.work), "{}", entry.id);
    }
}

/// Allowed pairs of a selection with its default parameters over `n` normal tokens, of all four heads, and the columns there are.
fn pairs_of(id: &str, n: usize) -> (u64, Columns) {
    let dims = Dims { batch: 1, q_heads: 4, kv_heads: 4, n_q: n, n_k: n, d: 8, d_v: 8 };
    let normal = |seed| Arc::new(Rng::new(seed).normals(4 * n * 8).into_iter().map(|x| x as f32).collect());
    let inputs = Inputs { q: normal(1), k: normal(2), v: normal(3) };
    let tokens = vec![String::new(); n];
    let loaded = Loaded { dims, tokens_q: tokens.clone(), tokens_k: tokens, inputs, note: None };
    let mut experiment = Experiment { mask: MaskChoice::of("none"), ..Experiment::default() };
    experiment.choose(List::Selection, id);
    let (mut problem, mut inputs) = assemble(&experiment, &loaded).unwrap();
    lowering::lower(&mut problem, &mut inputs).unwrap();
    let plan = Plan::compile(&problem).unwrap();
    let mut rules = RowRules::new(&plan, plan.dims.n_k);
    let mut row = vec![0; plan.dims.n_k];
    let mut pairs = 0;
    for (h, q) in (0..4).flat_map(|h| (0..n).map(move |q| (h, q))) {
        rules.begin_row(&plan, 0, h, q);
        rules.mask(&plan, 0, &mut row);
        pairs += row.iter().map(|&on| u64::from(on)).sum::<u64>();
    }
    (pairs, Columns::new(&problem))
}

#[test]
fn the_pairs_of_selections_grow_as_they_say() {
    for entry in summaries(List::Selection) {
        let ((few, _), (many, columns)) = (pairs_of(entry.id, 256), pairs_of(entry.id, 512));
        assert_eq!(columns.tokens, 512);
        // What twice the tokens have beyond twice the pairs: nothing of n, half of n². A sum of both lies between.
        let beyond = 1.0 - 2.0 * few as f64 / many as f64;
        let wanted = match entry.pairs {
            Some(CostClass::Linear) => -0.05..0.05,
            Some(CostClass::Quadratic) | None => 0.25..0.55,
            Some(other) => panic!("{}: {other:?}", entry.id),
        };
        assert!(wanted.contains(&beyond), "{}: {few}, {many}", entry.id);
        let all = 4 * 512 * 512;
        assert!(entry.pairs.is_some() || many == all, "{}: {many} pairs are left of {all}", entry.id);
    }
}

#[test]
fn columns_are_the_tokens_they_stand_for() {
    let of = |id: &str| pairs_of(id, 30).1.of;
    let tokens: Vec<_> = (0..30).map(|token| token..token + 1).collect();
    assert_eq!(of("top-k"), tokens);
    // Groups of four, of which the last has two.
    assert_eq!(of("pool-keys"), (0..8).map(|i| 4 * i..(4 * i + 4).min(30)).collect::<Vec<_>>());
    let blocks = (0..4).map(|i| 8 * i..(8 * i + 8).min(30));
    assert_eq!(of("nsa"), tokens.iter().cloned().chain(blocks).collect::<Vec<_>>());
    assert_eq!(of("truncate"), tokens[..16]);
    assert_eq!(of("global-projections"), [tokens.clone(), tokens].concat());
    let (_, columns) = pairs_of("pool-keys", 6);
    let mut seen = [9; 6];
    columns.spread(&[0, 1], &mut seen);
    assert_eq!(seen, [0, 0, 0, 0, 1, 1]);
}
