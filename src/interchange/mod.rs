//! What comes in from outside: safetensors and NumPy files, pasted numbers, captured heads, half floats. Everything here takes untrusted bytes:
//! nothing panics, sizes are limited before memory is taken, and an error says where the fault is.

pub mod capture;
pub mod half;
pub mod json;
pub mod npy;
pub mod npz;
pub mod numbers;
pub mod safetensors;

mod error;
mod lexer;

pub use capture::{Capture, CaptureEntry, CaptureIndex};
pub use error::{InterchangeError, Place};
pub use json::{Json, SerdeJson};
pub use numbers::Numbers;
pub use safetensors::{SafetensorsFile, Tensor};
