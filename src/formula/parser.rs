//! Tokens to a syntax tree: precedence climbing with Python's operators.
//!
//! Recursion is bounded by [`MAX_DEPTH`] and the tree by [`MAX_PARTS`], so no text can overflow the stack here or in
//! what walks the tree later.

use std::ops::Range;

use super::ast::{COMPARISONS, Expr, ExprKind, LEFT, power};
use super::error::{Due, ErrorKind, FormulaError};
use super::lexer::{Token, tokens};

/// The longest text, in bytes.
pub const MAX_BYTES: usize = 4096;
/// The most parts: names, numbers, operators, calls.
pub const MAX_PARTS: usize = 512;
/// How deep parentheses, signs, powers and conditions may nest.
pub const MAX_DEPTH: usize = 64;

/// Reads a whole formula.
pub fn parse(text: &str) -> Result<Expr, FormulaError> {
    if text.len() > MAX_BYTES {
        let kind = ErrorKind::TooLong { limit: MAX_BYTES, found: text.len() };
        return Err(FormulaError::new(kind, text.floor_char_boundary(MAX_BYTES)..text.len()));
    }
    let tokens = tokens(text)?;
    if tokens.len() == 1 {
        return Err(FormulaError::new(ErrorKind::Empty, 0..text.len()));
    }
    let mut parser = Parser { text, tokens, at: 0, depth: 0, parts: 0, open: Vec::new() };
    let expr = parser.expression(power::IF)?;
    match parser.peek() {
        Token::End => Ok(expr),
        _ => Err(parser.expected(Due::Operator)),
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<(Token, Range<usize>)>,
    at: usize,
    depth: usize,
    parts: usize,
    /// Brackets that are open here, with where they opened.
    open: Vec<(char, char, Range<usize>)>,
}

type Parsed<T> = Result<T, FormulaError>;

impl Parser<'_> {
    fn peek(&self) -> &Token {
        &self.tokens[self.at].0
    }

    fn span(&self) -> Range<usize> {
        self.tokens[self.at].1.clone()
    }

    /// Steps past the current token; the end stays.
    fn advance(&mut self) -> (Token, Range<usize>) {
        let token = self.tokens[self.at].clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    fn accept(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Token::Sign(s) if *s == sign);
        if found {
            self.advance();
        }
        found
    }

    /// The mistake at the current token: something else was due.
    fn expected(&self, what: Due) -> FormulaError {
        let span = self.span();
        let error = |kind| FormulaError::new(kind, span.clone());
        match self.peek() {
            // At the end, an open bracket is the likelier mistake: point at it, unless a value is plainly missing.
            Token::End => match self.open.last() {
                Some((open, close, opened)) if matches!(what, Due::Operator | Due::CommaOrClose) => {
                    FormulaError::new(ErrorKind::Unclosed { open: *open, close: *close }, opened.clone())
                }
                _ => error(ErrorKind::Expected { what, found: None }),
            },
            Token::Sign(sign @ (")" | "]" | "}")) if self.open.is_empty() => {
                error(ErrorKind::Unopened { close: sign.chars().next().unwrap_or(')') })
            }
            _ => error(ErrorKind::Expected { what, found: Some(self.text[span.clone()].into()) }),
        }
    }

    fn part(&mut self, kind: ExprKind, span: Range<usize>) -> Parsed<Expr> {
        self.parts += 1;
        if self.parts > MAX_PARTS {
            return Err(FormulaError::new(ErrorKind::TooManyParts { limit: MAX_PARTS }, span));
        }
        Ok(Expr { kind, span })
    }

    /// Reads operators that bind at least as tightly as `least`.
    fn expression(&mut self, least: u8) -> Parsed<Expr> {
        if self.depth == MAX_DEPTH {
            return Err(FormulaError::new(ErrorKind::TooDeep { limit: MAX_DEPTH }, self.span()));
        }
        self.depth += 1;
        let result = self.operators(least);
        self.depth -= 1;
        result
    }

    fn operators(&mut self, least: u8) -> Parsed<Expr> {
        let mut left = self.prefix()?;
        while let Token::Sign(sign) = *self.peek() {
            let start = left.span.start;
            if sign == "if" && least <= power::IF {
                self.advance();
                let condition = self.expression(power::OR)?;
                if !self.accept("else") {
                    return Err(self.expected(Due::Else));
                }
                let other = self.expression(power::IF)?;
                let span = start..other.span.end;
                left = self.part(ExprKind::If(left.into(), condition.into(), other.into()), span)?;
            } else if (COMPARISONS.contains(&sign) || sign == "in" || sign == "not") && least <= power::COMPARE {
                left = self.comparison(left)?;
            } else if sign == "**" && least <= power::POWER {
                self.advance();
                // The right side of a power may carry a sign, and powers associate to the right: 2 ** -x ** 2.
                let right = self.expression(power::SIGN)?;
                let span = start..right.span.end;
                left = self.part(ExprKind::Binary("**", left.into(), right.into()), span)?;
            } else if let Some(&(name, tight)) = LEFT.iter().find(|&&(name, tight)| name == sign && least <= tight) {
                self.advance();
                let right = self.expression(tight + 1)?;
                let span = start..right.span.end;
                left = self.part(ExprKind::Binary(name, left.into(), right.into()), span)?;
            } else {
                break;
            }
        }
        Ok(left)
    }

    /// A chain of comparisons, or membership in a set, after its first operand.
    fn comparison(&mut self, first: Expr) -> Parsed<Expr> {
        let negated = self.accept("not");
        if self.accept("in") {
            let start = first.span.start;
            if !matches!(self.peek(), Token::Sign("{")) {
                return Err(self.expected(Due::Set));
            }
            let (items, end) = self.list('{', '}')?;
            let found = self.part(ExprKind::In(first.into(), negated, items), start..end)?;
            return match self.peek() {
                Token::Sign(s) if COMPARISONS.contains(s) || *s == "in" => {
                    Err(FormulaError::new(ErrorKind::MixedChain, self.span()))
                }
                _ => Ok(found),
            };
        }
        if negated {
            return Err(self.expected(Due::In));
        }
        let mut rest = Vec::new();
        let mut span = first.span.clone();
        while let Token::Sign(sign) = *self.peek() {
            if matches!(sign, "in" | "not") {
                return Err(FormulaError::new(ErrorKind::MixedChain, self.span()));
            }
            let Some(&sign) = COMPARISONS.iter().find(|s| **s == sign) else { break };
            self.advance();
            let operand = self.expression(power::COMPARE + 1)?;
            span.end = operand.span.end;
            if !rest.is_empty() {
                self.parts += 1;
            }
            rest.push((sign, operand));
        }
        self.part(ExprKind::Chain(first.into(), rest), span)
    }

    fn prefix(&mut self) -> Parsed<Expr> {
        let (token, span) = (self.peek().clone(), self.span());
        let sign = match token {
            Token::Int(value) => return self.leaf(ExprKind::Int(value)),
            Token::Float(value) => return self.leaf(ExprKind::Float(value)),
            Token::Name(name) => return self.name(name, span),
            Token::Sign("(") => return self.parenthesis(),
            Token::Sign(sign @ ("-" | "+" | "~" | "not")) => sign,
            _ => return Err(self.expected(Due::Value)),
        };
        self.advance();
        let operand = self.expression(if sign == "not" { power::NOT } else { power::SIGN })?;
        let span = span.start..operand.span.end;
        self.part(ExprKind::Unary(sign, operand.into()), span)
    }

    fn leaf(&mut self, kind: ExprKind) -> Parsed<Expr> {
        let (_, span) = self.advance();
        self.part(kind, span)
    }

    fn name(&mut self, name: String, span: Range<usize>) -> Parsed<Expr> {
        self.advance();
        match self.peek() {
            Token::Sign("(") => {
                let (args, end) = self.list('(', ')')?;
                self.part(ExprKind::Call(name, args), span.start..end)
            }
            Token::Sign("[") => {
                let (indices, end) = self.list('[', ']')?;
                self.part(ExprKind::Index(name, indices), span.start..end)
            }
            _ => match name.as_str() {
                "true" | "True" => self.part(ExprKind::Bool(true), span),
                "false" | "False" => self.part(ExprKind::Bool(false), span),
                _ => self.part(ExprKind::Name(name), span),
            },
        }
    }

    fn parenthesis(&mut self) -> Parsed<Expr> {
        let (_, opened) = self.advance();
        self.open.push(('(', ')', opened.clone()));
        let mut inner = self.expression(power::IF)?;
        if !matches!(self.peek(), Token::Sign(")")) {
            return Err(self.expected(Due::Operator));
        }
        let (_, closed) = self.advance();
        self.open.pop();
        inner.span = opened.start..closed.end;
        Ok(inner)
    }

    /// `open expr, expr, ... close`; a comma may stand after the last. Returns the items and where the list ends.
    fn list(&mut self, open: char, close: char) -> Parsed<(Vec<Expr>, usize)> {
        let (_, opened) = self.advance();
        self.open.push((open, close, opened));
        let closes = |token: &Token| matches!(token, Token::Sign(s) if s.starts_with(close));
        let mut items = Vec::new();
        while !closes(self.peek()) {
            items.push(self.expression(power::IF)?);
            if !self.accept(",") && !closes(self.peek()) {
                return Err(self.expected(Due::CommaOrClose));
            }
        }
        let (_, span) = self.advance();
        self.open.pop();
        Ok((items, span.end))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn precedence_is_python_s() {
        // Left: as typed; right: with every parenthesis that Python's grammar implies.
        for (text, explicit) in [
            ("k <= q and q - k < 4 or k < 1", "((k <= q) and ((q - k) < 4)) or (k < 1)"),
            ("not k == q and b == 0", "(not (k == q)) and (b == 0)"),
            ("-q ** 2", "-(q ** 2)"),
            ("2 ** -q ** 2", "2 ** (-(q ** 2))"),
            ("q & k == 0", "(q & k) == 0"),
            ("q | k ^ b & h << 1 + 2 * 3", "q | (k ^ (b & (h << (1 + (2 * 3)))))"),
            ("q - k - b", "(q - k) - b"),
            ("q // k % b * 2", "((q // k) % b) * 2"),
            ("~q + 1", "(~q) + 1"),
            ("1 if q < 1 else 2 if k < 1 else 3", "1 if (q < 1) else (2 if (k < 1) else 3)"),
            ("q - k in {1, 2}", "(q - k) in {1, 2}"),
        ] {
            let bare = |text: &str| super::super::print::text(&parse(text).unwrap());
            assert_eq!(bare(text), bare(explicit), "{text}");
        }
    }

    #[test]
    fn points_at_the_mistake() {
        use ErrorKind as E;
        let due = |what, found: &str| E::Expected { what, found: (!found.is_empty()).then(|| found.into()) };
        for (text, span, kind) in [
            ("", 0..0, E::Empty),
            ("  # nothing", 0..11, E::Empty),
            ("k <= ", 5..5, due(Due::Value, "")),
            ("(k <= q", 0..1, E::Unclosed { open: '(', close: ')' }),
            ("k <= q)", 6..7, E::Unopened { close: ')' }),
            ("abs(q - k", 3..4, E::Unclosed { open: '(', close: ')' }),
            ("k q", 2..3, due(Due::Operator, "q")),
            ("1 if q < 2", 10..10, due(Due::Else, "")),
            ("q in 3", 5..6, due(Due::Set, "3")),
            ("q not == 3", 6..8, due(Due::In, "==")),
            ("max(q k)", 6..7, due(Due::CommaOrClose, "k")),
            ("(q]", 2..3, due(Due::Operator, "]")),
            ("q in {1} < 2", 9..10, E::MixedChain),
            ("q < 1 in {2}", 6..8, E::MixedChain),
            ("* q", 0..1, due(Due::Value, "*")),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!((error.span, error.kind), (span, kind), "{text}");
        }
    }

    #[test]
    fn limits_hold() {
        use ErrorKind as E;
        let kind = |text: &str| parse(text).unwrap_err().kind;
        assert_eq!(kind(&"q+".repeat(3000)), E::TooLong { limit: MAX_BYTES, found: 6000 });
        assert_eq!(kind(&format!("{}q{}", "(".repeat(1000), ")".repeat(1000))), E::TooDeep { limit: MAX_DEPTH });
        assert_eq!(kind(&"-".repeat(4000)), E::TooDeep { limit: MAX_DEPTH });
        assert_eq!(kind(&format!("q{}", "+q".repeat(1000))), E::TooManyParts { limit: MAX_PARTS });
        assert!(parse(&format!("{}q{}", "(".repeat(60), ")".repeat(60))).is_ok());
        assert!(parse(&format!("q{}", "+q".repeat(127))).is_ok());
    }
}
