//! Token by token, over a cache.

use leptos::prelude::*;

use super::ask::{Desk, Shared, Walked};
use super::parts::{Output, Tile, ending, legend, table};
use crate::analysis::plot::{Axis, Chart, Kind, Mark, Point, Series, read};
use crate::analysis::walk::{Decode, Token};
use crate::app::chart::Plot;
use crate::app::controls::words;
use crate::app::i18n::{self, t};
use crate::app::player::Player;
use crate::app::reactive::{RwSignal, Signal};
use crate::app::view::view;
use crate::catalogue::Lang;

/// The walk, or why this mask has none.
#[component]
pub fn Decoding(desk: Desk, walked: Shared<Walked>) -> impl IntoView {
    match Decode::of(&walked.0.part, walked.0.ahead) {
        Ok(decode) => view! { <Tokens desk=desk walked=walked decode=Shared::new(decode) /> },
        Err(why) => {
            let (lab, why) = (desk.lab, why.message());
            view! { <p class="issue" role="alert">{move || why.get(lab.lang.get()).to_owned()}</p> }
        }
    }
}

#[component]
fn Tokens(desk: Desk, walked: Shared<Walked>, decode: Shared<Decode>) -> impl IntoView {
    let lab = desk.lab;
    let count = decode.0.tokens.len();
    // It begins at the query that is followed; from then on the walk goes its own way.
    let at = RwSignal::new(desk.row().get_untracked().min(count.saturating_sub(1)));
    let row: Signal<usize> = at.into();
    let of = decode.clone();
    let state = Signal::memo(move || {
        of.0.tokens
            .get(row.get())
            .map_or_else(|| crate::analysis::walk::State::new(0, None), |token: &Token| token.state.clone())
    });
    let label = Signal::derive(move || match lab.lang.get() {
        Lang::En => format!("token {}", desk.name(false, at.get())),
        Lang::Zh => format!("词元 {}", desk.name(false, at.get())),
    });
    let (of_story, of_facts, of_cache, of_chart, of_table) =
        (decode.clone(), decode.clone(), decode.clone(), decode.clone(), decode.clone());
    let (in_story, in_facts, in_cache, in_end, in_table) =
        (walked.clone(), walked.clone(), walked.clone(), walked.clone(), walked.clone());
    let story = Signal::derive(move || told(lab.lang.get(), &of_story.0, &in_story.0, at.get()));
    let chart = Signal::memo(move || work(lab.lang.get(), &of_chart.0, at.get()));
    let apart =
        decode.0.tokens.iter().enumerate().map(|(row, token)| in_end.0.apart(row, &token.state)).fold(0.0, f64::max);
    view! {
        <Player at=at count=Signal::stored(count) label=label story=story />
        <div class="walk__sides"><div>
        <h4>{t("The cache", "缓存")}</h4>
        {cache(desk, &of_cache, in_cache, row)}
        {legend(vec![
            (Tile::Now, words("looked at by this token", "被此词元查看")),
            (Tile::Done, words("kept, looked at later", "保留，之后会被查看")),
            (Tile::Skipped, words("kept, never looked at again", "保留，但不再被查看")),
            (Tile::Open, words("not there yet", "尚不存在")),
        ])}
        <dl class="facts">{move || facts(lab.lang.get(), &of_facts.0, &in_facts.0, at.get())}</dl>
        </div><div>
        <h4>{t("Pairs so far, with and without the cache", "累计配对数：有缓存与无缓存")}</h4>
        <Plot chart=chart file="walk-decoding" height=170.0 />
        <Output desk=desk walked=walked row=row state=state />
        </div></div>
        {move || ending(lab.lang.get(), &in_end.0, apart)}
        {move || steps(lab.lang.get(), &of_table.0, &in_table.0, row)}
        <p class="note">{t(
            "Without a cache every token before is computed again for each new one: its key, its value, its row. Shazeer 2019, arXiv:1911.02150, section 2.4. Counted are pairs of a query and a key that the mask allows, two operations for each number of a query and of a value.",
            "没有缓存时，每生成一个新词元都要重新计算此前所有词元的键、值与行。Shazeer 2019，arXiv:1911.02150，第 2.4 节。计数为掩码允许的查询与键配对，查询与值的每个数各计两次运算。",
        )}</p>
    }
}

