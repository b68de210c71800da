//! What laboratories keep in the address: which one is open, and what it is set to.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::export::copy;
use super::i18n::{self, t};
use super::reactive::{RwSignal, effect};
use super::state::{Lab, lab};
use super::url;
use super::view::{handler, view};
use crate::experiment::{Issue, Laboratory, LaboratoryId};

/// What a link set the laboratory to; nothing where it was opened by hand.
pub fn settings(lab: Lab, id: LaboratoryId) -> Vec<(String, String)> {
    let open = lab.laboratory.get_untracked().filter(|open| open.id == id);
    open.map(|open| open.settings.clone()).unwrap_or_default()
}

/// Keeps its settings in the address while it is open.
pub fn keep(lab: Lab, id: LaboratoryId, settings: impl Fn() -> Vec<(String, String)> + 'static) {
    effect(move || {
        let now = Laboratory { id, settings: settings() };
        // Another, or none, once it is being closed.
        let other =
            lab.laboratory.with_untracked(|open| open.as_ref().is_some_and(|open| open.id == id && **open != now));
        if other {
            lab.laboratory.set(Some(Arc::new(now)));
        }
    });
}

/// Takes it out of the address, and off the page.
pub fn close(lab: Lab) {
    lab.laboratory.set(None);
}

/// What of a link's settings can't be used.
pub fn problems(problems: Vec<Issue>) -> AnyView {
    let lab = lab();
    if problems.is_empty() {
        return ().into_any();
    }
    view! {
        <div class="issue" role="alert">
            <p>{t("Some settings of the link can't be used; they are as the laboratory begins.", "链接中的部分设置无法使用，已采用实验室的初始值。")}</p>
            <ul>{problems.into_iter().map(|issue| view! { <li>{move || issue.line(lab.lang.get())}</li> }).collect_view()}</ul>
        </div>
    }
}

/// What came of copying.
#[derive(Clone, PartialEq)]
enum Copied {
    Nothing,
    Done,
    /// The browser does not let us: to be copied by hand.
    ByHand(String),
    Failed,
}

/// Copies the address of the laboratory as it is set.
#[component]
pub fn CopyLink() -> impl IntoView {
    let lab = lab();
    let copied = RwSignal::new(Copied::Nothing);
    let press = move |_: web_sys::MouseEvent| {
        spawn_local(async move {
            copied.try_set(match url::present(lab).await {
                Ok(link) if copy(&link).await => Copied::Done,
                Ok(link) => Copied::ByHand(link),
                Err(_) => Copied::Failed,
            });
        });
    };
    view! {
        <button type="button" class="quiet-button" on:click=handler(press)>{t("Copy a link to these settings", "复制含这些设置的链接")}</button>
        <span class="note" role="status">{move || {
            let lang = lab.lang.get();
            match copied.get() {
                Copied::Nothing => ().into_any(),
                Copied::Done => i18n::now(lang, "Copied.", "已复制。").into_any(),
                Copied::ByHand(link) => view! { <input type="text" readonly aria-label=t("Copy this link", "复制此链接") prop:value=link /> },
                Copied::Failed => i18n::now(lang, "The part of the page that writes links did not arrive. Try again.", "页面中生成链接的部分未能加载，请重试。").into_any(),
            }
        }}</span>
    }
}
