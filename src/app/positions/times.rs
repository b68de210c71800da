//! Tokens on an axis of time. Each can be dragged, or moved with the arrow keys; what they are moved to is the experiment's own table `time`, so that the
//! page computes with it and one step of undo takes a drag back. Below each stands what the chosen query's score gains or loses there.

use leptos::html::Div;
use leptos::prelude::*;
use web_sys::{HtmlElement, KeyboardEvent, PointerEvent};

use super::desk::Desk;
use super::detail::Shown;
use crate::analysis::plot::read;
use crate::app::controls::{Show, number, percent};
use crate::app::element::NodeRef;
use crate::app::i18n::{self, t};
use crate::app::reactive::{RwSignal, Signal};
use crate::app::rules::formulas;
use crate::app::view::{handler, view};
use crate::attention::values::plain;
use crate::catalogue::{self, Lang};

/// The table.
const TIME: &str = "time";
/// Most tokens that are shown as handles.
const HANDLES: usize = 64;
/// Decimals that a dragged time keeps: a hundredth is finer than a pixel shows.
const FINEST: f64 = 100.0;

/// The axis of time.
#[component]
pub fn Times(desk: Desk, close: Shown) -> impl IntoView {
    let lab = desk.lab;
    let times = Signal::memo(move || times(desk));
    let changed = Signal::memo(move || lab.experiment.with(|e| e.data.contains_key(TIME)));
    // While a token is dragged the axis stays as it was, or the token would run from the pointer.
    let dragged = RwSignal::new(None::<(usize, f64)>);
    let end = Signal::memo(move || {
        let last = times.with(|all| all.iter().copied().fold(0.0, f64::max));
        dragged.get().map_or(last.max(1.0) * 1.1, |(_, end)| end)
    });
    let field = NodeRef::<Div>::new();
    let drag = move |event: PointerEvent| {
        let (Some((token, end)), Some(field)) = (dragged.get_untracked(), field.get_untracked()) else { return };
        let bounds = field.get_bounding_client_rect();
        let share = (f64::from(event.client_x()) - bounds.left()) / bounds.width().max(1.0);
        set(desk, token, share.clamp(0.0, 1.0) * end);
    };
    let query = Signal::memo(move || lab.experiment.with(|e| e.view.query));
    // Of the query's row, what each key's score changes by.
    let row = Signal::memo(move || {
        let Some(Ok(close)) = close.get() else { return Vec::new() };
        let request = &close.square.request;
        let whole = request.width == request.k.len() && request.height == request.q.len();
        let from = query.get().min(request.height.saturating_sub(1)) * request.width;
        if whole { close.square.values.iter().skip(from).take(request.width).copied().collect() } else { Vec::new() }
    });
    let deepest = Signal::memo(move || row.with(|row| row.iter().fold(0.0_f32, |top, x| top.max(x.abs()))));
    let count = Signal::memo(move || times.with(Vec::len).min(HANDLES));
    view! {
        <div class="postimes">
            <p class="postimes__head">
                <b>{t("Time of each token", "每个词元的时间")}</b>
                <Show when=changed>
                    <button type="button" class="quiet-button" on:click=handler(move |_: web_sys::MouseEvent| lab.edit("data.time", |e| { e.data.remove(TIME); }))>
                        {t("Reset", "恢复")}
                    </button>
                </Show>
            </p>
            <p class="note">{t(
                "Drag a token, or focus it and use the arrow keys (Shift for ten). Bars: what the selected query's score changes by, at each key.",
                "拖动词元，或聚焦后用方向键移动（按住 Shift 每次十个单位）。柱：所选查询对各键的分数变化。",
            )}</p>
            <div
                class="postimes__field"
                node_ref=field
                on:pointermove=handler(drag)
                on:pointerup=handler(move |_: PointerEvent| dragged.set(None))
                on:pointercancel=handler(move |_: PointerEvent| dragged.set(None))
            >
                {move || (0..count.get()).map(|token| {
                    let at = Signal::memo(move || times.with(|all| all.get(token).copied().unwrap_or(0.0)));
                    let bias = Signal::memo(move || row.with(|row| row.get(token).copied().unwrap_or(0.0)));
                    let left = move || percent(at.get() / end.get());
                    let share = move || f64::from(bias.get().abs()) / f64::from(deepest.get().max(f32::MIN_POSITIVE));
                    view! {
                        <i class="postimes__bar" class:postimes__bar--up=move || { bias.get() > 0.0 } style:left=left style:height=move || format!("calc((100% - 3.75rem) * {:.4})", share()) title=move || read(f64::from(bias.get()))></i>
                        <button
                            type="button"
                            class="postimes__token"
                            class:postimes__token--query=move || query.get() == token
                            // Neighbours that stand together are told apart by height.
                            class:postimes__token--low={token % 2 == 1}
                            role="slider"
                            aria-label=move || name(desk, token)
                            aria-valuemin="0"
                            aria-valuemax=move || number(end.get())
                            aria-valuenow=move || number(at.get())
                            aria-valuetext=move || format!("{}, {} {}", number(at.get()), i18n::now(lab.lang.get(), "changes the score by", "分数变化"), read(f64::from(bias.get())))
                            title=move || name(desk, token)
                            style:left=left
                            on:pointerdown=handler(move |event: PointerEvent| {
                                dragged.set(Some((token, end.get_untracked())));
                                // Without capture a drag ends at the edge, no more.
                                let handle = event_target::<HtmlElement>(&event);
                                let _ = handle.set_pointer_capture(event.pointer_id());
                            })
                            on:keydown=handler(move |event: KeyboardEvent| key(desk, token, at.get_untracked(), &event))
                        >
                            {move || name(desk, token)}
                        </button>
                    }
                }).collect_view()}
            </div>
            <p class="postimes__axis note" aria-hidden="true"><span>"0"</span><span>{move || number(end.get().round())}</span></p>
            {move || times.with(|all| (all.len() > HANDLES).then_some(all.len())).map(|n| view! {
                <p class="note">{move || match lab.lang.get() {
                    Lang::En => format!("The first {HANDLES} of {n} tokens; the position card has all of them as text."),
                    Lang::Zh => format!("共 {n} 个词元，此处为前 {HANDLES} 个；位置卡片中有全部数值。"),
                }}</p>
            })}
        </div>
    }
}

