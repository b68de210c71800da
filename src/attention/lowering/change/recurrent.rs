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
/// every position the same state whatever its token is.
pub fn lstm(step: &Step<Change>, frame: &mut Frame) {
    let d = frame.dims.d;
    let root = 1.0 / (d as f64).sqrt();
    let lstm = Lstm { input: step.normals(0, 4 * d * d, root), state: step.normals(1, 4 * d * d, root) };
    let out = step.normals(2, d * d, root * step.param("gain"));
    let zero = || (vec![0.0; d], vec![0.0; d]);
    if step.switch("content") {
        let run = |head: &mut [f32]| {
            let (mut h, mut c) = zero();
            for row in head.chunks_exact_mut(d) {
                (h, c) = lstm.step(&wide(row), &h, &c);
                row.iter_mut().zip(times(&out, &h)).for_each(|(x, e)| *x = (f64::from(*x) + e) as f32);
            }
        };
        frame.each_q(|_, head| run(head));
        frame.each_k(run);
    } else {
        let (mut h, mut c) = zero();
        let ones = vec![1.0; d];
        let mut places = Vec::new();
        for _ in 0..place::positions(frame) {
            (h, c) = lstm.step(&ones, &h, &c);
            places.push(times(&out, &h));
        }
        let last = places.len() - 1;
        place::add(frame, |position| places[(position.max(0) as usize).min(last)].clone());
    }
}

/// `x_t + gain · h_t`, where `h_t` is the last state of a small network `h' = tanh(W x + U h)` that reads the last `reach` tokens from a state of
/// noughts (Wang et al. 2019, section 2.2).
pub fn local(step: &Step<Change>, frame: &mut Frame) {
    let d = frame.dims.d;
    let (reach, gain) = (step.count("reach", 1), step.param("gain"));
    let root = 1.0 / (d as f64).sqrt();
    let (input, state) = (step.normals(0, d * d, root), step.normals(1, d * d, root));
    let run = |head: &mut [f32]| {
        // What a token gives is the same in every window.
        let seen: Vec<Vec<f64>> = head.chunks_exact(d).map(|row| times(&input, &wide(row))).collect();
        for (t, row) in head.chunks_exact_mut(d).enumerate() {
            let mut h = vec![0.0; d];
            for x in &seen[(t + 1).saturating_sub(reach)..=t] {
                h = x.iter().zip(state.chunks_exact(d)).map(|(x, row)| (x + dot(row, &h)).tanh()).collect();
            }
            row.iter_mut().zip(h).for_each(|(x, h)| *x = (f64::from(*x) + gain * h) as f32);
        }
    };
    frame.each_q(|_, head| run(head));
    frame.each_k(run);
}
