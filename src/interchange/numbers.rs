//! Pasted numbers to a matrix or a stack of matrices, one per head.
//!
//! Two shapes of text are read, told apart by the first character:
//!
//! - **brackets**: JSON arrays, and what NumPy and PyTorch print (`[[ 1.  2.]\n [3. 4.]]`, `array([[1., 2.]], dtype=float32)`), two to four
//!   deep, of four only with a first extent of 1 (the batch); `[1 2; 3 4]` with semicolons between rows; one depth is one row;
//! - **lines**: one row a line, numbers separated by white space, tabs, commas or semicolons; an empty line starts the next head;
//!   `#` starts a comment.
//!
//! A line with both commas and semicolons is refused, as its commas may be decimal points.

use super::lexer::{Lexer, Token};
use super::{InterchangeError, Place};

/// Limit on the text: 4 MiB, which holds at most 2 Mi numbers.
pub const MAX_TEXT: usize = 4 << 20;

/// Numbers of equal rows: `[heads, rows, cols]`, row-major, none of the extents 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Numbers {
    /// Matrices; 1 for a single one.
    pub heads: usize,
    /// Rows of each.
    pub rows: usize,
    /// Numbers in a row.
    pub cols: usize,
    /// The numbers.
    pub data: Vec<f32>,
}

impl Numbers {
    /// Reads pasted text.
    ///
    /// # Errors
    /// [`InterchangeError::TooLarge`] over [`MAX_TEXT`]; [`InterchangeError::Invalid`] with line and column for anything that is not a
    /// number or a separator, a missing number, rows of unequal length; [`InterchangeError::Unsupported`] for more than three extents.
    pub fn parse(text: &str) -> Result<Self, InterchangeError> {
        if text.len() > MAX_TEXT {
            return Err(InterchangeError::TooLarge {
                place: Place::Text,
                size: text.len() as u64,
                limit: MAX_TEXT as u64,
                unit: "bytes",
            });
        }
        let mut lexer = Lexer::new(text);
        let call = lexer.take_call();
        if !lexer.at_bracket() {
            return lines(&mut lexer);
        }
        let numbers = brackets(&mut lexer)?;
        if call {
            lexer.take_call_end()?;
        }
        loop {
            match lexer.next()? {
                (Token::LineEnd, _) => {}
                (Token::End, _) => return Ok(numbers),
                (_, place) => {
                    return Err(InterchangeError::invalid(
                        place,
                        "something follows the closing bracket; put one outer bracket around all",
                    ));
                }
            }
        }
    }

    /// The rows, when there is one matrix.
    ///
    /// # Errors
    /// [`InterchangeError::Unsupported`] with several heads.
    pub fn matrix(&self) -> Result<Vec<Vec<f32>>, InterchangeError> {
        if self.heads != 1 {
            let problem = format!("{} matrices (empty lines separate them), expected one", self.heads);
            return Err(InterchangeError::unsupported(Place::Text, problem));
        }
        Ok(self.data.chunks(self.cols).map(<[f32]>::to_vec).collect())
    }
}

/// Extents found so far, outermost first: `extents[i]` is set when a bracket of depth `i` first closes, and binds all later ones.
#[derive(Default)]
struct Shape {
    extents: [Option<usize>; MAX_DEPTH],
    /// Items so far in each open bracket.
    open: Vec<usize>,
    /// Depth at which numbers stand, set by the first.
    leaf: Option<usize>,
}

const MAX_DEPTH: usize = 4;

impl Shape {
    fn open(&mut self, place: &Place) -> Result<(), InterchangeError> {
        if self.open.len() == MAX_DEPTH {
            return Err(InterchangeError::unsupported(
                place.clone(),
                "brackets deeper than [batch][head][row][column]",
            ));
        }
        if self.leaf.is_some_and(|leaf| self.open.len() >= leaf) {
            return Err(InterchangeError::invalid(place.clone(), "a bracket where a number was expected"));
        }
        if let Some(parent) = self.open.last_mut() {
            *parent += 1;
        }
        self.open.push(0);
        Ok(())
    }

    fn number(&mut self, place: &Place) -> Result<(), InterchangeError> {
        let depth = self.open.len();
        if *self.leaf.get_or_insert(depth) != depth {
            return Err(InterchangeError::invalid(place.clone(), "a number where a bracket was expected"));
        }
        if let Some(row) = self.open.last_mut() {
            *row += 1;
        }
        Ok(())
    }

    fn close(&mut self, place: &Place) -> Result<(), InterchangeError> {
        let Some(items) = self.open.pop() else {
            return Err(InterchangeError::invalid(place.clone(), "a closing bracket without an opening one"));
        };
        if items == 0 {
            return Err(InterchangeError::invalid(place.clone(), "an empty bracket"));
        }
        let extent = *self.extents[self.open.len()].get_or_insert(items);
        if extent != items {
            let what = if self.leaf == Some(self.open.len() + 1) { "numbers" } else { "rows" };
            return Err(InterchangeError::invalid(
                place.clone(),
                format!("{items} {what} here, {extent} in those before"),
            ));
        }
        Ok(())
    }

