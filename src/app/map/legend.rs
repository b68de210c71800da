//! The legend: colours with values, and what hatching means.

use leptos::html::Canvas;
use leptos::prelude::*;

use super::draw::paint_cells;
use super::scale::Scale;
use crate::app::controls::fixed;
use crate::app::element::NodeRef;
use crate::app::i18n::{self, t};
use crate::app::palette::Palette;
use crate::app::reactive::{Signal, effect};
use crate::app::state::lab;
use crate::app::view::view;
use crate::engine::{Map, MapRequest, Pool};

const STEPS: usize = 128;

/// Colours with values.
#[component]
pub fn Legend() -> impl IntoView {
    let lab = lab();
    let canvas = NodeRef::<Canvas>::new();
    let scale = Signal::memo(move || {
        let (stage, head) = lab.experiment.with(|e| (e.view.stage, e.view.head));
        lab.picture(stage, head).map(|map| Scale::of(&map))
    });
    effect(move || {
        let (Some(canvas), Some(scale)) = (canvas.get(), scale.get()) else { return };
        let stage = lab.experiment.with_untracked(|e| e.view.stage);
        let from = if scale.is_weights() { 0.0 } else { -1.0 };
        let values = (0..STEPS).map(|i| (from + (1.0 - from) * i as f32 / (STEPS - 1) as f32) * scale.top).collect();
        let request =
            MapRequest { stage, batch: 0, head: 0, q: 0..1, k: 0..STEPS, width: STEPS, height: 1, pool: Pool::Max };
        // A canvas without a context stays empty; the values beside it are text.
        let _ = paint_cells(&canvas, &Map { request, values }, &scale, &Palette::current());
    });
    let low = Signal::derive(move || {
        scale.get().map(|s| if s.is_weights() { "0".to_owned() } else { format!("−{}", number(s.top)) })
    });
    let high = Signal::derive(move || {
        scale
            .get()
            .map(|s| if s.is_weights() { format!("{} %", fixed(f64::from(s.top) * 100.0, 0)) } else { number(s.top) })
    });
    view! {
        <div class="legend">
            <span>{low}</span>
            <canvas node_ref=canvas class="legend__bar" aria-hidden="true"></canvas>
            <span>{high}</span>
            <span class="legend__note">
                {move || scale.get().filter(Scale::is_weights).map(|_| i18n::now(lab.lang.get(), "square-root scale", "平方根刻度"))}
            </span>
            <span class="legend__mask"><i aria-hidden="true"></i>{t("masked", "已屏蔽")}</span>
        </div>
    }
}

fn number(value: f32) -> String {
    if value >= 100.0 { fixed(f64::from(value), 0) } else { fixed(f64::from(value), 2) }
}
