//! A request of rotary embedding as an operator: the angles of each position are looked up here.

use super::{Layout, OperatorRequest, shaped};
use crate::attention::operators::{Operator, RotaryEmbedding};
use crate::attention::request::Tensor;
use crate::experiment::{Issue, Issues};

/// The operator, its tensors, and the layout of the output.
///
/// # Errors
/// Every tensor and field that does not fit the others.
pub fn prepare(request: &OperatorRequest) -> Result<(Operator, Vec<Vec<f32>>, Layout), Issues> {
    let given = |name: &str| request.tensors.get(name);
    let needed = |name: &str| given(name).ok_or_else(|| Issue::new(name, "is missing"));
    let (x, cos, sin) = (needed("X")?, needed("cos_cache")?, needed("sin_cache")?);
    let layout = match (x.shape.len(), request.num_heads) {
        (4, _) => Layout::Batched,
        (3, Some(_)) => Layout::Packed,
        (3, None) => return Err(Issue::new("num_heads", "is missing beside an X of 3 axes").into()),
        (rank, _) => return Err(Issue::new("X.shape", format!("has {rank} axes; 3 or 4 are needed")).into()),
    };
    let extents = layout.extents(x, request.num_heads.unwrap_or(0), "X")?;
    let [batch, heads, length, size] = extents;
    let mut issues = Vec::new();
    if let Some(axis) = extents.iter().position(|&extent| extent == 0) {
        let name = ["batch", "heads", "length", "size"][axis];
        issues.push(Issue::new("X.shape", format!("{name}: must be at least 1")));
    }
    // 0 is ONNX's word for no heads of its own.
    if let Some(count) = request.num_heads.filter(|&count| count != 0 && count != heads) {
        issues.push(Issue::new("num_heads", format!("is {count}; X has {heads} heads")));
    }
    let rotated = if request.rotary_embedding_dim == 0 { size } else { request.rotary_embedding_dim };
    if rotated > size || rotated % 2 != 0 {
        issues.push(match request.rotary_embedding_dim {
            0 => Issue::new("X.shape", format!("size: must be even where all of it is rotated, and is {size}")),
            dim => Issue::new("rotary_embedding_dim", format!("must be even and at most {size}, and is {dim}")),
        });
    }
    if !issues.is_empty() {
        return Err(Issues(issues));
    }

    let half = rotated / 2;
    let rows: Vec<usize> = match given("position_ids") {
        None => {
            [("cos_cache", cos), ("sin_cache", sin)]
                .iter()
                .for_each(|(path, cache)| shaped(path, cache, &[&[batch, length, half]], &mut issues));
            (0..batch * length).collect()
        }
        Some(ids) => {
            let positions = cos.shape.first().copied().unwrap_or(0);
            [("cos_cache", cos), ("sin_cache", sin)]
                .iter()
                .for_each(|(path, cache)| shaped(path, cache, &[&[positions, half]], &mut issues));
            shaped("position_ids", ids, &[&[batch, length], &[batch * length]], &mut issues);
            places(ids, positions, &mut issues)
        }
    };
    if !issues.is_empty() {
        return Err(Issues(issues));
    }
    let angles = |cache: &Tensor| -> Vec<f32> {
        rows.iter().flat_map(|row| &cache.data[row * half..(row + 1) * half]).copied().collect()
    };
    let operator = RotaryEmbedding { batch, heads, length, size, rotated, interleaved: request.interleaved };
    let tensors = vec![layout.unpack(&x.data, extents).to_vec(), angles(cos), angles(sin)];
    Ok((Operator::RotaryEmbedding(operator), tensors, layout))
}

/// Rows of the caches, every one below `positions`.
fn places(ids: &Tensor, positions: usize, issues: &mut Vec<Issue>) -> Vec<usize> {
    let whole = |id: f32| id >= 0.0 && id.fract() == 0.0 && (id as usize) < positions;
    if let Some(i) = ids.data.iter().position(|&id| !whole(id)) {
        let most = positions.saturating_sub(1);
        let message = format!("must be a whole number from 0 to {most}, and is {}", ids.data[i]);
        issues.push(Issue::new(format!("position_ids.data[{i}]"), message));
    }
    ids.data.iter().map(|&id| id as usize).collect()
}
