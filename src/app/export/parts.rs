//! What the tabs share.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::save;
use crate::app::i18n::{self, t};
use crate::app::reactive::{RwSignal, Signal};
use crate::app::state::lab;
use crate::app::view::{handler, view};
use crate::experiment::Issues;

/// How long a button says what it did.
const SAID: Duration = Duration::from_millis(1600);

/// A text that can be read, copied and saved.
#[component]
pub fn Text(
    /// The text.
    text: String,
    /// What it is, for those who hear the page.
    label: Signal<String>,
    /// Name of its file.
    file: String,
) -> impl IntoView {
    let lab = lab();
    let text = StoredValue::new(text);
    // What became of the last press: copied or not.
    let copied = RwSignal::new(None::<bool>);
    let copy = move |_| {
        spawn_local(async move {
            let done = save::copy(&text.get_value()).await;
            copied.try_set(Some(done));
            if done {
                set_timeout(
                    move || {
                        copied.try_set(None);
                    },
                    SAID,
                );
            }
        });
    };
    view! {
        // In the tab order, so that it can be scrolled by keys.
        <pre class="kernel__text export__text" tabindex="0" role="region" aria-label=label>{text.get_value()}</pre>
        <div class="export__buttons">
            <button type="button" class="primary" on:click=handler(copy)>
                {move || match (lab.lang.get(), copied.get()) {
                    (lang, Some(true)) => i18n::now(lang, "Copied", "已复制"),
                    (lang, _) => i18n::now(lang, "Copy", "复制"),
                }}
            </button>
            <Save en="Download" zh="下载" file=file kind="text/plain" make=Callback::new(move |()| Ok(text.get_value().into_bytes())) />
            <span class="note" role="status">{move || match (lab.lang.get(), copied.get()) {
                (lang, Some(true)) => i18n::now(lang, "It is on the clipboard.", "已在剪贴板中。"),
                (lang, Some(false)) => i18n::now(lang, "The browser did not allow copying: select the text above and copy it.", "浏览器不允许复制：请选中上方文字自行复制。"),
                (_, None) => "",
            }}</span>
        </div>
    }
}

/// A button that makes a file and saves it, or says why not.
#[component]
pub fn Save(
    /// What it says.
    en: &'static str,
    /// In Chinese.
    zh: &'static str,
    /// Name of the file.
    file: String,
    /// Its media type.
    kind: &'static str,
    /// Its bytes.
    make: Callback<(), Result<Vec<u8>, Issues>>,
) -> impl IntoView {
    let lab = lab();
    let failed = RwSignal::new(None::<[String; 2]>);
    let press = move |_| {
        failed.set(match make.run(()).map(|bytes| save::save(&file, kind, &bytes)) {
            Ok(Ok(())) => None,
            Ok(Err(error)) => {
                let said = error.as_string().unwrap_or_default();
                Some([format!("The browser did not save the file. {said}"), format!("浏览器未能保存文件。{said}")])
            }
            Err(issues) => {
                let message = issues.message();
                Some([message.en.clone(), message.get(crate::catalogue::Lang::Zh).to_owned()])
            }
        });
    };
    view! {
        <button type="button" class="framed" on:click=handler(press)>{t(en, zh)}</button>
        {move || failed.get().map(|[en, zh]| {
            let said = if lab.lang.get() == crate::catalogue::Lang::En { en } else { zh };
            view! { <span class="issue" role="alert">{said}</span> }
        })}
    }
}

/// A button that draws a picture of SVG as PNG and saves it, or says that the browser could not.
#[component]
pub fn SavePng(
    /// What it says.
    en: &'static str,
    /// In Chinese.
    zh: &'static str,
    /// Name of the file.
    file: String,
    /// The picture.
    make: Callback<(), String>,
) -> impl IntoView {
    let failed = RwSignal::new(false);
    let press = move |_| {
        let (file, text) = (file.clone(), make.run(()));
        spawn_local(async move {
            let done = save::save_png(&file, &text).await.is_ok();
            failed.try_set(!done);
        });
    };
    view! {
        <button type="button" class="framed" on:click=handler(press)>{t(en, zh)}</button>
        {move || failed.get().then(|| view! {
            <span class="issue" role="alert">{t("The browser could not draw the picture; SVG has it as it is.", "浏览器无法绘制该图片，请改用 SVG。")}</span>
        })}
    }
}

/// What cannot be exported, each with its field.
#[component]
pub fn Refused(
    /// Why not.
    issues: Issues,
) -> impl IntoView {
    let lab = lab();
    view! {
        <div class="issue" role="alert">
            <p>{t("This can't say the experiment as it is:", "以下内容无法用它表达：")}</p>
            <ul>
                {issues.0.into_iter().map(|issue| view! { <li>{move || issue.line(lab.lang.get())}</li> }).collect_view()}
            </ul>
        </div>
    }
}
