//! A token that stops a run.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

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
