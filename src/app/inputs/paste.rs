//! Pasted numbers: three fields for Q, K and V, and files dropped on them.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use wasm_split_helpers::{SplitLoaderError, wasm_split};
use web_sys::DragEvent;

use super::change::set_input;
use crate::app::controls::unique;
use crate::app::i18n::{self, t};
use crate::app::piece::piece;
use crate::app::reactive::{RwSignal, Signal, effect};
use crate::app::state::{Lab, lab};
use crate::app::view::{handler, view};
use crate::experiment::{Input, TensorName};
use crate::interchange::{InterchangeError, Numbers, SafetensorsFile};

/// Most rows and columns that the fields are filled with from the page.
const FILL: usize = 32;

type Rows = Vec<Vec<f32>>;

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
    let over = RwSignal::new(false);
    let problem = RwSignal::new(None::<String>);
    let drafts: Drafts = RwSignal::new([const { None }; 3]);
    let waiting = Signal::derive(move || {
        let [q, k, v] = joined(&lab.experiment.with(|e| e.input.clone()), drafts)?;
        misfit(&q, &k, &v).map(|(en, zh)| if lab.lang.get() == crate::catalogue::Lang::En { en } else { zh })
    });
    let on_drop = move |event: DragEvent| {
        event.prevent_default();
        over.set(false);
        let files = event.data_transfer().and_then(|d| d.files());
        if let Some(file) = files.and_then(|f| f.get(0)) {
            spawn_local(async move { problem.set(take_file(lab, &file).await.err()) });
        }
    };
    view! {
        <div
            class="drop"
            class:over=move || over.get()
            on:dragover=handler(move |event: DragEvent| { event.prevent_default(); over.set(true); })
            on:dragleave=handler(move |_| over.set(false))
            on:drop=handler(on_drop)
        >
            <Field tensor=TensorName::Q drafts=drafts />
            <Field tensor=TensorName::K drafts=drafts />
            <Field tensor=TensorName::V drafts=drafts />
            <p class="note">{t(
                "One row a token: CSV, JSON or what NumPy prints. Or drop a .safetensors file with tensors named Q, K and V.",
                "每个词元一行：CSV、JSON 或 NumPy 的打印输出。也可拖入含有 Q、K、V 张量的 .safetensors 文件。",
            )}</p>
            <div class="issue" role="alert" hidden=move || problem.with(Option::is_none)><p>{move || problem.get()}</p></div>
            <div class="issue" role="status" hidden=move || waiting.with(Option::is_none)><p>{waiting}</p></div>
        </div>
    }
}

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

fn read(text: &str) -> Result<Rows, InterchangeError> {
    Numbers::parse(text).and_then(|numbers| numbers.matrix())
}

/// One tensor as text. The text stays as typed; it is written anew only when the numbers change elsewhere (undo, a dropped file).
#[component]
fn Field(
    /// Which tensor.
    tensor: TensorName,
    /// Where rows wait for the other fields.
    drafts: Drafts,
) -> impl IntoView {
    let lab = lab();
    let (id, note) = (unique("numbers"), unique("numbers-issue"));
    let numbers = Signal::memo(move || lab.experiment.with(|e| rows(&e.input, tensor).cloned().unwrap_or_default()));
    let text = RwSignal::new(String::new());
    effect(move || {
        let now = numbers.get();
        if text.with_untracked(|t| read(t).ok().as_ref() != Some(&now)) {
            text.set(write(&now));
        }
    });
    let problem = Signal::memo(move || text.with(|t| read(t).err().map(|e| e.to_string())));
    let on_input = move |event| {
        text.set(event_target_value(&event));
        if let Ok(new) = text.with_untracked(|t| read(t)) {
            set_rows(lab, drafts, tensor, new);
        }
    };
    let (letter, colour) = match tensor {
        TensorName::Q => ("Q", "q"),
        TensorName::K => ("K", "k"),
        TensorName::V => ("V", "v"),
    };
    let typed = move || drafts.with(|all| all[place(tensor)].clone()).unwrap_or_else(|| numbers.get());
    let size = Signal::derive(move || {
        let rows = typed();
        format!("{} × {}", rows.len(), rows.first().map_or(0, Vec::len))
    });
    view! {
        <div class="field" data-tensor=colour>
            <label for=id.clone()><b>{letter}</b>" "<small>{size}</small></label>
            <textarea
                id=id
                rows="3"
                spellcheck="false"
                wrap="off"
                aria-label=move || format!("{letter}: {}", i18n::now(lab.lang.get(), "numbers", "数值"))
                aria-describedby=note.clone()
                aria-invalid=move || problem.with(|p| p.is_some().then_some("true"))
                prop:value=move || text.get()
                on:input=handler(on_input)
            ></textarea>
            <div class="issue" id=note role="alert" hidden=move || problem.with(Option::is_none)><p>{move || problem.get()}</p></div>
        </div>
    }
}

/// Rows as text, one a line.
fn write(rows: &Rows) -> String {
    let line = |row: &Vec<f32>| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
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

/// Reads a dropped file into the fields: a safetensors file fills all three, a text file is refused with the way to do it.
async fn take_file(lab: Lab, file: &web_sys::File) -> Result<(), String> {
    let said = |en, zh| i18n::now(lab.lang.get_untracked(), en, zh).to_owned();
    if !file.name().ends_with(".safetensors") {
        return Err(said(
            "Only .safetensors files can be dropped; paste other numbers into a field.",
            "只能拖入 .safetensors 文件；其他数值请粘贴到文本框。",
        ));
    }
    let buffer =
        JsFuture::from(file.array_buffer()).await.map_err(|_| said("The file could not be read.", "无法读取文件。"))?;
    let bytes = js_sys::Uint8Array::new(buffer.unchecked_ref()).to_vec();
    let head = lab.experiment.with_untracked(|e| e.view.head);
    let [q, k, v] = tensors(&bytes, head).map_err(|e| format!("{}: {e}", file.name()))?;
    set_input(lab, "input.file", Input::Numbers { q, k, v });
    Ok(())
}

/// Q, K and V of one head; extents before the last two are heads (a batch of 1 before them).
fn tensors(bytes: &[u8], head: usize) -> Result<[Rows; 3], String> {
    let file = SafetensorsFile::open(bytes).map_err(|e| e.to_string())?;
    let names: Vec<String> = file.shapes().keys().map(|&name| name.to_owned()).collect();
    let one = |wanted: &str| -> Result<Rows, String> {
        let name = names.iter().find(|n| n.eq_ignore_ascii_case(wanted));
        let name = name.ok_or_else(|| format!("has no tensor {wanted}; it has {}", names.join(", ")))?;
        let tensor = file.tensor(name).map_err(|e| e.to_string())?;
        let [.., rows, columns] = tensor.shape[..] else {
            return Err(format!("tensor {name} has fewer than two extents"));
        };
        let size = rows * columns;
        let heads = tensor.data.len().checked_div(size).unwrap_or(0);
        let start = head.min(heads.saturating_sub(1)) * size;
        let part = tensor
            .data
            .get(start..start + size)
            .filter(|p| !p.is_empty())
            .ok_or_else(|| format!("tensor {name} is empty"))?;
        Ok(part.chunks(columns).map(<[f32]>::to_vec).collect())
    };
    Ok([one("Q")?, one("K")?, one("V")?])
}
