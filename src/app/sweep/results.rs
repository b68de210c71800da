//! What was measured: charts, what follows in words, every cell as a table, and under which conditions.

use leptos::prelude::*;

use super::desk::{Conditions, Desk, Taken};
use crate::analysis::plot::Chart;
use crate::analysis::statistics::FAR;
use crate::analysis::sweep::{Axis, Cell, Report, STEPS, State, figure};
use crate::app::chart::Plot;
use crate::app::controls::Show;
use crate::app::i18n::{self, t};
use crate::app::reactive::Signal;
use crate::app::state::lab;
use crate::app::view::view;
use crate::catalogue::Lang;

/// Everything that is told of a sweep. It follows as more is measured, and what somebody reads in a chart stays where it is.
#[component]
pub fn Results(desk: Desk) -> impl IntoView {
    let lab = lab();
    let words = move || {
        let (Taken { report, conditions }, lang) = (desk.taken.get()?, lab.lang.get());
        Some(view! {
            {sentences("sweep__laws", report.laws(lang))}
            {sentences("sweep__losses", report.losses(lang))}
            {table(&report, lang)}
            <p class="note sweep__conditions">{circumstances(&report, &conditions, lang)}</p>
        })
    };
    view! {
        <section class="sweep__results" aria-label=t("Results", "结果")>
            {CHARTS.map(|(make, file)| view! { <Shown desk=desk make=make file=file /> })}
            {words}
        </section>
    }
}

/// What a report makes a chart of; nothing where it has nothing to show.
type Make = fn(&Report, Lang) -> Option<Chart>;

/// The charts, each with the name of its files.
const CHARTS: [(Make, &str); 5] = [
    (|report, lang| Some(report.times(lang)), "sweep-times"),
    (Report::speed_ups, "sweep-speed-ups"),
    (Report::densities, "sweep-density"),
    (Report::roofline, "sweep-roofline"),
    (Report::memory, "sweep-memory"),
];

/// One chart.
#[component]
fn Shown(desk: Desk, make: Make, file: &'static str) -> impl IntoView {
    let lab = lab();
    let made = Signal::memo(move || {
        let (Taken { report, conditions }, lang) = (desk.taken.get()?, lab.lang.get());
        let caption = circumstances(&report, &conditions, lang);
        make(&report, lang).map(|chart| Chart { caption, ..chart })
    });
    let chart = Signal::memo(move || made.get().unwrap_or_default());
    view! {
        <Show when=Signal::derive(move || made.with(Option::is_some))>
            <h3>{move || chart.with(|chart| chart.title.clone())}</h3>
            <Plot chart=chart file=file />
        </Show>
    }
}

fn sentences(class: &'static str, sentences: Vec<String>) -> Option<AnyView> {
    (!sentences.is_empty()).then(|| view! { <ul class=class>{sentences.into_iter().map(|words| view! { <li>{words}</li> }).collect_view()}</ul> })
}

/// Every cell.
fn table(report: &Report, lang: Lang) -> AnyView {
    let word = |en, zh| i18n::now(lang, en, zh);
    let heads = [
        word("way", "方法"),
        report.axis.name().get(lang),
        word("median, ms", "中位数，毫秒"),
        word("95 of 100, ms", "95% 区间，毫秒"),
        word("samples", "样本数"),
        word("far off", "离群"),
        word("runs a sample", "每样本次数"),
        "GFLOP/s",
        word("pairs, %", "配对，%"),
        word("counted memory, MB", "内存计算值，MB"),
        word("held by workers, MB", "线程实际占用，MB"),
        word("kernel", "计算核"),
    ];
    let places = report.sweep.places().iter().enumerate();
    let cells = (0..report.ways.len()).flat_map(|line| places.clone().map(move |(place, &x)| (line, place, x)));
    let rows = cells.filter_map(|(line, place, x)| row(report, lang, line, place, x));
    view! {
        <h3>{t("Every cell", "全部单元")}</h3>
        <div class="chart__scroll sweep__table" tabindex="0" role="region" aria-label=word("Every cell", "全部单元")>
            <table>
                <thead><tr>{heads.map(|head| view! { <th scope="col">{head}</th> }).collect_view()}</tr></thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </div>
    }
}

