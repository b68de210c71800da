//! The first column: where Q, K and V come from, and the matrices themselves, cell by cell.
//!
//! | file | what it holds |
//! |---|---|
//! | `source` | the five kinds of input, and what each was set to before |
//! | `captured`, `generated`, `text`, `paste`, `hidden` | the controls of one kind |
//! | `numbers`, `drop`, `dropped` | matrices as text; files that are dropped or chosen; those dropped beside every such place |
//! | `choose` | which arrays of a file, and which part of them, are Q, K and V |
//! | `exactness` | whether a link has rounded the numbers |
//! | `onto` | numbers from the clipboard onto a matrix |
//! | `snippet` | how to get Q, K and V out of a model |
//! | `frames` | the pace of readers on the page's own thread |
//! | `change` | a new input, and what of the experiment cannot outlive the old one |
//! | `tokens` | the words of the input; hovering and choosing a query or key |
//! | `matrices`, `matrix`, `rows`, `cell`, `block` | Q, K and V of the chosen head; one matrix; its rows; one cell; the numbers |

mod block;
mod captured;
mod cell;
mod change;
mod choose;
mod drop;
mod dropped;
mod exactness;
mod frames;
mod generated;
mod hidden;
mod matrices;
mod matrix;
mod numbers;
mod onto;
mod paste;
mod rows;
mod snippet;
mod source;
mod text;
mod tokens;

pub use change::{bring, follow};
pub use dropped::choose_dropped;
pub use exactness::Exactness;
pub use matrices::MatricesCard;
pub use source::SourceCard;
