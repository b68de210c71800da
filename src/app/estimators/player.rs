//! Steps, one at a time or one after the other. Nothing moves before it is asked to.

use std::time::Duration;

use leptos::prelude::*;

use crate::app::controls::typed;
use crate::app::i18n::t;
use crate::app::reactive::{RwSignal, Signal};
use crate::app::view::{handler, view};

/// Between two steps.
const PACE: Duration = Duration::from_millis(450);

/// A button that plays and pauses, and a slider. Where the system asks for less motion the button makes a single step.
#[component]
pub fn Player(
    /// The step that is shown, from 0.
    at: RwSignal<usize>,
    /// How many there are.
    count: usize,
    /// What a step is.
    label: Signal<String>,
) -> impl IntoView {
    let last = count.saturating_sub(1);
    let ticking = StoredValue::new(None::<IntervalHandle>);
    let playing = RwSignal::new(false);
    let stop = move || {
        ticking.update_value(|handle| handle.take().into_iter().for_each(|handle| handle.clear()));
        playing.try_set(false);
    };
    on_cleanup(stop);
    let step = move || {
        let next = at.get_untracked() + 1;
        at.set(next.min(last));
        if next >= last {
            stop();
        }
    };
    let press = move |_| {
        if playing.get_untracked() {
            return stop();
        }
        if at.get_untracked() >= last {
            at.set(0);
            if calm() {
                return;
            }
        }
        if calm() {
            return step();
        }
        // Without a timer the slider still shows every step.
        if let Ok(handle) = set_interval_with_handle(step, PACE) {
            ticking.set_value(Some(handle));
            playing.set(true);
        }
    };
    let drag = move |event: web_sys::Event| {
        stop();
        if let Some(step) = typed(&event_target_value(&event)) {
            at.set((step as usize).min(last));
        }
    };
    let (play, pause, next) = (t("Play", "播放"), t("Pause", "暂停"), t("Next step", "下一步"));
    view! {
        <div class="player">
            <button type="button" class="quiet-button" on:click=handler(press)>
                {move || if playing.get() { pause() } else if calm() { next() } else { play() }}
            </button>
            <input type="range" min="0" max=last.to_string() step="1" aria-label=label prop:value=move || at.get().to_string() on:input=handler(drag) />
            <output>{move || format!("{} / {count}", at.get() + 1)}</output>
        </div>
    }
}

/// Whether the system asks for less motion.
fn calm() -> bool {
    let query = window().match_media("(prefers-reduced-motion: reduce)").ok().flatten();
    query.is_some_and(|query| query.matches())
}
