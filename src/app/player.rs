//! Steps, one at a time or one after the other. Nothing moves before it is asked to.

use std::time::Duration;

use leptos::prelude::*;

use super::controls::typed;
use super::i18n::t;
use super::reactive::{RwSignal, Signal};
use super::view::{handler, view};

/// Milliseconds between two steps at the usual speed.
const PACE: f64 = 450.0;
/// Speeds on offer: how many times the usual, and their names.
const SPEEDS: [(&str, f64); 4] = [("½×", 0.5), ("1×", 1.0), ("2×", 2.0), ("4×", 4.0)];

/// Buttons for a step back and forward and to play and pause, the speed, and a slider, whose arrow keys step too. Where the system asks for less motion
/// nothing plays by itself: the button makes a single step.
#[component]
pub fn Player(
    /// The step that is shown, from 0.
    at: RwSignal<usize>,
    /// How many there are.
    count: Signal<usize>,
    /// What a step is.
    label: Signal<String>,
    /// What happens in the step, said aloud and written below; while it plays it is only written.
    #[prop(optional)]
    story: Option<Signal<String>>,
) -> impl IntoView {
    let last = move || count.get_untracked().saturating_sub(1);
    let ticking = StoredValue::new(None::<IntervalHandle>);
    let playing = RwSignal::new(false);
    let speed = RwSignal::new(1.0_f64);
    let stop = move || {
        ticking.try_update_value(|handle| handle.take().into_iter().for_each(|handle| handle.clear()));
        playing.try_set(false);
    };
    on_cleanup(stop);
    let step = move || {
        let next = at.get_untracked() + 1;
        at.set(next.min(last()));
        if next >= last() {
            stop();
        }
    };
    let play = move || {
        stop();
        // Without a timer the slider still shows every step.
        if let Ok(handle) = set_interval_with_handle(step, Duration::from_millis((PACE / speed.get_untracked()) as u64))
        {
            ticking.set_value(Some(handle));
            playing.set(true);
        }
    };
    let press = move |_| {
        if playing.get_untracked() {
            return stop();
        }
        if at.get_untracked() >= last() {
            at.set(0);
            if calm() {
                return;
            }
        }
        if calm() { step() } else { play() }
    };
    let by = move |forward: bool| {
        stop();
        let now = at.get_untracked();
        at.set(if forward { (now + 1).min(last()) } else { now.saturating_sub(1) });
    };
    let drag = move |event: web_sys::Event| {
        stop();
        if let Some(step) = typed(&event_target_value(&event)) {
            at.set((step as usize).min(last()));
        }
    };
    let choose = move |event: web_sys::Event| {
        let chosen = event_target_value(&event);
        if let Some((_, times)) = SPEEDS.iter().find(|(name, _)| *name == chosen) {
            speed.set(*times);
            if playing.get_untracked() {
                play();
            }
        }
    };
    let (first, ended) = (move || at.get() == 0, move || at.get() + 1 >= count.get());
    let (start, pause, next) = (t("Play", "播放"), t("Pause", "暂停"), t("Next step", "下一步"));
    view! {
        <div class="player" role="group" aria-label=t("Steps", "步骤")>
            <span class="player__buttons">
                <button type="button" class="quiet-button" aria-label=t("Step back", "后退一步") prop:disabled=first on:click=handler(move |_: web_sys::MouseEvent| by(false))>"‹"</button>
                <button type="button" class="quiet-button" on:click=handler(press)>
                    {move || if playing.get() { pause() } else if calm() { next() } else { start() }}
                </button>
                <button type="button" class="quiet-button" aria-label=t("Step forward", "前进一步") prop:disabled=ended on:click=handler(move |_: web_sys::MouseEvent| by(true))>"›"</button>
                <select aria-label=t("Speed", "速度") on:change=handler(choose)>
                    {SPEEDS.map(|(name, times)| view! { <option value=name selected=times == 1.0>{name}</option> }).collect_view()}
                </select>
            </span>
            <input type="range" min="0" max=move || count.get().saturating_sub(1).to_string() step="1" aria-label=label aria-valuetext=label prop:value=move || at.get().to_string() on:input=handler(drag) />
            <output>{move || format!("{} / {}", at.get() + 1, count.get())}</output>
        </div>
        {story.map(|story| view! { <p class="note player__story" aria-live=move || if playing.get() { "off" } else { "polite" }>{move || story.get()}</p> })}
    }
}

/// Whether the system asks for less motion.
fn calm() -> bool {
    let query = window().match_media("(prefers-reduced-motion: reduce)").ok().flatten();
    query.is_some_and(|query| query.matches())
}
