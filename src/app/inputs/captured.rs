//! A layer of a real trained model: which text, which layer, and what these numbers are.

use leptos::prelude::*;

use super::change::set_input;
use crate::app::controls::{Choices, Item, Look, rove, words};
use crate::app::i18n::t;
use crate::app::reactive::{RwSignal, Signal};
use crate::app::state::{Capture, Titles, lab};
use crate::app::view::{handler, view};
use crate::catalogue::Lang;
use crate::experiment::{Input, limits};

fn title(lang: Lang, titles: &Titles) -> String {
    match lang {
        Lang::En => titles.en.clone(),
        Lang::Zh => titles.zh.clone(),
    }
}

/// Text and layer of a capture.
#[component]
pub fn Captured() -> impl IntoView {
    let lab = lab();
    let chosen = Signal::memo(move || {
        lab.experiment.with(|e| match &e.input {
            Input::Capture { id, layer } => (id.clone(), *layer),
            _ => (String::new(), 1),
        })
    });
    let capture = Signal::memo(move || {
        let (id, _) = chosen.get();
        lab.captures.with(|all| all.iter().find(|c| c.id == id).cloned())
    });
    let open = RwSignal::new(false);
    let pick = move |id: String| {
        let layer = chosen.with_untracked(|(_, layer)| *layer);
        set_input(lab, "input.id", Input::Capture { id, layer });
    };
    let pick_layer = Callback::new(move |layer: String| {
        let id = chosen.with_untracked(|(id, _)| id.clone());
        if let Ok(layer) = layer.parse() {
            set_input(lab, "input.layer", Input::Capture { id, layer });
        }
    });
    let layers =
        (1..=limits::LAYERS).map(|l| Item::new(l.to_string(), Signal::stored(l.to_string()))).collect::<Vec<_>>();
    view! {
        <details class="picker" prop:open=move || open.get() on:toggle=handler(move |event| open.set(is_open(&event)))>
            <summary title=t("Captured text", "采集的文本")>
                {move || capture.get().map(|c| view! { <Line capture=c /> })}
            </summary>
            <Options chosen=Signal::derive(move || chosen.get().0) on_pick=Callback::new(pick) on_close=Callback::new(move |()| open.set(false)) />
        </details>
        <Choices label=words("Layer", "层") items=layers chosen=Signal::derive(move || chosen.get().1.to_string()) on_choose=pick_layer look=Look::Segments show_label=true />
        <p class="note">
            {move || capture.get().and_then(|c| c.note).map(|note| title(lab.lang.get(), &note))}
        </p>
        <details class="more">
            <summary>{t("What these numbers are", "这些数值是什么")}</summary>
            <p class="note">{t(
                "Q, K and V of the sentence encoder all-MiniLM-L6-v2 (Apache-2.0): bidirectional, English and uncased, its positions already in the hidden states. A causal mask or a position scheme on top is an experiment, not the model.",
                "句子编码器 all-MiniLM-L6-v2（Apache-2.0）的 Q、K、V：双向、英文、不区分大小写，位置信息已包含在隐藏状态中。在其上再加因果掩码或位置方案属于实验，并非模型本身的行为。",
            )}</p>
        </details>
    }
}

/// The texts on offer.
#[component]
fn Options(
    /// Id of the chosen one.
    chosen: Signal<String>,
    /// Called with the id of another.
    on_pick: Callback<String>,
    /// Called when one was clicked: the list has done its work.
    on_close: Callback<()>,
) -> impl IntoView {
    let lab = lab();
    let on_key = move |event: web_sys::KeyboardEvent| {
        if matches!(event.key().as_str(), "Enter" | "Escape") {
            on_close.run(());
        }
        if let Some(id) =
            rove(&event, "radio").and_then(|i| lab.captures.with_untracked(|all| all.get(i).map(|c| c.id.clone())))
        {
            on_pick.run(id);
        }
    };
    view! {
        <div class="picker__list" role="radiogroup" aria-label=t("Captured texts", "采集的文本") on:keydown=handler(on_key)>
            {move || lab.captures.get().into_iter().map(|capture| {
                let id = StoredValue::new(capture.id.clone());
                let on = Signal::memo(move || id.with_value(|id| chosen.with(|c| c == id)));
                view! {
                    <button
                        type="button"
                        role="radio"
                        aria-checked=move || on.get().to_string()
                        tabindex=move || if on.get() { "0" } else { "-1" }
                        on:click=handler(move |_| { on_pick.run(id.get_value()); on_close.run(()); })
                    >
                        <Line capture=capture />
                    </button>
                }
            }).collect_view()}
        </div>
    }
}

/// Title, length and first words of a capture.
#[component]
fn Line(
    /// The capture.
    capture: Capture,
) -> impl IntoView {
    let lang = lab().lang;
    let Capture { title: titles, text, tokens, .. } = capture;
    // The stylesheet cuts the line where it no longer fits; a long text need not be laid out in full.
    let text: String = text.chars().take(90).collect();
    view! {
        <span class="picker__line">
            <b>{move || title(lang.get(), &titles)}</b>
            <small>{tokens.to_string()}" "{t("tokens", "词元")}</small>
            <span lang="">{text}</span>
        </span>
    }
}

fn is_open(event: &web_sys::Event) -> bool {
    event_target::<web_sys::Element>(event).has_attribute("open")
}
