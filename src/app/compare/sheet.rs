//! The sheet: two columns, one for each engine, and what they differ in.

use std::rc::Rc;

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::Picture;
use super::kernels::Kernels;
use super::runs::{Answered, Question};
use crate::analysis::difference::{self, Difference};
use crate::app::controls::modal;
use crate::app::i18n::{self, t};
use crate::app::map::Scale;
use crate::app::reactive::RwSignal;
use crate::app::result::{Stages, ms};
use crate::app::runner;
use crate::app::state::{Lab, lab};
use crate::app::view::{handler, view};
use crate::catalogue::Lang;
use crate::engine::Map;
use crate::engine::pool::{Cancel, Pool, RunError};
use crate::experiment::{Backend, Message};

/// Share of the largest output by which two engines in single precision may differ for no other reason than the order of their sums.
const ROUNDING: f32 = 1e-4;

/// What is known of one engine's run.
#[derive(Clone, Debug)]
enum State {
    Waiting,
    Running(f64),
    Done(Box<Answered>),
    Failed(Message),
}

type Cell = RwSignal<State>;

/// The sheet. It computes as soon as it is there.
#[component]
pub fn Sheet() -> impl IntoView {
    let lab = lab();
    let (dialog, close) = modal();
    let (cpu, gpu) = (RwSignal::new(State::Waiting), RwSignal::new(State::Waiting));
    let (pool, cancel) = (runner::pool(), StoredValue::new_local(Cancel::default()));
    let start = move || {
        cancel.set_value(Cancel::default());
        let (pool, cancel) = (pool.get_value(), cancel.get_value());
        [cpu, gpu].into_iter().for_each(|side| side.set(State::Waiting));
        spawn_local(async move {
            match Question::of(lab) {
                Ok(question) => {
                    // One after the other, so that neither takes the machine from the other.
                    ask(&question, &pool, Backend::Cpu, cpu, &cancel).await;
                    ask(&question, &pool, Backend::Webgpu, gpu, &cancel).await;
                }
                Err(error) => [cpu, gpu].into_iter().for_each(|side| side.set(State::Failed(error.message()))),
            }
        });
    };
    start();
    view! {
        <dialog node_ref=dialog class="compare" aria-labelledby="compare-title" on:close=handler(move |_| cancel.get_value().cancel())>
            <h2 id="compare-title">{t("CPU and GPU, the same inputs", "CPU 与 GPU，相同输入")}</h2>
            <div class="compare__sides">
                <Side name="CPU" state=cpu />
                <Side name="GPU" state=gpu />
            </div>
            {move || verdict(lab, cpu, gpu)}
            {move || kernels(gpu)}
            <div class="dialog__foot">
                <button type="button" on:click=handler(move |_| { cancel.get_value().cancel(); start(); })>{t("Run again", "再次运行")}</button>
                <button type="button" class="primary" on:click=handler(move |_| close())>{t("Close", "关闭")}</button>
            </div>
        </dialog>
    }
}

async fn ask(question: &Question, pool: &Pool, backend: Backend, into: Cell, cancel: &Cancel) {
    into.try_set(State::Running(0.0));
    let progress = Rc::new(move |share| into.try_set(State::Running(share)));
    let state = match question.ask(pool, backend, cancel, progress).await {
        Ok(answered) => State::Done(Box::new(answered)),
        // Another press of the button has taken over, or the sheet is closed.
        Err(RunError::Cancelled) => return,
        Err(error) => State::Failed(error.message()),
    };
    into.try_set(state);
}

/// One engine.
#[component]
fn Side(name: &'static str, state: Cell) -> impl IntoView {
    let lab = lab();
    view! {
        <section class="compare__side">
            <h3>{name}</h3>
            {move || match state.get() {
                State::Waiting => view! { <p class="note">{t("Waits its turn…", "等待中…")}</p> },
                State::Running(share) => view! {
                    <p class="note" aria-busy="true">{t("Computing…", "计算中…")}</p>
                    <span class="progress"><i style:transform=format!("scaleX({share:.3})")></i></span>
                },
                State::Failed(why) => view! { <p class="issue" role="alert">{why.get(lab.lang.get()).to_owned()}</p> },
                State::Done(answered) => view! { <Done lab=lab answered=*answered /> },
            }}
        </section>
    }
}

#[component]
fn Done(lab: Lab, answered: Answered) -> impl IntoView {
    let Answered { outcome, first_ms, kernel_ms, times } = answered;
    let (report, lang) = (outcome.report, lab.lang.get_untracked());
    let word = |en, zh| i18n::now(lang, en, zh);
    let repeated = match lang {
        Lang::En if times > 1 => format!("kernels, median of {times}"),
        Lang::En => "kernels, one run".to_owned(),
        Lang::Zh if times > 1 => format!("计算核，{times} 次的中位数"),
        Lang::Zh => "计算核，一次".to_owned(),
    };
    let workers = match (lang, report.workers) {
        (Lang::En, 1) => "1 worker".to_owned(),
        (Lang::En, n) => format!("{n} workers"),
        (Lang::Zh, n) => format!("{n} 个工作线程"),
    };
    let who = report.adapter.map_or(workers, |adapter| adapter.name);
    view! {
        <p><span class="figure">{ms(kernel_ms)}</span> " " <small>{repeated}</small></p>
        <p class="note">{ms(first_ms)} " " {word("the first time, from request to result", "首次，从请求到结果")}</p>
        <Stages times=report.times />
        <dl class="facts">
            <dt>{word("kernel", "计算核")}</dt><dd><code>{report.kernel}</code></dd>
            <dt>{word("on", "运行于")}</dt><dd>{who}</dd>
        </dl>
        {report.notes.into_iter().map(|note| view! { <p class="note">{note.get(lang).to_owned()}</p> }).collect_view()}
    }
}

