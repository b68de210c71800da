//! How long it took: stages of the last run, the runs before it, who computed, and how much was skipped.

use leptos::prelude::*;

use super::stages::{Stages, ms};
use super::tiers;
use crate::app::chart;
use crate::app::compare::{Compare, ReadKernels};
use crate::app::controls::{fixed, plain};
use crate::app::i18n::{self, t};
use crate::app::piece::piece;
use crate::app::reactive::Signal;
use crate::app::state::{Timing, lab};
use crate::app::sweep::TimingLab;
use crate::app::view::{handler, view};
use crate::attention::Memory;
use crate::catalogue::Lang;
use crate::engine::TILE;
use crate::experiment::{Algorithm, Backend};

fn count(value: f64) -> String {
    let (scaled, unit) = match value {
        v if v >= 1e9 => (v / 1e9, " G"),
        v if v >= 1e6 => (v / 1e6, " M"),
        v if v >= 1e3 => (v / 1e3, " k"),
        v => (v, " "),
    };
    if scaled >= 100.0 || value < 1e3 {
        format!("{}{unit}", fixed(scaled, 0))
    } else {
        format!("{}{unit}", fixed(scaled, 1))
    }
}

/// The timing card.
#[component]
pub fn TimingCard() -> impl IntoView {
    let lab = lab();
    let last = move || lab.timings.with(|all| all.last().cloned());
    view! {
        <h3 class="card__head">{t("Timing", "计时")} <small>{t("this browser, just now", "本浏览器，刚刚")}</small></h3>
        {move || {
            let lang = lab.lang.get();
            last().map(|timing| view! { <Last lang=lang timing=timing /> })
        }}
        <History />
        <chart::History />
        <Engine />
        <Compare />
        <TimingLab />
    }
}

#[component]
fn Last(lang: Lang, timing: Timing) -> impl IntoView {
    let report = timing.report;
    let sum: f64 = report.times.0.iter().sum();
    let word = |en, zh| i18n::now(lang, en, zh);
    let tiles = report.cost.tiles;
    // Sizes are counted for the CPU's own kernels alone.
    let dims = lab().outcome.with_untracked(|o| o.as_ref().map(|o| o.dims)).filter(|_| report.backend == Backend::Cpu);
    let counted = dims.map(|dims| Memory::of(&dims, report.algorithm, TILE).total(report.workers));
    let paint = timing.edit_to_paint_ms.map(|v| format!("{} {}", word("edit to paint", "从修改到重绘"), ms(v)));
    view! {
        <p><span class="figure">{ms(sum)}</span> " " <small>{if report.adapter.is_some() { word("on the GPU", "GPU 用时") } else { word("in the workers", "工作线程用时") }}{paint.map(|p| format!(" · {p}"))}</small></p>
        <Stages times=report.times />
        <dl class="facts">
            <dt>{word("kernel", "计算核")}</dt><dd><code>{report.kernel.clone()}</code></dd>
            {match report.adapter {
                Some(adapter) => view! { <dt>"GPU"</dt><dd>{adapter.name}</dd> },
                None => view! { <dt>{word("workers", "工作线程")}</dt><dd>{report.workers.to_string()}</dd> },
            }}
            <dt>{word("work", "计算量")}</dt><dd>{count(report.cost.flops)}"flop"</dd>
            {(report.memory > 0.0).then(|| view! {
                <dt>{word("memory", "内存")}</dt>
                <dd>{counted.map(|bytes| format!("{}B {} · ", count(bytes), word("counted", "计算值")))}{count(report.memory)}"B "{word("held by workers", "线程实际占用")}</dd>
            })}
            <dt>{word("tiles", "分块")}</dt>
            <dd>{format!("{} {} · {} {} · {} {}", tiles.full, word("full", "满"), tiles.partial, word("partial", "部分"), tiles.skipped, word("skipped", "跳过"))}</dd>
        </dl>
        {(!report.texts.is_empty()).then(|| view! { <ReadKernels texts=report.texts.clone() /> })}
        {report.notes.into_iter().map(|note| view! { <p class="note">{note.get(lang).to_owned()}</p> }).collect_view()}
    }
}

