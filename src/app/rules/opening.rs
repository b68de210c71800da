//! The button that makes a formula the user's own, or the sentence that says why it can't be. A piece of the program: what the page opens with is edited where
//! it stands, or does nothing.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use crate::app::i18n::tr;
use crate::app::piece::piece;
use crate::app::reactive::{RwSignal, Signal};
use crate::app::state::{Lab, lab};
use crate::app::view::{handler, view};
use crate::app::whole;
pub use crate::attention::combine::Opening;
use crate::attention::dims_of;
use crate::catalogue::Text;
use crate::experiment::{Experiment, Message};

/// What the button says where nothing else is said.
const EDIT: Text = Text::new("Edit its formula as my own", "作为自定义公式编辑");

/// The button or the sentence, fetched when it is shown.
pub fn opening(which: Opening) -> AnyView {
    piece(|| Box::pin(fetch()), move |show| show(which))
}

/// It changes more of the experiment than the page opens with.
async fn fetch() -> Result<fn(Opening) -> AnyView, SplitLoaderError> {
    whole::before_mount().await?;
    button().await
}

#[wasm_split(later, fallible)]
fn button() -> Result<fn(Opening) -> AnyView, SplitLoaderError> {
    Ok(|which| view! { <OneFormula which=which /> })
}

/// The button that makes a formula the user's own, and why it can't where it can't. Nothing while there is no formula.
#[component]
pub fn OneFormula(
    /// Which formula.
    which: Opening,
    /// What the button says.
    #[prop(default = EDIT)]
    says: Text,
    /// Called when it is done.
    #[prop(optional)]
    on_done: Option<Callback<()>>,
) -> impl IntoView {
    let lab = lab();
    let why = RwSignal::new(None::<Message>);
    let state = Signal::memo(move || {
        lab.whole.track();
        lab.experiment.with(|e| which.state(e))
    });
    let press = move |_| match opened(lab, which) {
        Ok(next) => {
            why.set(None);
            lab.replace("own formula", next);
            if let Some(done) = on_done {
                done.run(());
            }
        }
        Err(message) => why.set(Some(message)),
    };
    view! {
        {move || state.get().map(|state| match state {
            Ok(()) => view! { <button type="button" class="quiet-button" on:click=handler(press)>{tr(says)}</button> },
            Err(text) => view! { <p class="note">{tr(text)}</p> },
        })}
        {move || why.get().map(|why| view! { <p class="issue" role="alert">{why.get(lab.lang.get()).to_owned()}</p> })}
    }
}

/// The experiment with a formula of the user's own.
fn opened(lab: Lab, which: Opening) -> Result<Experiment, Message> {
    let experiment = lab.experiment.get_untracked();
    let loaded = lab.loaded.with_untracked(|l| l.as_ref().map(|l| l.dims));
    let Some(dims) = loaded.or_else(|| dims_of(&experiment.input)) else {
        return Err(Text::new("The input is still on its way.", "输入尚未加载。").into());
    };
    which.open(&experiment, dims)
}
