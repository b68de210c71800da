//! Weight over distance, all heads in one chart.

use leptos::prelude::*;

use super::ask::Desk;
use crate::analysis::plot::{Axis, Chart, Kind, Point, Scale, Series};
use crate::app::chart::{Plot, Reading};
use crate::app::controls::{Switch, words};
use crate::app::i18n::{self, t};
use crate::app::reactive::{RwSignal, Signal, effect};
use crate::app::view::view;
use crate::catalogue::Lang;

/// Most heads that are lines; of more, the chosen one and the mean.
const LINES: usize = 16;

/// The chart.
#[component]
pub fn Distances(desk: Desk) -> impl IntoView {
    let log = RwSignal::new(false);
    let reading = Reading::new();
    let chart = Signal::memo(move || chart(desk, log.get()));
    let head = desk.head();
    // The chosen head stands out among all.
    effect(move || {
        let many = desk.with(|found| found.heads.len() > LINES).unwrap_or_default();
        reading.lit.set(Some(if many { 0 } else { head.get() }));
    });
    view! {
        <h4>{t("Weight over distance", "权重随距离的变化")}</h4>
        <p class="note">{t(
            "The mean weight of a key so many tokens back, over the pairs that the mask allows; below 0 it lies ahead. A flat line looks everywhere alike, a peak at 1 looks at the token before.",
            "相隔若干词元的键的平均权重（只计掩码允许的位置）；负值表示键在查询之后。平线表示处处相同，1 处的峰表示看向前一个词元。",
        )}</p>
        <Switch label=words("logarithmic weights", "权重取对数刻度") on=log on_change=Callback::new(move |on| log.set(on)) />
        <Plot chart=chart file="distance" height=240.0 reading=reading />
    }
}

fn chart(desk: Desk, log: bool) -> Chart {
    let lang = desk.lab.lang.get();
    let head = desk.head().get();
    let word = |en, zh| i18n::now(lang, en, zh).to_owned();
    let series = desk.with(|found| {
        let points = |head: usize| {
            let bins = found.heads.get(head).map(|head| head.profile()).unwrap_or_default();
            // What is 0 has no place on a logarithmic axis, and there are too many such places to list.
            bins.into_iter()
                .filter(|bin| !log || bin.mean > 0.0)
                .map(|bin| Point::new(bin.distance as f64, bin.mean))
                .collect::<Vec<_>>()
        };
        let name = |head: usize| match lang {
            Lang::En => format!("head {}", head + 1),
            Lang::Zh => format!("第 {} 个头", head + 1),
        };
        if found.heads.len() <= LINES {
            return (0..found.heads.len())
                .map(|head| Series::new(name(head), Kind::Line, head, points(head)))
                .collect();
        }
        let mut sums: Vec<(i64, f64, u64)> = Vec::new();
        for bin in found.heads.iter().flat_map(|head| head.profile()) {
            match sums.binary_search_by_key(&bin.distance, |one| one.0) {
                Ok(at) => {
                    sums[at].1 += bin.mean * bin.pairs as f64;
                    sums[at].2 += bin.pairs;
                }
                Err(at) => sums.insert(at, (bin.distance, bin.mean * bin.pairs as f64, bin.pairs)),
            }
        }
        let mean = sums.into_iter().map(|(distance, sum, pairs)| Point::new(distance as f64, sum / pairs as f64));
        let mean = mean.filter(|point| !log || point.y > 0.0);
        vec![
            Series::new(name(head), Kind::Line, 0, points(head)),
            Series::new(word("mean of all heads", "全部头的平均"), Kind::Theory, 1, mean),
        ]
    });
    let scale = if log { Scale::Log10 } else { Scale::Linear };
    Chart {
        title: word("Mean weight over distance", "平均权重随距离的变化"),
        x: Axis::linear(word("tokens back", "向前相隔的词元数"), ""),
        y: Axis::new(word("mean weight", "平均权重"), "", scale),
        series: series.unwrap_or_default(),
        ..Chart::default()
    }
}
