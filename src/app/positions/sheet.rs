//! The dialog: its settings, the chart, one scheme closely, and every scheme small.

use leptos::prelude::*;

use super::chart::Lines;
use super::desk::Desk;
use super::detail::Detail;
use super::measure::{Stop, follow};
use super::tiles::Tiles;
use crate::analysis::curves;
use crate::app::controls::{Choices, Item, Look, Slider, Span, modal, words};
use crate::app::i18n::{self, t};
use crate::app::laboratory;
use crate::app::reactive::Signal;
use crate::app::state::lab;
use crate::app::view::{handler, view};
use crate::catalogue::{Lang, PositionLine};
use crate::experiment::LaboratoryId;

/// Shortest and longest text on the sliders, and the longest that may be typed: a square of it is still small work.
const LENGTHS: [usize; 3] = [curves::LENGTHS[0], 512, curves::LENGTHS[1]];

/// The laboratory in a dialog.
#[component]
pub fn Sheet() -> impl IntoView {
    let (dialog, close) = modal();
    let stop = Stop::default();
    let closed = StoredValue::new_local(stop.clone());
    let lab = lab();
    let (desk, first, problems) = Desk::new(lab);
    laboratory::keep(lab, LaboratoryId::Positions, move || desk.set_to().pairs(&first));
    view! {
        <dialog node_ref=dialog class="poslab" aria-labelledby="poslab-title" on:close=handler(move |_: web_sys::Event| {
            closed.with_value(Stop::stop);
            laboratory::close(lab);
        })>
            <h2 id="poslab-title">{t("Position schemes over distance", "位置方案随距离的变化")}</h2>
            {laboratory::problems(problems)}
            {body(desk, stop)}
            <div class="dialog__foot">
                <laboratory::CopyLink />
                <button type="button" class="primary" on:click=handler(move |_| close())>{t("Close", "关闭")}</button>
            </div>
        </dialog>
    }
}

/// The laboratory by itself.
pub fn plain(stop: Stop) -> AnyView {
    let (desk, ..) = Desk::new(lab());
    body(desk, stop)
}

/// The laboratory. What it asks of the workers ends with `stop`, and with the view.
fn body(desk: Desk, stop: Stop) -> AnyView {
    follow(desk, stop.clone());
    let stop = StoredValue::new_local(stop);
    on_cleanup(move || stop.with_value(Stop::stop));
    let [least, most, typed] = LENGTHS;
    let span = Span::whole(least, most).up_to(typed as f64);
    let length = Signal::derive(move || desk.length.get() as f64);
    let trained = Signal::derive(move || desk.trained.get() as f64);
    let log = Signal::derive(move || if desk.log.get() { "log" } else { "linear" }.to_owned());
    let normal = Signal::derive(move || if desk.normal.get() { "normal" } else { "own" }.to_owned());
    view! {
        <p class="note">{t(
            "All tokens alike, their scores all 1: what is left to see is position. Computed by the page's own kernels, in the experiment's sizes.",
            "所有词元相同，分数均为 1，余下的只有位置的作用。由页面自身的计算核按实验的尺寸计算。",
        )}</p>
        <div class="poslab__settings">
            <Slider label=words("length now", "当前长度") value=length span=span on_change=Callback::new(move |x: f64| desk.length.set(x as usize)) />
            <Slider label=words("trained on", "训练长度") value=trained span=span on_change=Callback::new(move |x: f64| desk.trained.set(x as usize)) />
            <Choices
                label=words("Values", "数值")
                items=vec![Item::new("normal", words("each to its peak", "各按峰值")), Item::new("own", words("as they are", "原值"))]
                chosen=normal
                on_choose=Callback::new(move |id: String| desk.normal.set(id == "normal"))
                look=Look::Segments
            />
            <Choices
                label=words("Distances", "距离")
                items=vec![Item::new("linear", words("linear", "线性")), Item::new("log", words("logarithmic", "对数"))]
                chosen=log
                on_choose=Callback::new(move |id: String| desk.log.set(id == "log"))
                look=Look::Segments
            />
        </div>
        <Lines desk=desk />
        <p class="note poslab__factor">{move || factor(desk)}</p>
        <p class="poslab__together">
            <span>{t("Together:", "同时显示：")}</span>
            <button type="button" class="quiet-button" on:click=handler(move |_: web_sys::MouseEvent| desk.only(PositionLine::is_stretch))>
                {t("ways to stretch a rotation", "旋转的各种拉伸")}
            </button>
            <button type="button" class="quiet-button" on:click=handler(move |_: web_sys::MouseEvent| desk.only(|line| line.set.is_some()))>
                {t("ways to go on past a learned table", "超出可学习表后的各种做法")}
            </button>
        </p>
        <Detail desk=desk />
        <h3>{t("All schemes: press one to switch its line", "全部方案：点按以开关其曲线")}</h3>
        <Tiles desk=desk />
    }
}

/// What past the trained length means to the schemes that are stretched.
fn factor(desk: Desk) -> String {
    let (length, trained, lang) = (desk.length.get(), desk.trained.get(), desk.lab.lang.get());
    if length <= trained {
        let words = "Within the trained length nothing is stretched.";
        return i18n::now(lang, words, "在训练长度之内，没有任何拉伸。").to_owned();
    }
    let times = length as f64 / trained.max(1) as f64;
    match lang {
        Lang::En => format!(
            "{times:.2} times the trained length: interpolation, NTK, YaRN and the Llama bands stretch by that. Dotted: the scheme below as it was trained."
        ),
        Lang::Zh => format!(
            "为训练长度的 {times:.2} 倍：位置插值、NTK、YaRN 与 Llama 分段按此拉伸。点线：下方方案训练时的曲线。"
        ),
    }
}
