//! Which part of three arrays is Q, K and V: what each axis is, how many heads lie in an axis that holds them side by side, and which heads and tokens
//! are taken.

use super::array::Array;
use super::error::words;
use super::pace::Pace;
use super::{InterchangeError, Place, Words};

/// Numbers taken between two rests.
const STEP: usize = 1 << 15;

/// What an axis counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Sequences, of which one is taken.
    Batch,
    /// Heads.
    Head,
    /// Tokens.
    Length,
    /// Numbers of one head.
    Size,
    /// Numbers of all heads, head after head: `heads · size`.
    Merged,
}

impl Axis {
    /// In the order in which they are offered.
    pub const ALL: [Self; 5] = [Self::Batch, Self::Head, Self::Length, Self::Size, Self::Merged];

    /// Its word, for a control's value and in snippets.
    pub fn id(self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::Head => "heads",
            Self::Length => "length",
            Self::Size => "size",
            Self::Merged => "heads*size",
        }
    }
}

/// The largest of each that can be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Most {
    /// Heads.
    pub heads: usize,
    /// Tokens.
    pub tokens: usize,
    /// Numbers of a head.
    pub size: usize,
    /// Numbers of Q, K and V together.
    pub numbers: usize,
}

/// How an array is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// What each axis is, outermost first.
    pub axes: Vec<Axis>,
    /// Heads in a merged axis.
    pub split: usize,
}

/// Extents of an array as it is read: sequences, heads, tokens, numbers of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extents {
    /// Sequences.
    pub batch: usize,
    /// Heads.
    pub heads: usize,
    /// Tokens.
    pub length: usize,
    /// Numbers of a head.
    pub size: usize,
}

impl View {
    /// What the axes most likely are. Projections come as `[batch, length, heads · size]`, heads as `[batch, heads, length, size]`, and more heads than
    /// an experiment can have are tokens.
    pub fn guess(shape: &[usize], most: &Most) -> Self {
        use Axis::{Batch, Head, Length, Merged, Size};
        let axes = match *shape {
            [_, width] if width > most.size => vec![Length, Merged],
            [_, _] => vec![Length, Size],
            [_, _, width] if width > most.size => vec![Batch, Length, Merged],
            [1, _, _] => vec![Batch, Length, Size],
            [a, b, _] if a > most.heads && b <= most.heads => vec![Length, Head, Size],
            [_, _, _] => vec![Head, Length, Size],
            [_, a, b, _] if a > most.heads && b <= most.heads => vec![Batch, Length, Head, Size],
            [_, _, _, _] => vec![Batch, Head, Length, Size],
            _ => vec![Batch; shape.len()],
        };
        let width = axes.iter().zip(shape).find(|(axis, _)| **axis == Merged).map(|(_, width)| *width);
        // Heads of 64 numbers are by far the most common, then of 128.
        let split = width.and_then(|width| {
            [64, 128, 32, 96, 80]
                .into_iter()
                .filter(|size| width % size == 0)
                .map(|size| width / size)
                .find(|n| *n <= most.heads)
        });
        Self { axes, split: split.unwrap_or(1) }
    }

