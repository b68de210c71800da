//! Text to Q, K and V without a model: every token has a seeded embedding, so equal words are equal and nothing else is known of them.

use super::recipe::Generated;
use super::rng::{Rng, Seed};
use crate::attention::dims::Dims;
use crate::experiment::Hidden;
pub use crate::experiment::tokenize;

/// Numbers in a token's embedding.
pub const WIDTH: usize = Hidden::EMBEDDING;

/// A text as inputs of attention.
#[derive(Clone, PartialEq, Debug)]
pub struct TextInputs {
    /// The tokens, as written; `dims.n_q` and `dims.n_k` of them.
    pub tokens: Vec<String>,
    /// The sizes asked for, with the lengths of the text and batch 1.
    pub dims: Dims,
    /// Q, K and V of those sizes.
    pub inputs: Generated,
}

/// The embedding `x` of a token: [`WIDTH`] standard normal numbers from the seed `fnv1a(lower-case token) ^ rotate(seed, 32)` (FNV-1a,
/// 64 bits, of UTF-8). Equal words have equal embeddings in every text, whatever their case.
pub(super) fn embedding(token: &str, seed: Seed) -> Vec<f64> {
    let hash = token
        .to_lowercase()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    Rng::of(seed.with(hash ^ seed.number.rotate_left(32))).normals(WIDTH)
}

/// `x W` for a `[WIDTH, size]` matrix.
fn project(x: &[f64], w: &[f64], size: usize) -> impl Iterator<Item = f32> {
    (0..size).map(move |c| x.iter().enumerate().map(|(r, x)| x * w[r * size + c]).sum::<f64>() as f32)
}

/// Tokens of a text, and their queries, keys and values.
///
/// With one generator of `seed`, for each key head: `W_K` and `W_V` are normal with variance 1/[`WIDTH`]; then for each of its query
/// heads `W_Q = (W_K + N) / sqrt(2)` with a like matrix `N` of its own. So a token finds its equals (scores about `sqrt(d / 2)` under
/// `1/sqrt(d)`, others about 0 ± 1) while every head sees the words its own way. There is no position in it.
///
/// `dims` gives heads, `d` and `d_v`; its batch and lengths are replaced.
pub fn embed(text: &str, dims: &Dims, seed: Seed) -> TextInputs {
    let tokens = tokenize(text);
    let dims = Dims { batch: 1, n_q: tokens.len(), n_k: tokens.len(), ..*dims };
    let x: Vec<Vec<f64>> = tokens.iter().map(|token| embedding(token, seed)).collect();
    let mut rng = Rng::of(seed);
    let mut matrix = |size: usize| -> Vec<f64> {
        rng.normals(WIDTH * size).into_iter().map(|w| w / (WIDTH as f64).sqrt()).collect()
    };
    let mut out = Generated {
        q: Vec::with_capacity(dims.q_len()),
        k: Vec::with_capacity(dims.k_len()),
        v: Vec::with_capacity(dims.v_len()),
    };
    for _ in 0..dims.kv_heads {
        let (w_k, w_v) = (matrix(dims.d), matrix(dims.d_v));
        out.k.extend(x.iter().flat_map(|x| project(x, &w_k, dims.d)));
        out.v.extend(x.iter().flat_map(|x| project(x, &w_v, dims.d_v)));
        for _ in 0..dims.q_heads / dims.kv_heads {
            let own = matrix(dims.d);
            let w_q: Vec<f64> = w_k.iter().zip(&own).map(|(k, n)| (k + n) * std::f64::consts::FRAC_1_SQRT_2).collect();
            out.q.extend(x.iter().flat_map(|x| project(x, &w_q, dims.d)));
        }
    }
    TextInputs { tokens, dims, inputs: out }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::experiment::Normals;

    const fn seed(number: u64) -> Seed {
        Seed { number, normals: Normals::Unrounded }
    }

    const DIMS: Dims = Dims { batch: 9, q_heads: 4, kv_heads: 2, n_q: 0, n_k: 0, d: 32, d_v: 6 };

    #[test]
    fn equal_words_are_equal_and_the_rest_is_seeded() {
        let a = embed("The dog saw the cat", &DIMS, seed(1));
        assert_eq!(a.dims, Dims { batch: 1, n_q: 5, n_k: 5, ..DIMS });
        assert_eq!((a.inputs.q.len(), a.inputs.k.len(), a.inputs.v.len()), (4 * 5 * 32, 2 * 5 * 32, 2 * 5 * 6));
        assert_eq!(a.inputs.k[..32], a.inputs.k[3 * 32..4 * 32]);
        assert_ne!(a.inputs.k[..32], a.inputs.k[32..64]);
        // The word alone has the same key as in the sentence.
        assert_eq!(embed("dog", &DIMS, seed(1)).inputs.k[..32], a.inputs.k[32..64]);
        assert_eq!(embed("The dog saw the cat", &DIMS, seed(1)), a);
        assert_ne!(embed("The dog saw the cat", &DIMS, seed(2)).inputs, a.inputs);
        assert!(embed("", &DIMS, seed(1)).inputs.q.is_empty());
    }

    #[test]
    fn numbers_have_unit_variance_and_tokens_find_their_equals() {
        let text: String = (0..400).map(|i| format!("w{i} ")).collect();
        let TextInputs { dims, inputs, .. } = embed(&text, &DIMS, seed(5));
        for tensor in [&inputs.q, &inputs.k, &inputs.v] {
            let variance = tensor.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / tensor.len() as f64;
            assert!((variance - 1.0).abs() < 0.15, "{variance}");
        }
        let score = |head: usize, i: usize, j: usize| {
            let q = &inputs.q[(head * dims.n_q + i) * dims.d..][..dims.d];
            let k = &inputs.k[(dims.kv_head(head) * dims.n_k + j) * dims.d..][..dims.d];
            q.iter().zip(k).map(|(a, b)| f64::from(*a * *b)).sum::<f64>() / f64::from(32).sqrt()
        };
        for head in 0..4 {
            let own = (0..400).map(|i| score(head, i, i)).sum::<f64>() / 400.0;
            let other = (0..400).map(|i| score(head, i, (i + 7) % 400)).sum::<f64>() / 400.0;
            assert!((own - 4.0).abs() < 0.8 && other.abs() < 0.3, "head {head}: {own} {other}");
        }
    }
}
