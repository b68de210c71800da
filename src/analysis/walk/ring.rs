//! Blocks of keys that go round among devices, each of which holds a block of queries.

use std::ops::Range;

use super::part::{Part, cut};
use super::state::State;

/// What a device does in a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// The block of keys that has come.
    pub block: usize,
    /// Allowed pairs of it and the device's queries: with none, the device idles.
    pub pairs: usize,
    /// What each of the device's rows made of the block by itself.
    pub partial: Vec<State>,
    /// The factors of what was there and of what came, by row.
    pub factors: Vec<[f64; 2]>,
    /// The device's rows after the merge.
    pub rows: Vec<State>,
}

impl Turn {
    /// Whether the mask leaves nothing to do.
    pub fn is_idle(&self) -> bool {
        self.pairs == 0
    }
}

/// Liu et al. 2023, "Ring Attention with Blockwise Transformers for Near-Infinite Context": as many steps as devices. In each, every device merges the block of keys
/// and values that it holds into its rows, and hands it to the next device.
#[derive(Clone, Debug, PartialEq)]
pub struct Ring {
    /// Each device's queries, within the part.
    pub queries: Vec<Range<usize>>,
    /// Blocks of keys, within the part; a device begins with the block of its own number.
    pub keys: Vec<Range<usize>>,
    /// By step, and in it by device.
    pub steps: Vec<Vec<Turn>>,
    /// A row before the first step.
    pub start: State,
}

impl Ring {
    /// Over at least one device; more than there are queries or keys leave some with nothing.
    pub fn of(part: &Part, devices: usize) -> Self {
        let devices = devices.max(1);
        let (queries, keys) = (cut(part.queries.len(), devices), cut(part.keys.len(), devices));
        let mut rows: Vec<Vec<State>> = queries.iter().map(|queries| vec![part.start(); queries.len()]).collect();
        let mut steps = Vec::with_capacity(devices);
        for step in 0..devices {
            let turn = |(device, states): (usize, &mut Vec<State>)| {
                // Blocks move on by one device a step: its own comes first, then the one before it on the ring.
                let block = (device + devices - step) % devices;
                let of_row = |row: usize| {
                    // A sink belongs to the row and is in its state from the start.
                    let mut state = State::new(part.width, None);
                    part.feed(&mut state, row, keys[block].clone());
                    state
                };
                let partial: Vec<State> = queries[device].clone().map(of_row).collect();
                let factors = states.iter_mut().zip(&partial).map(|(state, own)| state.merge(own)).collect();
                let pairs = part.pairs(queries[device].clone(), keys[block].clone());
                Turn { block, pairs, partial, factors, rows: states.clone() }
            };
            steps.push(rows.iter_mut().enumerate().map(turn).collect());
        }
        Self { queries, keys, steps, start: part.start() }
    }

    /// The device that holds a row, and the row's place there.
    pub fn place(&self, row: usize) -> Option<(usize, usize)> {
        let device = self.queries.iter().position(|queries| queries.contains(&row))?;
        Some((device, row - self.queries[device].start))
    }

    /// A row after `step` steps.
    pub fn state(&self, step: usize, row: usize) -> &State {
        let at = self.place(row).zip(step.checked_sub(1));
        let done = at.and_then(|((device, row), step)| self.steps.get(step)?.get(device)?.rows.get(row));
        done.unwrap_or(&self.start)
    }

    /// Turns in which a device idles, and all turns.
    pub fn idle(&self) -> [usize; 2] {
        let turns = self.steps.iter().flatten();
        [turns.clone().filter(|turn| turn.is_idle()).count(), turns.count()]
    }

    /// Pairs that the busiest device has in each step, added: what all wait for; and the pairs of all devices, divided by their number.
    pub fn balance(&self) -> [f64; 2] {
        let waited: usize = self.steps.iter().map(|step| step.iter().map(|turn| turn.pairs).max().unwrap_or(0)).sum();
        let all: usize = self.steps.iter().flatten().map(|turn| turn.pairs).sum();
        [waited as f64, all as f64 / self.queries.len().max(1) as f64]
    }
}
