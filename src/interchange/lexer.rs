//! Pasted numbers to tokens with their places.

use super::{InterchangeError, Place};

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
            _ => Err(InterchangeError::invalid(place, "expected ) here")),
        }
    }

    /// Whether the text, blanks aside, starts with a bracket.
    pub(super) fn at_bracket(&mut self) -> bool {
        self.skip_all_blanks();
        self.rest.starts_with('[')
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
fn number(word: &str) -> Result<f32, String> {
    if word.starts_with("...") || word.starts_with('…') {
        return Err("the numbers were cut short with …; print all of them, for NumPy with \
                    np.set_printoptions(threshold=sys.maxsize)"
            .to_owned());
    }
    let plain = word.replacen('\u{2212}', "-", 2);
    let shown: String = word.chars().take(24).collect();
    match plain.parse::<f32>() {
        Ok(value) if value.is_infinite() && plain.contains(|c: char| c.is_ascii_digit()) => {
            Err(format!("{shown} is beyond the range of float32 (3.4e38)"))
        }
        Ok(value) => Ok(value),
        Err(_) => Err(format!("{shown:?} is not a number")),
    }
}
