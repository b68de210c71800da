//! What is pinned, what differs, and everything that is known of both.

use std::sync::Arc;

use leptos::prelude::*;

use super::ask::{Desk, State, follow};
use super::gradients::Gradients;
use super::results::Results;
use super::times::Timings;
use crate::app::controls::{Switch, words};
use crate::app::i18n::{self, t};
use crate::app::reactive::{RwSignal, Signal};
use crate::app::state::{Lab, lab};
use crate::app::view::{handler, view};
use crate::catalogue::Lang;
use crate::experiment::{Differing, Experiment, Pinned, differing};

/// Most fields that differ that are listed.
const LISTED: usize = 24;

/// The card.
#[component]
pub fn Body(
    /// Whether it is open.
    opened: RwSignal<bool>,
) -> impl IntoView {
    let lab = lab();
    let is_pinned = Signal::memo(move || lab.pinned.with(Option::is_some));
    let close = move |_: web_sys::MouseEvent| {
        lab.pinned.set(None);
        opened.set(false);
    };
    view! {
        <section class="estimate settings-pair">
            <h3 class="card__head">
                {t("Compare two settings", "比较两个设置")}
                <button type="button" class="quiet-button" on:click=handler(close)>
                    {move || if is_pinned.get() { i18n::now(lab.lang.get(), "Unpin and close", "取消固定并关闭") } else { i18n::now(lab.lang.get(), "Close", "关闭") }}
                </button>
            </h3>
            {move || if is_pinned.get() {
                view! { <Pair /> }
            } else {
                view! {
                    <p class="note">{t(
                        "Pin the setting as it is now as A, then go on editing: what the page shows is B, and here stands what lies between the two.",
                        "将当前设置固定为 A，然后继续编辑：页面所示为 B，此处显示两者之间的差别。",
                    )}</p>
                    <button type="button" class="primary" on:click=handler(move |_: web_sys::MouseEvent| pin(lab))>{t("Pin as A", "固定为 A")}</button>
                }
            }}
        </section>
    }
}

/// What the page shows becomes A.
fn pin(lab: Lab) {
    let same_inputs = lab.pinned.with_untracked(|pinned| pinned.as_ref().is_some_and(|p| p.same_inputs));
    let experiment = lab.experiment.get_untracked();
    lab.pinned.set(Some(Arc::new(Pinned { experiment, same_inputs })));
}

/// The pinned setting becomes the page's, looked at as the page is now.
fn recall(lab: Lab, pinned: &Pinned) {
    let view = lab.experiment.with_untracked(|e| e.view);
    lab.replace("compare", Experiment { view, ..pinned.experiment.as_ref().clone() });
}

/// Both settings.
#[component]
fn Pair() -> impl IntoView {
    let lab = lab();
    let desk = Desk::new(lab);
    follow(desk);
    let swap = move |_: web_sys::MouseEvent| {
        let Some(pinned) = lab.pinned.get_untracked() else { return };
        let experiment = lab.experiment.get_untracked();
        lab.pinned.set(Some(Arc::new(Pinned { experiment, ..*pinned })));
        recall(lab, &pinned);
    };
    let back = move |_: web_sys::MouseEvent| {
        if let Some(pinned) = lab.pinned.get_untracked() {
            recall(lab, &pinned);
        }
    };
    let same = Signal::memo(move || lab.pinned.with(|pinned| pinned.as_ref().is_some_and(|p| p.same_inputs)));
    let set_same = Callback::new(move |same_inputs: bool| {
        if let Some(pinned) = lab.pinned.get_untracked() {
            lab.pinned.set(Some(Arc::new(Pinned { same_inputs, ..(*pinned).clone() })));
        }
    });
    view! {
        <div class="pair__buttons">
            <button type="button" on:click=handler(swap)>{t("Swap A and B", "交换 A 与 B")}</button>
            <button type="button" on:click=handler(back)>{t("Back to A", "回到 A")}</button>
            <button type="button" on:click=handler(move |_: web_sys::MouseEvent| pin(lab))>{t("Pin B as A", "将 B 固定为 A")}</button>
        </div>
        <Switch label=words("B over A's inputs", "B 使用 A 的输入") on=same on_change=set_same />
        <p class="note">{move || inputs_note(lab)}</p>
        <Settings />
        <div aria-busy=move || desk.busy().to_string()>
            <Progress desk=desk />
            <Results desk=desk />
        </div>
        <Gradients desk=desk />
        <Timings desk=desk />
        <p class="note">{t("The address and the links from Share hold both settings.", "地址与“分享”中的链接包含两个设置。")}</p>
    }
}

