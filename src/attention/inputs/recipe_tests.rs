#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::*;
use crate::experiment::Normals;

const fn seed(number: u64) -> Seed {
    Seed { number, normals: Normals::Unrounded }
}

const DIMS: Dims = Dims { batch: 2, q_heads: 4, kv_heads: 2, n_q: 7, n_k: 11, d: 8, d_v: 5 };

fn make(recipe: Recipe, dims: &Dims) -> Generated {
    generate(recipe, dims, seed(3), &Sorted::new())
}

/// With some parameters set, from seed 1.
fn with(recipe: Recipe, dims: &Dims, given: &[(&str, f64)]) -> Generated {
    generate(recipe, dims, seed(1), &given.iter().map(|&(name, value)| (name.to_owned(), value)).collect())
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
}

/// Scores under 1/sqrt(d) of every batch and query head, each `[n_q][n_k]`.
fn scores(dims: &Dims, made: &Generated) -> Vec<Vec<Vec<f64>>> {
    let key = |batch: usize, head: usize, j: usize| {
        &made.k[((batch * dims.kv_heads + dims.kv_head(head)) * dims.n_k + j) * dims.d..][..dims.d]
    };
    let heads = (0..dims.batch).flat_map(|batch| (0..dims.q_heads).map(move |head| (batch, head)));
    heads
        .map(|(batch, head)| {
            let start = dims.row_start(batch, head) * dims.d;
            let queries = made.q[start..start + dims.n_q * dims.d].chunks(dims.d);
            queries
                .map(|q| (0..dims.n_k).map(|j| dot(q, key(batch, head, j)) / (dims.d as f64).sqrt()).collect())
                .collect()
        })
        .collect()
}

fn assert_near(a: f64, b: f64, what: &str) {
    assert!((a - b).abs() < 2e-6, "{what}: {a}, expected {b}");
}

#[test]
fn every_recipe_has_the_shapes_finite_numbers_and_its_seed() {
    let mqa = Dims { kv_heads: 1, n_q: 12, n_k: 3, d: 2, d_v: 9, ..DIMS };
    let tiny = Dims { batch: 1, q_heads: 1, kv_heads: 1, n_q: 1, n_k: 1, d: 1, d_v: 1 };
    for dims in [DIMS, mqa, tiny] {
        for recipe in Recipe::ALL {
            let made = make(recipe, &dims);
            assert_eq!(
                (made.q.len(), made.k.len(), made.v.len()),
                (dims.q_len(), dims.k_len(), dims.v_len()),
                "{recipe:?}"
            );
            assert!([&made.q, &made.k, &made.v].iter().all(|t| t.iter().all(|x| x.is_finite())), "{recipe:?}");
            assert_eq!(made, make(recipe, &dims));
            let other = generate(recipe, &DIMS, seed(4), &Sorted::new());
            assert_eq!(other == make(recipe, &DIMS), recipe == Recipe::OneHot, "{recipe:?}");
        }
    }
}

#[test]
fn empty_sizes_do_not_panic() {
    for zero in 0..6 {
        let at = |i: usize, n: usize| if i == zero { 0 } else { n };
        let dims = Dims {
            batch: at(0, 1),
            q_heads: 2,
            kv_heads: at(1, 1),
            n_q: at(2, 3),
            n_k: at(3, 3),
            d: at(4, 2),
            d_v: at(5, 2),
        };
        for recipe in Recipe::ALL {
            with(recipe, &dims, &[("place", 1.0), ("period", 0.0)]);
        }
    }
}