    fn finish(&self, data: Vec<f32>, place: &Place) -> Result<Numbers, InterchangeError> {
        let extents: Vec<usize> = self.extents.iter().map_while(|&extent| extent).collect();
        let (heads, rows, cols) = match *extents.as_slice() {
            [cols] => (1, 1, cols),
            [rows, cols] => (1, rows, cols),
            [heads, rows, cols] | [1, heads, rows, cols] => (heads, rows, cols),
            _ => {
                let problem = format!("extents {extents:?}: of four, the first (batch) must be 1");
                return Err(InterchangeError::unsupported(place.clone(), problem));
            }
        };
        Ok(Numbers { heads, rows, cols, data })
    }
}

/// Reads up to and including the outermost closing bracket.
fn brackets(lexer: &mut Lexer<'_>) -> Result<Numbers, InterchangeError> {
    let (mut shape, mut data) = (Shape::default(), Vec::new());
    // With semicolons the single bracket is read as if each row had one of its own.
    let mut semicolons = false;
    let mut comma: Option<Place> = None;
    loop {
        let (token, place) = lexer.next()?;
        match (token, comma.take()) {
            (Token::LineEnd, before) => comma = before,
            (Token::Comma | Token::Semicolon | Token::Close | Token::End, Some(before)) => {
                return Err(InterchangeError::invalid(before, "no number follows this comma"));
            }
            (Token::Open, _) => shape.open(&place)?,
            (Token::Number(value), _) => {
                shape.number(&place)?;
                data.push(value);
            }
            (Token::Comma, _) => {
                if shape.open.last().is_none_or(|&items| items == 0) {
                    return Err(InterchangeError::invalid(place, "a comma with no number before it"));
                }
                comma = Some(place);
            }
            (Token::Semicolon, _) => {
                if !semicolons {
                    if shape.open.len() != 1 || shape.leaf != Some(1) {
                        return Err(InterchangeError::invalid(place, "a semicolon inside nested brackets"));
                    }
                    semicolons = true;
                    // What was one row of depth 1 becomes the first row of depth 2.
                    shape.open.insert(0, 1);
                    shape.leaf = Some(2);
                }
                shape.close(&place)?;
                shape.open(&place)?;
            }
            (Token::Close, _) => {
                shape.close(&place)?;
                if semicolons {
                    shape.close(&place)?;
                }
                if shape.open.is_empty() {
                    return shape.finish(data, &place);
                }
            }
            (Token::End, _) => {
                return Err(InterchangeError::invalid(place, "the text ends before the closing bracket"));
            }
        }
    }
}

/// Reads the whole text as lines, each as if it were a bracket of its own.
fn lines(lexer: &mut Lexer<'_>) -> Result<Numbers, InterchangeError> {
    let (mut shape, mut data) = (Shape { leaf: Some(3), ..Shape::default() }, Vec::new());
    let start = Place::At { line: 1, column: 1 };
    shape.open(&start)?;
    let mut separator: Option<(Token, Place)> = None;
    // The separator that the line has used: two kinds on one line are ambiguous.
    let mut kind: Option<Token> = None;
    loop {
        let (token, place) = lexer.next()?;
        let row_open = shape.open.len() == 3;
        match token {
            Token::Number(value) => {
                while shape.open.len() < 3 {
                    shape.open(&place)?;
                }
                shape.number(&place)?;
                data.push(value);
                separator = None;
            }
            Token::Comma | Token::Semicolon => {
                if !row_open || separator.is_some() {
                    return Err(InterchangeError::invalid(place, "a separator with no number before it"));
                }
                if *kind.get_or_insert(token) != token {
                    let problem = "commas and semicolons on one line: write decimal points, and one kind of separator";
                    return Err(InterchangeError::invalid(place, problem));
                }
                separator = Some((token, place));
            }
            Token::LineEnd | Token::End => {
                if let Some((_, before)) = separator.take() {
                    return Err(InterchangeError::invalid(before, "no number follows this separator"));
                }
                kind = None;
                if row_open {
                    shape.close(&place)?;
                } else if shape.open.len() == 2 {
                    shape.close(&place)?; // an empty line ends the matrix
                }
                if token == Token::End {
                    break;
                }
            }
            Token::Open | Token::Close => {
                return Err(InterchangeError::invalid(place, "a bracket among plain numbers"));
            }
        }
    }
    let end = Place::Text;
    if data.is_empty() {
        return Err(InterchangeError::invalid(end, "no numbers"));
    }
    while !shape.open.is_empty() {
        shape.close(&end)?;
    }
    shape.finish(data, &end)
}

#[cfg(test)]
#[path = "numbers_tests.rs"]
mod tests;
