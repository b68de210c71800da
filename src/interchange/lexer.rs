//! Pasted numbers to tokens with their places.

use super::error::words;
use super::{InterchangeError, Place, Words, shown};

/// What a token is. White space other than line ends only separates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Token {
    Number(f32),
    Open,
    Close,
    Comma,
    Semicolon,
    LineEnd,
    End,
}

/// Reads tokens from left to right, counting lines and columns from 1.
pub(super) struct Lexer<'a> {
    rest: &'a str,
    line: usize,
    column: usize,
    /// Whether this line has had a token: a line of nothing but a comment is no empty line.
    begun: bool,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text, line: 1, column: 1, begun: false }
    }

    /// The next token and where it starts.
    pub(super) fn next(&mut self) -> Result<(Token, Place), InterchangeError> {
        self.skip_blanks();
        let place = Place::At { line: self.line, column: self.column };
        let Some(first) = self.rest.chars().next() else {
            return Ok((Token::End, place));
        };
        self.begun = first != '\n';
        let token = match first {
            '[' => Token::Open,
            ']' => Token::Close,
            // The full-width forms come from Chinese input methods.
            ',' | '，' => Token::Comma,
            ';' | '；' => Token::Semicolon,
            '\n' => Token::LineEnd,
            _ => {
                let word = self.word();
                let value = number(word).map_err(|problem| InterchangeError::invalid(place.clone(), problem))?;
                self.advance(word.len());
                return Ok((Token::Number(value), place));
            }
        };
        self.advance(first.len_utf8());
        Ok((token, place))
    }

    /// Takes `array(`, `np.array(`, `tensor(` before a bracket: what Python prints. Says whether it was there.
    pub(super) fn take_call(&mut self) -> bool {
        self.skip_all_blanks();
        // Of a parameter PyTorch prints a line before.
        const LEAD: &str = "Parameter containing:";
        if self.rest.starts_with(LEAD) {
            self.advance(LEAD.len());
            self.skip_all_blanks();
        }
        let name = self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.')).unwrap_or(0);
        let call = name > 0
            && self.rest.starts_with(|c: char| c.is_ascii_alphabetic())
            && self.rest[name..].strip_prefix('(').is_some_and(|inside| inside.trim_start().starts_with('['));
        if call {
            self.advance(name + 1);
            self.skip_all_blanks();
        }
        call
    }

    /// Takes the end of that call: `)`, or `, dtype=float32)` and the like.
    pub(super) fn take_call_end(&mut self) -> Result<(), InterchangeError> {
        self.skip_all_blanks();
        let place = Place::At { line: self.line, column: self.column };
        let arguments = self.rest.starts_with([',', ')']);
        match self.rest.find(')') {
            Some(end) if arguments && !self.rest[..end].contains('[') => {
                self.advance(end + 1);
                Ok(())
            }
            _ => Err(InterchangeError::invalid(place, words!("expected ) here", "此处应为 )"))),
        }
    }

    /// Whether the text, blanks aside, starts with a bracket.
    pub(super) fn at_bracket(&mut self) -> bool {
        self.skip_all_blanks();
        self.rest.starts_with('[')
    }

    /// Takes a character, blanks before it, if it is the next one.
    pub(super) fn take(&mut self, c: char) -> bool {
        self.skip_all_blanks();
        let there = self.rest.starts_with(c);
        if there {
            self.advance(c.len_utf8());
        }
        there
    }

    /// Where the next character stands.
    pub(super) fn place(&self) -> Place {
        Place::At { line: self.line, column: self.column }
    }

    /// Takes a text in double quotes, as JSON writes it; a name in single quotes too, as Python does.
    pub(super) fn take_string(&mut self) -> Option<String> {
        self.skip_all_blanks();
        let quote = self.rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let mut escaped = false;
        let inside = &self.rest[1..];
        let end = inside.find(|c: char| {
            let ends = c == quote && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        })?;
        let text = &inside[..end];
        let text = if quote == '"' { serde_json::from_str(&self.rest[..end + 2]).ok()? } else { text.to_owned() };
        self.advance(end + 2);
        Some(text)
    }

    fn word(&self) -> &'a str {
        let end = self.rest.find(|c: char| c.is_whitespace() || "[],，;；#()".contains(c)).unwrap_or(self.rest.len());
        // A parenthesis is no part of a number, but it must be taken by something.
        if end == 0 {
            self.rest.get(..self.rest.chars().next().map_or(0, char::len_utf8)).unwrap_or("")
        } else {
            &self.rest[..end]
        }
    }

    /// Blanks, and comments from # to the end of the line, as np.savetxt writes them; of a line of their own, the line end too.
    fn skip_blanks(&mut self) {
        loop {
            let blank = |c: char| c != '\n' && (c.is_whitespace() || c == '\u{feff}');
            self.advance(self.rest.find(|c| !blank(c)).unwrap_or(self.rest.len()));
            // A backslash at the end continues the line, as in Python's sources.
            if let Some(after) = self.rest.strip_prefix('\\')
                && let length = after.len() - after.trim_start_matches([' ', '\t', '\r']).len()
                && after[length..].starts_with('\n')
            {
                self.advance(length + 2);
                continue;
            }
            if !self.rest.starts_with('#') {
                return;
            }
            self.advance(self.rest.find('\n').unwrap_or(self.rest.len()));
            if self.begun || self.rest.is_empty() {
                return;
            }
            self.advance(1);
        }
    }

    fn skip_all_blanks(&mut self) {
        self.skip_blanks();
        while self.rest.starts_with('\n') {
            self.advance(1);
            self.skip_blanks();
        }
    }

    fn advance(&mut self, bytes: usize) {
        let (taken, rest) = self.rest.split_at(bytes);
        for c in taken.chars() {
            (self.line, self.column) = if c == '\n' { (self.line + 1, 1) } else { (self.line, self.column + 1) };
        }
        self.rest = rest;
    }
}

/// One number as JSON, Python and spreadsheets write it; inf, infinity and nan in any case, U+2212 as minus.
pub(super) fn number(word: &str) -> Result<f32, Words> {
    if word.starts_with("...") || word.starts_with('…') {
        return Err(words!(
            "the numbers were cut short with …; print all of them, for NumPy with np.set_printoptions(threshold=sys.maxsize), for PyTorch with \
             torch.set_printoptions(threshold=sys.maxsize)",
            "数值被 … 省略；请完整打印：NumPy 用 np.set_printoptions(threshold=sys.maxsize)，PyTorch 用 \
             torch.set_printoptions(threshold=sys.maxsize)"
        ));
    }
    let plain = word.replacen('\u{2212}', "-", 2);
    let short = || shown(&word.chars().take(24).collect::<String>());
    match plain.parse::<f32>() {
        Ok(value) if value.is_infinite() && plain.contains(|c: char| c.is_ascii_digit()) => {
            let short = short();
            Err(words!("{short} is beyond the range of float32 (3.4e38)", "{short} 超出 float32 的范围（3.4e38）"))
        }
        Ok(value) => Ok(value),
        Err(_) => {
            let short = short();
            Err(words!("\"{short}\" is not a number", "\"{short}\" 不是数"))
        }
    }
}
