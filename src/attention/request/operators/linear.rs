//! A request of linear attention as an operator.

use super::{Layout, OperatorRequest, Tensor, shaped};
use crate::attention::dims::Dims;
use crate::attention::operators::{LinearAttention, Operator};
use crate::attention::plan;
use crate::attention::problem::Problem;
use crate::attention::request::convert::{expect_extents, expect_heads, layout_of, of_tensor};
use crate::experiment::{Issue, Issues};

/// The operator, its tensors, and the layout of the output.
///
/// # Errors
/// Every tensor and field that does not fit the others.
pub fn prepare(request: &OperatorRequest) -> Result<(Operator, Vec<Vec<f32>>, Layout), Issues> {
    let given = |name: &str| request.tensors.get(name);
    let needed = |name: &str| given(name).ok_or_else(|| Issue::new(name, "is missing"));
    let (q, k, v) = (needed("Q")?, needed("K")?, needed("V")?);
    let layout = layout_of(q, request.q_num_heads, request.kv_num_heads)?;
    let packed_heads = request.kv_num_heads.unwrap_or(0);
    let q_extents = layout.extents(q, request.q_num_heads.unwrap_or(0), "Q")?;
    let k_extents = layout.extents(k, packed_heads, "K")?;
    let v_extents = layout.extents(v, packed_heads, "V")?;
    let [batch, q_heads, length, d_k] = q_extents;
    let (kv_heads, d_v) = (k_extents[1], v_extents[3]);
    let mut issues = Vec::new();
    expect_extents("K", k_extents, [batch, kv_heads, length, d_k], &mut issues);
    expect_extents("V", v_extents, [batch, kv_heads, length, d_v], &mut issues);
    expect_heads("q_num_heads", request.q_num_heads, q_heads, &mut issues);
    expect_heads("kv_num_heads", request.kv_num_heads, kv_heads, &mut issues);
    let dims = Dims { batch, q_heads, kv_heads, n_q: length, n_k: length, d: d_k, d_v };
    issues.extend(plan::check(&Problem::plain(dims)).into_iter().map(of_tensor));
    if !issues.is_empty() {
        return Err(Issues(issues));
    }

    let rule = request.update_rule;
    let read = [("decay", rule.fades()), ("beta", rule.replaces())];
    for (name, reads) in read {
        match (given(name), reads) {
            (None, true) => issues.push(Issue::new(name, format!("is missing; the rule {} reads it", rule.name()))),
            (Some(_), false) => issues.push(Issue::new(name, format!("is not read by the rule {}", rule.name()))),
            _ => {}
        }
    }
    let rows = |heads, size| layout.shape([batch, heads, length, size]);
    // Of one size or head both shapes are the same, and either reading is right.
    let (by_key, by_head) = (rows(kv_heads, d_k), rows(kv_heads, 1));
    let mut decay_size = 0;
    if let Some(decay) = given("decay") {
        shaped("decay", decay, &[&by_key, &by_head], &mut issues);
        decay_size = if decay.shape == by_key { d_k } else { 1 };
    }
    let mut beta_heads = 0;
    if let Some(beta) = given("beta") {
        let one = rows(1, 1);
        let wanted: &[&[usize]] = if one == by_head { &[&one] } else { &[&by_head, &one] };
        shaped("beta", beta, wanted, &mut issues);
        beta_heads = if beta.shape == by_head { kv_heads } else { 1 };
    }
    if let Some(past) = given("past_state") {
        shaped("past_state", past, &[&[batch, kv_heads, d_k, d_v]], &mut issues);
    }
    // 0 is ONNX's word for the default.
    let scale = request.scale.filter(|&scale| scale != 0.0).unwrap_or_else(|| 1.0 / (d_k as f32).sqrt());
    if !scale.is_finite() {
        issues.push(Issue::new("scale", "must be finite in single precision"));
    }
    if !issues.is_empty() {
        return Err(Issues(issues));
    }

    let past = given("past_state").is_some();
    let operator =
        LinearAttention { batch, length, q_heads, kv_heads, d_k, d_v, rule, decay_size, beta_heads, past, scale };
    let unpacked =
        |tensor: Option<&Tensor>, extents| tensor.map_or_else(Vec::new, |t| layout.unpack(&t.data, extents).to_vec());
    let tensors = vec![
        unpacked(Some(q), q_extents),
        unpacked(Some(k), k_extents),
        unpacked(Some(v), v_extents),
        unpacked(given("decay"), [batch, kv_heads, length, decay_size]),
        unpacked(given("beta"), [batch, beta_heads, length, 1]),
        given("past_state").map_or_else(Vec::new, |past| past.data.to_vec()),
    ];
    Ok((Operator::LinearAttention(operator), tensors, layout))
}
