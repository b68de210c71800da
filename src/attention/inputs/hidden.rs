//! Hidden states X: what is projected to Q, K and V.

use super::recipe::{Recipe, generate};
use super::rng::{Rng, Seed};
use super::text::embedding;
use crate::attention::dims::Dims;
use crate::experiment::{Hidden, tokenize};

/// X with a name for each row.
#[derive(Clone, PartialEq, Debug)]
pub struct States {
    /// What each row is: a word, `row,column` of a patch, or a number.
    pub tokens: Vec<String>,
    /// Columns.
    pub width: usize,
    /// `[tokens, width]`, row-major.
    pub data: Vec<f32>,
}

/// Makes X. `seed` is the input's own: it decides the embeddings of words (as those of a text, so that a word has the same one there) and,
/// beside a text, how patches get to their width.
///
/// Rows that are too short are filled with 0, unknown generators give `normal`: the check has refused both.
pub fn states(x: &Hidden, seed: Seed) -> States {
    let width = x.width();
    match x {
        Hidden::Rows { rows } => {
            let mut data = Vec::with_capacity(rows.len() * width);
            for row in rows {
                data.extend(row.iter().copied().chain(std::iter::repeat(0.0)).take(width));
            }
            States { tokens: numbers(rows.len()), width, data }
        }
        Hidden::Generated { recipe, rows, width, seed: own, params } => {
            let dims = Dims { batch: 1, q_heads: 1, kv_heads: 1, n_q: *rows, n_k: *rows, d: *width, d_v: 1 };
            let made = generate(Recipe::find(recipe).unwrap_or(Recipe::Normal), &dims, seed.with(*own), params);
            States { tokens: numbers(*rows), width: *width, data: made.k }
        }
        Hidden::Text { text } => words(text, seed),
        Hidden::Texts { a, b } => {
            let (mut all, rest) = (words(a, seed), words(b, seed));
            all.tokens.extend(rest.tokens);
            all.data.extend(rest.data);
            all
        }
        Hidden::Image { width: side, cells } => {
            let data = (0..cells.len()).flat_map(|at| patch(cells, *side, at)).collect();
            States { tokens: places(cells.len(), *side), width, data }
        }
        Hidden::TextImage { text, width: side, cells } => {
            let mut all = words(text, seed);
            let matrix = Rng::of(patches_seed(seed)).normals(Hidden::PATCH * width);
            let scale = 1.0 / (Hidden::PATCH as f64).sqrt();
            for at in 0..cells.len() {
                let patch = patch(cells, *side, at);
                all.data.extend((0..width).map(|column| {
                    let sum = patch.iter().enumerate().map(|(r, x)| f64::from(*x) * matrix[r * width + column]);
                    (sum.sum::<f64>() * scale) as f32
                }));
            }
            all.tokens.extend(places(cells.len(), *side));
            all
        }
    }
}

/// Seeds are below 2^53, so the projections of patches and of X draw from streams that no other number of the input comes from.
fn patches_seed(seed: Seed) -> Seed {
    seed.with(seed.number | 1 << 62)
}

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|i| i.to_string()).collect()
}

fn places(count: usize, side: usize) -> Vec<String> {
    let side = side.max(1);
    (0..count).map(|at| format!("{},{}", at / side, at % side)).collect()
}

fn words(text: &str, seed: Seed) -> States {
    let tokens = tokenize(text);
    let data = tokens.iter().flat_map(|token| embedding(token, seed)).map(|x| x as f32).collect();
    States { tokens, width: Hidden::EMBEDDING, data }
}

/// The patch at `at`: the three by three values around it in reading order, 0 outside the picture, and 1.
fn patch(cells: &[f32], side: usize, at: usize) -> [f32; Hidden::PATCH] {
    let side = side.max(1);
    let (row, column) = (at / side, at % side);
    std::array::from_fn(|i| {
        if i == 9 {
            return 1.0;
        }
        // One more than the place: the neighbour before the first row or column is 0.
        let (r, c) = (row + i / 3, column + i % 3);
        let inside = r > 0 && c > 0 && c <= side;
        inside.then(|| cells.get((r - 1) * side + c - 1).copied()).flatten().unwrap_or(0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Normals;

    const fn seed(number: u64) -> Seed {
        Seed { number, normals: Normals::Unrounded }
    }

    #[test]
    fn a_patch_is_itself_and_its_neighbours() {
        let cells: Vec<f32> = (1..=6).map(|x| x as f32).collect();
        let made = states(&Hidden::Image { width: 3, cells }, seed(0));
        assert_eq!((made.width, made.tokens.len()), (10, 6));
        assert_eq!(made.tokens[4], "1,1");
        // The picture is 1 2 3 over 4 5 6.
        assert_eq!(made.data[..10], [0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 0.0, 4.0, 5.0, 1.0]);
        assert_eq!(made.data[40..50], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(made.data[50..60], [2.0, 3.0, 0.0, 5.0, 6.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn streams_follow_one_another_and_words_are_the_same_everywhere() {
        let text = |text: &str| states(&Hidden::Text { text: text.to_owned() }, seed(7));
        let both = states(&Hidden::Texts { a: "a dog".to_owned(), b: "one dog".to_owned() }, seed(7));
        assert_eq!(both.tokens, ["a", "dog", "one", "dog"]);
        assert_eq!(both.data[64..128], text("dog").data[..]);
        assert_eq!(both.data[64..128], both.data[192..]);
        let mixed = Hidden::TextImage { text: "a dog".to_owned(), width: 2, cells: vec![0.0, 1.0] };
        assert_eq!(mixed.streams(), [2, 2]);
        let mixed = states(&mixed, seed(7));
        assert_eq!(mixed.tokens, ["a", "dog", "0,0", "0,1"]);
        assert_eq!(mixed.data[..128], both.data[..128]);
        assert_eq!(mixed.data.len(), 4 * 64);
        assert_ne!(mixed.data[128..192], mixed.data[192..]);
    }

    #[test]
    fn a_generator_gives_its_keys() {
        let x = Hidden::generated("one_hot", 5, 4, 0);
        let made = states(&x, seed(3));
        assert_eq!((made.tokens.len(), made.width, made.data.len()), (5, 4, 20));
        assert_eq!(made.data[4..8], [0.0, 2.0, 0.0, 0.0]);
    }
}
