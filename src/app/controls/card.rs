//! Cards, and cards that fold.

use leptos::prelude::*;

use super::unique;
use crate::app::reactive::Signal;
use crate::app::view::view;

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
    /// What the card holds.
    children: Children,
) -> impl IntoView {
    view! {
        <details class="card fold">
            <summary><h3><span>{title}</span>{aside.map(|aside| view! { <small>{aside}</small> })}</h3></summary>
            <div class="fold__body">{children()}</div>
        </details>
    }
}
