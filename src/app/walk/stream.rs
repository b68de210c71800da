//! Tiles of keys that stream by a block of queries.

use std::sync::Arc;

use leptos::prelude::*;

use super::ask::{Desk, Shared, Walked};
use super::parts::{Output, Sizes, Tile, ending, legend, span, table};
use crate::analysis::plot::{Axis, Chart, Mark, read};
use crate::analysis::walk::{State, Stream};
use crate::app::chart::Plot;
use crate::app::controls::words;
use crate::app::i18n::{self, t};
use crate::app::player::Player;
use crate::app::reactive::{RwSignal, Signal};
use crate::app::view::view;
use crate::attention::Coverage;
use crate::catalogue::Lang;

/// Sides of a tile that can be chosen, and most tiles along a side of the picture.
const SIDES: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];
const MOST_TILES: usize = 32;
/// The side that is shown first gives at most so many tiles.
const FIRST_TILES: usize = 8;

/// Sides that suit `n` places, and the first of them that is shown.
fn sides(n: usize) -> (Vec<usize>, usize) {
    let suits = |most: usize| SIDES.into_iter().filter(move |side| n.div_ceil(*side) <= most);
    let all: Vec<usize> = suits(MOST_TILES).filter(|side| *side <= n.max(1)).collect();
    let first = suits(FIRST_TILES).next().filter(|side| all.contains(side)).or(all.first().copied());
    (all, first.unwrap_or(1))
}

/// The walk.
#[component]
pub fn Streaming(desk: Desk, walked: Shared<Walked>) -> impl IntoView {
    let lab = desk.lab;
    let row = desk.row();
    let ((down, first_down), (across, first_across)) =
        (sides(walked.0.part.queries.len()), sides(walked.0.part.keys.len()));
    let (tall, wide) = (RwSignal::new(first_down), RwSignal::new(first_across));
    let at = RwSignal::new(0_usize);
    // The same walk for every row of a block.
    let block = Signal::memo(move || row.get() / tall.get().max(1));
    let of = walked.clone();
    let stream = Signal::memo(move || {
        let tile = [tall.get(), wide.get()];
        Shared::new(Stream::of(&of.0.part, tile, block.get() * tile[0]))
    });
    let count = Signal::memo(move || stream.with(|stream| stream.0.steps.len() + 1));
    let step = Signal::memo(move || at.get().min(count.get().saturating_sub(1)));
    let state = Signal::memo(move || stream.with(|stream| stream.0.state(step.get(), row.get()).clone()));
    let choose = move |of: RwSignal<usize>| {
        Callback::new(move |size: usize| {
            at.set(0);
            of.set(size);
        })
    };
    let keys_from = walked.0.part.keys.start;
    let label = Signal::derive(move || {
        let lang = lab.lang.get();
        stream.with(|stream| match step.get().checked_sub(1).and_then(|i| stream.0.steps.get(i)) {
            None => i18n::now(lang, "before the first tile", "第一个分块之前").to_owned(),
            Some(tile) => {
                let keys = span(keys_from, &tile.keys);
                match lang {
                    Lang::En => format!("tile {} of {}, keys {keys}", step.get(), stream.0.steps.len()),
                    Lang::Zh => format!("第 {} 个分块（共 {}），键 {keys}", step.get(), stream.0.steps.len()),
                }
            }
        })
    });
    let story = Signal::derive(move || stream.with(|stream| told(lab.lang.get(), &stream.0, step.get(), row.get())));
    let (of_end, of_table, of_output) = (walked.clone(), walked.clone(), walked);
    view! {
        <div class="walk__sizes">
            <Sizes label=words("queries of a tile", "分块的查询数") sizes=down chosen=tall.into() on_choose=choose(tall) />
            <Sizes label=words("keys of a tile", "分块的键数") sizes=across chosen=wide.into() on_choose=choose(wide) />
        </div>
        <Player at=at count=count label=label story=story />
        <div class="walk__sides"><div>
        {move || { let stream = stream.get(); grid(lab.lang.get(), stream.0, step) }}
        {legend(vec![
            (Tile::Done, words("visited", "已访问")),
            (Tile::Now, words("in this step", "本步")),
            (Tile::Open, words("to come", "未到")),
            (Tile::Skipped, words("skipped: all masked", "跳过：全部屏蔽")),
            (Tile::Other, words("other blocks of queries", "其他查询块")),
        ])}
        <p class="note">{t("A dot in a tile: a part of it is masked.", "分块中的圆点：其中一部分被屏蔽。")}</p>
        <dl class="facts">{move || facts(lab.lang.get(), &stream.get().0, step.get(), row.get())}</dl>
        </div><div>
        <Rows desk=desk stream=stream step=step row=row />
        <Output desk=desk walked=of_output row=row state=state />
        </div></div>
        {move || stream.with(|stream| {
            let last = stream.0.steps.len();
            let apart = stream.0.rows.clone().map(|row| of_end.0.apart(row, stream.0.state(last, row))).fold(0.0, f64::max);
            ending(lab.lang.get(), &of_end.0, apart)
        })}
        {move || { let stream = stream.get(); steps(lab.lang.get(), &stream.0, &of_table.0, row.get(), step) }}
        <p class="note">{t(
            "The running maximum and sum: Milakov and Gimelshein 2018, arXiv:1805.02867, algorithm 3. With the output beside them: Dao et al. 2022, arXiv:2205.14135, algorithm 1; divided once at the end: Dao 2023, arXiv:2307.08691.",
            "随行更新的最大值与总和：Milakov 与 Gimelshein 2018，arXiv:1805.02867，算法 3。同时更新输出：Dao 等 2022，arXiv:2205.14135，算法 1；最后只除一次：Dao 2023，arXiv:2307.08691。",
        )}</p>
    }
}

