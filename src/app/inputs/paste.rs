//! Pasted numbers: three fields for Q, K and V, and files dropped on them.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::change::set_input;
use super::drop::{Named, Take, Target, lacks};
use super::numbers::{Rows, RowsField};
use crate::app::i18n::t;
use crate::app::piece::piece;
use crate::app::reactive::{RwSignal, Signal};
use crate::app::state::{Lab, lab};
use crate::app::view::view;
use crate::experiment::{Input, TensorName};

/// Most rows and columns that the fields are filled with from the page.
const FILL: usize = 32;

/// Three fields with numbers.
#[component]
pub fn Paste() -> impl IntoView {
    piece(|| Box::pin(fields()), |fields| fields())
}

#[wasm_split(later, fallible)]
fn fields() -> Result<fn() -> AnyView, SplitLoaderError> {
    Ok(|| view! { <Fields /> })
}

#[component]
fn Fields() -> impl IntoView {
    let lab = lab();
    let drafts: Drafts = RwSignal::new([const { None }; 3]);
    let waiting = Signal::derive(move || {
        let [q, k, v] = joined(&lab.experiment.with(|e| e.input.clone()), drafts)?;
        misfit(&q, &k, &v).map(|(en, zh)| if lab.lang.get() == crate::catalogue::Lang::En { en } else { zh })
    });
    // A file dropped beside the fields fills those that its tensors are named after.
    let take: Take = Callback::new(move |(found, file): (Vec<Named>, String)| {
        let all: Vec<String> = found.iter().map(|(name, _)| name.clone()).collect();
        let mut some = false;
        for (name, rows) in found {
            if let Some((tensor, ..)) = FIELDS.into_iter().find(|(_, letter, _)| name.eq_ignore_ascii_case(letter)) {
                set_rows(lab, drafts, tensor, rows);
                some = true;
            }
        }
        if some { Ok(()) } else { Err(lacks(&file, "Q, K, V", &all)) }
    });
    view! {
        <Target take=take>
            {FIELDS.map(|(tensor, letter, colour)| view! { <Field tensor=tensor letter=letter colour=colour drafts=drafts /> }).collect_view()}
            <p class="note">{t(
                "One row a token: CSV, JSON or what NumPy prints. Or drop files: .npy on a field, or .npy and .safetensors with tensors named Q, K and V anywhere here.",
                "每个词元一行：CSV、JSON 或 NumPy 的打印输出。也可拖入文件：把 .npy 拖到某个文本框，或把名为 Q、K、V 的 .npy 与 .safetensors 张量拖到此处。",
            )}</p>
            <div class="issue" role="status" hidden=move || waiting.with(Option::is_none)><p>{waiting}</p></div>
        </Target>
    }
}

/// The three fields, with letter and colour.
const FIELDS: [(TensorName, &str, &str); 3] =
    [(TensorName::Q, "Q", "q"), (TensorName::K, "K", "k"), (TensorName::V, "V", "v")];

/// The rows of one tensor in the experiment.
fn rows(input: &Input, tensor: TensorName) -> Option<&Rows> {
    match (input, tensor) {
        (Input::Numbers { q, .. }, TensorName::Q) => Some(q),
        (Input::Numbers { k, .. }, TensorName::K) => Some(k),
        (Input::Numbers { v, .. }, TensorName::V) => Some(v),
        _ => None,
    }
}

/// What has been typed into the three fields and waits for the others to fit: Q, K, V.
type Drafts = RwSignal<[Option<Rows>; 3]>;

fn place(tensor: TensorName) -> usize {
    match tensor {
        TensorName::Q => 0,
        TensorName::K => 1,
        TensorName::V => 2,
    }
}

/// Takes new rows of one tensor; the input changes once the three fit together, so that the page never holds what it can't compute.
fn set_rows(lab: Lab, drafts: Drafts, tensor: TensorName, new: Rows) {
    drafts.update(|all| all[place(tensor)] = Some(new));
    let input = lab.experiment.with_untracked(|e| e.input.clone());
    let Some([q, k, v]) = joined(&input, drafts) else { return };
    if misfit(&q, &k, &v).is_none() {
        drafts.set([const { None }; 3]);
        set_input(lab, "input.numbers", Input::Numbers { q, k, v });
    }
}

/// What is typed, and what is there where nothing is.
fn joined(input: &Input, drafts: Drafts) -> Option<[Rows; 3]> {
    let of = |tensor| drafts.with(|all| all[place(tensor)].clone()).or_else(|| rows(input, tensor).cloned());
    Some([of(TensorName::Q)?, of(TensorName::K)?, of(TensorName::V)?])
}

/// Why Q, K and V don't fit together, in both languages.
fn misfit(q: &Rows, k: &Rows, v: &Rows) -> Option<(String, String)> {
    let size = |rows: &Rows| rows.first().map_or(0, Vec::len);
    if size(q) != size(k) {
        let (a, b) = (size(q), size(k));
        return Some((
            format!("Q has rows of {a} numbers and K of {b}: they must be equal. Change the other one too."),
            format!("Q 每行 {a} 个数，K 每行 {b} 个数：两者必须相等，请同时修改另一个。"),
        ));
    }
    (k.len() != v.len()).then(|| {
        let (a, b) = (k.len(), v.len());
        (
            format!("K has {a} rows and V has {b}: each key needs its value. Change the other one too."),
            format!("K 有 {a} 行，V 有 {b} 行：每个键都需要对应的值，请同时修改另一个。"),
        )
    })
}

/// One tensor as text.
#[component]
fn Field(
    /// Which tensor.
    tensor: TensorName,
    /// Its letter.
    letter: &'static str,
    /// Whose colour it has.
    colour: &'static str,
    /// Where rows wait for the other fields.
    drafts: Drafts,
) -> impl IntoView {
    let lab = lab();
    let numbers = Signal::memo(move || lab.experiment.with(|e| rows(&e.input, tensor).cloned().unwrap_or_default()));
    let typed = Signal::derive(move || drafts.with(|all| all[place(tensor)].clone()).unwrap_or_else(|| numbers.get()));
    let on_rows = Callback::new(move |new| set_rows(lab, drafts, tensor, new));
    view! { <RowsField name=letter colour=colour rows=numbers typed=typed on_rows=on_rows /> }
}

/// What the fields start with: the chosen head as it is on the page, or its first rows and places, rounded to be read.
pub fn numbers_of_head(lab: Lab) -> Input {
    let round = |x: &f32| (x * 1000.0).round() / 1000.0;
    let cut = |all: &[f32], columns: usize| -> Rows {
        let rows = all.chunks(columns.max(1)).take(FILL);
        rows.map(|row| row.iter().take(FILL).map(round).collect()).collect()
    };
    let head = lab.experiment.with_untracked(|e| e.view.head);
    let loaded = lab.loaded.get_untracked();
    let inputs = lab.inputs.get_untracked();
    match (loaded, inputs) {
        (Some(loaded), Some(inputs)) if head < loaded.dims.q_heads => {
            let dims = loaded.dims;
            Input::Numbers {
                q: cut(inputs.q_head(&dims, 0, head), dims.d),
                k: cut(inputs.k_head(&dims, 0, head), dims.d),
                v: cut(inputs.v_head(&dims, 0, head), dims.d_v),
            }
        }
        _ => {
            let unit: Rows = (0..3).map(|i| (0..3).map(|j| if i == j { 1.0 } else { 0.0 }).collect()).collect();
            Input::Numbers { q: unit.clone(), k: unit.clone(), v: unit }
        }
    }
}
