//! Arrays and archives: inputs that a script reads, and test vectors.

use serde_json::json;

use super::Subject;
use crate::attention::reference::{self, At};
use crate::attention::{Dims, Inputs, Plan, assemble};
use crate::experiment::{Issue, Issues, message};
use crate::interchange::{InterchangeError, npz};

/// Most cells of all heads whose mask and weights go into test vectors.
const CELLS: usize = 1 << 20;

/// Q, K and V, edits included, as `numpy.savez` has them: what scripts read as [`super::INPUTS_FILE`].
///
/// # Errors
/// What is wrong with the experiment; more bytes than an archive can hold.
pub fn inputs_file(subject: &Subject) -> Result<Vec<u8>, Issues> {
    let (_, inputs) = assemble(subject.experiment, subject.loaded)?;
    let files = tensors(&subject.loaded.dims, &inputs);
    let files: Vec<(&str, Vec<u8>)> = files.into_iter().collect();
    npz::stored(&files).map_err(too_large)
}

/// The same as JSON, `{ Q: { shape, data }, … }`: what the JavaScript reads as [`super::INPUTS_JSON`].
///
/// # Errors
/// What is wrong with the experiment.
pub fn inputs_json(subject: &Subject) -> Result<String, Issues> {
    let (_, inputs) = assemble(subject.experiment, subject.loaded)?;
    let [q, k, v] = shapes(&subject.loaded.dims);
    let tensor = |shape: [usize; 4], data: &[f32]| json!({ "shape": shape, "data": data });
    Ok(json!({ "Q": tensor(q, &inputs.q), "K": tensor(k, &inputs.k), "V": tensor(v, &inputs.v) }).to_string())
}

/// Test vectors as `numpy.savez` has them: `q`, `k`, `v` and the page's output `y` in single precision; `mask` (true: allowed), and `weights` of exact
/// attention rounded from double precision, where they are formulas over positions and not too many; `experiment.json`, which the page reads again.
///
/// # Errors
/// What is wrong with the experiment; more bytes than an archive can hold.
pub fn vectors(subject: &Subject) -> Result<Vec<u8>, Issues> {
    let (problem, inputs) = assemble(subject.experiment, subject.loaded)?;
    let given = subject.loaded.dims;
    let mut files: Vec<(&str, Vec<u8>)> = tensors(&given, &inputs).into_iter().collect();
    if let Some(y) = subject.output.filter(|y| y.len() == given.y_len()) {
        files.push(("y.npy", npz::array(&[given.batch, given.q_heads, given.n_q, given.d_v], y)));
    }
    let dims = problem.dims;
    if problem.lowering.is_none() && dims.rows() * dims.n_k <= CELLS {
        let plan = Plan::compile(&problem)?;
        let shape = [dims.batch, dims.q_heads, dims.n_q, dims.n_k];
        files.push(("mask.npy", npz::bools(&shape, allowed(&plan).into_iter())));
        let weights: Vec<f32> = reference::attend(&plan, &inputs).weights.iter().map(|&w| w as f32).collect();
        files.push(("weights.npy", npz::array(&shape, &weights)));
    }
    files.push(("experiment.json", experiment_json(subject).into_bytes()));
    npz::stored(&files).map_err(too_large)
}

/// The experiment with the version that wrote it.
pub fn experiment_json(subject: &Subject) -> String {
    let whole = json!({
        "program": "Attention Playground",
        "version": env!("CARGO_PKG_VERSION"),
        "link": subject.link,
        "experiment": subject.experiment,
    });
    format!("{whole:#}\n")
}

/// A matrix of singles as a file of NumPy, `[rows, columns]`.
pub fn weights_npy(rows: usize, columns: usize, values: &[f32]) -> Vec<u8> {
    npz::array(&[rows, columns], values)
}

fn shapes(dims: &Dims) -> [[usize; 4]; 3] {
    let Dims { batch, q_heads, kv_heads, n_q, n_k, d, d_v } = *dims;
    [[batch, q_heads, n_q, d], [batch, kv_heads, n_k, d], [batch, kv_heads, n_k, d_v]]
}

fn tensors(dims: &Dims, inputs: &Inputs) -> [(&'static str, Vec<u8>); 3] {
    let [q, k, v] = shapes(dims);
    [("q.npy", npz::array(&q, &inputs.q)), ("k.npy", npz::array(&k, &inputs.k)), ("v.npy", npz::array(&v, &inputs.v))]
}

fn allowed(plan: &Plan) -> Vec<bool> {
    let Dims { batch, q_heads, n_q, n_k, .. } = plan.dims;
    let mut cells = Vec::with_capacity(batch * q_heads * n_q * n_k);
    for b in 0..batch {
        for h in 0..q_heads {
            for q in 0..n_q {
                cells.extend((0..n_k).map(|k| reference::allowed(plan, At { b, h, q, k })));
            }
        }
    }
    cells
}

fn too_large(error: InterchangeError) -> Issues {
    Issue::new("input", message!("is too large for one file: {error}", "对单个文件过大：{error}")).into()
}
