//! The chart itself.

use leptos::html::Div;
use leptos::prelude::*;
use web_sys::{FocusEvent, KeyboardEvent, PointerEvent};

use super::legend::Legend;
use super::tip::{Tip, spoken};
use super::tools::Tools;
use crate::analysis::plot::{self, Chart, Cursor, Paper, Scene};
use crate::app::controls::unique;
use crate::app::element::NodeRef;
use crate::app::i18n::t;
use crate::app::reactive::{RwSignal, Signal};
use crate::app::shell::element_width;
use crate::app::state::lab;
use crate::app::view::{handler, view};

/// Width that is drawn for until the page knows the real one.
const BEFORE: f64 = 640.0;

/// What is looked at in a chart. `Copy`: signals only.
#[derive(Clone, Copy)]
pub struct Reading {
    /// What is read out.
    pub cursor: RwSignal<Option<Cursor>>,
    /// The series under the pointer or the focus elsewhere: in the legend, in other parts of the page.
    pub lit: RwSignal<Option<usize>>,
    /// Slots of the series that are switched off.
    pub hidden: RwSignal<Vec<usize>>,
}

impl Reading {
    /// Everything is shown, nothing is read.
    pub fn new() -> Self {
        Self { cursor: RwSignal::new(None), lit: RwSignal::new(None), hidden: RwSignal::new(Vec::new()) }
    }

    /// The series that stands out.
    fn stands_out(self) -> Option<usize> {
        self.lit.get().or(self.cursor.get().and_then(|cursor| cursor.slot))
    }
}

impl Default for Reading {
    fn default() -> Self {
        Self::new()
    }
}

/// A chart with everything that belongs to it.
#[component]
pub fn Plot(
    /// What it shows.
    chart: Signal<Chart>,
    /// Name of its files, without the ending.
    file: &'static str,
    /// CSS pixels.
    #[prop(default = 300.0)]
    height: f64,
    /// What is looked at, where others look at it as well.
    #[prop(optional)]
    reading: Option<Reading>,
    /// What a press on an entry of the legend does, told its slot; without it series are hidden and shown.
    #[prop(optional)]
    switch: Option<Callback<usize>>,
    /// Whether table and files stand below it.
    #[prop(default = true)]
    tools: bool,
) -> impl IntoView {
    let reading = reading.unwrap_or_default();
    let shown = Signal::memo(move || reading.hidden.with(|hidden| chart.with(|chart| chart.without(hidden))));
    view! {
        <figure class="chart">
            <Field chart=shown reading=reading height=height />
            <Legend chart=chart reading=reading switch=switch />
            {tools.then(|| view! { <Tools chart=shown file=file /> })}
        </figure>
    }
}

/// The picture, read by keys and by pointer.
#[component]
fn Field(chart: Signal<Chart>, reading: Reading, height: f64) -> impl IntoView {
    let lab = lab();
    let field = NodeRef::<Div>::new();
    let (width, help) = (element_width(field), unique("chart"));
    let described = help.clone();
    let scene = Signal::memo(move || {
        let width = width.get();
        chart.with(|chart| plot::layout(chart, Paper::screen(if width > 0.0 { width } else { BEFORE }, height)))
    });
    // The cursor moves over the picture; it is drawn anew only when another series stands out.
    let shown = move |slot: &usize| chart.with(|chart| chart.series.iter().any(|one| one.slot == *slot));
    let lit = Signal::memo(move || reading.stands_out().filter(shown));
    let picture = move || scene.with(|scene| plot::body(scene, lit.get(), &|token| format!("var({token})")));
    let places = Signal::memo(move || {
        chart.with(|chart| plot::places(chart, reading.cursor.get().and_then(|cursor| cursor.slot)))
    });
    let place = move || {
        let at = reading.cursor.get().map(|cursor| cursor.x);
        places.with(|places| places.iter().position(|x| Some(*x) >= at).unwrap_or(places.len().saturating_sub(1)))
    };
    let point = move |event: PointerEvent| {
        if let Some(field) = field.get_untracked() {
            let bounds = field.get_bounding_client_rect();
            let at = [f64::from(event.client_x()) - bounds.left(), f64::from(event.client_y()) - bounds.top()];
            reading.cursor.set(scene.with_untracked(|scene| plot::under(scene, at)));
        }
    };
    let on_key = move |event: KeyboardEvent| {
        if event.alt_key() || event.ctrl_key() || event.meta_key() {
            return;
        }
        let now = reading.cursor.get_untracked();
        let next = match event.key().as_str() {
            // The first press puts the tooltip away, the next is the page's.
            "Escape" if now.is_some() => None,
            key => match chart.with_untracked(|chart| plot::step(chart, now, key)) {
                Some(next) => Some(next),
                None => return,
            },
        };
        event.prevent_default();
        event.stop_propagation();
        reading.cursor.set(next);
    };
    let on_focus = move |_: FocusEvent| {
        if reading.cursor.get_untracked().is_none() {
            reading.cursor.set(chart.with_untracked(|chart| plot::step(chart, None, "Home")));
        }
    };
    view! {
        <div
            class="chart__field"
            node_ref=field
            tabindex="0"
            role="slider"
            aria-roledescription=t("chart", "图表")
            aria-label=move || chart.with(|chart| chart.title.clone())
            aria-describedby=described
            aria-valuemin="0"
            aria-valuemax=move || places.with(|places| places.len().saturating_sub(1)).to_string()
            aria-valuenow=move || place().to_string()
            aria-valuetext=move || chart.with(|chart| spoken(lab.lang.get(), chart, reading.cursor.get()))
            on:pointermove=handler(point)
            on:pointerdown=handler(point)
            on:pointerleave=handler(move |_: PointerEvent| reading.cursor.set(None))
            on:focus=handler(on_focus)
            on:blur=handler(move |_: FocusEvent| reading.cursor.set(None))
            on:keydown=handler(on_key)
        >
            <svg
                viewBox=move || scene.with(|scene| format!("0 0 {:.1} {:.1}", scene.size[0], scene.size[1]))
                height=height.to_string()
                aria-hidden="true"
                inner_html=picture
            ></svg>
            <Cursors scene=scene reading=reading />
            <Tip chart=chart scene=scene reading=reading />
            <span class="quiet" id=help>{t(
                "Left and right go from point to point, up and down from series to series; the table has all numbers.",
                "左右键在数据点之间移动，上下键在系列之间切换；表格中有全部数值。",
            )}</span>
        </div>
    }
}

/// The line of the cursor, and a ring around every point that is read.
#[component]
fn Cursors(scene: Signal<Scene>, reading: Reading) -> impl IntoView {
    let px = |x: f64| format!("{x:.1}px");
    view! {
        {move || reading.cursor.get().map(|cursor| scene.with(|scene| {
            let read = |spot: &&plot::Spot| spot.x == cursor.x && cursor.slot.is_none_or(|slot| slot == spot.slot);
            let spots: Vec<[f64; 2]> = scene.spots.iter().filter(read).map(|spot| spot.at).collect();
            let (top, height) = (px(scene.field.y), px(scene.field.height));
            let rule = spots.first().map(|[x, _]| view! {
                <i class="chart__rule" style:left=px(*x) style:top=top style:height=height></i>
            });
            let rings = spots.iter().map(|[x, y]| view! { <i class="chart__ring" style:left=px(*x) style:top=px(*y)></i> }).collect_view();
            view! { {rule}{rings} }
        }))}
    }
}
