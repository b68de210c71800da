//! Pictures of a few rectangles of the last result: one wish is on its way, and the newest waits behind it.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use leptos::prelude::GetValue;
use leptos::task::spawn_local;

use crate::app::reactive::{RwSignal, Signal, effect};
use crate::app::runner::pool;
use crate::app::state::{Lab, Status, lab};
use crate::engine::pool::{Pool, RunError, SessionId};
use crate::engine::{Map, MapRequest};

/// Pictures, and the result that they are of.
pub type Wish = Option<(SessionId, Vec<MapRequest>)>;

struct Asker {
    lab: Lab,
    pool: Pool,
    wish: RefCell<Wish>,
    busy: Cell<bool>,
    found: RwSignal<Vec<Map>>,
}

/// The pictures of the newest wish that was answered.
pub fn pictures(wish: Signal<Wish>) -> RwSignal<Vec<Map>> {
    let found = RwSignal::new(Vec::new());
    let asker = Rc::new(Asker {
        lab: lab(),
        pool: pool().get_value(),
        wish: RefCell::new(None),
        busy: Cell::new(false),
        found,
    });
    // The effect holds what asks: with the view both are gone.
    effect(move || {
        asker.wish.replace(wish.get());
        if !asker.busy.replace(true) {
            spawn_local(ask(Rc::downgrade(&asker)));
        }
    });
    found
}

async fn ask(asker: Weak<Asker>) {
    loop {
        let Some((pool, wish)) = asker.upgrade().map(|asker| (asker.pool.clone(), asker.wish.take())) else { return };
        let Some((session, requests)) = wish else { break };
        let answer = pool.maps(session, requests).await;
        let Some(asker) = asker.upgrade() else { return };
        match answer {
            Ok(maps) => asker.found.try_set(maps),
            // A newer result raises a new wish.
            Err(RunError::Cancelled) => {}
            Err(error) => asker.lab.status.set(Status::Failed(error.message())),
        }
    }
    if let Some(asker) = asker.upgrade() {
        asker.busy.set(false);
    }
}
