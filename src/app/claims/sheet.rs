//! The dialog, the table of claims, and which of table and page is shown.

use leptos::html::Div;
use leptos::prelude::*;
use web_sys::{Event, MouseEvent};

use super::desk::{Desk, Found, Running, Shown, claim};
use super::measure::start;
use super::out::{Report, address};
use super::page::Page;
use crate::analysis::plot::{self, Chart, Paper};
use crate::app::controls::{Show, fixed, modal};
use crate::app::element::NodeRef;
use crate::app::i18n::{self, t, tr};
use crate::app::reactive::{RwSignal, Signal, effect};
use crate::app::state::lab;
use crate::app::view::{handler, view};
use crate::catalogue::Lang;
use crate::claims::{Claim, Essay, REPORT, Settings, Verdict, all, read_address};

/// Size of a small chart.
const SMALL: [f64; 2] = [132.0, 52.0];

/// The laboratory in a dialog.
#[component]
pub fn Sheet() -> impl IntoView {
    let (dialog, close) = modal();
    let closed = RwSignal::new(0_u32);
    view! {
        <dialog node_ref=dialog class="claims" aria-labelledby="claims-title" on:close=handler(move |_: Event| closed.update(|n| *n += 1))>
            {inside("", false, Some(Callback::new(move |()| close())), closed)}
            <div class="dialog__foot">
                <button type="button" on:click=handler(move |_| close())>{t("Close", "关闭")}</button>
            </div>
        </dialog>
    }
}

/// The laboratory by itself, at the place that `asked` names.
pub fn laboratory(asked: &str, framed: bool) -> AnyView {
    inside(asked, framed, None, RwSignal::new(0))
}

/// Table or page. What is measured ends when `closed` is raised, and with the view.
fn inside(asked: &str, framed: bool, close: Option<Callback<()>>, closed: RwSignal<u32>) -> AnyView {
    let lab = lab();
    let desk = Desk::new();
    let unknown = open(desk, asked);
    on_cleanup(move || desk.stop());
    effect(move || {
        if closed.get() > 0 {
            desk.stop();
        }
    });
    let top = NodeRef::<Div>::new();
    let mut before = desk.page.get_untracked();
    effect(move || {
        let now = desk.page.get();
        // A page that is opened begins at its top, also for those who hear it.
        if std::mem::replace(&mut before, now) != now
            && let Some(top) = top.get_untracked()
        {
            top.scroll_into_view();
            // What cannot be focused is read from where it stands.
            let _ = top.focus();
        }
    });
    view! {
        <div class="claims__top" node_ref=top tabindex="-1">
            {(!unknown.is_empty()).then(|| view! {
                <p class="issue" role="alert">{move || format!("{}: {}", i18n::now(lab.lang.get(), "The address names what is not there", "地址中有不存在的内容"), unknown.join(", "))}</p>
            })}
            {move || match desk.page.get() {
                Shown::Claim(place) => view! { <Page desk=desk place=place close=close framed=framed /> },
                Shown::Table => view! { <Front desk=desk /> },
                Shown::Report => view! { <Report desk=desk /> },
            }}
        </div>
    }
}

/// Opens what an address names; what of it means nothing.
fn open(desk: Desk, asked: &str) -> Vec<String> {
    if asked.is_empty() {
        return Vec::new();
    }
    let (id, moved) = asked.split_once(',').unwrap_or((asked, ""));
    if id == REPORT {
        let (every, unknown) = read_address(moved);
        every.into_iter().enumerate().for_each(|(place, settings)| desk.set(place, settings));
        desk.page.set(Shown::Report);
        return unknown;
    }
    match all().iter().position(|claim| claim.id == id) {
        Some(place) => {
            let (settings, unknown) = Settings::read(all()[place].sliders, moved);
            desk.set(place, settings);
            desk.page.set(Shown::Claim(place));
            unknown
        }
        None => vec![id.to_owned()],
    }
}

/// The table.
#[component]
fn Front(desk: Desk) -> impl IntoView {
    view! {
        <h2 id="claims-title">{t("Claims on the bench", "论断实测")}</h2>
        <p class="note">{t(
            "Four essays say what is wrong with self-attention, and measure nothing. Here each of their claims is measured in this browser, by the playground's own kernels, and a rule that the claim's page states gives the verdict.",
            "四篇文章断言自注意力的种种缺陷，却没有任何测量。此处在本浏览器中用本页自身的计算核逐一实测，结论由各论断页面写明的规则给出。",
        )}</p>
        <div class="claims__bar">
            <RunAll desk=desk />
            <button type="button" class="framed" on:click=handler(move |_: MouseEvent| desk.page.set(Shown::Report))>{t("Report: print, link, export", "报告：打印、链接、导出")}</button>
            <Tally desk=desk />
        </div>
        <Overall desk=desk />
        <table class="claims__table">
            <thead><tr>
                <th scope="col">{t("Claim", "论断")}</th>
                <th scope="col">{t("Essay", "文章")}</th>
                <th scope="col">{t("Measured", "实测")}</th>
                <th scope="col">{t("Verdict", "结论")}</th>
                <th scope="col"><span class="quiet">{t("Run", "运行")}</span></th>
            </tr></thead>
            <tbody>{(0..all().len()).map(|place| view! { <Row desk=desk place=place /> }).collect_view()}</tbody>
        </table>
        <dl class="claims__essays">
            {Essay::ALL.map(|essay| view! {
                <div><dt>{essay.name()}</dt><dd>{tr(essay.title())}{essay.missing().map(|missing| view! { <small>" · "{tr(missing)}</small> })}</dd></div>
            }).collect_view()}
        </dl>
    }
}

