//! Formulas that become the user's own mean what they meant, and what can't become one says why.

use crate::native::common;

use attention_playground::attention::Plan;
use attention_playground::attention::combine::{Opening, opens, own_joined, own_mask, own_position};
use attention_playground::attention::reference::{At, allowed};
use attention_playground::catalogue::{List, Slot, every_entry, masks, mixes, positions, probabilities};
use attention_playground::experiment::{
    Choice, CustomFormula, Experiment, Join, Layer, MaskChoice, Patch, SoftcapOrder, check,
};
use common::patterns::{joined, layer, plan, same, sized};

/// What stands before the softcap takes it along.
#[test]
fn a_softcap_after_the_biases_becomes_part_of_the_formula() {
    let dims = sized(19, 23);
    let with_score = masks().iter().filter(|entry| entry.score.is_some());
    let mut count = 0;
    for entry in with_score {
        for position in ["none", "alibi", "rope", "kerple-log"] {
            let mut experiment = joined(Layer::of(Join::And, entry.id), vec![]);
            experiment.position = Choice::of(position);
            experiment.score = Some(CustomFormula { text: "s * 2 - 0.5 * k".to_owned(), params: vec![] });
            (experiment.softcap, experiment.conventions.softcap) = (1.5, SoftcapOrder::AfterBias);
            let opened = own_mask(&experiment, dims).unwrap_or_else(|why| panic!("{} {position}: {why}", entry.id));
            assert_eq!((check(&opened), opened.softcap), (Ok(()), 0.0), "{}", entry.id);
            same(&plan(&experiment, dims), &plan(&opened, dims));
            count += 1;
        }
    }
    assert!(count >= 8, "only {count}");
    // Without a part of the score the softcap stays where it is.
    let mut plain = joined(Layer::of(Join::And, "causal"), vec![]);
    (plain.softcap, plain.conventions.softcap) = (1.5, SoftcapOrder::AfterBias);
    assert_eq!(own_mask(&plain, dims).unwrap().softcap, 1.5);
    // A position scheme alone.
    let mut alone = plain;
    alone.position = Choice::of("alibi");
    let opened = own_position(&alone, dims).unwrap();
    assert_eq!(opened.softcap, 0.0);
    same(&plan(&alone, dims), &plan(&opened, dims));
}

/// The formula behind every entry can be opened, and then means the same.
#[test]
fn every_formula_of_the_catalogue_can_become_ones_own() {
    let dims = sized(19, 23);
    let tried = |experiment: Experiment, opened: Result<Experiment, _>, id: &str| {
        let opened: Experiment =
            opened.unwrap_or_else(|why: attention_playground::experiment::Message| panic!("{id}: {why}"));
        assert_eq!(check(&opened), Ok(()), "{id}");
        same(&plan(&experiment, dims), &plan(&opened, dims));
        opened
    };
    for entry in masks() {
        let mut experiment = joined(Layer::of(Join::And, entry.id), vec![]);
        for score in [None, Some(CustomFormula { text: "s * 2 - 0.5 * k".to_owned(), params: vec![] })] {
            experiment.score = score;
            let opened = tried(experiment.clone(), own_mask(&experiment, dims), entry.id);
            assert!(opened.mask.id == "custom" && opened.data.keys().count() == 0, "{}: {:?}", entry.id, opened.data);
        }
    }
    for entry in positions().iter().filter(|entry| matches!(entry.slot, Slot::Score { .. })) {
        let experiment =
            Experiment { position: Choice::of(entry.id), ..joined(Layer::of(Join::And, "causal"), vec![]) };
        let opened = tried(experiment.clone(), own_position(&experiment, dims), entry.id);
        assert_eq!((opened.position.id.as_str(), opened.score.is_some()), ("none", true));
    }
    // Two patterns whose tables have one name, and other numbers: one of them becomes a list.
    let bigbird = |op, random: f64| layer(op, "bigbird", &[("random", random)]);
    let two = joined(bigbird(Join::And, 1.0), vec![Layer { not: true, ..bigbird(Join::Or, 3.0) }]);
    let opened = tried(two.clone(), own_mask(&two, dims), "two");
    assert_eq!(opened.data.keys().collect::<Vec<_>>(), ["kept_2_list1"]);
    assert!(opened.mask.custom.unwrap().params.iter().any(|p| p.name == "block"));
}