/// The times that the experiment computes with.
fn times(desk: Desk) -> Vec<f64> {
    let Some(dims) = desk.lab.loaded.with(|l| l.as_ref().map(|l| l.dims)) else { return Vec::new() };
    let Some(table) = catalogue::editable_table(TIME) else { return Vec::new() };
    desk.lab
        .experiment
        .with(|e| plain(&formulas::table(table, &dims, &crate::formula::Sorted::new(), e.seed, &e.data).values))
}

/// Moves a token.
fn set(desk: Desk, token: usize, to: f64) {
    let mut all = leptos::prelude::untrack(|| times(desk));
    let to = (to.max(0.0) * FINEST).round() / FINEST;
    if all.get(token).is_some_and(|now| *now != to) {
        all[token] = to;
        desk.lab.edit("data.time", |e| {
            e.data.insert(TIME.to_owned(), all);
        });
    }
}

fn key(desk: Desk, token: usize, now: f64, event: &KeyboardEvent) {
    let step = if event.shift_key() { 10.0 } else { 1.0 };
    let to = match event.key().as_str() {
        "ArrowLeft" | "ArrowDown" => now - step,
        "ArrowRight" | "ArrowUp" => now + step,
        "PageDown" => now - 10.0,
        "PageUp" => now + 10.0,
        "Home" => 0.0,
        _ => return,
    };
    event.prevent_default();
    event.stop_propagation();
    set(desk, token, to);
}

/// What a token is called.
fn name(desk: Desk, token: usize) -> String {
    let named = desk.lab.loaded.with(|l| l.as_ref().and_then(|l| l.tokens_k.get(token).cloned()));
    named.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| token.to_string())
}
