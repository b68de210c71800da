//! Cards, and cards that fold.

use leptos::prelude::*;

use super::unique;
use crate::app::reactive::{RwSignal, Signal};
use crate::app::view::{handler, view};

/// A card with a heading.
#[component]
pub fn Card(
    /// Heading.
    title: Signal<String>,
    /// Beside the heading: a figure or a short note.
    #[prop(optional, into)]
    aside: Option<Signal<String>>,
    /// What the card holds.
    children: Children,
) -> impl IntoView {
    let id = unique("card");
    let named = id.clone();
    view! {
        <section class="card" aria-labelledby=named>
            <h3><span id=id>{title}</span>{aside.map(|aside| view! { <small>{aside}</small> })}</h3>
            {children()}
        </section>
    }
}

/// A card that is folded until it is needed.
#[component]
pub fn Fold(
    /// Heading; a click on it opens the card.
    title: Signal<String>,
    /// Beside the heading: what is set now.
    #[prop(optional, into)]
    aside: Option<Signal<String>>,
    /// What the card holds, made when it is first opened.
    body: fn() -> AnyView,
) -> impl IntoView {
    let opened = RwSignal::new(false);
    let open = move |_| {
        if !opened.get_untracked() {
            opened.set(true);
        }
    };
    view! {
        <details class="card fold" on:toggle=handler(open)>
            <summary><h3><span>{title}</span>{aside.map(|aside| view! { <small>{aside}</small> })}</h3></summary>
            <div class="fold__body">{move || opened.get().then(body)}</div>
        </details>
    }
}
