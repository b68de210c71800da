//! The inner loops that `build/` writes, in the program's table of functions.
//!
//! They are a module of their own that imports the program's memory; a call goes through the table, as any function pointer's does, and never through
//! JavaScript.

use std::mem::transmute;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::gemm::{GROUP, KEYS, PANEL, RowBlock, Step};
use super::meet::Meeting;
use super::softmax::Running;

/// `(q, panels, d, count, s)`; see `build/products.rs`.
type Scores = extern "C" fn(*const f32, *const Step, usize, usize, *mut RowBlock);
/// `(p, v, keys, keep, o, panels, gap)`; see `build/products.rs`.
type Values = extern "C" fn(*const RowBlock, *const Step, usize, *const f32, *mut [Step; GROUP], usize, usize);

/// `(s, panels, running, keep, rows)`; see `build/softmax.rs`.
type Soften = extern "C" fn(*mut RowBlock, usize, *mut Running, *mut f32, usize);

/// `(q, k, d, count, s, running, keep, v, keys, o, panels, gap, groups)`; see `build/meet.rs`.
type Meet = extern "C" fn(
    *const f32,
    *const Step,
    usize,
    usize,
    *mut RowBlock,
    *mut Running,
    *mut f32,
    *const Step,
    usize,
    *mut [Step; GROUP],
    usize,
    usize,
    usize,
);

/// How many functions there are.
const COUNT: usize = 2 * GROUP + 2;

/// Places in the table of functions: scores of one row to [`GROUP`] rows, then values, then `soften` and `meet`.
static PLACES: [AtomicUsize; COUNT] = [const { AtomicUsize::new(0) }; COUNT];

/// Notes where the module's functions stand in the table, in the order of its exports, as `engine::worker` has put them there.
pub fn put(places: impl Iterator<Item = usize>) {
    for (place, at) in PLACES.iter().zip(places) {
        place.store(at, Relaxed);
    }
}

/// As `gemm::scores`.
pub fn scores(rows: usize, q: &[f32], d: usize, panels: &[Step], s: &mut [RowBlock]) {
    let count = panels.len() / d.max(1);
    // What the generated code reads and writes lies in these slices.
    assert!((1..=GROUP).contains(&rows) && q.len() >= rows * d && s.len() >= rows && count <= KEYS / PANEL);
    if count > 0 {
        // SAFETY: a worker that could not put the module into the table does not start; a function of this type is there.
        let run: Scores = unsafe { transmute(PLACES[rows - 1].load(Relaxed)) };
        run(q.as_ptr(), panels.as_ptr(), d, count, s.as_mut_ptr());
    }
}

/// As `gemm::values`.
pub fn values(
    rows: usize,
    p: &[RowBlock],
    v: &[Step],
    n_k: usize,
    k0: usize,
    keys: usize,
    keep: &[f32; GROUP],
    o: &mut [[Step; GROUP]],
) {
    let panels = (v.len() / n_k.max(1)).min(o.len());
    // What the generated code reads and writes lies in these slices.
    assert!((1..=GROUP).contains(&rows) && p.len() >= rows && keys <= KEYS && k0 + keys <= n_k);
    if panels > 0 {
        let gap = (n_k - keys) * size_of::<Step>();
        // SAFETY: a worker that could not put the module into the table does not start; a function of this type is there.
        let run: Values = unsafe { transmute(PLACES[GROUP + rows - 1].load(Relaxed)) };
        run(p.as_ptr(), v[k0..].as_ptr(), keys, keep.as_ptr(), o.as_mut_ptr(), panels, gap);
    }
}

/// As `softmax::soften`.
pub fn soften(s: &mut [RowBlock], panels: usize, running: &mut [Running], keep: &mut [f32; GROUP]) {
    let rows = s.len().min(running.len()).min(GROUP);
    // What the generated code reads and writes lies in these slices.
    assert!(panels <= KEYS / PANEL);
    if rows > 0 && panels > 0 {
        // SAFETY: a worker that could not put the module into the table does not start; a function of this type is there.
        let run: Soften = unsafe { transmute(PLACES[2 * GROUP].load(Relaxed)) };
        run(s.as_mut_ptr(), panels, running.as_mut_ptr(), keep.as_mut_ptr(), rows);
    }
}

/// As `meet::meet`.
pub fn meet(meeting: Meeting) {
    let Meeting { q, d, k, v, n_k, k0, keys, running, o, s } = meeting;
    let (count, panels, groups) = (keys / PANEL, v.len() / n_k.max(1), running.len() / GROUP);
    // What the generated code reads and writes lies in these slices.
    assert!(keys.is_multiple_of(PANEL) && keys <= KEYS && k0 + keys <= n_k && k.len() >= count * d);
    assert!(q.len() >= groups * GROUP * d && o.len() >= groups * panels);
    if count > 0 && panels > 0 && groups > 0 {
        let (gap, mut keep) = ((n_k - keys) * size_of::<Step>(), [1.0; GROUP]);
        // SAFETY: a worker that could not put the module into the table does not start; a function of this type is there.
        let run: Meet = unsafe { transmute(PLACES[2 * GROUP + 1].load(Relaxed)) };
        run(
            q.as_ptr(),
            k.as_ptr(),
            d,
            count,
            s.as_mut_ptr(),
            running.as_mut_ptr(),
            keep.as_mut_ptr(),
            v[k0..].as_ptr(),
            keys,
            o.as_mut_ptr(),
            panels,
            gap,
            groups,
        );
    }
}
