//! The output of the chosen head: one row a query, weights · V; and its error where it is not exact.

use leptos::html::Canvas;
use leptos::prelude::*;

use crate::app::controls::{percent, signed};
use crate::app::element::NodeRef;
use crate::app::exact::ExactError;
use crate::app::i18n::t;
use crate::app::map::{Scale, paint_cells};
use crate::app::palette::Palette;
use crate::app::reactive::{Signal, effect};
use crate::app::state::{Lab, lab};
use crate::app::view::view;
use crate::engine::{Map, MapRequest, Pool};
use crate::experiment::Stage;

/// The head's output as a picture on the score scale: rows are queries, columns places of the value.
fn picture(lab: Lab) -> Option<Map> {
    let head = lab.experiment.with(|e| e.view.head);
    lab.outcome.with(|o| {
        let o = o.as_ref()?;
        let (n_q, d_v) = (o.dims.n_q, o.dims.d_v);
        let start = o.dims.row_start(0, head) * d_v;
        let rows = n_q.min(512);
        let values = o.y.get(start..start + rows * d_v)?.to_vec();
        Some(Map {
            request: MapRequest {
                stage: Stage::Raw,
                batch: 0,
                head,
                q: 0..rows,
                k: 0..d_v,
                width: d_v,
                height: rows,
                pool: Pool::Max,
            },
            values,
        })
    })
}

/// The output.
#[component]
pub fn Output() -> impl IntoView {
    let lab = lab();
    let canvas = NodeRef::<Canvas>::new();
    let map = Signal::memo(move || picture(lab));
    effect(move || {
        let Some(canvas) = canvas.get() else { return };
        map.with(|map| {
            if let Some(map) = map {
                // Without a context the numbers below still tell the output.
                let _ = paint_cells(&canvas, map, &Scale::of(map), &Palette::current());
            }
        });
    });
    let shape =
        Signal::derive(move || map.with(|m| m.as_ref().map(|m| format!("{} × {}", m.request.height, m.request.width))));
    let numbers = Signal::derive(move || {
        map.with(|m| {
            let m = m.as_ref()?;
            let q = lab.cell().0;
            let row = m.values.get(q * m.request.width..(q + 1) * m.request.width)?;
            let text: Vec<String> = row.iter().take(8).map(|v| signed(f64::from(*v), 2)).collect();
            Some(format!("{}{}", text.join(" "), if row.len() > 8 { " …" } else { "" }))
        })
    });
    let mark = move || map.with(|m| m.as_ref().map(|m| (lab.cell().0, m.request.height)));
    view! {
        <h3 class="card__head">{t("Output", "输出")} <small>{shape}</small></h3>
        <div class="output">
            <canvas node_ref=canvas class="output__canvas" role="img" aria-label=t("Output of the chosen head: rows are queries", "所选头的输出：每行一个查询")></canvas>
            <i
                class="cross cross--row"
                style:top=move || mark().map(|(q, n)| percent(q as f64 / n as f64))
                style:height=move || mark().map(|(_, n)| percent(1.0 / n as f64))
            ></i>
        </div>
        <code class="output__row">{numbers}</code>
        <ExactError />
    }
}