/// Every tile of the head; those of the block follow the step.
fn grid(lang: Lang, stream: Arc<Stream>, step: Signal<usize>) -> AnyView {
    let block = stream.block();
    let columns = stream.steps.len();
    let label = {
        let [visited, skipped] = stream.counts();
        match lang {
            Lang::En => format!("Tiles of keys for the block of queries: {visited} visited, {skipped} skipped"),
            Lang::Zh => format!("该查询块的键分块：访问 {visited} 个，跳过 {skipped} 个"),
        }
    };
    let tile = move |line: usize, column: usize, coverage: Coverage| {
        let look = move || match coverage {
            Coverage::Empty => Tile::Skipped,
            _ if line != block => Tile::Other,
            _ if step.get() == column + 1 => Tile::Now,
            _ if step.get() > column + 1 => Tile::Done,
            _ => Tile::Open,
        };
        // A skipped tile has its step as well.
        let now = move || line == block && step.get() == column + 1;
        view! { <i class=move || look().marked(coverage == Coverage::Partial, now())></i> }
    };
    let lines = stream.grid.iter().enumerate().flat_map(|(line, tiles)| {
        tiles.iter().enumerate().map(move |(column, coverage)| tile(line, column, *coverage))
    });
    view! {
        <div class="walk__grid" role="img" aria-label=label style:grid-template-columns=format!("repeat({columns}, minmax(0, 1fr))")>
            {lines.collect_view()}
        </div>
    }
}

/// What happens in a step, in a sentence.
fn told(lang: Lang, stream: &Stream, step: usize, row: usize) -> String {
    let Some(tile) = step.checked_sub(1).and_then(|i| stream.steps.get(i)) else {
        return i18n::now(
            lang,
            "Before the first tile: the maximum is −∞ (or a sink's logit), the sum 0 (or 1), the output 0.",
            "第一个分块之前：最大值为 −∞（或汇的 logit），总和为 0（或 1），输出为 0。",
        )
        .to_owned();
    };
    if tile.coverage == Coverage::Empty {
        return i18n::now(
            lang,
            "Skipped: the mask allows no pair of this tile, so nothing of it is read.",
            "跳过：掩码不允许此分块的任何配对，不读取其内容。",
        )
        .to_owned();
    }
    let (before, now) = (stream.state(step - 1, row), stream.state(step, row));
    if now.keys == before.keys {
        return i18n::now(
            lang,
            "Of this tile the row may look at no key: it stays as it is.",
            "该行不能看此分块的任何键：保持不变。",
        )
        .to_owned();
    }
    let factor = stream.row(step, row).map_or(1.0, |row| row.factor);
    let keys = now.keys.saturating_sub(before.keys);
    let (max, grown) = (read(now.max), now.max > before.max && before.keys > 0);
    match (lang, grown) {
        (Lang::En, true) => format!(
            "{keys} keys, one of them above the maximum: it becomes {max}, and sum and output so far are scaled by {}.",
            read(factor)
        ),
        (Lang::Zh, true) => {
            format!("{keys} 个键，其中有高于最大值者：最大值变为 {max}，此前的总和与输出乘以 {}。", read(factor))
        }
        (Lang::En, false) if before.keys == 0 => {
            format!("{keys} keys, the first of this row: the maximum is now {max}.")
        }
        (Lang::Zh, false) if before.keys == 0 => format!("{keys} 个键，为该行最先的键：最大值为 {max}。"),
        (Lang::En, false) => format!("{keys} keys, none above the maximum {max}: they are added, nothing is scaled."),
        (Lang::Zh, false) => format!("{keys} 个键，均不高于最大值 {max}：直接相加，无需缩放。"),
    }
}

