//! The texts of the kernels that ran, with what came out of the user's formulas marked.

use leptos::prelude::*;

use crate::app::i18n::t;
use crate::app::view::view;
use crate::engine::KernelText;

/// One kernel, folded.
#[component]
pub fn Kernel(
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
