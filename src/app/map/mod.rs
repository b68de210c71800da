//! The middle of the page: stages as tabs over one map, the legend, and all heads as small multiples.

mod axes;
mod draw;
mod heads;
mod legend;
mod scale;
mod stages;
mod view;

pub use draw::{draw, paint_cells};
pub use scale::Scale;
pub use stages::name as stage_name;

pub use view::{Closer, MapView};

use leptos::prelude::*;
use leptos::task::spawn_local;

use heads::Heads;

use super::i18n::t;
use super::state::{Lab, Status, lab};
use super::zoom::{self, Setting};
use crate::app::controls::Show;
use crate::app::reactive::{RwSignal, Signal, effect};
use crate::app::runner::checked::missing;
use crate::app::runner::pictures;
use crate::app::view::{handler, view};
use crate::experiment::Reading;

/// In the context of a frame whose author has locked the mask, so that nothing may be painted over it.
#[derive(Clone, Copy)]
pub struct MaskLocked;

/// The attention column, without its heads.
#[component]
pub fn AttentionColumn() -> impl IntoView {
    let lab = lab();
    view! {
        <h2 id="h-attention">
            {t("Attention", "注意力")}
            <small>{t("head", "头")} " " {move || lab.experiment.with(|e| (e.view.head + 1).to_string())}</small>
        </h2>
        <MapCard />
    }
}

/// All heads, under the map.
#[component]
pub fn AllHeads() -> impl IntoView {
    view! {
        <div class="card card--heads">
            <Heads />
        </div>
    }
}

/// Stages, the large map, its legend.
#[component]
pub fn MapCard() -> impl IntoView {
    let lab = lab();
    let setting = Setting {
        painting: RwSignal::new(false),
        paintable: use_context::<MaskLocked>().is_none(),
        opened: RwSignal::new(0),
    };
    let Setting { painting, paintable, opened } = setting;
    // The pictures of a matrix this large are samples, which the tools say and make exact.
    let large = Signal::memo(move || {
        lab.outcome.with(|o| o.as_ref().is_some_and(|o| pictures::cells(&o.dims) > pictures::ALL))
    });
    let tools = tools(lab, opened, large);
    let open = Signal::memo(move || opened.get() > 0);
    let there = Signal::memo(move || open.get() && tools.with(Option::is_some));
    let toggle = move |_| {
        if opened.get_untracked() == 0 {
            opened.set(1);
        } else {
            opened.set(0);
            lab.show(|view| (view.rows, view.columns, view.reading) = (None, None, Reading::Map));
        }
    };
    view! {
        <div class="card card--map">
            <stages::Stages painting=painting paintable=paintable />
            {move || match there.get().then(|| tools.get_untracked()).flatten() {
                Some(tools) => tools(setting),
                None => view! { <MapView painting=painting paintable=paintable opened=opened /> },
            }}
            <legend::Legend />
            <Show when=Signal::derive(move || !large.get())>
                <button type="button" class="quiet-button" aria-expanded=move || open.get().to_string() on:click=handler(toggle)>
                    {t("Look closer", "细看")}
                </button>
            </Show>
        </div>
    }
}

/// What shows parts of the map: a piece of the program, fetched when somebody opens it or a link looks at a part.
fn tools(lab: Lab, opened: RwSignal<u8>, large: Signal<bool>) -> RwSignal<Option<zoom::Draw>> {
    let tools = RwSignal::new(None);
    effect(move || {
        let wanted = large.get()
            || lab.experiment.with(|e| {
                let view = &e.view;
                view.rows.is_some() || view.columns.is_some() || view.reading != Reading::Map
            });
        if wanted && opened.get_untracked() == 0 {
            opened.set(1);
        }
        if opened.get() > 0 && tools.with_untracked(Option::is_none) {
            spawn_local(async move {
                match zoom::fetch().await {
                    Ok(fetched) => tools.try_set(Some(fetched)),
                    Err(_) => lab.status.set(Status::Failed(missing())),
                }
            });
        }
    });
    tools
}
