//! The guided tour: two minutes over the parts of the page, each with something to try that undo takes back.

use std::cell::Cell;

use leptos::html::Section;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, KeyboardEvent};

use crate::app::clock;
use crate::app::element::NodeRef;
use crate::app::i18n::{t, tr};
use crate::app::reactive::{RwSignal, Signal, effect};
use crate::app::state::{Lab, lab};
use crate::app::view::{handler, view};
use crate::catalogue::{List, Text};
use crate::experiment::Stage;

/// One stop.
struct Stop {
    /// What it is about: the first element that this selector finds.
    at: &'static str,
    /// Which part of the page holds it where a small screen shows one at a time: a place among the tabs.
    tab: usize,
    title: Text,
    text: Text,
    /// Something to try.
    act: Option<(Text, fn(Lab))>,
}

const STOPS: [Stop; 9] = [
    Stop {
        at: ".column--inputs",
        tab: 1,
        title: Text::new("What comes in", "输入"),
        text: Text::new(
            "A sentence as a real model saw it. Each word has a query (what it looks for), a key (what it can be found by) and a value (what it tells). Every number can be dragged or typed over; other texts, generators and your own files are one click away.",
            "这是一个真实模型所看到的句子。每个词有一个查询（它在找什么）、一个键（别人凭什么找到它）和一个值（它要说什么）。每个数都可拖动或改写；其他文本、生成器和你自己的文件只需点击一次。",
        ),
        act: None,
    },
    Stop {
        at: ".map__field",
        tab: 0,
        title: Text::new("The map", "注意力图"),
        text: Text::new(
            "A row is a query, a column a key; the darker the cell, the more the query looks there. Move over it, or use the arrow keys: words and numbers follow.",
            "一行是一个查询，一列是一个键；颜色越深，该查询看得越多。移动指针或用方向键：文字与数值会随之变化。",
        ),
        act: None,
    },
    Stop {
        at: ".stages__tabs",
        tab: 0,
        title: Text::new("From product to weight", "从乘积到权重"),
        text: Text::new(
            "The same map before each step: product of query and key, scaled, with its position, masked, normalised. Keys 1 to 6 switch between them.",
            "同一张图在每一步之前的样子：查询与键的乘积、缩放、加位置、掩码、归一化。按键 1 到 6 可切换。",
        ),
        act: Some((Text::new("Show the plain products", "显示原始乘积"), |lab| {
            lab.show(|view| view.stage = Stage::ALL[0])
        })),
    },
    Stop {
        at: ".column--rules .thumbs",
        tab: 2,
        title: Text::new("Who may look where", "谁可以看哪里"),
        text: Text::new(
            "Each picture is a pattern: which keys a query may see. Patterns join by and, or, not, for all heads or some; position schemes and other products of query and key are below.",
            "每张小图是一种模式：查询可以看到哪些键。模式可用与、或、非组合，可用于全部或部分头；下方是位置方案和查询与键的其他乘积。",
        ),
        act: Some((Text::new("Take a fractal", "选用分形"), |lab| {
            lab.edit("mask", |e| e.choose(List::Mask, "fractal"));
            lab.show(|view| view.stage = Stage::Weights);
        })),
    },
    Stop {
        at: ".column--rules .formula, .column--rules .formula-line",
        tab: 2,
        title: Text::new("The formula is what runs", "运行的就是公式"),
        text: Text::new(
            "Under each pattern stands its formula. Open it and change it: it is compiled for the workers and the GPU as you type, and the names you declare become sliders.",
            "每个模式下面是它的公式。打开并修改它：输入时便为工作线程和 GPU 编译，你声明的名字会变成滑块。",
        ),
        act: None,
    },
    Stop {
        at: ".column--result",
        tab: 3,
        title: Text::new("Why", "为什么"),
        text: Text::new(
            "For the cell under the pointer: product, scale, bias, mask, weight, each with its number, then where the query looks and what comes out.",
            "对指针所在的单元格：乘积、缩放、偏置、掩码、权重，各有数值；然后是该查询看向哪里、输出是什么。",
        ),
        act: None,
    },
    Stop {
        at: ".column--result .strip",
        tab: 3,
        title: Text::new("Where the time went", "时间花在哪里"),
        text: Text::new(
            "What you see was computed just now by real kernels in your browser. The strip shows the stages; below it the engine can be chosen, and CPU and GPU compared on the same numbers.",
            "你所看到的刚刚由浏览器中的真实计算核算出。色条显示各阶段；下方可选择引擎，并在相同数值上比较 CPU 与 GPU。",
        ),
        act: None,
    },
    Stop {
        at: ".top__actions",
        tab: 0,
        title: Text::new("Nothing is lost", "不会丢失"),
        text: Text::new(
            "The last 200 changes can be undone, and the address holds the experiment; where its numbers are too many for that, the page says so. Share gives a link, a frame for a blog or a picture; Export gives the same computation as NumPy, PyTorch, JAX or ONNX.",
            "最近 200 次修改都可撤销；地址栏保存当前实验，数值过多而放不下时，页面会说明。“分享”给出链接、可嵌入博客的框架或图片；“导出”给出 NumPy、PyTorch、JAX 或 ONNX 的同一计算。",
        ),
        act: Some((Text::new("Undo", "撤销"), |lab| lab.undo())),
    },
    Stop {
        at: ".top__actions [aria-label=Gallery], .top__actions [aria-label=图集]",
        tab: 0,
        title: Text::new("Where to go from here", "接下来"),
        text: Text::new(
            "The gallery holds experiments that tell a story, each with something to change. The keys are behind the question mark.",
            "图集里是会讲故事的实验，每个都有可以改动之处。快捷键在问号里。",
        ),
        act: None,
    },
];

