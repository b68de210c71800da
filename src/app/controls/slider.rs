//! A number between two ends: a slider to drag, and a field for the exact value.

use leptos::prelude::*;
use web_sys::Event;

use super::digits::plain;
use super::field::typed;
use super::issue::{IssueLine, at_fault};
use super::span::{Span, number};
use super::unique;
use crate::app::i18n;
use crate::app::reactive::Signal;
use crate::app::state::lab;
use crate::app::view::{handler, view};

/// A slider with its label and a number field.
#[component]
pub fn Slider(
    /// Label.
    label: Signal<String>,
    /// The value.
    #[prop(into)]
    value: Signal<f64>,
    /// Range and step.
    #[prop(into)]
    span: Signal<Span>,
    /// Called with every new value, while dragging too.
    on_change: Callback<f64>,
    /// Path of the experiment's field; its issues are shown here.
    #[prop(optional, into)]
    path: String,
) -> impl IntoView {
    let id = unique("slider");
    let note = unique("issue");
    let lang = lab().lang;
    let invalid = at_fault(&path);
    let exact = move || {
        let what = i18n::now(lang.get(), "exact value", "精确值");
        format!("{}: {what}", label.get())
    };
    let ends = move || {
        let s = span.get();
        // A typed value beyond the track stretches it.
        (s.track(s.min), s.track(s.max.max(value.get())))
    };
    let on_drag = move |event: Event| {
        if let Some(track) = typed(&event_target_value(&event)) {
            on_change.run(span.get_untracked().value(track));
        }
    };
    let on_typed = move |event: Event| {
        if let Some(number) = typed(&event_target_value(&event)) {
            on_change.run(span.get_untracked().typed(number));
        }
        // The field shows what holds now, also where that is not what was typed.
        event_target::<web_sys::HtmlInputElement>(&event).set_value(&number(value.get_untracked()));
    };
    view! {
        <div class="slider">
            <label for=id.clone()>{label}</label>
            <input
                type="range"
                id=id
                min=move || plain(ends().0)
                max=move || plain(ends().1)
                step=move || plain(span.get().step)
                prop:value=move || { let s = span.get(); plain(s.track(value.get())) }
                aria-valuetext=move || number(value.get())
                aria-invalid=move || invalid.get().then_some("true")
                aria-describedby=note.clone()
                on:input=handler(on_drag)
            />
            <input
                type="number"
                class="slider__number"
                aria-label=exact
                min=move || plain(span.get().min)
                max=move || plain(span.get().hard_max)
                step="any"
                prop:value=move || number(value.get())
                aria-invalid=move || invalid.get().then_some("true")
                on:change=handler(on_typed)
            />
            <IssueLine path=path id=note />
        </div>
    }
}
