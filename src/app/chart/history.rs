//! The times of the last runs: kernels, and from edit to paint.

use leptos::prelude::*;

use super::plot::Plot;
use crate::analysis::plot::{Axis, Chart, Kind, Point, Series};
use crate::app::i18n;
use crate::app::reactive::Signal;
use crate::app::state::{Lab, lab};
use crate::app::view::view;

/// Runs that the chart reaches back.
const RUNS: usize = 40;

/// The chart.
pub fn times() -> AnyView {
    let lab = lab();
    let chart = Signal::memo(move || chart(lab));
    view! { <Plot chart=chart file="times" height=200.0 /> }
}

fn chart(lab: Lab) -> Chart {
    let lang = lab.lang.get();
    let word = |en, zh| i18n::now(lang, en, zh).to_owned();
    lab.timings.with(|all| {
        let first = all.len().saturating_sub(RUNS);
        // The newest at the right end, as 0.
        let runs = || all.iter().enumerate().skip(first).map(|(i, timing)| (i as f64 + 1.0 - all.len() as f64, timing));
        let kernels = runs()
            .map(|(x, timing)| Point::new(x, timing.report.times.0.iter().sum()).noted(timing.report.kernel.clone()));
        // Runs that no edit started have no such time.
        let paint = runs().filter_map(|(x, timing)| Some(Point::new(x, timing.edit_to_paint_ms?)));
        Chart {
            title: word("Times of the last runs", "最近各次用时"),
            x: Axis::linear(word("from the last run", "距最近一次运行"), ""),
            y: Axis::linear(word("time", "用时"), "ms"),
            series: vec![
                Series::new(word("kernels", "计算核"), Kind::Line, 0, kernels),
                Series::new(word("edit to paint", "从修改到重绘"), Kind::Line, 1, paint),
            ],
            ..Chart::default()
        }
    })
}
