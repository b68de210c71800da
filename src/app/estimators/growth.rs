//! A state as it grows: its norm after every key, and the state itself after some of them.

use leptos::prelude::*;

use super::ask::Answer;
use super::pictures::{Heat, bars, picture, pooled};
use super::player::Player;
use crate::app::i18n::{self, t};
use crate::app::map::Scale;
use crate::app::reactive::{RwSignal, Signal};
use crate::app::state::lab;
use crate::app::view::view;

/// Most bars of norms.
const BARS: usize = 128;

/// Norm and picture of the state, with steps.
#[component]
pub fn Growth(answer: StoredValue<Answer>, head: Signal<usize>) -> impl IntoView {
    let lab = lab();
    let (frames, [rows, columns], n_k) = answer.with_value(|answer| {
        let estimator = answer.estimator;
        (estimator.frames(), estimator.state_shape().unwrap_or_default(), estimator.dims.n_k)
    });
    let count = frames.len();
    let at = RwSignal::new(count.saturating_sub(1));
    let frames = StoredValue::new(frames);
    let key = move || frames.with_value(|frames| frames.get(at.get()).copied().unwrap_or_default());
    let map = Signal::memo(move || {
        answer.with_value(|answer| {
            let (size, states) = (rows * columns, &answer.estimate.states);
            let own = states.get(head.get() * count * size..).unwrap_or_default();
            let own = &own[..own.len().min(count * size)];
            let shown = own.get(at.get() * size..(at.get() + 1) * size).unwrap_or_default();
            // One scale for all steps, so that growth can be seen.
            (picture(shown, columns), Scale::of(&picture(own, columns)))
        })
    });
    let norms = Signal::memo(move || {
        answer.with_value(|answer| {
            answer.estimate.trace.get(head.get() * n_k..(head.get() + 1) * n_k).unwrap_or_default().to_vec()
        })
    });
    let label = Signal::derive(move || {
        let token = lab.loaded.with(|l| l.as_ref().and_then(|l| l.tokens_k.get(key()).cloned())).unwrap_or_default();
        let after = i18n::now(lab.lang.get(), "state after key", "状态，在此键之后：");
        format!("{after} {} {token} · {rows} × {columns}", key() + 1)
    });
    let norm = move || norms.with(|norms| norms.get(key()).map(|norm| format!("‖S‖ = {norm:.3}")));
    view! {
        <h4>{t("The state as it grows", "状态的增长")} <small>{norm}</small></h4>
        {move || {
            let shown = norms.with(|norms| pooled(norms, BARS));
            let top = shown.iter().copied().filter(|x| x.is_finite()).fold(f32::MIN_POSITIVE, f32::max);
            let bars_count = shown.len();
            let mark = move || (key() * bars_count / n_k.max(1)).to_string();
            view! {
                <figure class="runs"><svg viewBox=format!("0 0 {bars_count} 1") preserveAspectRatio="none" role="img" aria-label=t("Norm of the state after each key", "每个键之后状态的范数")>
                    <rect class="runs__paint" x=mark y="0" width="1" height="1" />
                    <path class="runs__kernel" d=bars(&shown, top) />
                </svg></figure>
            }
        }}
        <Player at=at count=count label=label />
        <Heat map=map label=label />
    }
}
