//! The choice of an estimator, its parameters, and what comes of it.

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::ask::{Answer, Question};
use super::growth::Growth;
use super::pictures::{Bill, Errors, Outputs, percent};
use super::ring::RingSteps;
use crate::app::controls::{Choices, IssueLine, Item, Look, Slider, Span, Switch, words, words_of};
use crate::app::i18n::{t, tr};
use crate::app::inputs::follow;
use crate::app::reactive::{RwSignal, Signal, effect};
use crate::app::rules::Cited;
use crate::app::runner;
use crate::app::state::{Lab, lab};
use crate::app::view::{handler, view};
use crate::attention::estimators::Method;
use crate::catalogue::{self, EstimatorEntry, Family, Param};
use crate::engine::pool::{Cancel, RunError};
use crate::experiment::{Backend, Choice, Message};
use crate::formula::Ty;

/// What the card shows where nothing is chosen yet.
const FIRST: &str = "performer";

/// The card.
#[component]
pub fn Body(
    /// Whether it is open.
    opened: RwSignal<bool>,
) -> impl IntoView {
    let lab = lab();
    if lab.experiment.with_untracked(|e| e.estimator.id == "none") {
        choose(lab, FIRST);
    }
    let (answer, fault, busy) = (RwSignal::new(None), RwSignal::new(None), RwSignal::new(false));
    compute(lab, answer, fault, busy);
    let id = Signal::memo(move || lab.experiment.with(|e| e.estimator.id.clone()));
    let close = move |_| {
        opened.set(false);
        choose(lab, "none");
    };
    view! {
        <section class="estimate" aria-busy=move || busy.get().to_string()>
            <h3 class="card__head">
                {t("Estimators and baselines", "估计方法与基线")}
                <button type="button" class="quiet-button" on:click=handler(close)>{t("Close", "关闭")}</button>
            </h3>
            <div class="engine" style:grid-template-columns="1fr"><label>
                {t("in attention's place", "代替注意力的方法")}
                <select prop:value=move || id.get() on:change=handler(move |event| choose(lab, &event_target_value(&event)))>
                    <option value="none">{t("none", "无")}</option>
                    {Family::ALL.map(|family| view! {
                        <optgroup label=tr(family.name())>
                            {catalogue::estimators().iter().filter(|entry| entry.family == family).map(|entry| view! {
                                <option value=entry.id selected=move || id.get() == entry.id>{tr(entry.name)}</option>
                            }).collect_view()}
                        </optgroup>
                    })}
                </select>
            </label></div>
            <IssueLine path="estimator.id" />
            {move || catalogue::estimator(&id.get()).map(|entry| view! { <Entry entry=entry /> })}
            {move || fault.get().map(|why: Message| view! { <p class="issue" role="alert">{move || why.get(lab.lang.get()).to_owned()}</p> })}
            {move || answer.get().map(|answer| view! { <Result answer=answer /> })}
        </section>
    }
}

fn choose(lab: Lab, id: &str) {
    lab.edit("estimator", |e| {
        e.estimator = Choice::of(id);
        follow(e);
    });
}

/// Asks whenever the experiment, the inputs or the pictures of the mask have changed; a newer question stops an older one.
fn compute(lab: Lab, answer: RwSignal<Option<Answer>>, fault: RwSignal<Option<Message>>, busy: RwSignal<bool>) {
    let pool = runner::pool();
    let running = StoredValue::new_local(Cancel::default());
    let question = Signal::memo(move || (Question::of(lab), lab.experiment.with(|e| e.engine.backend)));
    on_cleanup(move || running.with_value(Cancel::cancel));
    effect(move || {
        running.with_value(Cancel::cancel);
        let (asked, backend) = question.get();
        let question = match asked {
            Ok(Some(question)) => question,
            Ok(None) => {
                busy.set(false);
                answer.set(None);
                return fault.set(None);
            }
            Err(issues) => {
                busy.set(false);
                answer.set(None);
                return fault.set(Some(issues.message()));
            }
        };
        let cancel = Cancel::default();
        running.set_value(cancel.clone());
        let pool = pool.get_value();
        busy.set(true);
        spawn_local(async move {
            let done = question.ask(&pool, backend == Backend::Reference, cancel).await;
            match done {
                Ok(done) => {
                    fault.try_set(None);
                    answer.try_set(Some(done));
                }
                // A newer question has taken over, or the card is closed.
                Err(RunError::Cancelled) => return,
                Err(error) => fault.try_set(Some(error.message())),
            }
            busy.try_set(false);
        });
    });
}

