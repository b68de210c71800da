//! Recurrent networks as baselines: untrained, with seeded weights. They approximate nothing; what is shown is what they carry.

use super::head::{Head, dot};
use super::trace::Trace;
use crate::attention::inputs::Rng;
use crate::attention::operators::Real;

/// A recurrent cell, by the formulas of PyTorch's layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Elman 1990: `h = tanh(W x + b + U h + c)`.
    Rnn,
    /// Cho et al. 2014: reset, update, new.
    Gru,
    /// Hochreiter and Schmidhuber 1997: input, forget, cell, output.
    Lstm,
}

impl Cell {
    /// Rows of weights for each number of the state.
    pub fn gates(self) -> usize {
        match self {
            Self::Rnn => 1,
            Self::Gru => 3,
            Self::Lstm => 4,
        }
    }

    /// Vectors of the state.
    pub fn vectors(self) -> usize {
        if self == Self::Lstm { 2 } else { 1 }
    }
}

/// `1 / (1 + e^−x)`.
fn sigmoid<R: Real>(x: R) -> R {
    R::near(1.0) / (R::near(1.0) + (R::ZERO - x).exp())
}

/// A layer of weights and what is added.
struct Layer<R> {
    weights: Vec<R>,
    bias: Vec<R>,
}

impl<R: Real> Layer<R> {
    fn of(&self, x: &[R]) -> Vec<R> {
        self.weights.chunks_exact(x.len()).zip(&self.bias).map(|(row, &b)| dot(row, x) + b).collect()
    }
}

/// The output of each step `[n, d_v]`: a projection of `h`. The input of step `t` is `[q_t, k_t, v_t]`.
///
/// Every number of the weights is uniform between `±1/√hidden`, as PyTorch begins; drawn in the order `W`, `U`, `b`, `c`, projection (without a bias).
pub fn run<R: Real>(head: &Head<R>, cell: Cell, hidden: usize, seed: u64, trace: &mut Trace) -> Vec<R> {
    let (inputs, rows) = (2 * head.d + head.d_v, cell.gates() * hidden);
    let (mut rng, reach) = (Rng::new(seed), 1.0 / (hidden as f64).sqrt());
    let mut draw = |count: usize| -> Vec<R> {
        rng.uniforms(count).into_iter().map(|u| R::near((2.0 * u - 1.0) * reach)).collect()
    };
    let (from_input, from_state) = (draw(rows * inputs), draw(rows * hidden));
    let (input, recurrent) =
        (Layer { weights: from_input, bias: draw(rows) }, Layer { weights: from_state, bias: draw(rows) });
    let output = Layer { weights: draw(head.d_v * hidden), bias: vec![R::ZERO; head.d_v] };
    // `h`, and the cell of an LSTM after it.
    let mut state = vec![R::ZERO; cell.vectors() * hidden];
    let mut y = Vec::with_capacity(head.n_q * head.d_v);
    for t in 0..head.n_q {
        let x = [head.q(t), head.k(t), head.v(t)].concat();
        step(cell, hidden, &input.of(&x), &recurrent.of(&state[..hidden]), &mut state);
        trace.state(t, &state);
        y.extend(output.of(&state[..hidden]));
    }
    y
}

/// One step from what the input and the state give to each gate.
fn step<R: Real>(cell: Cell, hidden: usize, input: &[R], recurrent: &[R], state: &mut [R]) {
    let one = R::near(1.0);
    for i in 0..hidden {
        let both = |gate: usize| input[gate * hidden + i] + recurrent[gate * hidden + i];
        match cell {
            Cell::Rnn => state[i] = both(0).tanh(),
            Cell::Gru => {
                let (reset, update) = (sigmoid(both(0)), sigmoid(both(1)));
                let new = (input[2 * hidden + i] + reset * recurrent[2 * hidden + i]).tanh();
                state[i] = (one - update) * new + update * state[i];
            }
            Cell::Lstm => {
                let kept = sigmoid(both(1)) * state[hidden + i] + sigmoid(both(0)) * both(2).tanh();
                state[hidden + i] = kept;
                state[i] = sigmoid(both(3)) * kept.tanh();
            }
        }
    }
}
