//! Hidden states X and the matrices that make Q, K and V of them.
//!
//! | file | what it holds |
//! |---|---|
//! | `states` | where X comes from |
//! | `join` | how two streams are joined |
//! | `picture` | a picture painted patch by patch |
//! | `weights` | W_Q, W_K and W_V |
//! | `matrix` | X itself, cell by cell |

mod join;
mod matrix;
mod picture;
mod states;
mod weights;

use leptos::prelude::*;

use super::change::set_input;
use super::exactness::Exactness;
use super::generated::{Seed, Sizes};
use crate::app::controls::{Choices, Item, Look, Show, words};
use crate::app::i18n::t;
use crate::app::reactive::Signal;
use crate::app::state::{Lab, lab};
use crate::app::view::view;
use crate::attention::inputs::{self, States};
use crate::experiment::{Hidden, Input, Size, Weights};
pub use matrix::X;

/// The controls of projected hidden states.
#[component]
pub fn Projected() -> impl IntoView {
    view! {
        <Exactness />
        <states::Source />
        <weights::Matrices of=Stream::A />
        <SecondMatrices />
        <p class="note">{t(
            "Q = X·W_Q, K = X·W_K, V = X·W_V; each head takes its own columns. X is shown, and can be edited, beside Q, K and V.",
            "Q = X·W_Q，K = X·W_K，V = X·W_V，每个头取各自的列。X 显示在 Q、K、V 旁边，可直接编辑。",
        )}</p>
        <Seed />
        <Sizes lengths=false />
    }
}

/// Which of the two streams.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stream {
    /// The first, or the only one.
    A,
    /// The second.
    B,
}

/// Whether stream B has matrices of its own, and which.
#[component]
fn SecondMatrices() -> impl IntoView {
    let lab = lab();
    let x = hidden(lab);
    let two = Signal::memo(move || x.with(|x| x.as_ref().is_some_and(|x| x.streams()[1] > 0)));
    let own =
        Signal::memo(move || lab.experiment.with(|e| matches!(&e.input, Input::Projected { weights_b: Some(_), .. })));
    let items = [("shared", "Shared by both", "两者共用"), ("own", "B has its own", "B 自有")];
    let items = items.map(|(id, en, zh)| Item::new(id, words(en, zh))).to_vec();
    let choose = Callback::new(move |id: String| {
        change_second(lab, "input.weights_b", |weights| {
            *weights = (id == "own").then(|| weights.take().unwrap_or_default());
        });
    });
    view! {
        <Show when=two>
            <p class="above">{t("Matrices of the streams", "两个流的矩阵")}</p>
            <Choices
                label=words("Matrices of the streams", "两个流的矩阵")
                items=items.clone()
                chosen=Signal::derive(move || if own.get() { "own".to_owned() } else { "shared".to_owned() })
                on_choose=choose
                look=Look::Segments
            />
            <Show when=own><weights::Matrices of=Stream::B /></Show>
        </Show>
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
            Input::Projected { x, seed, normals, .. } => {
                Some((x.clone(), inputs::Seed { number: *seed, normals: *normals }))
            }
            _ => None,
        })
    });
    Signal::memo(move || source.with(|source| source.as_ref().map(|(x, seed)| inputs::states(x, *seed))))
}

/// Changes where X comes from, the matrices or the sizes; other inputs stay as they are.
fn change(lab: Lab, key: &str, change: impl FnOnce(&mut Hidden, &mut Weights, &mut Size)) {
    let mut input = lab.experiment.with_untracked(|e| e.input.clone());
    if let Input::Projected { x, weights, weights_b, size, .. } = &mut input {
        change(x, weights, size);
        if x.streams()[1] == 0 {
            *weights_b = None;
        }
        set_input(lab, key, input);
    }
}

/// Changes the matrices of stream B; other inputs stay as they are.
fn change_second(lab: Lab, key: &str, change: impl FnOnce(&mut Option<Weights>)) {
    let mut input = lab.experiment.with_untracked(|e| e.input.clone());
    if let Input::Projected { weights_b, .. } = &mut input {
        change(weights_b);
        set_input(lab, key, input);
    }
}
