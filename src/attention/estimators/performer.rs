//! Performer (Choromanski et al. 2020): softmax attention as a kernel of positive random features.

use super::head::{Head, dot, norm};
use super::linear::kernel;
use super::trace::Trace;
use crate::attention::inputs::Rng;
use crate::attention::operators::Real;

/// FAVOR+: `φ(x) = e^(ωᵀx − ‖x‖²/2)` for each of `features` directions ω (lemma 1), of which each `d` are orthogonal (section 3.4), over queries and keys that
/// share the scale: `e^(scale · q·k) = E φ(q)·φ(k)`. The factor `1/√features` and the largest exponent cancel with the sum.
pub fn performer<R: Real>(head: &Head<R>, features: usize, seed: u64, trace: &mut Trace) -> Vec<R> {
    let directions: Vec<R> = directions(features, head.d, seed).into_iter().map(R::near).collect();
    let negative = head.scale < R::ZERO;
    let root = if negative { (R::ZERO - head.scale).sqrt() } else { head.scale.sqrt() };
    let exponents = |rows: &[R], factor: R| {
        let of = |row: &[R]| {
            let x: Vec<R> = row.iter().map(|&x| factor * x).collect();
            let half = R::near(0.5) * dot(&x, &x);
            directions.chunks_exact(head.d).map(|w| dot(w, &x) - half).collect::<Vec<R>>()
        };
        rows.chunks_exact(head.d).flat_map(of).collect::<Vec<R>>()
    };
    let mut queries = exponents(&head.q, if negative { R::ZERO - root } else { root });
    let mut keys = exponents(&head.k, root);
    queries.chunks_exact_mut(features).for_each(lift);
    // One factor for all keys, or it would not cancel.
    lift(&mut keys);
    kernel(head, &queries, &keys, features, true, trace)
}

/// `e^(x − the largest)`.
fn lift<R: Real>(exponents: &mut [R]) {
    let largest = exponents.iter().copied().reduce(|a, b| if b > a { b } else { a }).unwrap_or(R::ZERO);
    exponents.iter_mut().for_each(|x| *x = (*x - largest).exp());
}

/// `count` directions of `d` numbers. With `r = np.random.default_rng(seed)` and `normal` for the NumPy line of [`Rng::normals`]: for each `d` of them
/// `normal(d · d)` as rows made orthogonal one after the other (Gram and Schmidt), each as long as a row of another `normal(d · d)`. The last `d` are cut.
fn directions(count: usize, d: usize, seed: u64) -> Vec<f64> {
    let mut rng = Rng::new(seed);
    let mut all = Vec::with_capacity(count.next_multiple_of(d) * d);
    while all.len() < count * d {
        let (mut block, lengths) = (rng.normals(d * d), rng.normals(d * d));
        for i in 0..d {
            let (before, from) = block.split_at_mut(i * d);
            let row = &mut from[..d];
            for other in before.chunks_exact(d) {
                let along = dot(row, other);
                row.iter_mut().zip(other).for_each(|(x, o)| *x -= along * o);
            }
            let length = norm(row);
            row.iter_mut().for_each(|x| *x /= length);
        }
        for (row, length) in block.chunks_exact(d).zip(lengths.chunks_exact(d).map(norm)) {
            all.extend(row.iter().map(|x| length * x));
        }
    }
    all.truncate(count * d);
    all
}