/// What the entry is, and its parameters.
#[component]
fn Entry(entry: &'static EstimatorEntry) -> impl IntoView {
    view! {
        <p class="note about">
            {tr(entry.about)}
            {entry.paper.map(|paper| view! { " "<Cited paper=paper /> })}
        </p>
        <code class="formula-line">{entry.formula}</code>
        {entry.params.iter().map(|param| view! { <Row entry=entry param=param /> }).collect_view()}
        {entry.ours.map(|ours| view! { <p class="note">{tr(ours)}</p> })}
    }
}

/// One parameter.
#[component]
fn Row(entry: &'static EstimatorEntry, param: &'static Param) -> impl IntoView {
    let lab = lab();
    let value = Signal::memo(move || {
        lab.experiment.with(|e| e.estimator.params.get(param.name).copied().unwrap_or(param.default))
    });
    let set = move |value: f64| {
        lab.edit(&format!("estimator.params.{}", param.name), |e| {
            if value == param.default {
                e.estimator.params.remove(param.name);
            } else {
                e.estimator.params.insert(param.name.to_owned(), value);
            }
        });
    };
    let label = words_of(param.label);
    if let Some((_, names)) = entry.words.filter(|(name, _)| *name == param.name) {
        let items = names.iter().enumerate().map(|(i, name)| Item::new(i.to_string(), words_of(*name))).collect();
        let chosen = Signal::memo(move || (value.get() as usize).to_string());
        let pick = Callback::new(move |id: String| set(f64::from(id.parse::<u8>().unwrap_or_default())));
        return view! { <Choices label=label items=items chosen=chosen on_choose=pick look=Look::Segments show_label=true /> };
    }
    if param.ty == Ty::Bool {
        let on = Signal::derive(move || value.get() != 0.0);
        return view! { <Switch label=label on=on on_change=Callback::new(move |on| set(f64::from(u8::from(on)))) /> };
    }
    view! {
        <Slider
            label=label
            value=value
            span=Span::new(param.min, param.max, param.step).up_to(param.hard_max)
            path=format!("estimator.params.{}", param.name)
            on_change=Callback::new(set)
        />
    }
}

/// Numbers and pictures of the chosen head.
#[component]
fn Result(answer: Answer) -> impl IntoView {
    let lab = lab();
    let dims = answer.estimator.dims;
    let head = Signal::memo(move || lab.experiment.with(|e| e.view.head.min(dims.q_heads.saturating_sub(1))));
    let totals = answer.estimate.total.clone();
    let (least, most) =
        (totals.iter().copied().fold(f32::INFINITY, f32::min), totals.iter().copied().fold(0.0, f32::max));
    let ring = matches!(answer.estimator.method, Method::Ring { .. });
    let stateful = answer.estimator.state_shape().is_some();
    let answer = StoredValue::new(answer);
    let errors = Signal::memo(move || {
        let at = dims.row_start(0, head.get());
        answer.with_value(|answer| answer.estimate.error.get(at..at + dims.n_q).unwrap_or_default().to_vec())
    });
    let total = move || percent(totals.get(head.get()).copied().unwrap_or_default());
    view! {
        <p>
            <output class="figure" id="estimate-total">{total}</output>
            " "
            <small>{t("relative error of this head (Frobenius)", "本头的相对误差（Frobenius）")}</small>
        </p>
        {(dims.q_heads > 1).then(|| view! {
            <p class="note">{t("over all heads ", "所有头：")}{percent(least)}{t(" to ", " 至 ")}{percent(most)}</p>
        })}
        {answer.with_value(|answer| answer.notes.iter().map(|note| view! { <p class="note">{tr(*note)}</p> }).collect_view())}
        <Outputs answer=answer head=head />
        <Errors errors=errors />
        {ring.then(|| view! { <RingSteps answer=answer head=head /> })}
        {stateful.then(|| view! { <Growth answer=answer head=head /> })}
        <Bill answer=answer />
        <p class="note">{move || words("The exact answer is softmax attention in double precision over the same Q, K and V.", "精确结果是对相同的 Q、K、V 以双精度计算的 softmax 注意力。").get()}</p>
    }
}
