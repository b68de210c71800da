//! Tables computed from Q and K.

mod branches;
mod clusters;
mod gates;
mod pairs;
mod relative;
mod select;
mod weights;

use super::super::dims::{Dims, Inputs};
use super::super::plan::Plan;
use super::frame::Frame;
use super::step::Derived;
use crate::catalogue::Measure;
use crate::experiment::Issues;
use crate::formula::{Data, DataValues};

/// Lengths of the axes of a table, over tensors of these sizes.
pub fn shape(table: &Derived, dims: &Dims) -> Vec<usize> {
    let Dims { batch, q_heads, n_q, n_k, .. } = *dims;
    let reach = table.step.count("reach", 1);
    match table.step.kind {
        Measure::Additive
        | Measure::TransformerXl
        | Measure::Tupe
        | Measure::TiSasRec
        | Measure::Cope
        | Measure::Path
        | Measure::TopKeys => vec![batch, q_heads, n_q, n_k],
        Measure::Shaw => vec![batch, q_heads, n_q, reach.saturating_mul(2).saturating_add(1)],
        Measure::ContentToPlace => vec![batch, q_heads, n_q, reach.saturating_mul(2)],
        Measure::PlaceToContent => vec![batch, q_heads, n_k, reach.saturating_mul(2)],
        Measure::Forget | Measure::ClusterOfKey => vec![batch, q_heads, n_k],
        Measure::ClusterOfQuery => vec![batch, q_heads, n_q],
        Measure::HashOfQuery => vec![batch, q_heads, clusters::ROUNDS, n_q],
        Measure::HashOfKey => vec![batch, q_heads, clusters::ROUNDS, n_k],
        Measure::TopBlocks => vec![batch, q_heads, n_q, n_k.div_ceil(table.step.count("block", 1))],
        Measure::NativeBlocks | Measure::WholeBlocks => {
            vec![batch, q_heads, n_q, table.step.count("tokens", 1).div_ceil(table.step.count("block", 1))]
        }
        // Beyond the last, which no pair of usual offsets reaches, the last.
        Measure::Hebbian => vec![batch, q_heads, n_q + n_k],
        Measure::Branches => vec![batch, q_heads, n_q, 1 << table.branches.len()],
        Measure::Beside => vec![batch, q_heads, n_q, 1 + n_k],
        Measure::Blend => {
            vec![batch, q_heads, n_q, 1 + table.estimators.iter().flatten().next().map_or(0, |one| one.dims.d_v)]
        }
        Measure::Indexed => vec![batch, n_q, n_k],
        Measure::ColumnSums => vec![batch, q_heads, n_k],
        Measure::ShawValues | Measure::TiSasRecValues => vec![batch, q_heads, n_q, dims.d_v],
        Measure::Gate => vec![batch, q_heads, n_q, if table.step.switch("elementwise") { dims.d_v } else { 1 }],
    }
}

/// Computes a table. `given` are the tensors before they were changed, with their sizes; `plan` is the problem without what still waits, where the table
/// reads scores.
///
/// # Errors
/// What can't be computed of tensors of these sizes.
pub fn compute(table: &Derived, frame: &Frame, given: (&Dims, &Inputs), plan: Option<&Plan>) -> Result<Data, Issues> {
    let step = &table.step;
    let values = match (step.kind, plan) {
        (Measure::Additive, _) => DataValues::Float(pairs::additive(step, frame)),
        (Measure::TransformerXl, _) => DataValues::Float(pairs::transformer_xl(step, frame)),
        (Measure::Tupe, _) => DataValues::Float(pairs::tupe(step, frame)),
        (Measure::TiSasRec, _) => DataValues::Float(pairs::tisasrec(table, frame)),
        (Measure::Shaw, _) => DataValues::Float(relative::shaw(step, frame)),
        (Measure::ContentToPlace, _) => DataValues::Float(relative::content_to_place(step, frame)),
        (Measure::PlaceToContent, _) => DataValues::Float(relative::place_to_content(step, frame)),
        (Measure::Forget, _) => DataValues::Float(gates::forget(step, frame)),
        (Measure::Gate, _) => DataValues::Float(gates::output(step, frame)),
        (Measure::Path, _) => DataValues::Float(gates::path(step, frame)),
        (Measure::Cope, Some(plan)) => DataValues::Float(gates::cope(step, frame, plan)),
        (Measure::TopKeys, Some(plan)) => DataValues::Bool(select::top_keys(step, frame, plan)),
        (Measure::TopBlocks, Some(plan)) => DataValues::Bool(select::top_blocks(step, frame, plan)),
        (Measure::NativeBlocks, Some(plan)) => DataValues::Bool(select::native(step, frame, plan)),
        (Measure::Hebbian, Some(plan)) => DataValues::Float(gates::hebbian(frame, plan)),
        (Measure::WholeBlocks, Some(plan)) => DataValues::Bool(select::whole_blocks(step, frame, plan)),
        (Measure::Branches, _) => DataValues::Float(branches::branches(table, frame, given.0, given.1)?),
        (Measure::Beside, _) => DataValues::Float(branches::beside(table, frame, given.0, given.1)?),
        (Measure::Blend, _) => DataValues::Float(branches::blend(table, given.0, given.1)),
        (Measure::Indexed, Some(plan)) => DataValues::Bool(select::indexed(step, frame, plan)),
        (Measure::ColumnSums, Some(plan)) => DataValues::Float(weights::column_sums(frame, plan)),
        (Measure::ShawValues, Some(plan)) => DataValues::Float(weights::shaw(step, frame, plan)),
        (Measure::TiSasRecValues, Some(plan)) => DataValues::Float(weights::tisasrec(table, frame, plan)),
        (Measure::HashOfQuery, _) => DataValues::Int(clusters::hashes(step, frame, true)),
        (Measure::HashOfKey, _) => DataValues::Int(clusters::hashes(step, frame, false)),
        (Measure::ClusterOfQuery, _) => DataValues::Int(clusters::clusters(step, frame, true)),
        (Measure::ClusterOfKey, _) => DataValues::Int(clusters::clusters(step, frame, false)),
        // Whoever reads scores is given a plan.
        (_, None) => DataValues::Float(Vec::new()),
    };
    Ok(Data { shape: shape(table, &frame.dims), values, clamp: true })
}
