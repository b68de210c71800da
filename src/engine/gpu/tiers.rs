//! What the streaming kernel may use beyond the core of WebGPU, where somebody asks for it: subgroups and 16-bit numbers.
//!
//! Both are changes of the one text in `shaders/streaming.wgsl`, which stays as it is where nothing is asked for. Each change names the lines that it
//! takes the place of, and a test holds them to the text.
//!
//! Subgroups: the sixteen threads of a row follow each other. Of a device whose subgroups have at least 16 threads nothing of what they tell each other goes
//! through memory; with 8 or 4 the halves or quarters of a row do; below, the plain text is taken. Larger subgroups hold several rows, and nobody asks how
//! large they are: it is the least size of the device that counts, since a driver may choose a larger one for each kernel.
//!
//! 16 bits: Q, K and V are scaled by powers of two, so that the largest number of each lies where a product of four terms stays finite (64 · 64 · 4 and
//! 8192 · 1 · 4, of 65 504) and what a device flushes to zero is 2e-8 of the largest. Four products are summed in 16 bits, everything beyond in 32.

use super::edits::{BY_SUBGROUPS, IN_16_BITS, KEEP, edit};
use super::memory::bytes_of;
use super::shard::Shard;
use crate::experiment::{Message, Tiers, message};

/// What 16-bit staging makes outputs be off by at most, over the largest value and over 1 and the largest score together: what the note on a run says, and
/// what `tests/gpu_tiers.rs` holds it to.
pub const F16_PRECISION: f64 = 1e-3;

/// What a device offers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offers {
    /// The least number of threads of a subgroup; 0 without subgroups.
    pub subgroups: u32,
    /// 16-bit floats in kernels.
    pub f16: bool,
}

/// What the streaming kernel of a program is made with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Build {
    /// Threads of a row that surely are in one subgroup: 4, 8 or 16; 0 for the plain text.
    pub lanes: u32,
    /// 16-bit staging and products, where outputs are made by a running sum.
    pub f16: bool,
}

impl Build {
    /// What of `asked` a device can do, for a plan that keeps a running sum (`online`) or does not.
    pub fn of(asked: Tiers, offers: Offers, online: bool) -> Self {
        let lanes = match offers.subgroups {
            size if !asked.subgroups || size < 4 || !size.is_power_of_two() => 0,
            size => size.min(16),
        };
        Self { lanes, f16: asked.f16 && offers.f16 && online }
    }

    /// What asks for it, of a device that offers it.
    pub(super) fn asked(self) -> Tiers {
        Tiers { subgroups: self.lanes > 0, f16: self.f16 }
    }

    /// Whether it is the plain text.
    pub fn is_plain(self) -> bool {
        self == Self::default()
    }

    /// Directives that begin a kernel's text. Natively wgpu takes subgroups without one, and refuses it.
    pub(super) fn directives(self) -> String {
        let subgroups = self.lanes > 0 && cfg!(target_arch = "wasm32");
        let all = [(self.f16, "enable f16;\n"), (subgroups, "enable subgroups;\n")];
        all.iter().filter(|(holds, _)| *holds).map(|(_, line)| *line).collect()
    }

    /// The streaming kernel made of its plain text.
    pub(super) fn edited(self, plain: &str) -> String {
        let mut text = plain.to_owned();
        if self.f16 {
            text = edit(text, &IN_16_BITS);
        }
        if self.lanes > 0 {
            text = edit(text, &BY_SUBGROUPS);
            text += include_str!("shaders/subgroups.wgsl");
            for (name, join) in [("row_max", "max"), ("row_min", "min"), ("row_sum", "plus")] {
                let function = include_str!("shaders/subgroup_row.wgsl").replace("row_JOIN", name);
                text += &function.replace("JOIN", join);
            }
            text += KEEP;
        }
        text
    }

    /// What the user is told of a run that asked for more than nothing.
    pub(super) fn notes(self, asked: Tiers, offers: Offers, streams: bool) -> Vec<Message> {
        let mut notes = Vec::new();
        if !streams {
            if !asked.is_empty() {
                notes.push(message!(
                    "subgroups and 16-bit numbers are for the streaming algorithm alone: computed without them",
                    "子组与 16 位数仅用于流式算法：本次未使用",
                ));
            }
            return notes;
        }
        if asked.subgroups && self.lanes == 0 {
            notes.push(message!(
                "this GPU's driver offers no subgroups of 4 threads or more: computed without them",
                "此 GPU 的驱动程序不提供 4 个线程以上的子组：未使用子组计算",
            ));
        }
        if asked.f16 && !offers.f16 {
            notes.push(message!(
                "this GPU's driver offers no 16-bit floats: computed in 32 bits",
                "此 GPU 的驱动程序不提供 16 位浮点数：已用 32 位计算",
            ));
        } else if asked.f16 && !self.f16 {
            notes.push(message!(
                "these weights are not made by a running sum and may leave the range of 16-bit floats: computed in 32 bits",
                "这些权重不由滚动求和得到，可能超出 16 位浮点数的范围：已用 32 位计算",
            ));
        } else if self.f16 {
            notes.push(message!(
                "computed with 16-bit floats: outputs are off by up to {F16_PRECISION} of the largest value for scores near 0, and by more in proportion to the largest score",
                "使用 16 位浮点数计算：分数接近 0 时，输出的误差至多为最大值的 {F16_PRECISION}；误差随最大分数按比例增大",
            ));
        }
        notes
    }
}

