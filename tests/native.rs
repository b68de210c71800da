//! Every native test beside the unit tests. A file is a room's tests: `cargo test --lib native::links::` runs those of `links`.
//!
//! They are in the program of the unit tests (the end of `src/lib.rs`): in one of their own the library would be compiled once more. They name it
//! `attention_playground`, as anyone does who uses it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a failed unwrap is a failed test"
)]

mod added;
mod agree;
mod api_types;
mod arrows;
mod biases;
mod catalogue;
mod combine;
mod common;
mod compare_links;
mod compiled;
mod content;
mod estimators;
mod exports;
mod formula_properties;
mod formula_wgsl;
mod fuzzed;
mod gallery;
mod gpu;
mod gpu_gradients;
mod gpu_operators;
mod gpu_pictures;
mod gpu_streaming;
mod gpu_tiers;
mod gradients;
mod hostile;
mod hybrid;
mod layouts;
mod limits;
mod links;
mod long;
mod measures;
mod normalisers;
mod onnx_vectors;
mod openings;
mod position_curves;
mod projected;
#[path = "formula/random.rs"]
mod random;
mod rotary;
mod sources;
mod statistics;
mod streams;
mod walks;
