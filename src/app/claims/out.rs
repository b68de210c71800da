//! Out of the laboratory: the report on the screen and on paper, as a text with figures, and as a link.

use leptos::prelude::*;
use web_sys::MouseEvent;

use super::desk::{Desk, Found};
use super::page::{Back, CopyLink, source, table};
use super::sheet::{Overall, RunAll, Tally};
use crate::analysis::plot::{self, Paper};
use crate::app::export::Save;
use crate::app::i18n::{self, t};
use crate::app::palette::tokens;
use crate::app::state::{Lab, lab};
use crate::app::url;
use crate::app::view::{handler, view};
use crate::catalogue::Lang;
use crate::claims::{Claim, Entry, Settings, all, report, report_address};
use crate::engine::pool::Pool;
use crate::experiment::{Issue, Issues};
use crate::interchange::npz::stored;

/// The address that opens a part of the laboratory, `claims` or a claim's own, as a page.
pub fn address(lab: Lab, view: &str) -> String {
    let lang = if lab.lang.get_untracked() == Lang::Zh { "zh-CN" } else { "en" };
    format!("{}?embed&view={view}&lang={lang}", url::folder())
}

/// The report: everything that was found, to be read, printed, linked and saved.
#[component]
pub fn Report(desk: Desk) -> impl IntoView {
    let lab = lab();
    let make = Callback::new(move |()| archive(lab, desk));
    // Frames may be forbidden to.
    let print = move |_: MouseEvent| drop(window().print());
    let link = Callback::new(move |()| {
        let settings: Vec<Settings> = untrack(|| places(desk)).into_iter().map(|(settings, _)| settings).collect();
        address(lab, &report_address(&settings))
    });
    let sections = move || {
        let lang = lab.lang.get();
        let sections = all().iter().zip(places(desk));
        sections.map(|(claim, (settings, found))| section(claim, &settings, found.as_ref(), lang)).collect_view()
    };
    view! {
        <Back desk=desk />
        <section class="claims__report">
            <h2 id="claims-title">{t("Claims on the bench: report", "论断实测报告")}</h2>
            <p class="note">{move || conditions(desk, lab.lang.get())}</p>
            <div class="claims__bar">
                <RunAll desk=desk />
                <Save en="Markdown with figures" zh="Markdown 与图" file="claims.zip".to_owned() kind="application/zip" make=make />
                <button type="button" class="framed" on:click=handler(print)>{t("Print", "打印")}</button>
                <CopyLink words=("Copy a link to this report", "复制此报告的链接") link=link />
            </div>
            <Overall desk=desk />
            <p><Tally desk=desk /></p>
            {sections}
        </section>
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

/// One claim of the report.
fn section(claim: &'static Claim, settings: &Settings, found: Option<&Found>, lang: Lang) -> AnyView {
    let finding = found.map(|found| found.finding(lang));
    let verdict = finding.map_or(i18n::now(lang, "not run", "未运行"), |finding| finding.verdict.name().get(lang));
    let kind = finding.map_or("", |finding| finding.verdict.id());
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
            <h3>{claim.title.get(lang)} " " <b class="claims__word" data-verdict=kind>{verdict}</b></h3>
            <blockquote>{claim.says.get(lang)}</blockquote>
            {finding.map(|finding| view! { <p>{finding.because.clone()} " " {finding.margin.clone()}</p> })}
            {pictures}
            {finding.map(|finding| finding.tables.iter().map(table).collect_view())}
            <dl>
                <dt>{i18n::now(lang, "What is run", "运行内容")}</dt><dd>{claim.setup.get(lang)} " (" {sliders.join(", ")} ")"</dd>
                <dt>{i18n::now(lang, "The rule", "规则")}</dt><dd>{(claim.rule)(lang)}</dd>
                <dt>{i18n::now(lang, "What would change the verdict", "什么会改变结论")}</dt><dd>{claim.changes.get(lang)}</dd>
                <dt>{i18n::now(lang, "What this measurement can't settle", "此测量不能判定的内容")}</dt><dd>{claim.limits.get(lang)}</dd>
            </dl>
            <ul class="claims__sources">{claim.literature.iter().map(source).collect_view()}</ul>
        </article>
    }
}