    /// The extents of an array of this shape.
    ///
    /// # Errors
    /// What the axes lack, name twice, or can't be split into.
    pub fn extents(&self, shape: &[usize]) -> Result<Extents, Words> {
        let count = |axis: Axis| self.axes.iter().filter(|other| **other == axis).count();
        let extent =
            |axis: Axis| self.axes.iter().zip(shape).find(|(other, _)| **other == axis).map(|(_, extent)| *extent);
        if self.axes.len() != shape.len() || !(2..=4).contains(&shape.len()) {
            let rank = shape.len();
            return Err(words!(
                "{rank} extents; arrays of 2 to 4 can be taken",
                "{rank} 个维度；只能使用 2 到 4 维的数组"
            ));
        }
        if let Some(twice) = Axis::ALL.into_iter().find(|axis| count(*axis) > 1) {
            let name = twice.id();
            return Err(words!("two axes are “{name}”", "有两个轴都是“{name}”"));
        }
        let length = extent(Axis::Length).ok_or_else(|| words!("no axis is the length", "没有轴是 length"))?;
        let (heads, size) = match (extent(Axis::Head), extent(Axis::Size), extent(Axis::Merged)) {
            (heads, Some(size), None) => (heads.unwrap_or(1), size),
            (None, None, Some(width)) => {
                let split = self.split;
                if split == 0 || !width.is_multiple_of(split) {
                    return Err(words!(
                        "{width} numbers can't be split into {split} heads",
                        "{width} 个数无法分成 {split} 个头"
                    ));
                }
                (split, width / split)
            }
            (_, None, None) => return Err(words!("no axis is the size of a head", "没有轴是 size")),
            _ => {
                return Err(words!(
                    "“heads*size” holds heads and size: no other axis can be either",
                    "“heads*size” 已包含头与大小，其他轴不能再是 heads 或 size"
                ));
            }
        };
        let batch = extent(Axis::Batch).unwrap_or(1);
        if [batch, heads, length, size].contains(&0) {
            return Err(words!("an extent is 0: there are no numbers in it", "有一个维度为 0：其中没有数值"));
        }
        Ok(Extents { batch, heads, length, size })
    }

    /// Distances in the array between sequences, heads, tokens and numbers.
    fn strides(&self, array: &Array) -> [usize; 4] {
        let strides = array.strides();
        let of = |axis: Axis| self.axes.iter().zip(&strides).find(|(other, _)| **other == axis).map(|(_, s)| *s);
        let merged = of(Axis::Merged);
        let size = merged.or(of(Axis::Size)).unwrap_or(0);
        let heads = match merged {
            Some(stride) => self
                .axes
                .iter()
                .zip(array.shape())
                .find(|(axis, _)| **axis == Axis::Merged)
                .map_or(0, |(_, width)| stride * (width / self.split.max(1))),
            None => of(Axis::Head).unwrap_or(0),
        };
        [of(Axis::Batch).unwrap_or(0), heads, of(Axis::Length).unwrap_or(0), size]
    }

    /// Rows `[heads, tokens, size]` of a part of an array, head after head. At most as many as the array has are taken.
    ///
    /// # Errors
    /// As [`Self::extents`]; a number that is not finite, with its head, token and place.
    pub async fn take(
        &self,
        array: &Array<'_>,
        part: &Part,
        pace: &impl Pace,
    ) -> Result<Vec<Vec<f32>>, InterchangeError> {
        let wrong = |problem| InterchangeError::invalid(Place::File, problem);
        let all = self.extents(array.shape()).map_err(wrong)?;
        let [batch, head, token, number] = self.strides(array);
        let [heads, tokens] = [within(part.heads, all.heads), within(part.tokens, all.length)];
        let from = part.batch.min(all.batch - 1) * batch;
        let (mut rows, mut since) = (Vec::new(), 0);
        for h in heads[0]..heads[1] {
            for t in tokens[0]..tokens[1] {
                let at = from + h * head + t * token;
                let row: Vec<f32> = (0..all.size).map(|c| array.get(at + c * number)).collect();
                if let Some(c) = row.iter().position(|x| !x.is_finite()) {
                    let (h, t, value, column) = (h + 1, t + 1, row[c], c + 1);
                    return Err(wrong(words!(
                        "head {h}, row {t}, column {column} is {value}: numbers must be finite",
                        "第 {h} 个头第 {t} 行第 {column} 列为 {value}：必须是有限数"
                    )));
                }
                since += row.len();
                rows.push(row);
                if since > STEP {
                    since = 0;
                    pace.rest().await;
                }
            }
        }
        Ok(rows)
    }
}

