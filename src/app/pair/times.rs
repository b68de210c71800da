//! The times of both settings, run afresh and in turn.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::ask::{Desk, Side, afresh};
use crate::analysis::plot::read;
use crate::analysis::statistics::{Interval, Summary, of_ratio};
use crate::analysis::sweep::batch;
use crate::app::i18n::t;
use crate::app::reactive::RwSignal;
use crate::app::result::ms;
use crate::app::runner;
use crate::app::state::lab;
use crate::app::sweep::step;
use crate::app::view::{handler, view};
use crate::catalogue::Lang;
use crate::engine::pool::{Cancel, Pool, RunError, quiet};
use crate::experiment::Message;

/// Samples of each.
const ROUNDS: usize = 11;
/// Most milliseconds that repetitions of one sample are added for.
const LONG_MS: f64 = 200.0;
/// Intervals are drawn from it.
const SEED: u64 = 11;

/// What was measured.
#[derive(Clone, Debug, PartialEq)]
struct Times {
    /// Of A and of B, milliseconds of one run.
    sides: [Summary; 2],
    /// Repetitions of each sample.
    repeats: [usize; 2],
    /// B over A.
    ratio: Option<(f64, Option<Interval>)>,
    kernels: [String; 2],
    step: f64,
}

#[derive(Clone)]
enum State {
    Idle,
    Running(f64),
    Done(Arc<Times>),
    Failed(Message),
}

/// A button, and what it gives.
#[component]
pub fn Timings(
    /// Both settings.
    desk: Desk,
) -> impl IntoView {
    let lab = lab();
    let (state, both) = (RwSignal::new(State::Idle), desk.both());
    let running = StoredValue::new_local(Cancel::default());
    let pool = StoredValue::new_local(runner::pool().get_value());
    on_cleanup(move || running.with_value(Cancel::cancel));
    // Times of other settings are no times of these.
    afresh(both, move || {
        running.with_value(Cancel::cancel);
        state.set(State::Idle);
    });
    let start = move |_: web_sys::MouseEvent| {
        let Some(now) = both.get_untracked() else { return };
        running.with_value(Cancel::cancel);
        let cancel = Cancel::default();
        running.set_value(cancel.clone());
        state.set(State::Running(0.0));
        let pool = pool.get_value();
        spawn_local(async move {
            let told = |share| {
                state.try_set(State::Running(share));
            };
            let done = match measure(&pool, [&now.a, &now.b], &cancel, told).await {
                Ok(times) => State::Done(Arc::new(times)),
                // Stopped, or of other settings by now; whoever did it says so.
                Err(RunError::Cancelled) => return,
                Err(error) => State::Failed(error.message()),
            };
            state.try_set(done);
        });
    };
    let stop = move |_: web_sys::MouseEvent| {
        running.with_value(Cancel::cancel);
        state.set(State::Idle);
    };
    let press = move |en, zh| {
        view! {
            <button type="button" class="quiet-button" prop:disabled=move || both.with(Option::is_none) on:click=handler(start)>{t(en, zh)}</button>
        }
    };
    view! {
        <h4>{t("Times", "用时")}</h4>
        {move || match state.get() {
            State::Idle => press("Measure both", "测量两者"),
            State::Running(share) => view! {
                <p class="pair__run">
                    <span class="progress"><i style:transform=format!("scaleX({share:.3})")></i></span>
                    <button type="button" class="quiet-button" on:click=handler(stop)>{t("Stop", "停止")}</button>
                </p>
            },
            State::Done(times) => view! { <Table times=times /> {press("Measure again", "重新测量")} },
            State::Failed(why) => view! {
                <p class="issue" role="alert">{move || why.get(lab.lang.get()).to_owned()}</p>
                {press("Try again", "重试")}
            },
        }}
    }
}

