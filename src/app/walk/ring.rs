//! Blocks of keys that go round a ring of devices.

use leptos::prelude::*;

use super::ask::{Desk, Shared, Walked};
use super::parts::{Output, Sizes, Tile, ending, legend, span, table};
use crate::analysis::plot::read;
use crate::analysis::walk::Ring;
use crate::app::controls::words;
use crate::app::i18n::{self, t};
use crate::app::player::Player;
use crate::app::reactive::{RwSignal, Signal};
use crate::app::view::view;
use crate::catalogue::Lang;

/// Devices that can be chosen, and how many there are at first.
const DEVICES: [usize; 5] = [2, 3, 4, 6, 8];
const FIRST: usize = 4;

/// The walk.
#[component]
pub fn Round(desk: Desk, walked: Shared<Walked>) -> impl IntoView {
    let lab = desk.lab;
    let row = desk.row();
    let least = walked.0.part.queries.len().min(walked.0.part.keys.len());
    let sizes: Vec<usize> = DEVICES.into_iter().filter(|devices| *devices <= least.max(DEVICES[0])).collect();
    let devices = RwSignal::new(if sizes.contains(&FIRST) { FIRST } else { DEVICES[0] });
    let at = RwSignal::new(0_usize);
    let of = walked.clone();
    let ring = Signal::memo(move || Shared::new(Ring::of(&of.0.part, devices.get())));
    let count = Signal::memo(move || ring.with(|ring| ring.0.steps.len() + 1));
    let step = Signal::memo(move || at.get().min(count.get().saturating_sub(1)));
    let state = Signal::memo(move || ring.with(|ring| ring.0.state(step.get(), row.get()).clone()));
    let choose = Callback::new(move |size: usize| {
        at.set(0);
        devices.set(size);
    });
    let label = Signal::derive(move || match (lab.lang.get(), step.get()) {
        (lang, 0) => i18n::now(lang, "before the first step", "第一步之前").to_owned(),
        (Lang::En, step) => format!("step {step} of {}", count.get() - 1),
        (Lang::Zh, step) => format!("第 {step} 步（共 {} 步）", count.get() - 1),
    });
    let story = Signal::derive(move || ring.with(|ring| told(lab.lang.get(), &ring.0, step.get(), row.get())));
    let (of_end, of_table, of_grid, of_output) = (walked.clone(), walked.clone(), walked.clone(), walked);
    view! {
        <div class="walk__sizes">
            <Sizes label=words("devices", "设备数") sizes=sizes chosen=devices.into() on_choose=choose />
        </div>
        <Player at=at count=count label=label story=story />
        <div class="walk__sides"><div>
        {move || { let ring = ring.get(); grid(lab.lang.get(), ring, of_grid.clone(), step, row) }}
        {legend(vec![
            (Tile::Done, words("merged", "已合并")),
            (Tile::Now, words("held and merged in this step", "本步持有并合并")),
            (Tile::Open, words("to come", "未到")),
            (Tile::Skipped, words("all masked: the device idles in that step", "全部屏蔽：该步设备空闲")),
        ])}
        <p class="note">{move || ring.with(|ring| balance(lab.lang.get(), &ring.0))}</p>
        <dl class="facts">{move || facts(lab.lang.get(), &ring.get().0, step.get(), row.get())}</dl>
        </div><div>
        <Output desk=desk walked=of_output row=row state=state />
        </div></div>
        {move || ring.with(|ring| {
            let last = ring.0.steps.len();
            let apart = (0..of_end.0.part.queries.len()).map(|row| of_end.0.apart(row, ring.0.state(last, row))).fold(0.0, f64::max);
            ending(lab.lang.get(), &of_end.0, apart)
        })}
        {move || { let ring = ring.get(); steps(lab.lang.get(), &ring.0, &of_table.0, row.get(), step) }}
        <p class="note">{t(
            "Each row of tiles is a device with its queries, each column a block of keys and values. Blocks move on by one device a step. Liu et al. 2023, arXiv:2310.01889; the merge of two parts: Milakov and Gimelshein 2018, arXiv:1805.02867, section 3.1.",
            "每行方块是一个设备及其查询，每列是一块键与值。每一步，各块移到下一个设备。Liu 等 2023，arXiv:2310.01889；两部分的合并：Milakov 与 Gimelshein 2018，arXiv:1805.02867，第 3.1 节。",
        )}</p>
    }
}

