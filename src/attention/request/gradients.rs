//! Gradients among the outputs of a request.

use super::tensor::{Layout, Tensor};
use super::{Prepared, Request};
use crate::attention::dims::Dims;
use crate::attention::gradients;
use crate::attention::problem::Problem;
use crate::catalogue::Text;
use crate::experiment::{Backend, Issue};

/// Outputs that are gradients.
pub const OUTPUTS: [&str; 4] = ["dQ", "dK", "dV", "dparams"];

/// What gradients of a request need beside its run.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients {
    /// The derivatives that they start from, `[batch, q_heads, n_q, d_v]`.
    pub dy: Vec<f32>,
    /// Whether derivatives by parameters are among the outputs.
    pub params: bool,
    /// Keys that were there before K.
    past: usize,
    /// What scores are divided by, if the request says so.
    temperature: Option<f32>,
    /// Shape of `attn_mask`.
    mask: Vec<usize>,
}

/// What gradients need, if any are wanted, and everything wrong with them.
pub fn wanted(
    request: &Request,
    outputs: &[String],
    problem: &Problem,
    (layout, past): (Layout, usize),
    issues: &mut Vec<Issue>,
) -> Option<Gradients> {
    let any = outputs.iter().position(|output| OUTPUTS.contains(&output.as_str()));
    let Some(first) = any else {
        if request.dy.is_some() {
            let message = "is given, but `outputs` asks for no gradient; add \"dQ\", \"dK\", \"dV\" or \"dparams\"";
            issues.push(Issue::new("dY", message));
        }
        return None;
    };
    if request.backend == Backend::Webgpu {
        let text = Text::new(
            "asks for a gradient, which there is no GPU kernel for; auto, cpu and reference compute it",
            "需要梯度，而梯度没有 GPU 计算核；auto、cpu 与 reference 可以计算",
        );
        issues.push(Issue::new(format!("outputs[{first}]"), text));
    }
    issues.extend(gradients::check(problem));
    let Dims { batch, q_heads, n_q, d_v, .. } = problem.dims;
    let extents = [batch, q_heads, n_q, d_v];
    let dy = match &request.dy {
        None => vec![1.0; extents.iter().product()],
        Some(given) => {
            let shape = layout.shape(extents);
            if let Err(issue) = given.check("dY") {
                issues.push(issue);
            } else if given.shape != shape {
                let found = &given.shape;
                issues.push(Issue::new("dY.shape", format!("is {found:?}; the output has {shape:?}")));
            }
            layout.unpack(given.data.clone(), extents)
        }
    };
    Some(Gradients {
        dy,
        params: outputs.iter().any(|output| output == "dparams"),
        past,
        temperature: request.temperature,
        mask: request.attn_mask.as_ref().map(|mask| mask.shape.clone()).unwrap_or_default(),
    })
}

impl Prepared {
    /// dQ, laid out as Q, from the engine's `[batch, q_heads, n_q, d]`.
    pub fn dq(&self, data: Vec<f32>) -> Tensor {
        let Dims { batch, q_heads, n_q, d, .. } = self.problem.dims;
        let extents = [batch, q_heads, n_q, d];
        Tensor::new(&self.layout.shape(extents), self.layout.pack(data, extents))
    }

    /// dK, laid out as K, from the engine's `[batch, kv_heads, n_k, d]`: of the new keys; those of the past are the caller's data.
    pub fn dk(&self, data: &[f32]) -> Tensor {
        self.of_new(data, self.problem.dims.d)
    }

    /// dV, laid out as V, from the engine's `[batch, kv_heads, n_k, d_v]`, as [`Prepared::dk`].
    pub fn dv(&self, data: &[f32]) -> Tensor {
        self.of_new(data, self.problem.dims.d_v)
    }

    fn of_new(&self, data: &[f32], size: usize) -> Tensor {
        let Dims { batch, kv_heads, n_k, .. } = self.problem.dims;
        let past = self.gradients.as_ref().map_or(0, |gradients| gradients.past);
        let new = data.chunks_exact((n_k * size).max(1)).flat_map(|head| &head[past * size..]).copied().collect();
        let extents = [batch, kv_heads, n_k - past, size];
        Tensor::new(&self.layout.shape(extents), self.layout.pack(new, extents))
    }

    /// Derivatives by one name of [`gradients::named`], as outputs name them: `dparams.` before the name. The factor on Q·K is `scale` over
    /// `temperature`, so that both have their part of it.
    pub fn dparams(&self, name: &str, shape: &[usize], values: &[f64]) -> Vec<(String, Tensor)> {
        let Some(gradients) = &self.gradients else { return Vec::new() };
        let single = |values: &mut dyn Iterator<Item = f64>| values.map(|x| x as f32).collect::<Vec<f32>>();
        let key = format!("dparams.{name}");
        match (name, gradients.temperature, values) {
            ("scale", Some(temperature), &[by]) => {
                let (temperature, scale) = (f64::from(temperature), f64::from(self.problem.scale));
                let number = |x: f64| Tensor::new(&[], vec![x as f32]);
                vec![
                    (key, number(by / temperature)),
                    ("dparams.temperature".to_owned(), number(-by * scale / temperature)),
                ]
            }
            ("attn_mask", ..) => {
                // A last axis shorter than the keys was padded.
                let given: usize = gradients.mask.iter().product();
                let keys = gradients.mask.last().copied().unwrap_or(1).max(1);
                let width = if given == values.len() { keys } else { self.problem.dims.n_k };
                let mut entries = values.chunks(width).flat_map(|row| row.iter().take(keys).copied());
                vec![(key, Tensor::new(&gradients.mask, single(&mut entries)))]
            }
            _ => vec![(key, Tensor::new(shape, single(&mut values.iter().copied())))],
        }
    }
}
