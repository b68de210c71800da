//! One claim: what it says, what is run, what was found, by which rule.

use leptos::prelude::*;
use leptos::task::spawn_local;
use web_sys::{Event, MouseEvent};

use super::desk::{Desk, Shown, claim};
use super::measure::start;
use super::sheet::{Word, address_of};
use crate::analysis::plot::Chart;
use crate::app::chart::Plot;
use crate::app::controls::{Show, fixed, unique};
use crate::app::export::copy;
use crate::app::i18n::{self, t, tr};
use crate::app::link;
use crate::app::reactive::{RwSignal, Signal};
use crate::app::state::{Lab, lab};
use crate::app::url;
use crate::app::view::{handler, view};
use crate::catalogue::Lang;
use crate::claims::{Claim, Opening, Settings, Slider, Source, Table};

/// A claim's page. `close` puts the dialog away, where it is in one.
#[component]
pub fn Page(desk: Desk, place: usize, close: Option<Callback<()>>, framed: bool) -> impl IntoView {
    let Some(claim) = claim(place) else { return ().into_any() };
    let lab = lab();
    let essays = claim.essays.iter().map(|essay| view! {
        <li><b>{essay.name()}</b>" "{tr(essay.title())}{essay.missing().map(|missing| view! { <small>" · "{tr(missing)}</small> })}</li>
    });
    view! {
        <Back desk=desk />
        <h2 id="claims-title">{tr(claim.title)}</h2>
        <blockquote class="claims__says">{tr(claim.says)}</blockquote>
        <ul class="claims__from">{essays.collect_view()}</ul>
        <h3>{t("What is run", "运行内容")}</h3>
        <p>{tr(claim.setup)}</p>
        <div class="claims__sliders">
            {claim.sliders.iter().map(|slider| view! { <Stops desk=desk place=place slider=slider /> }).collect_view()}
        </div>
        <Buttons desk=desk place=place claim=claim />
        <Result desk=desk place=place claim=claim />
        <h3>{t("The rule", "规则")}</h3>
        <p>{move || (claim.rule)(lab.lang.get())}</p>
        <h3>{t("What would change the verdict", "什么会改变结论")}</h3>
        <p>{tr(claim.changes)}</p>
        <h3>{t("What this measurement can't settle", "此测量不能判定的内容")}</h3>
        <p>{tr(claim.limits)}</p>
        <h3>{t("What the literature says", "文献")}</h3>
        <ul class="claims__sources">{claim.literature.iter().map(source).collect_view()}</ul>
        <Ways desk=desk place=place claim=claim close=close framed=framed />
    }
}

/// Back to the table.
#[component]
pub fn Back(desk: Desk) -> impl IntoView {
    let back = move |_: MouseEvent| desk.page.set(Shown::Table);
    view! { <p class="claims__back"><button type="button" class="quiet-button" on:click=handler(back)>"← "{t("All claims", "全部论断")}</button></p> }
}

/// What the literature says, with where.
pub fn source(source: &'static Source) -> AnyView {
    let paper = source.paper;
    view! {
        <li>{tr(source.says)} " " <cite><a href=paper.address() target="_blank" rel="noopener">{paper.title}", "{paper.year.to_string()}</a></cite> " " <small>{paper.id}</small></li>
    }
}

/// A slider that stands on stops.
#[component]
fn Stops(desk: Desk, place: usize, slider: &'static Slider) -> impl IntoView {
    let lab = lab();
    let id = unique("claim");
    let value = Signal::memo(move || desk.settings(place).get(slider.id));
    let at = move || slider.stops.iter().position(|stop| *stop == value.get()).unwrap_or_default().to_string();
    let told = move || slider.told(value.get(), lab.lang.get());
    let moved = move |event: Event| {
        let stop = event_target_value(&event).parse::<usize>().ok().and_then(|at| slider.stops.get(at).copied());
        if let Some(stop) = stop {
            let settings = desk.settings_now(place).with(slider.id, stop);
            desk.set(place, settings);
        }
    };
    // What was measured with other numbers is no longer what the sliders say.
    let done = move |_: Event| start(desk, vec![place]);
    view! {
        <div class="claims__slider">
            <label for=id.clone()>{tr(slider.name)}</label>
            <input
                type="range"
                id=id
                min="0"
                max=slider.stops.len().saturating_sub(1).to_string()
                step="1"
                prop:value=at
                aria-valuetext=told
                on:input=handler(moved)
                on:change=handler(done)
            />
            <output>{told}</output>
        </div>
    }
}

