//! What links hold beside the experiment: the setting that it is compared with, and the laboratory that the page opens with.

use std::sync::Arc;

use attention_playground::experiment::{
    Choice, Experiment, Form, Input, Laboratory, LaboratoryId, MaskChoice, Pinned, decode, differing, encode,
    encode_as, with_laboratory, with_pinned,
};

fn masked(id: &str) -> Experiment {
    Experiment { mask: MaskChoice::of(id), ..Experiment::default() }
}

fn pinned(experiment: Experiment, same_inputs: bool) -> Pinned {
    Pinned { experiment: Arc::new(experiment), same_inputs }
}

/// Links that were once given out, with what they must open as for ever. Never change a line; add new ones.
#[test]
fn golden_links_of_two_settings() {
    for (link, experiment, beside) in [
        ("v1&compare=v1%26mask%3Dcausal", Experiment::default(), pinned(masked("causal"), false)),
        ("v1&mask=dilated&compare=v1&compare.inputs=same", masked("dilated"), pinned(Experiment::default(), true)),
        (
            "#v1&compare.inputs=same&compare=v1%26position%3Dalibi&mask=causal",
            masked("causal"),
            pinned(Experiment { position: Choice::of("alibi"), ..Experiment::default() }, true),
        ),
    ] {
        let opened = decode(link);
        assert_eq!(
            (opened.experiment, opened.pinned, opened.problems),
            (experiment, Some(beside), Vec::new()),
            "{link}"
        );
    }
}

#[test]
fn a_link_of_two_settings_is_written_in_one_way() {
    let beside = pinned(masked("causal"), true);
    let link = "v1&mask=dilated&compare=v1%26mask=causal&compare.inputs=same";
    assert_eq!(with_pinned(&encode(&masked("dilated")), &beside), link);
    assert_eq!((decode(link).experiment, decode(link).pinned), (masked("dilated"), Some(beside)));
}

#[test]
fn both_settings_come_back_in_either_form() {
    let mut large = masked("causal");
    large.input = Input::one_head(vec![vec![0.25; 8]; 40], vec![vec![-1.5; 8]; 40], vec![vec![3.0; 8]; 40]);
    for (a, b) in
        [(masked("dilated"), Experiment::default()), (large.clone(), masked("none")), (masked("causal"), large)]
    {
        for form in [Form::Readable, Form::Packed] {
            for same_inputs in [false, true] {
                let beside = pinned(a.clone(), same_inputs);
                let opened = decode(&with_pinned(&encode_as(&b, form), &beside));
                assert_eq!((opened.experiment, opened.pinned, opened.problems), (b.clone(), Some(beside), Vec::new()));
            }
        }
    }
    // The default experiment's own fragment is empty.
    let opened = decode(&with_pinned("", &pinned(masked("causal"), false)));
    assert_eq!((opened.experiment, opened.problems), (Experiment::default(), Vec::new()));
    assert_eq!(opened.pinned.unwrap().experiment.mask.id, "causal");
}

#[test]
fn what_is_wrong_with_the_second_setting_is_named_and_the_first_opens() {
    for (link, path) in [
        ("v1&mask=causal&compare=nonsense", "compare"),
        ("v1&mask=causal&compare=v1%26nope%3D1", "compare.nope"),
        ("v1&mask=causal&compare=v1%26compare%3Dv1", "compare.compare"),
        ("v1&mask=causal&compare=v1&compare.inputs=other", "compare.inputs"),
        ("v1&mask=causal&compare.inputs=same", "compare.inputs"),
        ("v1&mask=causal&compare.more=1", "compare.more"),
    ] {
        let opened = decode(link);
        let paths: Vec<&str> = opened.problems.iter().map(|issue| issue.path.as_str()).collect();
        assert_eq!((opened.experiment.mask.id.as_str(), paths), ("causal", vec![path]), "{link}");
    }
    assert_eq!(decode(&encode(&masked("causal"))).pinned, None);
}

