//! The texts of the kernels that ran, with what came out of the user's formulas marked.

use std::sync::Arc;

use leptos::prelude::*;

use crate::app::i18n::t;
use crate::app::view::view;
use crate::engine::KernelText;

/// All of them.
#[component]
pub fn Kernels(
    /// Their texts.
    texts: Arc<Vec<KernelText>>,
) -> impl IntoView {
    view! {
        <p class="note">{t(
            "WGSL, as the browser compiled it. Marked is what came out of the formulas; masks that rounding could flip, and painted cells, are decided on the CPU and sent as bits.",
            "即浏览器编译的 WGSL。标出的部分来自公式；可能因舍入而翻转的掩码以及涂画的单元格由 CPU 判定后以位的形式传入。",
        )}</p>
        {texts.iter().cloned().map(|kernel| view! { <Kernel kernel=kernel /> }).collect_view()}
    }
}

/// One kernel, folded.
#[component]
fn Kernel(
    /// Its text.
    kernel: KernelText,
) -> impl IntoView {
    let lines = kernel.text.lines().count();
    let parts = parts(&kernel);
    view! {
        <details class="more kernel">
            <summary><code>{kernel.name}</code> " " <small>"WGSL, " {lines} {t(" lines", " 行")}</small></summary>
            <pre class="kernel__text" tabindex="0"><code>
                {parts.into_iter().map(|(text, marked)| if marked { view! { <mark>{text}</mark> } } else { text.into_any() }).collect_view()}
            </code></pre>
        </details>
    }
}

/// The text in pieces, and whether each came out of a formula. Ranges that are none of the text are passed over.
fn parts(kernel: &KernelText) -> Vec<(String, bool)> {
    let (mut parts, mut at) = (Vec::new(), 0);
    for &(from, to) in &kernel.formulas {
        let (Some(before), Some(marked)) = (kernel.text.get(at..from), kernel.text.get(from..to)) else { continue };
        parts.push((before.to_owned(), false));
        parts.push((marked.to_owned(), true));
        at = to;
    }
    parts.push((kernel.text.get(at..).unwrap_or_default().to_owned(), false));
    parts
}
