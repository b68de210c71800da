//! The user's words, each with a seeded embedding.

use leptos::prelude::*;

use super::change::set_input;
use super::generated::{Seed, Sizes};
use crate::app::controls::{at_fault, unique};
use crate::app::i18n::t;
use crate::app::reactive::Signal;
use crate::app::state::lab;
use crate::app::view::{handler, view};
use crate::experiment::Input;

/// The text and what its embeddings are made from.
#[component]
pub fn Words() -> impl IntoView {
    let lab = lab();
    let id = unique("text");
    let text = Signal::memo(move || {
        lab.experiment.with(|e| match &e.input {
            Input::Text { text, .. } => text.clone(),
            _ => String::new(),
        })
    });
    let invalid = at_fault("input.text");
    let on_input = move |event| {
        let mut input = lab.experiment.with_untracked(|e| e.input.clone());
        if let Input::Text { text, .. } = &mut input {
            *text = event_target_value(&event);
            set_input(lab, "input.text", input);
        }
    };
    view! {
        <label class="above" for=id.clone()>{t("Your text", "你的文本")}</label>
        <textarea id=id rows="3" spellcheck="false" prop:value=move || text.get() aria-invalid=move || invalid.get().then_some("true") on:input=handler(on_input)></textarea>
        <p class="note">{t(
            "No model reads it: every token has a seeded embedding, so equal words are equal and nothing else is known of them.",
            "没有模型参与：每个词元有一个由种子生成的嵌入，相同的词嵌入相同，除此之外一无所知。",
        )}</p>
        <Seed />
        <Sizes lengths=false />
    }
}
