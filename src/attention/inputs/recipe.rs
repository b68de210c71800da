//! The list of seeded recipes for Q, K and V.

use super::rng::{Rng, Seed};
use super::structured;
use crate::attention::dims::Dims;
use crate::attention::values::values_of;
use crate::catalogue;
use crate::formula::Sorted;

/// A way to make Q, K and V from a seed. Each variant states its numbers exactly; `normal` stands for [`Rng::normals`] and, unless said
/// otherwise, tensors are drawn whole and in the order Q, K, V from one generator. Bases are drawn per batch and key head; all query
/// heads of a group share theirs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Recipe {
    /// Independent standard normal numbers:
    ///
    /// ```python
    /// r = np.random.default_rng(seed)
    /// def normal(*shape):
    ///     u, v = r.random((2, *shape)); return (np.sqrt(-2 * np.log1p(-u)) * np.cos(2 * np.pi * v)).astype(np.float32)
    /// Q, K, V = normal(batch, q_heads, n_q, d), normal(batch, kv_heads, n_k, d), normal(batch, kv_heads, n_k, d_v)
    /// ```
    Normal,
    /// Independent, uniform in [-1, 1): `(2 * r.random(shape) - 1).astype(np.float32)`.
    Uniform,
    /// Row `i` of Q and of K is `sqrt(d) · e_{i mod d}`, row `i` of V is `e_{i mod d_v}`. Under the scale `1/sqrt(d)` a score is `sqrt(d)`
    /// where query and key agree modulo d, else 0, and the output adds up weights. The seed changes nothing.
    OneHot,
    /// Row `i` of K has length `sqrt(d)` and is orthogonal to the other rows of its block of d (Gram and Schmidt on `normal` rows; a new
    /// block starts at each multiple of d). Row `i` of Q is row `i mod n_k` of K. V is `normal`. Up to d keys, each query finds its own
    /// key exactly: score `sqrt(d)` there, 0 elsewhere.
    Orthogonal,
    /// With a unit vector `u`: every query is `sqrt(d) · u`, the needle's key, `⌊place · n_k⌋` or else the last, is `margin · u`, every other key is `normal`
    /// with its part along `u` removed. Under the scale `1/sqrt(d)` the needle scores `margin` and all others 0, so its weight is
    /// `1 / (1 + (n_k - 1) · exp(-margin))`. V is `normal`, but its first column is 1 for the needle and 0 elsewhere: the first number
    /// of each output is the needle's weight.
    Needle,
    /// Row `i` of Q and of K is row `i mod period` of one `normal` table `[period, d]`; V likewise from a table of its own.
    Periodic,
    /// With a `normal` table `[n_q, d]`: row `i` of Q is row `i` of the table, row `j` of K is row `n_q - 1 - (j mod n_q)`. V is `normal`.
    Reversed,
    /// Random Fourier rows (Rahimi and Recht 2007): column c of row i is `sqrt(2) · cos(2π (f_c · i / n + φ_c))` with `f = waves · normal`
    /// and φ uniform in [0, 1). Q and K share f and φ, so their scores fall off with distance like a Gaussian; V has its own. Drawn in
    /// the order f, φ of Q and K, f, φ of V.
    Smooth,
    /// Row `i` of Q is row `i mod n_k` of its K plus `noise · normal`; K is `normal` and drawn first, then Q's noise, then V, `normal`.
    /// Under the scale `1/sqrt(d)` a query scores about `sqrt(d)` on its own key, against a spread of `sqrt(1 + noise²)` on others.
    Noise,
}

/// Q `[batch, q_heads, n_q, d]`, K `[batch, kv_heads, n_k, d]`, V `[batch, kv_heads, n_k, d_v]`, row-major.
#[derive(Clone, PartialEq, Debug)]
pub struct Generated {
    /// Queries.
    pub q: Vec<f32>,
    /// Keys.
    pub k: Vec<f32>,
    /// Values.
    pub v: Vec<f32>,
}

/// Makes the inputs, with the parameters of the catalogue's entry where `given` has none. Never fails; memory is that of the result, so check the sizes before.
pub fn generate(recipe: Recipe, dims: &Dims, seed: Seed, given: &Sorted<String, f64>) -> Generated {
    let rng = &mut Rng::of(seed);
    let values = recipe.values(given);
    let value = |name: &str| values.get(name).copied().unwrap_or_default();
    match recipe {
        Recipe::Normal => independent(dims, rng, normal),
        Recipe::Uniform => {
            independent(dims, rng, |rng, count| (0..count).map(|_| (2.0 * rng.random() - 1.0) as f32).collect())
        }
        Recipe::OneHot => structured::one_hot(dims),
        Recipe::Orthogonal => structured::orthogonal(dims, rng),
        Recipe::Needle => structured::needle(dims, rng, value("margin"), value("place")),
        Recipe::Periodic => structured::periodic(dims, rng, value("period") as usize),
        Recipe::Reversed => structured::reversed(dims, rng),
        Recipe::Smooth => structured::smooth(dims, rng, value("waves")),
        Recipe::Noise => structured::noisy(dims, rng, value("noise") as f32),
    }
}

fn independent(dims: &Dims, rng: &mut Rng, mut draw: impl FnMut(&mut Rng, usize) -> Vec<f32>) -> Generated {
    Generated { q: draw(rng, dims.q_len()), k: draw(rng, dims.k_len()), v: draw(rng, dims.v_len()) }
}

pub(super) fn normal(rng: &mut Rng, count: usize) -> Vec<f32> {
    rng.normals(count).into_iter().map(|x| x as f32).collect()
}

impl Recipe {
    /// All of them, in the catalogue's order.
    pub const ALL: [Self; 9] = [
        Self::Normal,
        Self::Uniform,
        Self::OneHot,
        Self::Orthogonal,
        Self::Needle,
        Self::Periodic,
        Self::Reversed,
        Self::Smooth,
        Self::Noise,
    ];

    /// Its id in the catalogue, which holds its names.
    pub fn id(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Uniform => "uniform",
            Self::OneHot => "one_hot",
            Self::Orthogonal => "orthogonal",
            Self::Needle => "needle",
            Self::Periodic => "periodic",
            Self::Reversed => "reversed",
            Self::Smooth => "smooth",
            Self::Noise => "noise",
        }
    }

    /// Its parameters: the given ones over the catalogue's defaults.
    pub fn values(self, given: &Sorted<String, f64>) -> Sorted<String, f64> {
        values_of(catalogue::recipe(self.id()).map_or(&[], |entry| entry.params), given)
    }

    /// The recipe with this id.
    pub fn find(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|recipe| recipe.id() == id)
    }
}

#[cfg(test)]
#[path = "recipe_tests.rs"]
mod tests;
