//! From Q·K to the score: scale, temperature, softcap, a formula of the user's own.

use leptos::prelude::*;

use super::editor::Editor;
use super::opening::{Opening, opening};
use super::own::{DeclaredRows, Own};
use super::tables::{Reader, Tables};
use crate::app::controls::{Card, Choices, IssueLine, Item, Look, Show, Slider, Span, Switch, words};
use crate::app::i18n::t;
use crate::app::reactive::Signal;
use crate::app::state::lab;
use crate::app::view::view;
use crate::experiment::{CustomFormula, Scale};

/// The scales, as they are written and what they are for.
const SCALES: [(&str, &str, &str, &str); 4] = [
    (
        "root",
        "1/√d",
        "keeps scores of order one at any size (the Transformer)",
        "任何维度下分数都保持在一的量级（Transformer）",
    ),
    ("none", "1", "the bare product", "原始点积"),
    ("log", "ln n/√d", "grows with the number of keys (scalable softmax)", "随键数增长（可伸缩 Softmax）"),
    ("free", "…", "a number of your own", "自定义数值"),
];

fn scale_id(scale: Scale) -> &'static str {
    match scale {
        Scale::InverseSqrt => "root",
        Scale::None => "none",
        Scale::LogN => "log",
        Scale::Free(_) => "free",
    }
}

/// The score card.
#[component]
pub fn ScoreCard() -> impl IntoView {
    let lab = lab();
    let scale = Signal::memo(move || lab.experiment.with(|e| e.scale));
    let own = Signal::memo(move || lab.experiment.with(|e| e.score.is_some()));
    let items = SCALES
        .map(|(id, label, en, zh)| {
            let label = if id == "free" { words("free", "自定") } else { Signal::stored(label.to_owned()) };
            Item::new(id, label).hint(words(en, zh))
        })
        .to_vec();
    let choose = Callback::new(move |id: String| {
        let d = lab.loaded.with_untracked(|l| l.as_ref().map_or(1, |l| l.dims.d)).max(1);
        lab.edit("scale", |e| {
            e.scale = match id.as_str() {
                "none" => Scale::None,
                "log" => Scale::LogN,
                // Starts where the usual scale stands, so that nothing jumps.
                "free" => Scale::Free(((1.0 / (d as f64).sqrt()) * 1e4).round() / 1e4),
                _ => Scale::InverseSqrt,
            };
        });
    });
    let free = Signal::derive(move || if let Scale::Free(x) = scale.get() { x } else { 0.0 });
    let text =
        Signal::derive(move || lab.experiment.with(|e| e.score.as_ref().map(|f| f.text.clone()).unwrap_or_default()));
    let fault = Own::Score.fault(lab);
    let switch_own = Callback::new(move |on: bool| {
        lab.edit("score", |e| e.score = on.then(|| CustomFormula { text: "s".to_owned(), params: Vec::new() }));
    });
    view! {
        <Card title=words("Score", "分数")>
            <Choices label=words("scale", "缩放") items=items chosen=Signal::derive(move || scale_id(scale.get()).to_owned()) on_choose=choose look=Look::Segments show_label=true />
            <Show when=Signal::derive(move || matches!(scale.get(), Scale::Free(_)))>
                <Slider label=words("factor", "系数") value=free span=Span::new(0.0, 2.0, 0.01).up_to(100.0) path="scale" on_change=Callback::new(move |x| lab.edit("scale", |e| e.scale = Scale::Free(x))) />
            </Show>
            <Slider label=words("temperature", "温度") value=Signal::derive(move || lab.experiment.with(|e| e.temperature)) span=Span::log(0.1, 10.0) path="temperature" on_change=Callback::new(move |x| lab.edit("temperature", |e| e.temperature = x)) />
            <Slider label=words("softcap", "软上限") value=Signal::derive(move || lab.experiment.with(|e| e.softcap)) span=Span::new(0.0, 50.0, 0.5).up_to(1000.0) path="softcap" on_change=Callback::new(move |x| lab.edit("softcap", |e| e.softcap = x)) />
            <p class="note">{move || if lab.experiment.with(|e| e.softcap == 0.0) { t("softcap 0: off", "软上限 0：关闭")() } else { "c · tanh(s / c)" }}</p>
            <Show when=Signal::derive(move || lab.experiment.with(|e| e.softcap != 0.0))>{opening(Opening::Softcap)}</Show>
            <Switch label=words("a score formula of your own", "自定义分数公式") on=own on_change=switch_own />
            <Show when=own>
                <Editor
                    label=words("Score formula", "分数公式")
                    head="score(s, q, k) ="
                    text=text
                    params=Signal::derive(move || lab.experiment.with(|e| Own::Score.names(e)))
                    fault=fault
                    on_text=Callback::new(move |text| Own::Score.write(lab, text))
                    on_declare=Callback::new(move |name| Own::Score.declare(lab, name))
                />
                <DeclaredRows own=Own::Score />
                <Tables reader=Reader::Own(Own::Score) />
                <div hidden=move || fault.with(Option::is_some)><IssueLine path="score" except="score.params" /></div>
            </Show>
        </Card>
    }
}
