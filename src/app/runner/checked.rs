//! The check of what was set. Its rules and sentences come with the piece that is fetched when somebody begins to edit: what the page opens with
//! needs no check.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

use std::sync::Arc;

use wasm_split_helpers::{SplitLoaderError, wasm_split};

use crate::engine::pool::RunError;
use crate::experiment::{Experiment, Issues, check, message};

/// Whether the experiment can be computed, as far as that can be said without its input.
///
/// # Errors
/// Every field at fault; or that the piece did not arrive.
pub async fn checked(experiment: &Arc<Experiment>) -> Result<(), RunError> {
    if **experiment == Experiment::default() {
        return Ok(());
    }
    match rules(experiment.clone()).await {
        Ok(found) => found.map_err(RunError::Invalid),
        Err(_) => Err(RunError::Failed(message!(
            "the part of the page that checks settings did not arrive; change something to try again",
            "页面中检查设置的部分未能加载；请再做一次更改以重试"
        ))),
    }
}

#[wasm_split(catalogue, fallible)]
fn rules(experiment: Arc<Experiment>) -> Result<Result<(), Issues>, SplitLoaderError> {
    Ok(check(&experiment))
}
