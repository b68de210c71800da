//! The products of a query's and a key's numbers, place by place, that add up to the chosen cell's Q·K.

use leptos::prelude::*;

use super::plot::Plot;
use crate::analysis::plot::{Axis, Chart};
use crate::app::i18n;
use crate::app::reactive::Signal;
use crate::app::result::products as of_cell;
use crate::app::state::lab;
use crate::app::view::view;

/// The chart. It is empty where the products are not the sum that made the cell.
pub fn products() -> AnyView {
    let lab = lab();
    let chart = Signal::memo(move || {
        let word = |en, zh| i18n::now(lab.lang.get(), en, zh);
        let products: Vec<f64> = of_cell(lab).unwrap_or_default().into_iter().map(f64::from).collect();
        let x = Axis::linear(word("place in the head", "头内维度"), "");
        Chart::of_row(
            word("Products that add up to q · k", "相加即 q · k 的乘积"),
            x,
            Axis::linear("qᵢ·kᵢ", ""),
            &products,
        )
    });
    view! { <Plot chart=chart file="products" height=160.0 /> }
}
