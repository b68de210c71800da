//! Files with numbers, dropped or chosen: `.npy`, `.safetensors`, and text as it can be pasted.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{DragEvent, File};

use super::numbers::{Rows, read};
use crate::app::i18n::t;
use crate::app::reactive::RwSignal;
use crate::app::state::{Lab, lab};
use crate::app::view::{handler, view};
use crate::catalogue::Text;
use crate::experiment::limits;
use crate::interchange::{SafetensorsFile, Tensor, npy};

/// Most bytes of a file: four times what Q, K and V may take.
const MOST_BYTES: f64 = (4 * limits::BYTES) as f64;

/// A place for one matrix: a file dropped on it, or chosen, gives its rows.
#[component]
pub fn Drop(
    /// Name of the matrix; of several tensors in a file it is the one taken.
    name: &'static str,
    /// Called with the rows.
    on_rows: Callback<Rows>,
    /// What the place looks like.
    children: Children,
) -> impl IntoView {
    let take = Callback::new(move |(mut found, file): (Vec<Named>, String)| {
        let all: Vec<String> = found.iter().map(|(name, _)| name.clone()).collect();
        let wanted = if found.len() == 1 { Some(0) } else { all.iter().position(|n| n.eq_ignore_ascii_case(name)) };
        match wanted {
            Some(at) => {
                on_rows.run(found.swap_remove(at).1);
                Ok(())
            }
            None => Err(lacks(&file, name, &all)),
        }
    });
    view! { <Target take=take>{children()}</Target> }
}

/// A tensor's name and the chosen head's rows.
pub type Named = (String, Rows);

/// What is done with a file's matrices; the sentence says why nothing was.
pub type Take = Callback<(Vec<Named>, String), Result<(), [String; 2]>>;

/// What is said of a file without the tensor.
pub fn lacks(file: &str, name: &str, has: &[String]) -> [String; 2] {
    let has = has.join(", ");
    [format!("{file} has no tensor {name}; it has {has}."), format!("{file} 中没有名为 {name} 的张量，只有 {has}。")]
}

/// A place that takes files.
#[component]
pub fn Target(
    /// Takes the matrices of one file.
    take: Take,
    /// What the place looks like.
    children: Children,
) -> impl IntoView {
    let lab = lab();
    let over = RwSignal::new(false);
    let problem = RwSignal::new(None::<[String; 2]>);
    let open = move |file: File| {
        spawn_local(async move {
            let found = matrices(lab, &file).await;
            problem.set(found.and_then(|found| take.run((found, file.name()))).err());
        });
    };
    let on_drop = move |event: DragEvent| {
        event.prevent_default();
        event.stop_propagation();
        over.set(false);
        let files = event.data_transfer().and_then(|d| d.files());
        (0..files.as_ref().map_or(0, web_sys::FileList::length)).filter_map(|i| files.as_ref()?.get(i)).for_each(open);
    };
    let on_choose = move |event| {
        let input = event_target::<web_sys::HtmlInputElement>(&event);
        if let Some(file) = input.files().and_then(|files| files.get(0)) {
            open(file);
        }
        // The same file can be chosen again.
        input.set_value("");
    };
    view! {
        <div
            class="drop"
            class:over=move || over.get()
            on:dragover=handler(move |event: DragEvent| { event.prevent_default(); event.stop_propagation(); over.set(true); })
            on:dragleave=handler(move |_| over.set(false))
            on:drop=handler(on_drop)
        >
            {children()}
            <label class="quiet-button file">
                {t("Open a file…", "打开文件…")}
                <input type="file" class="quiet" accept=".npy,.safetensors,.csv,.json,.txt" on:change=handler(on_choose) />
            </label>
            <div class="issue" role="alert" hidden=move || problem.with(Option::is_none)>
                <p>{move || problem.get().map(|[en, zh]| if lab.lang.get() == crate::catalogue::Lang::En { en } else { zh })}</p>
            </div>
        </div>
    }
}

