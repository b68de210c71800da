//! Tables of masks: by token, by head, by block, by distance.

use super::super::entry::{Setting, Table, Text};
use super::{bools, floats, ints, mix};
use crate::formula::{Data, Ty};

/// `period[h]`, which the clock and its dial share.
pub const PERIOD: Table = Table {
    name: "period",
    ty: Ty::Int,
    rank: 1,
    index: "h",
    make: periods,
    editable: true,
    label: Text::new("period of each head", "每个头的周期"),
};

/// `doc[token]`: four documents of 3, 5, 2 and 6 sixteenths of the sequence.
pub fn documents(setting: &Setting) -> Data {
    let n = setting.tokens();
    ints(vec![n], (0..n).map(|token| [3, 8, 10].into_iter().filter(|end| token * 16 >= end * n).count()))
}

/// `valid[token]`: the last quarter of the sequence is padding.
pub fn valid(setting: &Setting) -> Data {
    let n = setting.tokens();
    bools(vec![n], (0..n).map(|token| token < n - n / 4).collect())
}

/// `marked[token]`: the first `tokens`.
pub fn marked(setting: &Setting) -> Data {
    let n = setting.tokens();
    bools(vec![n], (0..n).map(|token| token < setting.count("tokens", 0)).collect())
}

/// `vertical[h, k]`: the first key, and seeded others, `columns` in all for each head.
pub fn verticals(setting: &Setting) -> Data {
    lines(setting, "columns", 0)
}

/// `slash[h, distance]`: the query's own token, and seeded distances, `diagonals` in all for each head.
pub fn slashes(setting: &Setting) -> Data {
    lines(setting, "diagonals", 1)
}

/// Index 0 and seeded others, as many as the parameter `count` says; `salt` keeps columns and diagonals apart.
fn lines(setting: &Setting, count: &str, salt: usize) -> Data {
    let (heads, n) = (setting.heads.max(1), setting.tokens());
    let mut kept = vec![false; heads * n];
    for (h, row) in kept.chunks_exact_mut(n).enumerate() {
        let mut order: Vec<_> = (1..n).map(|i| (mix(setting.seed, [h, salt, i]), i)).collect();
        order.sort_unstable();
        let drawn = order.into_iter().map(|(_, i)| i);
        for i in std::iter::once(0).chain(drawn).take(setting.count(count, 1)) {
            row[i] = true;
        }
    }
    bools(vec![heads, n], kept)
}

/// `permutation[h, block]`: head `h` moves the blocks on by `h`, around the end; head 0 leaves them. The paper takes such shifts too, and gives
/// more heads to some than to others.
pub fn permutation(setting: &Setting) -> Data {
    let (heads, blocks) = (setting.heads.max(1), setting.count("blocks", 1));
    ints(vec![heads, blocks], (0..heads * blocks).map(|at| (at % blocks + at / blocks) % blocks))
}

/// `step[distance]`: 0, and the Fibonacci numbers times `spacing`, rounded.
pub fn fibonacci(setting: &Setting) -> Data {
    let n = setting.tokens();
    let mut step = vec![false; n];
    step[0] = true;
    let stretched = fibonacci_numbers().map(|number| (number as f64 * setting.param("spacing")).round() as usize);
    for distance in stretched.take_while(|&distance| distance < n) {
        step[distance] = true;
    }
    bools(vec![n], step)
}

/// Place of each token in depth-first order, and the place after its last descendant. The first `prefix` tokens are a chain; those after it are
/// drafts, numbered level by level, where the end of the chain and every draft have `branches` children.
fn tree(setting: &Setting) -> Vec<(usize, usize)> {
    let (n, prefix, branches) = (setting.tokens(), setting.count("prefix", 0), setting.count("branches", 1));
    // Without a prefix the first drafts have no parent.
    let parent = |token: usize| match token.checked_sub(prefix) {
        None => token.checked_sub(1),
        Some(draft) if draft < branches => prefix.checked_sub(1),
        Some(draft) => Some(prefix + draft / branches - 1),
    };
    let mut size = vec![1; n];
    for token in (0..n).rev() {
        if let Some(parent) = parent(token) {
            size[parent] += size[token];
        }
    }
    // Parents come before their children, so each child takes the next free places of its parent.
    let (mut places, mut next) = (Vec::<(usize, usize)>::with_capacity(n), vec![0; n]);
    let mut next_root = 0;
    for token in 0..n {
        let free = parent(token).map_or(&mut next_root, |parent| &mut next[parent]);
        let enter = *free;
        *free += size[token];
        next[token] = enter + 1;
        places.push((enter, enter + size[token]));
    }
    places
}

