//! The dialog: what to measure, and how far it is.

use leptos::prelude::*;
use leptos::task::spawn_local;
use web_sys::Event;

use super::desk::{Desk, Status};
use super::measure::sweep;
use super::results::Results;
use crate::analysis::sweep::{Asked, Axis, MOST, Setting, Way};
use crate::app::controls::{Choices, Item, Look, Show, Switch, fixed, modal, unique, words, words_of};
use crate::app::i18n::{self, t, tr};
use crate::app::laboratory;
use crate::app::reactive::{RwSignal, Signal};
use crate::app::runner;
use crate::app::state::{Lab, lab};
use crate::app::view::{handler, view};
use crate::catalogue::{self, Lang};
use crate::engine::pool::Cancel;
use crate::experiment::LaboratoryId;

/// The laboratory in a dialog.
#[component]
pub fn Sheet() -> impl IntoView {
    let (lab, pool) = (lab(), runner::pool());
    let (dialog, close) = modal();
    let workers = pool.with_value(crate::engine::pool::Pool::size);
    let (asked, problems) = Asked::read(&laboratory::settings(lab, LaboratoryId::Timing), workers);
    let desk = Desk::new(asked);
    laboratory::keep(lab, LaboratoryId::Timing, move || desk.asked().pairs(workers));
    let running = StoredValue::new_local(Cancel::default());
    on_cleanup(move || running.with_value(Cancel::cancel));
    let busy = desk.busy();
    let run = move |_: web_sys::MouseEvent| {
        running.with_value(Cancel::cancel);
        if busy.get_untracked() {
            return;
        }
        let cancel = Cancel::default();
        running.set_value(cancel.clone());
        desk.status.set(Status::Running(0.0, None));
        let (pool, own) = (pool.get_value(), lab.experiment.get_untracked());
        spawn_local(async move { sweep(desk, pool, own, cancel).await });
    };
    let action = move || {
        if busy.get() {
            i18n::now(lab.lang.get(), "Stop", "停止")
        } else {
            i18n::now(lab.lang.get(), "Measure", "测量")
        }
    };
    view! {
        <dialog node_ref=dialog class="sweep" aria-labelledby="sweep-title" on:close=handler(move |_: Event| {
            running.with_value(Cancel::cancel);
            laboratory::close(lab);
        })>
            <h2 id="sweep-title">{t("Timing laboratory", "计时实验室")}</h2>
            <p class="note">{t(
                "Attention over normal random numbers, timed in this browser. Each cell is run until a sample is long enough for the clock, then sampled in rounds whose order is drawn anew.",
                "在本浏览器中对正态随机数计算注意力并计时。每个单元先运行到一次采样足以被时钟分辨，再按每轮重新抽取的随机顺序采样。",
            )}</p>
            {laboratory::problems(problems)}
            <fieldset class="sweep__settings" prop:disabled=move || busy.get()>
                <Along desk=desk />
                <Ways desk=desk />
            </fieldset>
            <div class="sweep__run">
                <button type="button" class="primary" on:click=handler(run)>{action}</button>
                <Progress desk=desk />
            </div>
            <Results desk=desk />
            <div class="dialog__foot">
                <laboratory::CopyLink />
                <button type="button" on:click=handler(move |_| close())>{t("Close", "关闭")}</button>
            </div>
        </dialog>
    }
}

