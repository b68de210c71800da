//! The inner loops that `build/` writes, in the program's table of functions.
//!
//! They are a module of their own that imports the program's memory; a call goes through the table, as any function pointer's does, and never through
//! JavaScript.

use std::mem::transmute;
use std::ptr::null;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::change::Change;
use super::gemm::{GROUP, KEYS, PANEL, Panels, RowBlock, Step};
use super::meet::Meeting;
use super::softmax::Running;
use crate::formula::Entries;

/// `(q, panels, d, count, s)`; see `build/products.rs`.
type Scores = extern "C" fn(*const f32, *const Step, usize, usize, *mut RowBlock);
/// `(p, v, keys, keep, o, panels, gap, pitch)`; see `build/products.rs`.
type Values = extern "C" fn(*const RowBlock, *const f32, usize, *const f32, *mut [Step; GROUP], usize, usize, usize);

/// `(s, panels, running, keep, rows)`; see `build/softmax.rs`.
type Soften = extern "C" fn(*mut RowBlock, usize, *mut Running, *mut f32, usize);

/// `(q, k, d, count, s, running, keep, v, keys, o, panels, gap, pitch, groups, change)`; see `build/meet.rs`.
type Meet = extern "C" fn(
    *const f32,
    *const Step,
    usize,
    usize,
    *mut RowBlock,
    *mut Running,
    *mut f32,
    *const f32,
    usize,
    *mut [Step; GROUP],
    usize,
    usize,
    usize,
    usize,
    *const Raw,
);

/// A [`Change`] for generated code: the first row's biases from the tile's first key on, or null; bytes from a row back to the next; whether the bias comes first; 0 for no cap.
#[repr(C)]
struct Raw {
    biases: *const u32,
    step: usize,
    turned: u32,
    first: u32,
    cap: f32,
}

/// `(s, panels, rows, cap)`; see `build/rules.rs`.
type Cap = extern "C" fn(*mut Step, usize, usize, f32);

/// `(s, panels, rows, biases, step, turned)`; see `build/rules.rs`.
type Shift = extern "C" fn(*mut f32, usize, usize, *const u32, usize, u32);

/// `(s, dp, panels, rows, of)`; see `build/softmax.rs`.
type Settle = extern "C" fn(*mut RowBlock, *mut RowBlock, usize, usize, *const f32);

/// How many functions there are.
const COUNT: usize = 2 * GROUP + 5;

/// Places in the table of functions: scores of one row to [`GROUP`] rows, then values, then `soften`, `meet`, `cap`, `shift` and `settle`.
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
    v: Panels,
    k0: usize,
    keys: usize,
    keep: &[f32; GROUP],
    o: &mut [[Step; GROUP]],
) {
    let panels = v.count.min(o.len());
    // What the generated code reads and writes lies in these slices.
    assert!((1..=GROUP).contains(&rows) && p.len() >= rows && keys <= KEYS && v.reach(panels, k0 + keys));
    if panels > 0 {
        let (pitch, gap) = strides(&v, keys);
        // SAFETY: a worker that could not put the module into the table does not start; a function of this type is there.
        let run: Values = unsafe { transmute(PLACES[GROUP + rows - 1].load(Relaxed)) };
        run(p.as_ptr(), v.all[k0 * v.row..].as_ptr(), keys, keep.as_ptr(), o.as_mut_ptr(), panels, gap, pitch);
    }
}

