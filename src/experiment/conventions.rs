//! Switches where libraries differ.

use serde::{Deserialize, Serialize};

/// The switches. Each default is what the page opens with.
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

/// Where the causal diagonal lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CausalAlignment {
    /// Query 0 sees key 0 (PyTorch `is_causal`, ONNX without a cache).
    #[default]
    TopLeft,
    /// The last query sees the last key (FlashAttention from 2.1, decoding with a cache).
    BottomRight,
}

/// How many keys a window of W spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowEdge {
    /// `q - k < W`: W keys (Mistral).
    #[default]
    Exclusive,
    /// `q - k <= W`: W + 1 keys (ONNX, attention-gym).
    Inclusive,
}

/// Which way a window looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowSides {
    /// Back only (Mistral, attention-gym).
    #[default]
    OneSided,
    /// Back and ahead (JAX with one number, Longformer).
    TwoSided,
}

/// Which distance ALiBi counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlibiDistance {
    /// Its magnitude: later keys lose as earlier ones do (x-transformers).
    #[default]
    Absolute,
    /// With its sign: later keys gain (attention-gym).
    Signed,
}

/// Where the softcap stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SoftcapOrder {
    /// Cap, then biases (ONNX).
    #[default]
    BeforeBias,
    /// Biases, then cap.
    AfterBias,
}

/// Which places of a head form a rotary pair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RopePairs {
    /// (i, i + d/2) (Llama in Hugging Face, GPT-NeoX).
    #[default]
    Halves,
    /// (2i, 2i + 1) (the paper, GPT-J).
    Interleaved,
}
