//! What the essays say that no measurement here can settle, one by one.

use super::answer::Answers;
use super::ask::Ask;
use super::claim::{Claim, Essay, Opening, Source};
use super::finding::{Finding, Table, Verdict};
use super::settings::Settings;
use super::tools::word;
use crate::catalogue::{Lang, Paper, Text};

/// What is said, and what would settle it.
const SAID: [(Text, Text); 6] = [
    (
        Text::new("Attention generalises poorly.", "注意力的泛化能力差。"),
        Text::new(
            "Models of equal size and data, with attention and without, on data of another distribution, over several seeds.",
            "在另一分布的数据上，以多个随机种子比较规模与数据相同、有无注意力的模型。",
        ),
    ),
    (
        Text::new("Attention over-fits.", "注意力容易过拟合。"),
        Text::new(
            "Training and validation loss over the amount of data, against a model without attention that has as many parameters.",
            "以参数量相同的无注意力模型为对照，比较训练与验证损失随数据量的变化。",
        ),
    ),
    (
        Text::new("Attention trains slowly.", "注意力训练缓慢。"),
        Text::new(
            "Loss over operations and over seconds of training, each model with its own best learning rate.",
            "各模型取自身最优学习率，比较损失随训练运算量与训练时间的变化。",
        ),
    ),
    (
        Text::new("Attention needs much data.", "注意力需要大量数据。"),
        Text::new(
            "The error reached over the number of training examples, on a logarithmic axis, against a convolution and a recurrent network.",
            "以卷积网络和循环网络为对照，在对数坐标上比较所达误差与训练样本数的关系。",
        ),
    ),
    (
        Text::new("Several heads raise the accuracy of text classification.", "多头提高文本分类的准确率。"),
        Text::new(
            "Classifiers of one and of several heads with the same width, on named data sets, over enough seeds for an interval of the difference.",
            "在指定数据集上训练宽度相同的单头与多头分类器，随机种子足够多，以给出差异的区间。",
        ),
    ),
    (
        Text::new("A mask leads training into local minima.", "掩码使训练陷入局部极小。"),
        Text::new(
            "Training with and without the mask from many starts: the spread of final losses, and whether paths of low loss join them.",
            "从多个初始点在有无掩码下训练：最终损失的分散程度，以及低损失路径是否将它们相连。",
        ),
    ),
];

/// The claim.
pub const CLAIM: Claim = Claim {
    id: "needs-training",
    title: Text::new("What takes training", "需要训练才能判断的论断"),
    says: Text::new(
        "Attention generalises poorly, over-fits, trains slowly, needs much data, gains from many heads in tasks, and its mask leads into local minima.",
        "注意力泛化差、易过拟合、训练慢、需要大量数据、多头在任务上有增益、掩码使训练陷入局部极小。",
    ),
    essays: &[Essay::E0, Essay::E1, Essay::E3],
    setup: Text::new(
        "Nothing is run: each of these says what becomes of a model in training, and no model is trained on these pages.",
        "不运行任何内容：以上各条都涉及模型在训练中的表现，而本页不训练模型。",
    ),
    sliders: &[],
    rule,
    asks,
    judge,
    open,
    changes: Text::new("Training the models that the table names.", "训练表中所列的模型。"),
    limits: Text::new(
        "All of it. A kernel's output, its gradient and its time say nothing of what a trained model has learned.",
        "全部都不能。计算核的输出、梯度与用时都无法说明训练后的模型学到了什么。",
    ),
    literature: &[
        Source {
            says: Text::new(
                "Finds that images classified by attention alone need more data than by convolutions, and overtake them with enough of it.",
                "发现仅用注意力的图像分类需要比卷积更多的数据，而数据充足时则反超。",
            ),
            paper: Paper {
                title: "Dosovitskiy et al., An Image is Worth 16x16 Words",
                year: 2021,
                id: "arXiv:2010.11929",
            },
        },
        Source {
            says: Text::new(
                "Takes most heads out of trained models with little loss.",
                "从训练好的模型中去掉大部分头而损失很小。",
            ),
            paper: Paper {
                title: "Michel et al., Are Sixteen Heads Really Better than One?",
                year: 2019,
                id: "arXiv:1905.10650",
            },
        },
    ],
    measured: false,
};

fn rule(lang: Lang) -> String {
    word(
        lang,
        "There is none: what no measurement here can tell is not judged.",
        "没有规则：此处的测量无法判断的，不作结论。",
    )
    .to_owned()
}

fn asks(_: &Settings, _: &Answers) -> Vec<Ask> {
    Vec::new()
}

fn open(_: &Settings) -> Vec<Opening> {
    Vec::new()
}

fn judge(_: &Settings, _: &Answers, lang: Lang) -> Finding {
    let w = |en, zh| word(lang, en, zh);
    let mut table =
        Table::new(w("One by one", "逐条列出"), &[w("what is said", "论断"), w("what would settle it", "如何判定")]);
    for (said, settles) in SAID {
        table.row([said, settles].map(|text| text.get(lang).to_owned()));
    }
    Finding {
        verdict: Verdict::NotSettled,
        because: w(
            "Each of these needs a model to be trained, which these pages do not do.",
            "以上各条都需要训练模型，而本页不做训练。",
        )
        .to_owned(),
        tables: vec![table],
        ..Finding::default()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tests::Case;

    pub fn cases() -> Vec<Case> {
        Vec::new()
    }
}
