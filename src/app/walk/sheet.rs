//! Which walk, over which query.

use leptos::prelude::*;

use super::ask::{Desk, Status, Walked, follow};
use super::decode::Decoding;
use super::ring::Round;
use super::stream::Streaming;
use crate::app::controls::{Choices, Item, Look, modal, typed, words};
use crate::app::i18n::t;
use crate::app::reactive::{RwSignal, Signal};
use crate::app::state::lab;
use crate::app::view::{handler, view};
use crate::catalogue::Lang;

/// The walks: ids and names.
const WALKS: [(&str, (&str, &str)); 3] = [
    ("stream", ("Streaming softmax", "流式 softmax")),
    ("ring", ("Ring", "环形传递")),
    ("decode", ("Decoding with a cache", "带缓存的解码")),
];

/// The sheet. What it shows is followed while it is open.
#[component]
pub fn Sheet() -> impl IntoView {
    let (dialog, close) = modal();
    let open = RwSignal::new(true);
    view! {
        <dialog node_ref=dialog class="walk" aria-labelledby="walk-title" on:close=handler(move |_: web_sys::Event| open.set(false))>
            <h2 id="walk-title">{t("Step through the algorithm", "逐步演示算法")}</h2>
            {move || open.get().then(|| view! { <Inside /> })}
            <div class="dialog__foot">
                <button type="button" on:click=handler(move |_| close())>{t("Close", "关闭")}</button>
            </div>
        </dialog>
    }
}

/// The walks over the head and the query that are shown.
#[component]
fn Inside() -> impl IntoView {
    let desk = Desk::new(lab());
    follow(desk);
    let walk = RwSignal::new(WALKS[0].0.to_owned());
    let items = WALKS.map(|(id, (en, zh))| Item::new(id, words(en, zh))).to_vec();
    let shown = Signal::memo(move || match desk.status.get() {
        Status::Refused(_) | Status::Failed(_) => None,
        Status::Waiting | Status::Done => desk.walked.get(),
    });
    view! {
        <section class="walk__inside" aria-busy=move || (desk.status.get() == Status::Waiting).to_string()>
            <Choices label=words("Walk", "演示") items=items chosen=walk on_choose=Callback::new(move |id| walk.set(id)) look=Look::Chips />
            {move || match desk.status.get() {
                Status::Refused(why) | Status::Failed(why) => view! { <p class="issue" role="alert">{why.get(desk.lab.lang.get()).to_owned()}</p> },
                Status::Waiting | Status::Done => ().into_any(),
            }}
            {move || shown.get().map(|walked| {
                let about = walked.clone();
                view! {
                    <p class="note">{move || extent(desk.lab.lang.get(), &about.0)}</p>
                    // Decoding goes from query to query by itself.
                    {move || (walk.get() != "decode").then(|| view! { <Query desk=desk /> })}
                    {move || {
                        let walked = walked.clone();
                        match walk.get().as_str() {
                            "ring" => view! { <Round desk=desk walked=walked /> },
                            "decode" => view! { <Decoding desk=desk walked=walked /> },
                            _ => view! { <Streaming desk=desk walked=walked /> },
                        }
                    }}
                }
            })}
        </section>
    }
}

/// What is walked over.
fn extent(lang: Lang, walked: &Walked) -> String {
    let Walked { part, is_whole, dims, .. } = walked;
    let ([a, b], [c, d]) = ([part.queries.start, part.queries.end], [part.keys.start, part.keys.end]);
    match (lang, is_whole) {
        (Lang::En, true) => format!(
            "All {} queries and {} keys of the head that is shown: its own scores, after the mask, and its own values.",
            dims.n_q, dims.n_k
        ),
        (Lang::Zh, true) => {
            format!("所示头的全部 {} 个查询与 {} 个键：使用其掩码之后的分数和其自身的值。", dims.n_q, dims.n_k)
        }
        (Lang::En, false) => format!(
            "Queries {a} to {} of {} and keys {c} to {} of {}, around the selected query: more would be no picture. The rows below are those of attention over these keys alone.",
            b.saturating_sub(1),
            dims.n_q,
            d.saturating_sub(1),
            dims.n_k
        ),
        (Lang::Zh, false) => format!(
            "所选查询附近的查询 {a} 至 {}（共 {}）与键 {c} 至 {}（共 {}）：更多则无法画清。以下各行为只对这些键的注意力。",
            b.saturating_sub(1),
            dims.n_q,
            d.saturating_sub(1),
            dims.n_k
        ),
    }
}

/// The query whose row is followed: the one that is selected on the page.
#[component]
fn Query(desk: Desk) -> impl IntoView {
    let lab = desk.lab;
    let row = desk.row();
    let queries =
        move || desk.walked.with(|walked| walked.as_ref().map_or(0..0, |walked| walked.0.part.queries.clone()));
    let choose = move |event: web_sys::Event| {
        if let Some(query) = typed(&event_target_value(&event)) {
            lab.show(|view| view.query = query as usize);
        }
    };
    view! {
        <div class="engine" style:grid-template-columns="1fr"><label>
            {t("query that is followed", "跟随的查询")}
            <select prop:value=move || (queries().start + row.get()).to_string() on:change=handler(choose)>
                {move || {
                    let from = queries().start;
                    (0..queries().len()).map(|at| view! {
                        <option value=(from + at).to_string() selected=at == row.get_untracked()>{desk.name(false, at)}</option>
                    }).collect_view()
                }}
            </select>
        </label></div>
    }
}
