//! Attention Playground: attention mechanisms computed and drawn in the browser.
//!
//! The way through, left to right; arrows between rooms go one way only (held by `tests/arrows.rs`):
//!
//! ```text
//! control, link, preset, API -> Experiment -> check -> Problem -> lowering -> Plan -> Engine -> Outcome -> views
//! ```
//!
//! | room | what it holds | may use |
//! |---|---|---|
//! | [`formula`] | the language of masks and scores: parser, typed form, back-ends | nothing |
//! | [`catalogue`] | every mask, position scheme, product, selection, hybrid, layout of heads, normaliser, estimator, generator and way to join two streams, as data | formula |
//! | [`experiment`] | the one truth: what the user set; check, links, history | catalogue, interchange, formula |
//! | [`interchange`] | safetensors, NumPy's files and archives, pasted numbers, half floats | nothing |
//! | [`attention`] | problem, lowering, plan, rules, tile map, inputs, reference, gradients, estimators, cost | experiment, catalogue, formula, interchange |
//! | [`engine`] | CPU and GPU kernels, item protocol, outcome; workers and their pool (web) | attention, experiment, formula |
//! | [`analysis`] | measures of weights, of position schemes and of timings; charts | attention, engine, experiment, catalogue, formula |
//! | [`claims`] | what four essays say of self-attention, as measurements with a verdict | analysis, attention, engine, experiment, catalogue, formula |
//! | [`export`] | an experiment as code, table, picture, file, reference | analysis, attention, experiment, catalogue, formula, interchange |
//! | `app` | the page (web, feature `app`) | everything above and `api`, never a kernel |
//! | `api` | its JavaScript API (web, feature `app`) | everything above but `claims` and `export`, and `app`; never a kernel |

pub mod analysis;
pub mod attention;
pub mod catalogue;
pub mod claims;
pub mod engine;
pub mod experiment;
pub mod export;
pub mod formula;
pub mod interchange;

#[cfg(feature = "app")]
pub mod api;
#[cfg(feature = "app")]
pub mod app;

// Beside the unit tests, so that the library is compiled once for both; they use what is public, by the library's name.
#[cfg(test)]
extern crate self as attention_playground;
#[cfg(test)]
#[path = "../tests/native.rs"]
mod native;
