//! The one truth: what the user set, as plain serialisable data with a valid default; its check, its history, and the link that carries it.

mod check;
mod history;
mod issue;
mod link;
mod nearest;
mod spec;

pub use check::{check, limits, scope};
pub use history::History;
pub use issue::{Issue, Issues};
pub use link::{LinkProblem, Opened, decode, encode, merge};
pub use spec::{
    Algorithm, Backend, CausalAlignment, Choice, Conventions, CustomFormula, Declared, Edit, EngineChoice, Experiment,
    Input, MaskChoice, Patch, RopePairs, Scale, Size, SoftcapOrder, Stage, TensorName, View, WindowEdge,
};
