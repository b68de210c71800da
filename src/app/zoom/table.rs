//! The window as numbers: each cell where there are few, merged where there are many.

use leptos::prelude::*;

use super::ask::{self, Wish};
use super::near::Near;
use crate::analysis::window::sample;
use crate::app::controls::fixed;
use crate::app::i18n;
use crate::app::map::stage_name;
use crate::app::reactive::Signal;
use crate::app::result::story;
use crate::app::view::view;
use crate::catalogue::Lang;
use crate::engine::{Map, MapRequest};
use crate::experiment::Stage;

/// Most rows and columns of the table.
const MOST: [usize; 2] = [32, 16];

/// The table.
#[component]
pub fn Table(
    /// What is looked at.
    near: Near,
) -> impl IntoView {
    let lab = near.lab;
    let wish = Signal::memo(move || -> Wish {
        let looked = near.looked.get()?;
        let window = near.window.get();
        let [rows, columns] = window.size();
        let exact = MapRequest {
            stage: looked.stage,
            batch: 0,
            head: looked.head,
            q: window.q[0]..window.q[1],
            k: window.k[0]..window.k[1],
            width: columns.min(MOST[1]),
            height: rows.min(MOST[0]),
            pool: looked.pool,
        };
        let request = match sample(window, &looked) {
            // As many rows as a sample of this size has, merged by the table into its few.
            Some(sampled) => MapRequest { height: exact.height, width: exact.width, ..sampled },
            None => exact,
        };
        Some((looked.session, vec![request]))
    });
    let maps = ask::pictures(wish);
    view! {
        <div class="zoom__table" tabindex="0" role="region" aria-label=move || i18n::now(lab.lang.get(), "Numbers of the part that is shown", "所示部分的数值")>
            {move || maps.with(|maps| maps.first().map(|map| numbers(near, map)))}
        </div>
    }
}

fn numbers(near: Near, map: &Map) -> AnyView {
    let lang = near.lab.lang.get();
    let MapRequest { stage, q, k, width, height, .. } = map.request.clone();
    let part = |from: usize, len: usize, i: usize, count: usize| [from + i * len / count, from + (i + 1) * len / count];
    let name = |keys: bool, [from, to]: [usize; 2]| {
        let token = |i: usize| story::token(near.lab, keys, i);
        if to - from == 1 { token(from) } else { format!("{from}–{}", to - 1) }
    };
    let rows: Vec<String> = (0..height).map(|i| name(false, part(q.start, q.len(), i, height))).collect();
    let columns: Vec<String> = (0..width).map(|j| name(true, part(k.start, k.len(), j, width))).collect();
    let cell = |value: f32| {
        if story::is_masked(value) {
            i18n::now(lang, "masked", "已屏蔽").to_owned()
        } else if stage == Stage::Weights {
            fixed(f64::from(value) * 100.0, 2)
        } else {
            fixed(f64::from(value), 3)
        }
    };
    let body = rows
        .into_iter()
        .zip(map.values.chunks(width.max(1)))
        .map(|(row, values)| {
            let cells = values.iter().map(|value| view! { <td>{cell(*value)}</td> }).collect_view();
            view! { <tr><th scope="row">{row}</th>{cells}</tr> }
        })
        .collect_view();
    let head = columns.into_iter().map(|column| view! { <th scope="col">{column}</th> }).collect_view();
    view! {
        <table>
            <caption>{caption(lang, &map.request)}</caption>
            <thead><tr><td></td>{head}</tr></thead>
            <tbody>{body}</tbody>
        </table>
    }
}

/// What the numbers are.
fn caption(lang: Lang, request: &MapRequest) -> String {
    let (en, zh) = stage_name(request.stage);
    let unit = if request.stage == Stage::Weights { [", in percent", "，单位为 %"] } else { ["", ""] };
    let merged = request.width < request.k.len() || request.height < request.q.len();
    let mean = request.pool.sample() == crate::engine::Pool::SampledMean;
    let how = match (merged, request.pool.sampled().is_some(), mean) {
        (false, ..) => ["", ""],
        (true, false, false) => ["; the largest of each block", "；各块的最大值"],
        (true, false, true) => ["; the mean of each block", "；各块的均值"],
        (true, true, false) => ["; a sample: the largest in one row of each block", "；抽样：各块中一行的最大值"],
        (true, true, true) => ["; a sample: the mean of one row of each block", "；抽样：各块中一行的均值"],
    };
    let head = request.head + 1;
    match lang {
        Lang::En => format!("{en} of head {head}{}{}. Queries down, keys across.", unit[0], how[0]),
        Lang::Zh => format!("第 {head} 头的{zh}{}{}。行为查询，列为键。", unit[1], how[1]),
    }
}
