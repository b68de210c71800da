//! A formula cut into coloured pieces. It never fails: half-typed text is what it sees most of the time.

use std::ops::Range;

/// What a piece of a formula is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Spaces, operators, brackets.
    Plain,
    /// Words of the language: `and`, `if`, `true`.
    Word,
    /// `k`: the key.
    Key,
    /// `q`, `q_pos`: the query.
    Query,
    /// A declared parameter.
    Param,
    /// A function or a table.
    Call,
    /// A number.
    Number,
    /// `# …`
    Comment,
}

impl Colour {
    /// Class of the piece.
    pub fn class(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Word => "f-word",
            Self::Key => "f-key",
            Self::Query => "f-query",
            Self::Param => "f-param",
            Self::Call => "f-call",
            Self::Number => "f-number",
            Self::Comment => "f-comment",
        }
    }
}

/// A piece of a formula.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its text.
    pub text: String,
    /// Its colour.
    pub colour: Colour,
    /// Whether it lies in the faulty span.
    pub fault: bool,
}

/// Words of the language itself.
const WORDS: [&str; 8] = ["and", "or", "not", "in", "if", "else", "true", "false"];

/// Cuts `text` into pieces; `params` are its declared parameters, `fault` the bytes that an error points at. A fault with no extent, such as a
/// missing end, is shown on a space after the text.
pub fn pieces(text: &str, params: &[String], fault: Option<&Range<usize>>) -> Vec<Piece> {
    let mut out: Vec<Piece> = Vec::new();
    let mut push = |range: Range<usize>, colour: Colour| {
        // A piece that the fault crosses is cut at the fault's ends.
        let cuts = fault
            .map_or([range.start; 2], |f| [f.start.clamp(range.start, range.end), f.end.clamp(range.start, range.end)]);
        for (from, to, faulty) in [(range.start, cuts[0], false), (cuts[0], cuts[1], true), (cuts[1], range.end, false)]
        {
            if let Some(part) = text.get(from..to).filter(|p| !p.is_empty()) {
                match out.last_mut() {
                    Some(last) if last.colour == colour && last.fault == faulty => last.text.push_str(part),
                    _ => out.push(Piece { text: part.to_owned(), colour, fault: faulty }),
                }
            }
        }
    };
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let run = |is: fn(char) -> bool| rest.find(|c| !is(c)).unwrap_or(rest.len());
        let (length, colour) = if first == '#' {
            (rest.find('\n').unwrap_or(rest.len()), Colour::Comment)
        } else if first.is_ascii_digit() {
            (run(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_'), Colour::Number)
        } else if first.is_alphabetic() || first == '_' {
            let length = run(|c| c.is_alphanumeric() || c == '_');
            (length, name(&rest[..length], &rest[length..], params))
        } else {
            (first.len_utf8(), Colour::Plain)
        };
        push(at..at + length, colour);
        at += length;
    }
    if fault.is_some_and(|f| f.start >= text.len() || f.is_empty()) && out.iter().all(|p| !p.fault) {
        out.push(Piece { text: " ".to_owned(), colour: Colour::Plain, fault: true });
    }
    out
}

fn name(word: &str, after: &str, params: &[String]) -> Colour {
    if WORDS.contains(&word.to_ascii_lowercase().as_str()) {
        return Colour::Word;
    }
    if params.iter().any(|p| p == word) {
        return Colour::Param;
    }
    match word {
        "k" => Colour::Key,
        "q" | "q_pos" => Colour::Query,
        _ if after.trim_start().starts_with(['(', '[']) => Colour::Call,
        _ => Colour::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str, fault: Option<Range<usize>>) -> Vec<(String, Colour, bool)> {
        let params = ["window".to_owned()];
        pieces(text, &params, fault.as_ref()).into_iter().map(|p| (p.text, p.colour, p.fault)).collect()
    }

    #[test]
    fn pieces_give_the_text_back() {
        for text in ["k <= q_pos and abs(q - k) < window", "", "§ 1e-3 # note\nx[", "值 ≤ k"] {
            for fault in [None, Some(0..1), Some(2..5), Some(0..text.len())] {
                let fault = fault.filter(|f| {
                    text.is_char_boundary(f.start)
                        && text.is_char_boundary(f.end)
                        && f.end <= text.len()
                        && !f.is_empty()
                });
                assert_eq!(cut(text, fault).into_iter().map(|p| p.0).collect::<String>(), text);
            }
        }
    }

    #[test]
    fn names_have_their_colours() {
        let colours: Vec<_> =
            cut("k<q_pos and doc[window]", None).into_iter().filter(|p| p.1 != Colour::Plain).map(|p| p.1).collect();
        assert_eq!(colours, [Colour::Key, Colour::Query, Colour::Word, Colour::Call, Colour::Param]);
    }

    #[test]
    fn a_fault_cuts_pieces_and_a_missing_end_shows() {
        let faulty: Vec<_> = cut("k <= qq", Some(5..7)).into_iter().filter(|p| p.2).map(|p| p.0).collect();
        assert_eq!(faulty, ["qq"]);
        assert_eq!(cut("k <=", Some(4..4)).last().map(|p| (p.0.clone(), p.2)), Some((" ".to_owned(), true)));
    }
}
