//! The series of a chart, switched by a press.

use leptos::prelude::*;

use super::plot::Reading;
use crate::analysis::plot::{self, Chart, Series};
use crate::app::i18n::t;
use crate::app::reactive::Signal;
use crate::app::view::{handler, view};

/// A series as it is drawn: its line and its marker.
pub fn sample(series: &Series) -> AnyView {
    let scene = plot::legend_sample(series);
    let [width, height] = scene.size.map(|side| side.to_string());
    let picture = plot::body(&scene, None, &|token| format!("var({token})"));
    view! { <svg class="chart__sample" width=width height=height aria-hidden="true" inner_html=picture></svg> }
}

/// The legend; none where there is one series that cannot be switched.
#[component]
pub fn Legend(
    /// The chart with everything, also what is switched off.
    chart: Signal<Chart>,
    /// What is looked at.
    reading: Reading,
    /// What a press does.
    switch: Option<Callback<usize>>,
) -> impl IntoView {
    // Points come and go without a new legend.
    let entries = Signal::memo(move || {
        let plain = |one: &Series| Series::new(one.name.clone(), one.kind, one.slot, []);
        chart.with(|chart| chart.series.iter().map(plain).collect::<Vec<_>>())
    });
    let press = move |slot: usize| match switch {
        Some(switch) => {
            // The entry may go, and with it the word that the pointer has left it.
            reading.lit.set(None);
            switch.run(slot);
        }
        None => reading.hidden.update(|hidden| match hidden.iter().position(|other| *other == slot) {
            Some(at) => drop(hidden.remove(at)),
            None => hidden.push(slot),
        }),
    };
    view! {
        {move || entries.with(|entries| (entries.len() > 1).then(|| view! {
            <div class="chart__legend" role="group" aria-label=t("Series", "系列")>
                {entries.iter().map(|one| {
                    let slot = one.slot;
                    let light = move |lit: bool| reading.lit.set(lit.then_some(slot));
                    view! {
                        <button
                            type="button"
                            aria-pressed=move || reading.hidden.with(|hidden| !hidden.contains(&slot)).to_string()
                            on:click=handler(move |_: web_sys::MouseEvent| press(slot))
                            on:pointerenter=handler(move |_: web_sys::PointerEvent| light(true))
                            on:pointerleave=handler(move |_: web_sys::PointerEvent| light(false))
                            on:focus=handler(move |_: web_sys::FocusEvent| light(true))
                            on:blur=handler(move |_: web_sys::FocusEvent| light(false))
                        >
                            {sample(one)}{one.name.clone()}
                        </button>
                    }
                }).collect_view()}
            </div>
        }))}
    }
}