/// Run, go deeper, stop, and how far it is.
#[component]
fn Buttons(desk: Desk, place: usize, claim: &'static Claim) -> impl IntoView {
    let lab = lab();
    let (share, waits) = (desk.share(place), desk.waits(place));
    let running = Signal::memo(move || share.get().is_some());
    let run = move |_: MouseEvent| {
        if running.get_untracked() { desk.stop() } else { start(desk, vec![place]) }
    };
    let deeper = move |_: MouseEvent| {
        // Other choices stay as they are.
        let (now, deep) = (desk.settings_now(place), Settings::deeper(claim.sliders));
        let larger = claim.sliders.iter().filter(|slider| slider.deeper != slider.usual);
        desk.set(place, larger.fold(now, |now, slider| now.with(slider.id, deep.get(slider.id))));
        start(desk, vec![place]);
    };
    let can = claim.sliders.iter().any(|slider| slider.deeper != slider.usual);
    let found = Signal::memo(move || desk.found(place));
    view! {
        <div class="claims__bar">
            <button type="button" class="primary" on:click=handler(run)>
                {move || if running.get() { i18n::now(lab.lang.get(), "Stop", "停止") } else { i18n::now(lab.lang.get(), "Run", "运行") }}
            </button>
            {can.then(|| view! { <button type="button" class="framed" disabled=move || running.get() on:click=handler(deeper)>{t("Go deeper", "更大规模")}</button> })}
            <span role="status"><Word found=found share=Signal::stored(None) waits=waits /></span>
            <Show when=running>
                <span class="progress"><i style:transform=move || format!("scaleX({})", fixed(share.get().unwrap_or(0.0), 3))></i></span>
            </Show>
        </div>
    }
}

/// Verdict, charts and tables.
#[component]
fn Result(desk: Desk, place: usize, claim: &'static Claim) -> impl IntoView {
    let lab = lab();
    let found = Signal::memo(move || desk.found(place));
    let count = Signal::memo(move || {
        found.with(|found| found.as_ref().map_or(0, |of| of.finding(lab.lang.get()).charts.len()))
    });
    let words = move || {
        let (found, lang) = (found.get()?, lab.lang.get());
        let finding = found.finding(lang);
        let other = found.settings != desk.settings(place);
        let stopped = !found.whole && desk.share(place).get().is_none();
        let verdict = finding.verdict;
        Some(view! {
            <div class="claims__verdict" data-verdict=verdict.id()>
                <p><b>{verdict.name().get(lang)}</b></p>
                {(!finding.because.is_empty()).then(|| view! { <p>{finding.because.clone()}</p> })}
                {(!finding.margin.is_empty()).then(|| view! { <p class="note">{finding.margin.clone()}</p> })}
                {(found.whole && claim.measured).then(|| view! { <p class="note">{took(found.ms, lang)}</p> })}
                {stopped.then(|| view! { <p class="note">{t("Stopped: what was measured stays, and gives no verdict.", "已停止：已测结果保留，但不给出结论。")}</p> })}
                {other.then(|| view! { <p class="note">{t("Measured with other settings than the sliders have now.", "测量时的参数与当前滑块不同。")}</p> })}
            </div>
        })
    };
    let tables = move || {
        let (found, lang) = (found.get()?, lab.lang.get());
        Some(found.finding(lang).tables.iter().map(table).collect_view())
    };
    let pictures = move || {
        let pictures = (0..count.get()).map(|at| {
            let chart = Signal::memo(move || {
                found
                    .with(|found| found.as_ref().and_then(|of| of.finding(lab.lang.get()).charts.get(at).cloned()))
                    .unwrap_or_default()
            });
            view! {
                <h3>{move || chart.with(|chart: &Chart| chart.title.clone())}</h3>
                <Plot chart=chart file=claim.id />
            }
        });
        pictures.collect_view()
    };
    view! {
        <section class="claims__result" aria-label=t("Result", "结果")>
            {words}
            {pictures}
            {tables}
        </section>
    }
}

