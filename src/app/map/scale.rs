//! From a value of a stage to a colour: scores diverge around zero, weights rise from zero on a square-root scale.

use crate::app::controls::fixed;
use crate::app::palette::{Palette, Rgb};
use crate::engine::Map;
use crate::experiment::Stage;

/// Colour scale of one picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// What the values are.
    pub stage: Stage,
    /// Largest absolute value; never 0.
    pub top: f32,
}

impl Scale {
    /// The scale that spans the finite values of `map`.
    pub fn of(map: &Map) -> Self {
        let top = map.values.iter().filter(|v| v.is_finite()).fold(0.0f32, |top, v| top.max(v.abs()));
        Self { stage: map.request.stage, top: if top > 0.0 { top } else { 1.0 } }
    }

    /// Whether values are weights (never negative).
    pub fn is_weights(&self) -> bool {
        self.stage == Stage::Weights
    }

    /// Colour of a value, or `None` where the mask allows nothing.
    pub fn colour(&self, palette: &Palette, value: f32) -> Option<Rgb> {
        if value.is_nan() || value == f32::NEG_INFINITY {
            return None;
        }
        Some(self.at(palette, value / self.top))
    }

    /// Colour of a share of the top value, −1 to 1 (0 to 1 for weights).
    pub fn at(&self, palette: &Palette, share: f32) -> Rgb {
        if self.is_weights() { palette.weight(share) } else { palette.diverging(share) }
    }

    /// A value as it is written into a cell: weights in percent, scores with as many places as help.
    pub fn label(&self, value: f32) -> Option<String> {
        if self.is_weights() {
            let percent = value * 100.0;
            (percent >= 0.5).then(|| fixed(f64::from(percent), 0))
        } else {
            Some(if value.abs() >= 10.0 { fixed(f64::from(value), 0) } else { fixed(f64::from(value), 1) })
        }
    }
}