/// A joined pattern alone, wherever it stands and however it is joined: the others stay as they are.
#[test]
fn every_joined_pattern_opens_by_itself() {
    let dims = sized(19, 23);
    let some = |layer: Layer| Layer { heads: Some(vec![1, 3]), ..layer };
    for entry in masks() {
        let rows = [
            vec![Layer::of(Join::And, entry.id)],
            vec![some(Layer::of(Join::Or, entry.id)), Layer::of(Join::Replace, "chunked-local")],
            vec![Layer::of(Join::And, "synaptic"), Layer { not: true, ..Layer::of(Join::Or, entry.id) }],
            vec![Layer::of(Join::Replace, entry.id), some(Layer::of(Join::Or, "synaptic"))],
        ];
        for (case, combine) in rows.into_iter().enumerate() {
            let at = combine.iter().position(|layer| layer.id == entry.id).unwrap();
            let experiment =
                Experiment { position: Choice::of("alibi"), ..joined(layer(Join::And, "causal", &[]), combine) };
            let opened = own_joined(&experiment, dims, at).unwrap_or_else(|why| panic!("{} {case}: {why}", entry.id));
            assert_eq!(check(&opened), Ok(()), "{} {case}", entry.id);
            same(&plan(&experiment, dims), &plan(&opened, dims));
            let Layer { op, not, heads, .. } = experiment.combine[at].clone();
            let now = &opened.combine[at];
            assert_eq!((now.id.as_str(), now.op, now.not, &now.heads), ("custom", op, not, &heads));
            let text = &now.custom.as_ref().unwrap().text;
            assert_eq!(text, entry.formula, "{case}: its own formula, with its own names");
            for other in (0..experiment.combine.len()).filter(|other| *other != at) {
                assert_eq!(experiment.combine[other], opened.combine[other]);
            }
            assert_eq!((&experiment.mask, &experiment.position), (&opened.mask, &opened.position));
        }
    }
    let nothing = joined(layer(Join::And, "causal", &[]), vec![]);
    assert!(own_joined(&nothing, dims, 0).is_err());
}

/// Something that multiplies the score can't change places with what adds to it.
#[test]
fn a_part_of_the_score_does_not_pass_one_that_multiplies() {
    let dims = sized(9, 9);
    let base = joined(layer(Join::And, "synaptic", &[]), vec![]);
    let with = |id: &str| Experiment { position: Choice::of(id), ..base.clone() };
    for (position, opens) in [("none", true), ("alibi", true), ("scalable-softmax", false)] {
        let experiment = with(position);
        let opened = own_mask(&experiment, dims);
        assert_eq!(opened.is_ok(), opens, "{position}");
        if let Ok(opened) = opened {
            same(&plan(&experiment, dims), &plan(&opened, dims));
        }
    }
    let row = Experiment { combine: vec![Layer::of(Join::And, "synaptic")], ..with("scalable-softmax") };
    assert!(own_joined(&row, dims, 0).is_err());
    // A pattern without a part of the score passes everything.
    let plain = Experiment { mask: MaskChoice::of("causal"), ..with("scalable-softmax") };
    same(&plan(&plain, dims), &plan(&own_mask(&plain, dims).unwrap(), dims));
}

#[test]
fn a_mix_of_layers_becomes_one_more_pattern() {
    let dims = sized(19, 23);
    let mut opened_mixes = 0;
    for mix in mixes() {
        for number in [1.0, 6.0, 7.0] {
            let mut layers = Choice::of(mix.id);
            layers.params.insert("layer".to_owned(), number);
            let experiment = Experiment { layers, ..joined(layer(Join::And, "synaptic", &[]), vec![]) };
            let opened = Opening::Chosen(List::Mix).open(&experiment, dims);
            assert_eq!(opened.is_err(), mix.bare, "{}", mix.id);
            let Ok(opened) = opened else { continue };
            assert_eq!(check(&opened), Ok(()), "{}", mix.id);
            assert_eq!((opened.layers.id.as_str(), opened.combine.len()), ("same", 1));
            let (before, after) = (plan(&experiment, dims), plan(&opened, dims));
            // Scores count where pairs are allowed, in both.
            weighed(&before, &after);
            opened_mixes += 1;
        }
    }
    assert!(opened_mixes >= 3, "only {opened_mixes}");
    // Painted over a mask that changes scores they would not be the same.
    let patch = Patch { head: None, q: [0, 4], k: [4, 9], allow: true };
    let painted = Experiment {
        layers: Choice::of("local-global"),
        paint: vec![patch],
        ..joined(layer(Join::And, "synaptic", &[]), vec![])
    };
    assert!(Opening::Chosen(List::Mix).open(&painted, dims).is_err());
}

