//! `attn_mask`: a tensor broadcast over the scores becomes a mask term, a bias term, or both.

use super::tensor::Tensor;
use crate::attention::dims::Dims;
use crate::attention::problem::Term;
use crate::experiment::Issue;
use crate::formula::{Data, DataValues};

/// The term of what is allowed and the term of what is added, each only where it says anything.
///
/// An added −∞ masks: the value leaves the sum, so that a softcap or an infinite score can't bring the key back. A last axis shorter than the
/// keys masks those past it, as in ONNX.
pub fn terms(tensor: &Tensor, dims: &Dims) -> Result<(Option<Term>, Option<Term>), Issue> {
    tensor.check("attn_mask")?;
    let wanted = [dims.batch, dims.q_heads, dims.n_q, dims.n_k];
    let rank = tensor.shape.len();
    if rank == 0 || rank > 4 {
        return Err(Issue::new("attn_mask.shape", format!("has {rank} axes; 1 to 4 are needed")));
    }
    let mut shape = [1; 4];
    shape[4 - rank..].copy_from_slice(&tensor.shape);
    let keys = shape[3];
    let fits = (0..3).all(|i| shape[i] == 1 || shape[i] == wanted[i]) && (1..=dims.n_k).contains(&keys);
    if !fits {
        let message =
            format!("is {:?}, which can't be broadcast to {wanted:?}; the last axis may be shorter", tensor.shape);
        return Err(Issue::new("attn_mask.shape", message));
    }
    // A single column is broadcast; a shorter row is padded.
    let width = if keys == 1 { 1 } else { dims.n_k };
    let padded = |pad: f32| -> Vec<f32> {
        let rows = tensor.data.chunks_exact(keys);
        rows.flat_map(|row| row.iter().copied().chain(std::iter::repeat_n(pad, width - keys))).collect()
    };
    shape[3] = width;
    let (text, extents) = access(shape);
    let table = |values: DataValues| Data { shape: extents.clone(), values, clamp: false };
    let cells = padded(if tensor.is_bool { 0.0 } else { f32::NEG_INFINITY });
    let keep: Vec<u8> =
        cells.iter().map(|&x| u8::from(if tensor.is_bool { x != 0.0 } else { x != f32::NEG_INFINITY })).collect();
    let added = (!tensor.is_bool).then(|| {
        let finite = cells.iter().map(|&x| if x == f32::NEG_INFINITY { 0.0 } else { x }).collect();
        Term::new("attn_mask", &format!("s + {text}")).data("attn_mask", table(DataValues::Float(finite)))
    });
    let masks = keep.contains(&0);
    let allowed = masks.then(|| Term::new("attn_mask", &text).data("attn_mask", table(DataValues::Bool(keep))));
    Ok((allowed, added))
}

/// How a formula reads a table of this shape, and the table's own extents: axes of one entry are left out, all but the last.
fn access(shape: [usize; 4]) -> (String, Vec<usize>) {
    let axes: Vec<(&str, usize)> =
        ["b", "h", "q", "k"].into_iter().zip(shape).filter(|&(_, extent)| extent > 1).collect();
    if axes.is_empty() {
        return ("attn_mask[0]".to_owned(), vec![1]);
    }
    let names: Vec<&str> = axes.iter().map(|&(name, _)| name).collect();
    (format!("attn_mask[{}]", names.join(", ")), axes.iter().map(|&(_, extent)| extent).collect())
}
