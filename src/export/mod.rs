//! Out of the page: an experiment as code, as tables, as a picture, as files, as an entry for a list of references. Pure; the page offers what is made here.
//!
//! | file | what it holds |
//! |---|---|
//! | `mod` | what is exported, and as what |
//! | `inputs`, `positions`, `formulas`, `script` | parts of a script: Q, K, V; encodings and rotation; formulas; its beginning and end |
//! | `array` | NumPy and JAX |
//! | `torch`, `onnx` | PyTorch's two functions, the operator of ONNX |
//! | `javascript`, `beside` | a request of the page's own interface; that of the estimator beside it |
//! | `refuse` | what a target cannot say |
//! | `table`, `cite`, `files`, `picture` | CSV and LaTeX; BibTeX; arrays and archives; SVG |
//! | `literal` | numbers and words as programs write them |
//!
//! A script is the definition, not a copy of numbers: seeded inputs are drawn again by the script, formulas are printed from their typed form, encodings
//! and rotations are told by their definitions. What a target has no words for is refused with the field that asks for it; no script computes anything
//! else than the page.

mod array;
mod beside;
mod cite;
mod files;
mod formulas;
mod inputs;
mod javascript;
mod literal;
mod onnx;
mod picture;
mod positions;
mod refuse;
mod script;
mod table;
mod torch;

use crate::attention::{Inputs, Loaded, Plan, Problem, assemble};
use crate::catalogue::Text;
use crate::experiment::{Experiment, Issues};
use crate::formula::python::Arrays;

pub use cite::bibtex;
pub use files::{experiment_json, inputs_file, inputs_json, vectors, weights_npy};
pub use inputs::FILE as INPUTS_FILE;
pub use javascript::{FILE as INPUTS_JSON, request};
pub use picture::{Heat, Ramp, svg};
pub use table::{Legend, Matrix, csv, csv_lines, latex};

/// What is exported.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// What the user set.
    pub experiment: &'a Experiment,
    /// The tensors it starts from, before edits.
    pub loaded: &'a Loaded,
    /// The address that opens it; may be empty.
    pub link: &'a str,
    /// The output `[1, q_heads, n_q, d_v]` that the page computed, told in comments.
    pub output: Option<&'a [f32]>,
}

/// A language or library that an experiment can be said in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// NumPy alone.
    Numpy,
    /// `torch.nn.functional.scaled_dot_product_attention`.
    Sdpa,
    /// `torch.nn.attention.flex_attention`.
    Flex,
    /// `jax.numpy`.
    Jax,
    /// The operator Attention of ONNX, run by its reference.
    Onnx,
    /// A request of this page's interface.
    JavaScript,
}

impl Target {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Numpy, Self::Sdpa, Self::Flex, Self::Jax, Self::Onnx, Self::JavaScript];

    /// Its name on the page.
    pub fn name(self) -> Text {
        match self {
            Self::Numpy => Text::new("NumPy", "NumPy"),
            Self::Sdpa => Text::new("PyTorch SDPA", "PyTorch SDPA"),
            Self::Flex => Text::new("PyTorch FlexAttention", "PyTorch FlexAttention"),
            Self::Jax => Text::new("JAX", "JAX"),
            Self::Onnx => Text::new("ONNX", "ONNX"),
            Self::JavaScript => Text::new("This page's JavaScript", "本页 JavaScript"),
        }
    }

    /// Its id, and the name of its file.
    pub fn id(self) -> &'static str {
        match self {
            Self::Numpy => "numpy",
            Self::Sdpa => "torch-sdpa",
            Self::Flex => "torch-flex",
            Self::Jax => "jax",
            Self::Onnx => "onnx",
            Self::JavaScript => "javascript",
        }
    }

    /// What its file's name ends with.
    pub fn extension(self) -> &'static str {
        if self == Self::JavaScript { "js" } else { "py" }
    }
}

/// A program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// Its text.
    pub text: String,
    /// The name of the file with Q, K and V that it reads, where they are too many numbers for a text.
    pub file: Option<&'static str>,
}

/// A subject, assembled and compiled.
struct Made {
    problem: Problem,
    plan: Plan,
    /// Q, K and V with the user's edits.
    inputs: Inputs,
}

impl Made {
    fn of(subject: &Subject) -> Result<Self, Issues> {
        // The problem's own formula over the weights is told by every script.
        refuse::unknown(subject, &["prob"])?;
        let (problem, inputs) = assemble(subject.experiment, subject.loaded)?;
        refuse::content(subject, &problem)?;
        let plan = Plan::compile(&problem)?;
        Ok(Self { problem, plan, inputs })
    }
}

/// The experiment as a program that makes the same inputs, computes the same output and prints it.
///
/// # Errors
/// What is wrong with the experiment, and every field of it that the target has no words for.
pub fn code(subject: &Subject, target: Target) -> Result<Code, Issues> {
    if target == Target::JavaScript {
        return javascript::code(subject);
    }
    let made = Made::of(subject)?;
    refuse::target(subject, &made, target)?;
    let text = match target {
        Target::Jax => array::code(subject, &made, Arrays::Jax),
        Target::Sdpa => torch::sdpa(subject, &made),
        Target::Flex => torch::flex(subject, &made),
        Target::Onnx => onnx::code(subject, &made),
        _ => array::code(subject, &made, Arrays::Numpy),
    };
    let file = inputs::source(subject, &made.inputs).file.then_some(INPUTS_FILE);
    Ok(Code { text, file })
}
