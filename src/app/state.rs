//! The page's state: one context, read and written through [`Lab`].
//!
//! The experiment is the truth; everything else is derived from it or comes back from the workers. Views read signals and call
//! [`Lab::edit`]; only `runner` writes what was computed.

use std::sync::Arc;

use leptos::prelude::*;

use super::clock;
use crate::app::reactive::{RwSignal, Signal};
use crate::attention::{Inputs, Loaded};
use crate::catalogue::{self, Lang};
use crate::engine::pool::SessionId;
use crate::engine::{Map, Outcome, Report};
use crate::experiment::{Experiment, History, Issue, Laboratory, Message, Pinned, Stage, View};

/// What stands for what is not there yet: the name of a token, a number.
pub const ON_ITS_WAY: &str = "…";

/// What the workers are doing.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Status {
    /// Nothing was asked yet.
    #[default]
    Starting,
    /// The input is being fetched or made.
    Loading,
    /// A run is under way; the share done, 0 to 1.
    Running(f64),
    /// What is shown belongs to the experiment.
    Ready,
    /// The last run was stopped by the user; what is shown is older than the experiment.
    Cancelled,
    /// The last run failed; the sentence is for the user. What is shown is older than the experiment.
    Failed(Message),
}

/// One run's times, for the history strip.
#[derive(Clone, Debug, PartialEq)]
pub struct Timing {
    /// What ran.
    pub report: Report,
    /// From the edit to the next painted frame that shows its result, milliseconds; absent for runs that no edit started.
    pub edit_to_paint_ms: Option<f64>,
    /// Of which on the page's own thread, milliseconds.
    pub page_ms: Option<f64>,
}

/// A captured text that can be chosen as input (from `captures/index.json`).
#[derive(Clone, Debug, PartialEq)]
pub struct Capture {
    /// Id in links.
    pub id: String,
    /// Title.
    pub title: Titles,
    /// The text; of a long one the first sentence.
    pub text: String,
    /// Number of tokens.
    pub tokens: usize,
    /// What to know about it.
    pub note: Option<Titles>,
}

/// A text of the captures' index, in both languages.
#[derive(Clone, Debug, PartialEq)]
pub struct Titles {
    /// English.
    pub en: String,
    /// Simplified Chinese.
    pub zh: String,
}

/// Colour theme.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the system says.
    #[default]
    Auto,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// A message that stays until it is dismissed or outdated.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// What happened, in the user's words.
    pub text: String,
    /// A text to keep, such as a link that could not be read.
    pub keep: Option<String>,
}

/// The page's state. `Copy`: signals only.
#[derive(Clone, Copy)]
pub struct Lab {
    history: RwSignal<History>,
    /// What the user set.
    pub experiment: Signal<Arc<Experiment>>,
    /// The setting that it is compared with.
    pub pinned: RwSignal<Option<Arc<Pinned>>>,
    /// The laboratory that is open, with its settings.
    pub laboratory: RwSignal<Option<Arc<Laboratory>>>,
    /// Problems with it; while there are any, the last good result stays.
    pub issues: RwSignal<Vec<Issue>>,
    /// The input as loaded, before edits.
    pub loaded: RwSignal<Option<Arc<Loaded>>>,
    /// Q, K and V with the user's edits.
    pub inputs: RwSignal<Option<Inputs>>,
    /// The last good result.
    pub outcome: RwSignal<Option<Arc<Outcome>>>,
    /// Its session, which is open for more pictures until the next result.
    pub session: RwSignal<Option<SessionId>>,
    /// The experiment that gave it; what is looked at, and the estimator beside it, may have changed since.
    pub computed: RwSignal<Option<Arc<Experiment>>>,
    /// Pictures of the last good result: every head's weights small, and of the chosen head every stage (or, past 128 × 128 cells, the chosen
    /// stage and the chosen row).
    pub maps: RwSignal<Arc<Vec<Map>>>,
    /// What the workers are doing.
    pub status: RwSignal<Status>,
    /// The last runs, newest last, at most 60.
    pub timings: RwSignal<Vec<Timing>>,
    /// The cell under the pointer or the keyboard cursor: (query, key). `None`: the experiment's own `view.query`, `view.key`.
    pub hover: RwSignal<Option<(usize, usize)>>,
    /// Captured texts on offer.
    pub captures: RwSignal<Vec<Capture>>,
    /// Whether the whole catalogue is here.
    pub whole: RwSignal<bool>,
    /// Messages.
    pub notices: RwSignal<Vec<Notice>>,
    /// Language of the page.
    pub lang: RwSignal<Lang>,
    /// Colour theme.
    pub theme: RwSignal<Theme>,
    /// Raised to ask the runner to stop the run under way.
    pub cancel: RwSignal<u32>,
    /// Raised to ask it for another try of what failed.
    pub again: RwSignal<u32>,
    /// Raised when the theme's colours have changed: canvases read the tokens and redraw.
    pub palette: RwSignal<u32>,
}

