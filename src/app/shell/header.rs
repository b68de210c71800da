//! The bar at the top: what is shown, what the workers do, undo, theme, language, help, link.

use leptos::prelude::*;

use super::theme;
use crate::app::controls::fixed;
use crate::app::export::Export;
use crate::app::i18n::t;
use crate::app::reactive::RwSignal;
use crate::app::share::Share;
use crate::app::state::{Lab, Status, Theme, lab};
use crate::app::view::{handler, view};
use crate::app::{i18n, url};
use crate::catalogue::Lang;
use crate::experiment::Input;

/// The bar at the top.
#[component]
pub fn Header(
    /// Whether the help sheet is open.
    help: RwSignal<bool>,
    /// Whether the gallery is open.
    gallery: RwSignal<bool>,
) -> impl IntoView {
    let lab = lab();
    let shared = RwSignal::new(0_u32);
    let exported = RwSignal::new(0_u32);
    view! {
        <header class="top">
            <h1 class="top__name">
                <Logo />
                <span>"Attention Playground"</span>
            </h1>
            <span class="top__what">{move || what(lab)}</span>
            <StatusView />
            <div class="top__actions">
                <button on:click=handler(move |_| lab.undo()) disabled=move || !lab.can_undo() aria-label=t("Undo", "撤销") title=t("Undo (Ctrl+Z)", "撤销 (Ctrl+Z)")>
                    <Icon path="M9 7 4 12l5 5M4 12h10a6 6 0 0 1 0 12" />
                </button>
                <button on:click=handler(move |_| lab.redo()) disabled=move || !lab.can_redo() aria-label=t("Redo", "重做") title=t("Redo (Ctrl+Shift+Z)", "重做 (Ctrl+Shift+Z)")>
                    <Icon path="m15 7 5 5-5 5M20 12H10a6 6 0 0 0 0 12" />
                </button>
                <button
                    on:click=handler(move |_| theme::toggle(lab))
                    aria-label=move || if dark(lab) { i18n::now(lab.lang.get(), "Light theme", "浅色主题") } else { i18n::now(lab.lang.get(), "Dark theme", "深色主题") }
                    title=t("Theme", "主题")
                >
                    <Icon path="M12 3a9 9 0 1 0 9 9 7 7 0 0 1-9-9Z" />
                </button>
                <button
                    lang=move || if lab.lang.get() == Lang::En { "zh-CN" } else { "en" }
                    on:click=handler(move |_| url::set_lang(lab, if lab.lang.get_untracked() == Lang::En { Lang::Zh } else { Lang::En }))
                >
                    {move || if lab.lang.get() == Lang::En { "中文" } else { "English" }}
                </button>
                <button on:click=handler(move |_| gallery.set(true)) aria-label=t("Gallery", "图集") title=t("Gallery", "图集")>
                    <Icon path="M4 5h7v7H4zM14 5h7v7h-7zM4 15h7v7H4zM14 15h7v7h-7z" />
                </button>
                <button on:click=handler(move |_| help.set(true)) aria-label=t("Help and keys", "帮助与快捷键") title=t("Help (?)", "帮助 (?)")>"?"</button>
                <button class="top__export" on:click=handler(move |_| exported.update(|n| *n += 1)) title=t("Code, tables, pictures, files (E)", "代码、表格、图片、文件 (E)")>{t("Export", "导出")}</button>
                <button class="primary" on:click=handler(move |_| shared.update(|n| *n += 1))>{t("Share", "分享")}</button>
            </div>
            <Share opened=shared />
            <Export opened=exported />
        </header>
    }
}

fn dark(lab: Lab) -> bool {
    lab.theme.get() == Theme::Dark || (lab.theme.get() == Theme::Auto && theme::system_dark())
}

/// One line on the input: model, layer, text.
pub fn what(lab: Lab) -> String {
    let lang = lab.lang.get();
    lab.experiment.with(|e| match &e.input {
        Input::Capture { id, layer } => {
            let text = lab.captures.with(|all| all.iter().find(|c| &c.id == id).map(|c| c.text.clone()));
            let text = text.unwrap_or_else(|| id.clone());
            match lang {
                Lang::En => format!("all-MiniLM-L6-v2, layer {layer}: “{text}”"),
                Lang::Zh => format!("all-MiniLM-L6-v2，第 {layer} 层：“{text}”"),
            }
        }
        Input::Generated { recipe, seed, .. } => match lang {
            Lang::En => format!("generated: {recipe}, seed {seed}"),
            Lang::Zh => format!("生成：{recipe}，种子 {seed}"),
        },
        Input::Projected { .. } => i18n::now(lang, "hidden states, projected", "隐状态的投影").to_owned(),
        Input::Text { text, .. } => format!("“{text}”"),
        Input::Numbers { .. } => i18n::now(lang, "pasted numbers", "粘贴的数值").to_owned(),
    })
}

/// What the workers do, only when it lasts: a run of a few milliseconds says nothing.
#[component]
pub fn StatusView() -> impl IntoView {
    let lab = lab();
    view! {
        <span class="top__status" role="status">
            {move || {
                let lang = lab.lang.get();
                match lab.status.get() {
                    Status::Starting | Status::Loading => view! { <span class="wide">{i18n::now(lang, "Loading…", "加载中…")}</span> },
                    Status::Running(done) if done > 0.0 => view! {
                        <span class="wide">{i18n::now(lang, "Computing", "计算中")}</span>
                        <span class="progress"><i style:transform=format!("scaleX({})", fixed(done, 3))></i></span>
                        <button on:click=handler(move |_| lab.cancel.update(|c| *c += 1))>{i18n::now(lang, "Stop", "停止")}</button>
                    },
                    Status::Cancelled => view! { <span>{i18n::now(lang, "Stopped", "已停止")}</span> },
                    Status::Failed(_) => view! { <span>{i18n::now(lang, "Not computed", "未计算")}</span> },
                    Status::Running(_) | Status::Ready => ().into_any(),
                }
            }}
        </span>
    }
}

/// A line icon on a 24-unit grid.
#[component]
fn Icon(
    /// SVG path data.
    path: &'static str,
) -> impl IntoView {
    view! {
        <svg width="16" height="16" viewBox="0 0 24 26" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
            <path d=path />
        </svg>
    }
}

/// A causal pattern of three by three.
#[component]
pub fn Logo() -> impl IntoView {
    let cells =
        [("1", "1", "1"), ("1", "8", ".45"), ("8", "8", "1"), ("1", "15", ".25"), ("8", "15", ".6"), ("15", "15", "1")];
    view! {
        <svg width="22" height="22" viewBox="0 0 22 22" fill="currentColor" aria-hidden="true">
            {cells.map(|(x, y, opacity)| view! { <rect x=x y=y width="6" height="6" rx="1.4" opacity=opacity /> })}
        </svg>
    }
}
