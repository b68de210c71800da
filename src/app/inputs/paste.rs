//! Numbers of the user's own: three fields for Q, K and V, files dropped on them, and how to get such a file out of a model.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::change::set_input;
use super::choose::Chooser;
use super::drop::{Opened, Target, of_file, rows_of, said};
use super::exactness::Exactness;
use super::numbers::{Part, Rows, RowsField};
use super::snippet::Snippet;
use crate::app::i18n::t;
use crate::app::piece::piece;
use crate::app::reactive::{RwSignal, Signal};
use crate::app::state::{Lab, lab};
use crate::app::view::view;
use crate::experiment::{Input, TensorName};
use crate::interchange::{Words, words};

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
        misfit(&q, &k, &v).map(|words| said(lab.lang.get(), &words))
    });
    // Each file is a new sheet.
    let opened = RwSignal::new(0_u32);
    let chosen = StoredValue::new(None::<Opened>);
    let choose = Callback::new(move |file: Opened| {
        chosen.set_value(Some(file));
        opened.update(|n| *n += 1);
    });
    let on_use = Callback::new(move |input: Input| {
        drafts.set([const { None }; 3]);
        set_input(lab, "input.file", input);
    });
    // Of files dropped beside the fields one array that is called Q, K or V fills that field; of all others one chooses.
    let take = Callback::new(move |file: Opened| {
        let named = |letter: &str| matches!(&file.bundle.entries[..], [one] if one.name.eq_ignore_ascii_case(letter));
        let Some((tensor, ..)) = FIELDS.into_iter().find(|(_, letter, _)| named(letter)) else {
            return choose.run(file);
        };
        let Opened { mut bundle, file, problem } = file;
        spawn_local(async move {
            match rows_of(&mut bundle, 0).await {
                Ok(part) => set_rows(lab, drafts, tensor, part),
                Err(words) => problem.try_set(Some(of_file(&file, &words))),
            }
        });
    });
    view! {
        <Target take=take>
            <Exactness />
            {FIELDS.map(|(tensor, letter, colour)| view! { <Field tensor=tensor letter=letter colour=colour drafts=drafts choose=choose /> }).collect_view()}
            <p class="note">{t(
                "One row a token, an empty line between heads: cells of a spreadsheet, CSV, JSON, or what NumPy and PyTorch print. A file dropped on a field goes there; dropped anywhere else here, you choose what of it is Q, K and V: .npz, .npy, .safetensors, .csv, .tsv, .json, .txt.",
                "每个词元一行，头与头之间空一行：电子表格单元格、CSV、JSON，或 NumPy、PyTorch 的打印输出。拖到某个文本框的文件归该框；拖到此处其他位置则可选择其中哪些是 Q、K、V：.npz、.npy、.safetensors、.csv、.tsv、.json、.txt。",
            )}</p>
            <div class="issue" role="status" hidden=move || waiting.with(Option::is_none)><p>{waiting}</p></div>
        </Target>
        {move || (opened.get() > 0).then(|| chosen.try_update_value(Option::take).flatten()).flatten().map(|file| view! { <Chooser file=file on_use=on_use /> })}
        <Snippet />
    }
}

/// The three fields, with letter and colour.
const FIELDS: [(TensorName, &str, &str); 3] =
    [(TensorName::Q, "Q", "q"), (TensorName::K, "K", "k"), (TensorName::V, "V", "v")];

/// The rows of one tensor in the experiment.
fn rows(input: &Input, tensor: TensorName) -> Option<Part> {
    let Input::Numbers { q, k, v, q_heads, kv_heads, .. } = input else { return None };
    let (rows, heads) = match tensor {
        TensorName::Q => (q, q_heads),
        TensorName::K => (k, kv_heads),
        TensorName::V => (v, kv_heads),
    };
    Some(Part { rows: rows.clone(), heads: *heads })
}