#[test]
fn independent_recipes_are_the_numpy_lines() {
    // q.ravel()[[0, 1, -1]], k.ravel()[[0, -1]], v.ravel() as printed by NumPy 2.4 after r = np.random.default_rng(3), with
    // shapes (1,2,3,4), (1,1,3,4), (1,1,3,2) and the lines in Recipe's documentation.
    let dims = Dims { batch: 1, q_heads: 2, kv_heads: 1, n_q: 3, n_k: 3, d: 4, d_v: 2 };
    let numpy: [(Recipe, [f32; 11]); 2] = [
        (
            Recipe::Normal,
            [
                0.328_947_42,
                -0.632_421_7,
                0.694_849_43,
                0.825_845_66,
                0.650_452_3,
                0.395_870_48,
                1.114_352,
                0.233_206_94,
                -0.278_027_68,
                -0.420_801_94,
                0.383_712_1,
            ],
        ),
        (
            Recipe::Uniform,
            [
                -0.828_701_7,
                -0.526_379,
                -0.372_028,
                0.783_422_1,
                0.260_180_4,
                -0.403_673_83,
                0.483_513_36,
                0.444_329_62,
                -0.562_569_14,
                0.659_773_77,
                0.315_304_43,
            ],
        ),
    ];
    for (recipe, expected) in numpy {
        let made = make(recipe, &dims);
        let ours = [[made.q[0], made.q[1], made.q[23]].as_slice(), &[made.k[0], made.k[11]], &made.v].concat();
        for (ours, theirs) in ours.iter().zip(expected) {
            assert!((ours / theirs - 1.0).abs() <= 1e-6, "{recipe:?}: {ours} {theirs}");
        }
    }
}

#[test]
fn independent_recipes_have_their_moments() {
    let dims = Dims { batch: 1, q_heads: 1, kv_heads: 1, n_q: 1000, n_k: 1, d: 100, d_v: 1 };
    // Variance, and fourth moment over squared variance: 3 for the normal, 9/5 for the uniform distribution.
    for (recipe, variance, kurtosis) in [(Recipe::Normal, 1.0, 3.0), (Recipe::Uniform, 1.0 / 3.0, 1.8)] {
        let made = make(recipe, &dims);
        let moment = |power: i32| made.q.iter().map(|x| f64::from(*x).powi(power)).sum::<f64>() / 1e5;
        assert!(moment(1).abs() < 0.01 && (moment(2) / variance - 1.0).abs() < 0.03, "{recipe:?}");
        assert!((moment(4) / moment(2).powi(2) / kurtosis - 1.0).abs() < 0.08, "{recipe:?}");
    }
}

#[test]
fn one_hot_scores_where_rows_agree() {
    let made = make(Recipe::OneHot, &DIMS);
    for head in scores(&DIMS, &made) {
        for (i, row) in head.iter().enumerate() {
            for (j, score) in row.iter().enumerate() {
                assert_near(*score, if i % 8 == j % 8 { 8f64.sqrt() } else { 0.0 }, "one-hot");
            }
        }
    }
    assert_eq!(made.v[5 * 6..5 * 7], [0.0, 1.0, 0.0, 0.0, 0.0]);
}

#[test]
fn orthogonal_keys_are_found_exactly() {
    let dims = Dims { n_q: 16, n_k: 8, ..DIMS };
    for head in scores(&dims, &make(Recipe::Orthogonal, &dims)) {
        for (i, row) in head.iter().enumerate() {
            for (j, score) in row.iter().enumerate() {
                assert_near(*score, if i % 8 == j { 8f64.sqrt() } else { 0.0 }, "orthogonal");
            }
        }
    }
    // Past d keys a second block starts: orthogonal in itself, not to the first.
    let dims = Dims { n_k: 16, ..dims };
    let head = &scores(&dims, &make(Recipe::Orthogonal, &dims))[0];
    assert_near(head[9][10], 0.0, "within the second block");
    assert!(head[0][8..].iter().any(|score| score.abs() > 0.1));
}

#[test]
fn the_needle_has_its_margin_and_weight() {
    for (share, place, margin) in [(0.5, 5, 4.0), (0.0, 0, -2.5), (1.0, 10, 7.0), (0.3, 3, 1.0)] {
        let made = with(Recipe::Needle, &DIMS, &[("place", share), ("margin", margin)]);
        for head in scores(&DIMS, &made) {
            for row in head {
                for (j, score) in row.iter().enumerate() {
                    assert_near(*score, if j == place { margin } else { 0.0 }, "needle");
                }
                let sum: f64 = row.iter().map(|s| s.exp()).sum();
                assert_near(row[place].exp() / sum, 1.0 / (1.0 + 10.0 * (-margin).exp()), "weight");
            }
        }
        for (row, values) in made.v.chunks(DIMS.d_v).enumerate() {
            assert_eq!(values[0], f32::from(u8::from(row % DIMS.n_k == place)));
        }
    }
}