/// The last runs as columns: kernels below, the rest of edit-to-paint above.
#[component]
fn History() -> impl IntoView {
    let lab = lab();
    view! {
        {move || {
            let runs: Vec<(f64, f64)> = lab.timings.with(|all| {
                all.iter().rev().take(40).map(|t| {
                    let kernel: f64 = t.report.times.0.iter().sum();
                    (kernel, t.edit_to_paint_ms.unwrap_or(kernel).max(kernel))
                }).collect()
            });
            let top = runs.iter().fold(0.0f64, |top, r| top.max(r.1));
            (runs.len() > 1 && top > 0.0).then(|| view! {
                <figure class="runs">
                    <svg viewBox="0 0 160 36" preserveAspectRatio="none" role="img" aria-label=t("Times of the last runs", "最近各次用时")>
                        {runs.iter().enumerate().map(|(i, (kernel, paint))| {
                            let x = (156 - i * 4).to_string();
                            let (full, part) = (paint / top * 34.0, kernel / top * 34.0);
                            view! {
                                <rect x=x.clone() y=plain(36.0 - full) width="3" height=plain(full) class="runs__paint" />
                                <rect x=x y=plain(36.0 - part) width="3" height=plain(part) class="runs__kernel"><title>{ms(*kernel)}</title></rect>
                            }
                        }).collect_view()}
                    </svg>
                    <figcaption class="note">
                        {t("last runs: kernels and, above, edit to paint; highest ", "最近各次：计算核，其上为从修改到重绘；最高 ")} {ms(top)}
                    </figcaption>
                </figure>
            })
        }}
    }
}

/// Which engine computes, and how.
#[component]
fn Engine() -> impl IntoView {
    let lab = lab();
    let backends = [
        (Backend::Auto, "auto", "自动"),
        (Backend::Cpu, "CPU, SIMD", "CPU，SIMD"),
        (Backend::Webgpu, "GPU, WebGPU", "GPU，WebGPU"),
        (Backend::Reference, "reference, f64", "参考，f64"),
    ];
    let algorithms = [
        (Algorithm::Auto, "auto", "自动"),
        (Algorithm::Materialised, "materialised", "物化"),
        (Algorithm::Streaming, "streaming", "流式"),
    ];
    let choice = move || lab.timings.with(|all| all.last().and_then(|t| t.report.choice.clone()));
    // A GPU is chosen, or has computed the last run.
    let gpu = Signal::memo(move || {
        lab.experiment.with(|x| x.engine.backend == Backend::Webgpu)
            || lab.timings.with(|all| all.last().is_some_and(|t| t.report.adapter.is_some()))
    });
    view! {
        <div class="engine">
            <label>
                {t("engine", "引擎")}
                <select
                    on:change=handler(move |e| {
                        if let Some((backend, ..)) = event_target_value(&e).parse::<usize>().ok().and_then(|i| backends.get(i)) {
                            lab.edit("engine.backend", |x| x.engine.backend = *backend);
                        }
                    })
                    prop:value=move || lab.experiment.with(|x| backends.iter().position(|b| b.0 == x.engine.backend).unwrap_or(0).to_string())
                >
                    {backends.iter().enumerate().map(|(i, (_, en, zh))| view! { <option value=i.to_string()>{t(en, zh)}</option> }).collect_view()}
                </select>
            </label>
            <label>
                {t("algorithm", "算法")}
                <select
                    on:change=handler(move |e| {
                        if let Some((algorithm, ..)) = event_target_value(&e).parse::<usize>().ok().and_then(|i| algorithms.get(i)) {
                            lab.edit("engine.algorithm", |x| x.engine.algorithm = *algorithm);
                        }
                    })
                    prop:value=move || lab.experiment.with(|x| algorithms.iter().position(|a| a.0 == x.engine.algorithm).unwrap_or(0).to_string())
                >
                    {algorithms.iter().enumerate().map(|(i, (_, en, zh))| view! { <option value=i.to_string()>{t(en, zh)}</option> }).collect_view()}
                </select>
            </label>
        </div>
        {move || gpu.get().then(|| piece(|| Box::pin(tiers::switches()), |switches| switches()))}
        {move || choice().map(|choice| {
            let (message, lang) = (choice.message(), lab.lang.get());
            let took = if choice.falls_back() { i18n::now(lang, "auto took the CPU: ", "自动选用 CPU：") } else { i18n::now(lang, "auto took the GPU: ", "自动选用 GPU：") };
            view! { <p class="note">{took}{message.get(lang).to_owned()}</p> }
        })}
    }
}
