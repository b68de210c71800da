//! The settings, how far it is, and what was found.

use leptos::prelude::*;

use super::alike::Alike;
use super::ask::{Desk, Status, follow};
use super::distance::Distances;
use super::heads::Heads;
use super::layers::Layers;
use super::queries::Queries;
use crate::analysis::measures::Settings;
use crate::app::controls::{Slider, Span, words};
use crate::app::i18n::{self, t};
use crate::app::reactive::{RwSignal, Signal};
use crate::app::state::lab;
use crate::app::view::{handler, view};
use crate::catalogue::Lang;

/// The card.
#[component]
pub fn Body(
    /// Whether it is open.
    opened: RwSignal<bool>,
) -> impl IntoView {
    let desk = Desk::new(lab());
    follow(desk);
    let known = Signal::memo(move || desk.found.with(Option::is_some));
    let busy = move || matches!(desk.status.get(), Status::Running(_)).to_string();
    view! {
        <section class="estimate measures" aria-busy=busy>
            <h3 class="card__head">
                {t("Analysis of the weights", "权重分析")}
                <button type="button" class="quiet-button" on:click=handler(move |_: web_sys::MouseEvent| opened.set(false))>{t("Close", "关闭")}</button>
            </h3>
            <Progress desk=desk />
            {move || stale(desk).then(|| view! { <p class="note">{t("What stands below belongs to the run before.", "以下内容属于上一次计算。")}</p> })}
            {move || known.get().then(|| view! {
                <p class="note">{move || extent(desk)}</p>
                <Numbers desk=desk />
                <Queries desk=desk />
                <Heads desk=desk />
                <Distances desk=desk />
                <Alike desk=desk />
            })}
            <Layers desk=desk />
        </section>
    }
}

/// Whether what is shown is not of the result that the page shows.
fn stale(desk: Desk) -> bool {
    desk.found.with(Option::is_some) && !matches!(desk.status.get(), Status::Done | Status::Running(_))
}

/// What is on its way, and what could not be done.
#[component]
fn Progress(desk: Desk) -> impl IntoView {
    let lab = desk.lab;
    view! {
        {move || match desk.status.get() {
            Status::Waiting | Status::Done => ().into_any(),
            Status::TooMany(cells) => view! {
                <p class="note">{move || match lab.lang.get() {
                    Lang::En => format!("This run has {cells} weights: they are measured when you ask for it."),
                    Lang::Zh => format!("此次计算有 {cells} 个权重：点按后才测量。"),
                }}</p>
                <button type="button" class="quiet-button" on:click=handler(move |_: web_sys::MouseEvent| desk.ask())>{t("Measure", "测量")}</button>
            },
            Status::Running(share) => view! {
                <p class="pair__run">
                    <span class="progress"><i style:transform=format!("scaleX({share:.3})")></i></span>
                    <button type="button" class="quiet-button" on:click=handler(move |_: web_sys::MouseEvent| desk.stop())>{t("Stop", "停止")}</button>
                </p>
            },
            Status::Stopped => view! { <p class="note" role="status">{t("Stopped; change something to measure again.", "已停止；作更改后会重新测量。")}</p> },
            Status::Failed(why) => view! { <p class="issue" role="alert">{move || why.get(lab.lang.get()).to_owned()}</p> },
        }}
    }
}

/// What was looked at, and which rows have nothing to measure.
fn extent(desk: Desk) -> String {
    let lang = desk.lab.lang.get();
    let grouped = desk.lab.loaded.with(|loaded| loaded.as_ref().map(|loaded| loaded.dims.n_k));
    desk.with(|found| {
        let (taken, rows, heads) = (found.sample.taken(), found.sample.rows, found.heads.len());
        let mut said = match lang {
            Lang::En if found.sample.is_whole() => format!("All {rows} queries of {heads} heads."),
            Lang::En => format!("{taken} of {rows} queries, evenly spread, of {heads} heads: all would be too many."),
            Lang::Zh if found.sample.is_whole() => format!("{heads} 个头的全部 {rows} 个查询。"),
            Lang::Zh => format!("{heads} 个头，{rows} 个查询中均匀抽取 {taken} 个：全部则过多。"),
        };
        let (mut nothing, mut not_numbers) = (0, 0);
        for summary in found.heads.iter().map(crate::analysis::measures::Head::summary) {
            nothing += summary.nothing;
            not_numbers += summary.not_numbers;
        }
        if nothing > 0 {
            said += &match lang {
                Lang::En => format!(" {nothing} rows attend to nothing and count in no mean."),
                Lang::Zh => format!(" {nothing} 行不关注任何键，不计入平均。"),
            };
        }
        if not_numbers > 0 {
            said += &match lang {
                Lang::En => format!(" {not_numbers} rows hold what is no finite number and count in no mean."),
                Lang::Zh => format!(" {not_numbers} 行含非有限数值，不计入平均。"),
            };
        }
        if grouped.is_some_and(|n_k| n_k != found.dims.n_k) {
            said += i18n::now(
                lang,
                " Keys are as the rules leave them, several tokens in one: distances count those.",
                " 键为规则处理后的键，一个键可含多个词元：距离按键计算。",
            );
        }
        said
    })
    .unwrap_or_default()
}

/// What is asked of rows.
#[component]
fn Numbers(desk: Desk) -> impl IntoView {
    let of = move |read: fn(&Settings) -> f64| Signal::memo(move || desk.settings.with(read));
    let set = move |change: fn(&mut Settings, f64)| {
        Callback::new(move |x: f64| desk.settings.update(|settings| change(settings, x)))
    };
    view! {
        <details class="more">
            <summary>{t("What counts as top, sink and small", "前 k 大、注意力汇与小权重的定义")}</summary>
            <Slider label=words("k of the top-k mass", "前 k 大的 k") value=of(|s| s.top as f64) span=Span::whole(1, 32).up_to(4096.0) on_change=set(|s, x| s.top = x as usize) />
            <Slider label=words("first tokens that are the sink", "注意力汇的词元数（从首个起）") value=of(|s| s.sinks as f64) span=Span::whole(1, 16).up_to(4096.0) on_change=set(|s, x| s.sinks = x as usize) />
            <Slider label=words("small is below, percent", "小权重的上限（%）") value=of(|s| s.small * 100.0) span=Span::new(0.0, 10.0, 0.1) on_change=set(|s, x| s.small = x / 100.0) />
        </details>
    }
}
