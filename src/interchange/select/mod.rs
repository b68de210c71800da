//! Which part of three arrays is Q, K and V: what each axis is, how many heads lie in an axis that holds them side by side, and which heads and tokens
//! are taken.

mod names;
mod slice;

pub use names::guess_names;
pub use slice::{Field, Part, Slice, faults};

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

#[cfg(test)]
mod tests;
