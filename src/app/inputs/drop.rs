//! Files with numbers, dropped or chosen: opened here, and handed on as named arrays.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{DragEvent, File};

use super::frames::Frames;
use super::numbers::Part;
use crate::app::i18n::t;
use crate::app::reactive::RwSignal;
use crate::app::share;
use crate::app::state::lab;
use crate::app::view::{handler, view};
use crate::catalogue::Lang;
use crate::experiment::limits;
use crate::interchange::bundle::ENDINGS;
use crate::interchange::select::{Axis, Extents, Most, View};
use crate::interchange::{Bundle, Words, limits as file_limits, select, shown, words};

/// What an experiment can take from a file.
pub const MOST: Most =
    Most { heads: limits::HEADS, tokens: limits::TOKENS, size: limits::SIZE, numbers: limits::NUMBERS };

/// A file that was opened.
pub struct Opened {
    /// What is in it.
    pub bundle: Bundle,
    /// Its name, safe to be shown.
    pub file: String,
    /// Where to say what is wrong with it.
    pub problem: RwSignal<Option<Words>>,
}

/// A sentence in the page's language.
pub fn said(lang: Lang, words: &Words) -> String {
    if lang == Lang::Zh && !words.zh.is_empty() { words.zh.clone() } else { words.en.clone() }
}

/// A place for one matrix: a file dropped on it, or chosen, gives its rows.
#[component]
pub fn Drop(
    /// Name of the matrix; of several arrays in a file it is the one taken.
    name: &'static str,
    /// Called with the rows.
    on_rows: Callback<Part>,
    /// Takes files with several arrays of which none has this name; without it they are refused.
    #[prop(optional)]
    several: Option<Callback<Opened>>,
    /// What the place looks like.
    children: Children,
) -> impl IntoView {
    let take = Callback::new(move |opened: Opened| {
        let all: Vec<String> = opened.bundle.entries.iter().map(|entry| entry.name.clone()).collect();
        let wanted = if all.len() == 1 { Some(0) } else { all.iter().position(|n| n.eq_ignore_ascii_case(name)) };
        match (wanted, several) {
            (Some(at), _) => spawn_local(async move {
                let Opened { mut bundle, file, problem } = opened;
                match rows_of(&mut bundle, at).await {
                    Ok(Part { heads, .. }) if heads > 1 && several.is_none() => {
                        let words =
                            words!("holds {heads} matrices; one is needed here", "含有 {heads} 个矩阵，此处只需一个");
                        problem.try_set(Some(of_file(&file, &words)));
                    }
                    Ok(part) => on_rows.run(part),
                    Err(words) => problem.try_set(Some(of_file(&file, &words))),
                }
            }),
            (None, Some(several)) => several.run(opened),
            (None, None) => opened.problem.try_set(Some(lacks(&opened.file, name, &all))),
        }
    });
    view! { <Target take=take>{children()}</Target> }
}

/// The rows of one array, its heads under each other.
///
/// # Errors
/// Damage, axes that say nothing, rows that are too long, numbers that are not finite.
pub async fn rows_of(bundle: &mut Bundle, at: usize) -> Result<Part, Words> {
    let pace = Frames::new();
    bundle.prepare(at, &pace).await.map_err(|error| error.words())?;
    let array = bundle.array(at).ok_or_else(Words::default)?;
    let mut view = View::guess(array.shape(), &MOST);
    // One matrix is what is asked for: its rows are not cut into heads.
    view.axes.iter_mut().filter(|axis| **axis == Axis::Merged).for_each(|axis| *axis = Axis::Size);
    let extents = view.extents(array.shape())?;
    let Extents { batch, heads, length, size } = extents;
    let count = heads.saturating_mul(length).saturating_mul(size);
    if batch > 1 || heads > MOST.heads || length > MOST.tokens || size > MOST.size || count > MOST.numbers {
        return Err(words!(
            "holds {batch} × {heads} × {length} × {size} numbers (sequences × heads × tokens × size), more than a field takes: drop the file beside the fields to choose a part of it",
            "含有 {batch} × {heads} × {length} × {size} 个数（序列 × 头 × 词元 × 大小），超过一个文本框的容量：请将文件拖到文本框以外以选择其中一部分"
        ));
    }
    let part = select::Part { batch: 0, heads: [0, heads], tokens: [0, length] };
    let rows = view.take(&array, &part, &pace).await.map_err(|error| error.words())?;
    Ok(Part { rows: rows.into(), heads })
}

/// A sentence about a file.
pub fn of_file(file: &str, words: &Words) -> Words {
    Words { en: format!("{file}: {}", words.en), zh: format!("{file}：{}", said(Lang::Zh, words)) }
}

/// What is said of a file without the array.
fn lacks(file: &str, name: &str, has: &[String]) -> Words {
    let has = has.iter().take(8).map(|name| shown(name)).collect::<Vec<_>>().join(", ");
    words!("{file} has no array {name}; it has {has}.", "{file} 中没有名为 {name} 的数组，只有 {has}。")
}

/// A place that takes files.
#[component]
pub fn Target(
    /// Takes what is in a file.
    take: Callback<Opened>,
    /// What the place looks like.
    children: Children,
) -> impl IntoView {
    let lab = lab();
    let over = RwSignal::new(false);
    let reading = RwSignal::new(false);
    let problem = RwSignal::new(None::<Words>);
    let open = move |file: File| {
        reading.set(true);
        problem.set(None);
        spawn_local(async move {
            let name = shown(&file.name());
            // Numbers may be JSON as well, and so is a saved experiment.
            if file.name().ends_with(".json") && share::open_file(lab, file.clone(), false).await {
                reading.try_set(false);
                return;
            }
            match opened(&file).await {
                Ok(bundle) => take.run(Opened { bundle, file: name, problem }),
                Err(words) => problem.try_set(Some(of_file(&name, &words))),
            }
            reading.try_set(false);
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
                <input type="file" class="quiet" accept=ENDINGS on:change=handler(on_choose) />
            </label>
            <p class="note" role="status" hidden=move || !reading.get()>{t("Reading the file…", "正在读取文件…")}</p>
            <div class="issue" role="alert" hidden=move || problem.with(Option::is_none)>
                <p>{move || problem.with(|p| p.as_ref().map(|words| said(lab.lang.get(), words)))}</p>
            </div>
        </div>
    }
}

/// Opens a file.
pub async fn opened(file: &File) -> Result<Bundle, Words> {
    let (size, most) = (file.size(), file_limits::FILE);
    if size > most as f64 {
        let (size, most) = ((size / f64::from(1 << 20)).round() as u64, most >> 20);
        return Err(words!(
            "{size} MiB; files of at most {most} MiB are read",
            "{size} MiB；最多读取 {most} MiB 的文件"
        ));
    }
    let buffer = JsFuture::from(file.array_buffer()).await;
    let buffer = buffer.map_err(|_| words!("the file could not be read", "无法读取文件"))?;
    let bytes = js_sys::Uint8Array::new(buffer.unchecked_ref()).to_vec();
    Bundle::open(&file.name(), bytes, &Frames::new()).await.map_err(|error| error.words())
}