/// The words of [`IN_16_BITS`] for tensors whose largest numbers these are: Q and K come to lie below 64, V below 1.
pub(super) fn factors([q, k, v]: [f32; 3]) -> [u32; 5] {
    // The power of two above a number; none of nothing.
    let above = |largest: f32| if largest > 0.0 { (largest.log2().floor() as i32 + 1).clamp(-100, 120) } else { 0 };
    let [q, k, v] = [6 - above(q), 6 - above(k), -above(v)];
    let power = |exponent: i32| f32::powi(2.0, exponent.clamp(-126, 127)).to_bits();
    [q, k, v, -q - k, -v - 13].map(power)
}

/// The largest numbers of Q, K and V as they were sent.
pub(super) fn largest(shards: &[Shard]) -> [f32; 3] {
    std::array::from_fn(|i| shards.iter().map(|shard| shard.largest[i]).fold(0.0, f32::max))
}

/// The words of factors behind those that formulas read.
pub(super) fn words(of_formulas: &[u32], build: Build, shards: &[Shard]) -> Vec<u8> {
    let mut words = of_formulas.to_vec();
    if build.f16 {
        words.extend(factors(largest(shards)));
    }
    bytes_of(&words, u32::to_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subgroups_are_used_by_the_least_size_and_not_where_they_are_too_small() {
        let both = Tiers { subgroups: true, f16: true };
        let lanes = |subgroups| Build::of(both, Offers { subgroups, f16: false }, true).lanes;
        assert_eq!([0, 1, 2, 3, 4, 6, 8, 16, 32, 64, 128].map(lanes), [0, 0, 0, 0, 4, 0, 8, 16, 16, 16, 16]);
        let offers = Offers { subgroups: 32, f16: true };
        assert!(Build::of(Tiers::default(), offers, true).is_plain());
        assert_eq!(Build::of(both, offers, true), Build { lanes: 16, f16: true });
        assert_eq!(Build::of(both, offers, false), Build { lanes: 16, f16: false });
    }

    #[test]
    fn factors_are_powers_of_two_that_leave_room_for_four_products() {
        for largest in [1.0e-38, 3.0e-5, 0.5, 0.999, 1.0, 1.5, 2.0, 63.9, 64.0, 65504.0, 1.0e30] {
            let [q, k, v, score, out] = factors([largest, 1.0, largest]).map(f32::from_bits);
            assert!(largest * q < 64.0 && largest * v < 1.0, "{largest}");
            // What is nothing beside anything may become nothing.
            let small = largest < 1.0e-29;
            assert!(small || largest * q >= 32.0 && largest * v >= 0.5, "{largest}");
            assert_eq!((k, q * k * score, v * 8192.0 * out), (32.0, 1.0, 1.0), "{largest}");
        }
        assert_eq!(factors([0.0; 3]).map(f32::from_bits), [64.0, 64.0, 1.0, 1.0 / 4096.0, 1.0 / 8192.0]);
    }

    #[test]
    fn what_is_not_done_as_asked_is_said_in_both_languages() {
        let both = Tiers { subgroups: true, f16: true };
        let none = Offers::default();
        let all = Offers { subgroups: 8, f16: true };
        let count = |asked, offers, online, streams| {
            let notes = Build::of(asked, offers, online).notes(asked, offers, streams);
            assert!(notes.iter().all(|note| !note.zh.is_ascii() && note.en.is_ascii()));
            notes.len()
        };
        assert_eq!(count(Tiers::default(), all, true, true), 0);
        assert_eq!(count(both, none, true, true), 2);
        assert_eq!(count(both, all, true, true), 1, "how exact it is");
        assert_eq!(count(both, all, false, true), 1);
        assert_eq!(count(both, all, true, false), 1);
        assert_eq!(count(Tiers { subgroups: true, f16: false }, all, true, true), 0);
    }
}
