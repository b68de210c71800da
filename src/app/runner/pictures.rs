//! Which pictures the page shows of a result.

use crate::attention::Dims;
use crate::engine::{Map, MapRequest, Pool};
use crate::experiment::{Stage, View};

/// Longest side of a head's small picture.
const SMALL: usize = 40;
/// Longest side of the large picture.
const LARGE: usize = 512;
/// Most cells of a matrix of which every stage is fetched whole.
const WHOLE: usize = 128 * 128;
/// Most cells of a matrix whose pictures look at all of them. Of a larger one they are samples, and who looks closer sees them made exact.
pub const ALL: usize = 4096 * 4096;
/// Most cells that the sample of a whole head looks at.
const SAMPLED: usize = 1 << 22;

/// The pictures for a view: every head's weights small, and of the chosen head every stage whole; of a larger matrix the chosen stage pooled, and
/// the row and the cell that are told about.
pub fn requests(dims: &Dims, view: &View, (query, key): (usize, usize)) -> Vec<MapRequest> {
    let Dims { n_q, n_k, q_heads, .. } = *dims;
    let at = |stage, head, q: std::ops::Range<usize>, k: std::ops::Range<usize>, limit: usize| {
        let (width, height) = (k.len().min(limit), q.len().min(limit));
        let large = q.len().saturating_mul(k.len()) > ALL;
        let (height, pool) =
            if large { (height.min((SAMPLED / k.len()).max(1)), Pool::SampledMax) } else { (height, Pool::Max) };
        MapRequest { stage, batch: 0, head, q, k, width, height, pool }
    };
    let mut all: Vec<MapRequest> = (0..q_heads).map(|head| at(Stage::Weights, head, 0..n_q, 0..n_k, SMALL)).collect();
    let head = view.head.min(q_heads.saturating_sub(1));
    let mut add = |request: MapRequest| {
        if !all.contains(&request) {
            all.push(request);
        }
    };
    if cells(dims) <= WHOLE {
        Stage::ALL.into_iter().for_each(|stage| add(at(stage, head, 0..n_q, 0..n_k, usize::MAX)));
    } else {
        add(at(view.stage, head, 0..n_q, 0..n_k, LARGE));
        let (q, k) = (query.min(n_q.saturating_sub(1)), key.min(n_k.saturating_sub(1)));
        add(at(Stage::Weights, head, q..q + 1, 0..n_k, usize::MAX));
        Stage::ALL.into_iter().for_each(|stage| add(at(stage, head, q..q + 1, k..k + 1, 1)));
    }
    all
}

/// Whether what is told about a cell needs pictures of its own.
pub fn follows_the_cell(dims: &Dims) -> bool {
    cells(dims) > WHOLE
}

/// Cells of one head's matrix.
pub fn cells(dims: &Dims) -> usize {
    dims.n_q.saturating_mul(dims.n_k)
}

/// Requests that no picture answers yet.
pub fn missing(wanted: &[MapRequest], have: &[Map]) -> Vec<MapRequest> {
    wanted.iter().filter(|request| !have.iter().any(|map| map.request == **request)).cloned().collect()
}

/// The pictures for `wanted`, old and new ones.
pub fn joined(wanted: &[MapRequest], have: &[Map], new: Vec<Map>) -> Vec<Map> {
    let find = |request: &MapRequest| have.iter().chain(&new).find(|map| map.request == *request).cloned();
    wanted.iter().filter_map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dims(n: usize) -> Dims {
        Dims { batch: 1, q_heads: 12, kv_heads: 12, n_q: n, n_k: n, d: 32, d_v: 32 }
    }

    #[test]
    fn a_small_matrix_is_fetched_whole_and_no_picture_twice() {
        let all = requests(&dims(16), &View::default(), (10, 2));
        // The chosen head's weights are small enough to be among the small pictures.
        assert_eq!(all.len(), 12 + 5);
        assert!(all.iter().all(|r| r.width == 16 && r.height == 16));
        assert_eq!(requests(&dims(64), &View::default(), (0, 0)).len(), 12 + 6);
    }

    #[test]
    fn a_large_matrix_is_pooled_and_its_row_is_whole() {
        let all = requests(&dims(4096), &View::default(), (4095, 7));
        assert!(all.iter().all(|r| r.height <= LARGE && r.width * r.height <= LARGE * LARGE));
        assert!(all.iter().any(|r| r.q == (4095..4096) && r.width == 4096));
        assert_eq!(all.iter().filter(|r| r.k == (7..8)).count(), Stage::ALL.len());
    }

    #[test]
    fn a_view_outside_the_matrix_is_brought_inside() {
        let view = View { head: 99, ..View::default() };
        for request in requests(&dims(200), &view, (usize::MAX, usize::MAX)) {
            assert!(
                request.head < 12
                    && request.q.end <= 200
                    && request.k.end <= 200
                    && request.width > 0
                    && request.height > 0
            );
        }
    }

    #[test]
    fn only_new_pictures_are_asked_for() {
        let (old, new) = (
            requests(&dims(64), &View::default(), (0, 0)),
            requests(&dims(64), &View { head: 6, ..View::default() }, (0, 0)),
        );
        let map = |request: &MapRequest| Map { request: request.clone(), values: Vec::new() };
        let have: Vec<Map> = old.iter().map(map).collect();
        let lacking = missing(&new, &have);
        assert_eq!(lacking.len(), 6);
        assert_eq!(joined(&new, &have, lacking.iter().map(map).collect()).len(), new.len());
    }
}
