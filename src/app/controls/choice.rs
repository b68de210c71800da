//! One of several: segments where the choices are few and fixed, chips where they come from the catalogue.

use leptos::prelude::*;

use super::roving::rove;
use crate::app::reactive::Signal;
use crate::app::view::{handler, view};

/// One choice.
#[derive(Clone)]
pub struct Item {
    /// What is handed out when it is chosen.
    pub id: String,
    /// Its name.
    pub label: Signal<String>,
    /// More about it, shown when the pointer rests on it.
    pub hint: Option<Signal<String>>,
}

impl Item {
    /// A choice without a hint.
    pub fn new(id: impl Into<String>, label: Signal<String>) -> Self {
        Self { id: id.into(), label, hint: None }
    }

    /// With more about it.
    #[must_use]
    pub fn hint(mut self, hint: Signal<String>) -> Self {
        self.hint = Some(hint);
        self
    }
}

/// How choices look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Joined, of equal width.
    Segments,
    /// One beside the other, wrapping.
    Chips,
}

/// One of several, as a radio group: Tab reaches the chosen one, arrow keys choose another.
#[component]
pub fn Choices(
    /// What is chosen, for those who hear the page.
    label: Signal<String>,
    /// The choices.
    items: Vec<Item>,
    /// Id of the chosen one.
    #[prop(into)]
    chosen: Signal<String>,
    /// Called with the id of the new choice.
    on_choose: Callback<String>,
    /// Segments or chips.
    look: Look,
    /// Whether the label is also shown, before the choices.
    #[prop(optional)]
    show_label: bool,
) -> impl IntoView {
    let ids: Vec<String> = items.iter().map(|i| i.id.clone()).collect();
    let known = ids.clone();
    // Something must be in the tab order even while nothing is chosen.
    let anyone = Signal::memo(move || chosen.with(|c| known.contains(c)));
    let on_key = move |event: web_sys::KeyboardEvent| {
        if let Some(id) = rove(&event, "radio").and_then(|i| ids.get(i).cloned()) {
            on_choose.run(id);
        }
    };
    let class = match look {
        Look::Segments => "segments",
        Look::Chips => "chips",
    };
    let group = view! {
        <div class=class role="radiogroup" aria-label=label on:keydown=handler(on_key)>
            {items
                .into_iter()
                .enumerate()
                .map(|(index, item)| {
                    let id = StoredValue::new(item.id);
                    let on = Signal::memo(move || id.with_value(|id| chosen.with(|c| c == id)));
                    view! {
                        <button
                            type="button"
                            role="radio"
                            aria-checked=move || on.get().to_string()
                            tabindex=move || if on.get() || (index == 0 && !anyone.get()) { "0" } else { "-1" }
                            title=move || item.hint.map(Signal::get)
                            on:click=handler(move |_| on_choose.run(id.get_value()))
                        >
                            {item.label}
                        </button>
                    }
                })
                .collect_view()}
        </div>
    };
    if show_label {
        view! { <div class="labelled"><span class="labelled__name" aria-hidden="true">{label}</span>{group}</div> }
    } else {
        group
    }
}
