//! A value that arrives later, once, on the same thread; and a token that stops a run.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

struct Slot<T> {
    value: Option<T>,
    waker: Option<Waker>,
}

/// Gives the value.
pub struct Promise<T>(Rc<RefCell<Slot<T>>>);

/// Waits for the value.
pub struct Answer<T>(Rc<RefCell<Slot<T>>>);

/// A promise and the answer that waits for it.
pub fn once<T>() -> (Promise<T>, Answer<T>) {
    let slot = Rc::new(RefCell::new(Slot { value: None, waker: None }));
    (Promise(slot.clone()), Answer(slot))
}

impl<T> Promise<T> {
    /// Gives the value and wakes who waits.
    pub fn give(self, value: T) {
        let waker = {
            let mut slot = self.0.borrow_mut();
            slot.value = Some(value);
            slot.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Future for Answer<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let mut slot = self.0.borrow_mut();
        match slot.value.take() {
            Some(value) => Poll::Ready(value),
            None => {
                slot.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

type Listener = Box<dyn FnOnce()>;

#[derive(Default)]
struct Token {
    raised: Cell<bool>,
    listeners: RefCell<Vec<Listener>>,
}

/// Stops a run: clones share one state.
#[derive(Clone, Default)]
pub struct Cancel(Rc<Token>);

impl Cancel {
    /// Stops every run that was given this token.
    pub fn cancel(&self) {
        if !self.0.raised.replace(true) {
            let listeners = std::mem::take(&mut *self.0.listeners.borrow_mut());
            for listener in listeners {
                listener();
            }
        }
    }

    /// Whether [`Cancel::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.raised.get()
    }

    /// Calls `listener` when the token is raised; at once if it is already.
    pub fn on_cancel(&self, listener: impl FnOnce() + 'static) {
        if self.is_cancelled() {
            listener();
        } else {
            self.0.listeners.borrow_mut().push(Box::new(listener));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll<T>(answer: &mut Answer<T>) -> Poll<T> {
        Pin::new(answer).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn the_answer_waits_for_the_value() {
        let (promise, mut answer) = once();
        assert_eq!(poll(&mut answer), Poll::Pending);
        promise.give(7);
        assert_eq!(poll(&mut answer), Poll::Ready(7));
    }

    #[test]
    fn a_token_calls_each_listener_once_even_when_it_is_late() {
        let count = Rc::new(Cell::new(0));
        let token = Cancel::default();
        let add = |by: i32| {
            let count = count.clone();
            move || count.set(count.get() + by)
        };
        token.on_cancel(add(1));
        token.clone().cancel();
        token.cancel();
        assert_eq!(count.get(), 1);
        token.on_cancel(add(10));
        assert_eq!(count.get(), 11);
    }
}
