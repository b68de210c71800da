//! Views whose code is a piece of the program of its own: it is fetched when the view is first shown, and with the first of them the style sheet
//! that they share.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen_futures::JsFuture;
use wasm_split_helpers::SplitLoaderError;

use super::i18n::t;
use super::reactive::{RwSignal, Signal};
use super::state::lab;
use super::view::{handler, view};
use crate::engine::pool::meta;
use crate::experiment::{Laboratory, LaboratoryId};

thread_local! {
    /// Resolves when the sheet is there, or does not come: a view without its styles is better than none.
    static STYLES: js_sys::Promise = js_sys::Promise::new(&mut |done, _| {
        let link = || {
            let head = document().head()?;
            let link = document().create_element("link").ok()?;
            link.set_attribute("rel", "stylesheet").ok()?;
            for event in ["load", "error"] {
                link.add_event_listener_with_callback(event, &done).ok()?;
            }
            link.set_attribute("href", &meta("later")?).ok()?;
            head.append_child(&link).ok()
        };
        if link().is_none() {
            let _ = done.call0(&wasm_bindgen::JsValue::UNDEFINED);
        }
    });
}

/// Resolves when the styles of what is fetched later are there, or do not come.
pub async fn styles() {
    let styles = STYLES.with(Clone::clone);
    let _ = JsFuture::from(styles).await;
}

/// A part of the program on its way.
pub type Fetch<T> = Pin<Box<dyn Future<Output = Result<T, SplitLoaderError>>>>;

/// What `show` makes of a part of the program (a function of it, as a rule) once it is there; until then a word that it is coming, and a way to
/// try again where it does not come.
pub fn piece<T: Copy + Send + Sync + 'static>(
    fetch: fn() -> Fetch<T>,
    show: impl Fn(T) -> AnyView + Send + Sync + 'static,
) -> AnyView {
    let show = Arc::new(show);
    shell(Arc::new(move || {
        let (part, show) = (fetch(), show.clone());
        Box::pin(async move {
            let part = part.await.ok()?;
            Some(Arc::new(move || show(part)) as Show)
        })
    }))
}

/// What draws a view in the place of its button; what it is told is whether it is open.
pub type Draw = fn(RwSignal<bool>) -> AnyView;

/// A button, or what it opens: a part of the program that is fetched when it is pressed, or when something else says that it is `shown`.
pub fn behind_button(
    (en, zh): (&'static str, &'static str),
    opened: RwSignal<bool>,
    shown: Signal<bool>,
    fetch: fn() -> Fetch<Draw>,
) -> AnyView {
    view! {
        {move || {
            if shown.get() {
                piece(fetch, move |draw| draw(opened))
            } else {
                view! { <button type="button" class="quiet-button" on:click=handler(move |_| opened.set(true))>{t(en, zh)}</button> }
            }
        }}
    }
}

/// What draws a sheet.
pub type Sheet = fn() -> AnyView;

/// A button that opens a sheet, whose code comes with the first press. Each press is a new sheet.
pub fn opener((en, zh): (&'static str, &'static str), sheet: fn() -> Fetch<Sheet>) -> AnyView {
    let opened = RwSignal::new(0_u32);
    view! {
        <button type="button" class="quiet-button compare__open" on:click=handler(move |_| opened.update(|n| *n += 1))>
            {t(en, zh)}
        </button>
        {move || (opened.get() > 0).then(|| piece(sheet, |sheet| sheet()))}
    }
}

/// A button that opens a laboratory, whose code comes with the first press or with a link that names it; closed, it is gone.
pub fn laboratory(
    (en, zh): (&'static str, &'static str),
    id: LaboratoryId,
    class: &'static str,
    sheet: fn() -> Fetch<Sheet>,
) -> AnyView {
    let lab = lab();
    let opened = Signal::memo(move || lab.laboratory.with(|open| open.as_ref().is_some_and(|open| open.id == id)));
    let open = move |_: web_sys::MouseEvent| lab.laboratory.set(Some(Arc::new(Laboratory::new(id))));
    view! {
        <button type="button" class=class on:click=handler(open)>{t(en, zh)}</button>
        {move || opened.get().then(|| piece(sheet, |sheet| sheet()))}
    }
}

/// Draws a part that is there.
type Show = Arc<dyn Fn() -> AnyView + Send + Sync>;
/// A part on its way, whatever it is; nothing if it does not come.
type Coming = Pin<Box<dyn Future<Output = Option<Show>>>>;

/// The body of [`piece`], once for all parts.
fn shell(fetch: Arc<dyn Fn() -> Coming + Send + Sync>) -> AnyView {
    let arrived = RwSignal::new(None::<Option<Arrived>>);
    let start = Arc::new(move || {
        let part = fetch();
        spawn_local(async move {
            // Both at once.
            STYLES.with(|_| ());
            let part = part.await;
            styles().await;
            arrived.try_set(Some(part.map(Arrived)));
        });
    });
    start();
    view! {
        {move || match arrived.get() {
            None => view! { <p class="note" aria-busy="true">{t("One moment…", "请稍候…")}</p> },
            Some(Some(Arrived(show))) => show(),
            Some(None) => {
                let start = start.clone();
                let again = move |_| {
                    arrived.set(None);
                    start();
                };
                view! {
                    <div class="issue" role="alert">
                        <p>{t("This part of the page did not arrive.", "页面的这一部分未能加载。")}</p>
                        <button type="button" on:click=handler(again)>{t("Try again", "重试")}</button>
                    </div>
                }
            }
        }}
    }
}

/// A part that is there. No two are the same.
#[derive(Clone)]
struct Arrived(Show);

impl PartialEq for Arrived {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
