//! The patterns joined with the mask, in their order: how each is joined, for which heads, its sliders, and the way back.

mod row;

pub use row::{join_of, joins};

use leptos::prelude::*;

use crate::app::controls::IssueLine;
use crate::app::i18n::t;
use crate::app::reactive::{RwSignal, Signal};
use crate::app::state::{Lab, lab};
use crate::app::view::{handler, view};
use crate::attention::combine::{own_mask, own_position};
use crate::attention::{Dims, dims_of};
use crate::experiment::{Experiment, Message};

/// The list; nothing while there are none.
#[component]
pub fn Layers() -> impl IntoView {
    let lab = lab();
    // A row is built anew when another pattern takes its place; everything else in it follows by itself.
    let ids = Signal::memo(move || {
        lab.experiment.with(|e| e.combine.iter().map(|layer| layer.id.clone()).collect::<Vec<_>>())
    });
    view! {
        <div class="joined" hidden=move || ids.with(Vec::is_empty)>
            <ol aria-label=t("Joined patterns", "组合的模式")>
                {move || {
                    let ids = ids.get();
                    let count = ids.len();
                    ids.into_iter().enumerate().map(|(at, id)| view! { <row::Row at=at count=count id=id /> }).collect_view()
                }}
            </ol>
            <IssueLine path="combine" except="combine[" />
            <OneFormula open=own_mask en="Edit as one formula" zh="合成一条公式编辑" />
        </div>
    }
}

/// What turns an experiment into one with a formula of the user's own.
type OpenUp = fn(&Experiment, Dims) -> Result<Experiment, Message>;

/// The button that makes a formula the user's own, and why it can't where it can't.
#[component]
pub fn OneFormula(
    /// Which formula.
    open: OpenUp,
    /// What the button says.
    en: &'static str,
    /// In Chinese.
    zh: &'static str,
    /// Called when it is done.
    #[prop(optional)]
    on_done: Option<Callback<()>>,
) -> impl IntoView {
    let lab = lab();
    let why = RwSignal::new(None::<Message>);
    let press = move |_| match opened(lab, open) {
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
        <button type="button" class="quiet-button" on:click=handler(press)>{t(en, zh)}</button>
        {move || why.get().map(|why| view! { <p class="issue" role="alert">{why.get(lab.lang.get()).to_owned()}</p> })}
    }
}

/// The experiment with a formula of the user's own.
fn opened(lab: Lab, open: OpenUp) -> Result<Experiment, Message> {
    let experiment = lab.experiment.get_untracked();
    let loaded = lab.loaded.with_untracked(|l| l.as_ref().map(|l| l.dims));
    let Some(dims) = loaded.or_else(|| dims_of(&experiment.input)) else {
        return Err(crate::catalogue::Text::new("The input is still on its way.", "输入尚未加载。").into());
    };
    open(&experiment, dims)
}

/// The position scheme as a score formula.
pub const OWN_POSITION: OpenUp = own_position;
/// The mask as a formula.
pub const OWN_MASK: OpenUp = own_mask;
