//! The words of a text: each becomes a row of Q, K and V.

/// Splits at white space; every punctuation mark or symbol is a token of its own, and so is every Chinese character and Japanese kana.
pub fn tokenize(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut in_word = false;
    for c in text.chars() {
        if c.is_whitespace() || c.is_control() {
            in_word = false;
            continue;
        }
        let word = (c.is_alphanumeric() || c == '_' || is_mark(c)) && !stands_alone(c);
        match tokens.last_mut() {
            // An accent written as a character of its own stays with its letter.
            Some(last) if in_word && word => last.push(c),
            _ => tokens.push(c.to_string()),
        }
        in_word = word;
    }
    tokens
}

/// Combining diacritical marks.
fn is_mark(c: char) -> bool {
    matches!(u32::from(c), 0x300..=0x36f | 0x1ab0..=0x1aff | 0x1dc0..=0x1dff | 0x20d0..=0x20ff)
}

/// Scripts written without spaces: CJK ideographs with their extensions, hiragana and katakana.
fn stands_alone(c: char) -> bool {
    matches!(u32::from(c), 0x3040..=0x30ff | 0x31f0..=0x31ff | 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xf900..=0xfaff | 0x20000..=0x323af)
}

/// How many tokens [`tokenize`] makes of a text.
pub(super) fn tokens(text: &str) -> usize {
    tokenize(text).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_punctuation_and_characters() {
        let split = |text: &str| tokenize(text).join("|");
        assert_eq!(split("The animal didn't cross."), "The|animal|didn|'|t|cross|.");
        assert_eq!(split("x_1 += f(2);"), "x_1|+|=|f|(|2|)|;");
        assert_eq!(split("动物过马路，太累了。"), "动|物|过|马|路|，|太|累|了|。");
        assert_eq!(split("用GPU算ものABC"), "用|GPU|算|も|の|ABC");
        assert_eq!(split("cafe\u{301} größer"), "cafe\u{301}|größer");
        assert_eq!(split("한국어 문장"), "한국어|문장");
        assert_eq!(split(" \n\t"), "");
    }
}
