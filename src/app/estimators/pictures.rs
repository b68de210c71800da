//! Outputs side by side, the error of each query, and what it costs.

use leptos::html::Canvas;
use leptos::prelude::*;

use super::ask::Answer;
use crate::analysis::plot::{Axis, Chart};
use crate::app::chart::Plot;
use crate::app::element::NodeRef;
use crate::app::i18n::{self, t, tr};
use crate::app::map::{Scale, paint_cells};
use crate::app::palette::Palette;
use crate::app::reactive::{Signal, effect};
use crate::app::state::lab;
use crate::app::view::view;
use crate::catalogue::{self, Text};
use crate::engine::{Map, MapRequest, Pool};
use crate::experiment::Stage;

/// Most rows of a picture: more than a screen has.
const ROWS: usize = 512;

/// An error as people read it.
pub fn percent(error: f32) -> String {
    let share = f64::from(error) * 100.0;
    match share {
        _ if !share.is_finite() => "∞".to_owned(),
        0.0 => "0 %".to_owned(),
        s if s < 0.01 => format!("{s:.0e} %"),
        s if s < 10.0 => format!("{s:.2} %"),
        s if s < 10_000.0 => format!("{s:.1} %"),
        s => format!("{s:.1e} %"),
    }
}

/// `rows × columns` numbers as a picture around zero.
pub fn picture(values: &[f32], columns: usize) -> Map {
    let columns = columns.max(1);
    let rows = (values.len() / columns).min(ROWS);
    let request = MapRequest {
        stage: Stage::Raw,
        batch: 0,
        head: 0,
        q: 0..rows,
        k: 0..columns,
        width: columns,
        height: rows,
        pool: Pool::Max,
    };
    Map { request, values: values[..rows * columns].to_vec() }
}

/// A picture with its name; `scale` gives its colours.
#[component]
pub fn Heat(
    /// What is shown, and the colours it shares with others.
    map: Signal<(Map, Scale)>,
    /// What it is.
    label: Signal<String>,
) -> impl IntoView {
    let canvas = NodeRef::<Canvas>::new();
    effect(move || {
        let (Some(canvas), palette) = (canvas.get(), Palette::current()) else { return };
        map.with(|(map, scale)| {
            // A lost canvas is painted again with the next change.
            let _ = paint_cells(&canvas, map, scale, &palette);
        });
    });
    view! {
        <figure>
            <canvas node_ref=canvas class="output__canvas" role="img" aria-label=label></canvas>
            <figcaption class="note">{label}</figcaption>
        </figure>
    }
}

/// The exact output and the estimate, in the same colours.
#[component]
pub fn Outputs(answer: StoredValue<Answer>, head: Signal<usize>) -> impl IntoView {
    let maps = Signal::memo(move || {
        answer.with_value(|answer| {
            let dims = answer.estimator.dims;
            let at = dims.row_start(0, head.get()) * dims.d_v;
            let of = |all: &[f32]| picture(all.get(at..at + dims.n_q * dims.d_v).unwrap_or_default(), dims.d_v);
            let exact = of(&answer.estimate.exact);
            let scale = Scale::of(&exact);
            (exact, of(&answer.estimate.y), scale)
        })
    });
    let name = answer.with_value(|answer| {
        catalogue::estimator(&answer.choice.id).map_or(Text::new("estimate", "估计"), |entry| entry.name)
    });
    let exact = Signal::derive(move || maps.with(|(exact, _, scale)| (exact.clone(), *scale)));
    let estimate = Signal::derive(move || maps.with(|(_, estimate, scale)| (estimate.clone(), *scale)));
    let (exactly, named) = (t("exact", "精确"), tr(name));
    view! {
        <div class="engine estimate__pair">
            <Heat map=exact label=Signal::derive(move || exactly().to_owned()) />
            <Heat map=estimate label=Signal::derive(move || named().to_owned()) />
        </div>
        <p class="note">{t("Outputs: a row for each query, a column for each place. Both in the colours of the exact one.", "输出：每行一个查询，每列一个维度；两图使用精确结果的色标。")}</p>
    }
}

/// The error of each query.
#[component]
pub fn Errors(
    /// Of one head, in the order of the queries.
    errors: Signal<Vec<f32>>,
) -> impl IntoView {
    let lab = lab();
    let worst = move || {
        errors.with(|errors| {
            let (at, most) =
                errors.iter().enumerate().fold((0, 0.0_f32), |top, (i, &e)| if e > top.1 { (i, e) } else { top });
            let token = lab.loaded.with(|l| l.as_ref().and_then(|l| l.tokens_q.get(at).cloned())).unwrap_or_default();
            let highest = i18n::now(lab.lang.get(), "highest", "最大");
            format!("{highest} {} · {} {token}", percent(most), at + 1)
        })
    };
    let chart = Signal::memo(move || {
        let word = |en, zh| i18n::now(lab.lang.get(), en, zh);
        let tokens = lab.loaded.with(|l| l.as_ref().map(|l| l.tokens_q.clone())).unwrap_or_default();
        let shares: Vec<f64> = errors.with(|errors| errors.iter().map(|e| f64::from(*e) * 100.0).collect());
        let x = Axis::named(word("query", "查询"), tokens);
        let y = Axis::linear(word("relative error", "相对误差"), "%");
        Chart::of_row(word("Error of each query", "每个查询的误差"), x, y, &shares)
    });
    view! {
        <div>
            <h4>{t("Error of each query", "每个查询的误差")} <small>{worst}</small></h4>
            <Plot chart=chart file="error-by-query" height=150.0 />
        </div>
    }
}

/// A number of things, short.
fn short(value: f64) -> String {
    match value {
        v if v >= 1e9 => format!("{:.1} G", v / 1e9),
        v if v >= 1e6 => format!("{:.1} M", v / 1e6),
        v if v >= 1e3 => format!("{:.1} k", v / 1e3),
        v => format!("{v:.0} "),
    }
}

/// Work and memory beside those of exact attention.
#[component]
pub fn Bill(answer: StoredValue<Answer>) -> impl IntoView {
    let estimator = answer.with_value(|answer| answer.estimator);
    let (exact, own) = (estimator.exact_cost(), estimator.cost());
    let row = |label: Text, exact: f64, own: f64, unit: &'static str| {
        view! { <tr><th scope="row">{tr(label)}</th><td>{short(exact)}{unit}</td><td>{short(own)}{unit}</td></tr> }
    };
    let heads = estimator.dims.q_heads as f64;
    view! {
        <table class="steps">
            <thead><tr><td></td><td>{t("exact", "精确")}</td><td>{t("this", "此方法")}</td></tr></thead>
            <tbody>
                {row(Text::new("work", "计算量"), exact.flops, own.flops, "flop")}
                {row(Text::new("read and written", "读写"), exact.bytes, own.bytes, "B")}
                {row(Text::new("kept for the next token", "为下一词元保留"), 4.0 * heads * estimator.exact_kept() as f64, 4.0 * heads * estimator.kept() as f64, "B")}
            </tbody>
        </table>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_written_short() {
        let cases = [(0.0, "0 %"), (1e-8, "1e-6 %"), (0.0123, "1.23 %"), (0.5, "50.0 %"), (12.0, "1200.0 %")];
        for (error, text) in cases {
            assert_eq!(percent(error), text);
        }
        assert_eq!((percent(f32::INFINITY), percent(300.0)), ("∞".to_owned(), "3.0e4 %".to_owned()));
    }
}