/// The same allowed pairs, and on those the same scores.
fn weighed(a: &Plan, b: &Plan) {
    for (h, q, k) in (0..4).flat_map(|h| (0..a.dims.n_q).flat_map(move |q| (0..a.dims.n_k).map(move |k| (h, q, k)))) {
        let at = At { b: 0, h, q, k };
        assert_eq!(allowed(a, at), allowed(b, at), "{at:?}");
        let [h, q, k] = [h, q, k].map(|x| x as i32);
        let score = |plan: &Plan| plan.bias.iter().fold(0.75, |s, bias| bias.score_at(s, 0, h, q, k));
        assert!(!allowed(a, at) || (score(a) - score(b)).abs() < 1e-6, "{at:?}");
    }
}

#[test]
fn a_softcap_becomes_a_formula_where_nothing_comes_between() {
    let dims = sized(9, 11);
    let base = Experiment { softcap: 2.5, ..joined(layer(Join::And, "causal", &[]), vec![]) };
    for (order, position, score, opens) in [
        (SoftcapOrder::BeforeBias, "none", None, true),
        (SoftcapOrder::BeforeBias, "none", Some("s * 2 - k"), true),
        (SoftcapOrder::BeforeBias, "alibi", None, false),
        (SoftcapOrder::AfterBias, "alibi", Some("s * 2 - k"), true),
    ] {
        let score = score.map(|text| CustomFormula { text: text.to_owned(), params: vec![] });
        let mut experiment = Experiment { position: Choice::of(position), score, ..base.clone() };
        experiment.conventions.softcap = order;
        let opened = Opening::Softcap.open(&experiment, dims);
        assert_eq!(opened.is_ok(), opens, "{order:?} {position}");
        let Ok(opened) = opened else { continue };
        assert_eq!((check(&opened), opened.softcap), (Ok(()), 0.0));
        assert_eq!(opened.score.as_ref().unwrap().params[0].name, "softcap");
        same(&plan(&experiment, dims), &plan(&opened, dims));
    }
}

/// Each entry opens once it is chosen, or says in both languages why it does not; only what does nothing is silent.
#[test]
fn every_entry_opens_or_says_why_not() {
    let dims = sized(9, 9);
    let silent = ["none", "plain"];
    for entry in every_entry().filter(|entry| entry.list != List::Generator) {
        let mut experiment = joined(layer(Join::And, "causal", &[]), vec![]);
        experiment.choose(entry.list, entry.id);
        let which = Opening::Chosen(entry.list);
        assert_eq!(which.state(&experiment), opens(entry.list, entry.id), "{}", entry.id);
        match which.state(&experiment) {
            None => assert!(silent.contains(&entry.id) && entry.list != List::Mask, "{}", entry.id),
            Some(Err(why)) => {
                assert!(
                    !why.en.is_empty() && !why.zh.is_empty() && which.open(&experiment, dims).is_err(),
                    "{}",
                    entry.id
                );
            }
            Some(Ok(())) => {
                let opened = which.open(&experiment, dims).unwrap_or_else(|why| panic!("{}: {why}", entry.id));
                assert_eq!(check(&opened), Ok(()), "{}", entry.id);
                // A formula of one's own is not opened again.
                assert_eq!(which.state(&opened), None, "{}", entry.id);
            }
        }
    }
    assert!(probabilities().iter().all(|entry| opens(List::Probability, entry.id) == Some(Ok(()))));
}
