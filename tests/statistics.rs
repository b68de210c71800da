//! Statistics of times against those that a script of NumPy computed by the definitions (`tests/independent/times.py`).

use attention_playground::analysis::statistics::{
    Interval, deviation, far_off, median, of_median, of_ratio, power_law, quantile,
};
use serde::Deserialize;

/// Of a number: a handful of operations in double precision, and two libraries' logarithms.
const TOLERANCE: f64 = 1e-12;

#[derive(Deserialize)]
struct Known {
    samples: Vec<Samples>,
    ratios: Vec<Ratio>,
    laws: Vec<Law>,
}

#[derive(Deserialize)]
struct Samples {
    samples: Vec<f64>,
    step: f64,
    seed: u64,
    median: f64,
    quantiles: Vec<[f64; 2]>,
    deviation: f64,
    far: Vec<bool>,
    interval: Option<[f64; 2]>,
}

#[derive(Deserialize)]
struct Ratio {
    over: Vec<f64>,
    under: Vec<f64>,
    seed: u64,
    ratio: f64,
    interval: [f64; 2],
}

#[derive(Deserialize)]
struct Law {
    places: Vec<(f64, Vec<f64>)>,
    seed: u64,
    exponent: f64,
    factor: f64,
    interval: [f64; 2],
}

fn known() -> Known {
    serde_json::from_str(include_str!("independent/times.json")).unwrap()
}

fn near(found: f64, wanted: f64) {
    assert!((found - wanted).abs() <= TOLERANCE * wanted.abs().max(1.0), "{found} is not {wanted}");
}

fn between(found: Option<Interval>, wanted: Option<[f64; 2]>) {
    match (found, wanted) {
        (Some(found), Some([low, high])) => {
            near(found.low, low);
            near(found.high, high);
        }
        (found, wanted) => assert!(found.is_none() && wanted.is_none(), "{found:?} is not {wanted:?}"),
    }
}

#[test]
fn medians_quantiles_and_far_samples_are_numpys() {
    for case in known().samples {
        near(median(&case.samples).unwrap(), case.median);
        near(deviation(&case.samples).unwrap(), case.deviation);
        for [share, wanted] in case.quantiles {
            near(quantile(&case.samples, share).unwrap(), wanted);
        }
        assert_eq!(far_off(&case.samples, case.step).unwrap(), case.far);
        between(of_median(&case.samples, case.seed), case.interval);
    }
}

#[test]
fn ratios_have_the_intervals_of_the_same_draws() {
    for case in known().ratios {
        let (ratio, interval) = of_ratio(&case.over, &case.under, case.seed).unwrap();
        near(ratio, case.ratio);
        between(interval, Some(case.interval));
    }
}

#[test]
fn exponents_are_medians_of_slopes() {
    for case in known().laws {
        let places: Vec<(f64, &[f64])> = case.places.iter().map(|(x, y)| (*x, y.as_slice())).collect();
        let fit = power_law(&places, case.seed).unwrap();
        near(fit.exponent, case.exponent);
        near(fit.factor, case.factor);
        between(fit.interval, Some(case.interval));
    }
}