/// Devices by blocks of keys.
fn grid(lang: Lang, ring: Shared<Ring>, walked: Shared<Walked>, step: Signal<usize>, row: Signal<usize>) -> AnyView {
    let devices = ring.0.queries.len();
    let label = match lang {
        Lang::En => {
            format!("{devices} devices, each with a block of queries, and {devices} blocks of keys that go round")
        }
        Lang::Zh => format!("{devices} 个设备，各有一块查询；{devices} 块键在其间传递"),
    };
    let (queries, keys) = (walked.0.part.queries.start, walked.0.part.keys.start);
    let columns = format!("minmax(3rem, max-content) repeat({devices}, minmax(0, 1fr))");
    let tile = |device: usize, block: usize| {
        // The step in which the block comes to the device.
        let comes = (device + devices - block) % devices + 1;
        let idle = ring
            .0
            .steps
            .get(comes - 1)
            .and_then(|turns| turns.get(device))
            .is_none_or(crate::analysis::walk::Turn::is_idle);
        let look = move || match step.get() {
            _ if idle => Tile::Skipped,
            now if now == comes => Tile::Now,
            now if now > comes => Tile::Done,
            _ => Tile::Open,
        };
        view! { <i class=move || look().marked(false, step.get() == comes)></i> }
    };
    let own = ring.clone();
    let lines = (0..devices).map(|device| {
        let name = format!("Q {}", span(queries, &ring.0.queries[device]));
        let ring = own.clone();
        let holds = move || ring.0.place(row.get()).is_some_and(|(holder, _)| holder == device);
        view! {
            <span class:walk__holder=holds>{name}</span>
            {(0..devices).map(|block| tile(device, block)).collect_view()}
        }
    });
    let lines = lines.collect_view();
    let heads =
        ring.0.keys.iter().map(|block| view! { <span>{format!("K {}", span(keys, block))}</span> }).collect_view();
    view! {
        <div class="walk__ring" role="img" aria-label=label style:grid-template-columns=columns>
            <span></span>{heads}
            {lines}
        </div>
    }
}

fn told(lang: Lang, ring: &Ring, step: usize, row: usize) -> String {
    let devices = ring.queries.len();
    let Some((turns, (device, at))) = step.checked_sub(1).and_then(|i| ring.steps.get(i)).zip(ring.place(row)) else {
        return match lang {
            Lang::En => format!(
                "Each of {devices} devices holds a block of queries, and the keys and values of the same number."
            ),
            Lang::Zh => format!("{devices} 个设备各持有一块查询，以及同编号的键与值。"),
        };
    };
    let idle = turns.iter().filter(|turn| turn.is_idle()).count();
    let turn = &turns[device];
    let (own, block) = (device + 1, turn.block + 1);
    let what = match (lang, turn.is_idle()) {
        (Lang::En, true) => {
            format!("Device {own}, which has the query, holds block {block}: all of it is masked, so it idles.")
        }
        (Lang::Zh, true) => format!("持有该查询的设备 {own} 得到块 {block}：全部被屏蔽，因此空闲。"),
        (Lang::En, false) => {
            let [here, there] = turn.factors.get(at).copied().unwrap_or([1.0, 1.0]);
            format!(
                "Device {own}, which has the query, merges block {block}: what was there is scaled by {}, what came by {}.",
                read(here),
                read(there)
            )
        }
        (Lang::Zh, false) => {
            let [here, there] = turn.factors.get(at).copied().unwrap_or([1.0, 1.0]);
            format!(
                "持有该查询的设备 {own} 合并块 {block}：原有部分乘以 {}，新到部分乘以 {}。",
                read(here),
                read(there)
            )
        }
    };
    match lang {
        Lang::En => format!("{what} {idle} of {devices} devices idle."),
        Lang::Zh => format!("{what}{devices} 个设备中有 {idle} 个空闲。"),
    }
}

