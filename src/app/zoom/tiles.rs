//! The picture of a window: at once of what is there, then tile by tile as the workers draw them.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use leptos::prelude::{GetValue, untrack};
use leptos::task::spawn_local;

use super::near::Near;
use crate::analysis::window::{BATCH, Composed, Looked, Store, Tile, Window, batch, request, sample};
use crate::app::clock;
use crate::app::reactive::{RwSignal, effect};
use crate::app::runner::pool;
use crate::app::state::Status;
use crate::engine::pool::{Pool, RunError};
use crate::engine::{Map, MapRequest};

/// What is shown of a window.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// The picture, and how much of it is exact.
    pub composed: Composed,
    /// Cells along the side of a pixel.
    pub block: usize,
    /// Rows that the sample below it has, of the window's; absent where there is none.
    pub sampled: Option<[usize; 2]>,
}

/// What is wanted.
#[derive(Clone, Copy, PartialEq)]
struct Wanted {
    window: Window,
    sizes: [usize; 2],
    looked: Looked,
}

struct Painter {
    near: Near,
    pool: Pool,
    store: RefCell<Store>,
    /// The sample of the window that was large last.
    sample: RefCell<Option<(Looked, Map)>>,
    wanted: Cell<Option<Wanted>>,
    /// Cells that the workers are asked for at once.
    cells: Cell<usize>,
    busy: Cell<bool>,
    shown: RwSignal<Option<Shown>>,
}

/// The picture of the window, as it becomes better.
pub fn picture(near: Near) -> RwSignal<Option<Shown>> {
    let shown = RwSignal::new(None);
    let pool = pool().get_value();
    let painter = Rc::new(Painter {
        near,
        cells: Cell::new(BATCH * pool.size()),
        pool,
        store: RefCell::default(),
        sample: RefCell::default(),
        wanted: Cell::new(None),
        busy: Cell::new(false),
        shown,
    });
    // The effect holds the painter: with the view both are gone.
    effect(move || {
        let (window, sizes) = (near.window.get(), near.sizes.get());
        let Some(looked) = near.looked.get() else { return };
        painter.wanted.set(Some(Wanted { window, sizes, looked }));
        painter.show();
        if !painter.busy.replace(true) {
            spawn_local(paint(Rc::downgrade(&painter)));
        }
    });
    shown
}

impl Painter {
    /// Shows what there is.
    fn show(&self) {
        let Some(Wanted { window, sizes, looked }) = self.wanted.get() else { return };
        let whole = untrack(|| self.near.lab.picture(looked.stage, looked.head));
        let sample = self.sample.borrow();
        let sample = sample.as_ref().filter(|(of, _)| *of == looked).map(|(_, map)| map);
        let mut store = self.store.borrow_mut();
        store.turn(looked.session);
        // What is exact comes before a sample, where it merges cells in the same way.
        let whole = whole.as_ref();
        let grounds: Vec<&Map> = match whole {
            Some(map) if map.request.pool == looked.pool => whole.into_iter().chain(sample).collect(),
            _ => sample.into_iter().chain(whole).collect(),
        };
        let composed = store.compose(window, sizes, &looked, &grounds);
        let sampled = grounds.first().filter(|map| map.request.pool.sampled().is_some());
        let sampled = sampled.map(|map| [map.request.rows(), map.request.q.len()]);
        self.shown.try_set(Some(Shown { composed, block: window.block(), sampled }));
    }

    /// What to ask the workers for next; nothing where all is there.
    fn next(&self) -> Option<(Wanted, Next)> {
        let wanted = self.wanted.get()?;
        let Wanted { window, sizes, looked } = wanted;
        let missing = {
            let mut store = self.store.borrow_mut();
            store.turn(looked.session);
            store.missing(window, &looked)
        };
        if missing.is_empty() {
            return None;
        }
        let has = |map: &Map| map.request.pool.sampled() == Some(looked.pool) && window_in(window, map);
        let sampled = self.sample.borrow().as_ref().is_some_and(|(of, map)| *of == looked && has(map));
        if !sampled && let Some(request) = sample(window, &looked) {
            return Some((wanted, Next::Sample(request)));
        }
        let tiles = batch(&missing, sizes, self.cells.get()).to_vec();
        Some((wanted, Next::Tiles(tiles)))
    }
}

/// Milliseconds that the workers should need for what they are asked at once: shorter, and drawing what came takes longer than computing it; longer, and
/// a picture that nobody wants any more is waited for.
const QUICK_MS: f64 = 30.0;
const SLOW_MS: f64 = 120.0;
/// Most cells that are asked for at once: those of empty tiles cost nothing.
const MOST: usize = 1 << 30;

impl Painter {
    /// Asks for more or less at once, after what the last took.
    fn pace(&self, ms: f64) {
        let cells = self.cells.get();
        if ms < QUICK_MS {
            self.cells.set(cells.saturating_mul(2).min(MOST));
        } else if ms > SLOW_MS {
            self.cells.set((cells / 2).max(BATCH));
        }
    }
}

/// Whether a picture holds every cell of a window.
fn window_in(window: Window, map: &Map) -> bool {
    let within = |[from, to]: [usize; 2], all: &std::ops::Range<usize>| all.start <= from && to <= all.end;
    within(window.q, &map.request.q) && within(window.k, &map.request.k)
}

/// What is asked for.
enum Next {
    Sample(MapRequest),
    Tiles(Vec<Tile>),
}

async fn paint(painter: Weak<Painter>) {
    loop {
        let Some((pool, next)) = painter.upgrade().map(|painter| (painter.pool.clone(), painter.next())) else {
            return;
        };
        let Some((Wanted { sizes, looked, .. }, next)) = next else { break };
        let requests = match &next {
            Next::Sample(request) => vec![request.clone()],
            Next::Tiles(tiles) => tiles.iter().map(|tile| request(*tile, sizes, &looked)).collect(),
        };
        let from = clock::now();
        let answer = pool.maps(looked.session, requests).await;
        let Some(painter) = painter.upgrade() else { return };
        painter.pace(clock::now() - from);
        match answer {
            Ok(maps) => match next {
                Next::Sample(_) => {
                    painter.sample.replace(maps.into_iter().next().map(|map| (looked, map)));
                }
                Next::Tiles(tiles) => {
                    let mut store = painter.store.borrow_mut();
                    for (tile, map) in tiles.into_iter().zip(maps) {
                        store.keep(tile, &looked, map.values);
                    }
                }
            },
            // A newer result has taken its place, or one is on its way: it raises the wish again.
            Err(RunError::Cancelled) => break,
            Err(error) => {
                painter.near.lab.status.set(Status::Failed(error.message()));
                break;
            }
        }
        painter.show();
    }
    if let Some(painter) = painter.upgrade() {
        painter.busy.set(false);
    }
}
