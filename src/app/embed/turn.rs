//! Turns among frames: of one host's frames in a page, [`POOLS`] have workers at a time. A lock of the browser's (Web Locks) says which; where there
//! are none, every frame has its turn at once.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::{Array, Function, Object, Promise, Reflect};
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::app::reactive::RwSignal;
use crate::engine::pool::{Gate, Pool};

/// Pools of workers at a time. Each already has as many workers as the machine bears; a second one lets a reader go on while the first ends.
const POOLS: usize = 2;
/// How often an idle pool asks whether it should rest.
const LOOK: std::time::Duration = std::time::Duration::from_secs(1);
/// Looks for which a pool in sight stays idle before others get its turn.
const PATIENCE: u32 = 3;

/// This frame's turn.
#[derive(Default)]
pub struct Turn {
    /// Gives the lock back.
    held: RefCell<Option<Function>>,
    /// Resolves when the turn has come, while it is waited for.
    coming: RefCell<Option<Promise>>,
    idle: Cell<u32>,
}

impl Turn {
    /// What a pool waits for before it starts workers. `waiting` is true meanwhile.
    pub fn gate(self: &Rc<Self>, waiting: RwSignal<bool>) -> Gate {
        let turn = self.clone();
        Rc::new(move || {
            let turn = turn.clone();
            Box::pin(async move {
                if turn.held.borrow().is_some() {
                    return;
                }
                let known = turn.coming.borrow().clone();
                let Some(coming) = known.or_else(ask) else { return };
                turn.coming.replace(Some(coming.clone()));
                waiting.set(true);
                if let Ok(release) = JsFuture::from(coming).await
                    && turn.coming.take().is_some()
                {
                    turn.held.replace(release.dyn_into().ok());
                }
                turn.idle.set(0);
                waiting.set(false);
            })
        })
    }

    /// Lets the pool rest, and another frame have its turn: out of sight as soon as it is idle, in sight when others wait.
    pub fn watch(self: Rc<Self>, pool: Pool, seen: RwSignal<bool>) {
        let look = move || {
            if !pool.is_idle() {
                self.idle.set(0);
                return;
            }
            self.idle.set(self.idle.get().saturating_add(1));
            if !seen.get_untracked() {
                self.rest(&pool);
            } else if self.idle.get() >= PATIENCE && self.held.borrow().is_some() {
                let (turn, pool) = (self.clone(), pool.clone());
                spawn_local(async move {
                    if others_wait().await && pool.is_idle() {
                        turn.rest(&pool);
                    }
                });
            }
        };
        set_interval(look, LOOK);
    }

    fn rest(&self, pool: &Pool) {
        pool.rest();
        if let Some(release) = self.held.take() {
            // It resolves a promise of ours; that cannot fail.
            let _ = release.call0(&JsValue::UNDEFINED);
        }
    }
}

fn name(of: usize) -> String {
    format!("attention-playground pool {of}")
}

fn locks() -> Option<JsValue> {
    // A frame without an origin has the object, and every request throws.
    Reflect::get(&window().navigator(), &"locks".into()).ok().filter(JsValue::is_object)
}

fn method(of: &JsValue, name: &str) -> Option<Function> {
    Reflect::get(of, &name.into()).ok()?.dyn_into().ok()
}

/// Asks for every lock at once; the first that comes is kept, the others are called off. Resolves to the function that gives it back. Nothing where
/// there are no locks.
fn ask() -> Option<Promise> {
    let locks = locks()?;
    let request = method(&locks, "request")?;
    let calls: Vec<web_sys::AbortController> =
        (0..POOLS).map(|_| web_sys::AbortController::new()).collect::<Result<_, _>>().ok()?;
    let won = Rc::new(Cell::new(false));
    let coming = Promise::new(&mut |come, fail| {
        for (of, call) in calls.iter().enumerate() {
            let (kept, others, come) = (won.clone(), calls.clone(), come.clone());
            let granted = Closure::once_into_js(move |_lock: JsValue| -> JsValue {
                if kept.replace(true) {
                    return JsValue::UNDEFINED;
                }
                for (other, call) in others.iter().enumerate() {
                    if other != of {
                        call.abort();
                    }
                }
                // Held until this promise resolves.
                Promise::new(&mut |release, _| {
                    let _ = come.call1(&JsValue::UNDEFINED, &release);
                })
                .into()
            });
            let options = Object::new();
            // Setting a property of a fresh object cannot fail.
            let _ = Reflect::set(&options, &"signal".into(), &call.signal());
            let (won, fail) = (won.clone(), fail.clone());
            let asked = request.call3(&locks, &name(of).into(), &options, &granted);
            spawn_local(async move {
                let asked = asked.and_then(JsCast::dyn_into::<Promise>);
                let ended = match asked {
                    Ok(promise) => JsFuture::from(promise).await.is_err(),
                    Err(_) => true,
                };
                // Called off is what was asked; refused, as in a frame without an origin, is having no locks.
                if ended && !won.get() {
                    let _ = fail.call0(&JsValue::UNDEFINED);
                }
            });
        }
    });
    Some(coming)
}

/// Whether another frame waits for its turn.
async fn others_wait() -> bool {
    let asked = locks().and_then(|locks| method(&locks, "query")?.call0(&locks).ok()?.dyn_into::<Promise>().ok());
    let Some(asked) = asked else { return false };
    let Ok(state) = JsFuture::from(asked).await else { return false };
    let pending = Reflect::get(&state, &"pending".into()).ok().and_then(|all| all.dyn_into::<Array>().ok());
    pending.is_some_and(|all| {
        all.iter().any(|lock| {
            let named = Reflect::get(&lock, &"name".into()).ok().and_then(|name| name.as_string());
            named.is_some_and(|named| (0..POOLS).any(|of| named == name(of)))
        })
    })
}
