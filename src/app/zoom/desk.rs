//! The tools, what they show, and what is said of it.

use leptos::html::Div;
use leptos::prelude::*;
use web_sys::{HtmlElement, KeyboardEvent, PointerEvent, WheelEvent};

use super::Setting;
use super::gestures::Gestures;
use super::lines::Lines;
use super::mini::Mini;
use super::near::Near;
use super::strip::Strip;
use super::table::Table;
use super::tiles::{self, Shown};
use crate::app::controls::{Choices, Item, Look, Show, fixed, words};
use crate::app::element::NodeRef;
use crate::app::i18n::t;
use crate::app::map::{Closer, MapView};
use crate::app::reactive::{Signal, effect};
use crate::app::state::lab;
use crate::app::view::{handler, view};
use crate::catalogue::Lang;
use crate::engine::Pool as Merging;
use crate::experiment::Reading;

/// The tools.
#[component]
pub fn Desk(
    /// What the map's card is set to.
    setting: Setting,
) -> impl IntoView {
    let lab = lab();
    let near = Near::new(lab);
    let reading = Signal::memo(move || lab.experiment.with(|e| e.view.reading));
    let part = Signal::memo(move || !near.is_whole());
    view! {
        <div class="zoom" class:is-part=move || part.get()>
            <Tools near=near reading=reading part=part />
            {move || match reading.get() {
                Reading::Map => view! { <Cells near=near setting=setting /> },
                Reading::Lines => view! { <Lines near=near /> },
                Reading::Table => view! { <Table near=near /> },
            }}
        </div>
    }
}

/// How near, and in which way.
#[component]
fn Tools(near: Near, reading: Signal<Reading>, part: Signal<bool>) -> impl IntoView {
    let lab = near.lab;
    let named = [
        (Reading::Map, "map", ("Map", "图")),
        (Reading::Lines, "lines", ("Lines", "连线")),
        (Reading::Table, "table", ("Table", "表格")),
    ];
    let items = named.map(|(_, id, (en, zh))| Item::new(id, words(en, zh))).to_vec();
    let chosen = Signal::derive(move || {
        let now = reading.get();
        named.iter().find(|(other, ..)| *other == now).map_or("", |(_, id, _)| *id).to_owned()
    });
    let choose = Callback::new(move |id: String| {
        if let Some((reading, ..)) = named.iter().find(|(_, other, _)| *other == id) {
            lab.show(|view| view.reading = *reading);
        }
    });
    let merges = vec![
        Item::new("max", words("Largest", "最大值"))
            .hint(words("Cells that share a pixel show the largest of them", "同一像素内取最大的单元格")),
        Item::new("mean", words("Mean", "均值"))
            .hint(words("Cells that share a pixel show their mean", "同一像素内取各单元格的均值")),
    ];
    let merging = Signal::derive(move || if near.merging.get() == Merging::Mean { "mean" } else { "max" }.to_owned());
    let merge =
        Callback::new(move |id: String| near.merging.set(if id == "mean" { Merging::Mean } else { Merging::Max }));
    let at = move || {
        let (window, [n_q, n_k]) = (near.window.get(), near.sizes.get());
        let ([a, b], [c, d]) = (window.q, window.k);
        let (b, d) = (b.saturating_sub(1), d.saturating_sub(1));
        match lab.lang.get() {
            Lang::En => format!("queries {a}–{b} of {n_q}, keys {c}–{d} of {n_k}"),
            Lang::Zh => format!("查询 {a}–{b}（共 {n_q}），键 {c}–{d}（共 {n_k}）"),
        }
    };
    view! {
        <div class="zoom__tools">
            <div class="zoom__steps" role="group" aria-label=t("Zoom", "缩放")>
                <button type="button" class="framed" aria-label=t("Zoom in", "放大") title=t("Zoom in (+)", "放大 (+)") on:click=handler(move |_| near.zoom(0.5))>"+"</button>
                <button type="button" class="framed" aria-label=t("Zoom out", "缩小") title=t("Zoom out (-)", "缩小 (-)") on:click=handler(move |_| near.zoom(2.0))>"−"</button>
                <button type="button" class="framed" title=t("Show the whole map (0)", "显示整张图 (0)") prop:disabled=move || !part.get() on:click=handler(move |_| near.all())>{t("Whole", "整图")}</button>
            </div>
            <Choices label=words("Read as", "查看方式") items=items chosen=chosen on_choose=choose look=Look::Segments />
            <Show when=Signal::derive(move || reading.get() != Reading::Lines)>
                <Choices label=words("Cells that share a pixel", "同一像素内的单元格") items=merges.clone() chosen=merging on_choose=merge look=Look::Segments />
            </Show>
            <output class="zoom__at">{at}</output>
        </div>
    }
}

