//! The sheet in which one chooses what of a file is Q, K and V: which arrays, what their axes are, and which heads and tokens.
//!
//! | file | what it holds |
//! |---|---|
//! | `desk` | what is chosen, and what is known of it |
//! | `tensor` | one of Q, K and V: array, axes, picture, first numbers |
//! | `range` | sequence, heads and tokens that are taken |

mod desk;
mod range;
mod tensor;

use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use self::desk::Desk;
use self::range::Ranges;
use self::tensor::Tensor;
use super::drop::{Opened, said};
use crate::app::controls::modal;
use crate::app::i18n::t;
use crate::app::reactive::{RwSignal, Signal};
use crate::app::state::lab;
use crate::app::view::{handler, view};
use crate::catalogue::Lang;
use crate::experiment::{Input, limits};
use crate::interchange::Words;
use crate::interchange::select::Field;

/// Opens a file's arrays for choosing; where none can be used, that is said where the file was dropped.
#[component]
pub fn Chooser(
    /// The file.
    file: Opened,
    /// Takes what was chosen.
    on_use: Callback<Input>,
) -> impl IntoView {
    let (problem, name) = (file.problem, file.file.clone());
    let notes = file.bundle.notes.clone();
    // What it reads of its own signals is not what this view follows.
    match untrack(|| Desk::new(file)) {
        Ok(desk) => view! { <Sheet desk=desk name=name notes=notes on_use=on_use /> },
        Err(words) => {
            problem.set(Some(Words { en: format!("{name}: {}", words.en), zh: format!("{name}：{}", words.zh) }));
            ().into_any()
        }
    }
}

/// The sheet.
#[component]
fn Sheet(
    /// What is chosen.
    desk: Desk,
    /// The file's name.
    name: String,
    /// What was left out of it.
    notes: Vec<Words>,
    /// Takes what was chosen.
    on_use: Callback<Input>,
) -> impl IntoView {
    let lab = lab();
    let (dialog, close) = modal();
    let faults = Signal::memo(move || desk.faults());
    let failed = RwSignal::new(None::<Words>);
    let taking = RwSignal::new(false);
    let blocked =
        move || !faults.with(Vec::is_empty) || desk.busy.get() || taking.get() || desk.damage.with(Option::is_some);
    let take = move |_| {
        taking.set(true);
        spawn_local(async move {
            let input = desk.input().await;
            taking.try_set(false);
            match input {
                Ok(input) => {
                    close();
                    on_use.run(input);
                }
                Err(words) => failed.try_set(Some(words)),
            }
        });
    };
    let refused = desk.refused.get_value();
    let notes = (!notes.is_empty()).then(|| {
        view! { <p class="note">{move || notes.iter().map(|words| said(lab.lang.get(), words)).collect::<Vec<_>>().join(" ")}</p> }
    });
    let list = (!refused.is_empty()).then(|| {
        view! {
            <details class="more">
                <summary>{t("Arrays that can't be used", "无法使用的数组")}</summary>
                <ul class="choose__refused">
                    {refused.iter().take(64).cloned().map(|(name, why)| view! { <li><bdi>{name}</bdi>": "{move || said(lab.lang.get(), &why)}</li> }).collect_view()}
                </ul>
            </details>
        }
    });
    view! {
        <dialog node_ref=dialog class="choose" aria-labelledby="choose-title">
            <h2 id="choose-title">{t("What is Q, K and V in ", "选择 Q、K、V：")}<bdi>{name}</bdi></h2>
            {notes}
            <div class="choose__tensors">
                <Tensor desk=desk which=0 faults=faults />
                <Tensor desk=desk which=1 faults=faults />
                <Tensor desk=desk which=2 faults=faults />
            </div>
            <Ranges desk=desk faults=faults />
            {list}
            <p class="note" role="status">{move || if desk.busy.get() { t("Reading the arrays…", "正在读取数组…")().to_owned() } else { summary(lab.lang.get(), desk) }}</p>
            <div class="issue" role="alert" hidden=move || failed.with(Option::is_none) && desk.damage.with(Option::is_none)>
                <p>{move || desk.damage.get().or_else(|| failed.get()).map(|words| said(lab.lang.get(), &words))}</p>
            </div>
            <div class="dialog__foot">
                <button type="button" on:click=handler(move |_| close())>{t("Cancel", "取消")}</button>
                <button type="button" class="primary" disabled=blocked on:click=handler(take)>{t("Use these", "使用")}</button>
            </div>
        </dialog>
    }
}

/// What will come in.
fn summary(lang: Lang, desk: Desk) -> String {
    let [Ok(q), Ok(k), Ok(v)] = desk.extents() else { return String::new() };
    let slice = desk.slice.get();
    let group = q.heads.checked_div(k.heads).unwrap_or(1).max(1);
    let span = |[from, to]: [usize; 2]| to.saturating_sub(from);
    let (kv_heads, n_q, n_k) = (span(slice.heads), span(slice.queries), span(slice.keys));
    let (heads, d, d_v) = (kv_heads.saturating_mul(group), q.size, v.size);
    let of = |heads: usize, n: usize, d: usize| heads.saturating_mul(n).saturating_mul(d);
    let count = of(heads, n_q, d).saturating_add(of(kv_heads, n_k, d)).saturating_add(of(kv_heads, n_k, d_v));
    let unlinked = match lang {
        _ if count <= limits::LINK => "",
        Lang::En => " These are more numbers than a link can hold: links will carry everything but them.",
        Lang::Zh => "数值多于链接所能容纳：链接将包含除此之外的一切。",
    };
    let comes = match lang {
        Lang::En => format!(
            "Comes in: Q {heads} × {n_q} × {d}, K {kv_heads} × {n_k} × {d}, V {kv_heads} × {n_k} × {d_v} (heads × tokens × size). Undo brings back what is there now."
        ),
        Lang::Zh => format!(
            "将导入：Q {heads} × {n_q} × {d}，K {kv_heads} × {n_k} × {d}，V {kv_heads} × {n_k} × {d_v}（头 × 词元 × 大小）。撤销可恢复当前输入。"
        ),
    };
    comes + unlinked
}

/// What is wrong at one control.
#[component]
fn Fault(
    /// Which control.
    field: Field,
    /// Everything that is wrong.
    faults: Signal<Vec<(Field, Words)>>,
) -> impl IntoView {
    let lab = lab();
    let here = Signal::derive(move || {
        faults.with(|all| {
            let lines = all.iter().filter(|(of, _)| *of == field).map(|(_, words)| said(lab.lang.get(), words));
            lines.collect::<Vec<_>>().join(" ")
        })
    });
    view! { <div class="issue" role="alert" hidden=move || here.with(String::is_empty)><p>{here}</p></div> }
}
