//! Switches where libraries differ.

use serde::{Deserialize, Serialize};

use crate::catalogue::Text;

/// The switches. Each default is what the page opens with; who does what is in [`CONVENTIONS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Conventions {
    /// Where the causal diagonal lies when there are more keys than queries.
    pub causal: CausalAlignment,
    /// Whether a window of W spans W or W + 1 keys.
    pub window: WindowEdge,
    /// Whether a window looks back only, where its mask does not say (parameter `two_sided`).
    pub sides: WindowSides,
    /// Whether the softcap comes before or after the biases.
    pub softcap: SoftcapOrder,
    /// Which places of a head form a rotary pair.
    pub rope: RopePairs,
    /// What ALiBi counts, where the scheme does not say (parameter `signed`).
    pub alibi: AlibiDistance,
}

impl Conventions {
    /// Whether the switch of this name, a parameter of a mask or of a position scheme, is on where it is not given.
    pub fn switches_on(&self, name: &str) -> bool {
        match name {
            "inclusive" => self.window == WindowEdge::Inclusive,
            "two_sided" => self.sides == WindowSides::TwoSided,
            "signed" => self.alibi == AlibiDistance::Signed,
            _ => false,
        }
    }
}

/// The two sides of a switch; the first is the default.
macro_rules! sides {
    ($(#[$doc:meta])+ $name:ident { $(#[$first_doc:meta])+ $first:ident, $(#[$second_doc:meta])+ $second:ident }) => {
        $(#[$doc])+
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $(#[$first_doc])+
            #[default]
            $first,
            $(#[$second_doc])+
            $second,
        }

        impl From<bool> for $name {
            /// The second side where it is true.
            fn from(second: bool) -> Self {
                if second { Self::$second } else { Self::$first }
            }
        }
    };
}

sides! {
    /// Where the causal diagonal lies.
    CausalAlignment {
        /// Query 0 sees key 0.
        TopLeft,
        /// The last query sees the last key.
        BottomRight
    }
}

sides! {
    /// How many keys a window of W spans.
    WindowEdge {
        /// `q - k < W`: W keys.
        Exclusive,
        /// `q - k <= W`: W + 1 keys.
        Inclusive
    }
}

sides! {
    /// Which way a window looks.
    WindowSides {
        /// Back only.
        OneSided,
        /// Back and ahead.
        TwoSided
    }
}

sides! {
    /// Where the softcap stands.
    SoftcapOrder {
        /// Cap, then biases.
        BeforeBias,
        /// Biases, then cap.
        AfterBias
    }
}

sides! {
    /// Which places of a head form a rotary pair.
    RopePairs {
        /// (i, i + d/2).
        Halves,
        /// (2i, 2i + 1).
        Interleaved
    }
}

sides! {
    /// Which distance ALiBi counts.
    AlibiDistance {
        /// Its magnitude: later keys lose as earlier ones do.
        Absolute,
        /// With its sign: later keys gain.
        Signed
    }
}

/// A switch as it is told: what it decides, and who stands on which side.
#[derive(Clone, Copy, Debug)]
pub struct Convention {
    /// Its field in [`Conventions`].
    pub field: &'static str,
    /// What it decides.
    pub label: Text,
    /// The sides, the default first, with the libraries and papers that stand there.
    pub sides: [(Text, &'static str); 2],
    /// The parameter by which a mask or a position scheme says it for itself, whatever the convention.
    pub param: Option<&'static str>,
    /// Whether the second side is chosen.
    pub second: fn(&Conventions) -> bool,
    /// Chooses the second side, or the first.
    pub choose: fn(&mut Conventions, bool),
}

/// Every switch, in the order of the page.
pub const CONVENTIONS: [Convention; 6] = [
    Convention {
        field: "causal",
        label: Text::new("Causal diagonal, more keys than queries", "因果对角线（键多于查询时）"),
        sides: [
            (Text::new("top left", "左上对齐"), "PyTorch is_causal, ONNX without a cache"),
            (Text::new("bottom right", "右下对齐"), "FlashAttention ≥ 2.1"),
        ],
        param: None,
        second: |c| c.causal == CausalAlignment::BottomRight,
        choose: |c, second| c.causal = second.into(),
    },
    Convention {
        field: "window",
        label: Text::new("A window of W spans", "窗口 W 包含"),
        sides: [
            (Text::new("W keys", "W 个键"), "Mistral"),
            (Text::new("W + 1 keys", "W + 1 个键"), "ONNX, attention-gym"),
        ],
        param: None,
        second: |c| c.window == WindowEdge::Inclusive,
        choose: |c, second| c.window = second.into(),
    },
    Convention {
        field: "sides",
        label: Text::new("A window looks", "窗口的方向"),
        sides: [
            (Text::new("back only", "只向前看"), "Mistral, attention-gym"),
            (Text::new("both ways", "双向"), "JAX local_window_size=W, Longformer"),
        ],
        param: Some("two_sided"),
        second: |c| c.sides == WindowSides::TwoSided,
        choose: |c, second| c.sides = second.into(),
    },
    Convention {
        field: "softcap",
        label: Text::new("The softcap comes", "软上限位于"),
        sides: [
            (Text::new("before the biases", "偏置之前"), "ONNX"),
            (Text::new("after the biases", "偏置之后"), "Gemma 4 (audio)"),
        ],
        param: None,
        second: |c| c.softcap == SoftcapOrder::AfterBias,
        choose: |c, second| c.softcap = second.into(),
    },
    Convention {
        field: "rope",
        label: Text::new("Rotary pairs", "旋转对"),
        sides: [
            (Text::new("halves", "前后两半"), "Llama (Hugging Face), GPT-NeoX"),
            (Text::new("interleaved", "相邻交错"), "RoFormer, GPT-J"),
        ],
        param: None,
        second: |c| c.rope == RopePairs::Interleaved,
        choose: |c, second| c.rope = second.into(),
    },
    // Without a causal mask the two differ: keys after the query gain, or lose, by their distance.
    Convention {
        field: "alibi",
        label: Text::new("ALiBi counts distance", "ALiBi 的距离"),
        sides: [
            (Text::new("absolute", "绝对值"), "ALiBi (paper, causal), x-transformers"),
            (Text::new("signed", "带符号"), "attention-gym"),
        ],
        param: Some("signed"),
        second: |c| c.alibi == AlibiDistance::Signed,
        choose: |c, second| c.alibi = second.into(),
    },
];

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn every_switch_is_listed_and_switches_its_own_field() {
        let usual = serde_json::to_value(Conventions::default()).unwrap();
        let fields: Vec<&str> = usual.as_object().unwrap().keys().map(String::as_str).collect();
        let mut listed: Vec<&str> = CONVENTIONS.iter().map(|one| one.field).collect();
        listed.sort_unstable();
        assert_eq!(listed, fields);
        for one in CONVENTIONS {
            let mut now = Conventions::default();
            assert!(!(one.second)(&now), "{}: the default is the first side", one.field);
            (one.choose)(&mut now, true);
            assert!((one.second)(&now), "{}", one.field);
            let changed = serde_json::to_value(now).unwrap();
            let differ: Vec<&str> = fields.iter().copied().filter(|field| changed[field] != usual[field]).collect();
            assert_eq!(differ, [one.field]);
            assert!(one.param.is_none_or(|param| now.switches_on(param)), "{}", one.field);
            assert!(one.sides.iter().all(|(_, who)| !who.is_empty()), "{}", one.field);
        }
    }
}
