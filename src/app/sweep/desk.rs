//! What is set, and what came of it.

use std::sync::Arc;

use leptos::prelude::untrack;

use crate::analysis::sweep::{Asked, Axis, Report, Setting, Way};
use crate::app::reactive::{RwSignal, Signal};
use crate::experiment::Message;

/// The circumstances of a measurement.
#[derive(Clone, Debug, PartialEq)]
pub struct Conditions {
    /// Whether the page is isolated from others, so that browsers give it a finer clock.
    pub isolated: bool,
    /// The GPU, if one computed.
    pub adapter: Option<String>,
}

/// What was measured so far, and under which circumstances. No two are the same.
#[derive(Clone)]
pub struct Taken {
    /// Times, and what follows from them.
    pub report: Arc<Report>,
    /// The circumstances.
    pub conditions: Conditions,
}

impl PartialEq for Taken {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.report, &other.report)
    }
}

/// How far a sweep is.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Status {
    /// Nothing was asked.
    #[default]
    Idle,
    /// The share done, 0 to 1, and milliseconds that are left.
    Running(f64, Option<f64>),
    /// All is measured.
    Done,
    /// It was stopped; what was measured stays.
    Stopped,
    /// It could not begin.
    Failed(Message),
}

/// The sheet's state. `Copy`: signals only.
#[derive(Clone, Copy)]
pub struct Desk {
    /// What changes.
    pub axis: RwSignal<Axis>,
    /// First place.
    pub from: RwSignal<usize>,
    /// Last place.
    pub to: RwSignal<usize>,
    /// What does not change.
    pub setting: RwSignal<Setting>,
    /// Ways that are switched on, in the order in which they were.
    pub ways: RwSignal<Vec<Way>>,
    /// How far it is.
    pub status: RwSignal<Status>,
    /// What came of it.
    pub taken: RwSignal<Option<Taken>>,
}

impl Desk {
    /// Set to what is asked for.
    pub fn new(asked: Asked) -> Self {
        let Asked { axis, from, to, setting, ways } = asked;
        Self {
            axis: RwSignal::new(axis),
            from: RwSignal::new(from),
            to: RwSignal::new(to),
            setting: RwSignal::new(setting),
            ways: RwSignal::new(ways),
            status: RwSignal::new(Status::Idle),
            taken: RwSignal::new(None),
        }
    }

    /// What it is set to.
    pub fn asked(self) -> Asked {
        let (axis, from, to) = (self.axis.get(), self.from.get(), self.to.get());
        Asked { axis, from, to, setting: self.setting.get(), ways: self.ways.get() }
    }

    /// Takes another axis, with places that suit it.
    pub fn along(self, axis: Axis, workers: usize) {
        let Asked { axis, from, to, ways, .. } = untrack(|| self.asked()).along(axis, workers);
        self.axis.set(axis);
        self.from.set(from);
        self.to.set(to);
        self.ways.set(ways);
    }

    /// Whether a sweep is on its way.
    pub fn busy(self) -> Signal<bool> {
        Signal::memo(move || self.status.with(|status| matches!(status, Status::Running(..))))
    }

    /// Switches a way on or off.
    pub fn switch(self, way: Way, on: bool) {
        self.ways.update(|ways| {
            ways.retain(|other| *other != way);
            if on {
                ways.push(way);
            }
        });
    }
}