impl Lab {
    /// State that starts from `experiment`.
    pub fn new(experiment: Experiment) -> Self {
        let history = RwSignal::new(History::new(experiment));
        Self {
            history,
            experiment: Signal::memo(move || history.with(|h| h.present().clone())),
            pinned: RwSignal::new(None),
            laboratory: RwSignal::new(None),
            issues: RwSignal::new(Vec::new()),
            loaded: RwSignal::new(None),
            inputs: RwSignal::new(None),
            outcome: RwSignal::new(None),
            session: RwSignal::new(None),
            computed: RwSignal::new(None),
            maps: RwSignal::new(Arc::new(Vec::new())),
            status: RwSignal::new(Status::Starting),
            timings: RwSignal::new(Vec::new()),
            hover: RwSignal::new(None),
            captures: RwSignal::new(Vec::new()),
            whole: RwSignal::new(catalogue::is_whole()),
            notices: RwSignal::new(Vec::new()),
            lang: RwSignal::new(Lang::En),
            theme: RwSignal::new(Theme::Auto),
            cancel: RwSignal::new(0),
            again: RwSignal::new(0),
            palette: RwSignal::new(0),
        }
    }

    /// Changes the experiment. Changes with the same `key` within a second (a slider drag, a word being typed) are one step of undo.
    pub fn edit(&self, key: &str, change: impl FnOnce(&mut Experiment)) {
        let mut next = self.present();
        change(&mut next);
        self.replace(key, next);
    }

    /// Changes what is looked at. It is part of the link, but no step of undo.
    pub fn show(&self, change: impl FnOnce(&mut View)) {
        let mut next = self.present();
        change(&mut next.view);
        self.amend(next);
    }

    // Not inlined: these would be copied into each of the many places that edit.

    #[inline(never)]
    fn present(&self) -> Experiment {
        self.history.with_untracked(|h| h.present().as_ref().clone())
    }

    #[inline(never)]
    fn amend(&self, next: Experiment) {
        if self.history.with_untracked(|h| h.present().view != next.view) {
            self.history.update(|h| h.amend(next));
        }
    }

    /// Replaces the whole experiment (a preset, a link, the API).
    #[inline(never)]
    pub fn replace(&self, key: &str, next: Experiment) {
        if self.history.with_untracked(|h| h.present().as_ref() == &next) {
            return;
        }
        clock::mark_edit();
        self.history.update(|h| h.edit(key, clock::now(), next));
    }

    /// Starts anew from `experiment`: what the page was opened with is no step of undo.
    pub fn open(&self, experiment: Experiment) {
        self.history.set(History::new(experiment));
    }

    /// Takes back the last step.
    pub fn undo(&self) {
        if self.can_undo() {
            clock::mark_edit();
            self.history.update(|h| {
                h.undo();
            });
        }
    }

    /// Does the last step that was taken back again.
    pub fn redo(&self) {
        if self.can_redo() {
            clock::mark_edit();
            self.history.update(|h| {
                h.redo();
            });
        }
    }

    /// Whether there is a step to take back.
    pub fn can_undo(&self) -> bool {
        self.history.with(History::can_undo)
    }

    /// Whether there is a step to do again.
    pub fn can_redo(&self) -> bool {
        self.history.with(History::can_redo)
    }

    /// The cell whose story is told: under the pointer, else the selected one. (query, key)
    pub fn cell(&self) -> (usize, usize) {
        let selected = self.experiment.with(|e| (e.view.query, e.view.key));
        self.hover.get().unwrap_or(selected)
    }

    /// What the rows or the columns of the map are called; nothing where the keys were made into fewer. Columns after the tokens, which stand for blocks of
    /// them, have no names.
    pub fn tokens(&self, keys: bool) -> Vec<String> {
        let shown = self.outcome.with(|o| o.as_ref().map(|o| o.dims.n_k));
        let named = |l: &&Arc<Loaded>| !keys || shown.is_none_or(|n_k| n_k >= l.dims.n_k);
        let tokens = |l: &Arc<Loaded>| if keys { l.tokens_k.clone() } else { l.tokens_q.clone() };
        self.loaded.with(|l| match l {
            Some(l) => Some(l).filter(named).map(tokens).unwrap_or_default(),
            None => vec![ON_ITS_WAY.to_owned()],
        })
    }

    /// The same of one row or column; nothing where it has no name.
    pub fn token(&self, keys: bool, index: usize) -> Option<String> {
        let shown = self.outcome.with(|o| o.as_ref().map(|o| o.dims.n_k));
        self.loaded.with(|l| {
            let Some(l) = l else { return Some(ON_ITS_WAY.to_owned()) };
            if keys && shown.is_some_and(|n_k| n_k < l.dims.n_k) {
                return None;
            }
            let tokens = if keys { &l.tokens_k } else { &l.tokens_q };
            tokens.get(index).filter(|token| !token.is_empty()).cloned()
        })
    }

    /// Picture of one head's stage over the whole matrix, if the last result has it.
    pub fn picture(&self, stage: Stage, head: usize) -> Option<Map> {
        let n_q = self.outcome.with(|o| o.as_ref().map_or(0, |o| o.dims.n_q));
        self.maps.with(|maps| {
            let whole = |m: &&Map| m.request.stage == stage && m.request.head == head && m.request.q.len() == n_q;
            maps.iter().filter(whole).max_by_key(|m| m.values.len()).cloned()
        })
    }
}

/// The page's state.
pub fn lab() -> Lab {
    expect_context::<Lab>()
}