/// The panel, while the tour is at a stop.
#[component]
pub fn Tour(
    /// The stop; nothing when nobody is on tour.
    stop: RwSignal<Option<usize>>,
) -> impl IntoView {
    let lab = lab();
    let panel = NodeRef::<Section>::new();
    let toured = Cell::new(false);
    effect(move || {
        let (now, panel) = (stop.get(), panel.get());
        mark(now.map(|at| &STOPS[at]));
        let was = toured.replace(now.is_some());
        // Focus that can't be given leaves the page as it is.
        match (now, panel) {
            (Some(_), Some(panel)) => drop(panel.focus()),
            // It was asked for in the help, which is behind that button.
            (None, _) if was => drop(find(".top__actions [title*='(?)']").map(|help| help.focus())),
            _ => {}
        }
    });
    let go = move |forward: bool| {
        let at = stop.get_untracked().unwrap_or_default();
        let next = if forward { at + 1 } else { at.saturating_sub(1) };
        stop.set((next < STOPS.len()).then_some(next));
    };
    let on_key = move |event: KeyboardEvent| {
        match event.key().as_str() {
            "ArrowRight" => go(true),
            "ArrowLeft" => go(false),
            "Escape" => stop.set(None),
            _ => return,
        }
        event.prevent_default();
        event.stop_propagation();
    };
    let at = Signal::memo(move || stop.get());
    view! {
        {move || at.get().map(|at| {
            let Stop { title, text, act, .. } = &STOPS[at];
            let last = at + 1 == STOPS.len();
            view! {
                <section class="tour" node_ref=panel tabindex="-1" role="dialog" aria-labelledby="tour-title" aria-describedby="tour-text" on:keydown=handler(on_key)>
                    <p class="note">{t("Tour", "导览")} " " {at + 1} " / " {STOPS.len()}</p>
                    <h3 id="tour-title">{tr(*title)}</h3>
                    <p id="tour-text">{tr(*text)}</p>
                    <div class="dialog__foot">
                        {act.map(|(name, act)| view! { <button type="button" on:click=handler(move |_| act(lab))>{tr(name)}</button> })}
                        <button type="button" disabled={at == 0} on:click=handler(move |_| go(false))>{t("Back", "上一步")}</button>
                        <button type="button" class="primary" on:click=handler(move |_| go(true))>{if last { t("Done", "完成") } else { t("Next", "下一步") }}</button>
                        <button type="button" class="tour__end" on:click=handler(move |_| stop.set(None)) aria-label=t("End the tour", "结束导览")>"×"</button>
                    </div>
                </section>
            }
        })}
    }
}

/// Brings what a stop is about into view and marks it; nothing is marked without one.
fn mark(stop: Option<&Stop>) {
    const CLASS: &str = "tour__mark";
    let document = document();
    while let Ok(Some(marked)) = document.query_selector(&format!(".{CLASS}")) {
        // A class that stays would be found for ever.
        if marked.class_list().remove_1(CLASS).is_err() {
            return;
        }
    }
    let Some(stop) = stop else { return };
    if let Some(tab) = find(&format!(".tabs button:nth-child({})", stop.tab + 1))
        && tab.offset_parent().is_some()
    {
        tab.click();
    }
    // What does not stand on the page now (the formula of a pattern without one) is told without being shown.
    if let Some(element) = find(stop.at) {
        let _ = element.class_list().add_1(CLASS);
        // The style leaves room above it. Not before the tab that holds it is shown.
        clock::after_effects(move || element.scroll_into_view());
    }
}

/// The first element that a selector finds.
fn find(selector: &str) -> Option<HtmlElement> {
    document().query_selector(selector).ok().flatten()?.dyn_into().ok()
}