#[test]
fn a_second_setting_is_not_opened_again_and_again() {
    // Each level would double what is read.
    let mut link = "v1".to_owned();
    for _ in 0..8 {
        link = with_pinned("v1", &pinned(Experiment::default(), false))
            .replace("compare=v1", &format!("compare={}", escaped(&link)));
    }
    let opened = decode(&link);
    assert!(opened.pinned.is_some() && opened.problems.len() == 1);
}

fn escaped(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

#[test]
fn fields_that_differ_are_listed_with_both_values() {
    let mut b = masked("dilated");
    b.softcap = 20.0;
    b.view.head = 0;
    let found = differing(&Experiment::default(), &b);
    let at = |key: &str| found.iter().find(|one| one.key == key).map(|one| (one.a.as_deref(), one.b.as_deref()));
    assert_eq!(at("softcap"), Some((None, Some("20"))));
    assert_eq!(at("mask"), Some((None, Some("dilated"))));
    assert!(at("view.head").is_none() && differing(&b, &b).is_empty());
    let mut large = b.clone();
    large.input = Input::one_head(vec![vec![0.5; 64]; 64], vec![vec![0.5; 64]; 64], vec![vec![0.5; 64]; 64]);
    assert_eq!(differing(&b, &large).iter().map(|one| one.key.as_str()).collect::<Vec<_>>(), ["input"]);
}

fn laboratory(id: LaboratoryId, settings: &[(&str, &str)]) -> Laboratory {
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Laboratory { id, settings }
}

/// Links that were once given out, with what they must open as for ever. Never change a line; add new ones.
#[test]
fn golden_links_of_laboratories() {
    for (link, experiment, opened) in [
        ("v1&lab=timing", Experiment::default(), laboratory(LaboratoryId::Timing, &[])),
        (
            "#v1&mask=dilated&lab=timing&lab.over=heads&lab.ways=dense,mask:dilated",
            masked("dilated"),
            laboratory(LaboratoryId::Timing, &[("over", "heads"), ("ways", "dense,mask:dilated")]),
        ),
        (
            "v1&lab.length=256&lab=positions&lab.length=512",
            Experiment::default(),
            laboratory(LaboratoryId::Positions, &[("length", "512")]),
        ),
    ] {
        let found = decode(link);
        assert_eq!(
            (found.experiment, found.laboratory, found.pinned, found.problems),
            (experiment, Some(opened), None, Vec::new()),
            "{link}"
        );
    }
}

#[test]
fn a_laboratory_stands_beside_everything_else_in_either_form() {
    let mut large = masked("causal");
    large.input = Input::one_head(vec![vec![0.25; 8]; 40], vec![vec![-1.5; 8]; 40], vec![vec![3.0; 8]; 40]);
    let open = laboratory(LaboratoryId::Timing, &[("ways", "dense,estimator:performer"), ("from", "64")]);
    let beside = pinned(masked("dilated"), true);
    for form in [Form::Readable, Form::Packed] {
        let link = with_laboratory(&with_pinned(&encode_as(&large, form), &beside), &open);
        let found = decode(&link);
        assert_eq!(
            (found.experiment, found.pinned, found.laboratory, found.problems),
            (large.clone(), Some(beside.clone()), Some(open.clone()), Vec::new())
        );
    }
    assert_eq!(with_laboratory("", &laboratory(LaboratoryId::Positions, &[])), "v1&lab=positions");
    assert_eq!(decode("v1&mask=causal").laboratory, None);
}

#[test]
fn what_no_laboratory_has_is_named() {
    let long = format!("v1&lab=timing&lab.ways={}", "a".repeat(5000));
    for (link, opens, paths) in [
        ("v1&lab=timnig", false, vec!["lab"]),
        ("v1&lab.from=64", false, vec!["lab.from"]),
        ("v1&lab=timing&lab.a.b=1&mask=causal", true, vec!["lab.a.b"]),
        (long.as_str(), true, vec!["lab.ways"]),
        ("v1&compare=v1%26lab%3Dtiming", false, vec!["compare.lab"]),
    ] {
        let found = decode(link);
        let named: Vec<&str> = found.problems.iter().map(|issue| issue.path.as_str()).collect();
        assert_eq!((found.laboratory.is_some(), named), (opens, paths), "{link}");
    }
}
