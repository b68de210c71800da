//! Layouts of heads turned into the steps of a lowering and what is done to the output.

use std::sync::Arc;

use super::super::problem::Problem;
use super::change::mixes;
use super::gather::gather;
use super::{Finish, Lowering, Making, Step};
use crate::catalogue::{Change, End, LayoutEntry, Table};
use crate::formula::{Data, DataValues};

/// Adds what `entry` does to a problem. With `rooted`, the problem's scale has the root of the size of a head in it, and follows that size.
pub fn arrange(problem: &mut Problem, entry: &LayoutEntry, making: &mut Making, rooted: bool) {
    let before = problem.dims;
    gather(problem, &entry.content, making);
    let Making { params, seed, term, table } = making;
    let heads = before.q_heads;
    if rooted && entry.content.changes.contains(&Change::OneHead) {
        problem.scale = (f64::from(problem.scale) / (heads as f64).sqrt()) as f32;
    }
    let value = |name: &str| params.get(name).copied().unwrap_or(0.0);
    let diagonal = |gain: &dyn Fn(usize) -> f32| {
        let cell = |at: usize| if at / heads == at % heads { gain(at % heads) } else { 0.0 };
        Finish::MixHeads { mix: (0..heads * heads).map(cell).collect() }
    };
    let finish = match entry.end {
        End::Nothing => return,
        End::Talking => {
            let step =
                Step { kind: Change::TalkingHeads, params: (*params).clone(), seed: *seed, path: term.path.clone() };
            let [_, mix] = mixes(&step, heads);
            Finish::MixBlocks {
                mix: mix.into_iter().map(|x| x as f32).collect(),
                blocks: (0..heads).map(|h| before.kv_head(h)).collect(),
                size: before.d_v,
            }
        }
        End::Difference => {
            let lambda = value("lambda") as f32;
            // Row h is made of the first and the second head of its pair; a last head alone is itself.
            let cell = |at: usize| {
                let (h, g) = (at / heads, at % heads);
                let first = h - h % 2;
                match (first + 1 < heads, g) {
                    (_, g) if g == first => 1.0,
                    (true, g) if g == first + 1 => -lambda,
                    _ => 0.0,
                }
            };
            let mix = (0..heads * heads).map(cell).collect();
            Finish::MixBlocks { mix, blocks: (0..heads).map(|h| h % 2).collect(), size: before.d_v }
        }
        End::Prune => diagonal(&|h| if h == value("head") as usize { 0.0 } else { 1.0 }),
        End::Gains => {
            // A table that does not fit is an issue already.
            let Some(data) = entry.tables.first().and_then(table) else { return };
            let DataValues::Float(gains) = &data.values else { return };
            diagonal(&|h| gains.get(h).copied().unwrap_or(1.0))
        }
        End::Gate => Finish::Gate { values: Vec::new() },
        End::Hold => {
            let [period, phase] = entry.tables else { return };
            let whole = |table: &Table, of: &mut dyn FnMut(&Table) -> Option<_>| match of(table)
                .map(|data: Arc<Data>| data.values.clone())
            {
                Some(DataValues::Int(values)) => values,
                // A table that does not fit is an issue already.
                _ => Vec::new(),
            };
            let (periods, phases) = (whole(period, table), whole(phase, table));
            let ticks = |at: usize| {
                let (row, q) = (at / before.n_q, at % before.n_q);
                let (batch, head) = (row / heads, row % heads);
                let offset = problem.offset.get(batch % problem.offset.len().max(1)).copied().unwrap_or(0);
                let period = periods.get(head).copied().unwrap_or(1).max(1);
                let since = (q as i32 + offset - phases.get(head).copied().unwrap_or(0)).rem_euclid(period) as usize;
                row * before.n_q + q.checked_sub(since).unwrap_or(q)
            };
            Finish::Hold { from: (0..before.rows()).map(ticks).collect() }
        }
    };
    let lowering = problem.lowering.get_or_insert_with(|| Box::new(Lowering::new(before)));
    lowering.finish.push(finish);
}