/// What has been typed into the three fields and waits for the others to fit: Q, K, V.
type Drafts = RwSignal<[Option<Part>; 3]>;

fn place(tensor: TensorName) -> usize {
    match tensor {
        TensorName::Q => 0,
        TensorName::K => 1,
        TensorName::V => 2,
    }
}

/// Takes new rows of one tensor; the input changes once the three fit together, so that the page never holds what it can't compute.
fn set_rows(lab: Lab, drafts: Drafts, tensor: TensorName, new: Part) {
    drafts.update(|all| all[place(tensor)] = Some(new));
    let input = lab.experiment.with_untracked(|e| e.input.clone());
    let Some([q, k, v]) = joined(&input, drafts) else { return };
    if misfit(&q, &k, &v).is_none() {
        drafts.set([const { None }; 3]);
        let (q_heads, kv_heads) = (q.heads, k.heads);
        // Those of the three that stay are as exact as they were.
        let rounded = input.rounded();
        let new = Input::Numbers { q: q.rows, k: k.rows, v: v.rows, q_heads, kv_heads, rounded };
        set_input(lab, "input.numbers", new);
    }
}

/// What is typed, and what is there where nothing is.
fn joined(input: &Input, drafts: Drafts) -> Option<[Part; 3]> {
    let of = |tensor| drafts.with(|all| all[place(tensor)].clone()).or_else(|| rows(input, tensor));
    Some([of(TensorName::Q)?, of(TensorName::K)?, of(TensorName::V)?])
}

/// Why Q, K and V don't fit together.
fn misfit(q: &Part, k: &Part, v: &Part) -> Option<Words> {
    let (a, b) = (q.width(), k.width());
    if a != b {
        return Some(words!(
            "Q has rows of {a} numbers and K of {b}: they must be equal. Change the other one too.",
            "Q 每行 {a} 个数，K 每行 {b} 个数：两者必须相等，请同时修改另一个。"
        ));
    }
    let (a, b) = (k.heads, v.heads);
    if a != b {
        return Some(words!(
            "K has {a} heads and V has {b}: they must be equal. Change the other one too.",
            "K 有 {a} 个头，V 有 {b} 个头：两者必须相等，请同时修改另一个。"
        ));
    }
    let a = q.heads;
    if !a.is_multiple_of(b) {
        return Some(words!(
            "Q has {a} heads and K has {b}: as many, or a divisor. Change the other one too.",
            "Q 有 {a} 个头，K 有 {b} 个头：须相同或为其约数，请同时修改另一个。"
        ));
    }
    let (a, b) = (k.length(), v.length());
    (a != b).then(|| {
        words!(
            "K has {a} rows and V has {b}: each key needs its value. Change the other one too.",
            "K 有 {a} 行，V 有 {b} 行：每个键都需要对应的值，请同时修改另一个。"
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
    /// Takes files with several arrays.
    choose: Callback<Opened>,
) -> impl IntoView {
    let lab = lab();
    let numbers = Signal::memo(move || lab.experiment.with(|e| rows(&e.input, tensor).unwrap_or_default()));
    let typed = Signal::derive(move || drafts.with(|all| all[place(tensor)].clone()).unwrap_or_else(|| numbers.get()));
    let on_rows = Callback::new(move |new| set_rows(lab, drafts, tensor, new));
    view! { <RowsField name=letter colour=colour rows=numbers typed=typed on_rows=on_rows several=choose /> }
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
            Input::one_head(
                cut(inputs.q_head(&dims, 0, head), dims.d),
                cut(inputs.k_head(&dims, 0, head), dims.d),
                cut(inputs.v_head(&dims, 0, head), dims.d_v),
            )
        }
        _ => {
            let unit: Rows = (0..3).map(|i| (0..3).map(|j| if i == j { 1.0 } else { 0.0 }).collect()).collect();
            Input::one_head(unit.clone(), unit.clone(), unit)
        }
    }
}
