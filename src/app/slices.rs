//! Effects in slices: Leptos runs all that a change sets off in one go, which may hold the page's thread for a tenth of a second. Here such a burst goes on in
//! the browser's next task when it has taken its time, in the same order, so that the page answers keys and paints in between.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use any_spawner::{CustomExecutor, Executor, PinnedFuture, PinnedLocalFuture};

use super::clock;

/// Milliseconds of effects in one task: most edits need fewer and are painted whole; on a phone four times as slow it still is no long task.
const SLICE_MS: f64 = 10.0;

thread_local! {
    /// Until when the effects of this task may begin; zero when none has begun.
    static UNTIL: Cell<f64> = const { Cell::new(0.0) };
    /// What goes on in the next task.
    static WAITING: RefCell<Vec<Waker>> = const { RefCell::new(Vec::new()) };
}

/// Makes Leptos run its effects so. Before anything is mounted.
pub fn install() {
    // Only a second call could fail, and would change nothing.
    let _ = Executor::init_custom_executor(Slices);
}

/// Calls back in a task of its own when no effects wait.
pub fn settled(then: impl FnOnce() + 'static) {
    settled_dyn(Box::new(then));
}

fn settled_dyn(then: Box<dyn FnOnce()>) {
    clock::after_effects(move || if WAITING.with_borrow(Vec::is_empty) { then() } else { settled_dyn(then) });
}

struct Slices;

impl CustomExecutor for Slices {
    fn spawn(&self, future: PinnedFuture<()>) {
        self.spawn_local(future);
    }

    fn spawn_local(&self, future: PinnedLocalFuture<()>) {
        wasm_bindgen_futures::spawn_local(Sliced(future));
    }

    fn poll_local(&self) {}
}

/// A future that is not polled while the slice is over.
struct Sliced(PinnedLocalFuture<()>);

impl Future for Sliced {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if is_over() {
            WAITING.with_borrow_mut(|waiting| waiting.push(context.waker().clone()));
            return Poll::Pending;
        }
        self.0.as_mut().poll(context)
    }
}

fn is_over() -> bool {
    let (now, until) = (clock::now(), UNTIL.get());
    if until == 0.0 {
        UNTIL.set(now + SLICE_MS);
        clock::after_effects(next);
    }
    until != 0.0 && now > until
}

fn next() {
    UNTIL.set(0.0);
    WAITING.take().into_iter().for_each(Waker::wake);
}