/// Every key of the part: which are there, which are looked at.
fn cache(desk: Desk, decode: &Shared<Decode>, walked: Shared<Walked>, row: Signal<usize>) -> AnyView {
    let keys = walked.0.part.keys.len();
    let (lab, own) = (desk.lab, decode.clone());
    let label = move || {
        let token = own.0.tokens.get(row.get());
        let (cached, pairs, needed) = token.map_or((0, 0, 0), |token| (token.cached, token.pairs, token.needed));
        match lab.lang.get() {
            Lang::En => {
                format!("{cached} of {keys} keys in the cache, {pairs} looked at, {needed} looked at now or later")
            }
            Lang::Zh => {
                format!("缓存中有 {keys} 个键中的 {cached} 个，正在查看 {pairs} 个，现在或之后会查看 {needed} 个")
            }
        }
    };
    let part = Shared::new(walked.0.part.clone());
    let queries = walked.0.part.queries.len();
    let tile = |key: usize| {
        let (decode, part) = (decode.clone(), part.clone());
        let looks = move |row: usize| part.0.row(row).get(key).is_some_and(|score| *score != f64::NEG_INFINITY);
        let last = (0..queries).rev().find(|row| looks(*row));
        let look = move || {
            let now = row.get();
            match decode.0.tokens.get(now) {
                Some(token) if key < token.cached && looks(now) => Tile::Now,
                Some(token) if key < token.cached && last.is_some_and(|last| last > now) => Tile::Done,
                Some(token) if key < token.cached => Tile::Skipped,
                _ => Tile::Open,
            }
        };
        view! { <i class=move || look().class()></i> }
    };
    view! {
        <div class="walk__cache" role="img" aria-label=label style:grid-template-columns=format!("repeat({keys}, minmax(0, 1fr))")>
            {(0..keys).map(tile).collect_view()}
        </div>
    }
}

fn told(lang: Lang, decode: &Decode, walked: &Walked, at: usize) -> String {
    let Some(Token { cached, added, pairs, needed, .. }) = decode.tokens.get(at) else { return String::new() };
    let free = cached - needed;
    let query = walked.part.queries.start + at;
    match lang {
        Lang::En => format!(
            "Query {query}: {added} keys are added, {cached} are in the cache, {pairs} are looked at. {free} will not be looked at again."
        ),
        Lang::Zh => format!(
            "查询 {query}：新增 {added} 个键，缓存中有 {cached} 个，查看 {pairs} 个；有 {free} 个不会再被查看。"
        ),
    }
}

fn facts(lang: Lang, decode: &Decode, walked: &Walked, at: usize) -> AnyView {
    let Some(token) = decode.tokens.get(at) else { return ().into_any() };
    let before = at.checked_sub(1).and_then(|at| decode.tokens.get(at));
    let dims = walked.dims;
    let each = 2 * (dims.d + dims.d_v);
    let operations = |pairs: usize| read((pairs * each) as f64);
    let without = token.without - before.map_or(0, |before| before.without);
    let kilobytes = (token.cached * (dims.d + dims.d_v) * 4) as f64 / 1024.0;
    view! {
        <dt>{i18n::now(lang, "operations of this token, with the cache", "此词元的运算数（有缓存）")}</dt><dd>{operations(token.pairs)}</dd>
        <dt>{i18n::now(lang, "operations of this token, without", "此词元的运算数（无缓存）")}</dt><dd>{operations(without)}</dd>
        <dt>{i18n::now(lang, "keys and values made so far, with and without", "累计生成的键值对数：有缓存 / 无缓存")}</dt><dd>{format!("{} / {}", token.made_with, token.made_without)}</dd>
        <dt>{i18n::now(lang, "the cache of a head of keys, 32-bit numbers", "每个键值头的缓存（32 位数）")}</dt><dd>{read(kilobytes)}" KB"</dd>
    }
}

/// Pairs by token, added up.
fn work(lang: Lang, decode: &Decode, at: usize) -> Chart {
    let word = |en, zh| i18n::now(lang, en, zh);
    let line = |name: &str, slot: usize, of: fn(&Token) -> usize| {
        let points = decode.tokens.iter().enumerate().map(|(i, token)| Point::new((i + 1) as f64, of(token) as f64));
        Series::new(name, Kind::Line, slot, points)
    };
    Chart {
        title: word("Pairs of a query and a key so far", "累计的查询与键配对数").to_owned(),
        x: Axis::linear(word("tokens decoded", "已解码的词元数"), ""),
        y: Axis::linear(word("pairs", "配对数"), ""),
        series: vec![
            line(word("with the cache", "有缓存"), 0, |token| token.with),
            line(word("without", "无缓存"), 1, |token| token.without),
        ],
        marks: vec![Mark::upright((at + 1) as f64, "")],
        ..Chart::default()
    }
}

fn steps(lang: Lang, decode: &Decode, walked: &Walked, row: Signal<usize>) -> AnyView {
    let word = |en, zh| i18n::now(lang, en, zh).to_owned();
    let heads = vec![
        word("query", "查询"),
        word("cached", "缓存"),
        word("looked at", "查看"),
        word("needed", "仍需"),
        word("pairs, with", "配对，有缓存"),
        word("pairs, without", "配对，无缓存"),
        word("off the end by", "与终值相差"),
    ];
    let line = |(i, token): (usize, &Token)| {
        let Token { cached, pairs, needed, with, without, state, .. } = token;
        let mut cells = vec![(walked.part.queries.start + i).to_string()];
        cells.extend([cached, pairs, needed, with, without].map(ToString::to_string));
        cells.push(read(walked.apart(i, state)));
        cells
    };
    let rows = decode.tokens.iter().enumerate().map(line).collect();
    table(word("Every token as a table", "全部词元（表格）"), heads, rows, move || Some(row.get()))
}