/// `enter[token]` of the tree.
pub fn tree_enter(setting: &Setting) -> Data {
    ints(vec![setting.tokens()], tree(setting).into_iter().map(|(enter, _)| enter))
}

/// `leave[token]` of the tree.
pub fn tree_leave(setting: &Setting) -> Data {
    ints(vec![setting.tokens()], tree(setting).into_iter().map(|(_, leave)| leave))
}

fn images(setting: &Setting) -> usize {
    setting.n_k.max(1).div_ceil(setting.count("visual", 1))
}

/// `shown[image]`: the images stand at equal distances in the text, the first at its start.
pub fn shown(setting: &Setting) -> Data {
    let images = images(setting);
    ints(vec![images], (0..images).map(|image| image * setting.n_q / images))
}

/// `hidden[image]`: where the next image stands; the last one is seen to the end.
pub fn hidden(setting: &Setting) -> Data {
    let images = images(setting);
    let next = (1..=images).map(|image| if image < images { image * setting.n_q / images } else { setting.tokens() });
    ints(vec![images], next)
}

/// `dilation[h]`: 1, and 2 in the last two heads of four or more (the paper dilates two heads of its upper layers).
pub fn head_dilation(setting: &Setting) -> Data {
    let heads = setting.heads.max(1);
    ints(vec![heads], (0..heads).map(|h| if heads >= 4 && h + 2 >= heads { 2 } else { 1 }))
}

/// Blocks along each side, from the parameter `block`.
fn grid(setting: &Setting) -> usize {
    setting.tokens().div_ceil(setting.count("block", 1))
}

/// `kept[h, block row, block column]` of BigBird: a window of blocks around the diagonal; global blocks at both ends (the first one, the
/// last one, the second, …), as columns and as rows; and `random` more per row and head, drawn among those not kept already.
pub fn bigbird(setting: &Setting) -> Data {
    let (heads, blocks) = (setting.heads.max(1), grid(setting));
    let half = (setting.count("window_blocks", 1) - 1) / 2;
    let (globals, random) = (setting.count("global_blocks", 0), setting.count("random", 0));
    let global = |block: usize| block < globals.div_ceil(2) || blocks - 1 - block < globals / 2;
    let mut kept = vec![false; heads * blocks * blocks];
    for (at, row) in kept.chunks_exact_mut(blocks).enumerate() {
        let (h, r) = (at / blocks, at % blocks);
        let mut free = Vec::new();
        for c in 0..blocks {
            row[c] = r.abs_diff(c) <= half || global(r) || global(c);
            if !row[c] {
                free.push((mix(setting.seed, [h, r, c]), c));
            }
        }
        free.sort_unstable();
        for (_, c) in free.into_iter().take(random) {
            row[c] = true;
        }
    }
    bools(vec![heads, blocks, blocks], kept)
}

/// `layout[h, block row, block column]`: a flat block butterfly; the numbers of row and column differ in at most one bit.
pub fn butterfly(setting: &Setting) -> Data {
    let (heads, blocks) = (setting.heads.max(1), grid(setting));
    let cells = (0..heads * blocks * blocks).map(|at| ((at / blocks % blocks) ^ (at % blocks)).count_ones() <= 1);
    bools(vec![heads, blocks, blocks], cells.collect())
}

/// 1, 2, 3, 5, 8, …
fn fibonacci_numbers() -> impl Iterator<Item = usize> {
    std::iter::successors(Some((1, 2)), |&(a, b)| Some((b, a + b))).map(|(a, _)| a)
}

