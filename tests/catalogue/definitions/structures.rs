//! Patterns of blocks, of planes, of documents and trees, and random ones.

use super::{Case, Rule};

/// The definition of a pattern by block, plane or part; `None` for one of the other kind.
pub fn rule(case: &Case) -> Option<Rule> {
    let int = |name| case.int(name);
    let on = |name| case.on(name);
    let n_k = case.n_k();
    Some(match case.entry.id {
        "document" => {
            let (doc, causal) = (case.input("doc"), on("causal"));
            Box::new(move |_, i, j| doc[i as usize] == doc[j as usize] && !(causal && j > i))
        }
        "shared-prefix" => {
            // Own document causally; the whole of the prefix document, which is the first.
            let doc = case.input("doc");
            Box::new(move |_, i, j| match (doc[i as usize], doc[j as usize]) {
                (own, other) if own == other => j <= i,
                (_, other) => other == 0,
            })
        }
        "padding" => {
            let (valid, causal) = (case.input("valid"), on("causal"));
            Box::new(move |_, i, j| valid[j as usize] == 1 && !(causal && j > i))
        }
        "block-sparse" => {
            let block = int("block");
            Box::new(move |_, i, j| {
                let (row, column) = (i / block, j / block);
                row == column || (0..20).any(|bit| row ^ (1 << bit) == column)
            })
        }
        "block-permutation" => {
            // The paper counts from 1: block of token t is ⌊(t - 1) n / N + 1⌋; head h shifts the blocks by h.
            let blocks = int("blocks");
            let block = move |token: i64| (token as f64 * blocks as f64 / n_k as f64).floor() as i64;
            // Queries past the keys belong to the last block.
            Box::new(move |h, i, j| (block(i).min(blocks - 1) + h) % blocks == block(j))
        }
        "random" => {
            let (density, causal) = (*case.params.get("density")?, on("causal"));
            let seed = case.place.seed as u32;
            Box::new(move |h, i, j| {
                (i == j || kept(density, [seed, h as u32, i as u32, j as u32])) && !(causal && j > i)
            })
        }
        "random-blocks" => {
            let (density, block, causal) = (*case.params.get("density")?, int("block"), on("causal"));
            let seed = case.place.seed as u32;
            Box::new(move |h, i, j| {
                let (row, column) = (i / block, j / block);
                let drawn = kept(density, [seed, h as u32, row as u32, column as u32]);
                (row == column || drawn) && !(causal && j > i)
            })
        }
        "axial" => {
            let (plane, alternate) = (Plane::of(case), on("alternate"));
            Box::new(move |h, i, j| {
                let ([a, r, c], [b, s, d]) = (plane.at(i), plane.at(j));
                let (row, column) = (r == s, c == d);
                a == b && if alternate { [row, column][h as usize % 2] } else { row || column }
            })
        }
        "swin" => {
            let (plane, window, shifted) = (Plane::of(case), int("window"), on("shifted"));
            let same =
                move |length, x, y| swin_axis(length, window, shifted, x) == swin_axis(length, window, shifted, y);
            Box::new(move |_, i, j| {
                let ([a, r, c], [b, s, d]) = (plane.at(i), plane.at(j));
                a == b && same(plane.height, r, s) && same(plane.width, c, d)
            })
        }
        "natten-2d" => {
            let (plane, kernel) = (Plane::of(case), int("kernel"));
            // The `kernel` pixels in a line that lie nearest to the query, or the whole line where it is shorter.
            let near = move |length: i64, x: i64, y: i64| {
                let first = (x - kernel / 2).min(length - kernel).max(0);
                (first..first + kernel).contains(&y)
            };
            Box::new(move |_, i, j| {
                let ([a, r, c], [b, s, d]) = (plane.at(i), plane.at(j));
                a == b && near(plane.height, r, s) && near(plane.width, c, d)
            })
        }
        "tree" => {
            let (prefix, branches) = (int("prefix"), int("branches"));
            Box::new(move |_, i, j| {
                let mut token = i;
                while token > j {
                    token = if token < prefix {
                        token - 1
                    } else {
                        // Level by level: the drafts of token t come after those of every earlier one; the prefix's end is number 0.
                        match (token - prefix) / branches {
                            0 => prefix - 1,
                            parent => prefix + parent - 1,
                        }
                    };
                }
                token == j
            })
        }
        "block-diffusion" => {
            let (block, half) = (int("block"), n_k / 2);
            Box::new(move |_, i, j| {
                let (clean_i, clean_j) = (i >= half, j >= half);
                let (row, column) = ((i - i64::from(clean_i) * half) / block, (j - i64::from(clean_j) * half) / block);
                let diagonal = !clean_i && !clean_j && row == column;
                let offset_causal = !clean_i && clean_j && row > column;
                let causal = clean_i && clean_j && row >= column;
                diagonal || offset_causal || causal
            })
        }
        "cross-modal" => {
            let (first, quadrants) = (int("first"), [[on("aa"), on("ab")], [on("ba"), on("bb")]]);
            Box::new(move |_, i, j| quadrants[usize::from(i >= first)][usize::from(j >= first)])
        }
        "image-interval" => {
            let (visual, n_q) = (int("visual"), case.place.n_q as i64);
            let images = (n_k + visual - 1) / visual;
            Box::new(move |_, i, j| {
                // The image that stands last at or before the word.
                let last = (0..images).filter(|image| image * n_q / images <= i).max();
                last == Some(j / visual)
            })
        }
        _ => return None,
    })
}

/// Rows and columns of images, one after the other.
#[derive(Clone, Copy)]
struct Plane {
    height: i64,
    width: i64,
}

impl Plane {
    fn of(case: &Case) -> Self {
        Self { height: case.int("height"), width: case.int("width") }
    }

    /// Image, row and column of a token.
    fn at(self, token: i64) -> [i64; 3] {
        let inside = token % (self.height * self.width);
        [token / (self.height * self.width), inside / self.width, inside % self.width]
    }
}

/// Window and region of a coordinate as the authors' code finds them: pad to whole windows, roll by half a window, number what the roll has
/// brought together.
fn swin_axis(length: i64, window: i64, shifted: bool, x: i64) -> (i64, i64) {
    let shift = if shifted { window / 2 } else { 0 };
    let padded = (length + window - 1) / window * window;
    let rolled = (x - shift).rem_euclid(padded);
    let region = i64::from(rolled >= padded - window) + i64::from(shift > 0 && rolled >= padded - shift);
    (rolled / window, region)
}

/// Whether a throw of the formulas' die falls below the density: two rounds of xor-shift and multiply for each number.
fn kept(density: f64, numbers: [u32; 4]) -> bool {
    f64::from(die(&numbers)) < (density as f32 * 16_777_216.0).into()
}

fn die(numbers: &[u32]) -> u32 {
    let mut state = 0x9e37_79b9_u32;
    for number in numbers {
        state ^= number;
        state = (state ^ state >> 16).wrapping_mul(0x7feb_352d);
        state = (state ^ state >> 15).wrapping_mul(0x846c_a68b);
        state ^= state >> 16;
    }
    state >> 8
}

#[test]
fn the_die_is_the_one_of_the_language() {
    assert_eq!((die(&[0]), die(&[1, 2, 3]), die(&[1, 2, 3, 4])), (130_277, 10_943_968, 9_374_628));
}
