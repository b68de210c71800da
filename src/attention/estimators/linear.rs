//! Linear attention and the rules by which its state is kept. The steps are those of the operator LinearAttention; gates and rates, which models
//! make from their input, are the same at every step here: there is no input beside Q, K and V.

use super::head::{Head, dot, norm};
use super::trace::Trace;
use crate::attention::operators::Real;
use crate::attention::operators::state::{add_outer, fade, look_up};

/// What is made of queries and keys before they meet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Feature {
    /// `elu(x) + 1` (Katharopoulos et al. 2020, equation 7).
    #[default]
    Elu,
    /// `max(0, x)`.
    Relu,
    /// `x`.
    Identity,
}

impl Feature {
    fn of<R: Real>(self, x: R) -> R {
        match self {
            Self::Elu if x > R::ZERO => x + R::near(1.0),
            Self::Elu => x.exp(),
            Self::Relu if x > R::ZERO => x,
            Self::Relu => R::ZERO,
            Self::Identity => x,
        }
    }

    fn row<R: Real>(self, row: &[R]) -> Vec<R> {
        row.iter().map(|&x| self.of(x)).collect()
    }
}

/// `Sᵀφ(q)` with `S = Σ φ(k) vᵀ`, times the scale, or over `φ(q)·Σ φ(k)` where `normalised`. Rows whose sum is 0 are 0.
pub fn sum<R: Real>(head: &Head<R>, feature: Feature, normalised: bool, trace: &mut Trace) -> Vec<R> {
    let queries: Vec<R> = head.q.iter().map(|&x| feature.of(x)).collect();
    let keys = (0..head.n_k).flat_map(|j| feature.row(head.k(j))).collect::<Vec<R>>();
    kernel(head, &queries, &keys, head.d, normalised, trace)
}

/// Attention by a kernel: queries and keys have become rows of `size` features already.
pub fn kernel<R: Real>(
    head: &Head<R>,
    queries: &[R],
    keys: &[R],
    size: usize,
    normalised: bool,
    trace: &mut Trace,
) -> Vec<R> {
    let d_v = head.d_v;
    let (mut state, mut total) = (vec![R::ZERO; size * d_v], vec![R::ZERO; size]);
    let mut y = vec![R::ZERO; head.n_q * d_v];
    let mut taken = 0;
    for (query, out) in
        queries.chunks_exact(size).zip(y.chunks_exact_mut(d_v)).enumerate().map(|(i, (q, o))| ((i, q), o))
    {
        let (i, query) = query;
        for j in taken..head.seen(i) {
            let key = &keys[j * size..][..size];
            add_outer(&mut state, key.iter().copied(), head.v(j));
            total.iter_mut().zip(key).for_each(|(all, &k)| *all = *all + k);
            trace.state(j, &state);
        }
        taken = taken.max(head.seen(i));
        look_up(&state, query.iter().copied(), out);
        let sum = dot(query, &total);
        let factor = match normalised {
            false => head.scale,
            true if sum == R::ZERO => R::ZERO,
            true => R::near(1.0) / sum,
        };
        out.iter_mut().for_each(|o| *o = factor * *o);
    }
    y
}

/// `S ← decay · S + k vᵀ`, `o = scale · Sᵀq`.
pub fn gated<R: Real>(head: &Head<R>, decay: f64, trace: &mut Trace) -> Vec<R> {
    let share = R::near(decay);
    recur(
        head,
        trace,
        |state, j| {
            fade(state, head.d_v, std::iter::once(share));
            add_outer(state, head.k(j).iter().copied(), head.v(j));
        },
        |i| head.q(i).to_vec(),
    )
}

/// `S ← diag(decay) S`, then `S ← S + rate · k (v − Sᵀk)ᵀ`, over keys and queries of length 1: longer keys would make the state grow without bound.
/// The decay goes from the first number to the second, even in ratio, over the places of a key.
pub fn delta<R: Real>(head: &Head<R>, [first, last]: [f64; 2], rate: f64, trace: &mut Trace) -> Vec<R> {
    let unit = |row: &[R]| {
        let length = norm(row);
        row.iter().map(|&x| if length > R::ZERO { x / length } else { x }).collect::<Vec<R>>()
    };
    let place = |i: usize| i as f64 / (head.d.max(2) - 1) as f64;
    let shares: Vec<R> = (0..head.d).map(|i| R::near(first.powf(1.0 - place(i)) * last.powf(place(i)))).collect();
    let (rate, mut read) = (R::near(rate), vec![R::ZERO; head.d_v]);
    recur(
        head,
        trace,
        |state, j| {
            let key = unit(head.k(j));
            fade(state, head.d_v, shares.iter().copied());
            look_up(state, key.iter().copied(), &mut read);
            read.iter_mut().zip(head.v(j)).for_each(|(r, &v)| *r = rate * (v - *r));
            add_outer(state, key.iter().copied(), &read);
        },
        |i| unit(head.q(i)),
    )
}

/// A causal recurrence: `step` changes the state by a key, then the query of the same place reads it.
fn recur<R: Real>(
    head: &Head<R>,
    trace: &mut Trace,
    mut step: impl FnMut(&mut [R], usize),
    query: impl Fn(usize) -> Vec<R>,
) -> Vec<R> {
    let mut state = vec![R::ZERO; head.d * head.d_v];
    let mut y = vec![R::ZERO; head.n_q * head.d_v];
    for (t, out) in y.chunks_exact_mut(head.d_v).enumerate() {
        step(&mut state, t);
        trace.state(t, &state);
        look_up(&state, query(t).into_iter(), out);
        out.iter_mut().for_each(|o| *o = head.scale * *o);
    }
    y
}
