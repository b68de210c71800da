//! Hidden states X and the matrices that make Q, K and V of them.
//!
//! | file | what it holds |
//! |---|---|
//! | `states` | where X comes from |
//! | `picture` | a picture painted patch by patch |
//! | `weights` | W_Q, W_K and W_V |
//! | `matrix` | X itself, cell by cell |

mod matrix;
mod picture;
mod states;
mod weights;

use leptos::prelude::*;

use super::change::set_input;
use super::generated::{Seed, Sizes};
use crate::app::i18n::t;
use crate::app::reactive::Signal;
use crate::app::state::Lab;
use crate::app::view::view;
use crate::attention::inputs::{self, States};
use crate::experiment::{Hidden, Input, Size, Weights};
pub use matrix::X;

/// The controls of projected hidden states.
#[component]
pub fn Projected() -> impl IntoView {
    view! {
        <states::Source />
        <weights::Matrices />
        <p class="note">{t(
            "Q = X·W_Q, K = X·W_K, V = X·W_V; each head takes its own columns. X is shown, and can be edited, beside Q, K and V.",
            "Q = X·W_Q，K = X·W_K，V = X·W_V，每个头取各自的列。X 显示在 Q、K、V 旁边，可直接编辑。",
        )}</p>
        <Seed />
        <Sizes lengths=false />
    }
}

/// Where X comes from now.
fn hidden(lab: Lab) -> Signal<Option<Hidden>> {
    Signal::memo(move || lab.experiment.with(|e| x_of(&e.input).cloned()))
}

fn x_of(input: &Input) -> Option<&Hidden> {
    match input {
        Input::Projected { x, .. } => Some(x),
        _ => None,
    }
}

/// X as it is now.
fn states(lab: Lab) -> Signal<Option<States>> {
    // Neither the matrices nor anything else of the experiment changes X.
    let source = Signal::memo(move || {
        lab.experiment.with(|e| match &e.input {
            Input::Projected { x, seed, .. } => Some((x.clone(), *seed)),
            _ => None,
        })
    });
    Signal::memo(move || source.with(|source| source.as_ref().map(|(x, seed)| inputs::states(x, *seed))))
}

/// Changes where X comes from, the matrices or the sizes; other inputs stay as they are.
fn change(lab: Lab, key: &str, change: impl FnOnce(&mut Hidden, &mut Weights, &mut Size)) {
    let mut input = lab.experiment.with_untracked(|e| e.input.clone());
    if let Input::Projected { x, weights, size, .. } = &mut input {
        change(x, weights, size);
        set_input(lab, key, input);
    }
}
