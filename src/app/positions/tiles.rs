//! Every line, small: its curve and what becomes of it past the trained length. A tile switches its line in the chart.

use leptos::prelude::*;

use super::chart::small;
use super::desk::Desk;
use crate::app::i18n::tr;
use crate::app::reactive::Signal;
use crate::app::view::{handler, view};
use crate::catalogue::{PositionLine, position_lines};

/// All tiles.
#[component]
pub fn Tiles(desk: Desk) -> impl IntoView {
    view! {
        <div class="postiles">
            {position_lines().map(|line| view! { <Tile desk=desk line=line /> }).collect_view()}
        </div>
    }
}

#[component]
fn Tile(desk: Desk, line: PositionLine) -> impl IntoView {
    let id = line.id;
    let on = Signal::memo(move || desk.on.with(|on| on.contains(&id)));
    let curve = Signal::memo(move || desk.curve(id));
    let light = move |lit: bool| desk.light(lit.then_some(id));
    view! {
        <button
            type="button"
            class="postile"
            data-scheme=id
            aria-pressed=move || on.get().to_string()
            on:click=handler(move |_: web_sys::MouseEvent| { desk.toggle(id); light(true); })
            on:pointerenter=handler(move |_: web_sys::PointerEvent| light(true))
            on:pointerleave=handler(move |_: web_sys::PointerEvent| light(false))
            on:focus=handler(move |_: web_sys::FocusEvent| light(true))
            on:blur=handler(move |_: web_sys::FocusEvent| light(false))
        >
            <span class="postile__name">{tr(line.name)}</span>
            <span class="postile__field" aria-hidden="true">
                {move || match curve.get() {
                    Some(Ok(curve)) => small(desk, &line, &curve, on.get()),
                    Some(Err(why)) => view! { <small class="issue">{why.get(desk.lab.lang.get()).to_owned()}</small> },
                    None => ().into_any(),
                }}
            </span>
            {line.beyond.map(|text| view! { <small>{tr(text)}</small> })}
        </button>
    }
}
