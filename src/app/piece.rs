//! Views whose code is a piece of the program of its own: it is fetched when the view is first shown.

use std::future::Future;
use std::pin::Pin;

use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_split_helpers::SplitLoaderError;

use super::i18n::t;
use super::reactive::RwSignal;
use super::view::{handler, view};

/// A part of the program on its way.
pub type Fetch<T> = Pin<Box<dyn Future<Output = Result<T, SplitLoaderError>>>>;

/// What `show` makes of a part of the program (a function of it, as a rule) once it is there; until then a word that it is coming, and a way to
/// try again where it does not come.
pub fn piece<T: Copy + Send + Sync + 'static>(
    fetch: fn() -> Fetch<T>,
    show: impl Fn(T) -> AnyView + Send + Sync + 'static,
) -> AnyView {
    let arrived = RwSignal::new(None::<Result<T, ()>>);
    let start = move || spawn_local(async move { arrived.try_set(Some(fetch().await.map_err(drop))) });
    start();
    let again = move |_| {
        arrived.set(None);
        start();
    };
    view! {
        {move || match arrived.get() {
            None => view! { <p class="note" aria-busy="true">{t("One moment…", "请稍候…")}</p> },
            Some(Ok(part)) => show(part),
            Some(Err(())) => view! {
                <div class="issue" role="alert">
                    <p>{t("This part of the page did not arrive.", "页面的这一部分未能加载。")}</p>
                    <button type="button" on:click=handler(again)>{t("Try again", "重试")}</button>
                </div>
            },
        }}
    }
}