/// The axis, its ends, and what stays as it is.
#[component]
fn Along(desk: Desk) -> impl IntoView {
    let pool = runner::pool();
    let workers = pool.with_value(crate::engine::pool::Pool::size);
    let chosen = Signal::memo(move || desk.axis.get().id().to_owned());
    let choose = move |id: String| {
        if let Some(axis) = Axis::ALL.into_iter().find(|axis| axis.id() == id) {
            desk.along(axis, workers);
        }
    };
    let direction =
        Signal::memo(move || desk.setting.with(|at| if at.backward { "backward" } else { "forward" }.to_owned()));
    let turn = move |id: String| desk.setting.update(|at| at.backward = id == "backward");
    view! {
        <Choices
            label=words("Over", "横轴")
            items=Axis::ALL.map(|axis| Item::new(axis.id(), words_of(axis.name()))).to_vec()
            chosen=chosen
            on_choose=Callback::new(choose)
            look=Look::Chips
            show_label=true
        />
        <div class="sweep__numbers">
            <Number label=words("from", "从") value=desk.from.into() most=MOST on_change=Callback::new(move |x| desk.from.set(x)) />
            <Number label=words("to", "到") value=desk.to.into() most=MOST on_change=Callback::new(move |x| desk.to.set(x)) />
            <Fixed desk=desk axis=Axis::Tokens most=MOST of=|at| at.tokens />
            <Fixed desk=desk axis=Axis::Heads most=Axis::Heads.most(workers) of=|at| at.heads />
            <Fixed desk=desk axis=Axis::Group most=Axis::Group.most(workers) of=|at| at.group />
            <Fixed desk=desk axis=Axis::Size most=Axis::Size.most(workers) of=|at| at.size />
            <Fixed desk=desk axis=Axis::Window most=MOST of=|at| at.window />
            <Density desk=desk />
            <Fixed desk=desk axis=Axis::Workers most=workers of=|at| at.workers />
        </div>
        <Choices
            label=words("What is timed", "计时对象")
            items=vec![Item::new("forward", words("the output", "输出")), Item::new("backward", words("the gradients", "梯度"))]
            chosen=direction
            on_choose=Callback::new(turn)
            look=Look::Segments
            show_label=true
        />
    }
}

/// A number of the setting that is not the axis.
#[component]
fn Fixed(desk: Desk, axis: Axis, most: usize, of: fn(&Setting) -> usize) -> impl IntoView {
    let value = Signal::memo(move || desk.setting.with(of));
    let change = move |x| desk.setting.update(|at| *at = at.at(axis, x));
    view! {
        {move || (desk.axis.get() != axis).then(|| view! {
            <Number label=words_of(axis.name()) value=value most=most on_change=Callback::new(change) />
        })}
    }
}

/// The density, where a line follows it.
#[component]
fn Density(desk: Desk) -> impl IntoView {
    let wanted = Signal::memo(move || desk.ways.with(|ways| ways.iter().any(|way| way.has_density())));
    let most = Axis::Density.most(1);
    view! { <Show when=wanted><Fixed desk=desk axis=Axis::Density most=most of=|at| at.density /></Show> }
}

/// A power of two, or the number that it is now, out of a list.
#[component]
fn Number(label: Signal<String>, value: Signal<usize>, most: usize, on_change: Callback<usize>) -> impl IntoView {
    let id = unique("sweep");
    let entries = move || {
        let now = value.get();
        let mut all: Vec<usize> =
            std::iter::successors(Some(1_usize), |x| x.checked_mul(2)).take_while(|x| *x <= most).collect();
        if !all.contains(&now) {
            all.push(now);
            all.sort_unstable();
        }
        all.into_iter()
            .map(|x| view! { <option value=x.to_string() selected=x == now>{x.to_string()}</option> })
            .collect_view()
    };
    let change = move |event: Event| {
        if let Ok(number) = event_target_value(&event).parse::<usize>() {
            on_change.run(number);
        }
    };
    view! {
        <span class="sweep__number">
            <label for=id.clone()>{label}</label>
            <select id=id prop:value=move || value.get().to_string() on:change=handler(change)>{entries}</select>
        </span>
    }
}

