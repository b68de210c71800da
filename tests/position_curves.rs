//! Curves of position schemes, as the page measures them on the CPU's kernels, against those that a script of NumPy made by the papers' formulas
//! (`tests/independent/positions.py`).

use attention_playground::analysis::positions::{Bench, Effect, Queries, probe};
use attention_playground::attention::Plan;
use attention_playground::catalogue;
use attention_playground::engine::cpu::Kernels;
use attention_playground::engine::{MapRequest, Pool, Session};
use attention_playground::experiment::{Algorithm, Backend, Experiment, Stage};
use serde::Deserialize;

/// Of the curve's largest value: sums of sixteen products in single precision, and 1 taken off where biases are read.
const TOLERANCE: f64 = 1e-6;

#[derive(Deserialize)]
struct File {
    d: usize,
    heads: usize,
    head: usize,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    scheme: String,
    length: usize,
    trained: usize,
    curve: Vec<f64>,
}

#[test]
fn curves_are_those_of_the_papers() {
    let File { d, heads, head, cases } = serde_json::from_str(include_str!("independent/positions.json")).unwrap();
    for Case { scheme, length, trained, curve } in &cases {
        let catalogue::PositionLine { entry, set, .. } = catalogue::position_line(scheme).unwrap();
        let given = set.map(|(name, value)| (name.to_owned(), value)).into_iter().collect();
        let bench = Bench { length: *length, trained: *trained, heads, d };
        // The paper of dynamic NTK, and the default, have factor 1.
        let (problem, inputs) = probe(entry, &given, &Experiment::default(), bench, Queries::Last).unwrap();
        let plan = Plan::compile(&problem).unwrap();
        let mut session = Session::new(plan, inputs, Backend::Cpu, Algorithm::Materialised, &Kernels::SEPARATE, || 0.0);
        let (width, q, k) = (*length, 0..1, 0..*length);
        let pool = Pool::Mean;
        let request = MapRequest { stage: Stage::Biased, batch: 0, head, q, k, width, height: 1, pool };
        let found = Effect::of(entry).curve(session.map(&request).0.values);
        let top = curve.iter().fold(1.0_f64, |top, x| top.max(x.abs()));
        assert_eq!(found.len(), curve.len());
        for (distance, (found, wanted)) in found.iter().zip(curve).enumerate() {
            let off = (f64::from(*found) - wanted).abs();
            assert!(
                off <= TOLERANCE * top,
                "{scheme}, {length} of {trained}, distance {distance}: {found} is not {wanted}"
            );
        }
    }
}
