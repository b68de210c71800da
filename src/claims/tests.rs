//! Every claim from end to end on real engines, and every rule by doctored measurements.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use super::answer::{Answer, Answers};
use super::native_tests::measure;
use super::*;
use crate::analysis::statistics::Summary;
use crate::analysis::sweep;
use crate::catalogue::{Lang, Text};
use crate::experiment::{check, decode, encode};

/// What was measured, changed by hand, and the verdict that is due.
pub struct Case {
    /// What is changed.
    name: &'static str,
    /// The change.
    doctor: fn(&Settings, &mut Answers),
    /// The verdict.
    due: Verdict,
}

impl Case {
    /// As it was measured: for claims whose numbers are no times.
    pub fn plain(due: Verdict) -> Self {
        Self { name: "as measured", doctor: |_, _| {}, due }
    }

    /// As if something else had been measured.
    pub fn doctored(name: &'static str, due: Verdict, doctor: fn(&Settings, &mut Answers)) -> Self {
        Self { name, doctor, due }
    }
}

/// Gives every time whose key begins so samples that follow `x^exponent`, a hundredth off up and down.
pub fn grows(answers: &mut Answers, prefix: &str, exponent: f64) {
    times(answers, prefix, |x| 1e-3 * x.powf(exponent));
}

/// Gives every time whose key begins so samples around what is told for its place.
pub fn times(answers: &mut Answers, prefix: &str, of: impl Fn(f64) -> f64) {
    for (key, answer) in answers.iter_mut() {
        if let (true, Answer::Timed(timed)) = (key.starts_with(prefix), answer) {
            let samples = [0.99, 1.0, 1.01, 1.0, 0.995].map(|off| off * of(timed.x));
            timed.summary = Summary::of(&samples, 0.0, 1).unwrap();
        }
    }
}

/// A claim on real engines with every slider at its least, and its rule by doctored measurements.
pub fn examine(claim: &'static Claim, cases: &[Case]) {
    let settings = Settings::least(claim.sliders);
    let bench = measure(claim, settings.clone());
    assert!(bench.is_done(), "{}", claim.id);
    let answers = bench.answers();
    for (ask, answer) in answers.iter() {
        match answer {
            None => panic!("{}: {} was not answered", claim.id, ask.key),
            Some(Answer::Failed(why)) => panic!("{}: {}: {why}", claim.id, ask.key),
            Some(_) => {}
        }
    }
    let found = [Lang::En, Lang::Zh].map(|lang| claim.find(&settings, answers, true, lang));
    for finding in &found {
        assert_ne!(finding.verdict, Verdict::Unfinished, "{}", claim.id);
        assert!(!finding.because.is_empty() && !finding.tables.is_empty(), "{}", claim.id);
        for table in &finding.tables {
            assert!(table.rows.iter().all(|row| row.len() == table.head.len()), "{}: {}", claim.id, table.title);
        }
    }
    let shape = |finding: &Finding| {
        let rows: Vec<usize> = finding.tables.iter().map(|table| table.rows.len()).collect();
        let series: Vec<usize> = finding.charts.iter().map(|chart| chart.series.len()).collect();
        (finding.verdict, rows, series)
    };
    assert_eq!(shape(&found[0]), shape(&found[1]), "{}", claim.id);
    bilingual(claim.id, &found[0].because, &found[1].because);
    println!("{}: {:?}. {} {}", claim.id, found[0].verdict, found[0].because, found[0].margin);
    for finding in &found {
        let mut slots: Vec<usize> = finding.charts.iter().flat_map(|c| c.series.iter().map(|one| one.slot)).collect();
        slots.sort_unstable();
        assert!(finding.charts.iter().all(|chart| !chart.title.is_empty() && !chart.series.is_empty()), "{}", claim.id);
    }
    if !claim.measured {
        assert_eq!(found[0].verdict, Verdict::NotSettled, "{}", claim.id);
        return;
    }
    assert!(!found[0].charts.is_empty() && !found[0].margin.is_empty(), "{}", claim.id);
    partly(claim, &settings, answers);
    let mut due: Vec<&str> = Vec::new();
    for case in cases {
        let mut doctored = answers.clone();
        (case.doctor)(&settings, &mut doctored);
        let finding = claim.find(&settings, &doctored, true, Lang::En);
        assert_eq!(finding.verdict, case.due, "{}, {}: {}", claim.id, case.name, finding.because);
        due.push(case.due.id());
    }
    due.sort_unstable();
    due.dedup();
    assert!(due.len() > 1, "{}: no doctored measurement gives another verdict", claim.id);
}

/// While things are measured there is no verdict, and nothing is taken for granted; where a part can't be had, none either.
fn partly(claim: &'static Claim, settings: &Settings, answers: &Answers) {
    let all: Vec<(Ask, Answer)> = answers.iter().map(|(ask, answer)| (ask.clone(), answer.unwrap().clone())).collect();
    for count in 0..all.len() {
        let mut part = Answers::none();
        part.add(all.iter().map(|(ask, _)| ask.clone()).collect());
        all.iter().take(count).for_each(|(ask, answer)| part.put(&ask.key, answer.clone()));
        assert_eq!(claim.find(settings, &part, false, Lang::Zh).verdict, Verdict::Unfinished, "{}", claim.id);
    }
    let needed = all.iter().find(|(ask, _)| !ask.optional).expect("something that the verdict needs");
    let mut lost = answers.clone();
    lost.put(&needed.0.key, Answer::Failed("no room".into()));
    let finding = claim.find(settings, &lost, true, Lang::En);
    assert_eq!(finding.verdict, Verdict::NotSettled, "{}", claim.id);
    assert!(finding.because.contains("no room"), "{}", claim.id);
}

