//! Which heads and tokens are taken, and what keeps them from being Q, K and V.

use super::super::Words;
use super::super::error::words;
use super::{Extents, Most};

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