/// How long a measurement took.
fn took(ms: f64, lang: Lang) -> String {
    let seconds = fixed(ms / 1000.0, 1);
    match lang {
        Lang::En => format!("Measured in this browser just now, in {seconds} s."),
        Lang::Zh => format!("刚刚在本浏览器中测得，用时 {seconds} 秒。"),
    }
}

/// Numbers as a table.
pub fn table(table: &Table) -> AnyView {
    let rows = table.rows.iter().map(|row| {
        let mut cells = row.iter().cloned();
        let name = cells.next().unwrap_or_default();
        view! { <tr><th scope="row">{name}</th>{cells.map(|cell| view! { <td>{cell}</td> }).collect_view()}</tr> }
    });
    view! {
        <div class="chart__scroll claims__numbers" tabindex="0" role="region" aria-label=table.title.clone()>
            <table>
                <caption>{table.title.clone()}</caption>
                <thead><tr>{table.head.iter().map(|name| view! { <th scope="col">{name.clone()}</th> }).collect_view()}</tr></thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </div>
    }
}

/// The ways out: into the playground, as a link.
#[component]
fn Ways(desk: Desk, place: usize, claim: &'static Claim, close: Option<Callback<()>>, framed: bool) -> impl IntoView {
    let lab = lab();
    let openings = Signal::memo(move || (claim.open)(&desk.settings(place)));
    view! {
        <div class="claims__bar claims__ways">
            {move || openings.get().into_iter().map(|opening| way(lab, opening, close, framed)).collect_view()}
            <CopyLink words=("Copy a link to this claim", "复制此论断的链接") link=Callback::new(move |()| address_of(desk, place)) />
        </div>
    }
}

/// A button that copies a link, and the link itself where nothing may be copied.
#[component]
pub fn CopyLink(words: (&'static str, &'static str), link: Callback<(), String>) -> impl IntoView {
    let lab = lab();
    let said = RwSignal::new(None::<Option<String>>);
    let share = move |_: MouseEvent| {
        let link = link.run(());
        spawn_local(async move {
            let done = copy(&link).await;
            said.try_set(Some((!done).then_some(link)));
        });
    };
    let told = move || {
        let lang = lab.lang.get();
        said.get().map(|link| match link {
            None => i18n::now(lang, "Copied", "已复制").to_owned(),
            Some(link) => format!("{} {link}", i18n::now(lang, "Copy this link:", "请复制此链接：")),
        })
    };
    view! {
        <button type="button" class="framed" on:click=handler(share)>{t(words.0, words.1)}</button>
        <span class="note" role="status">{told}</span>
    }
}

/// Into the playground: here, as a step of undo; from a frame in a window of its own.
fn way(lab: Lab, Opening { name, experiment }: Opening, close: Option<Callback<()>>, framed: bool) -> AnyView {
    let words = move || {
        let lang = lab.lang.get();
        format!("{}{}", i18n::now(lang, "Open in the playground: ", "在演练场中打开："), name.get(lang))
    };
    if framed {
        let fragment = link::written(&experiment).unwrap_or_default();
        return view! { <a href=url::full_page(lab, &fragment) target="_blank" rel="noopener">{words}" ↗"</a> };
    }
    let open = move |_: MouseEvent| {
        lab.replace("claims", experiment.clone());
        if let Some(close) = close {
            close.run(());
        }
    };
    view! { <button type="button" class="framed" on:click=handler(open)>{words}</button> }
}
