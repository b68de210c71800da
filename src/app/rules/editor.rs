//! The formula that runs, as text to edit: colours and faults lie under a transparent text field.

use leptos::html::Textarea;
use leptos::prelude::*;

use super::highlight::pieces;
use super::messages::message;
use crate::app::controls::unique;
use crate::app::element::NodeRef;
use crate::app::i18n::{self, t};
use crate::app::reactive::Signal;
use crate::app::state::lab;
use crate::app::view::{handler, view};
use crate::formula::{ErrorKind, FormulaError};

/// A formula with live errors.
#[component]
pub fn Editor(
    /// What the formula is for.
    label: Signal<String>,
    /// Its left side, as it reads on the page: `mask(q, k) =`.
    head: &'static str,
    /// The text that runs, or would run if it were right.
    text: Signal<String>,
    /// Names of its parameters.
    params: Signal<Vec<String>>,
    /// What is wrong with it.
    fault: Signal<Option<FormulaError>>,
    /// Called with every new text.
    on_text: Callback<String>,
    /// Called with a name that is to become a slider.
    on_declare: Callback<String>,
) -> impl IntoView {
    let lang = lab().lang;
    let (id, note) = (unique("formula"), unique("formula-fault"));
    let field = NodeRef::<Textarea>::new();
    let painted = move || {
        let fault = fault.get();
        params.with(|params| text.with(|text| pieces(text, params, fault.as_ref().map(|f| &f.span))))
    };
    let apply = move |_| {
        let Some((suggestion, span)) = fault.get_untracked().and_then(|f| Some((f.suggestion?, f.span))) else {
            return;
        };
        let mut new = text.get_untracked();
        if new.get(span.clone()).is_some() {
            new.replace_range(span, &suggestion);
            on_text.run(new);
        }
        if let Some(field) = field.get_untracked() {
            let _ = field.focus();
        }
    };
    let unknown = Signal::memo(move || match fault.get().map(|f| f.kind) {
        Some(ErrorKind::UnknownName { name, .. }) => Some(name),
        _ => None,
    });
    view! {
        <div class="formula" class:faulty=move || fault.with(Option::is_some)>
            <label class="formula__head" for=id.clone()>{head}</label>
            <div class="formula__text">
                <pre aria-hidden="true">
                    {move || painted().into_iter().map(|p| view! { <span class=p.colour.class() class:f-fault=p.fault>{p.text}</span> }).collect_view()}
                    " "
                </pre>
                <textarea
                    node_ref=field
                    id=id
                    aria-label=label
                    aria-describedby=note.clone()
                    aria-invalid=move || fault.with(|f| f.is_some().then_some("true"))
                    spellcheck="false"
                    autocapitalize="off"
                    autocomplete="off"
                    rows="1"
                    prop:value=move || text.get()
                    on:input=handler(move |event| on_text.run(event_target_value(&event)))
                ></textarea>
            </div>
            <div class="issue" id=note role="alert" hidden=move || fault.with(Option::is_none)>
                <p>{move || fault.with(|f| f.as_ref().map(|f| message(f, lang.get())))}</p>
                <div class="issue__ways">
                    {move || fault.with(|f| f.as_ref().and_then(|f| f.suggestion.clone())).map(|suggestion| view! {
                        <button type="button" on:click=handler(apply)>{t("Write ", "改为 ")}<code>{suggestion}</code></button>
                    })}
                    {move || unknown.get().map(|name| {
                        let declared = name.clone();
                        view! {
                            <button type="button" on:click=handler(move |_| on_declare.run(declared.clone()))>
                                {move || match lang.get() {
                                    crate::catalogue::Lang::En => format!("Make {name} a slider"),
                                    crate::catalogue::Lang::Zh => format!("将 {name} 设为滑块"),
                                }}
                            </button>
                        }
                    })}
                    <span class="note">{move || fault.with(Option::is_some).then(|| i18n::now(lang.get(), "The last good result stays.", "保留上一次有效结果。"))}</span>
                </div>
            </div>
        </div>
    }
}
