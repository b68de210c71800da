//! The first column: where Q, K and V come from, and the matrices themselves, cell by cell.
//!
//! | file | what it holds |
//! |---|---|
//! | `source` | the four kinds of input, and what each was set to before |
//! | `captured`, `generated`, `text`, `paste` | the controls of one kind |
//! | `change` | a new input, and what of the experiment cannot outlive the old one |
//! | `tokens` | the words of the input; hovering and choosing a query or key |
//! | `matrices`, `matrix`, `rows`, `cell`, `block` | Q, K and V of the chosen head; one matrix; its rows; one cell; the numbers |

mod block;
mod captured;
mod cell;
mod change;
mod generated;
mod matrices;
mod matrix;
mod paste;
mod rows;
mod source;
mod text;
mod tokens;

use leptos::prelude::*;

use crate::app::view::view;

/// The first column.
#[component]
pub fn InputsColumn() -> impl IntoView {
    view! {
        <source::SourceCard />
        <matrices::MatricesCard />
    }
}
