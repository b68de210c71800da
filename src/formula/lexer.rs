//! Text to tokens. Never fails half-way: the first mistake is returned with its place.

use std::ops::Range;

use super::decimal::decimal;
use super::error::{ErrorKind, FormulaError};

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    Int(i32),
    Float(f32),
    Name(String),
    /// An operator, bracket, comma or word operator.
    Sign(&'static str),
    End,
}

/// Longest first, so that `<=` is not read as `<`.
const SIGNS: [&str; 26] = [
    "**", "//", "<<", ">>", "<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "%", "&", "|", "^", "~", "(", ")",
    "[", "]", "{", "}", ",",
];

/// Words that are operators.
const WORDS: [&str; 6] = ["and", "or", "not", "in", "if", "else"];

/// What other languages write, and what to write here; before [`SIGNS`], since `&&` starts with `&`.
const FOREIGN: [(&str, &str); 17] = [
    ("===", "=="),
    ("!==", "!="),
    ("&&", "and"),
    ("||", "or"),
    ("<>", "!="),
    ("=<", "<="),
    ("=>", ">="),
    ("**=", "**"),
    ("≤", "<="),
    ("≥", ">="),
    ("≠", "!="),
    ("−", "-"),
    ("×", "*"),
    ("∧", "and"),
    ("∨", "or"),
    ("¬", "not"),
    ("?", "a if condition else b"),
];

/// Splits `text` into tokens with their byte ranges; the last one is [`Token::End`].
pub fn tokens(text: &str) -> Result<Vec<(Token, Range<usize>)>, FormulaError> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let (token, length) = if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        } else if c == '#' {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        } else if c.is_ascii_digit() || (c == '.' && rest[1..].starts_with(|d: char| d.is_ascii_digit())) {
            number(rest, at)?
        } else if c.is_alphabetic() || c == '_' {
            let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let word = &rest[..length];
            (WORDS.iter().find(|w| **w == word).map_or_else(|| Token::Name(word.into()), |w| Token::Sign(w)), length)
        } else {
            sign(rest, at, c)?
        };
        out.push((token, at..at + length));
        at += length;
    }
    out.push((Token::End, text.len()..text.len()));
    Ok(out)
}

fn sign(rest: &str, at: usize, c: char) -> Result<(Token, usize), FormulaError> {
    let foreign = |found: &str, write: &str| {
        let kind = ErrorKind::Foreign { found: found.into(), write: write.into() };
        let error = FormulaError::new(kind, at..at + found.len());
        Err(if found == "?" { error } else { error.suggest(write) })
    };
    if let Some((found, write)) = FOREIGN.iter().find(|(found, _)| rest.starts_with(found)) {
        return foreign(found, write);
    }
    if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
        return Ok((Token::Sign(sign), sign.len()));
    }
    match c {
        '=' => foreign("=", "=="),
        '!' => foreign("!", "not"),
        _ => Err(FormulaError::new(ErrorKind::StrayCharacter { character: c }, at..at + c.len_utf8())),
    }
}

/// Reads `12`, `16_384`, `0xff`, `1.5`, `.5`, `1e-3`.
fn number(rest: &str, at: usize) -> Result<(Token, usize), FormulaError> {
    let bytes = rest.as_bytes();
    let mut length = 0;
    while length < bytes.len() {
        let exponent = length > 0 && matches!(bytes[length - 1], b'e' | b'E') && !rest.starts_with("0x");
        match bytes[length] {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'.' => length += 1,
            b'+' | b'-' if exponent => length += 1,
            _ => break,
        }
    }
    let text = &rest[..length];
    let fail = |kind: fn(String) -> ErrorKind| Err(FormulaError::new(kind(text.into()), at..at + length));
    let bad = |text| ErrorKind::BadNumber { text };
    let large = |text| ErrorKind::NumberTooLarge { text };

    let underscores_ok = !text.ends_with('_') && !text.contains("__");
    let plain = text.replace('_', "");
    let radix = match plain.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("0x") => 16,
        Some("0b") => 2,
        Some("0o") => 8,
        _ => 10,
    };
    let digits = if radix == 10 { &plain[..] } else { &plain[2..] };
    if !underscores_ok || digits.is_empty() {
        return fail(bad);
    }
    if digits.chars().all(|c| c.is_digit(radix)) {
        return match i32::from_str_radix(digits, radix) {
            Ok(value) => Ok((Token::Int(value), length)),
            Err(_) => fail(large),
        };
    }
    match decimal(&plain) {
        Some(value) if radix == 10 && value.is_finite() => Ok((Token::Float(value), length)),
        Some(_) if radix == 10 => fail(large),
        _ => fail(bad),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Token> {
        tokens(text).unwrap().into_iter().map(|(token, _)| token).collect()
    }

    #[test]
    fn reads_numbers_as_python_does() {
        assert_eq!(
            read("16_384 0xff 0b101 0o17 1.5 .5 1e-3 2."),
            [
                Token::Int(16384),
                Token::Int(255),
                Token::Int(5),
                Token::Int(15),
                Token::Float(1.5),
                Token::Float(0.5),
                Token::Float(1e-3),
                Token::Float(2.0),
                Token::End
            ]
        );
    }

    #[test]
    fn says_where_a_number_is_wrong() {
        for (text, span) in [
            ("k + 12abc", 4..9),
            ("1.2.3", 0..5),
            ("1__0", 0..4),
            ("0x", 0..2),
            ("k<2147483648", 2..12),
            ("1e99", 0..4),
        ] {
            assert_eq!(tokens(text).unwrap_err().span, span, "{text}");
        }
    }

    #[test]
    fn takes_the_longest_operator_and_skips_comments() {
        let signs = ["**", "//", "<<", "<=", "<", "not"].map(Token::Sign);
        let mut want = signs.to_vec();
        want.push(Token::End);
        assert_eq!(read("** // << <= < not # nothing here"), want);
    }

    #[test]
    fn spans_are_bytes_on_character_boundaries() {
        let error = tokens("k ≤ q").unwrap_err();
        assert_eq!((error.span.clone(), error.suggestion.as_deref()), (2..5, Some("<=")));
        assert_eq!(tokens("é + 值").unwrap()[2].1, 5..8);
    }
}
