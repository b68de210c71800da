//! Cuts a run into items of about ten milliseconds: by head first, then by rows.

use crate::attention::Dims;
use crate::engine::protocol::Work;
use crate::engine::{MapRequest, Rows};

/// Milliseconds that an item should take: short enough that a dropped run is gone at once, long enough that messages cost nothing.
pub const ITEM_MS: f64 = 10.0;

/// Milliseconds that an item for the GPU should take: the way there and back is longer. Its worker cuts an item into submissions of 50 ms, of so many rows as fill the GPU, of which
/// little should be left over.
pub const GPU_ITEM_MS: f64 = 150.0;

/// Rows of an item are a multiple of the first of these that is not above them: kernels take tiles of 48 rows on the CPU and of 64 on the GPU, and 192 are
/// whole tiles of both.
const ROW_BLOCKS: [usize; 2] = [192, 64];

/// What part of an item is still worth a worker of its own: below, the tensors are there no sooner than another worker is done with it.
const LEAST_SHARE: f64 = 0.25;

/// One message of work.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What to compute, in this order.
    pub work: Vec<Work>,
    /// Floating-point operations, estimated.
    pub flops: f64,
    /// The heads that its rows belong to, or that its pictures show.
    pub heads: Vec<(usize, usize)>,
    /// Only pictures: better done after the rows, whose log-sum-exp they need.
    pub picture: bool,
}

/// An upper estimate of a run's operations from its sizes alone, before anything is known of masks.
pub fn dense_flops(dims: &Dims) -> f64 {
    // Two per multiply-add of Q·K and of weights · V, and about twenty for scale, bias, mask, exp and sum.
    dims.rows() as f64 * dims.n_k as f64 * (2 * dims.d + 2 * dims.d_v + 20) as f64
}

/// Operations of a picture: the scores of its rectangle again.
pub fn map_flops(dims: &Dims, request: &MapRequest) -> f64 {
    request.rows() as f64 * request.k.len() as f64 * (2 * dims.d + 20) as f64
}

/// Into how many parts a run of `flops` operations is cut, where `target` are those of an item: as many for each of the `workers`, so that none waits for the
/// others with nothing to do; fewer, where not all of them are worth it.
pub fn shares(flops: f64, target: f64, workers: usize) -> usize {
    let workers = workers.max(1);
    if flops > target * workers as f64 {
        return workers * (flops / (target * workers as f64)).ceil() as usize;
    }
    ((flops / (target * LEAST_SHARE)) as usize).clamp(1, workers)
}

/// Operations of a part, for [`cut`], where there are to be so many `shares`.
pub fn share(flops: f64, shares: usize) -> f64 {
    // A part must not be cut again because of how numbers were rounded.
    if shares > 1 { flops / shares as f64 * (1.0 + 1e-9) } else { f64::INFINITY }
}

/// Cuts all rows, and the pictures `maps`, into parts of about `target` operations. `flops` are those of all rows together.
pub fn cut(dims: &Dims, flops: f64, maps: &[MapRequest], target: f64) -> Vec<Part> {
    let heads = dims.batch * dims.q_heads;
    let flops = if flops.is_finite() { flops.max(0.0) } else { dense_flops(dims) };
    let per_head = flops / heads.max(1) as f64;
    let mut parts = Vec::new();
    if per_head > target && dims.n_q > 1 {
        let pieces = (per_head / target).ceil().min(dims.n_q as f64) as usize;
        let rows = dims.n_q.div_ceil(pieces);
        let block = ROW_BLOCKS.into_iter().find(|block| rows >= *block).unwrap_or(1);
        let rows = rows.next_multiple_of(block);
        for (batch, head) in all_heads(dims) {
            for start in (0..dims.n_q).step_by(rows) {
                let q = start..(start + rows).min(dims.n_q);
                let share = per_head * q.len() as f64 / dims.n_q as f64;
                let work = vec![Work::Rows(Rows { batch, head, q })];
                parts.push(Part { work, flops: share, heads: vec![(batch, head)], picture: false });
            }
        }
        parts.extend(pictures(dims, maps.iter().enumerate(), target));
    } else {
        // Whole heads: their pictures go with them, where the log-sum-exp is.
        let mut open: Option<Part> = None;
        for (batch, head) in all_heads(dims) {
            let shown: Vec<(usize, &MapRequest)> =
                maps.iter().enumerate().filter(|(_, m)| (m.batch, m.head) == (batch, head)).collect();
            let size = per_head + shown.iter().map(|(_, m)| map_flops(dims, m)).sum::<f64>();
            if open.as_ref().is_some_and(|part| part.flops + size > target) {
                parts.extend(open.take());
            }
            let part =
                open.get_or_insert_with(|| Part { work: Vec::new(), flops: 0.0, heads: Vec::new(), picture: false });
            part.work.push(Work::Rows(Rows { batch, head, q: 0..dims.n_q }));
            part.work.extend(shown.into_iter().map(|(index, request)| Work::Map { index, request: request.clone() }));
            part.flops += size;
            part.heads.push((batch, head));
        }
        parts.extend(open);
    }
    parts
}

/// Cuts pictures of a run that is done.
pub fn cut_maps(dims: &Dims, maps: &[MapRequest], target: f64) -> Vec<Part> {
    pictures(dims, maps.iter().enumerate(), target)
}

