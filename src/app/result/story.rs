//! What the result knows of one cell and one row, read from the pictures of the last run.

use crate::app::state::Lab;
use crate::engine::Map;
use crate::experiment::Stage;

/// Value of a stage at (query, key): from a picture that holds the cell at full resolution. `None` where no picture does.
pub fn value(lab: Lab, stage: Stage, head: usize, (q, k): (usize, usize)) -> Option<f32> {
    lab.maps.with(|maps| maps.iter().find_map(|m| at(m, stage, head, q, k)))
}

fn at(map: &Map, stage: Stage, head: usize, q: usize, k: usize) -> Option<f32> {
    let r = &map.request;
    let full = r.width == r.k.len() && r.height == r.q.len();
    let holds = r.stage == stage && r.head == head && full && r.q.contains(&q) && r.k.contains(&k);
    holds.then(|| map.values[(q - r.q.start) * r.width + (k - r.k.start)])
}

/// Weights of one query over all keys, masked ones 0.
pub fn row(lab: Lab, head: usize, q: usize) -> Option<Vec<f32>> {
    lab.maps.with(|maps| {
        maps.iter().find_map(|m| {
            let r = &m.request;
            let full = r.width == r.k.len() && r.height == r.q.len() && r.k.start == 0;
            (r.stage == Stage::Weights && r.head == head && full && r.q.contains(&q)).then(|| {
                let start = (q - r.q.start) * r.width;
                m.values[start..start + r.width].iter().map(|v| if v.is_finite() { *v } else { 0.0 }).collect()
            })
        })
    })
}

/// Text of a token; its index where it has none.
pub fn token(lab: Lab, keys: bool, index: usize) -> String {
    lab.token(keys, index).unwrap_or_else(|| index.to_string())
}

/// Whether a stage's value says that the mask forbids the cell.
pub fn is_masked(value: f32) -> bool {
    value.is_nan() || value == f32::NEG_INFINITY
}
