//! The gradients of both settings, of the sum of all outputs, and what lies between them.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::ask::{Both, Desk, Side, afresh};
use super::found::{Numbers, numbers};
use super::results::{error_words, refused};
use crate::analysis::pair::{Mismatch, Part};
use crate::app::compare::Picture;
use crate::app::gradients::{Answer, Question};
use crate::app::i18n::{self, t};
use crate::app::reactive::RwSignal;
use crate::app::runner;
use crate::app::state::lab;
use crate::app::view::{handler, view};
use crate::catalogue::Text;
use crate::engine::pool::{Cancel, Pool, RunError};
use crate::experiment::Message;

const PARTS: [(Part, &str); 3] = [(Part::Queries, "dQ"), (Part::Keys, "dK"), (Part::Values, "dV")];

/// Gradients of both, as they come.
#[derive(Clone)]
enum State {
    Idle,
    Running,
    Done(Both, Arc<[Answer; 2]>),
    Failed(Message),
}

/// A button, and what it gives.
#[component]
pub fn Gradients(
    /// Both settings.
    desk: Desk,
) -> impl IntoView {
    let lab = lab();
    let (state, both) = (RwSignal::new(State::Idle), desk.both());
    let running = StoredValue::new_local(Cancel::default());
    let pool = StoredValue::new_local(runner::pool().get_value());
    on_cleanup(move || running.with_value(Cancel::cancel));
    // They belong to the settings that they were computed of.
    afresh(both, move || {
        running.with_value(Cancel::cancel);
        state.set(State::Idle);
    });
    let start = move |_: web_sys::MouseEvent| {
        let Some(now) = both.get_untracked() else { return };
        running.with_value(Cancel::cancel);
        let cancel = Cancel::default();
        running.set_value(cancel.clone());
        state.set(State::Running);
        let pool = pool.get_value();
        spawn_local(async move {
            let mut answers = Vec::with_capacity(2);
            for (name, side) in [("A", &now.a), ("B", &now.b)] {
                match ask(side, &pool, cancel.clone()).await {
                    Ok(answer) => answers.push(answer),
                    // The settings have become others, or the card is closed.
                    Err(RunError::Cancelled) => return,
                    Err(error) => {
                        let Message { en, zh } = error.message();
                        let zh = if zh.is_empty() { zh } else { format!("{name}：{zh}") };
                        state.try_set(State::Failed(Message { en: format!("{name}: {en}"), zh }));
                        return;
                    }
                }
            }
            if let Ok(answers) = <[Answer; 2]>::try_from(answers) {
                state.try_set(State::Done(now, Arc::new(answers)));
            }
        });
    };
    view! {
        <h4>{t("Gradients", "梯度")}</h4>
        {move || match state.get() {
            State::Idle => view! {
                <button type="button" class="quiet-button" prop:disabled=move || both.with(Option::is_none) on:click=handler(start)>
                    {t("Compare gradients", "比较梯度")}
                </button>
            },
            State::Running => view! { <p class="note" aria-busy="true">{t("Computing…", "计算中…")}</p> },
            State::Failed(why) => view! {
                <p class="issue" role="alert">{move || why.get(lab.lang.get()).to_owned()}</p>
                <button type="button" class="quiet-button" on:click=handler(start)>{t("Try again", "重试")}</button>
            },
            State::Done(of, answers) => {
                // Captions are written once; and the head may be another since: the gradients of all are there.
                lab.lang.track();
                let head = both.with(|now| now.as_ref().map_or(of.head, |now| now.head));
                view! { <Apart both=Both { head, ..of } answers=answers /> }
            }
        }}
    }
}

async fn ask(side: &Side, pool: &Pool, cancel: Cancel) -> Result<Answer, RunError> {
    let backend = side.experiment.engine.backend;
    Question::over(side.problem.clone(), side.inputs.clone(), backend).ask(pool, cancel).await
}

/// The three of them.
#[component]
fn Apart(both: Both, answers: Arc<[Answer; 2]>) -> impl IntoView {
    let lab = lab();
    let lang = lab.lang.get_untracked();
    let [a, b] = answers.as_ref();
    let of = |(which, (part, name)): (usize, (Part, &'static str))| {
        let tensors = [&a.qkv, &b.qkv].map(|all| all.get(which).map(Vec::as_slice).unwrap_or_default());
        (name, numbers(part, both.head, [&both.a, &both.b], tensors))
    };
    let all: Vec<(&'static str, Result<Numbers, Vec<Mismatch>>)> = PARTS.into_iter().enumerate().map(of).collect();
    let facts = all.iter().map(|(name, found)| match found {
        Ok(found) => view! { <dt>{*name}</dt><dd>{error_words(lang, &found.all)}</dd> },
        Err(why) => {
            let what = Text { en: name, zh: name };
            view! { <dt>{*name}</dt><dd>{refused(lang, what, why)}</dd> }
        }
    });
    let facts = facts.collect_view();
    let who = format!("{} · {}", a.kernel, b.kernel);
    let pictures = all.into_iter().filter_map(|(name, found)| {
        let (map, scale) = found.ok()?.map;
        let label = format!("{name}{} B − A", i18n::now(lang, ":", "："));
        Some(view! { <Picture map=map scale=scale label=label /> })
    });
    view! {
        <dl class="facts">{facts}</dl>
        <div class="compare__maps">{pictures.collect_view()}</div>
        <p class="note">
            {t("Of the sum of all outputs, in the head that is shown; a row for each token. Computed by ", "对所有输出之和求导，当前头；每行一个词元。计算核：")}
            <code>{who}</code>
        </p>
    }
}
