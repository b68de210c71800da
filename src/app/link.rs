//! Links read and written: a piece of the program of its own, fetched when the address holds a link or when somebody begins to edit.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

use std::sync::Arc;

use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::state::Lab;
use super::whole;
use crate::experiment::{
    Experiment, Input, Issue, Laboratory, Opened, Pinned, decode, encode, limits, message, with_laboratory, with_pinned,
};

/// What a link's fragment opens. Where the piece does not arrive, the default experiment and a word about it.
pub async fn read(raw: String) -> Opened {
    // A link may name any entry. Without the piece the check says that there is no such entry.
    let _ = whole::before_mount().await;
    match opened(raw.clone()).await {
        Ok(opened) => opened,
        Err(_) => {
            let missing = Issue::new(
                "",
                message!(
                    "the part of the page that reads links did not arrive; reload to try again",
                    "页面中读取链接的部分未能加载；请刷新重试"
                ),
            );
            Opened { experiment: Experiment::default(), pinned: None, laboratory: None, problems: vec![missing], raw }
        }
    }
}

/// A link as it was written.
pub struct Written {
    /// The fragment: empty for the default experiment.
    pub fragment: String,
    /// Whether it opens all of the experiment. One with too many numbers of its own for an address is written without its input and edits, and without tables and painted
    /// cells where those are too many by themselves.
    pub whole: bool,
}

/// What a link holds beside the experiment.
#[derive(Clone, Default)]
pub struct Beside {
    /// The setting that it is compared with.
    pub pinned: Option<Arc<Pinned>>,
    /// The laboratory that is open.
    pub laboratory: Option<Arc<Laboratory>>,
}

impl Beside {
    /// What stands beside the page's experiment now; who follows it is told of changes.
    pub fn of(lab: Lab) -> Self {
        Self { pinned: lab.pinned.get(), laboratory: lab.laboratory.get() }
    }

    /// The same, not followed.
    pub fn now(lab: Lab) -> Self {
        Self { pinned: lab.pinned.get_untracked(), laboratory: lab.laboratory.get_untracked() }
    }
}

/// The fragment that opens `experiment`, and what stands beside it.
///
/// # Errors
/// When the piece does not arrive; asking again tries again.
pub async fn write(experiment: Arc<Experiment>, beside: Beside) -> Result<Written, SplitLoaderError> {
    fragment(experiment, beside).await
}

/// Fetches the piece, so that it is there when it is needed.
pub async fn prepare(lab: Lab) {
    // Should they fail, whoever needs them tries again and says so.
    let _ = fetch().await;
    let _ = whole::fetch(lab).await;
}

#[wasm_split(catalogue, fallible, preload(fetch))]
fn opened(raw: String) -> Result<Opened, SplitLoaderError> {
    Ok(decode(&raw))
}

#[wasm_split(catalogue, fallible)]
fn fragment(experiment: Arc<Experiment>, Beside { pinned, laboratory }: Beside) -> Result<Written, SplitLoaderError> {
    let alone = if *experiment == Experiment::default() {
        Written { fragment: String::new(), whole: true }
    } else {
        let whole = written(&experiment).map(|fragment| Written { fragment, whole: true });
        whole.unwrap_or_else(|| without_input(&experiment))
    };
    let both = match pinned {
        None => alone,
        Some(pinned) => beside(alone, &pinned),
    };
    Ok(match laboratory {
        None => both,
        Some(laboratory) => {
            let fragment = with_laboratory(&both.fragment, &laboratory);
            if fragment.len() <= limits::LINK { Written { fragment, ..both } } else { both }
        }
    })
}

/// With the setting beside it; where both are too long, that one without its input.
fn beside(alone: Written, pinned: &Pinned) -> Written {
    let fits = pinned.experiment.input.numbers() <= limits::LINK;
    let both = fits.then(|| with_pinned(&alone.fragment, pinned)).filter(|both| both.len() <= limits::LINK);
    match both {
        Some(fragment) => Written { fragment, ..alone },
        None => {
            let without = Experiment { input: Input::default(), edits: Vec::new(), ..(*pinned.experiment).clone() };
            let pinned = Pinned { experiment: Arc::new(without), ..*pinned };
            let both = with_pinned(&alone.fragment, &pinned);
            Written { fragment: if both.len() <= limits::LINK { both } else { alone.fragment }, whole: false }
        }
    }
}

/// The fragment of the whole experiment, for code that is in a late piece itself; `None` where it would be too long to be read back.
pub fn written(experiment: &Experiment) -> Option<String> {
    // Packed in whatever way: writing them all would take a second after each edit.
    let fits = experiment.input.numbers() <= limits::LINK;
    fits.then(|| encode(experiment)).filter(|fragment| fragment.len() <= limits::LINK)
}

/// The same with the setting beside it, for code that is in a late piece itself; `None` where both would be too long to be read back. Empty for the
/// default experiment alone.
pub fn written_beside(experiment: &Experiment, pinned: Option<&Pinned>) -> Option<String> {
    let alone = if *experiment == Experiment::default() { String::new() } else { written(experiment)? };
    match pinned {
        None => Some(alone),
        Some(pinned) => {
            let fits = pinned.experiment.input.numbers() <= limits::LINK;
            fits.then(|| with_pinned(&alone, pinned)).filter(|both| both.len() <= limits::LINK)
        }
    }
}

/// Without what holds numbers by the thousand: the input with its edits; and tables and painted cells, where those are too long by themselves.
fn without_input(experiment: &Experiment) -> Written {
    let mut without = Experiment { input: Input::default(), edits: Vec::new(), ..experiment.clone() };
    let mut fragment = encode(&without);
    if fragment.len() > limits::LINK {
        (without.data, without.paint) = Default::default();
        fragment = encode(&without);
    }
    Written { fragment, whole: false }
}
