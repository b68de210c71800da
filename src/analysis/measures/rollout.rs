//! Attention rollout: where the information of a token came from, through several layers (Abnar and Zuidema 2020, equation 1).
//!
//! Of each layer the mean of its heads' weights, and half of it the residual stream: `Ã = ½ W̄ + ½ I`, its rows divided by their sums. Layer upon layer these are
//! multiplied, `R_l = Ã_l R_{l−1}`. What the layers do to the information beside carrying it is not in it.

use super::Fault;

/// Most tokens: a layer costs their cube.
pub const MOST_TOKENS: usize = 512;

/// Share of the residual stream.
const RESIDUAL: f64 = 0.5;

/// What flows where, after the layers that came in.
#[derive(Clone, Debug, PartialEq)]
pub struct Rollout {
    tokens: usize,
    layers: usize,
    flow: Vec<f64>,
}

impl Rollout {
    /// Of so many tokens, before the first layer: every token is what it is.
    ///
    /// # Errors
    /// Too many tokens.
    pub fn new(tokens: usize) -> Result<Self, Fault> {
        if tokens > MOST_TOKENS {
            return Err(Fault::TooLarge { most: MOST_TOKENS, found: tokens });
        }
        let mut flow = vec![0.0; tokens * tokens];
        (0..tokens).for_each(|i| flow[i * (tokens + 1)] = 1.0);
        Ok(Self { tokens, layers: 0, flow })
    }

    /// Takes the next layer: the weights `[n_q, n_k]` of each head, NaN where the mask forbids a key. A row that attends to nothing in all heads keeps what it is.
    ///
    /// # Errors
    /// Queries and keys that are not the same tokens, a head of another size, no head, a weight that is infinite. The layer is then not taken.
    pub fn layer(&mut self, heads: &[&[f32]], n_q: usize, n_k: usize) -> Result<(), Fault> {
        let n = self.tokens;
        if n_q != n || n_k != n {
            return Err(Fault::NotSquare { queries: n_q, keys: n_k });
        }
        if let Some(other) = heads.iter().find(|head| head.len() != n * n) {
            return Err(Fault::Count { wanted: n * n, found: other.len() });
        }
        if heads.is_empty() {
            return Err(Fault::Count { wanted: 1, found: 0 });
        }
        let mut mixed = vec![0.0; n * n];
        for head in heads {
            for (sum, w) in mixed.iter_mut().zip(*head).filter(|(_, w)| !w.is_nan()) {
                *sum += f64::from(*w);
            }
        }
        if mixed.iter().any(|x| !x.is_finite()) {
            return Err(Fault::NotNumbers);
        }
        let mut flow = vec![0.0; n * n];
        for (q, row) in mixed.chunks_exact_mut(n.max(1)).enumerate() {
            row.iter_mut().for_each(|x| *x *= (1.0 - RESIDUAL) / heads.len() as f64);
            row[q] += RESIDUAL;
            // At least the residual, unless weights below zero take it away.
            let sum: f64 = row.iter().sum();
            if sum == 0.0 {
                return Err(Fault::NotNumbers);
            }
            let into = &mut flow[q * n..(q + 1) * n];
            for (x, from) in row.iter().zip(self.flow.chunks_exact(n)).filter(|(x, _)| **x != 0.0) {
                into.iter_mut().zip(from).for_each(|(to, from)| *to += x / sum * from);
            }
        }
        self.flow = flow;
        self.layers += 1;
        Ok(())
    }

    /// Layers that came in.
    pub fn layers(&self) -> usize {
        self.layers
    }

    /// Tokens of the last layer by tokens of the input, `[n, n]`; each row sums to 1.
    pub fn flow(&self) -> &[f64] {
        &self.flow
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    const NO: f32 = f32::NAN;

    #[test]
    fn two_layers_worked_out_by_hand() {
        // Token 1 looks at token 0 only.
        let layer: &[f32] = &[1.0, NO, 1.0, 0.0];
        let mut rollout = Rollout::new(2).unwrap();
        assert_eq!(rollout.flow(), [1.0, 0.0, 0.0, 1.0]);
        rollout.layer(&[layer], 2, 2).unwrap();
        assert_eq!(rollout.flow(), [1.0, 0.0, 0.5, 0.5]);
        rollout.layer(&[layer, layer], 2, 2).unwrap();
        assert_eq!((rollout.flow(), rollout.layers()), (&[1.0, 0.0, 0.75, 0.25][..], 2));
    }

    #[test]
    fn a_row_that_attends_to_nothing_keeps_what_it_is() {
        let mut rollout = Rollout::new(2).unwrap();
        rollout.layer(&[&[NO, NO, 0.5, 0.5]], 2, 2).unwrap();
        assert_eq!(rollout.flow(), [1.0, 0.0, 0.25, 0.75]);
    }

    #[test]
    fn what_cannot_be_stacked_is_named() {
        let mut rollout = Rollout::new(2).unwrap();
        let before = rollout.clone();
        assert_eq!(rollout.layer(&[&[1.0; 6]], 2, 3), Err(Fault::NotSquare { queries: 2, keys: 3 }));
        assert_eq!(rollout.layer(&[&[1.0; 3]], 2, 2), Err(Fault::Count { wanted: 4, found: 3 }));
        assert_eq!(rollout.layer(&[], 2, 2), Err(Fault::Count { wanted: 1, found: 0 }));
        assert_eq!(rollout.layer(&[&[f32::INFINITY, 0.0, 0.0, 1.0]], 2, 2), Err(Fault::NotNumbers));
        assert_eq!(rollout, before);
        assert_eq!(Rollout::new(513).unwrap_err(), Fault::TooLarge { most: 512, found: 513 });
    }
}
