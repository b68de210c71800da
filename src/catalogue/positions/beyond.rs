//! What becomes of each scheme on texts longer than those it was trained on, in one sentence. Not part of the entries: the page's first view has some of
//! those in it, and this is read only where schemes are compared. The learned table, which can go on in several ways, has its sentences in `lines`.

use super::super::entry::Text;

/// What the position scheme `id` does past the trained length.
pub(super) fn beyond(id: &str) -> Option<Text> {
    SENTENCES.iter().find(|(of, _)| *of == id).map(|(_, text)| *text)
}

const SENTENCES: &[(&str, Text)] = &[
    ("none", Text::new("Nothing changes: there was no position to begin with.", "毫无变化：本来就没有位置信息。")),
    (
        "sinusoidal",
        Text::new(
            "Every position has a row, but the slow waves reach values never seen in training.",
            "每个位置都有编码，但慢波会取到训练中没有见过的值。",
        ),
    ),
    (
        "rope",
        Text::new(
            "Slow pairs turn to angles never seen in training; the curve goes on, the model does not follow.",
            "慢的维度对转到训练中没有见过的角度；曲线可以延续，模型却跟不上。",
        ),
    ),
    (
        "rope-pi",
        Text::new(
            "The whole curve is stretched: no new angles, but neighbours are harder to tell apart.",
            "整条曲线被拉长：没有新的角度，但相邻词元更难区分。",
        ),
    ),
    (
        "rope-ntk",
        Text::new(
            "Slow pairs are stretched and fast ones kept: neighbours stay apart, middling pairs turn a little too far.",
            "慢的维度对被拉长、快的保持：相邻词元仍可区分，居中的略微转过头。",
        ),
    ),
    (
        "rope-dynamic-ntk",
        Text::new(
            "The base grows with every token past it, so all distances shift a little as the text grows.",
            "超出后底数随每个词元增大，文本变长时所有距离都略有变化。",
        ),
    ),
    (
        "rope-yarn",
        Text::new(
            "Pairs that had turned in full stay, slow ones are stretched, and scores grow to stay sharp.",
            "转满圈的维度对不变，慢的被拉长，分数放大以保持集中。",
        ),
    ),
    (
        "rope-llama3",
        Text::new(
            "Short waves stay, long ones are stretched by the whole factor, with a ramp between.",
            "短波不变，长波按整个倍数拉长，中间平滑过渡。",
        ),
    ),
    (
        "xpos",
        Text::new(
            "The decay goes on at the same rate, so that new angles hardly count.",
            "衰减以同样速率继续，新的角度几乎不起作用。",
        ),
    ),
    (
        "rope-2d",
        Text::new(
            "New rows turn their half of the pairs to unseen angles; columns stay in their range.",
            "新的行让一半维度对转到没有见过的角度；列仍在原范围内。",
        ),
    ),
    (
        "mrope",
        Text::new(
            "New frames turn the fastest pairs further; rows and columns stay in their range.",
            "新的帧让最快的维度对继续转动；行与列仍在原范围内。",
        ),
    ),
    (
        "alibi",
        Text::new(
            "The line goes on: far keys fade out, and attention becomes a window of what was seen in training.",
            "直线延续：远处的键逐渐消失，注意力相当于训练时长度的窗口。",
        ),
    ),
    (
        "t5",
        Text::new(
            "All farther distances share the last bucket: the curve is flat.",
            "更远的距离共用最后一个桶：曲线变平。",
        ),
    ),
    (
        "kerple-log",
        Text::new(
            "The penalty grows ever more slowly: far keys stay in sight.",
            "扣分增长越来越慢：远处的键仍看得见。",
        ),
    ),
    ("kerple-power", Text::new("The penalty goes on growing as its power says.", "扣分按幂次继续增长。")),
    (
        "sandwich",
        Text::new(
            "The ripple goes on with falling heights, as a sum of waves does.",
            "起伏延续，幅度递减，正如多个波之和。",
        ),
    ),
    (
        "relative",
        Text::new(
            "Distances beyond the limit share its number, however long the text.",
            "超过上限的距离共用同一个数，与文本长度无关。",
        ),
    ),
    (
        "fire",
        Text::new(
            "Distances count as shares of the length, so the network only interpolates.",
            "距离按占长度的比例计算，网络只做插值。",
        ),
    ),
    (
        "distance-mlp",
        Text::new(
            "The network is asked for distances it never saw; the logarithm keeps them close.",
            "网络要回答没有见过的距离；取对数使其不至于太远。",
        ),
    ),
    (
        "dial",
        Text::new("The clock goes round: every distance falls on a known hour.", "时钟循环：任何距离都落在已知时刻。"),
    ),
    (
        "time-gap",
        Text::new(
            "Length plays no part, time does: gaps beyond the limit count alike.",
            "与长度无关，只看时间：超过上限的间隔一律相同。",
        ),
    ),
    (
        "scalable-softmax",
        Text::new(
            "Scores grow with the logarithm of the length, which keeps the weights from spreading out.",
            "分数随长度的对数放大，使权重不致分散。",
        ),
    ),
    (
        "learned-clock",
        Text::new(
            "The clocks end where the text does: a longer one is told in finer ticks.",
            "时钟总在文本末尾走完：文本越长，刻度越细。",
        ),
    ),
    ("shaw", CLIPPED),
    (
        "transformer-xl",
        Text::new(
            "Every distance has its waves, but those of longer distances were never seen in training.",
            "每个距离都有对应的波，但更长的距离在训练中从未出现。",
        ),
    ),
    ("deberta", CLIPPED),
    (
        "tupe",
        Text::new(
            "Positions past it have rows that were never trained; here all rows are seeded alike.",
            "超出的位置对应从未训练过的行；这里所有的行都由种子生成。",
        ),
    ),
    (
        "tisasrec",
        Text::new(
            "Intervals past the limit count alike, but later places have rows that were never trained.",
            "超过上限的间隔一视同仁，但更后的位置对应从未训练过的行。",
        ),
    ),
    (
        "cope",
        Text::new(
            "Counts stop at the limit: whatever lies before it shares one position.",
            "计数到上限为止：更早的内容共用同一个位置。",
        ),
    ),
    (
        "fox",
        Text::new(
            "Nothing is tied to a length: what was forgotten stays forgotten.",
            "与长度无关：遗忘了的就不再想起。",
        ),
    ),
    (
        "path",
        Text::new(
            "Nothing is tied to a length, but reflections add up over more tokens than in training.",
            "与长度无关，但累积的反射比训练时更多。",
        ),
    ),
    (
        "scaled-sinusoidal",
        Text::new(
            "Every position has a row, but the slow waves reach values never seen in training.",
            "每个位置都有编码，但慢波会取到训练中没有见过的值。",
        ),
    ),
    (
        "pope",
        Text::new(
            "Slow places turn to angles never seen in training, but content no longer bends them.",
            "慢的维度转到训练中没有见过的角度，但不再受内容影响。",
        ),
    ),
    (
        "floater",
        Text::new(
            "The flow simply goes on: there is a position for every token, near its neighbours'.",
            "流动继续下去：每个词元都有位置，并与相邻位置相近。",
        ),
    ),
    (
        "lstm-generator",
        Text::new(
            "The network reads on; its states settle, so that far positions come to look alike.",
            "网络继续读下去；状态趋于稳定，远处的位置会越来越像。",
        ),
    ),
    (
        "r-transformer",
        Text::new(
            "Nothing changes: only the last few tokens are read, wherever they stand.",
            "毫无变化：无论在何处，只读取最近几个词元。",
        ),
    ),
];

const CLIPPED: Text = Text::new(
    "Distances beyond the limit share its vector, however long the text.",
    "超过上限的距离共用同一个向量，无论文本多长。",
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::positions;

    #[test]
    fn no_sentence_is_about_nothing() {
        assert!(SENTENCES.iter().all(|(id, _)| positions().iter().any(|entry| entry.id == *id)));
    }
}