/// Runs both in turn: whatever slows the machine for a while slows both, and neither is always the second.
async fn measure(pool: &Pool, sides: [&Side; 2], cancel: &Cancel, told: impl Fn(f64)) -> Result<Times, RunError> {
    quiet(pool).await;
    let step = step().await;
    let (mut repeats, mut kernels) = ([1, 1], [String::new(), String::new()]);
    for (side, (repeat, kernel)) in sides.iter().zip(repeats.iter_mut().zip(&mut kernels)) {
        // Not counted: plans and packed tensors are made in it.
        sample(pool, side, 1, cancel).await?;
        loop {
            let (each, name) = sample(pool, side, *repeat, cancel).await?;
            *kernel = name;
            let all = each * *repeat as f64;
            let more = batch(*repeat, all, step);
            if more == *repeat || all > LONG_MS {
                break;
            }
            *repeat = more;
        }
    }
    let mut samples = [Vec::with_capacity(ROUNDS), Vec::with_capacity(ROUNDS)];
    for round in 0..ROUNDS {
        let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        for which in order {
            samples[which].push(sample(pool, sides[which], repeats[which], cancel).await?.0);
        }
        told((round + 1) as f64 / ROUNDS as f64);
    }
    let ratio = of_ratio(&samples[1], &samples[0], SEED);
    let [a, b] = &samples;
    let summary = |all: &[f64], repeat: usize| Summary::of(all, step / repeat as f64, SEED).ok_or(RunError::Cancelled);
    Ok(Times { sides: [summary(a, repeats[0])?, summary(b, repeats[1])?], repeats, ratio, kernels, step })
}

/// Kernel time of one run, the mean of so many, milliseconds; and who computed.
async fn sample(pool: &Pool, side: &Side, repeat: usize, cancel: &Cancel) -> Result<(f64, String), RunError> {
    let report = pool.run(side.run(repeat, cancel.clone())).await?.outcome.report;
    let all: f64 = report.runs_ms.iter().sum();
    Ok((all / report.runs_ms.len().max(1) as f64, report.kernel))
}

/// Both, and how they compare.
#[component]
fn Table(times: Arc<Times>) -> impl IntoView {
    let lab = lab();
    let Times { sides, repeats, ratio, kernels, step } = times.as_ref().clone();
    let row = |name: &'static str, side: Summary, repeat: usize, kernel: String| {
        let spread = side.interval.map(|i| format!("{} – {}", ms(i.low), ms(i.high)));
        view! {
            <tr>
                <th scope="row">{name}</th>
                <td>{ms(side.median)}</td>
                <td>{spread}</td>
                <td>{side.far_count().to_string()}</td>
                <td>{repeat.to_string()}</td>
                <td><code>{kernel}</code></td>
            </tr>
        }
    };
    let [a, b] = sides;
    let [kernel_a, kernel_b] = kernels;
    view! {
        <p role="status">{move || verdict(lab.lang.get(), ratio)}</p>
        <div class="chart__scroll pair__table" tabindex="0" role="region" aria-label=t("Times of both settings", "两个设置的用时")>
            <table>
                <thead><tr>
                    <th scope="col">{t("setting", "设置")}</th>
                    <th scope="col">{t("median", "中位数")}</th>
                    <th scope="col">{t("95 %", "95%")}</th>
                    <th scope="col">{t("far off", "离群")}</th>
                    <th scope="col">{t("runs a sample", "每次采样运行数")}</th>
                    <th scope="col">{t("kernel", "计算核")}</th>
                </tr></thead>
                <tbody>
                    {row("A", a, repeats[0], kernel_a)}
                    {row("B", b, repeats[1], kernel_b)}
                </tbody>
            </table>
        </div>
        <p class="note">{move || {
            let step = ms(step);
            match lab.lang.get() {
                Lang::En => format!("Kernel times of the forward pass, {ROUNDS} samples each, in turn; the clock steps by {step}. What is computed from the contents of Q and K beforehand is not in them."),
                Lang::Zh => format!("前向计算的计算核用时，各 {ROUNDS} 次采样，交替进行；时钟步长 {step}。预先由 Q、K 内容计算的部分不计在内。"),
            }
        }}</p>
    }
}

/// Whether one is faster, as far as the samples say.
fn verdict(lang: Lang, ratio: Option<(f64, Option<Interval>)>) -> String {
    let Some((ratio, interval)) = ratio else {
        return match lang {
            Lang::En => "Too short for this browser's clock.".to_owned(),
            Lang::Zh => "用时过短，浏览器时钟无法分辨。".to_owned(),
        };
    };
    let known = interval.map(|i| format!("{} – {}", read(i.low), read(i.high))).unwrap_or_default();
    if interval.is_none_or(|i| i.holds(1.0)) {
        return match lang {
            Lang::En => format!("No difference can be told: B takes {} times A's time ({known}).", read(ratio)),
            Lang::Zh => format!("无法分辨差别：B 的用时是 A 的 {} 倍（{known}）。", read(ratio)),
        };
    }
    match lang {
        Lang::En => format!("B takes {} times A's time ({known}).", read(ratio)),
        Lang::Zh => format!("B 的用时是 A 的 {} 倍（{known}）。", read(ratio)),
    }
}
