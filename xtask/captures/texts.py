"""The texts that are captured. Order here is the order of the page's menu."""

LOCK = """\
The lock at Harrow Bend was dug in 1811, and it still lifts every boat that comes up from the estuary by two metres and \
forty centimetres. It has a chamber of brick, twenty-four metres long and a little over four metres wide, closed at each \
end by a pair of oak gates that meet at a blunt angle pointing upstream. The angle is the whole secret of the place. The \
water above leans on the gates and presses them together, so that the deeper the river runs, the tighter they close, and \
no bolt or chain is needed to hold them.

Marta, who has kept the lock for nineteen years, works it alone. When a boat arrives from below, she first looks at the \
lower gates. If the chamber is full, she has to empty it: she walks to the lower end, fits her iron key on the spindle, \
and winds up the paddles, two small shutters that cover openings in the gates. The water leaves the chamber with a noise \
like a train in a tunnel, and within four minutes the level inside has fallen to the level outside. Only then can she \
push the beam that swings the gate.

The boat comes in, a rope goes round the bollard, and the lower gates are shut behind it. Now the key travels to the \
upper end. Marta opens the upper paddles a quarter turn, waits until the first swirl has passed under the hull, and then \
opens them fully. The chamber fills from the bottom, the boat rises past the green line on the wall, and the faces of \
the people on deck come slowly into the sun. Nobody pumps anything. The river pays for the lift with ninety tonnes of \
water, and it pays the same whether the boat is a rowing skiff or a barge loaded with gravel.

What wears out is never the oak. The gates of 1811 lasted until 1893, and the second pair is hanging there today. It is \
the small parts that go: the leather seals, the pins, the teeth of the rack. Each winter the lock is drained, and for \
one week Marta walks on the floor of the chamber in rubber boots, with a lamp and a hammer, and knocks on the bricks one \
after another. A sound brick rings. A loose one answers with a dull thud, and she marks it with chalk. Last January she \
found, under the sill of the upper gates, an iron key with an oval handle, older than hers, and it still fitted the \
spindle."""

MODEL_NOTE = {
    "en": "Computed from all-MiniLM-L6-v2, a sentence encoder: bidirectional, English and uncased, with its positions already in the "
    "hidden states. A causal mask or a position scheme on top is an experiment, not the model.",
    "zh": "由句子编码器 all-MiniLM-L6-v2 计算得到：双向、英文、不区分大小写，位置信息已包含在隐藏状态中。在其上再加因果掩码或位置方案属于实验，并非模型本身的行为。",
}

TEXTS = [
    {
        "id": "animal",
        "title": {"en": "The tired animal", "zh": "疲惫的动物"},
        "text": "The animal didn't cross the street because it was too tired.",
        "note": {
            "en": "Layer 3, head 6: unmasked, most rows look at [CLS]; let each token see only itself and the 8 before it, and “it” divides itself between animal and street.",
            "zh": "第 3 层第 6 个头：不加掩码时多数行都看向 [CLS]；若每个词元只能看到自己和前 8 个词元，“it” 的注意力便主要分给 animal 与 street。",
        },
    },
    {
        "id": "trophy",
        "title": {"en": "An ambiguous pronoun", "zh": "歧义代词"},
        "text": "The trophy does not fit in the suitcase because it is too big.",
        "note": {
            "en": "A Winograd schema: only the meaning of “big” says that “it” is the trophy.",
            "zh": "威诺格拉德模式：只有理解 “big” 的含义才能判断 “it” 指的是 trophy。",
        },
    },
    {
        "id": "keys",
        "title": {"en": "A nested clause", "zh": "嵌套从句"},
        "text": "The keys that the man who lives next door lost were found.",
        "note": {
            "en": "Two relative clauses inside one another stand between “keys” and its verb “were”.",
            "zh": "主语 “keys” 与谓语 “were” 之间隔着两层嵌套的关系从句。",
        },
    },
    {
        "id": "german",
        "title": {"en": "German: the old man", "zh": "德语：读书的老人"},
        "text": "Der alte Mann, der das Buch las",
        "note": {
            "en": "The old man who was reading the book. The model knows English: German words fall into many pieces (##) and the second “der” is the relative pronoun.",
            "zh": "意为“读书的老人”。该模型只学过英文：德语单词被切成若干子词（##），第二个 “der” 是关系代词。",
        },
    },
    {
        "id": "chinese",
        "title": {"en": "Chinese", "zh": "中文"},
        "text": "那只动物没有过马路，因为它太累了。",
        "note": {
            "en": "The opener in Chinese. The vocabulary holds few Chinese characters, so most become [UNK], which differ by position only: for Chinese text use the seeded embedding.",
            "zh": "开篇例句的中文版。词表中汉字很少，多数变成 [UNK]，彼此只有位置不同：处理中文文本请改用带种子的嵌入。",
        },
    },
    {
        "id": "code",
        "title": {"en": "A line of code", "zh": "一行代码"},
        "text": "for (i = 0; i < n; i++) { sum += x[i]; }",
        "note": {
            "en": "Brackets and repeated names; the model saw little code in training.",
            "zh": "括号与重复的变量名；该模型训练时很少见到代码。",
        },
    },
    {
        "id": "lock",
        "title": {"en": "The lock at Harrow Bend (long)", "zh": "哈罗湾的船闸（长文）"},
        "text": LOCK,
        "without": ["X"],
        "note": {
            "en": "A long text for windows, dilution and sparsity; Q, K and V only. The encoder was tuned on 128 tokens at a time: the positions after that are as its base model left them.",
            "zh": "用于观察窗口、稀释与稀疏性的长文；仅含 Q、K、V。该编码器微调时每段最多 128 个词元，其后的位置沿用基础模型的参数。",
        },
    },
]