/// What they differ in, once both are done.
fn verdict(lab: Lab, cpu: Cell, gpu: Cell) -> Option<AnyView> {
    let (State::Done(cpu), State::Done(gpu)) = (cpu.get(), gpu.get()) else { return None };
    let lang = lab.lang.get();
    let difference = difference::outputs(&cpu.outcome, &gpu.outcome);
    let pictures = pictures(lang, cpu.outcome.maps, gpu.outcome.maps);
    Some(view! {
        <h3>{i18n::now(lang, "Difference", "差别")}</h3>
        <p>{faster(lang, cpu.kernel_ms, gpu.kernel_ms)} " " {differs(lang, &difference)}</p>
        <div class="compare__maps">
            {pictures.into_iter().map(|(map, label)| {
                let scale = Scale::of(&map);
                view! { <Picture map=map scale=scale label=label /> }
            }).collect_view()}
        </div>
    })
}

/// Both engines' weights and what they differ in, with their captions.
fn pictures(lang: Lang, cpu: Vec<Map>, gpu: Vec<Map>) -> Vec<(Map, String)> {
    let (Some(cpu), Some(gpu)) = (cpu.into_iter().next(), gpu.into_iter().next()) else { return Vec::new() };
    let head = cpu.request.head + 1;
    let of = |name: &str| match lang {
        Lang::En => format!("{name}: weights of head {head}"),
        Lang::Zh => format!("{name}：第 {head} 个头的权重"),
    };
    let apart = apart(&cpu, &gpu).map(|(map, largest)| {
        let caption = match lang {
            Lang::En => format!("their difference; the darkest is {largest:.1e}"),
            Lang::Zh => format!("两者之差；最深处为 {largest:.1e}"),
        };
        (map, caption)
    });
    [(cpu, of("CPU")), (gpu, of("GPU"))].into_iter().chain(apart).collect()
}

/// The kernels that ran on the GPU.
fn kernels(gpu: Cell) -> Option<AnyView> {
    let State::Done(gpu) = gpu.get() else { return None };
    let texts = gpu.outcome.report.texts.clone();
    (!texts.is_empty()).then(|| {
        view! {
            <h3>{t("The kernels that ran on the GPU", "在 GPU 上运行的计算核")}</h3>
            <Kernels texts=texts />
        }
    })
}

fn faster(lang: Lang, cpu_ms: f64, gpu_ms: f64) -> String {
    if cpu_ms <= 0.0 || gpu_ms <= 0.0 {
        return i18n::now(lang, "Too short for this browser's clock.", "用时过短，浏览器时钟无法分辨。").to_owned();
    }
    let (ratio, gpu_wins) = if gpu_ms < cpu_ms { (cpu_ms / gpu_ms, true) } else { (gpu_ms / cpu_ms, false) };
    match (lang, gpu_wins) {
        (Lang::En, true) => format!("The GPU's kernels took 1/{ratio:.1} of the CPU's time."),
        (Lang::En, false) => format!("The GPU's kernels took {ratio:.1} times as long as the CPU's."),
        (Lang::Zh, true) => format!("GPU 计算核用时为 CPU 的 1/{ratio:.1}。"),
        (Lang::Zh, false) => format!("GPU 计算核用时为 CPU 的 {ratio:.1} 倍。"),
    }
}

fn differs(lang: Lang, difference: &Difference) -> String {
    let Difference { largest, at, scale } = *difference;
    let Some(at) = at else {
        return i18n::now(lang, "The outputs are equal to the last bit.", "输出逐位相等。").to_owned();
    };
    // As people count.
    let (head, query, column) = (at.head + 1, at.query + 1, at.column + 1);
    let rounding = largest <= ROUNDING * scale;
    match lang {
        Lang::En => format!(
            "The outputs differ by at most {largest:.1e} (head {head}, query {query}, number {column}); the largest is {scale:.2}. {}",
            if rounding {
                "That is rounding: they add up in another order."
            } else {
                "That is more than rounding explains."
            }
        ),
        Lang::Zh => format!(
            "输出最多相差 {largest:.1e}（头 {head}，查询 {query}，第 {column} 个数），最大输出为 {scale:.2}。{}",
            if rounding {
                "这是舍入误差：两者求和的次序不同。"
            } else {
                "这超出了舍入误差。"
            }
        ),
    }
}

/// A picture of what two pictures differ in, and its largest value; nothing where they are equal.
fn apart(a: &Map, b: &Map) -> Option<(Map, f32)> {
    let between = |(&a, &b): (&f32, &f32)| if a.is_nan() && b.is_nan() { f32::NAN } else { difference::between(a, b) };
    let values: Vec<f32> = a.values.iter().zip(&b.values).map(between).collect();
    let largest = values.iter().filter(|v| !v.is_nan()).fold(0.0_f32, |top, v| top.max(*v));
    (largest > 0.0).then_some((Map { request: a.request.clone(), values }, largest))
}
