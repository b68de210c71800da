//! Steps on a matrix-valued state `[rows, d_v]`, row-major: what every recurrence of the linear family is made of.

use super::Real;

/// `S ← diag(share) S`; one share is that of every row.
pub fn fade<R: Real>(state: &mut [R], d_v: usize, shares: impl Iterator<Item = R> + Clone) {
    for (row, share) in state.chunks_exact_mut(d_v).zip(shares.cycle()) {
        row.iter_mut().for_each(|s| *s = share * *s);
    }
}

/// `out ← Sᵀ x`, with `x` of a row's number and `out` of a column's.
pub fn look_up<R: Real>(state: &[R], x: impl Iterator<Item = R>, out: &mut [R]) {
    out.fill(R::ZERO);
    for (row, x) in state.chunks_exact(out.len()).zip(x) {
        out.iter_mut().zip(row).for_each(|(o, &s)| *o = *o + s * x);
    }
}

/// `S ← S + k rᵀ`.
pub fn add_outer<R: Real>(state: &mut [R], key: impl Iterator<Item = R>, r: &[R]) {
    for (row, k) in state.chunks_exact_mut(r.len()).zip(key) {
        row.iter_mut().zip(r).for_each(|(s, &r)| *s = *s + k * r);
    }
}