fn within([from, to]: [usize; 2], n: usize) -> [usize; 2] {
    [from.min(n), to.min(n).max(from.min(n))]
}

/// The part of an array that is taken. Ends are exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which sequence.
    pub batch: usize,
    /// Heads `from..to`.
    pub heads: [usize; 2],
    /// Tokens `from..to`.
    pub tokens: [usize; 2],
}

/// What of all three arrays is taken. Heads are those of K and V: where Q has several for each, those that read them come along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Which sequence.
    pub batch: usize,
    /// Heads of K and V.
    pub heads: [usize; 2],
    /// Queries.
    pub queries: [usize; 2],
    /// Keys and values.
    pub keys: [usize; 2],
}

impl Slice {
    /// As much from the beginning as can be taken.
    pub fn guess(q: &Extents, k: &Extents, v: &Extents, most: &Most) -> Self {
        let group = q.heads.checked_div(k.heads).unwrap_or(1).max(1);
        let mut heads = k.heads.min((most.heads / group).max(1));
        let (mut queries, mut keys) = (q.length.min(most.tokens), k.length.min(most.tokens));
        let count = |heads: usize, queries: usize, keys: usize| {
            let of = |n: usize, rows: usize, size: usize| n.saturating_mul(rows).saturating_mul(size);
            of(heads * group, queries, q.size)
                .saturating_add(of(heads, keys, k.size))
                .saturating_add(of(heads, keys, v.size))
        };
        // Fewer tokens first: half of them is a text still, half of the heads is another layer.
        while count(heads, queries, keys) > most.numbers && queries.max(keys) > 64 {
            (queries, keys) = (queries.min(queries.max(keys) / 2), keys.min(queries.max(keys) / 2));
        }
        while count(heads, queries, keys) > most.numbers && heads > 1 {
            heads = heads.div_ceil(2);
        }
        Self { batch: 0, heads: [0, heads], queries: [0, queries], keys: [0, keys] }
    }

    /// The part of Q; K's and V's is that with a group of one.
    pub fn part_of_q(&self, group: usize) -> Part {
        Part { batch: self.batch, heads: self.heads.map(|h| h.saturating_mul(group)), tokens: self.queries }
    }

    /// The part of K and V.
    pub fn part_of_keys(&self) -> Part {
        Part { batch: self.batch, heads: self.heads, tokens: self.keys }
    }
}

/// Where a selection is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The array or the axes of Q.
    Q,
    /// Of K.
    K,
    /// Of V.
    V,
    /// The sequence.
    Batch,
    /// The heads taken.
    Heads,
    /// The queries taken.
    Queries,
    /// The keys taken.
    Keys,
}