fn pictures<'a>(dims: &Dims, maps: impl Iterator<Item = (usize, &'a MapRequest)>, target: f64) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for (index, request) in maps {
        let (head, flops) = ((request.batch, request.head), map_flops(dims, request));
        let work = Work::Map { index, request: request.clone() };
        match parts.last_mut() {
            Some(part) if part.flops + flops <= target => {
                part.work.push(work);
                part.flops += flops;
                if !part.heads.contains(&head) {
                    part.heads.push(head);
                }
            }
            _ => parts.push(Part { work: vec![work], flops, heads: vec![head], picture: true }),
        }
    }
    parts
}

fn all_heads(dims: &Dims) -> impl Iterator<Item = (usize, usize)> + use<> {
    let heads = dims.q_heads;
    (0..dims.batch).flat_map(move |batch| (0..heads).map(move |head| (batch, head)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Pool;
    use crate::experiment::Stage;

    fn dims(batch: usize, q_heads: usize, n: usize) -> Dims {
        Dims { batch, q_heads, kv_heads: 1, n_q: n, n_k: n, d: 32, d_v: 32 }
    }

    fn whole(dims: &Dims, head: usize) -> MapRequest {
        let (q, k) = (0..dims.n_q, 0..dims.n_k);
        MapRequest { stage: Stage::Weights, batch: 0, head, q, k, width: 8, height: 8, pool: Pool::Max }
    }

    /// How often each row is computed and each picture made.
    fn counts(dims: &Dims, parts: &[Part], maps: usize) -> (Vec<u32>, Vec<u32>) {
        let (mut rows, mut pictures) = (vec![0; dims.rows()], vec![0; maps]);
        for work in parts.iter().flat_map(|p| &p.work) {
            match work {
                Work::Rows(r) => {
                    for q in r.q.clone() {
                        rows[dims.row_start(r.batch, r.head) + q] += 1;
                    }
                }
                Work::Map { index, .. } => pictures[*index] += 1,
            }
        }
        (rows, pictures)
    }

    #[test]
    fn every_row_and_every_picture_is_done_exactly_once() {
        for (dims, target) in
            [(dims(1, 12, 16), 5e7), (dims(2, 3, 100), 1e5), (dims(1, 1, 1000), 1e6), (dims(3, 2, 7), 1.0)]
        {
            let maps: Vec<_> = (0..dims.q_heads).map(|h| whole(&dims, h)).collect();
            let parts = cut(&dims, dense_flops(&dims), &maps, target);
            let (rows, pictures) = counts(&dims, &parts, maps.len());
            assert!(rows.iter().all(|&n| n == 1), "{dims:?}");
            assert!(pictures.iter().all(|&n| n == 1), "{dims:?}");
        }
    }

    #[test]
    fn every_worker_has_the_same_to_do() {
        let target = 10.0;
        for workers in 1..=8 {
            let all = target * workers as f64;
            assert_eq!(shares(0.4 * target, target, workers), 1, "a small run stays whole");
            assert_eq!(shares(all, target, workers), workers);
            assert_eq!(shares(2.5 * all, target, workers), 3 * workers);
            assert_eq!(shares(target, target, workers), workers.min(4), "a share is not too small");
            let few = dims(1, 2 * workers, 64);
            let flops = dense_flops(&few);
            let parts = cut(&few, flops, &[], share(flops, workers));
            assert_eq!(parts.len(), if workers == 1 { 1 } else { workers });
            assert!(parts.iter().all(|part| part.heads.len() == few.q_heads / parts.len()));
        }
    }

    #[test]
    fn a_small_run_is_one_message_with_its_pictures() {
        let dims = dims(1, 12, 16);
        let maps: Vec<_> = (0..12).map(|h| whole(&dims, h)).collect();
        let parts = cut(&dims, dense_flops(&dims), &maps, 5e7);
        assert_eq!(parts.len(), 1);
        assert_eq!(parts[0].work.len(), 24);
    }

    #[test]
    fn many_small_heads_are_grouped_and_a_large_head_is_cut_by_rows() {
        let grouped = cut(&dims(1, 16, 64), 16.0, &[], 4.0);
        assert_eq!(grouped.iter().map(|p| p.heads.len()).collect::<Vec<_>>(), vec![4, 4, 4, 4]);
        let rows = cut(&dims(1, 2, 1024), 32.0, &[], 2.0);
        assert_eq!(rows.len(), 16);
        assert!(rows.iter().all(|p| p.heads.len() == 1 && (p.flops - 2.0).abs() < 1e-9));
        let tall = cut(&dims(1, 1, 2048), 50.0, &[], 10.0);
        let starts = tall
            .iter()
            .flat_map(|p| &p.work)
            .filter_map(|w| if let Work::Rows(r) = w { Some(r.q.start) } else { None });
        assert_eq!(starts.collect::<Vec<_>>(), [0, 576, 1152, 1728], "items begin where tiles of either engine do");
    }

    #[test]
    fn pictures_of_a_head_cut_by_rows_come_after_them() {
        let dims = dims(1, 1, 512);
        let parts = cut(&dims, dense_flops(&dims), &[whole(&dims, 0)], 1e6);
        let first_picture = parts.iter().position(|p| p.picture).unwrap_or(0);
        assert!(first_picture > 0 && parts[first_picture..].iter().all(|p| p.picture));
    }

    #[test]
    fn a_cost_that_is_no_number_still_gives_items() {
        let dims = dims(1, 4, 64);
        for flops in [f64::NAN, f64::INFINITY, -1.0, 0.0] {
            let (rows, _) = counts(&dims, &cut(&dims, flops, &[], 1e5), 0);
            assert!(rows.iter().all(|&n| n == 1));
        }
    }
}
