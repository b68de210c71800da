"""BERT's uncased WordPiece tokenizer, after google-research/bert/tokenization.py (Devlin et al. 2018)."""

import unicodedata

CJK = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)
MAX_WORD = 100


def is_cjk(character: str) -> bool:
    return any(low <= ord(character) <= high for low, high in CJK)


def is_punctuation(character: str) -> bool:
    """Unicode punctuation, and every ASCII character that is neither letter, digit, space nor control ($, ^, + ...)."""
    code = ord(character)
    ascii_symbol = 33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126
    return ascii_symbol or unicodedata.category(character).startswith("P")


def is_control(character: str) -> bool:
    return character not in "\t\n\r" and unicodedata.category(character).startswith("C")


def words(text: str) -> list[str]:
    """Lower-cased words without accents; each punctuation mark and each CJK character is a word of its own."""
    out, current = [], ""
    for character in unicodedata.normalize("NFD", text.lower()):
        if character in "\0\ufffd" or is_control(character) or unicodedata.category(character) == "Mn":
            continue
        if character.isspace() or is_punctuation(character) or is_cjk(character):
            if current:
                out.append(current)
            current = ""
            if not character.isspace():
                out.append(character)
        else:
            current += character
    return out + [current] if current else out


def pieces(word: str, vocabulary: dict[str, int]) -> list[str]:
    """Greedy longest match first; later pieces carry '##'. A word with a part outside the vocabulary is [UNK] as a whole."""
    if len(word) > MAX_WORD:
        return ["[UNK]"]
    out, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = ("##" if start else "") + word[start:end]
            if piece in vocabulary:
                break
        else:
            return ["[UNK]"]
        out.append(piece)
        start = end
    return out


def tokenize(text: str, vocabulary: dict[str, int]) -> list[str]:
    """Tokens of a text as the model sees them, [CLS] and [SEP] included."""
    return ["[CLS]"] + [piece for word in words(text) for piece in pieces(word, vocabulary)] + ["[SEP]"]