/// A text has both languages, and they are not the same.
fn bilingual(of: &str, en: &str, zh: &str) {
    let chinese = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
    assert!(!en.is_empty() && !chinese(en), "{of}: {en}");
    assert!(chinese(zh), "{of}: {zh}");
}

#[test]
fn every_claim_is_told_in_both_languages() {
    assert_eq!(CASES.len(), all().len());
    for claim in all() {
        let Claim { id, title, says, setup, changes, limits, .. } = claim;
        let told = |text: &Text| bilingual(id, text.en, text.zh);
        [title, says, setup, changes, limits].into_iter().for_each(told);
        bilingual(id, &(claim.rule)(Lang::En), &(claim.rule)(Lang::Zh));
        assert!(!claim.essays.is_empty() && !claim.literature.is_empty(), "{id}");
        for source in claim.literature {
            told(&source.says);
            let known = ["arXiv:", "doi:"].iter().any(|kind| source.paper.id.starts_with(kind));
            assert!(known || source.paper.id.contains('.'), "{id}: {}", source.paper.id);
        }
        for slider in claim.sliders {
            told(&slider.name);
            assert!(slider.stops.windows(2).all(|pair| pair[0] < pair[1]), "{id}: {}", slider.id);
            assert!([slider.usual, slider.deeper].iter().all(|at| slider.stops.contains(at)), "{id}: {}", slider.id);
            assert!(slider.names.is_empty() || slider.names.len() == slider.stops.len(), "{id}: {}", slider.id);
        }
        assert_eq!(all().iter().filter(|other| other.id == *id).count(), 1);
    }
}

#[test]
fn every_opening_is_a_link_to_a_sound_experiment() {
    for claim in all() {
        for settings in [Settings::usual(claim.sliders), Settings::deeper(claim.sliders)] {
            let openings = (claim.open)(&settings);
            assert!(!openings.is_empty() || !claim.measured, "{}", claim.id);
            for Opening { name, experiment } in openings {
                bilingual(claim.id, name.en, name.zh);
                assert_eq!(check(&experiment), Ok(()), "{}: {}", claim.id, name.en);
                let link = encode(&experiment);
                assert_eq!(decode(&link).experiment, experiment, "{}: {}", claim.id, name.en);
            }
        }
    }
}

#[test]
fn asks_are_sound_and_have_names_of_their_own() {
    for claim in all() {
        for settings in [Settings::usual(claim.sliders), Settings::deeper(claim.sliders)] {
            let asks = (claim.asks)(&settings, &Answers::none());
            for ask in &asks {
                let experiment = match &ask.work {
                    Work::Run { experiment, .. } | Work::Gradients { experiment, .. } => Some(experiment),
                    Work::Fit { experiment, .. } => Some(experiment),
                    Work::Estimate { experiment, .. } => Some(experiment),
                    Work::Time { work, .. } => match work.as_ref() {
                        sweep::Work::Attention(experiment) => Some(experiment),
                        sweep::Work::Estimate(_) => None,
                    },
                };
                // More tokens than the page edits live are no fault of what is computed once.
                let faults = experiment.and_then(|experiment| check(experiment).err()).unwrap_or_default();
                let known = |path: &str| path.starts_with("input.size.n_");
                assert!(faults.0.iter().all(|fault| known(&fault.path)), "{}: {}: {faults}", claim.id, ask.key);
                assert_eq!(asks.iter().filter(|other| other.key == ask.key).count(), 1, "{}: {}", claim.id, ask.key);
            }
        }
    }
}

/// At the sizes that the page opens with; `CLAIMS=noise,remedies` measures some of them only.
#[test]
#[ignore = "minutes without optimisation"]
#[allow(clippy::disallowed_methods, reason = "native")]
fn every_claim_can_be_measured_at_its_usual_size() {
    let wanted = std::env::var("CLAIMS").unwrap_or_default();
    for claim in all().iter().filter(|claim| wanted.is_empty() || wanted.split(',').any(|id| id == claim.id)) {
        let settings = Settings::usual(claim.sliders);
        let start = std::time::Instant::now();
        let bench = measure(claim, settings.clone());
        let finding = claim.find(&settings, bench.answers(), true, Lang::En);
        let told = format!("{}: {:?}. {} {}", claim.id, finding.verdict, finding.because, finding.margin);
        println!("{told} ({:.1} s)", start.elapsed().as_secs_f64());
        for table in &finding.tables {
            println!("  {}: {:?}", table.title, table.head);
            table.rows.iter().for_each(|row| println!("    {row:?}"));
        }
        assert!(bench.answers().refused().is_none() && finding.verdict != Verdict::Unfinished, "{told}");
    }
}
