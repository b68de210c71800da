//! What rules do to scores between the product and the softmax, where it is so little that it goes along with them: a softcap and a bias that lies in a table.

use super::gemm::{RowBlock, Step};
use super::lane::Tier;
use crate::formula::Entries;

/// One bias and one cap, either of which may be missing.
pub struct Change<'a> {
    /// Biases as bits, the place that of the block's first row; none for no bias.
    pub biases: Entries<'a, u32>,
    /// Bits of biases that are turned over: their sign, where they are subtracted.
    pub turned: u32,
    /// Whether the bias comes before the cap.
    pub first: bool,
    /// Limit of the scores.
    pub cap: Option<f32>,
}

/// Changes `panels` panels of keys from `k0` on in each row of `s`, the first of which is row `row` of the block. What lies past the last key may become anything.
pub fn change<T: Tier>(change: &Change, row: usize, k0: usize, panels: usize, s: &mut [RowBlock]) {
    let Entries { all, start, step } = change.biases;
    for (i, s) in s.iter_mut().enumerate() {
        let biases = all.get((start + k0).saturating_sub((row + i) * step)..).unwrap_or(&[]);
        let s = &mut s[..panels];
        let add = |s: &mut [Step]| {
            for (s, bias) in s.as_flattened_mut().iter_mut().zip(biases) {
                *s += f32::from_bits(bias ^ change.turned);
            }
        };
        if change.first {
            add(s);
        }
        if let Some(cap) = change.cap {
            super::cap::cap::<T>(s, cap);
        }
        if !change.first {
            add(s);
        }
    }
}
