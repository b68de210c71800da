//! What was found in this visit, and what is being measured. Findings outlive the sheet, which may be closed and opened again.

use std::cell::RefCell;
use std::sync::Arc;

use leptos::prelude::{LocalStorage, StoredValue, WithValue};

use crate::app::reactive::{RwSignal, Signal};
use crate::app::runner;
use crate::app::state::{Lab, lab};
use crate::catalogue::Lang;
use crate::claims::{Claim, Finding, Settings, all};
use crate::engine::pool::{Cancel, Pool};

thread_local! {
    static VISIT: RefCell<Vec<Place>> = const { RefCell::new(Vec::new()) };
}

/// A claim in this visit.
struct Place {
    settings: Settings,
    found: Option<Found>,
}

/// What was found of a claim, and with which sliders. No two are the same.
#[derive(Clone)]
pub struct Found {
    /// Where the sliders stood.
    pub settings: Settings,
    /// In English and in Chinese.
    findings: Arc<[Finding; 2]>,
    /// Whether everything was measured: it was not stopped.
    pub whole: bool,
    /// Milliseconds that it took.
    pub ms: f64,
}

impl PartialEq for Found {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.findings, &other.findings)
    }
}

impl Found {
    /// What follows from answers: in both languages, which is the end of a measurement, or in one `only` while more is to come.
    pub fn new(settings: Settings, find: impl Fn(Lang) -> Finding, only: Option<Lang>, ms: f64) -> Self {
        let findings = match only {
            Some(lang) => {
                let finding = find(lang);
                [finding.clone(), finding]
            }
            None => [find(Lang::En), find(Lang::Zh)],
        };
        Self { settings, findings: Arc::new(findings), whole: only.is_none(), ms }
    }

    /// In a language.
    pub fn finding(&self, lang: Lang) -> &Finding {
        match lang {
            Lang::En => &self.findings[0],
            Lang::Zh => &self.findings[1],
        }
    }
}

/// What is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    /// The table of claims.
    #[default]
    Table,
    /// The claim at this place of the list.
    Claim(usize),
    /// Everything that was found.
    Report,
}

/// What is being measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Running {
    /// Which claim.
    pub place: usize,
    /// How far it is, 0 to 1.
    pub share: f64,
    /// Claims that wait.
    pub waiting: Vec<usize>,
}

/// The sheet's state, made where the context is: handlers have none. `Copy`: signals only.
#[derive(Clone, Copy)]
pub struct Desk {
    /// The page.
    pub lab: Lab,
    /// Its workers.
    pub pool: StoredValue<Pool, LocalStorage>,
    /// Raised when something of the visit has changed.
    changed: RwSignal<u32>,
    /// What is being measured.
    pub running: RwSignal<Option<Running>>,
    /// What is shown.
    pub page: RwSignal<Shown>,
    /// Stops what is being measured.
    pub cancel: StoredValue<Cancel, LocalStorage>,
}

impl Desk {
    /// The visit as it is.
    pub fn new() -> Self {
        VISIT.with_borrow_mut(|visit| {
            for claim in all().iter().skip(visit.len()) {
                visit.push(Place { settings: Settings::usual(claim.sliders), found: None });
            }
        });
        Self {
            lab: lab(),
            pool: runner::pool(),
            changed: RwSignal::new(0),
            running: RwSignal::new(None),
            page: RwSignal::new(Shown::Table),
            cancel: StoredValue::new_local(Cancel::default()),
        }
    }

    /// What was found of a claim; followed.
    pub fn found(self, place: usize) -> Option<Found> {
        self.changed.track();
        VISIT.with_borrow(|visit| visit.get(place).and_then(|place| place.found.clone()))
    }

    /// Where a claim's sliders stand; followed.
    pub fn settings(self, place: usize) -> Settings {
        self.changed.track();
        self.settings_now(place)
    }

    /// The same, for handlers.
    pub fn settings_now(self, place: usize) -> Settings {
        VISIT.with_borrow(|visit| visit.get(place).map(|place| place.settings.clone()).unwrap_or_default())
    }

    /// Moves a claim's sliders.
    pub fn set(self, place: usize, settings: Settings) {
        VISIT.with_borrow_mut(|visit| {
            if let Some(place) = visit.get_mut(place) {
                place.settings = settings;
            }
        });
        self.tell();
    }

    /// Keeps what was found.
    pub fn keep(self, place: usize, found: Found) {
        VISIT.with_borrow_mut(|visit| {
            if let Some(place) = visit.get_mut(place) {
                place.found = Some(found);
            }
        });
        self.tell();
    }

    fn tell(self) {
        // What is measured may end after the sheet has gone.
        thread_local! { static COUNT: std::cell::Cell<u32> = const { std::cell::Cell::new(0) }; }
        let next = COUNT.get().wrapping_add(1);
        COUNT.set(next);
        self.changed.try_set(next);
    }

    /// How far a claim is, while it is measured.
    pub fn share(self, place: usize) -> Signal<Option<f64>> {
        Signal::memo(move || {
            self.running.with(|running| running.as_ref().filter(|of| of.place == place).map(|of| of.share))
        })
    }

    /// Whether a claim waits for its turn.
    pub fn waits(self, place: usize) -> Signal<bool> {
        Signal::memo(move || {
            self.running.with(|running| running.as_ref().is_some_and(|of| of.waiting.contains(&place)))
        })
    }

    /// Whether anything is measured.
    pub fn busy(self) -> Signal<bool> {
        Signal::memo(move || self.running.with(Option::is_some))
    }

    /// Stops what is being measured, and what waits.
    pub fn stop(self) {
        self.cancel.try_with_value(Cancel::cancel);
    }
}

/// The claim at a place of the list.
pub fn claim(place: usize) -> Option<&'static Claim> {
    all().get(place).copied()
}