fn row(report: &Report, lang: Lang, line: usize, place: usize, x: f64) -> Option<AnyView> {
    let name = report.ways.get(line)?.name().get(lang);
    let or_none = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), figure);
    let cells: Vec<String> = match report.sweep.state(Cell { line, place })? {
        State::Warming => return None,
        State::Failed(why) => {
            let failed = i18n::now(lang, "failed", "失败");
            return Some(view! {
                <tr class="sweep__failed"><th scope="row">{name}</th><td>{x.to_string()}</td><td colspan="10">{failed} ": " {why.get(lang).to_owned()}</td></tr>
            });
        }
        State::Sampled { batch, .. } => {
            let time = report.time(line, place)?;
            let facts = report.facts(line, place)?;
            let between = time.interval.map(|at| format!("{} – {}", figure(at.low), figure(at.high)));
            vec![
                x.to_string(),
                figure(time.median),
                between.unwrap_or_else(|| "–".to_owned()),
                time.samples.len().to_string(),
                time.far_count().to_string(),
                batch.to_string(),
                or_none(report.speed(line, place)),
                or_none(report.density(line, place).map(|share| 100.0 * share)),
                or_none(facts.memory.map(|bytes| bytes / f64::from(1 << 20))),
                or_none(facts.held.map(|bytes| bytes / f64::from(1 << 20))),
                facts.kernel.clone(),
            ]
        }
    };
    let cells = cells.into_iter().map(|cell| view! { <td>{cell}</td> }).collect_view();
    Some(view! { <tr><th scope="row">{name}</th>{cells}</tr> })
}

/// Under which conditions it was measured, and what the numbers mean.
fn circumstances(report: &Report, conditions: &Conditions, lang: Lang) -> String {
    // Of what changes, from where to where.
    let of = |axis: Axis, fixed: usize| match report.sweep.places() {
        [first, .., last] if report.axis == axis => format!("{first}–{last}"),
        _ => fixed.to_string(),
    };
    let setting = report.setting;
    let (workers, heads) = (of(Axis::Workers, setting.workers), of(Axis::Heads, setting.heads));
    let (size, tokens) = (of(Axis::Size, setting.size), of(Axis::Tokens, setting.tokens));
    let step = figure(report.sweep.step());
    let (least, far) = (figure(STEPS * report.sweep.step()), figure(FAR));
    let isolated = conditions.isolated;
    let adapter = conditions.adapter.clone().map(|name| format!("GPU {name}. "));
    let adapter = adapter.unwrap_or_default();
    let (peak, bandwidth) = (report.peak.map(figure), report.bandwidth.map(figure));
    match lang {
        Lang::En => {
            let isolated = if isolated { "isolated" } else { "not isolated" };
            let peak =
                peak.map(|peak| format!("Peak of multiply-adds of these workers at once, measured: {peak} GFLOP/s. "));
            let bandwidth = bandwidth
                .map(|bandwidth| format!("Memory moved by them at once, measured by a triad: {bandwidth} GB/s. "));
            let bandwidth = bandwidth.unwrap_or_default();
            format!(
                "Measured in this browser: {workers} workers (estimators take one), {tokens} tokens, {heads} heads of {size}, a page that is {isolated}. {adapter}{}{bandwidth}The clock steps by {step} ms, so a \
                 sample lasts at least {least} ms. Times are those of the kernels in the slowest worker, without messages; packing K and V is part of a sample's first run. Values are medians, intervals bootstrapped; \
                 samples more than {far} deviations above the median are drawn hollow and count. Memory held is that of the workers' linear memories after a cell's first run; it never shrinks, and holds the program too.",
                peak.unwrap_or_default()
            )
        }
        Lang::Zh => {
            let isolated = if isolated { "已隔离" } else { "未隔离" };
            let peak = peak.map(|peak| format!("这些工作线程同时运行时实测的乘加峰值：{peak} GFLOP/s。"));
            let bandwidth =
                bandwidth.map(|bandwidth| format!("它们同时以 triad 循环实测的内存带宽：{bandwidth} GB/s。"));
            let bandwidth = bandwidth.unwrap_or_default();
            format!(
                "在本浏览器中测得：{workers} 个工作线程（估计方法用一个），{tokens} 个词元，{heads} 个头，维度 {size}，页面{isolated}。{adapter}{}{bandwidth}时钟步长 {step} 毫秒，因此每个样本至少持续 {least} 毫秒。\
                 用时为最慢工作线程中计算核的时间，不含消息传递；K 与 V 的打包计入样本的首次运行。数值为中位数，区间由自助法得到；高出中位数 {far} 个偏差以上的样本以空心点标出，并计入结果。线程实际占用为单元首次运行后各工作线程线性内存的大小，只增不减，并包含程序本身。",
                peak.unwrap_or_default()
            )
        }
    }
}
