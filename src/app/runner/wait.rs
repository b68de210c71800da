//! Waiting for an input that comes over a line, which may be slow or stay silent: an edit that wants another input does not wait for it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use super::Runner;
use crate::engine::pool::{Cancel, RunError};
use crate::experiment::Input;

impl Runner {
    /// What `work` gives, unless the run is stopped meanwhile, or the newest edit wants something else than `input`. An edit of anything else waits: what is on its way is
    /// what it needs.
    pub(super) async fn unless_replaced<T>(
        &self,
        input: &Input,
        cancel: &Cancel,
        work: impl Future<Output = Result<T, RunError>>,
    ) -> Result<T, RunError> {
        let mut work = pin!(work);
        poll_fn(|context| {
            let over = match self.pending.borrow().as_ref() {
                Some(next) => next.input != *input,
                None => cancel.is_cancelled(),
            };
            if over {
                return Poll::Ready(Err(RunError::Cancelled));
            }
            self.waiting.replace(Some(context.waker().clone()));
            work.as_mut().poll(context)
        })
        .await
    }

    /// Looks again whether what is waited for is still wanted.
    pub(super) fn look_again(&self) {
        if let Some(waiting) = self.waiting.take() {
            waiting.wake();
        }
    }
}