/// Bytes from a row of `v` to the next, and from behind `keys` rows of a panel to the first of the next one, which may lie before.
fn strides(v: &Panels, keys: usize) -> (usize, usize) {
    let number = size_of::<f32>();
    (v.row * number, (v.panel * number).wrapping_sub(keys * v.row * number))
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

/// As `cap::cap`.
pub fn cap(scores: &mut [Step], cap: f32) {
    if !scores.is_empty() {
        // SAFETY: a worker that could not put the module into the table does not start; a function of this type is there.
        let run: Cap = unsafe { transmute(PLACES[2 * GROUP + 2].load(Relaxed)) };
        run(scores.as_mut_ptr(), scores.len(), 1, cap);
    }
}

/// As `backward::settle`.
pub fn settle(s: &mut [RowBlock], dp: &mut [RowBlock], panels: usize, of: &[[f32; 2]; GROUP], cap: Option<f32>) {
    let rows = s.len().min(dp.len()).min(GROUP);
    // What the generated code reads and writes lies in these slices.
    assert!(panels <= KEYS / PANEL);
    if rows > 0 && panels > 0 {
        let mut all = [0.0; 1 + 2 * GROUP];
        all[0] = cap.map_or(0.0, |cap| 1.0 / cap);
        all[1..].copy_from_slice(of.as_flattened());
        // SAFETY: a worker that could not put the module into the table does not start; a function of this type is there.
        let run: Settle = unsafe { transmute(PLACES[2 * GROUP + 4].load(Relaxed)) };
        run(s.as_mut_ptr(), dp.as_mut_ptr(), panels, rows, all.as_ptr());
    }
}

/// What generated code reads of `change` for `panels` panels of keys from `k0` on in `rows` rows from `row` on.
fn raw(change: &Change, row: usize, rows: usize, k0: usize, panels: usize) -> Raw {
    let Change { biases: Entries { all, start, step }, turned, first, cap } = *change;
    let from = (start + k0).saturating_sub(row * step);
    let mut biases = null();
    if !all.is_empty() {
        // What the generated code reads lies in the table.
        assert!(start + k0 + step >= (row + rows) * step && from + panels * PANEL <= all.len());
        biases = all[from..].as_ptr();
    }
    Raw { biases, step: step * size_of::<u32>(), turned, first: first.into(), cap: cap.unwrap_or(0.0) }
}

/// As `change::change`.
pub fn change(change: &Change, row: usize, k0: usize, panels: usize, s: &mut [RowBlock]) {
    assert!(panels <= KEYS / PANEL);
    let (scores, rows) = (s.as_mut_ptr(), s.len());
    let raw = raw(change, row, rows, k0, panels);
    if panels == 0 || rows == 0 {
        return;
    }
    let shift = || {
        // SAFETY: a worker that could not put the module into the table does not start; a function of this type is there.
        let run: Shift = unsafe { transmute(PLACES[2 * GROUP + 3].load(Relaxed)) };
        run(scores.cast(), panels, rows, raw.biases, raw.step, raw.turned);
    };
    if !raw.biases.is_null() && change.first {
        shift();
    }
    if raw.cap != 0.0 {
        // SAFETY: as above.
        let run: Cap = unsafe { transmute(PLACES[2 * GROUP + 2].load(Relaxed)) };
        run(scores.cast(), panels, rows, raw.cap);
    }
    if !raw.biases.is_null() && !change.first {
        shift();
    }
}

/// As `meet::meet`.
pub fn meet(meeting: Meeting) {
    let Meeting { q, d, k, v, k0, keys, running, o, s, change } = meeting;
    let (count, panels, groups) = (keys / PANEL, v.count, running.len() / GROUP);
    // What the generated code reads and writes lies in these slices.
    assert!(keys.is_multiple_of(PANEL) && keys <= KEYS && v.reach(panels, k0 + keys) && k.len() >= count * d);
    assert!(q.len() >= groups * GROUP * d && o.len() >= groups * panels);
    if count > 0 && panels > 0 && groups > 0 {
        let change = change.map(|change| raw(&change, 0, groups * GROUP, k0, count));
        let ((pitch, gap), mut keep) = (strides(&v, keys), [1.0; GROUP]);
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
            v.all[k0 * v.row..].as_ptr(),
            keys,
            o.as_mut_ptr(),
            panels,
            gap,
            pitch,
            groups,
            change.as_ref().map_or(null(), |change| change),
        );
    }
}
