//! The pool: single-threaded workers of this machine, without shared memory, that compute the page's runs.
//!
//! | file | what it holds | web |
//! |---|---|---|
//! | `cut` | a run as items of about ten milliseconds | no |
//! | `schedule` | who does what next; retries, deadlines | no |
//! | `tensors` | which tensors a worker already has | no |
//! | `cancel` | a token that stops a run | no |
//! | `run` | what is asked and answered | no |
//! | `payoff` | which of CPU and GPU is done first | no |
//! | `launch` | starting workers: probe, module, loader | yes |
//! | `hub` | the handle | yes |
//! | `life` | the life of the workers | yes |
//! | `state` | the books | yes |
//! | `receive`, `send` | messages in; messages out | yes |
//! | `loss` | what becomes of a lost worker's part | yes |
//! | `jobs` | what is gathered until a job is done | yes |
//! | `lower` | runs that wait for what is computed from Q and K; in the piece `catalogue` | yes |
//! | `derive` | gradients of a run that is done | yes |
//! | `gauge` | estimates timed alone, the peak of the workers | yes |
//! | `auto` | what `auto` takes; what is known of the GPU | yes |
//! | `measure` | how that becomes known; a piece of its own (`auto`) | yes |

pub mod cancel;
pub mod cut;
pub mod payoff;
pub mod run;
pub mod schedule;
pub mod tensors;

#[cfg(feature = "app")]
mod auto;
#[cfg(feature = "app")]
mod derive;
#[cfg(feature = "app")]
mod gauge;
#[cfg(feature = "app")]
mod hub;
#[cfg(feature = "app")]
mod jobs;
#[cfg(feature = "app")]
mod launch;
#[cfg(feature = "app")]
mod life;
#[cfg(feature = "app")]
mod loss;
#[cfg(feature = "app")]
mod lower;
#[cfg(feature = "app")]
mod measure;
#[cfg(feature = "app")]
mod receive;
#[cfg(feature = "app")]
mod send;
#[cfg(feature = "app")]
mod state;

pub use cancel::Cancel;
pub use run::{Finished, OnProgress, Operated, Operation, Run, RunError};
pub use schedule::{Lane, SessionId};

#[cfg(feature = "app")]
pub use derive::Derived;
#[cfg(feature = "app")]
pub use hub::Pool;
#[cfg(feature = "app")]
pub use launch::meta;
#[cfg(feature = "app")]
pub use life::Gate;
#[cfg(feature = "app")]
pub use lower::{lowered_inputs, measured};
#[cfg(feature = "app")]
pub use measure::quiet;
