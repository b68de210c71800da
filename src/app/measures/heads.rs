//! Every head in a table: the means of its rows, and its ranks.

use leptos::prelude::*;

use super::ask::{Desk, Found};
use super::quantity::Quantity;
use crate::analysis::measures::{Fault, MOST_SIDE, Ranks};
use crate::analysis::plot::read;
use crate::app::browse::walk::Walked;
use crate::app::export::Save;
use crate::app::i18n::{self, t, tr};
use crate::app::view::{handler, view};
use crate::catalogue::{Lang, Text};
use crate::export::csv_lines;

/// The three ranks.
const RANKS: [Text; 3] =
    [Text::new("numerical rank", "数值秩"), Text::new("stable rank", "稳定秩"), Text::new("effective rank", "有效秩")];

/// How far the weights carry.
const REACH: [Text; 2] = [Text::new("layers to reach", "到达所需层数"), Text::new("share reached", "到达的比例")];

/// The table.
#[component]
pub fn Heads(desk: Desk) -> impl IntoView {
    let lab = desk.lab;
    let head = desk.head();
    let ranked = move || desk.with(|found| !found.ranks.is_empty()).unwrap_or_default();
    let walked = move || desk.with(|found| !found.reach.is_empty()).unwrap_or_default();
    let csv = move || {
        let lang = lab.lang.get_untracked();
        let lines = desk.found.with_untracked(|found| found.as_ref().map(|found| lines(lang, &found.0)));
        csv_lines(lines.unwrap_or_default())
    };
    let row = move |(at, numbers): (usize, Vec<String>)| {
        let chosen = move || (head.get() == at).then_some("true");
        view! {
            <tr aria-current=chosen>
                <th scope="row">
                    <button type="button" class="quiet-button" on:click=handler(move |_: web_sys::MouseEvent| lab.show(|view| view.head = at))>{(at + 1).to_string()}</button>
                </th>
                {numbers.into_iter().map(|number| view! { <td>{number}</td> }).collect_view()}
            </tr>
        }
    };
    view! {
        <h4>{t("Head by head", "逐个头")}</h4>
        <p class="note">{t("Means over the queries that have weights; press a head to show it.", "对有权重的查询取平均；点按某个头即可显示。")}</p>
        <div class="chart__scroll pair__table measures__heads" tabindex="0" role="region" aria-label=t("Measures of every head", "各头的度量")>
            <table>
                <thead><tr>
                    <th scope="col">{t("head", "头")}</th>
                    {Quantity::ALL.map(|one| view! { <th scope="col">{tr(one.name())}</th> }).into_iter().collect_view()}
                    {move || walked().then(|| REACH.map(|name| view! { <th scope="col">{tr(name)}</th> }).into_iter().collect_view())}
                    {move || ranked().then(|| RANKS.map(|name| view! { <th scope="col">{tr(name)}</th> }).into_iter().collect_view())}
                </tr></thead>
                <tbody>{move || {
                    let all = desk.with(|found| (0..found.heads.len()).map(|at| (at, numbers(found, at))).collect::<Vec<_>>());
                    all.unwrap_or_default().into_iter().map(row).collect_view()
                }}</tbody>
            </table>
        </div>
        <div class="chart__tools">
            <Save en="CSV" zh="CSV" file="heads.csv".to_owned() kind="text/csv" make=Callback::new(move |()| Ok(csv().into_bytes())) />
        </div>
        {move || walked().then(|| view! { <p class="note" data-reach="">{move || reach(desk)}</p> })}
        <p class="note">{move || if ranked() {
            i18n::now(
                lab.lang.get(),
                "Ranks tell how many directions a head's weights have. Numerical: singular values above rounding. Stable: ‖W‖² over the largest squared (Rudelson and Vershynin). Effective: e to the entropy of the singular values' shares (Roy and Vetterli). A rank of 1: every query looks at the same.",
                "秩说明一个头的权重有多少个方向。数值秩：高于舍入误差的奇异值个数；稳定秩：‖W‖² 除以最大奇异值的平方（Rudelson 与 Vershynin）；有效秩：e 的奇异值份额熵次方（Roy 与 Vetterli）。秩为 1 表示所有查询看向相同。",
            ).to_owned()
        } else {
            match lab.lang.get() {
                Lang::En => format!("Ranks are worked out up to {MOST_SIDE} tokens and 4 194 304 weights."),
                Lang::Zh => format!("秩仅在不超过 {MOST_SIDE} 个词元、4 194 304 个权重时计算。"),
            }
        }}</p>
    }
}

