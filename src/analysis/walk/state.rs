//! What a row keeps while its keys come in parts.

/// The state of a row of softmax after some of its keys.
///
/// Maximum and sum are those of Milakov and Gimelshein 2018, "Online normalizer calculation for softmax", algorithm 3; the output is carried with them as in
/// Dao et al. 2022, "FlashAttention", algorithm 1, and divided once at the end as in Dao 2023, "FlashAttention-2", section 3.1.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// The largest score so far, a sink's logit among them; −∞ before any.
    pub max: f64,
    /// `Σ e^(s − max)` so far, the sink's term among them.
    pub sum: f64,
    /// `Σ e^(s − max) v` so far, not yet divided by the sum.
    pub output: Vec<f64>,
    /// Allowed keys so far.
    pub keys: usize,
}

impl State {
    /// Before the first key. A sink is there from the start: it counts in maximum and sum and gives nothing.
    pub fn new(width: usize, sink: Option<f64>) -> Self {
        let (max, sum) = sink.map_or((f64::NEG_INFINITY, 0.0), |sink| (sink, 1.0));
        Self { max, sum, output: vec![0.0; width], keys: 0 }
    }

    /// Takes keys in: their scores after the mask (−∞ where a key is masked), and for each a row of values, which is not read where the key is masked. Gives
    /// `e^(max before − max now)`, by which what was there is scaled; 1 where nothing was allowed.
    pub fn take<'a>(
        &mut self,
        scores: impl Iterator<Item = f64> + Clone,
        values: impl Iterator<Item = &'a [f64]>,
    ) -> f64 {
        let allowed = |score: f64| score != f64::NEG_INFINITY;
        let keys = scores.clone().filter(|s| allowed(*s)).count();
        if keys == 0 {
            return 1.0;
        }
        let max = scores.clone().fold(self.max, f64::max);
        let factor = self.rescale(max);
        for (score, values) in scores.zip(values).filter(|(score, _)| allowed(*score)) {
            let weight = (score - max).exp();
            self.sum += weight;
            self.output.iter_mut().zip(values).for_each(|(y, v)| *y += weight * v);
        }
        self.keys += keys;
        factor
    }

    /// Merges the state of other keys of the same row, which has no sink of its own. Gives the factors of what was there and of what came.
    ///
    /// Liu et al. 2023, "Ring Attention with Blockwise Transformers", section 3; the merge itself is Milakov and Gimelshein's, section 3.1.
    pub fn merge(&mut self, other: &Self) -> [f64; 2] {
        if other.keys == 0 {
            return [1.0, 1.0];
        }
        let max = self.max.max(other.max);
        let (here, there) = (self.rescale(max), (other.max - max).exp());
        self.sum += there * other.sum;
        self.output.iter_mut().zip(&other.output).for_each(|(y, v)| *y += there * v);
        self.keys += other.keys;
        [here, there]
    }

    /// Takes a maximum that is no smaller, and gives the factor by which everything shrinks.
    fn rescale(&mut self, max: f64) -> f64 {
        // Nothing is there yet: −∞ less −∞ is no number.
        let factor = if self.max == f64::NEG_INFINITY { 0.0 } else { (self.max - max).exp() };
        self.max = max;
        self.sum *= factor;
        self.output.iter_mut().for_each(|y| *y *= factor);
        factor
    }

    /// The row's output, if no more keys came; zeros before the first.
    pub fn result(&self) -> Vec<f64> {
        if self.keys == 0 {
            return vec![0.0; self.output.len()];
        }
        self.output.iter().map(|y| y / self.sum).collect()
    }

    /// The log-sum-exp of what came so far; −∞ before the first key, with or without a sink.
    pub fn log_sum_exp(&self) -> f64 {
        if self.keys == 0 { f64::NEG_INFINITY } else { self.max + self.sum.ln() }
    }
}