#[component]
fn Row(desk: Desk, place: usize) -> impl IntoView {
    let Some(claim) = claim(place) else { return ().into_any() };
    let found = Signal::memo(move || desk.found(place));
    let (share, waits) = (desk.share(place), desk.waits(place));
    let run = move |_: MouseEvent| {
        if share.get_untracked().is_some() { desk.stop() } else { start(desk, vec![place]) }
    };
    let essays: Vec<&str> = claim.essays.iter().map(|essay| essay.name()).collect();
    view! {
        <tr>
            <th scope="row">
                <button type="button" class="claims__open" on:click=handler(move |_: MouseEvent| desk.page.set(Shown::Claim(place)))>{tr(claim.title)}</button>
                <span>{tr(claim.says)}</span>
            </th>
            <td>{essays.join(", ")}</td>
            <td class="claims__small">{move || found.get().and_then(|found| thumbnail(&found, desk.lab.lang.get()))}</td>
            <td><Word found=found share=share waits=waits /></td>
            <td><button
                type="button"
                class="quiet-button"
                aria-label=move || format!("{}: {}", said(desk, share.get().is_some()), claim.title.get(desk.lab.lang.get()))
                on:click=handler(run)
            >{move || said(desk, share.get().is_some())}</button></td>
        </tr>
    }
}

/// What the button of a claim says.
fn said(desk: Desk, running: bool) -> &'static str {
    let lang = desk.lab.lang.get();
    if running { i18n::now(lang, "Stop", "停止") } else { i18n::now(lang, "Run", "运行") }
}

/// The first chart of what was found, small.
fn thumbnail(found: &Found, lang: Lang) -> Option<AnyView> {
    let chart: &Chart = found.finding(lang).charts.first()?;
    let [width, height] = SMALL;
    let scene = plot::layout(chart, Paper::bare(width, height));
    let picture = plot::body(&scene, None, &|token| format!("var({token})"));
    let view_box = format!("0 0 {width} {height}");
    Some(
        view! { <svg viewBox=view_box width=width.to_string() height=height.to_string() role="img" aria-label=chart.title.clone() inner_html=picture></svg> },
    )
}

/// The verdict in a word, or how far it is.
#[component]
pub fn Word(found: Signal<Option<Found>>, share: Signal<Option<f64>>, waits: Signal<bool>) -> impl IntoView {
    let lab = lab();
    view! {
        {move || {
            let lang = lab.lang.get();
            if let Some(share) = share.get() {
                return view! { <span class="claims__word">{fixed(100.0 * share, 0)} " %"</span> };
            }
            if waits.get() {
                return view! { <span class="claims__word">{i18n::now(lang, "waits", "等待中")}</span> };
            }
            match found.get() {
                None => view! { <span class="claims__word">{i18n::now(lang, "not run", "未运行")}</span> },
                Some(found) => {
                    let verdict = found.finding(lang).verdict;
                    view! { <b class="claims__word" data-verdict=verdict.id()>{verdict.name().get(lang)}</b> }
                }
            }
        }}
    }
}

/// Measures everything, or stops.
#[component]
pub fn RunAll(desk: Desk) -> impl IntoView {
    let busy = desk.busy();
    let every = move |_: MouseEvent| {
        if busy.get_untracked() { desk.stop() } else { start(desk, (0..all().len()).collect()) }
    };
    let words = move || {
        let (busy, lang) = (busy.get(), desk.lab.lang.get());
        if busy { i18n::now(lang, "Stop", "停止") } else { i18n::now(lang, "Run all", "全部运行") }
    };
    view! { <button type="button" class="primary" on:click=handler(every)>{words}</button> }
}

/// How many claims came out which way.
#[component]
pub fn Tally(desk: Desk) -> impl IntoView {
    let words = move || {
        let lang = desk.lab.lang.get();
        let found: Vec<Verdict> =
            (0..all().len()).filter_map(|place| Some(desk.found(place)?.finding(lang).verdict)).collect();
        let kinds = [Verdict::Supported, Verdict::Refuted, Verdict::Depends, Verdict::NotSettled];
        let told = kinds.into_iter().filter_map(|kind| {
            let count = found.iter().filter(|verdict| **verdict == kind).count();
            (count > 0).then(|| {
                view! { <span class="claims__word" data-verdict=kind.id()>{count} " " {kind.name().get(lang)}</span> }
            })
        });
        let missing = all().len() - found.len();
        let rest = (missing > 0 && !found.is_empty())
            .then(|| view! { <span class="claims__word">{missing} " " {i18n::now(lang, "not run", "未运行")}</span> });
        (told.collect_view(), rest)
    };
    view! { <span class="claims__tally" role="status">{words}</span> }
}

/// How far everything is.
#[component]
pub fn Overall(desk: Desk) -> impl IntoView {
    let lab = lab();
    let busy = desk.busy();
    let words = move || {
        let Some(Running { place, waiting, .. }) = desk.running.get() else { return String::new() };
        let (lang, left) = (lab.lang.get(), waiting.len());
        let title = claim(place).map_or("", |claim: &Claim| claim.title.get(lang));
        match (lang, left) {
            (_, 0) => title.to_owned(),
            (Lang::En, left) => format!("{title}; {left} more"),
            (Lang::Zh, left) => format!("{title}；另有 {left} 项"),
        }
    };
    view! {
        <Show when=busy>
            <div class="claims__progress">
                <span class="progress"><i style:transform=move || format!("scaleX({})", fixed(desk.running.with(|of| of.as_ref().map_or(0.0, |of| of.share)), 3))></i></span>
                <span class="note">{words}</span>
            </div>
        </Show>
    }
}

/// The address of a claim's frame as its sliders stand, for the page and for links.
pub fn address_of(desk: Desk, place: usize) -> String {
    claim(place).map_or_else(String::new, |claim| address(desk.lab, &claim.address(&desk.settings_now(place))))
}
