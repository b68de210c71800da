//! Out of the laboratory: the report as a text with figures, on paper, and as a link.

use leptos::prelude::*;
use web_sys::MouseEvent;

use super::desk::{Desk, Found};
use super::page::table;
use crate::analysis::plot::{self, Paper};
use crate::app::export::Save;
use crate::app::i18n::{self, t};
use crate::app::palette::tokens;
use crate::app::reactive::RwSignal;
use crate::app::state::{Lab, lab};
use crate::app::url;
use crate::app::view::{handler, view};
use crate::catalogue::Lang;
use crate::claims::{Claim, Entry, Settings, all, report};
use crate::engine::pool::Pool;
use crate::experiment::{Issue, Issues};
use crate::interchange::npz::stored;

/// The address that opens a part of the laboratory, `claims` or a claim's own, as a page.
pub fn address(lab: Lab, view: &str) -> String {
    let lang = if lab.lang.get_untracked() == Lang::Zh { "zh-CN" } else { "en" };
    format!("{}?embed&view={view}&lang={lang}", url::folder())
}

/// The report's buttons.
#[component]
pub fn Carry(desk: Desk) -> impl IntoView {
    let lab = lab();
    let shown = RwSignal::new(false);
    let make = Callback::new(move |()| archive(lab, desk));
    let print = move |_: MouseEvent| {
        shown.set(true);
        // The report is drawn before it is printed.
        set_timeout(
            || {
                // Frames may be forbidden to.
                let _ = window().print();
            },
            std::time::Duration::from_millis(60),
        );
    };
    view! {
        <Save en="Report, Markdown with figures" zh="报告（Markdown 与图）" file="claims.zip".to_owned() kind="application/zip" make=make />
        <button type="button" class="framed" on:click=handler(print)>{t("Print the report", "打印报告")}</button>
        {move || shown.get().then(|| view! { <Printed desk=desk /> })}
    }
}

/// Where it was measured.
fn conditions(desk: Desk, lang: Lang) -> String {
    let (agent, workers) = (window().navigator().user_agent().unwrap_or_default(), desk.pool.with_value(Pool::size));
    match lang {
        Lang::En => format!("Measured in this browser, by {workers} workers: {agent}."),
        Lang::Zh => format!("在此浏览器中由 {workers} 个工作线程测得：{agent}。"),
    }
}

/// What was found of every claim, and its sliders: those that it was measured with.
fn places(desk: Desk) -> Vec<(Settings, Option<Found>)> {
    let place = |place| {
        let found = desk.found(place);
        (found.as_ref().map_or_else(|| desk.settings(place), |found| found.settings.clone()), found)
    };
    (0..all().len()).map(place).collect()
}

fn archive(lab: Lab, desk: Desk) -> Result<Vec<u8>, Issues> {
    let (lang, places) = (lab.lang.get_untracked(), untrack(|| places(desk)));
    let entries: Vec<Entry<'_>> = all()
        .iter()
        .zip(&places)
        .map(|(claim, (settings, found))| Entry {
            claim,
            settings,
            finding: found.as_ref().map(|found| found.finding(lang)),
        })
        .collect();
    let (text, figures) = report(&entries, &conditions(desk, lang), lang);
    let token = tokens();
    let draw =
        |chart: &plot::Chart| plot::document(&plot::layout(chart, Paper::file()), &chart.title, &|name| token(name));
    let figures: Vec<(String, Vec<u8>)> =
        figures.into_iter().map(|(name, chart)| (format!("figures/{name}"), draw(chart).into_bytes())).collect();
    let mut files = vec![("claims.md", text.into_bytes())];
    files.extend(figures.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())));
    stored(&files).map_err(|error| Issue::new("", error.to_string()).into())
}

/// Everything, for paper: it is hidden on the screen.
#[component]
fn Printed(desk: Desk) -> impl IntoView {
    let lab = lab();
    view! {
        <section class="claims__paper" aria-hidden="true">
            {move || {
                let lang = lab.lang.get();
                let sections = all().iter().zip(places(desk)).map(|(claim, (settings, found))| printed(claim, &settings, found.as_ref(), lang));
                view! {
                    <h2>{i18n::now(lang, "Claims on the bench", "论断实测报告")}</h2>
                    <p>{conditions(desk, lang)}</p>
                    {sections.collect_view()}
                }
            }}
        </section>
    }
}

/// One claim on paper.
fn printed(claim: &'static Claim, settings: &Settings, found: Option<&Found>, lang: Lang) -> AnyView {
    let finding = found.map(|found| found.finding(lang));
    let verdict = finding.map_or(i18n::now(lang, "not run", "未运行"), |finding| finding.verdict.name().get(lang));
    let told = |slider: &crate::claims::Slider| {
        format!("{} {}", slider.name.get(lang), slider.told(settings.get(slider.id), lang))
    };
    let sliders: Vec<String> = claim.sliders.iter().map(told).collect();
    let pictures = finding.map(|finding| {
        let picture = |chart: &plot::Chart| {
            let scene = plot::layout(chart, Paper::file());
            let body = plot::body(&scene, None, &|token| format!("var({token})"));
            let view_box = format!("0 0 {:.0} {:.0}", scene.size[0], scene.size[1]);
            view! { <svg viewBox=view_box inner_html=body></svg> }
        };
        finding.charts.iter().map(picture).collect_view()
    });
    view! {
        <article>
            <h3>{claim.title.get(lang)} ": " {verdict}</h3>
            <blockquote>{claim.says.get(lang)}</blockquote>
            {finding.map(|finding| view! { <p>{finding.because.clone()} " " {finding.margin.clone()}</p> })}
            {pictures}
            {finding.map(|finding| finding.tables.iter().map(table).collect_view())}
            <p>{claim.setup.get(lang)} " (" {sliders.join(", ")} ")"</p>
            <p>{(claim.rule)(lang)}</p>
            <p>{claim.changes.get(lang)} " " {claim.limits.get(lang)}</p>
        </article>
    }
}
