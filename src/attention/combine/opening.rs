//! Which formulas of an experiment can become the user's own, and why the others can't.

use super::own::{own_joined, own_mask, own_mix, own_position, own_probability, own_softcap};
use crate::attention::dims::Dims;
use crate::catalogue::{self, List, Slot, Text};
use crate::experiment::{Experiment, Message};

/// A formula of an experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// That of the chosen entry of a list; of a mask, with all that is joined with it.
    Chosen(List),
    /// That of the pattern of this place among those joined with the mask.
    Joined(usize),
    /// The softcap.
    Softcap,
}

impl Opening {
    /// Whether there is a formula that can become the user's own, or why not; none where nothing is there, or it is the user's own already.
    pub fn state(self, e: &Experiment) -> Option<Result<(), Text>> {
        match self {
            Self::Chosen(List::Mask) if !e.combine.is_empty() => Some(Ok(())),
            Self::Chosen(list) => opens(list, e.chosen(list)),
            Self::Joined(at) => e.combine.get(at).and_then(|layer| opens(List::Mask, &layer.id)),
            Self::Softcap => (e.softcap != 0.0).then_some(Ok(())),
        }
    }

    /// The experiment with that formula as one of the user's own. What is computed stays the same.
    ///
    /// # Errors
    /// Why it can't be said so.
    pub fn open(self, e: &Experiment, dims: Dims) -> Result<Experiment, Message> {
        match self {
            Self::Joined(at) => own_joined(e, dims, at),
            Self::Softcap => own_softcap(e, dims),
            Self::Chosen(List::Mask) => own_mask(e, dims),
            Self::Chosen(List::Position) => own_position(e, dims),
            Self::Chosen(List::Probability) => Ok(own_probability(e)),
            Self::Chosen(List::Mix) => own_mix(e, dims),
            Self::Chosen(list) => Err(opens(list, e.chosen(list)).and_then(Result::err).unwrap_or(NOTHING).into()),
        }
    }
}

/// Where no formula is there.
pub(super) const NOTHING: Text = Text::new("There is no formula here.", "这里没有公式。");

/// Whether the formula of an entry can become the user's own: a formula of the language says of one pair whether it is allowed, what its score or what its
/// weight is. None for what is no entry, and for entries that do nothing.
pub fn opens(list: List, id: &str) -> Option<Result<(), Text>> {
    let closed = |en, zh| Some(Err(Text::new(en, zh)));
    match list {
        List::Mask => catalogue::mask(id).map(|_| Ok(())),
        List::Probability => catalogue::probability(id).map(|_| Ok(())),
        List::Mix => match catalogue::mix(id)? {
            mix if mix.bare => closed(
                "It decides whether the layer has positions at all, which no formula of a mask or a score says: it can't be opened.",
                "它决定该层是否有位置信息，这不是掩码或分数公式能表达的，因此不能展开编辑。",
            ),
            _ => Some(Ok(())),
        },
        List::Position => match catalogue::position(id)?.slot {
            Slot::Nothing => None,
            Slot::Score { .. } => Some(Ok(())),
            Slot::Sinusoidal | Slot::Learned => closed(
                "It adds vectors to Q and K before their product, and a formula changes one score after it: it can't be opened.",
                "它在求乘积之前给 Q、K 加上向量，而公式只能在之后修改单个分数，因此不能展开编辑。",
            ),
            Slot::Rotary(_) => closed(
                "It turns Q and K before their product, and a formula changes one score after it: it can't be opened.",
                "它在求乘积之前旋转 Q、K，而公式只能在之后修改单个分数，因此不能展开编辑。",
            ),
            Slot::Content(_) => closed(
                "It is computed from the numbers in Q and K, and a formula reads positions and tables only: it can't be opened.",
                "它由 Q、K 中的数值计算得到，而公式只能读取位置和表，因此不能展开编辑。",
            ),
        },
        List::Product => closed(
            "A product makes the score that formulas begin with, out of whole rows of Q and K: it can't be opened, but a score formula of your own may change what comes of it.",
            "乘积由 Q、K 的整行得出分数，公式从这个分数开始：它不能展开编辑，但可用自定义分数公式修改其结果。",
        ),
        List::Selection if id != "none" => closed(
            "It chooses keys by the numbers in Q and K, and a formula reads positions and tables only: it can't be opened.",
            "它按 Q、K 中的数值选择键，而公式只能读取位置和表，因此不能展开编辑。",
        ),
        List::Hybrid if id != "none" => closed(
            "It adds up two attentions, and a formula is about one pair of one of them: it can't be opened.",
            "它把两个注意力相加，而公式只针对其中一个的单个位置对，因此不能展开编辑。",
        ),
        List::Layout if id != "plain" => closed(
            "It says what becomes of whole heads, and a formula is about one pair: it can't be opened.",
            "它规定整个头如何处理，而公式只针对单个位置对，因此不能展开编辑。",
        ),
        List::Normaliser => closed(
            "A normaliser is an operation of the engines on a row of scores, and a formula is about one pair: it can't be opened, but formulas of your own may change the score before it and the weight after it.",
            "归一化是计算引擎对一行分数的运算，而公式只针对单个位置对：它不能展开编辑，但可用自定义公式修改之前的分数和之后的权重。",
        ),
        List::Stream => closed(
            "It sets the mask between two streams, and whose matrices stream B has. The formula of that mask opens where the mask is.",
            "它设定两个流之间的掩码，以及流 B 使用谁的矩阵。该掩码的公式可在掩码处展开编辑。",
        ),
        List::Estimator if id != "none" => closed(
            "It gives an output without a score or a weight of any pair, which formulas are about: it can't be opened.",
            "它直接给出输出，没有公式所针对的单个位置对的分数或权重，因此不能展开编辑。",
        ),
        _ => None,
    }
}

/// Why the mask of a second branch is not opened where it stands.
pub const BRANCH: Text = Text::new(
    "Branch B is an entry of the catalogue as it is; to edit its formula, choose it as the mask.",
    "分支 B 直接使用目录条目；若要编辑其公式，请将它选为掩码。",
);
