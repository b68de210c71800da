//! What comes in from outside: safetensors and NumPy files, pasted numbers, captured heads, half floats; and NumPy's files going out. What is read is untrusted bytes:
//! nothing panics, sizes are limited before memory is taken, and an error says where the fault is.
//!
//! | file | what it holds |
//! |---|---|
//! | `limits` | every limit of what is read |
//! | `error` | the one error, in both languages; names made safe to be shown |
//! | `pace` | where a long reading stands aside |
//! | `array` | numbers as they lie in a file: format, order, extents |
//! | `npy`, `zip`, `safetensors` | NumPy's files, their archives, and safetensors |
//! | `npz` | what goes out: NumPy's files and archives of them |
//! | `numbers`, `lexer`, `table` | numbers as text: brackets; lines from spreadsheets and files of values |
//! | `bundle` | a file of any of these kinds as named arrays |
//! | `select` | which axes of three arrays are Q, K and V of which heads and tokens |
//! | `capture`, `json`, `half` | the page's own captures; half floats |

pub mod array;
pub mod bundle;
pub mod capture;
pub mod half;
pub mod json;
pub mod limits;
pub mod npy;
pub mod npz;
pub mod numbers;
pub mod pace;
pub mod safetensors;
pub mod select;
pub mod zip;

mod error;
mod lexer;
mod table;

pub use array::{Array, Layout, Number};
pub use bundle::Bundle;
pub use capture::{Capture, CaptureEntry, CaptureIndex};
#[cfg_attr(not(feature = "app"), allow(unused_imports, reason = "sentences of the page about what was read"))]
pub(crate) use error::words;
pub use error::{InterchangeError, Place, Words, shown};
pub use json::{Json, SerdeJson};
pub use numbers::Numbers;
pub use safetensors::{SafetensorsFile, Tensor};