/// The map.
#[component]
fn Cells(near: Near, setting: Setting) -> impl IntoView {
    let Setting { painting, paintable, opened } = setting;
    let shown = tiles::picture(near);
    let picture = Signal::derive(move || shown.with(|shown| shown.as_ref().map(|shown| shown.composed.map.clone())));
    let below = Callback::new(move |()| view! { <Strip near=near /> });
    let around = NodeRef::<Div>::new();
    let gestures = Gestures::new(near, painting, around);
    // Asked for by a key or a wheel over the map: it takes the step, and the focus stays where it was.
    effect(move || {
        if opened.get_untracked() == 2
            && let Some(around) = around.get()
        {
            opened.set(1);
            near.zoom(0.5);
            if let Some(field) = around.query_selector(".map__field").ok().flatten() {
                let _ = wasm_bindgen::JsCast::unchecked_into::<HtmlElement>(field).focus();
            }
        }
    });
    let partial =
        move || shown.with(|shown| shown.as_ref().is_some_and(|s| s.composed.exact < s.composed.map.values.len()));
    view! {
        <div
            class="zoom__map"
            class:is-sample=partial
            node_ref=around
            on:pointerdown:capture=handler(move |event: PointerEvent| gestures.down(&event))
            on:pointermove:capture=handler(move |event: PointerEvent| gestures.moves(&event))
            on:pointerup=handler(move |event: PointerEvent| gestures.ends(&event))
            on:pointercancel=handler(move |event: PointerEvent| gestures.ends(&event))
            on:wheel:capture=handler(move |event: WheelEvent| gestures.wheel(&event))
            on:keydown:capture=handler(move |event: KeyboardEvent| gestures.key(&event))
        >
            <div on:keydown=handler(move |event: KeyboardEvent| gestures.follow(&event))>
                <MapView painting=painting paintable=paintable opened=opened closer=Some(Closer { window: near.window, picture, below }) />
            </div>
        </div>
        <div class="zoom__below">
            <Show when=Signal::derive(move || !near.is_whole())><Mini near=near /></Show>
            <div class="zoom__said">
                <p class="note" role="status">{move || shown.with(|shown| shown.as_ref().map(|shown| told(near.lab.lang.get(), shown, near.merging.get())))}</p>
                <p class="note">{t(
                    "Zoom: + and -, pinch, or Ctrl and the wheel; 0 shows all. Move: drag, or Shift and the arrow keys; while painting, hold Shift to drag.",
                    "缩放：+ 与 -、双指捏合，或按住 Ctrl 滚动滚轮；0 显示整图。移动：拖动，或按住 Shift 用方向键；涂画时按住 Shift 拖动。",
                )}</p>
            </div>
        </div>
    }
}

/// How exact the picture is.
fn told(lang: Lang, shown: &Shown, merging: Merging) -> String {
    let Shown { composed, block, sampled } = shown;
    let pixels = composed.map.values.len().max(1);
    let mean = merging == Merging::Mean;
    let whole = match (lang, *block, mean) {
        (Lang::En, 1, _) => "Each cell by itself".to_owned(),
        (Lang::Zh, 1, _) => "逐个单元格显示".to_owned(),
        (Lang::En, block, false) => format!("Each pixel is the largest of {block} × {block} cells"),
        (Lang::En, block, true) => format!("Each pixel is the mean of {block} × {block} cells"),
        (Lang::Zh, block, false) => format!("每个像素为 {block} × {block} 个单元格的最大值"),
        (Lang::Zh, block, true) => format!("每个像素为 {block} × {block} 个单元格的均值"),
    };
    if composed.exact == pixels {
        return match lang {
            Lang::En => format!("{whole}, exact."),
            Lang::Zh => format!("{whole}，精确。"),
        };
    }
    let percent = fixed((composed.exact as f64 / pixels as f64 * 100.0).floor(), 0);
    match (lang, sampled) {
        (Lang::En, Some([rows, all])) => {
            format!("{whole}; {percent} % exact so far, the rest is a sample: {rows} of {all} rows.")
        }
        (Lang::Zh, Some([rows, all])) => {
            format!("{whole}；已有 {percent} % 精确，其余为抽样：{all} 行中的 {rows} 行。")
        }
        (Lang::En, None) => format!("{whole}; {percent} % exact so far, the rest is coarser."),
        (Lang::Zh, None) => format!("{whole}；已有 {percent} % 精确，其余较粗略。"),
    }
}
