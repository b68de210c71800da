//! How two streams are joined: the ways that have a name, and how long the streams are.

use leptos::prelude::*;

use super::hidden;
use crate::app::controls::{Choices, Item, Look, words, words_of};
use crate::app::i18n::t;
use crate::app::reactive::Signal;
use crate::app::state::{Lab, lab};
use crate::app::view::view;
use crate::catalogue::{self, Lang};
use crate::experiment::{Hidden, join, joined};

/// The ways to join two streams, what the chosen one does, and the lengths that its mask follows.
#[component]
pub fn Joined() -> impl IntoView {
    let lab: Lab = lab();
    let x = hidden(lab);
    let lengths = Signal::memo(move || x.with(|x| x.as_ref().map_or([0, 0], Hidden::streams)));
    let chosen = Signal::memo(move || lab.experiment.with(|e| joined(e).map(|entry| entry.id)));
    let items = catalogue::streams().iter().map(|entry| Item::new(entry.id, words_of(entry.name))).collect::<Vec<_>>();
    let choose = Callback::new(move |id: String| {
        if let Some(entry) = catalogue::stream(&id) {
            lab.edit("mask.id", |e| join(e, entry));
        }
    });
    view! {
        <p class="above">{t("Streams joined as in", "两个流的连接方式")}</p>
        <Choices
            label=words("Streams joined as in", "两个流的连接方式")
            items=items
            chosen=Signal::derive(move || chosen.get().unwrap_or_default().to_owned())
            on_choose=choose
            look=Look::Segments
        />
        {move || {
            chosen.get().and_then(catalogue::stream).map(|entry| {
                let paper = entry.paper;
                view! { <p class="note">{move || entry.about.get(lab.lang.get())} " " {format!("{} ({}), {}", paper.title, paper.year, paper.id)}</p> }
            })
        }}
        <p class="note">{move || {
            let [a, b] = lengths.get();
            match lab.lang.get() {
                Lang::En => format!("A: tokens 0 to {}. B: the {b} after them. The mask “Two modalities” follows these lengths.", a.saturating_sub(1)),
                Lang::Zh => format!("A：词元 0 到 {}；B：其后的 {b} 个。掩码“两种模态”会跟随这些长度。", a.saturating_sub(1)),
            }
        }}</p>
    }
}
