//! A value that arrives later, once: an answer of a worker, or a callback of wgpu, which may come on a thread of its own.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

struct Slot<T> {
    value: Option<T>,
    waker: Option<Waker>,
}

type Shared<T> = Arc<Mutex<Slot<T>>>;

/// Nothing is done under the lock that could panic.
fn open<T>(slot: &Shared<T>) -> MutexGuard<'_, Slot<T>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives the value, from whatever thread.
pub struct Promise<T>(Shared<T>);

/// Waits for the value.
pub struct Awaited<T>(Shared<T>);

/// A promise, and what waits for its value.
pub fn once<T>() -> (Promise<T>, Awaited<T>) {
    let slot = Arc::new(Mutex::new(Slot { value: None, waker: None }));
    (Promise(slot.clone()), Awaited(slot))
}

impl<T> Promise<T> {
    /// Gives the value and wakes who waits.
    pub fn give(self, value: T) {
        let waker = {
            let mut slot = open(&self.0);
            slot.value = Some(value);
            slot.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Future for Awaited<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let mut slot = open(&self.0);
        match slot.value.take() {
            Some(value) => Poll::Ready(value),
            None => {
                slot.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_has_the_value_when_it_is_given() {
        let (promise, mut awaited) = once();
        let mut poll = || Pin::new(&mut awaited).poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(poll(), Poll::Pending);
        promise.give(7);
        assert_eq!(poll(), Poll::Ready(7));
    }
}
