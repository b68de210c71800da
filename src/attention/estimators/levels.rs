//! Log-linear attention (Guo et al. 2025): the keys so far lie in the buckets of a Fenwick tree, the newest in the smallest, and each bucket has a
//! state of its own.

use super::head::Head;
use super::trace::Trace;
use crate::attention::operators::Real;
use crate::attention::operators::state::{add_outer, look_up};

/// States of `n` keys: the newest key's, and one for each bit of the number of keys before it.
pub fn count(n: usize) -> usize {
    (usize::BITS - n.saturating_sub(1).leading_zeros()) as usize + 1
}

/// `o_t = scale · Σ_l λ^l S_lᵀ q_t`. Level 0 is the key of the query's own place; bit `l − 1` of the place is the bucket of `2^(l−1)` keys at level `l`.
/// In the paper every step has weights of its own for the levels; here they are the powers of one number.
pub fn log_linear<R: Real>(head: &Head<R>, lambda: f64, trace: &mut Trace) -> Vec<R> {
    let (size, levels) = (head.d * head.d_v, count(head.n_k));
    let weights: Vec<R> = (0..levels).map(|level| R::near(lambda.powi(level as i32))).collect();
    let mut states = vec![R::ZERO; levels * size];
    let mut y = vec![R::ZERO; head.n_q * head.d_v];
    let mut read = vec![R::ZERO; head.d_v];
    for (t, out) in y.chunks_exact_mut(head.d_v).enumerate() {
        add_outer(&mut states[..size], head.k(t).iter().copied(), head.v(t));
        trace.state(t, &states);
        for (state, &weight) in states.chunks_exact(size).zip(&weights) {
            look_up(state, head.q(t).iter().copied(), &mut read);
            out.iter_mut().zip(&read).for_each(|(o, &r)| *o = *o + head.scale * weight * r);
        }
        carry(&mut states, size, t);
    }
    y
}

/// Counts one key more than `before`, as a binary counter does: full levels empty into the first that is free.
fn carry<R: Real>(states: &mut [R], size: usize, before: usize) {
    let free = before.trailing_ones() as usize + 1;
    let (full, rest) = states.split_at_mut(free * size);
    // After the last key there is no such level, and nobody reads it.
    let Some(into) = rest.get_mut(..size) else { return };
    for state in full.chunks_exact_mut(size) {
        into.iter_mut().zip(state.iter_mut()).for_each(|(all, s)| *all = *all + *s);
        state.fill(R::ZERO);
    }
}
