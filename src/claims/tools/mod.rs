//! What several claims compute from an outcome, and words that they share.
//!
//! | file | what it holds |
//! |---|---|
//! | `mod` | words, numbers, tensors changed before a run |
//! | `texts` | captured texts |
//! | `heads` | weights and outputs of heads |
//! | `patterns` | what a sparse pattern keeps, reaches and loses |
//! | `laws` | times and the laws that they follow |
//! | `doctor` | changes of measured answers, for tests |

#[cfg(test)]
pub mod doctor;
pub mod heads;
pub mod laws;
pub mod patterns;
pub mod texts;

use std::sync::Arc;

use super::ask::Alter;
use crate::analysis::statistics::median;
use crate::attention::inputs::Rng;
use crate::attention::{Dims, Inputs, Loaded};
use crate::catalogue::Lang;
use crate::experiment::{Choice, Input, Normals, Size};
use crate::formula::Sorted;

/// A word in a language.
pub fn word(lang: Lang, en: &'static str, zh: &'static str) -> &'static str {
    match lang {
        Lang::En => en,
        Lang::Zh => zh,
    }
}

/// One of two texts.
pub fn said(lang: Lang, en: String, zh: String) -> String {
    match lang {
        Lang::En => en,
        Lang::Zh => zh,
    }
}

/// An entry with one parameter.
pub fn with(id: &str, param: &str, value: f64) -> Choice {
    Choice { id: id.to_owned(), params: Sorted::from([(param.to_owned(), value)]) }
}

/// A seeded generator's numbers, by the rule that every language gives bit for bit.
pub fn made(recipe: &str, size: Size, seed: u64, params: &[(&str, f64)]) -> Input {
    let params: Sorted<String, f64> = params.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    Input::Generated { recipe: recipe.to_owned(), size, seed, normals: Normals::Rounded, params }
}

/// Normal numbers.
pub fn normal(size: Size, seed: u64) -> Input {
    made("normal", size, seed, &[])
}

/// `‖a − b‖ / ‖b‖` (Euclidean, all numbers together); nothing where they are not as many, or `b` is all zeros.
pub fn apart(a: &[f32], b: &[f32]) -> Option<f64> {
    if a.len() != b.len() {
        return None;
    }
    let square = |x: f64| x * x;
    let difference: f64 = a.iter().zip(b).map(|(a, b)| square(f64::from(*a) - f64::from(*b))).sum();
    let size: f64 = b.iter().map(|b| square(f64::from(*b))).sum();
    (size > 0.0).then(|| (difference / size).sqrt())
}

/// Sum of products.
pub fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// Euclidean length.
pub fn length(a: &[f32]) -> f64 {
    dot(a, a).sqrt()
}

/// The median of what there is.
pub fn middle(numbers: impl IntoIterator<Item = f64>) -> Option<f64> {
    median(&numbers.into_iter().collect::<Vec<_>>())
}

/// The mean of what there is; nothing of nothing.
pub fn mean(numbers: &[f64]) -> Option<f64> {
    (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64)
}

/// Rows of a head that are looked at where every row would take the page too long.
pub const ROWS: usize = 64;

/// At most [`ROWS`] of so many rows, evenly spaced.
pub fn some_rows(count: usize) -> impl Iterator<Item = usize> {
    (0..count).step_by(count.div_ceil(ROWS).max(1))
}

/// Numbers 0 to `count` in an order drawn from `seed` (Fisher and Yates).
pub fn shuffled(count: usize, seed: u64) -> Vec<usize> {
    let mut rng = Rng::new(seed);
    let mut order: Vec<usize> = (0..count).collect();
    for end in (1..count).rev() {
        order.swap(end, (rng.random() * (end + 1) as f64) as usize);
    }
    order
}

/// Rows of every head in another order: row `i` of the result is row `order[i]`.
pub fn reordered(numbers: &[f32], heads: usize, width: usize, order: &[usize]) -> Vec<f32> {
    let mut out = Vec::with_capacity(numbers.len());
    for head in 0..heads {
        for &row in order {
            let start = (head * order.len() + row) * width;
            out.extend_from_slice(numbers.get(start..start + width).unwrap_or_default());
        }
    }
    out
}

/// Queries, keys and values of all tokens in the order that `order` gives for their number; of self-attention, which has as many of each.
pub fn permuted(seed: u64) -> Alter {
    Alter::new(move |loaded| {
        let Dims { batch, q_heads, kv_heads, n_q, n_k, d, d_v } = loaded.dims;
        if n_q != n_k {
            return loaded.clone();
        }
        let order = shuffled(n_k, seed);
        let Inputs { q, k, v } = &loaded.inputs;
        let inputs = Inputs {
            q: Arc::new(reordered(q, batch * q_heads, d, &order)),
            k: Arc::new(reordered(k, batch * kv_heads, d, &order)),
            v: Arc::new(reordered(v, batch * kv_heads, d_v, &order)),
        };
        let names = |names: &[String]| order.iter().filter_map(|&at| names.get(at).cloned()).collect();
        Loaded { inputs, tokens_q: names(&loaded.tokens_q), tokens_k: names(&loaded.tokens_k), ..loaded.clone() }
    })
}

/// Q, K and V changed, each a list of its own.
pub fn changed(change: impl Fn(&Loaded, [&mut Vec<f32>; 3]) + Send + Sync + 'static) -> Alter {
    Alter::new(move |loaded| {
        let Inputs { q, k, v } = &loaded.inputs;
        let [mut q, mut k, mut v] = [q.to_vec(), k.to_vec(), v.to_vec()];
        change(loaded, [&mut q, &mut k, &mut v]);
        Loaded { inputs: Inputs { q: Arc::new(q), k: Arc::new(k), v: Arc::new(v) }, ..loaded.clone() }
    })
}

/// Normal numbers.
pub fn normals(seed: u64, count: usize) -> Vec<f32> {
    Rng::new(seed).normals(count).into_iter().map(|x| x as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_relative_to_the_second() {
        assert_eq!(apart(&[3.0, 0.0], &[0.0, 4.0]), Some(1.25));
        assert_eq!((apart(&[1.0], &[1.0, 2.0]), apart(&[1.0], &[0.0])), (None, None));
        assert_eq!((length(&[3.0, 4.0]), mean(&[]), mean(&[1.0, 3.0])), (5.0, None, Some(2.0)));
    }

    #[test]
    fn few_rows_are_all_and_many_are_evenly_spaced() {
        assert_eq!(some_rows(5).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        let some: Vec<usize> = some_rows(500).collect();
        assert_eq!((some.len(), some[1], some[62]), (63, 8, 496));
        assert_eq!(some_rows(0).count(), 0);
    }

    #[test]
    fn rows_move_within_their_head() {
        assert_eq!(reordered(&[1.0, 2.0, 3.0, 4.0], 2, 1, &[1, 0]), [2.0, 1.0, 4.0, 3.0]);
        let mut order = shuffled(50, 3);
        assert_ne!(order, (0..50).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..50).collect::<Vec<_>>());
    }
}
