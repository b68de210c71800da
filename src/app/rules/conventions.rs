//! Switches where libraries differ, with the names of those that stand on each side.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use crate::app::controls::{Choices, Fold, IssueLine, Item, Look, words};
use crate::app::i18n::t;
use crate::app::piece::piece;
use crate::app::reactive::Signal;
use crate::app::state::lab;
use crate::app::view::view;
use crate::experiment::{
    AlibiDistance, CausalAlignment, Conventions, Experiment, RopePairs, SoftcapOrder, WindowEdge, WindowSides,
};

/// Parameter of masks.
const SIDES: &str = "two_sided";
/// Parameter of ALiBi.
const SIGNED: &str = "signed";

/// The card of the conventions, folded until it is needed.
#[component]
pub fn ConventionsCard() -> impl IntoView {
    let lab = lab();
    let changed = Signal::derive(move || {
        let usual = Conventions::default();
        let differs = lab.experiment.with(|e| {
            let now = e.conventions;
            [
                now.causal != usual.causal,
                now.window != usual.window,
                two_sided(e),
                now.softcap != usual.softcap,
                now.rope != usual.rope,
                signed(e),
            ]
        });
        match differs.into_iter().filter(|&d| d).count() {
            0 => String::new(),
            n => format!("{n} {}", t("changed", "项已改")()),
        }
    });
    view! {
        <Fold title=words("Conventions", "约定") aside=changed body=|| piece(|| Box::pin(switches()), |switches| switches()) />
    }
}

/// Whether windows look both ways: what the mask says, else the convention.
fn two_sided(e: &Experiment) -> bool {
    e.mask.params.get(SIDES).map_or(e.conventions.switches_on(SIDES), |&on| on != 0.0)
}

/// Whether ALiBi counts signed distances: what the scheme says, else the convention.
fn signed(e: &Experiment) -> bool {
    e.position.params.get(SIGNED).map_or(e.conventions.switches_on(SIGNED), |&on| on != 0.0)
}

#[wasm_split(later, fallible)]
fn switches() -> Result<fn() -> AnyView, SplitLoaderError> {
    Ok(|| view! { <Switches /> })
}

#[component]
fn Switches() -> impl IntoView {
    let lab = lab();
    view! {
        <p class="note">{t("Where libraries differ. Each switch is part of the link.", "各库做法不同之处；每个开关都包含在链接中。")}</p>
        <Two
            label=words("Causal diagonal, more keys than queries", "因果对角线（键多于查询时）")
            sides=[
                (words("top left", "左上对齐"), "PyTorch is_causal, ONNX"),
                (words("bottom right", "右下对齐"), "FlashAttention ≥ 2.1"),
            ]
            second=Signal::derive(move || lab.experiment.with(|e| e.conventions.causal == CausalAlignment::BottomRight))
            on_change=Callback::new(move |second| lab.edit("conventions.causal", |e| e.conventions.causal = if second { CausalAlignment::BottomRight } else { CausalAlignment::TopLeft }))
        />
        <Two
            label=words("A window of W spans", "窗口 W 包含")
            sides=[
                (words("W keys", "W 个键"), "Mistral"),
                (words("W + 1 keys", "W + 1 个键"), "ONNX, attention-gym"),
            ]
            second=Signal::derive(move || lab.experiment.with(|e| e.conventions.window == WindowEdge::Inclusive))
            on_change=Callback::new(move |second| lab.edit("conventions.window", |e| e.conventions.window = if second { WindowEdge::Inclusive } else { WindowEdge::Exclusive }))
        />
        <Two
            label=words("A window looks", "窗口的方向")
            sides=[
                (words("back only", "只向前看"), "Mistral, attention-gym"),
                (words("both ways", "双向"), "JAX local_window_size=W, Longformer"),
            ]
            second=Signal::derive(move || lab.experiment.with(|e| two_sided(e)))
            on_change=Callback::new(move |second| lab.edit("conventions.sides", |e| {
                // What was said of this mask alone would hide the convention.
                e.mask.params.remove(SIDES);
                e.combine.iter_mut().for_each(|layer| _ = layer.params.remove(SIDES));
                e.conventions.sides = if second { WindowSides::TwoSided } else { WindowSides::OneSided };
            }))
        />
        <Two
            label=words("The softcap comes", "软上限位于")
            sides=[
                (words("before the biases", "偏置之前"), "ONNX"),
                (words("after the biases", "偏置之后"), "Gemma 4 (audio)"),
            ]
            second=Signal::derive(move || lab.experiment.with(|e| e.conventions.softcap == SoftcapOrder::AfterBias))
            on_change=Callback::new(move |second| lab.edit("conventions.softcap", |e| e.conventions.softcap = if second { SoftcapOrder::AfterBias } else { SoftcapOrder::BeforeBias }))
        />
        <Two
            label=words("Rotary pairs", "旋转对")
            sides=[
                (words("halves", "前后两半"), "Llama (Hugging Face), GPT-NeoX"),
                (words("interleaved", "相邻交错"), "RoFormer, GPT-J"),
            ]
            second=Signal::derive(move || lab.experiment.with(|e| e.conventions.rope == RopePairs::Interleaved))
            on_change=Callback::new(move |second| lab.edit("conventions.rope", |e| e.conventions.rope = if second { RopePairs::Interleaved } else { RopePairs::Halves }))
        />
        // Without a causal mask the two differ: keys after the query gain, or lose, by their distance.
        <Two
            label=words("ALiBi counts distance", "ALiBi 的距离")
            sides=[
                (words("absolute", "绝对值"), "ALiBi (paper, causal), x-transformers"),
                (words("signed", "带符号"), "attention-gym"),
            ]
            second=Signal::derive(move || lab.experiment.with(|e| signed(e)))
            on_change=Callback::new(move |second| lab.edit("conventions.alibi", |e| {
                e.position.params.remove(SIGNED);
                e.conventions.alibi = if second { AlibiDistance::Signed } else { AlibiDistance::Absolute };
            }))
        />
        <IssueLine path="conventions" />
    }
}

/// A choice between two sides, with who stands on the chosen one.
#[component]
fn Two(
    /// What is decided.
    label: Signal<String>,
    /// The two sides and their libraries.
    sides: [(Signal<String>, &'static str); 2],
    /// Whether the second side is chosen.
    second: Signal<bool>,
    /// Called with whether the second side is to be chosen.
    on_change: Callback<bool>,
) -> impl IntoView {
    let items = sides
        .iter()
        .enumerate()
        .map(|(i, (label, who))| Item::new(i.to_string(), *label).hint(Signal::stored((*who).to_owned())))
        .collect::<Vec<_>>();
    let who = sides.map(|(_, who)| who);
    view! {
        <div class="convention">
            <p class="above">{label}</p>
            <Choices
                label=label
                items=items
                chosen=Signal::derive(move || usize::from(second.get()).to_string())
                on_choose=Callback::new(move |id: String| on_change.run(id == "1"))
                look=Look::Segments
            />
            <p class="note">{move || who[usize::from(second.get())]}</p>
        </div>
    }
}
