//! How to get Q, K and V out of a model: the program of the documentation, to be copied.

use leptos::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

use crate::app::i18n::t;
use crate::app::reactive::RwSignal;
use crate::app::view::{handler, view};

/// The program, which can be run as it is.
const PROGRAM: &str = include_str!("../../../docs/capture_qkv.py");

/// The program behind a fold, with a button that copies it.
#[component]
pub fn Snippet() -> impl IntoView {
    let copied = RwSignal::new(None::<bool>);
    let copy = move |_| {
        spawn_local(async move {
            let window = window();
            // Insecure origins have no clipboard at all.
            let there = js_sys::Reflect::get(&window.navigator(), &"clipboard".into()).is_ok_and(|c| c.is_object());
            let done = there && JsFuture::from(window.navigator().clipboard().write_text(PROGRAM)).await.is_ok();
            copied.try_set(Some(done));
        });
    };
    view! {
        <details class="more">
            <summary>{t("From a model of Hugging Face (Python)", "从 Hugging Face 模型获取（Python）")}</summary>
            <p class="note">{t(
                "Saves Q, K and V of one layer to a file that this page opens. Hooks read what q_proj, k_proj and v_proj (Llama, Qwen, Mistral…) or query, key and value (BERT…) give, before any rotary positions.",
                "将某一层的 Q、K、V 保存为本页可打开的文件。钩子读取 q_proj、k_proj、v_proj（Llama、Qwen、Mistral 等）或 query、key、value（BERT 等）的输出，尚未加入旋转位置。",
            )}</p>
            <pre class="program" tabindex="0" aria-label=t("Python program", "Python 程序")>{PROGRAM}</pre>
            <button type="button" class="quiet-button" on:click=handler(copy)>{t("Copy the program", "复制程序")}</button>
            <span class="note" role="status">{move || match copied.get() {
                Some(true) => t("Copied.", "已复制。")(),
                Some(false) => t("The browser does not allow copying: select the text.", "浏览器不允许复制：请选中文本。")(),
                None => "",
            }}</span>
        </details>
    }
}
