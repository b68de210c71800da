//! A saved experiment, chosen in the dialog or dropped anywhere on the page.

use serde_json::Value;
use wasm_bindgen_futures::JsFuture;
use web_sys::File;

use crate::app::inputs;
use crate::app::state::{Lab, Notice};
use crate::experiment::{Experiment, Issue, Issues, Message, merge, message};
use crate::interchange::shown;

/// Bytes of a saved experiment.
const LARGEST: f64 = (16 << 20) as f64;

/// The experiment in a file.
///
/// # Errors
/// A file that is too large or holds no JSON, and everything that is wrong with the experiment.
pub async fn read(file: &File) -> Result<Experiment, Issues> {
    merge(&Experiment::default(), &json(file).await?)
}

async fn json(file: &File) -> Result<Value, Issues> {
    let refused = |message: Message| Issues::from(Issue::new("", message));
    if file.size() > LARGEST {
        let most = LARGEST as u64 >> 20;
        return Err(refused(message!("the file is larger than {most} MiB", "文件大于 {most} MiB")));
    }
    let text = JsFuture::from(file.text()).await.ok().and_then(|text| text.as_string());
    let value = text.and_then(|text| serde_json::from_str(&text).ok());
    value.map(unwrapped).ok_or_else(|| refused(message!("the file holds no JSON", "文件不是 JSON")))
}

/// What Export saves says by which program and version it was written, around the experiment.
fn unwrapped(mut value: Value) -> Value {
    match value.get_mut("experiment") {
        Some(inner) if inner.is_object() => inner.take(),
        _ => value,
    }
}

/// Arrays of files with these endings are no JSON, and may be large.
const ARRAYS: [&str; 3] = [".npy", ".npz", ".safetensors"];

/// Opens a dropped file if it is a saved experiment, as one step of undo, or says in a notice what is wrong with it. Whether it is one; with
/// `alone`, nobody else will look at the file, and of one with numbers one chooses what comes in.
pub async fn open(lab: Lab, file: File, alone: bool) -> bool {
    let name = shown(&file.name());
    let lang = lab.lang.get_untracked();
    let arrays = ARRAYS.iter().any(|ending| file.name().to_ascii_lowercase().ends_with(ending));
    let value = if arrays { None } else { json(&file).await.ok() };
    // Numbers may be JSON as well: an experiment says where its own come from.
    let Some(value) = value.filter(|value| value["input"]["kind"].is_string()) else {
        if alone {
            inputs::choose_dropped(lab, file).await;
        }
        return false;
    };
    match merge(&Experiment::default(), &value) {
        Ok(experiment) => lab.replace("file", experiment),
        Err(issues) => {
            let text = format!("{name}: {}", issues.lines(lang));
            lab.notices.update(|all| all.push(Notice { text, keep: None }));
        }
    }
    true
}