/// Every matrix of a file; of a tensor with heads the chosen one's. A `.npy` and a text are called after their file.
async fn matrices(lab: Lab, file: &File) -> Result<Vec<Named>, [String; 2]> {
    let name = file.name();
    let said = |text: Text| [format!("{name}: {}", text.en), format!("{name}：{}", text.zh)];
    let fault = |error: &dyn std::fmt::Display| [format!("{name}: {error}"), format!("{name}：{error}")];
    if file.size() > MOST_BYTES {
        return Err(said(Text::new("the file is too large", "文件过大")));
    }
    let buffer = JsFuture::from(file.array_buffer()).await;
    let buffer = buffer.map_err(|_| said(Text::new("the file could not be read", "无法读取文件")))?;
    let bytes = js_sys::Uint8Array::new(buffer.unchecked_ref()).to_vec();
    let head = lab.experiment.with_untracked(|e| e.view.head);
    let (stem, ending) = name.rsplit_once('.').unwrap_or((&name, ""));
    match ending.to_ascii_lowercase().as_str() {
        "npy" => {
            let tensor = npy::read(&bytes).map_err(|e| fault(&e))?;
            Ok(vec![(stem.to_owned(), head_of(&tensor, head).ok_or_else(|| fault(&"holds no numbers"))?)])
        }
        "safetensors" => {
            let file = SafetensorsFile::open(&bytes).map_err(|e| fault(&e))?;
            let fits = |shape: &[usize]| (2..=4).contains(&shape.len()) && shape.iter().product::<usize>() > 0;
            let names = file.shapes().into_iter().filter(|(_, shape)| fits(shape)).map(|(name, _)| name.to_owned());
            let mut found = Vec::new();
            for name in names.take(64) {
                let tensor = file.tensor(&name).map_err(|e| fault(&e))?;
                found.extend(head_of(&tensor, head).map(|rows| (name, rows)));
            }
            if found.is_empty() {
                return Err(said(Text::new("there is no tensor with two to four extents", "没有二维到四维的张量")));
            }
            Ok(found)
        }
        _ => {
            let text = String::from_utf8(bytes).map_err(|_| {
                said(Text::new(
                    "neither .npy nor .safetensors, nor text with numbers",
                    "既不是 .npy 或 .safetensors，也不是数值文本",
                ))
            })?;
            Ok(vec![(stem.to_owned(), read(&text).map_err(|e| fault(&e))?)])
        }
    }
}

/// The last two extents of one head (the last head where there are fewer); extents before are heads and a batch, of which the first is taken.
fn head_of(tensor: &Tensor, head: usize) -> Option<Rows> {
    let [.., rows, columns] = tensor.shape[..] else { return None };
    let size = rows * columns;
    let heads = match tensor.shape[..] {
        [.., heads, _, _] => heads,
        _ => 1,
    };
    let start = head.min(heads.saturating_sub(1)) * size;
    let part = tensor.data.get(start..start + size).filter(|part| !part.is_empty())?;
    Some(part.chunks(columns).map(<[f32]>::to_vec).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_heads_rows_are_taken() {
        let count = |shape: &[usize]| Tensor {
            shape: shape.to_vec(),
            data: (0..shape.iter().product::<usize>()).map(|i| i as f32).collect(),
        };
        assert_eq!(head_of(&count(&[2, 2]), 5), Some(vec![vec![0.0, 1.0], vec![2.0, 3.0]]));
        assert_eq!(head_of(&count(&[3, 1, 2]), 1), Some(vec![vec![2.0, 3.0]]));
        assert_eq!(head_of(&count(&[3, 1, 2]), 7), Some(vec![vec![4.0, 5.0]]));
        // The first of two sequences.
        assert_eq!(head_of(&count(&[2, 2, 1, 1]), 9), Some(vec![vec![1.0]]));
        assert_eq!(head_of(&count(&[0, 2]), 0), None);
        assert_eq!(head_of(&count(&[4]), 0), None);
    }
}