/// The numbers of one head as they are read.
fn numbers(found: &Found, at: usize) -> Vec<String> {
    all(found, at).into_iter().map(|x| x.map_or_else(|| "–".to_owned(), read)).collect()
}

fn all(found: &Found, at: usize) -> Vec<Option<f64>> {
    let summary = found.heads.get(at).map(crate::analysis::measures::Head::summary).unwrap_or_default();
    let mut all: Vec<Option<f64>> = Quantity::ALL.iter().map(|one| one.mean(&summary)).collect();
    if let Some(walked) = found.reach.get(at) {
        all.extend(of_reach(*walked));
    }
    if let Some(ranks) = found.ranks.get(at) {
        all.extend(of_ranks(ranks));
    }
    all
}

/// The layers, none where they never reach everything or that was not worked out, and the share of the pairs that is reached in the end.
fn of_reach(walked: Walked) -> [Option<f64>; 2] {
    let reach = walked.reach();
    let share = reach.reached as f64 / reach.permitted.max(1) as f64;
    [reach.full().map(f64::from), matches!(walked, Walked::Whole(_)).then_some(share)]
}

/// What reach means, and that of all heads together.
fn reach(desk: Desk) -> String {
    let lang = desk.lab.lang.get();
    let small = read(desk.settings.with(|settings| settings.small) * 100.0);
    let mut said = match lang {
        Lang::En => format!(
            "Reach: were every layer to weigh as this head does, after so many layers every query has heard of every token (of every earlier one where none looks ahead), by weights of {small} % or more of their row; or of which share of them it ever hears."
        ),
        Lang::Zh => format!(
            "到达：若每层都按此头的权重，经过这么多层后，每个查询都能得知每个词元（若从不向后看，则为之前的每个词元），只计占本行 {small}% 及以上的权重；或最终能得知其中多大比例。"
        ),
    };
    let all = desk.with(|found| found.reach.last().copied()).flatten();
    if let Some((walked, found)) = all.map(|walked| (walked, walked.reach())) {
        let share = read(100.0 * found.reached as f64 / found.permitted.max(1) as f64);
        let layers = found.layers;
        said += &match (lang, walked, found.full()) {
            (Lang::En, _, Some(layers)) => format!(" All heads together: {layers}."),
            (Lang::Zh, _, Some(layers)) => format!("所有头一起：{layers} 层。"),
            (Lang::En, Walked::Whole(_), None) => format!(" All heads together: never all, {share} % after {layers}."),
            (Lang::Zh, Walked::Whole(_), None) => format!("所有头一起：永不完全到达，{layers} 层后为 {share}%。"),
            (Lang::En, Walked::Late(_), None) => {
                format!(" All heads together: not worked out, it takes long; {share} % after {layers}.")
            }
            (Lang::Zh, Walked::Late(_), None) => format!("所有头一起：耗时过长未算完，{layers} 层后为 {share}%。"),
        };
    }
    said
}

fn of_ranks(ranks: &Result<Ranks, Fault>) -> [Option<f64>; 3] {
    match ranks {
        Ok(Ranks { numerical, stable, effective }) => [Some(*numerical as f64), Some(*stable), Some(*effective)],
        // Weights that are no numbers, which the counts of rows tell.
        Err(_) => [None; 3],
    }
}

/// Lines of the file.
fn lines(lang: Lang, found: &Found) -> Vec<Vec<String>> {
    let mut head = vec![i18n::now(lang, "head", "头").to_owned()];
    head.extend(Quantity::ALL.iter().map(|one| one.name().get(lang).to_owned()));
    if !found.reach.is_empty() {
        head.extend(REACH.map(|name| name.get(lang).to_owned()));
    }
    if !found.ranks.is_empty() {
        head.extend(RANKS.map(|name| name.get(lang).to_owned()));
    }
    let row = |at: usize| {
        let numbers = all(found, at).into_iter().map(|x| x.map_or_else(String::new, |x| x.to_string()));
        std::iter::once((at + 1).to_string()).chain(numbers).collect()
    };
    std::iter::once(head).chain((0..found.heads.len()).map(row)).collect()
}
