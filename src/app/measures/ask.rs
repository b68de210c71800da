//! Rows of the run's weights from the workers, piece by piece, and what is made of them, in slices on the page's thread.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::analysis::measures::{Fault, Head, MOST_SIDE, Paths, Ranks, Sample, Settings, Similarity, Values};
use crate::app::browse::walk::{Pace, WALKED, Walked};
use crate::app::reactive::{RwSignal, Signal, effect};
use crate::app::runner;
use crate::app::state::Lab;
use crate::attention::Dims;
use crate::engine::pool::{Pool, RunError, SessionId};
use crate::engine::{MapRequest, Outcome, Pool as Pixels};
use crate::experiment::{CausalAlignment, Experiment, Message, Stage};

/// Most weights that are measured without being asked for, after every edit.
const UNASKED: usize = 1 << 20;
/// Most products of pairs of heads and keys that the likeness of heads is worked out from; of more, every so-many-th row.
const MOST_PAIRS: usize = 1 << 27;
/// The share of the work that rows are; ranks are the rest.
const ROWS_SHARE: f64 = 0.7;

/// What was measured.
pub struct Found {
    /// Sizes.
    pub dims: Dims,
    /// Which rows were looked at.
    pub sample: Sample,
    /// Every head.
    pub heads: Vec<Head>,
    /// Each head's ranks; empty where they are not worked out.
    pub ranks: Vec<Result<Ranks, Fault>>,
    /// After how many such layers all has reached every query: each head by itself, and last all together; empty where it is not worked out.
    pub reach: Vec<Walked>,
    /// Pairs of heads, and of so many rows every so-many-th was looked at for them.
    pub alike: (Similarity, usize),
}

/// No two are the same.
#[derive(Clone)]
pub struct Taken(pub Arc<Found>);

impl PartialEq for Taken {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// How far it is.
#[derive(Clone, Debug, PartialEq)]
pub enum Status {
    /// There is no result yet.
    Waiting,
    /// So many weights are measured only when somebody asks.
    TooMany(usize),
    /// The share done, 0 to 1.
    Running(f64),
    /// What is shown belongs to the result.
    Done,
    /// Stopped by the user.
    Stopped,
    /// Why there is nothing.
    Failed(Message),
}

/// The card's state. `Copy`: signals only.
#[derive(Clone, Copy)]
pub struct Desk {
    /// The page.
    pub lab: Lab,
    /// What is asked of rows.
    pub settings: RwSignal<Settings>,
    /// What was measured; that of the result before while the next is on its way.
    pub found: RwSignal<Option<Taken>>,
    /// How far it is.
    pub status: RwSignal<Status>,
    /// The result that was asked for although it is large.
    asked: RwSignal<Option<SessionId>>,
    /// Raised to stop.
    stopped: RwSignal<u32>,
}

impl Desk {
    /// Nothing is measured yet.
    pub fn new(lab: Lab) -> Self {
        Self {
            lab,
            settings: RwSignal::new(Settings::default()),
            found: RwSignal::new(None),
            status: RwSignal::new(Status::Waiting),
            asked: RwSignal::new(None),
            stopped: RwSignal::new(0),
        }
    }

    /// The head that is shown.
    pub fn head(self) -> Signal<usize> {
        let lab = self.lab;
        Signal::memo(move || lab.experiment.with(|e| e.view.head))
    }

    /// Measures the result that is shown, however large it is.
    pub fn ask(self) {
        self.asked.set(self.lab.session.get_untracked());
    }

    /// Stops measuring.
    pub fn stop(self) {
        self.stopped.update(|n| *n += 1);
        self.status.set(Status::Stopped);
    }

    /// Reads what was measured.
    pub fn with<R>(self, read: impl FnOnce(&Found) -> R) -> Option<R> {
        self.found.with(|found| found.as_ref().map(|found| read(&found.0)))
    }
}

/// Measures every result that is not too large, until the view is gone; a newer one takes over.
pub fn follow(desk: Desk) {
    let lab = desk.lab;
    let pool = runner::pool();
    let (turn, alive) = (StoredValue::new_local(0_u32), StoredValue::new_local(()));
    effect(move || {
        let (Some(session), Some(outcome)) = (lab.session.get(), lab.outcome.get()) else { return };
        let (settings, asked) = (desk.settings.get(), desk.asked.get());
        turn.update_value(|turn| *turn += 1);
        let dims = outcome.dims;
        let cells = dims.q_heads.saturating_mul(dims.n_q).saturating_mul(dims.n_k);
        if cells > UNASKED && asked != Some(session) {
            return desk.status.set(Status::TooMany(cells));
        }
        let offset = lab.computed.with_untracked(|e| e.as_ref().map_or(0, |e| offset(e, &dims)));
        let (this, stopped) = (turn.get_value(), desk.stopped.get_untracked());
        let wanted = move || {
            let now = alive.try_get_value().and_then(|()| turn.try_get_value());
            now == Some(this) && desk.stopped.get_untracked() == stopped
        };
        let pool = pool.get_value();
        desk.status.set(Status::Running(0.0));
        spawn_local(async move {
            let told = |share| desk.status.try_set(Status::Running(share));
            let work = Work { pool: &pool, session, outcome: &outcome, offset, settings };
            let status = match work.measure(&wanted, told).await {
                Ok(Some(found)) => {
                    desk.found.try_set(Some(Taken(Arc::new(found))));
                    Status::Done
                }
                // Nobody wants it any more, or a newer result has closed the session: its own turn comes.
                Ok(None) | Err(RunError::Cancelled) => return,
                Err(error) => Status::Failed(error.message()),
            };
            desk.status.try_set(status);
        });
    });
}

/// Where the first query stands among the keys.
pub fn offset(e: &Experiment, dims: &Dims) -> i64 {
    match e.conventions.causal {
        CausalAlignment::BottomRight => dims.n_k as i64 - dims.n_q as i64,
        CausalAlignment::TopLeft => 0,
    }
}

struct Work<'a> {
    pool: &'a Pool,
    session: SessionId,
    outcome: &'a Outcome,
    offset: i64,
    settings: Settings,
}

