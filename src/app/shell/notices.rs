//! Messages under the header: what went wrong, in the user's words, with anything of theirs kept to copy.

use leptos::prelude::*;

use crate::app::i18n::t;
use crate::app::state::{Status, lab};
use crate::app::view::{handler, view};

/// Messages that stay until they are dismissed, and the failure of the last run.
#[component]
pub fn Notices() -> impl IntoView {
    let lab = lab();
    view! {
        <div class="notices" aria-live="polite">
            {move || match lab.status.get() {
                Status::Failed(message) => view! {
                    <div class="notice" role="alert">
                        <p>{message.get(lab.lang.get()).to_owned()}</p>
                        <button on:click=handler(move |_| lab.again.update(|n| *n += 1))>{t("Try again", "重试")}</button>
                    </div>
                },
                _ => ().into_any(),
            }}
            {move || {
                // A field that shows its own fault needs no second message here.
                let issues: Vec<_> = lab.issues.get().into_iter().filter(|i| !has_a_field(&i.path)).collect();
                let lang = lab.lang.get();
                (!issues.is_empty()).then(|| view! {
                    <div class="notice" role="alert">
                        <p>
                            {t("Not computed; what is shown stays as it was. ", "未计算；显示的内容保持不变。")}
                            {issues.into_iter().map(|i| view! { <span><b>{i.path}</b>": "{i.message.get(lang).to_owned()}" "</span> }).collect_view()}
                        </p>
                    </div>
                })
            }}
            {move || lab.notices.get().into_iter().enumerate().map(|(index, notice)| view! {
                <div class="notice">
                    <p>{notice.text}{notice.keep.map(|keep| view! { <code>{keep}</code> })}</p>
                    <button
                        aria-label=t("Dismiss message", "关闭消息")
                        on:click=handler(move |_| lab.notices.update(|all| { all.remove(index); }))
                    >"×"</button>
                </div>
            }).collect_view()}
        </div>
    }
}

/// Whether a control on the page shows what is wrong with this field.
fn has_a_field(path: &str) -> bool {
    ["mask.custom", "mask.params", "score", "position.params", "temperature", "softcap"]
        .iter()
        .any(|field| path.starts_with(field))
}
