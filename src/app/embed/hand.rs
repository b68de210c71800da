//! The way to the full page with the frame's state as it is at the click: in the address, or, where that holds too little, from window to window.

use std::sync::Arc;
use std::time::Duration;

use js_sys::{Function, Promise, Reflect};
use leptos::html::A;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{MouseEvent, Window};

use crate::api;
use crate::app::controls::Show;
use crate::app::element::NodeRef;
use crate::app::i18n::{self, t};
use crate::app::reactive::{RwSignal, Signal, effect};
use crate::app::state::{Lab, lab};
use crate::app::view::{handler, view};
use crate::app::{export, link, url};
use crate::experiment::Experiment;

/// Quiet time before the address follows: it is read by the menu of the right button; a click writes its own.
const QUIET: Duration = Duration::from_millis(200);
/// Between two looks at whether the other window can compute.
const LOOK_MS: i32 = 100;
/// Looks before it is given up: a minute.
const LOOKS: u32 = 600;

/// How far the state has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Handed {
    /// Nothing was asked, or the address holds everything.
    Nothing,
    /// The other window is opening.
    Waiting,
    /// It has all of it.
    Done,
    /// It could not be reached: the state stays here, and can be saved.
    Failed,
}

/// A link where an address holds the experiment, else a button that hands it over.
#[component]
pub fn WayOut() -> impl IntoView {
    let lab = lab();
    let anchor = NodeRef::<A>::new();
    let address = RwSignal::new(url::full_page(lab, ""));
    let whole = RwSignal::new(true);
    let handed = RwSignal::new(Handed::Nothing);
    let latest = StoredValue::new(0_u32);
    effect(move || {
        let (experiment, pinned, _) = (lab.experiment.get(), lab.pinned.get(), (lab.lang.get(), lab.theme.get()));
        let turn = latest.get_value().wrapping_add(1);
        latest.set_value(turn);
        // What was said belongs to another state.
        handed.set(Handed::Nothing);
        let write = move || {
            if latest.try_get_value() != Some(turn) {
                return;
            }
            let fragment = link::written_beside(&experiment, pinned.as_deref());
            whole.try_set(fragment.is_some());
            if let Some(fragment) = fragment {
                address.try_set(url::full_page(lab, &fragment));
            }
        };
        // A drag writes one link, not one for each of its steps.
        set_timeout(write, QUIET);
    });
    // The middle button opens a link as well.
    let follow = move |event: MouseEvent| {
        if event.type_() == "auxclick" && event.button() != 1 {
            return;
        }
        let (experiment, pinned) = (lab.experiment.get_untracked(), lab.pinned.get_untracked());
        match (link::written_beside(&experiment, pinned.as_deref()), anchor.get_untracked()) {
            // Before the browser follows it.
            (Some(fragment), Some(anchor)) => anchor.set_href(&url::full_page(lab, &fragment)),
            _ => {
                event.prevent_default();
                whole.set(false);
                open(lab, experiment, handed);
            }
        }
    };
    let save = move |_| {
        let experiment = lab.experiment.get_untracked();
        if let Ok(text) = serde_json::to_string_pretty(experiment.as_ref()) {
            // A frame that may not save files says so itself, in the console.
            let _ = export::save("attention-playground.json", "application/json", text.as_bytes());
        }
    };
    let said = move || {
        let lang = lab.lang.get();
        match handed.get() {
            Handed::Nothing => "",
            Handed::Waiting => i18n::now(lang, "Opening, with all numbers…", "正在打开并传送全部数值…"),
            Handed::Done => i18n::now(
                lang,
                "It is open there, every number as it is here.",
                "已在完整页面中打开，每个数值均与此处相同。",
            ),
            Handed::Failed => i18n::now(
                lang,
                "These numbers are too many for an address, and the browser did not let the other window have them. Save a file: the full page opens it where it is dropped.",
                "这些数值过多，地址无法容纳，而浏览器不允许传给另一窗口。请存为文件，拖到完整页面上即可打开。",
            ),
        }
    };
    view! {
        <Show when=whole>
            <a node_ref=anchor href=move || address.get() target="_blank" rel="noopener" on:click=handler(follow) on:auxclick=handler(follow)>
                {t("Open in the playground", "在完整页面中打开")}" ↗"
            </a>
        </Show>
        <Show when=Signal::derive(move || !whole.get())>
            <button type="button" class="quiet-button" on:click=handler(move |_| open(lab, lab.experiment.get_untracked(), handed))>
                {t("Open in the playground", "在完整页面中打开")}" ↗"
            </button>
        </Show>
        <span class="note" role="status">{said}</span>
        <Show when=Signal::derive(move || handed.get() == Handed::Failed)>
            <button type="button" class="quiet-button" on:click=handler(save)>{t("Save as a file", "存为文件")}</button>
        </Show>
    }
}

/// Opens the full page and gives it the experiment through its JavaScript interface: two windows of one origin reach each other whatever page the frame lies in, where
/// storage and channels of a frame in another site's page are kept apart from those of the page itself.
fn open(lab: Lab, experiment: Arc<Experiment>, handed: RwSignal<Handed>) {
    // While the click counts as the user's: later the browser would refuse the window.
    // The setting that it is compared with goes in the address, where it fits; the experiment itself is given.
    let pinned = lab.pinned.get_untracked();
    let beside = link::written_beside(&Experiment::default(), pinned.as_deref()).unwrap_or_default();
    let opened = window().open_with_url_and_target(&url::full_page(lab, &beside), "_blank").ok().flatten();
    let Some(opened) = opened else { return handed.set(Handed::Failed) };
    handed.set(Handed::Waiting);
    spawn_local(async move {
        let given = give(&opened, &experiment).await;
        // What was changed here meanwhile is not there.
        let same = Arc::ptr_eq(&lab.experiment.get_untracked(), &experiment);
        handed.try_set(match given {
            Ok(()) if same => Handed::Done,
            Ok(()) => Handed::Nothing,
            Err(_) => Handed::Failed,
        });
    });
}

/// Waits for the other window and sets its experiment; what it answers is what it shows.
async fn give(opened: &Window, experiment: &Experiment) -> Result<(), JsValue> {
    for _ in 0..LOOKS {
        if opened.closed().unwrap_or(true) {
            return Err(JsValue::UNDEFINED);
        }
        // A frame without an origin of its own may not look: that throws.
        let promise = Reflect::get(opened, &"attentionPlayground".into())?;
        if promise.is_object() {
            let interface = JsFuture::from(promise.unchecked_into::<Promise>()).await?;
            let set: Function = Reflect::get(&interface, &"set".into())?.unchecked_into();
            let answer = set.call1(&interface, &api::written(experiment))?;
            JsFuture::from(answer.unchecked_into::<Promise>()).await?;
            return Ok(());
        }
        rest().await?;
    }
    Err(JsValue::UNDEFINED)
}

async fn rest() -> Result<(), JsValue> {
    let turn = Promise::new(&mut |done, failed| {
        if window().set_timeout_with_callback_and_timeout_and_arguments_0(&done, LOOK_MS).is_err() {
            // A promise's own functions do not throw.
            let _ = failed.call0(&JsValue::UNDEFINED);
        }
    });
    JsFuture::from(turn).await.map(drop)
}