/// The lines.
#[component]
fn Ways(desk: Desk) -> impl IntoView {
    let added = Signal::memo(move || {
        desk.ways.with(|ways| ways.iter().copied().filter(|way| !Way::COMMON.contains(way)).collect::<Vec<Way>>())
    });
    let one = move |way: Way| {
        let on = Signal::memo(move || desk.ways.with(|ways| ways.contains(&way)));
        view! { <Switch label=words_of(way.name()) on=on on_change=Callback::new(move |on| desk.switch(way, on)) /> }
    };
    let masks: Vec<(&'static str, catalogue::Text)> =
        catalogue::masks().iter().map(|entry| (entry.id, entry.name)).collect();
    let estimators = catalogue::estimators().iter().map(|entry| (entry.id, entry.name)).collect();
    view! {
        <div class="sweep__ways" role="group" aria-label=t("Ways of computing", "计算方法")>
            {Way::COMMON.map(one).collect_view()}
            {move || added.get().into_iter().map(one).collect_view()}
        </div>
        <div class="sweep__numbers">
            <Add label=words("add a mask", "添加掩码") entries=masks on_add=Callback::new(move |id| desk.switch(Way::Mask(id), true)) />
            <Add label=words("add an estimator", "添加估计方法") entries=estimators on_add=Callback::new(move |id| desk.switch(Way::Estimator(id), true)) />
        </div>
    }
}

/// A list of which an entry becomes a line.
#[component]
fn Add(
    label: Signal<String>,
    entries: Vec<(&'static str, catalogue::Text)>,
    on_add: Callback<&'static str>,
) -> impl IntoView {
    let id = unique("sweep");
    let known: Vec<&'static str> = entries.iter().map(|(id, _)| *id).collect();
    // Back to nothing after each choice.
    let shown = RwSignal::new(0_u32);
    let change = move |event: Event| {
        let chosen = event_target_value(&event);
        if let Some(id) = known.iter().find(|id| **id == chosen) {
            on_add.run(id);
        }
        event_target::<web_sys::HtmlSelectElement>(&event).set_value("");
        shown.update(|n| *n += 1);
    };
    view! {
        <span class="sweep__number">
            <label for=id.clone()>{label}</label>
            <select id=id on:change=handler(change)>
                <option value="">"…"</option>
                {entries.into_iter().map(|(id, name)| view! { <option value=id>{tr(name)}</option> }).collect_view()}
            </select>
        </span>
    }
}

/// How far it is, in words and as a bar.
#[component]
fn Progress(desk: Desk) -> impl IntoView {
    let lab = lab();
    view! {
        <div class="sweep__progress">
            {move || if let Status::Running(share, left) = desk.status.get() {
                view! {
                    <span class="progress"><i style:transform=format!("scaleX({share:.3})")></i></span>
                    <span class="note">{running(lab, share, left)}</span>
                }
            } else {
                ().into_any()
            }}
        </div>
        // Only the end is said aloud: how far it is changes several times a second.
        <div role="status">
            {move || match desk.status.get() {
                Status::Idle | Status::Running(..) => ().into_any(),
                Status::Done => view! { <span class="note">{t("Done.", "完成。")}</span> },
                Status::Stopped => view! { <span class="note">{t("Stopped; what was measured stays.", "已停止，已测结果保留。")}</span> },
                Status::Failed(why) => view! { <span class="issue" role="alert">{why.get(lab.lang.get()).to_owned()}</span> },
            }}
        </div>
    }
}

fn running(lab: Lab, share: f64, left: Option<f64>) -> String {
    let done = fixed(100.0 * share, 0);
    // Seconds are as much as an estimate is worth.
    let seconds = left.map(|ms| fixed((ms / 1000.0).ceil(), 0));
    match (lab.lang.get(), seconds) {
        (Lang::En, Some(seconds)) => format!("{done} % done, about {seconds} s left"),
        (Lang::En, None) => "Warming up…".to_owned(),
        (Lang::Zh, Some(seconds)) => format!("已完成 {done}%，约剩 {seconds} 秒"),
        (Lang::Zh, None) => "正在预热…".to_owned(),
    }
}
