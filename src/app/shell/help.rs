//! The help sheet: what the page does in a few sentences, and its keys.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use crate::app::controls::{ever, modal_while};
use crate::app::i18n::t;
use crate::app::piece::piece;
use crate::app::reactive::RwSignal;
use crate::app::view::{handler, view};

const KEYS: [(&[&str], &str, &str); 10] = [
    (&["Ctrl", "Z"], "undo; with Shift, redo", "撤销；加 Shift 为重做"),
    (&["[", "]"], "previous, next head", "上一个、下一个头"),
    (&["1", "…", "6"], "stage of the map, from Q·K to weights", "注意力图的阶段，从 Q·K 到权重"),
    (&["←", "↑", "→", "↓"], "move over the map or a matrix that has the focus", "在获得焦点的注意力图或矩阵上移动"),
    (&["Space"], "on the map: switch the cell on or off", "在注意力图上：允许或屏蔽该单元格"),
    (&["Enter"], "on a matrix: type a value", "在矩阵上：输入数值"),
    (&["Delete"], "on a matrix: back to the original value", "在矩阵上：恢复原值"),
    (&["L"], "copy the link", "复制链接"),
    (&["E"], "export: code, tables, pictures, files", "导出：代码、表格、图片、文件"),
    (&["Esc"], "stop a long run", "停止较长的计算"),
];

/// The help sheet.
#[component]
pub fn Help(
    /// Whether it is open.
    open: RwSignal<bool>,
) -> impl IntoView {
    let asked = ever(open);
    view! { {move || asked.get().then(|| piece(|| Box::pin(sheet()), move |sheet| sheet(open)))} }
}

#[wasm_split(later, fallible)]
fn sheet() -> Result<fn(RwSignal<bool>) -> AnyView, SplitLoaderError> {
    Ok(|open| view! { <Sheet open=open /> })
}

#[component]
fn Sheet(open: RwSignal<bool>) -> impl IntoView {
    let dialog = modal_while(open);
    let stop = RwSignal::new(None::<usize>);
    let tour = move |_| {
        open.set(false);
        stop.set(Some(0));
    };
    view! {
        <super::tour::Tour stop=stop />
        <dialog node_ref=dialog on:close=handler(move |_| open.set(false)) aria-labelledby="help-title">
            // Without it the dialog opens at its first link, on a phone with half of the text scrolled away.
            <h2 id="help-title" tabindex="-1" autofocus>{t("How to use the playground", "如何使用")}</h2>
            <p>{t(
                "Read it from left to right: Q, K and V come in, the rules say which query may see which key and how strongly, the map shows the weights, and the last column tells why a cell is what it is.",
                "从左到右阅读：Q、K、V 进入；规则决定哪个查询能看到哪个键、看得多重；注意力图显示权重；最后一栏解释每个单元格的由来。",
            )}</p>
            <p>{t(
                "Everything can be changed: drag a slider, pick a pattern, type a formula, drag a cell of Q, K or V, paint on the map. Every change is computed by real kernels in your browser; nothing leaves it. The address holds the experiment; where its numbers are too many for that, the page says so.",
                "一切皆可修改：拖动滑块、选择模式、输入公式、拖动 Q、K 或 V 的单元格，或在注意力图上涂画。每次修改都由浏览器中的真实计算核完成，数据不会离开浏览器。地址栏保存当前实验；数值过多而放不下时，页面会说明。",
            )}</p>
            <h3>{t("Formulas", "公式")}</h3>
            <p>{t(
                "A mask says for row q and column k whether the key is allowed; a score formula changes the score s. Operators are Python's, and q_pos is the query's position with a cache.",
                "掩码公式对第 q 行、第 k 列判断该键是否允许；分数公式修改分数 s。运算符与 Python 相同，q_pos 是带缓存时查询的位置。",
            )}</p>
            <p><code>"k <= q_pos and q_pos - k < window"</code></p>
            <h3>{t("Keys", "快捷键")}</h3>
            <dl class="keys">
                {KEYS.map(|(keys, en, zh)| view! {
                    <dt>{keys.iter().map(|k| view! { <kbd>{*k}</kbd> }).collect_view()}</dt>
                    <dd>{t(en, zh)}</dd>
                })}
            </dl>
            <p>
                <a href="api/" target="_blank" rel="noopener">{t("JavaScript API, with a console", "JavaScript API 与控制台")}</a>
                " · "
                <a href=t("gallery/", "gallery/zh/") target="_blank" rel="noopener">{t("Gallery as pages", "图集网页")}</a>
                " · "
                <a href="measuring/" target="_blank" rel="noopener">{t("How each number is measured", "每个数值如何测得")}</a>
            </p>
            <div class="dialog__foot">
                <button on:click=handler(move |_| open.set(false))>{t("Close", "关闭")}</button>
                <button class="primary" on:click=handler(tour)>{t("Take the two-minute tour", "两分钟导览")}</button>
            </div>
        </dialog>
    }
}
