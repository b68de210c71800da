//! The kernels of a plan, by what they do.

use super::streaming::Height;

/// A kernel of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// All stages at once over live tiles.
    Streaming {
        /// Weights from a running maximum and sum; else from a log-sum-exp that is known already.
        online: bool,
        /// Outputs, or row statistics only.
        values: bool,
        /// Entropy and peak too.
        stats: bool,
        /// Query rows of a workgroup.
        height: Height,
        /// Several workgroups share the keys of a row and leave parts of it.
        split: bool,
    },
    /// What several workgroups found of the keys of one row, together.
    Merge {
        /// As of the streaming kernel.
        online: bool,
        /// As of the streaming kernel.
        values: bool,
        /// As of the streaming kernel.
        stats: bool,
    },
    /// A rectangle of one stage.
    Cells,
    /// Slots over a matrix in place.
    Slots,
    /// Masked scores to weights.
    Normalise {
        /// Entropy and peak too.
        stats: bool,
    },
    /// Weights times values.
    Values,
    /// Cells to pixels.
    Pool {
        /// Masked cells are no part of the picture.
        hides: bool,
        /// Mean, else the cell of largest size.
        mean: bool,
    },
}

impl Kernel {
    /// What it does, for people.
    pub fn name(self) -> String {
        let with = |what: &str, more: &[(bool, &str)]| {
            let more: String = more.iter().filter(|(holds, _)| *holds).map(|(_, text)| *text).collect();
            format!("{what}{more}")
        };
        match self {
            Self::Streaming { online, values, stats, height, split } => {
                let of = [(height == Height::Eight, ", 8 rows"), (split, ", parts of rows")];
                let gives = [(!values, " (row sums)"), (!online, " (sums known)"), (stats, " (row statistics)")];
                with("streaming", &[&of[..], &gives].concat())
            }
            Self::Merge { online, values, stats } => {
                let more = [(!values, " (row sums)"), (!online, " (sums known)"), (stats, " (row statistics)")];
                with("parts of rows together", &more)
            }
            Self::Cells => "scores (cells)".to_owned(),
            Self::Slots => "biases and masks".to_owned(),
            Self::Normalise { stats } => with("normalise", &[(stats, " (row statistics)")]),
            Self::Values => "weights times values".to_owned(),
            Self::Pool { hides, mean } => {
                let merged = if mean { "pixels (mean)" } else { "pixels (largest)" };
                with(merged, &[(hides, " (masked cells left out)")])
            }
        }
    }

    /// Whether it evaluates slots of the pipeline. Others have a text that is the same whatever the formulas.
    pub(super) fn has_slots(self) -> bool {
        !matches!(self, Self::Values | Self::Pool { .. } | Self::Merge { .. })
    }
}
