//! From what was set to the problem. The check with its sentences, and what reads every experiment, come with the piece that is fetched when
//! somebody begins to edit: what the page opens with needs neither.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

use std::sync::Arc;

use wasm_split_helpers::{SplitLoaderError, wasm_split};

use crate::attention::{Inputs, Loaded, Problem, assemble, opener};
use crate::engine::pool::RunError;
use crate::experiment::{Experiment, Issues, Message, check, message};

/// Whether the experiment can be computed, as far as that can be said without its input.
///
/// # Errors
/// Every field at fault; or that the piece did not arrive.
pub async fn checked(experiment: &Arc<Experiment>) -> Result<(), RunError> {
    if **experiment == Experiment::default() {
        return Ok(());
    }
    rules(experiment.clone()).await.map_err(|_| RunError::Failed(missing()))?.map_err(RunError::Invalid)
}

/// The problem that an experiment describes over its input, and its edited tensors.
///
/// # Errors
/// As [`checked`].
pub async fn assembled(experiment: &Arc<Experiment>, loaded: &Arc<Loaded>) -> Result<(Problem, Inputs), RunError> {
    if **experiment == Experiment::default() {
        return Ok(opener(loaded));
    }
    let made = problem(experiment.clone(), loaded.clone()).await.map_err(|_| RunError::Failed(missing()))?;
    made.map_err(RunError::Invalid)
}

/// What is said where the piece does not arrive.
pub fn missing() -> Message {
    message!(
        "the part of the page that reads settings did not arrive; change something to try again",
        "页面中读取设置的部分未能加载；请再做一次更改以重试"
    )
}

#[wasm_split(catalogue, fallible)]
fn rules(experiment: Arc<Experiment>) -> Result<Result<(), Issues>, SplitLoaderError> {
    Ok(check(&experiment))
}

#[wasm_split(catalogue, fallible)]
fn problem(
    experiment: Arc<Experiment>,
    loaded: Arc<Loaded>,
) -> Result<Result<(Problem, Inputs), Issues>, SplitLoaderError> {
    Ok(assemble(&experiment, &loaded))
}
