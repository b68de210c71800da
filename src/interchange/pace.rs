//! Where a long reading stands aside, so that a page goes on drawing. Readers are `async` for this alone: they wait for nothing else.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Who decides how long a reader may go on.
#[allow(async_fn_in_trait, reason = "readers and their callers are one program; nothing is sent between threads")]
pub trait Pace {
    /// Called every few thousand numbers. What it does is its own business; it must return.
    async fn rest(&self);
}

/// Without resting: in workers, natively, for short texts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Straight;

impl Pace for Straight {
    async fn rest(&self) {}
}

/// What a reading that never rests gives.
pub fn straight<T>(reading: impl Future<Output = T>) -> T {
    let mut reading = pin!(reading);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        // Straight is ready at once, and readers wait for nothing but their pace: the first poll is the last.
        if let Poll::Ready(value) = reading.as_mut().poll(&mut context) {
            return value;
        }
    }
}
