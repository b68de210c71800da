//! What is read in a chart: a box beside the point, and a sentence for those who hear the page.

use leptos::prelude::*;

use super::legend::sample;
use super::plot::Reading;
use crate::analysis::plot::{self, Chart, Cursor, Scene};
use crate::app::i18n;
use crate::app::reactive::Signal;
use crate::app::state::lab;
use crate::app::view::view;
use crate::catalogue::Lang;

/// Most series that the box lists.
const LISTED: usize = 12;

/// Between the ends of an interval.
pub fn to(lang: Lang) -> &'static str {
    i18n::now(lang, " to ", " 至 ")
}

/// Of what is read: its series, in the order of the chart, each with the value.
fn values(lang: Lang, chart: &Chart, cursor: Cursor) -> Vec<(&plot::Series, String)> {
    let read =
        plot::readings(chart, cursor.x).into_iter().filter(|(one, _)| cursor.slot.is_none_or(|slot| one.slot == slot));
    read.map(|(one, point)| (one, plot::value(chart, point, to(lang)))).collect()
}

/// `distance 16, RoPE 0.3, ALiBi −4`; without a cursor what the chart shows.
pub fn spoken(lang: Lang, chart: &Chart, cursor: Option<Cursor>) -> String {
    let Some(cursor) = cursor else {
        let names: Vec<&str> = chart.series.iter().map(|one| one.name.as_str()).collect();
        return names.join(i18n::now(lang, ", ", "，"));
    };
    let mut text = format!("{} {}", chart.x.name, plot::place(chart, cursor.x));
    for (one, value) in values(lang, chart, cursor) {
        text.push_str(&format!("{}{} {value}", i18n::now(lang, ", ", "，"), one.name));
    }
    text
}

/// The box. It stands on the side of the cursor that has more room.
#[component]
pub fn Tip(chart: Signal<Chart>, scene: Signal<Scene>, reading: Reading) -> impl IntoView {
    let lab = lab();
    view! {
        {move || reading.cursor.get().map(|cursor| chart.with(|chart| {
            let lang = lab.lang.get();
            let at = scene.with(|scene| {
                let spot = scene.spots.iter().find(|spot| spot.x == cursor.x);
                spot.map_or(scene.field.x, |spot| spot.at[0]) / scene.size[0].max(1.0)
            });
            let all = values(lang, chart, cursor);
            let more = all.len().saturating_sub(LISTED);
            let left = at > 0.5;
            let place = format!("{:.2}%", 100.0 * if left { 1.0 - at } else { at });
            let (from_left, from_right) = if left { (String::new(), place) } else { (place, String::new()) };
            view! {
                <div class="chart__tip" aria-hidden="true" style:left=from_left style:right=from_right>
                    <b>{chart.x.name.clone()}" "{plot::place(chart, cursor.x)}</b>
                    {all.into_iter().take(LISTED).map(|(one, value)| view! {
                        <span>{sample(one)}<span>{one.name.clone()}</span><output>{value}</output></span>
                    }).collect_view()}
                    {(more > 0).then(|| view! { <small>{format!("+ {more}")}</small> })}
                </div>
            }
        }))}
    }
}
