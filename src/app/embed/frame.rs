//! The frame's layout.

use std::rc::Rc;
use std::sync::Arc;

use leptos::html::Main;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

use super::ask::Asked;
use super::hand::WayOut;
use super::parts::{Control, Layout};
use super::turn::Turn;
use super::{messages, sight};
use crate::app::controls::Show;
use crate::app::element::NodeRef;
use crate::app::i18n::t;
use crate::app::inputs::Exactness;
use crate::app::map;
use crate::app::reactive::{RwSignal, effect};
use crate::app::rules::Thumb;
use crate::app::shell::{self, Logo, Notices, StatusView};
use crate::app::state::Lab;
use crate::app::view::{handler, view};
use crate::app::{runner, url};
use crate::catalogue;
use crate::engine::pool::Pool;
use crate::experiment::{Experiment, Opened};

/// The whole frame.
pub fn frame(asked: Asked, opened: Option<Opened>) -> impl IntoView {
    let lab = Lab::new(Experiment::default());
    provide_context(lab);
    shell::follow_theme(lab);
    url::start(lab, opened);
    shell::listen_to_keys(lab, RwSignal::new(false));
    shell::guard_drops(None);
    shell::remove();
    for (key, name) in &asked.unknown {
        url::say_unknown(lab, key, name);
    }

    let (seen, waiting, started) = (sight::follow(), RwSignal::new(false), RwSignal::new(false));
    let turn = Rc::new(Turn::default());
    let pool = Pool::asleep(turn.gate(waiting));
    turn.watch(pool.clone(), seen);
    runner::share(lab, &pool);
    messages::listen(lab, move || start(started));
    let (owner, lazy) = (Owner::current().unwrap_or_default(), asked.lazy);
    let pool = StoredValue::new_local(pool);
    effect(move || {
        if started.get() {
            owner.with(|| runner::follow(lab, pool.get_value()));
        } else if seen.get() && !lazy {
            started.set(true);
        }
    });

    let main = NodeRef::<Main>::new();
    follow_height(main);
    if asked.locked.contains(&Control::Mask) {
        provide_context(map::MaskLocked);
    }
    let layout = asked.layout;
    // The claims bring their own inputs.
    let named = layout != Layout::Claims;
    let asked = Arc::new(asked);
    view! {
        <main class="embed" node_ref=main data-view=layout.name()>
            <div class="embed__bar">
                <span class="embed__what">{named.then_some(move || shell::what(lab))}</span>
                <Show when=waiting><span class="top__status" role="status">{t("Waiting for another frame of this page", "正在等待本页中的另一个嵌入框")}</span></Show>
                <StatusView />
            </div>
            <Notices />
            {move || if started.get() { body(&asked) } else { poster(lab, started) }}
            <Foot />
        </main>
    }
}

fn start(started: RwSignal<bool>) {
    if !started.get_untracked() {
        started.set(true);
    }
}

/// Controls and the part shown.
fn body(asked: &Asked) -> AnyView {
    let control = |control: &Control| {
        let locked = asked.locked.contains(control);
        // A fieldset that is disabled disables every control in it, for the keyboard too.
        view! {
            <fieldset class="embed__control" disabled=locked>
                {locked.then(|| view! { <legend class="note">{t("set by the author", "由作者设定")}</legend> })}
                {control.view()}
            </fieldset>
        }
    };
    // The small maps of all heads lie under the large one, as on the page.
    let (below, beside): (Vec<&Control>, Vec<&Control>) = asked.controls.iter().partition(|c| **c == Control::Heads);
    let controls = beside.iter().map(|c| control(c)).collect_view();
    view! {
        <div class="embed__body" class:embed__body--controls=!beside.is_empty()>
            <div class="embed__shown">{asked.layout.view(&asked.claim)}{below.into_iter().map(control).collect_view()}</div>
            {(!beside.is_empty()).then(|| view! { <div class="embed__controls">{controls}</div> })}
        </div>
    }
}

/// What stands until the frame is wanted: the pattern of its mask, and the way in.
fn poster(lab: Lab, started: RwSignal<bool>) -> AnyView {
    let pattern = move || {
        let entry = lab.experiment.with(|e| catalogue::mask(&e.mask.id));
        entry.map(|entry| view! { <Thumb entry=entry /> })
    };
    view! {
        <button type="button" class="embed__poster" on:click=handler(move |_| start(started))>
            <span class="embed__pattern" aria-hidden="true">{pattern}</span>
            <b>{t("Compute it here", "在此计算")}</b>
            <span class="note">{move || shell::what(lab)}</span>
        </button>
    }
}

/// Whose it is, whether its numbers are exact, and the way to the full page, which opens with the frame's state as it is now.
#[component]
fn Foot() -> impl IntoView {
    view! {
        <footer class="embed__foot">
            <Logo />
            <span>"Attention Playground"</span>
            <Exactness />
            <WayOut />
        </footer>
    }
}

/// Tells the page around whenever the content has another height. The layout's height never depends on the frame's own.
fn follow_height(main: NodeRef<Main>) {
    effect(move || {
        let Some(element) = main.get() else { return };
        let watched: web_sys::Element = element.into();
        let of = watched.clone();
        let on_resize = Closure::<dyn Fn()>::new(move || messages::tell_height(of.get_bounding_client_rect().height()));
        if let Ok(observer) = web_sys::ResizeObserver::new(on_resize.as_ref().unchecked_ref()) {
            observer.observe(&watched);
        }
        // The observer lives as long as the document.
        on_resize.forget();
    });
}