/// The numbers of the row.
fn facts(lang: Lang, stream: &Stream, step: usize, row: usize) -> AnyView {
    let before = step.checked_sub(1).map(|step| stream.state(step, row).clone());
    let now = stream.state(step, row);
    let factor = stream.row(step, row).map(|row| row.factor);
    let change = |of: fn(&State) -> f64| match &before {
        Some(before) => format!("{} → {}", read(of(before)), read(of(now))),
        None => read(of(now)),
    };
    view! {
        <dt>{i18n::now(lang, "maximum m", "最大值 m")}</dt><dd>{change(|s| s.max)}</dd>
        <dt>{i18n::now(lang, "scaled by exp(m before − m now)", "缩放因子 exp(旧 m − 新 m)")}</dt><dd>{factor.map_or_else(|| "–".to_owned(), read)}</dd>
        <dt>{i18n::now(lang, "sum l", "总和 l")}</dt><dd>{change(|s| s.sum)}</dd>
        <dt>{i18n::now(lang, "keys so far", "目前的键数")}</dt><dd>{now.keys.to_string()}</dd>
        <dt>{i18n::now(lang, "m + ln l", "m + ln l")}</dt><dd>{read(now.log_sum_exp())}</dd>
    }
}

/// Maximum and sum of every row of the block.
#[component]
fn Rows(desk: Desk, stream: Signal<Shared<Stream>>, step: Signal<usize>, row: Signal<usize>) -> impl IntoView {
    let lab = desk.lab;
    let chart =
        move |title: (&'static str, &'static str), axis: (&'static str, &'static str), of: fn(&State) -> f64| {
            Signal::memo(move || {
                let lang = lab.lang.get();
                stream.with(|stream| {
                    let rows = stream.0.rows.clone();
                    let values: Vec<f64> = rows.clone().map(|row| of(stream.0.state(step.get(), row))).collect();
                    let x = Axis::named(
                        i18n::now(lang, "query", "查询"),
                        rows.clone().map(|row| desk.name(false, row)).collect(),
                    );
                    let y = Axis::linear(i18n::now(lang, axis.0, axis.1), "");
                    let chart = Chart::of_row(i18n::now(lang, title.0, title.1), x, y, &values);
                    Chart { marks: vec![Mark::upright(row.get().saturating_sub(rows.start) as f64, "")], ..chart }
                })
            })
        };
    let maxima = chart(("Running maximum of each query of the block", "块中各查询的当前最大值"), ("m", "m"), |s| s.max);
    let sums =
        chart(("Running sum of each query of the block", "块中各查询的当前总和"), ("l", "l"), |s| s.sum);
    view! {
        <h4>{t("Maximum and sum of each query of the block", "块中各查询的最大值与总和")}</h4>
        <Plot chart=maxima file="walk-maximum" height=120.0 />
        <Plot chart=sums file="walk-sum" height=120.0 />
    }
}

/// Every step of the row.
fn steps(lang: Lang, stream: &Stream, walked: &Walked, row: usize, step: Signal<usize>) -> AnyView {
    let word = |en, zh| i18n::now(lang, en, zh).to_owned();
    let heads = vec![
        word("keys", "键"),
        word("tile", "分块"),
        word("m", "m"),
        word("factor", "因子"),
        word("l", "l"),
        word("off the end by", "与终值相差"),
    ];
    let line = |(i, tile): (usize, &crate::analysis::walk::Step)| {
        let state = stream.state(i + 1, row);
        let kind = match tile.coverage {
            Coverage::Empty => word("skipped", "跳过"),
            Coverage::Full => word("full", "全部允许"),
            Coverage::Partial => word("partly masked", "部分屏蔽"),
        };
        let factor = stream.row(i + 1, row).map_or(1.0, |row| row.factor);
        vec![
            span(walked.part.keys.start, &tile.keys),
            kind,
            read(state.max),
            read(factor),
            read(state.sum),
            read(walked.apart(row, state)),
        ]
    };
    let rows = stream.steps.iter().enumerate().map(line).collect();
    table(word("Every step as a table", "全部步骤（表格）"), heads, rows, move || step.get().checked_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_suit_the_size() {
        assert_eq!(sides(16), (vec![1, 2, 4, 8, 16], 2));
        assert_eq!(sides(128), (vec![4, 8, 16, 32, 64], 16));
        assert_eq!(sides(1), (vec![1], 1));
        assert_eq!(sides(0), (vec![1], 1));
    }
}
