//! Gradients among the outputs of a request.

use super::tensor::{Layout, Tensor};
use super::{Prepared, Request};
use crate::attention::dims::Dims;
use crate::attention::gradients;
use crate::attention::problem::Problem;
use crate::experiment::Issue;

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
    if !outputs.iter().any(|output| OUTPUTS.contains(&output.as_str())) {
        if request.dy.is_some() {
            let message = "is given, but `outputs` asks for no gradient; add \"dQ\", \"dK\", \"dV\" or \"dparams\"";
            issues.push(Issue::new("dY", message));
        }
        return None;
    }
    issues.extend(gradients::check(problem));
    // As the output is laid out, whatever a layout of heads makes of the sizes.
    let given = problem.lowering.as_ref().map_or(problem.dims, |lowering| lowering.dims);
    let extents = [given.batch, given.q_heads, given.n_q, given.d_v];
    let dy = match &request.dy {
        None => vec![1.0; extents.iter().product()],
        Some(given) => {
            let shape = layout.shape(extents);
            if let Err(issue) = given.check("dY") {
                issues.push(issue);
                return None;
            }
            if given.shape != shape {
                let found = &given.shape;
                issues.push(Issue::new("dY.shape", format!("is {found:?}; the output has {shape:?}")));
                return None;
            }
            layout.unpack(&given.data, extents).to_vec()
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use serde_json::json;

    use super::super::{Draft, prepare};
    use super::*;
    use crate::catalogue::Lang;

    #[test]
    fn gradients_have_the_shapes_of_what_was_given() {
        let packed = |n: usize, heads: usize| Tensor::new(&[1, n, heads * 2], vec![0.5; n * heads * 2]);
        let with = |dy: Option<Tensor>, outputs: &[&str]| {
            let mut draft = Draft::default();
            for (name, tensor) in [("Q", packed(3, 4)), ("K", packed(5, 2)), ("V", packed(5, 2))] {
                draft.tensor(name, tensor);
            }
            for name in ["past_key", "past_value"] {
                draft.tensor(name, Tensor::new(&[1, 2, 1, 2], vec![0.5; 4]));
            }
            draft.tensor("attn_mask", Tensor::new(&[3, 4], vec![0.25; 12]));
            dy.into_iter().for_each(|dy| draft.tensor("dY", dy));
            draft.field("q_num_heads", json!(4));
            draft.field("kv_num_heads", json!(2));
            draft.field("temperature", json!(2));
            draft.field("outputs", json!(outputs));
            draft.request().and_then(|request| prepare(&request))
        };
        let numbers: Vec<f32> = (0..24).map(|x| x as f32).collect();
        let prepared = with(Some(Tensor::new(&[1, 3, 8], numbers)), &["dQ", "dparams"]).unwrap();
        let gradients = prepared.gradients.as_ref().unwrap();
        // Head 1 of query 0 stands after head 0 of every query.
        assert!(gradients.params && gradients.dy[..6] == [0.0, 1.0, 8.0, 9.0, 16.0, 17.0] && gradients.dy[6] == 2.0);
        assert_eq!(prepared.dq(vec![0.0; 24]).shape, [1, 3, 8]);
        // Of six keys the first is of the past, in both heads.
        let dk = prepared.dk(&(0..24).map(|x| x as f32).collect::<Vec<_>>());
        assert_eq!((dk.shape, &dk.data[..6]), (vec![1, 5, 4], &[2.0, 3.0, 14.0, 15.0, 4.0, 5.0][..]));
        assert_eq!(prepared.dv(&[0.0; 24]).shape, [1, 5, 4]);
        // The factor is scale / 2.
        let by = prepared.dparams("scale", &[], &[6.0]);
        let scale = prepared.problem.scale;
        assert_eq!(by[0], ("dparams.scale".to_owned(), Tensor::new(&[], vec![3.0])));
        assert_eq!(by[1], ("dparams.temperature".to_owned(), Tensor::new(&[], vec![-3.0 * scale])));
        let mask = prepared.dparams("attn_mask", &[3, 6], &(0..18).map(f64::from).collect::<Vec<_>>());
        assert_eq!(mask[0].1.shape, [3, 4]);
        assert_eq!(mask[0].1.data[..6], [0.0, 1.0, 2.0, 3.0, 6.0, 7.0]);
        // Ones where nothing is said.
        assert_eq!(with(None, &["dV"]).unwrap().gradients.unwrap().dy, vec![1.0; 24]);
        let said = |dy: &[usize], outputs: &[&str]| {
            let dy = Tensor::new(dy, vec![1.0; dy.iter().product()]);
            with(Some(dy), outputs).unwrap_err().lines(Lang::En)
        };
        assert_eq!(said(&[1, 4, 3, 2], &["dQ"]), "dY.shape: is [1, 4, 3, 2]; the output has [1, 3, 8]");
        assert_eq!(said(&[1], &["dV"]), "dY.shape: is [1]; the output has [1, 3, 8]");
        assert!(said(&[1, 3, 8], &["Y"]).starts_with("dY: is given, but `outputs` asks for no gradient"));
    }
}