/// `gain[h, distance]`: 1 on the head's distances, 0 elsewhere.
pub fn synapses(setting: &Setting) -> Data {
    let (heads, n) = (setting.heads.max(1), setting.tokens());
    let distances: Vec<usize> = match setting.count("preset", 0) {
        0 => std::iter::successors(Some(1), |d| Some(d * 2)).take_while(|&d| d < n).collect(),
        1 => fibonacci_numbers().take_while(|&d| d < n).collect(),
        _ => (2..n).filter(|d| (2..).take_while(|f| f * f <= *d).all(|f| d % f != 0)).collect(),
    };
    let mut gain = vec![0.0; heads * n];
    for (h, row) in gain.chunks_exact_mut(n).enumerate() {
        let stretch = 1.0 + h as f64 * setting.param("spread");
        let stretched = distances.iter().map(|&d| (d as f64 * stretch).round() as usize);
        for distance in [0, 1].into_iter().chain(stretched).filter(|&d| d < n) {
            row[distance] = 1.0;
        }
    }
    floats(vec![heads, n], gain)
}

/// `no_one[distance]`: no digit 1 in base 3.
pub fn cantor(setting: &Setting) -> Data {
    let no_one =
        |distance| std::iter::successors(Some(distance), |d| Some(d / 3)).take_while(|&d| d > 0).all(|d| d % 3 != 1);
    let n = setting.tokens();
    bools(vec![n], (0..n).map(no_one).collect())
}

/// Digits of a position in the base of the generator, and how many of them are in its lower half.
fn digits(setting: &Setting) -> (usize, usize, usize) {
    let base = setting.count("base", 2);
    let mut digits = 0;
    while base.pow(digits) < setting.tokens() {
        digits += 1;
    }
    (base, (digits / 2) as usize, digits.div_ceil(2) as usize)
}

/// The generator's Kronecker power of `digits` factors, row by row: entry `(r, c)` is kept when the generator keeps every pair of their digits.
fn kronecker(setting: &Setting, base: usize, digits: usize) -> Data {
    const CELLS: [[&str; 3]; 3] = [["g00", "g01", "g02"], ["g10", "g11", "g12"], ["g20", "g21", "g22"]];
    let side = base.pow(digits as u32);
    let kept = |r: usize, c: usize| {
        let digit = |x: usize, place: u32| x / base.pow(place) % base;
        (0..digits as u32).all(|place| setting.switch(CELLS[digit(r, place)][digit(c, place)]))
    };
    bools(vec![side, side], (0..side * side).map(|at| kept(at / side, at % side)).collect())
}

/// `coarse[high digits of q_pos, high digits of k]`.
pub fn fractal_coarse(setting: &Setting) -> Data {
    let (base, high, _) = digits(setting);
    kronecker(setting, base, high)
}

/// `fine[low digits of q_pos, low digits of k]`.
pub fn fractal_fine(setting: &Setting) -> Data {
    let (base, _, low) = digits(setting);
    kronecker(setting, base, low)
}

/// `side[0]`: where the low digits end.
pub fn fractal_side(setting: &Setting) -> Data {
    let (base, _, low) = digits(setting);
    ints(vec![1], [base.pow(low as u32)])
}

/// How many heads double their period before it starts again: a period far beyond the sequence would show nothing.
const OCTAVES: usize = 4;

fn period(setting: &Setting, h: usize) -> usize {
    setting.count("fastest", 1) << (h % OCTAVES)
}

/// `period[h]`: `fastest`, doubled from head to head, four times over.
pub fn periods(setting: &Setting) -> Data {
    let heads = setting.heads.max(1);
    ints(vec![heads], (0..heads).map(|h| period(setting, h)))
}

/// `phase[h]`: 0 in the first four heads; heads that share a period are a third of it apart.
pub fn phases(setting: &Setting) -> Data {
    let heads = setting.heads.max(1);
    ints(vec![heads], (0..heads).map(|h| (h / OCTAVES % 3 * period(setting, h)).div_ceil(3)))
}

/// `head_gain[h]`: 1.
pub fn ones_by_head(setting: &Setting) -> Data {
    let heads = setting.heads.max(1);
    floats(vec![heads], vec![1.0; heads])
}

/// Sinks: every head's logit is the parameter `logit`.
pub fn sink_logit(setting: &Setting) -> Data {
    let heads = setting.heads.max(1);
    floats(vec![heads], vec![setting.param("logit") as f32; heads])
}
