//! Where Q, K and V come from when they are made here: seeded recipes, and text with seeded embeddings. The same seed gives the same
//! numbers everywhere, and in NumPy by the lines that each recipe documents.

pub mod hidden;
pub mod projected;
pub mod recipe;
pub mod rng;
pub mod text;

mod structured;

pub use hidden::{States, states};
pub use projected::{matrices, project, second};
pub use recipe::{Generated, Recipe, generate};
pub use rng::{Rng, Seed};
pub use text::{TextInputs, embed, tokenize};
