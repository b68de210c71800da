//! Numbers rounded for a shorter link.

use crate::experiment::{Experiment, Hidden, Input, Weights};

/// Significant digits that the largest number of a matrix keeps.
const DIGITS: i32 = 3;

/// An experiment with its matrices rounded.
#[derive(Clone, Debug, PartialEq)]
pub struct Rounded {
    /// The experiment.
    pub experiment: Experiment,
    /// The largest change of any number.
    pub change: f32,
}

/// Rounds every matrix of the input to decimals of which its largest number keeps three digits; edits by hand stay as they are. `None` where the
/// input has no matrices: seeds and words need no rounding. The input says from then on by how much it was rounded, so that who opens the link reads it too.
pub fn round(experiment: &Experiment) -> Option<Rounded> {
    if !experiment.input.own_numbers() {
        return None;
    }
    let mut experiment = experiment.clone();
    let mut change = 0.0;
    match &mut experiment.input {
        Input::Numbers { q, k, v, .. } => {
            [q, k, v].into_iter().for_each(|matrix| matrix.change(|rows| matrix_of(rows, &mut change)));
        }
        Input::Projected { x, weights, weights_b, .. } => {
            match x {
                Hidden::Rows { rows } => matrix_of(rows, &mut change),
                Hidden::Image { cells, .. } | Hidden::TextImage { cells, .. } => list(cells, &mut change),
                Hidden::Generated { .. } | Hidden::Text { .. } | Hidden::Texts { .. } => {}
            }
            for weights in std::iter::once(weights).chain(weights_b) {
                if let Weights::Rows { q, k, v } = weights {
                    [q, k, v].into_iter().for_each(|matrix| matrix_of(matrix, &mut change));
                }
            }
        }
        Input::Capture { .. } | Input::Generated { .. } | Input::Text { .. } => {}
    }
    if let Input::Numbers { rounded, .. } | Input::Projected { rounded, .. } = &mut experiment.input
        && change > 0.0
    {
        // What was rounded before may be off by both.
        *rounded = upwards(*rounded + f64::from(change));
    }
    Some(Rounded { experiment, change })
}

fn matrix_of(rows: &mut [Vec<f32>], change: &mut f32) {
    let decimals = decimals(rows.iter().flatten());
    rows.iter_mut().for_each(|row| row.iter_mut().for_each(|x| nearest(x, decimals, change)));
}

fn list(numbers: &mut [f32], change: &mut f32) {
    let decimals = decimals(numbers.iter());
    numbers.iter_mut().for_each(|x| nearest(x, decimals, change));
}

/// Two digits of a bound, never below it: a short text in the link.
fn upwards(bound: f64) -> f64 {
    let step = 10f64.powi(1 - bound.log10().floor() as i32);
    (bound * step).ceil() / step
}

impl Input {
    /// Whether it holds matrices of the user's own, which a link can round.
    pub fn own_numbers(&self) -> bool {
        match self {
            Self::Numbers { .. } => true,
            Self::Projected { x, weights, weights_b, .. } => {
                let pasted = |weights: &Weights| matches!(weights, Weights::Rows { .. });
                matches!(x, Hidden::Rows { .. } | Hidden::Image { .. } | Hidden::TextImage { .. })
                    || pasted(weights)
                    || weights_b.as_ref().is_some_and(pasted)
            }
            Self::Capture { .. } | Self::Generated { .. } | Self::Text { .. } => false,
        }
    }

    /// By how much, at most, a link has rounded its numbers; 0 where they are exact.
    pub fn rounded(&self) -> f64 {
        match self {
            Self::Numbers { rounded, .. } | Self::Projected { rounded, .. } if self.own_numbers() => *rounded,
            _ => 0.0,
        }
    }
}

/// Decimals of which the largest number keeps [`DIGITS`] digits.
fn decimals<'a>(all: impl Iterator<Item = &'a f32>) -> i32 {
    let largest = all.fold(0.0_f32, |most, x| most.max(x.abs()));
    if largest == 0.0 { 0 } else { DIGITS - 1 - f64::from(largest).log10().floor() as i32 }
}

fn nearest(x: &mut f32, decimals: i32, change: &mut f32) {
    let step = 10f64.powi(decimals);
    // The quotient of whole numbers, which is what the link's decimals are.
    let rounded = if decimals >= 0 {
        ((f64::from(*x) * step).round() / step) as f32
    } else {
        let step = 10f64.powi(-decimals);
        ((f64::from(*x) / step).round() * step) as f32
    };
    // Adding zero takes the sign of a negative zero, which no decimal has.
    let rounded = rounded + 0.0;
    *change = change.max((rounded - *x).abs());
    *x = rounded;
}
