//! The right of the page: why the cell is what it is, where its query looks, the output, and how long it took.

mod output;
mod plane;
mod row;
mod stages;
pub mod story;
mod tiers;
mod timing;
mod why;

pub use output::Output;
pub use row::Row;
pub use stages::{Stages, ms};
pub use timing::TimingCard;
pub use why::{Why, products};

use leptos::prelude::*;

use crate::app::claims::ClaimsLab;
use crate::app::estimators::Estimators;
use crate::app::gradients::Gradients;
use crate::app::measures::Analysis;
use crate::app::pair::CompareSettings;
use crate::app::view::view;
use crate::app::walk::StepByStep;

/// The result column: the cell and its row.
#[component]
pub fn CellResult() -> impl IntoView {
    view! {
        <div class="card"><Why /></div>
        <div class="card"><Row /><plane::Plane /></div>
    }
}

/// And below that what belongs to all of them.
#[component]
pub fn WholeResult() -> impl IntoView {
    view! {
        <div class="card"><Output /><Gradients /></div>
        <div class="card parts"><Analysis /><StepByStep /><CompareSettings /><Estimators /><ClaimsLab /></div>
        <div class="card"><TimingCard /></div>
    }
}
