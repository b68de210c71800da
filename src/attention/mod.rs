//! What is computed: the problem as plain data, the plan compiled from it, the map of live tiles, the inputs, the readable f64
//! reference, and the cost. No web, no threads: everything here runs natively.

pub mod cost;
pub mod demand;
pub mod dims;
pub mod estimators;
pub mod gradients;
pub mod inputs;
pub mod late;
pub mod load;
pub mod lowering;
mod opener;
pub mod operators;
pub mod plan;
pub mod problem;
pub mod reference;
pub mod request;
pub mod rotation;
pub mod rules;
pub mod threshold;
pub mod tiles;
pub mod values;

mod assemble;
mod choose;
pub mod combine;
mod paint;
mod second;

pub use crate::interchange::Json;
pub use assemble::{Loaded, assemble, fits, scale};
pub use cost::{Cost, Memory};
pub use dims::{Dims, Inputs};
pub use estimators::{Estimate, Estimator};
pub use load::{captured, dims_of, load, made};
pub use lowering::Lowering;
pub use opener::opener;
pub use operators::Operator;
pub use paint::{allows, paint};
pub use plan::Plan;
pub use problem::{Beyond, Encoding, Normaliser, Problem, Term};
pub use request::Request;
pub use rotation::{Axes, Decay, Rotation, Stretch};
pub use rules::RowRules;
pub use threshold::Threshold;
pub use tiles::{Coverage, Run, TileCounts, TileMap};