/// Everything that keeps three arrays from becoming Q, K and V, each with the control at fault.
pub fn faults(q: &Extents, k: &Extents, v: &Extents, slice: &Slice, most: &Most) -> Vec<(Field, Words)> {
    let mut found = Vec::new();
    if q.size != k.size {
        let (a, b) = (q.size, k.size);
        found.push((
            Field::K,
            words!(
                "heads of K have {b} numbers and those of Q {a}: they must be equal",
                "K 每个头有 {b} 个数，Q 有 {a} 个：必须相等"
            ),
        ));
    }
    if k.length != v.length {
        let (a, b) = (k.length, v.length);
        found.push((
            Field::V,
            words!(
                "V has {b} tokens and K {a}: each key needs its value",
                "V 有 {b} 个词元，K 有 {a} 个：每个键都需要对应的值"
            ),
        ));
    }
    if k.heads != v.heads {
        let (a, b) = (k.heads, v.heads);
        found.push((
            Field::V,
            words!("V has {b} heads and K {a}: they must be equal", "V 有 {b} 个头，K 有 {a} 个：必须相等"),
        ));
    }
    if !q.heads.is_multiple_of(k.heads) {
        let (a, b) = (q.heads, k.heads);
        found.push((
            Field::K,
            words!(
                "{b} heads of K can't be shared evenly by {a} heads of Q",
                "K 的 {b} 个头无法由 Q 的 {a} 个头平均共用"
            ),
        ));
    }
    for (field, size) in [(Field::Q, q.size), (Field::V, v.size)] {
        let most = most.size;
        if size > most {
            found.push((
                field,
                words!(
                    "a head has {size} numbers; at most {most} can be shown: split it into heads",
                    "每个头有 {size} 个数，最多 {most} 个：请拆分为多个头"
                ),
            ));
        }
    }
    let least = q.batch.min(k.batch).min(v.batch);
    if slice.batch >= least {
        found.push((
            Field::Batch,
            words!("there are {least} sequences, counted from 0", "共有 {least} 个序列，从 0 开始计数"),
        ));
    }
    let group = q.heads.checked_div(k.heads).unwrap_or(1).max(1);
    let mut range = |field, [from, to]: [usize; 2], n: usize, each: usize, most: usize| {
        if from >= to || to > n {
            found.push((
                field,
                words!("must lie within 0 to {n}, the first below the last", "须在 0 到 {n} 之内，且起点小于终点"),
            ));
        } else if (to - from).saturating_mul(each) > most {
            let count = (to - from).saturating_mul(each);
            found.push((
                field,
                words!("{count} are too many; at most {most} can be taken", "{count} 过多，最多可取 {most}"),
            ));
        }
    };
    range(Field::Heads, slice.heads, k.heads, group, most.heads);
    range(Field::Queries, slice.queries, q.length, 1, most.tokens);
    range(Field::Keys, slice.keys, k.length.min(v.length), 1, most.tokens);
    if found.is_empty() {
        let span = |[from, to]: [usize; 2]| to - from;
        let (heads, queries, keys) = (span(slice.heads), span(slice.queries), span(slice.keys));
        let count = heads * group * queries * q.size + heads * keys * (k.size + v.size);
        let most = most.numbers;
        if count > most {
            found.push((
                Field::Queries,
                words!(
                    "Q, K and V would have {count} numbers, at most {most} can be taken: take fewer tokens or heads",
                    "Q、K、V 共有 {count} 个数，最多可取 {most} 个：请减少词元或头"
                ),
            ));
        }
    }
    found
}

/// Which of the arrays are Q, K and V, by their names; where names say nothing, in their order.
pub fn guess_names(names: &[String]) -> [Option<usize>; 3] {
    let mut taken = [None; 3];
    for (tensor, words) in
        [["q", "query", "queries"], ["k", "key", "keys"], ["v", "value", "values"]].iter().enumerate()
    {
        let score = |name: &String| {
            let name = name.to_lowercase();
            let mut parts = name.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
            let bare = |part: &str| {
                words.contains(&part)
                    || words
                        .iter()
                        .any(|w| part.strip_suffix("proj") == Some(w) || part.strip_suffix("states") == Some(w))
            };
            if words.contains(&name.as_str()) {
                3
            } else if parts.clone().next_back().is_some_and(bare) {
                2
            } else {
                usize::from(parts.any(bare))
            }
        };
        let best = names.iter().map(score).max().filter(|best| *best > 0);
        taken[tensor] = best.and_then(|best| names.iter().position(|name| score(name) == best));
    }
    if taken.iter().all(Option::is_none) {
        // One array is all three: every token attends by its own numbers.
        let last = names.len().checked_sub(1);
        return [0, 1, 2].map(|at: usize| last.map(|last| at.min(last)));
    }
    // What has no name is what the others leave, or K's.
    for tensor in [2, 0, 1] {
        if taken[tensor].is_none() {
            let free = (0..names.len()).find(|at| !taken.contains(&Some(*at)));
            taken[tensor] = free.or(taken[1]).or(taken[0]).or(taken[2]);
        }
    }
    taken
}

#[cfg(test)]
#[path = "select_tests.rs"]
mod tests;