/// What the mask leaves idle.
fn balance(lang: Lang, ring: &Ring) -> String {
    let ([idle, turns], [waited, even]) = (ring.idle(), ring.balance());
    let times = if even > 0.0 { read(waited / even) } else { "–".to_owned() };
    match lang {
        Lang::En => format!(
            "{idle} of {turns} turns idle. All wait for the busiest device in each step: together {times} times what the same pairs would take if they were spread evenly."
        ),
        Lang::Zh => {
            format!("{turns} 次轮转中有 {idle} 次空闲。每一步都要等最忙的设备：合计为这些配对平均分配时的 {times} 倍。")
        }
    }
}

fn facts(lang: Lang, ring: &Ring, step: usize, row: usize) -> AnyView {
    let turn = ring.place(row).and_then(|(device, at)| {
        let turn = ring.steps.get(step.checked_sub(1)?)?.get(device)?;
        Some((turn.partial.get(at)?.clone(), turn.factors.get(at).copied()?))
    });
    let (before, now) = (ring.state(step.saturating_sub(1), row), ring.state(step, row));
    let arrow = |a: f64, b: f64| if step == 0 { read(b) } else { format!("{} → {}", read(a), read(b)) };
    let none = || "–".to_owned();
    let (came, factors) = match &turn {
        Some((partial, [here, there])) => {
            (format!("m {}, l {}", read(partial.max), read(partial.sum)), format!("{}, {}", read(*here), read(*there)))
        }
        None => (none(), none()),
    };
    view! {
        <dt>{i18n::now(lang, "of the block by itself", "仅由该块得到")}</dt><dd>{came}</dd>
        <dt>{i18n::now(lang, "factors of what was there and of what came", "原有部分与新到部分的因子")}</dt><dd>{factors}</dd>
        <dt>{i18n::now(lang, "maximum m", "最大值 m")}</dt><dd>{arrow(before.max, now.max)}</dd>
        <dt>{i18n::now(lang, "sum l", "总和 l")}</dt><dd>{arrow(before.sum, now.sum)}</dd>
        <dt>{i18n::now(lang, "keys so far", "目前的键数")}</dt><dd>{now.keys.to_string()}</dd>
    }
}

fn steps(lang: Lang, ring: &Ring, walked: &Walked, row: usize, step: Signal<usize>) -> AnyView {
    let word = |en, zh| i18n::now(lang, en, zh).to_owned();
    let heads = vec![
        word("step", "步"),
        word("block", "块"),
        word("pairs of the device", "设备的配对数"),
        word("idle devices", "空闲设备"),
        word("m", "m"),
        word("l", "l"),
        word("off the end by", "与终值相差"),
    ];
    let device = ring.place(row).map_or(0, |(device, _)| device);
    let line = |(i, turns): (usize, &Vec<crate::analysis::walk::Turn>)| {
        let state = ring.state(i + 1, row);
        let own = turns.get(device);
        vec![
            (i + 1).to_string(),
            own.map_or_else(String::new, |turn| (turn.block + 1).to_string()),
            own.map_or_else(String::new, |turn| turn.pairs.to_string()),
            turns.iter().filter(|turn| turn.is_idle()).count().to_string(),
            read(state.max),
            read(state.sum),
            read(walked.apart(row, state)),
        ]
    };
    let rows = ring.steps.iter().enumerate().map(line).collect();
    table(word("Every step as a table", "全部步骤（表格）"), heads, rows, move || step.get().checked_sub(1))
}
