//! The right of the page: why the cell is what it is, where its query looks, the output, and how long it took.

mod output;
mod plane;
mod row;
mod stages;
mod story;
mod timing;
mod why;

pub use stages::{Stages, ms};

use leptos::prelude::*;

use crate::app::estimators::Estimators;
use crate::app::view::view;

/// The result column.
#[component]
pub fn ResultColumn() -> impl IntoView {
    view! {
        <div class="card"><why::Why /></div>
        <div class="card"><row::Row /><plane::Plane /></div>
        <div class="card"><output::Output /></div>
        <div class="card"><Estimators /></div>
        <div class="card"><timing::TimingCard /></div>
    }
}