/// What B is computed over.
fn inputs_note(lab: Lab) -> &'static str {
    let (same, equal) = lab.pinned.with(|pinned| {
        let Some(pinned) = pinned.as_ref() else { return (false, true) };
        let a = &pinned.experiment;
        (pinned.same_inputs, lab.experiment.with(|b| a.input == b.input && a.edits == b.edits))
    });
    let lang = lab.lang.get();
    match (equal, same) {
        (true, _) => i18n::now(lang, "A and B have the same inputs.", "A 与 B 的输入相同。"),
        (false, true) => i18n::now(
            lang,
            "Here B's rules are computed over A's input and edits; the page goes on showing B over its own.",
            "此处按 B 的规则对 A 的输入与编辑计算；页面仍显示 B 在其自身输入上的结果。",
        ),
        (false, false) => i18n::now(
            lang,
            "A and B have different inputs: what lies between them comes from both the inputs and the rules.",
            "A 与 B 的输入不同：差别同时来自输入与规则。",
        ),
    }
}

/// The fields that differ.
#[component]
fn Settings() -> impl IntoView {
    let lab = lab();
    let found = Signal::memo(move || {
        lab.pinned.with(|pinned| {
            let pinned = pinned.as_ref()?;
            Some(lab.experiment.with(|b| differing(&pinned.experiment, b)))
        })
    });
    let by_default = move || i18n::now(lab.lang.get(), "default", "默认");
    let row = move |one: Differing| {
        let value = move |value: Option<String>| move || value.clone().unwrap_or_else(|| by_default().to_owned());
        view! {
            <tr>
                <th scope="row"><code>{one.key}</code></th>
                <td>{value(one.a)}</td>
                <td>{value(one.b)}</td>
            </tr>
        }
    };
    view! {
        {move || found.get().map(|all| if all.is_empty() {
            view! { <p class="note">{t("A and B are the same setting: change something.", "A 与 B 为同一设置：请作更改。")}</p> }
        } else {
            let more = all.len().saturating_sub(LISTED);
            view! {
                <div class="chart__scroll pair__table" tabindex="0" role="region" aria-label=t("What differs between A and B", "A 与 B 的不同设置")>
                    <table>
                        <thead><tr>
                            <th scope="col">{t("setting", "设置")}</th>
                            <th scope="col">"A"</th>
                            <th scope="col">"B"</th>
                        </tr></thead>
                        <tbody>{all.into_iter().take(LISTED).map(row).collect_view()}</tbody>
                    </table>
                </div>
                {(more > 0).then(|| view! { <p class="note">{move || match lab.lang.get() {
                    Lang::En => format!("and {more} more"),
                    Lang::Zh => format!("另有 {more} 项"),
                }}</p> })}
            }
        })}
    }
}

/// What is on its way, and what could not be computed.
#[component]
fn Progress(desk: Desk) -> impl IntoView {
    let lab = desk.lab;
    let one = move |name: &'static str, state: State| match state {
        State::Waiting | State::Done => ().into_any(),
        State::Running(share) => view! {
            <p class="pair__run note"><span>{name}</span><span class="progress"><i style:transform=format!("scaleX({share:.3})")></i></span></p>
        },
        State::Failed(why) => view! {
            <p class="issue" role="alert">{name} " " {move || why.get(lab.lang.get()).to_owned()}</p>
        },
    };
    view! {
        {move || one("A", desk.a.get())}
        {move || one("B", desk.b.get())}
    }
}
