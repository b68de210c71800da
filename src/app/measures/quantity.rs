//! The measures of a row: names, units, and what they mean.

use crate::analysis::measures::{Measures, Settings, Summary};
use crate::analysis::plot::read;
use crate::catalogue::{Lang, Text};

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Entropy.
    Entropy,
    /// Entropy as a share of the most there could be.
    Evenness,
    /// Effective span.
    Span,
    /// Mean distance.
    Distance,
    /// Mass of the largest.
    Top,
    /// Mass of the first.
    Sink,
    /// Keys that hold most.
    Keys,
    /// Share of small weights.
    Small,
}

impl Quantity {
    /// In the order in which they are shown.
    pub const ALL: [Self; 8] =
        [Self::Entropy, Self::Evenness, Self::Span, Self::Distance, Self::Top, Self::Sink, Self::Keys, Self::Small];

    /// For lists.
    pub fn id(self) -> &'static str {
        match self {
            Self::Entropy => "entropy",
            Self::Evenness => "evenness",
            Self::Span => "span",
            Self::Distance => "distance",
            Self::Top => "top",
            Self::Sink => "sink",
            Self::Keys => "keys",
            Self::Small => "small",
        }
    }

    /// Its name.
    pub fn name(self) -> Text {
        match self {
            Self::Entropy => Text::new("entropy", "熵"),
            Self::Evenness => Text::new("share of the highest entropy", "熵占最大熵的比例"),
            Self::Span => Text::new("effective span", "有效跨度"),
            Self::Distance => Text::new("mean distance", "平均距离"),
            Self::Top => Text::new("top-k mass", "前 k 大权重之和"),
            Self::Sink => Text::new("sink mass", "注意力汇权重"),
            Self::Keys => Text::new("keys for 90 %", "占 90% 所需键数"),
            Self::Small => Text::new("small weights", "小权重占比"),
        }
    }

    /// In what it is counted.
    pub fn unit(self, lang: Lang) -> &'static str {
        let Text { en, zh } = match self {
            Self::Entropy => Text::new("nat", "奈特"),
            Self::Span | Self::Keys => Text::new("keys", "键"),
            Self::Distance => Text::new("tokens", "词元"),
            Self::Evenness | Self::Top | Self::Sink | Self::Small => Text::new("", ""),
        };
        if lang == Lang::En { en } else { zh }
    }

    /// What it means.
    pub fn about(self, lang: Lang, settings: &Settings) -> String {
        let Settings { top, sinks, small, .. } = *settings;
        let small = read(small * 100.0);
        let Text { en, zh } = match self {
            Self::Entropy => Text::new(
                "How spread out a query's weights are: 0 where it looks at one key only, ln n where it looks at n keys alike.",
                "一个查询的权重有多分散：只看一个键时为 0，均匀看 n 个键时为 ln n。",
            ),
            Self::Evenness => Text::new(
                "The entropy over ln of the keys that the mask allows: 1 where all of them weigh the same, however many they are.",
                "熵除以允许的键数的 ln：各键权重相同时为 1，与键数无关。",
            ),
            Self::Span => Text::new(
                "e to the power of the entropy: so many keys of equal weight would be as spread out.",
                "e 的熵次方：相当于均匀分布在多少个键上。",
            ),
            Self::Distance => Text::new(
                "How far from its own place a query looks, on average over its weights: low in heads that look at neighbours.",
                "按权重平均，查询离自身位置多远：只看邻近词元的头数值较低。",
            ),
            Self::Top => {
                return match lang {
                    Lang::En => format!(
                        "The part of the weights that the {top} largest hold together: near 1, all others could be left out."
                    ),
                    Lang::Zh => format!("最大的 {top} 个权重合计所占的份额：接近 1 时，其余的键可以略去。"),
                };
            }
            Self::Sink => {
                return match (lang, sinks) {
                    (Lang::En, 1) => {
                        "The weight of the first token, where many trained heads leave what they have no use for."
                            .to_owned()
                    }
                    (Lang::En, _) => format!(
                        "The weight of the first {sinks} tokens, where many trained heads leave what they have no use for."
                    ),
                    (Lang::Zh, _) => format!("前 {sinks} 个词元的权重：许多训练好的头把用不上的注意力放在这里。"),
                };
            }
            Self::Keys => Text::new(
                "The fewest keys that together hold nine tenths of a query's weight: what a sparse pattern would have to keep.",
                "合计占一个查询九成权重的最少键数：稀疏模式须保留这些键。",
            ),
            Self::Small => {
                return match lang {
                    Lang::En => format!(
                        "The part of the allowed keys that get less than {small} % each: how sparse the weights are already."
                    ),
                    Lang::Zh => format!("权重低于 {small}% 的键在允许的键中所占比例：反映权重本身的稀疏程度。"),
                };
            }
        };
        if lang == Lang::En { en } else { zh }.to_owned()
    }

    /// Of a row.
    pub fn of(self, m: &Measures) -> Option<f64> {
        match self {
            Self::Entropy => Some(m.entropy),
            Self::Evenness => m.evenness,
            Self::Span => Some(m.span),
            Self::Distance => Some(m.distance),
            Self::Top => Some(m.top),
            Self::Sink => Some(m.sink),
            Self::Keys => Some(m.keys as f64),
            Self::Small => Some(m.small),
        }
    }

    /// The mean of a head's rows; nothing where none has it.
    pub fn mean(self, s: &Summary) -> Option<f64> {
        if s.rows == 0 {
            return None;
        }
        match self {
            Self::Entropy => Some(s.entropy),
            Self::Evenness => s.evenness,
            Self::Span => Some(s.span),
            Self::Distance => Some(s.distance),
            Self::Top => Some(s.top),
            Self::Sink => Some(s.sink),
            Self::Keys => Some(s.keys),
            Self::Small => Some(s.small),
        }
    }
}
