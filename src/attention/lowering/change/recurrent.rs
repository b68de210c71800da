//! Recurrent networks over the tokens, with seeded weights: their states tell positions apart by what came before.

use super::super::frame::Frame;
use super::super::numbers::{dot, sigmoid, times, wide};
use super::super::step::Step;
use super::place;
use crate::catalogue::Change;

/// An LSTM (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000) whose state is as large as a token; its gates come in
/// the order input, forget, cell, output, and the forget gate has a bias of one.
struct Lstm {
    /// `[4 d, d]`, over the token.
    input: Vec<f64>,
    /// `[4 d, d]`, over the state.
    state: Vec<f64>,
}

impl Lstm {
    /// With seeded weights from `stream` and the next one, for tokens of `d` numbers.
    fn new(step: &Step<Change>, stream: u64, d: usize) -> Self {
        let root = 1.0 / (d as f64).sqrt();
        Self { input: step.normals(stream, 4 * d * d, root), state: step.normals(stream + 1, 4 * d * d, root) }
    }

    /// The next state and cell.
    fn step(&self, x: &[f64], h: &[f64], c: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let d = x.len();
        let gates: Vec<f64> = times(&self.input, x).iter().zip(times(&self.state, h)).map(|(a, b)| a + b).collect();
        let cell: Vec<f64> =
            (0..d).map(|i| sigmoid(gates[d + i] + 1.0) * c[i] + sigmoid(gates[i]) * gates[2 * d + i].tanh()).collect();
        let state = (0..d).map(|i| sigmoid(gates[3 * d + i]) * cell[i].tanh()).collect();
        (state, cell)
    }
}

/// `x_t + gain · W h_t` with `h_t = LSTM(x_t, h_{t−1})`: over the tokens themselves, or, with the switch `content` off, over a constant, which gives
/// every position the same state whatever its token is. With the switch `values` the values have states too, of a network of their own size.
pub fn lstm(step: &Step<Change>, frame: &mut Frame) {
    let (d, d_v, gain) = (frame.dims.d, frame.dims.d_v, step.param("gain"));
    let project = |stream: u64, d: usize| step.normals(stream, d * d, gain / (d as f64).sqrt());
    if step.switch("content") {
        let run = |lstm: &Lstm, out: &[f64], head: &mut [f32], d: usize| {
            let (mut h, mut c) = (vec![0.0; d], vec![0.0; d]);
            for row in head.chunks_exact_mut(d) {
                (h, c) = lstm.step(&wide(row), &h, &c);
                row.iter_mut().zip(times(out, &h)).for_each(|(x, e)| *x = (f64::from(*x) + e) as f32);
            }
        };
        let (lstm, out) = (Lstm::new(step, 0, d), project(2, d));
        frame.each_q(|_, head| run(&lstm, &out, head, d));
        frame.each_k(|head| run(&lstm, &out, head, d));
        if step.switch("values") {
            let (lstm, out) = (Lstm::new(step, 3, d_v), project(5, d_v));
            frame.each_v(|head| run(&lstm, &out, head, d_v));
        }
    } else {
        let (lstm, out) = (Lstm::new(step, 0, d), project(2, d));
        let (mut h, mut c) = (vec![0.0; d], vec![0.0; d]);
        let ones = vec![1.0; d];
        let mut states = Vec::new();
        for _ in 0..place::positions(frame) {
            (h, c) = lstm.step(&ones, &h, &c);
            states.push(h.clone());
        }
        let last = states.len() - 1;
        let at = |position: i64| &states[(position.max(0) as usize).min(last)];
        place::add(frame, |position| times(&out, at(position)));
        place::add_to_values(step, frame, 5, |position| at(position).iter().map(|x| gain * x).collect());
    }
}

/// `x_t + gain · h_t`, where `h_t` is the last state of a small network `h' = tanh(W x + U h)` that reads the last `reach` tokens from a state of
/// noughts (Wang et al. 2019, section 2.2). With the switch `values` the values have one too, of their own size.
pub fn local(step: &Step<Change>, frame: &mut Frame) {
    let (d, d_v) = (frame.dims.d, frame.dims.d_v);
    let (reach, gain) = (step.count("reach", 1), step.param("gain"));
    let weights = |stream: u64, d: usize| {
        let root = 1.0 / (d as f64).sqrt();
        [step.normals(stream, d * d, root), step.normals(stream + 1, d * d, root)]
    };
    let run = |[input, state]: &[Vec<f64>; 2], head: &mut [f32], d: usize| {
        // What a token gives is the same in every window.
        let seen: Vec<Vec<f64>> = head.chunks_exact(d).map(|row| times(input, &wide(row))).collect();
        for (t, row) in head.chunks_exact_mut(d).enumerate() {
            let mut h = vec![0.0; d];
            for x in &seen[(t + 1).saturating_sub(reach)..=t] {
                h = x.iter().zip(state.chunks_exact(d)).map(|(x, row)| (x + dot(row, &h)).tanh()).collect();
            }
            row.iter_mut().zip(h).for_each(|(x, h)| *x = (f64::from(*x) + gain * h) as f32);
        }
    };
    let of_tokens = weights(0, d);
    frame.each_q(|_, head| run(&of_tokens, head, d));
    frame.each_k(|head| run(&of_tokens, head, d));
    if step.switch("values") {
        let of_values = weights(2, d_v);
        frame.each_v(|head| run(&of_values, head, d_v));
    }
}
