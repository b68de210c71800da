//! What memory gives this thread at most, while the other workers ask for theirs.

use super::now;
use crate::engine::cpu::Triad;

/// Milliseconds that are measured at least, after as long to warm up; and the shortest spell of passes that the clock tells.
const MS: f64 = 120.0;
const SPELL_MS: f64 = 10.0;

/// GB/s of the triad over arrays of `count` numbers each: the median of spells that follow each other, since workers that stop early leave the others more.
pub fn speed(count: usize) -> f64 {
    let mut triad = Triad::new(count);
    let (mut passes, mut turn) = (1_u32, 0_u32);
    let mut spell = |passes: u32| {
        let from = now();
        for _ in 0..passes {
            turn += 1;
            triad.pass(turn as f32);
        }
        now() - from
    };
    let from = now();
    while now() - from < MS {
        if spell(passes) < SPELL_MS {
            passes = passes.saturating_mul(2);
        }
    }
    let (from, mut spells) = (now(), Vec::new());
    while now() - from < MS || spells.len() < 3 {
        spells.push(spell(passes));
    }
    spells.sort_by(f64::total_cmp);
    let middle = spells[spells.len() / 2].max(f64::MIN_POSITIVE);
    let bytes = triad.bytes() * f64::from(passes);
    // Read, lest the passes are left out.
    if triad.probe().is_nan() { 0.0 } else { bytes / middle / 1e6 }
}
