//! A state as it grows: its norm after every key, and the state itself after some of them.

use leptos::prelude::*;

use super::ask::Answer;
use super::pictures::{Heat, picture};
use crate::analysis::plot::{Axis, Chart, Mark};
use crate::app::chart::Plot;
use crate::app::i18n::{self, t};
use crate::app::map::Scale;
use crate::app::player::Player;
use crate::app::reactive::{RwSignal, Signal};
use crate::app::state::lab;
use crate::app::view::view;

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
    let chart = Signal::memo(move || {
        let word = |en, zh| i18n::now(lab.lang.get(), en, zh);
        let tokens = lab.loaded.with(|l| l.as_ref().map(|l| l.tokens_k.clone())).unwrap_or_default();
        let x = Axis::named(word("key", "键"), tokens);
        let y = Axis::linear("‖S‖", "");
        let values: Vec<f64> = norms.with(|norms| norms.iter().copied().map(f64::from).collect());
        let chart = Chart::of_row(word("Norm of the state after each key", "每个键之后状态的范数"), x, y, &values);
        Chart { marks: vec![Mark::upright(key() as f64, word("shown below", "如下图"))], ..chart }
    });
    let norm = move || norms.with(|norms| norms.get(key()).map(|norm| format!("‖S‖ = {norm:.3}")));
    view! {
        <h4>{t("The state as it grows", "状态的增长")} <small>{norm}</small></h4>
        <Plot chart=chart file="state-norm" height=140.0 />
        <Player at=at count=Signal::stored(count) label=label />
        <Heat map=map label=label />
    }
}
