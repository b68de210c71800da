//! What is kept of an estimator's way through the keys.

use super::head::norm;
use crate::attention::operators::Real;

/// Most pictures of a state.
const FRAMES: usize = 24;
/// Most numbers of all pictures of all heads together.
const NUMBERS: usize = 1 << 21;

/// Keys after which a state is shown, spread evenly, the last one always among them. `size` are the numbers of all heads' states.
pub fn frames(n_k: usize, size: usize) -> Vec<usize> {
    let count = (NUMBERS / size.max(1)).clamp(1, FRAMES).min(n_k);
    (1..=count).map(|i| i * n_k / count - 1).collect()
}

/// One head's.
pub struct Trace {
    frames: Vec<usize>,
    /// Norms or errors by step.
    pub numbers: Vec<f32>,
    /// Pictures of the state.
    pub states: Vec<f32>,
}

impl Trace {
    /// Nothing yet; the state is to be kept after these keys.
    pub fn new(frames: Vec<usize>) -> Self {
        Self { frames, numbers: Vec::new(), states: Vec::new() }
    }

    /// The state after key `step`: the steps come in their order.
    pub fn state<R: Real>(&mut self, step: usize, state: &[R]) {
        self.numbers.push(norm(state).single());
        if self.frames.binary_search(&step).is_ok() {
            self.states.extend(state.iter().map(|s| s.single()));
        }
    }
}