impl Work<'_> {
    /// Nothing when it is not wanted any more.
    async fn measure(&self, wanted: &dyn Fn() -> bool, told: impl Fn(f64)) -> Result<Option<Found>, RunError> {
        let dims = self.outcome.dims;
        let Dims { q_heads, n_q, n_k, .. } = dims;
        let sample = Sample::of(q_heads, n_q, n_k);
        let mut heads = vec![Head::new(self.settings, n_q, n_k, self.offset); q_heads];
        let mut alike = Similarity::new(q_heads);
        let pairs = q_heads * q_heads.saturating_sub(1) / 2 * n_k;
        let each = (pairs.saturating_mul(sample.taken())).div_ceil(MOST_PAIRS).max(1);
        // Ranks want the whole matrix of a head, which is there piece by piece.
        let ranked = sample.is_whole() && n_q.min(n_k) <= MOST_SIDE && q_heads * n_q * n_k <= UNASKED << 2;
        let mut whole = vec![Vec::new(); if ranked { q_heads } else { 0 }];
        // Where queries and keys are the same tokens.
        let walked = sample.is_whole() && n_q == n_k && n_q <= WALKED;
        let mut paths = walked.then(|| Paths::new(q_heads, n_q, self.settings.small));
        let (mut pace, mut done) = (Pace::new(wanted), 0);
        for rows in sample.pieces() {
            let piece = self.piece(&rows, &sample).await?;
            for (i, &q) in rows.iter().enumerate() {
                let row_of = |head: &Vec<f32>| head.get(i * n_k..(i + 1) * n_k).map(<[f32]>::to_vec);
                let Some(all) = piece.iter().map(row_of).collect::<Option<Vec<_>>>() else { continue };
                for (h, (head, row)) in heads.iter_mut().zip(&all).enumerate() {
                    let broken = self.broken(h, q);
                    head.take(q, row, broken);
                    if let Some(paths) = paths.as_mut().filter(|_| !broken) {
                        paths.take(h, q, row);
                    }
                }
                if done % each == 0 {
                    let all: Vec<&[f32]> = all.iter().map(Vec::as_slice).collect();
                    // As many heads as there are, each with a row for every key.
                    let _ = alike.take(&all);
                }
                done += 1;
                if pace.rest().await.is_none() {
                    return Ok(None);
                }
            }
            whole.iter_mut().zip(piece).for_each(|(whole, piece)| whole.extend(piece));
            let share = if ranked { ROWS_SHARE } else { 1.0 };
            told(share * done as f64 / sample.taken().max(1) as f64);
        }
        let mut ranks = Vec::with_capacity(whole.len());
        for weights in whole {
            let found = match Values::of(weights, n_q, n_k) {
                Err(fault) => Err(fault),
                Ok(mut values) => loop {
                    match values.advance() {
                        Ok(None) => {}
                        Ok(Some(found)) => break Ok(found),
                        Err(fault) => break Err(fault),
                    }
                    if pace.rest().await.is_none() {
                        return Ok(None);
                    }
                },
            };
            ranks.push(found);
            told(ROWS_SHARE + (1.0 - ROWS_SHARE) * ranks.len() as f64 / q_heads.max(1) as f64);
        }
        let mut reach = Vec::new();
        for walk in paths.map(Paths::walks).unwrap_or_default() {
            match pace.walk(walk).await {
                Some(walked) => reach.push(walked),
                None => return Ok(None),
            }
        }
        Ok(Some(Found { dims, sample, heads, ranks, reach, alike: (alike, each) }))
    }

    /// The weights of some rows, head by head.
    async fn piece(&self, rows: &[usize], sample: &Sample) -> Result<Vec<Vec<f32>>, RunError> {
        let Dims { q_heads, n_k, .. } = self.outcome.dims;
        let at = |head, q: std::ops::Range<usize>| MapRequest {
            stage: Stage::Weights,
            batch: 0,
            head,
            k: 0..n_k,
            width: n_k,
            height: q.len(),
            q,
            pool: Pixels::Max,
        };
        // Rows that follow each other are one picture.
        let length = if sample.is_whole() { rows.len() } else { 1 };
        let spans = || rows.chunks(length.max(1)).filter_map(|rows| Some(*rows.first()?..*rows.last()? + 1));
        let requests = (0..q_heads).flat_map(|head| spans().map(move |q| at(head, q)));
        let maps = self.pool.maps(self.session, requests.collect()).await?;
        let mut heads = vec![Vec::with_capacity(rows.len() * n_k); q_heads];
        for map in maps {
            if let Some(head) = heads.get_mut(map.request.head) {
                head.extend(map.values);
            }
        }
        Ok(heads)
    }

    /// Whether the run gave no numbers for a row.
    fn broken(&self, head: usize, query: usize) -> bool {
        let at = self.outcome.dims.row_start(0, head) + query;
        let of = |numbers: &[f32]| numbers.get(at).copied().unwrap_or_default();
        let lse = of(&self.outcome.lse);
        lse.is_nan() || lse == f32::INFINITY || of(&self.outcome.entropy).is_nan()
    }
}