#[test]
fn periodic_rows_repeat() {
    let made = with(Recipe::Periodic, &DIMS, &[("period", 3.0)]);
    for i in 0..DIMS.n_k - 3 {
        assert_eq!(made.k[i * 8..][..8], made.k[(i + 3) * 8..][..8]);
        assert_eq!(made.v[i * 5..][..5], made.v[(i + 3) * 5..][..5]);
    }
    assert_ne!(made.k[..8], made.k[8..16]);
    assert_eq!(made.q[..8 * 7], made.k[..8 * 7]);
    assert_eq!(with(Recipe::Periodic, &DIMS, &[("period", f64::MAX)]).k.len(), DIMS.k_len());
}

#[test]
fn reversed_keys_are_queries_backwards() {
    let made = make(Recipe::Reversed, &DIMS);
    let (second_group_q, second_group_k) = (2 * 7 * 8, 11 * 8);
    for j in 0..7 {
        assert_eq!(made.k[j * 8..][..8], made.q[(6 - j) * 8..][..8]);
        assert_eq!(made.k[second_group_k + j * 8..][..8], made.q[second_group_q + (6 - j) * 8..][..8]);
    }
    assert_eq!(made.k[7 * 8..][..8], made.q[6 * 8..][..8]); // past n_q it starts again
}

#[test]
fn smooth_scores_follow_a_gaussian_of_distance() {
    // Rahimi and Recht: E[q·k / d] = exp(-(2π · waves · distance)² / 2); with d = 4096 the error is about 1/sqrt(d).
    let dims = Dims { batch: 1, q_heads: 1, kv_heads: 1, n_q: 40, n_k: 40, d: 4096, d_v: 2 };
    let head = &scores(&dims, &make(Recipe::Smooth, &dims))[0];
    for (i, row) in head.iter().enumerate() {
        for (j, score) in row.iter().enumerate() {
            let distance = (i as f64 - j as f64) / 40.0;
            let expected = (-(std::f64::consts::TAU * 2.0 * distance).powi(2) / 2.0).exp();
            assert!((score / 64.0 - expected).abs() < 0.08, "{i} {j}: {} {expected}", score / 64.0);
        }
    }
}

#[test]
fn noisy_queries_find_their_keys_less_and_less() {
    let dims = Dims { batch: 1, q_heads: 2, kv_heads: 1, n_q: 200, n_k: 200, d: 64, d_v: 1 };
    let at = |noise: f64| with(Recipe::Noise, &dims, &[("noise", noise)]);
    let exact = at(0.0);
    assert!(exact.q[..200 * 64] == exact.k[..] && exact.q[200 * 64..] == exact.k[..]);
    let found = |noise: f64| {
        let made = at(noise);
        assert_eq!((&made.k, &made.v), (&exact.k, &exact.v));
        let added: f64 =
            made.q.iter().zip(&exact.q).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>() / made.q.len() as f64;
        assert!((added.sqrt() - noise).abs() < 0.02 * noise, "{added}");
        let own = |(i, row): (usize, &Vec<f64>)| row.iter().all(|score| *score <= row[i]);
        scores(&dims, &made)[0].iter().enumerate().filter(|&(i, row)| own((i, row))).count()
    };
    let counts = [0.5, 2.0, 8.0].map(found);
    assert!(counts[0] == 200 && counts[1] > 100 && counts[1] < 200 && counts[2] < 40, "{counts:?}");
}

#[test]
fn an_id_finds_its_recipe() {
    for recipe in Recipe::ALL {
        assert_eq!(Recipe::find(recipe.id()), Some(recipe));
    }
    assert_eq!(Recipe::find("nothing"), None);
}

#[test]
fn the_catalogue_lists_every_recipe_in_this_order() {
    let listed: Vec<_> = crate::catalogue::recipes().iter().map(|entry| entry.id).collect();
    assert_eq!(listed, Recipe::ALL.map(Recipe::id));
}
