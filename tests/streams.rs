//! Two streams joined as each entry says, against NumPy (`tests/independent/streams.py`), and the mask's switches against what is written of them.

use attention_playground::attention::{Plan, assemble, load, reference};
use attention_playground::catalogue::{self, List, StreamEntry};
use attention_playground::experiment::{Experiment, Input, MaskChoice, check};
use attention_playground::formula::{Kind, Scalar, Scope, Sizes, Sorted, Ty, Values, compile};
use attention_playground::interchange::SerdeJson;
use serde::Deserialize;

/// Q, K and V are rounded to f32; the rest of the reference is f64.
const TOLERANCE: f64 = 2e-6;

#[derive(Deserialize)]
struct Case {
    stream: String,
    input: Input,
    y: Vec<f64>,
}

#[test]
fn numpy_joins_streams_to_the_same_outputs() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("independent/streams.json")).unwrap();
    for entry in catalogue::streams() {
        assert_eq!(cases.iter().filter(|case| case.stream == entry.id).count(), 2, "{}", entry.id);
    }
    for case in cases {
        let mut e = Experiment { input: case.input, mask: MaskChoice::of("none"), ..Experiment::default() };
        e.choose(List::Stream, &case.stream);
        assert_eq!(e.chosen(List::Stream), case.stream);
        check(&e).unwrap();
        let loaded = load::<SerdeJson>(&e.input, None).unwrap();
        let (problem, inputs) = assemble(&e, &loaded).unwrap();
        let y = reference::attend(&Plan::compile(&problem).unwrap(), &inputs).y;
        assert_eq!(y.len(), case.y.len());
        let worst = y.iter().zip(&case.y).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst < TOLERANCE, "{}: off by {worst}", case.stream);
    }
}

#[test]
fn what_is_written_of_an_entry_is_its_mask_with_its_switches() {
    let mask = catalogue::mask(StreamEntry::MASK).unwrap();
    for entry in catalogue::streams() {
        for first in [0, 1, 5, 9] {
            let truth = |formula: &str, params: &[(&str, Ty, f64)]| {
                let scope = Scope { params: params.iter().map(|p| (p.0.to_owned(), p.1)).collect(), data: vec![] };
                let scalar =
                    |ty: Ty, x: f64| if ty == Ty::Bool { Scalar::Bool(x != 0.0) } else { Scalar::Int(x as i32) };
                let values = Values {
                    sizes: Sizes { batch: 1, heads: 1, n_q: 9, n_k: 9, offset: vec![0] },
                    params: params.iter().map(|p| (p.0.to_owned(), scalar(p.1, p.2))).collect(),
                    data: Sorted::new(),
                };
                let bound = compile(formula, Kind::Mask, &scope).unwrap().bind(&values).unwrap();
                (0..81).map(|at| bound.mask_at(0, 0, at / 9, at % 9)).collect::<Vec<_>>()
            };
            let length = ("first", Ty::Int, f64::from(first));
            let switches = StreamEntry::SWITCHES.iter().zip(entry.looks);
            let switches = switches.map(|(name, on)| (*name, Ty::Bool, f64::from(u8::from(on))));
            let set: Vec<_> = switches.chain([length]).collect();
            assert_eq!(truth(entry.formula, &[length]), truth(mask.formula, &set), "{} {first}", entry.id);
        }
    }
}
