//! The one truth: what the user set, as plain serialisable data with a valid default; its check, its history, and the link that carries it.

mod check;
mod choose;
mod conventions;
mod exact;
pub(crate) mod fields;
mod hidden;
mod history;
mod issue;
mod link;
mod matrix;
mod nearest;
mod normals;
mod numbers;
mod own;
mod paint;
pub(crate) mod shape;
mod spec;
mod streams;
mod tiers;
mod words;

pub use check::{check, check_input, limits, scope, understand};
pub(crate) use check::{check_beside, check_params, fault, type_of};
pub use conventions::{
    AlibiDistance, CONVENTIONS, CausalAlignment, Convention, Conventions, RopePairs, SoftcapOrder, WindowEdge,
    WindowSides,
};
pub use hidden::{Hidden, Weights};
pub use history::History;
pub(crate) use issue::message;
pub use issue::{Issue, Issues, Message};
pub(crate) use link::base64;
pub use link::{
    Differing, Form, Laboratory, LaboratoryId, Opened, Pinned, Rounded, decode, differing, encode, encode_as, merge,
    round, with_laboratory, with_pinned,
};
pub use matrix::Matrix;
pub(crate) use nearest::{shown, unknown};
pub use normals::Normals;
pub use numbers::{retyped, shortest};
pub use paint::put as put_patch;
pub use spec::{
    Algorithm, Backend, Choice, CustomFormula, Declared, Edit, EngineChoice, Experiment, FormulaChoice, Input, Join,
    Layer, MaskChoice, Patch, Reading, Scale, Size, Stage, TensorName, View,
};
pub use streams::{join, joined};
pub use tiers::Tiers;
pub use words::tokenize;
