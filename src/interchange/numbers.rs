//! Numbers as text to a matrix or a stack of matrices, one per head.
//!
//! Two shapes of text are read, told apart by the first character:
//!
//! - **brackets**: JSON arrays, and what NumPy and PyTorch print (`[[ 1.  2.]\n [3. 4.]]`, `array([[1., 2.]], dtype=float32)`), one to four
//!   deep; `[1 2; 3 4]` with semicolons between rows; one depth is one row;
//! - **lines**, as spreadsheets copy them ([`super::table`]).
//!
//! Numbers must be finite. What is over a limit of [`super::limits`] is refused before it is read.

use super::error::words;
use super::lexer::{Lexer, Token};
use super::limits::{COLUMNS, ROWS, TENSORS, TEXT};
use super::pace::{Pace, Straight, straight};
use super::{InterchangeError, Place, Words, shown, table};

/// Tokens read between two rests.
const STEP: usize = 4096;

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
    /// What was left out or taken for something, in sentences.
    pub notes: Vec<Words>,
}

impl Numbers {
    /// Reads pasted text.
    ///
    /// # Errors
    /// [`InterchangeError::TooLarge`] over [`TEXT`], [`ROWS`] or [`COLUMNS`]; [`InterchangeError::Invalid`] with line and column for anything that is not a
    /// finite number or a separator, a missing number, rows of unequal length; [`InterchangeError::Unsupported`] for more than three extents, but a
    /// first of 1 (the batch).
    pub fn parse(text: &str) -> Result<Self, InterchangeError> {
        straight(Self::read(text, &Straight))
    }

    /// As [`Self::parse`], resting now and then.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub async fn read(text: &str, pace: &impl Pace) -> Result<Self, InterchangeError> {
        let Stack { extents, data, notes } = Stack::read(text, pace).await?;
        let (heads, rows, cols) = match *extents.as_slice() {
            [cols] => (1, 1, cols),
            [rows, cols] => (1, rows, cols),
            [heads, rows, cols] | [1, heads, rows, cols] => (heads, rows, cols),
            _ => {
                let problem = words!(
                    "extents {extents:?}: of four, the first (batch) must be 1",
                    "维度 {extents:?}：四维时第一维（批）必须为 1"
                );
                return Err(InterchangeError::unsupported(Place::Text, problem));
            }
        };
        Ok(Self { heads, rows, cols, data, notes })
    }

    /// The rows, when there is one matrix.
    ///
    /// # Errors
    /// [`InterchangeError::Unsupported`] with several heads.
    pub fn matrix(&self) -> Result<Vec<Vec<f32>>, InterchangeError> {
        if self.heads != 1 {
            let heads = self.heads;
            let problem = words!(
                "{heads} matrices (empty lines separate them), expected one",
                "有 {heads} 个矩阵（以空行分隔），应为一个"
            );
            return Err(InterchangeError::unsupported(Place::Text, problem));
        }
        Ok(self.rows())
    }

    /// The rows of all matrices, one after the other.
    pub fn rows(&self) -> Vec<Vec<f32>> {
        self.data.chunks(self.cols).map(<[f32]>::to_vec).collect()
    }
}

/// Numbers with any extents up to four.
#[derive(Clone, Debug, PartialEq)]
pub struct Stack {
    /// Extents, outermost first, none of them 0.
    pub extents: Vec<usize>,
    /// The numbers, row-major.
    pub data: Vec<f32>,
    /// As of [`Numbers`].
    pub notes: Vec<Words>,
}

impl Stack {
    /// Reads text of either shape.
    ///
    /// # Errors
    /// As [`Numbers::parse`], but for the extents.
    pub async fn read(text: &str, pace: &impl Pace) -> Result<Self, InterchangeError> {
        let mut lexer = start(text)?;
        let call = lexer.take_call();
        if !lexer.at_bracket() {
            if lexer.take('{') {
                let problem = words!(
                    "several named arrays; open them as a .json file, or paste the list of one",
                    "含有多个具名数组；请作为 .json 文件打开，或只粘贴其中一个列表"
                );
                return Err(InterchangeError::unsupported(Place::Text, problem));
            }
            return table::read(text, pace).await;
        }
        let stack = brackets(&mut lexer, pace).await?;
        if call {
            lexer.take_call_end()?;
        }
        loop {
            match lexer.next()? {
                (Token::LineEnd, _) => {}
                (Token::End, _) => return Ok(stack),
                (_, place) => {
                    let problem = words!(
                        "something follows the closing bracket; put one outer bracket around all",
                        "闭合括号之后还有内容；请在最外层加一对括号"
                    );
                    return Err(InterchangeError::invalid(place, problem));
                }
            }
        }
    }

    /// Reads arrays by name, `{"q": [[1, 2]], "k": …}`; a text that is none of these is one array without a name.
    ///
    /// # Errors
    /// As [`Stack::read`]; a name that comes twice, or no array under it.
    pub async fn named(text: &str, pace: &impl Pace) -> Result<Vec<(String, Self)>, InterchangeError> {
        let mut lexer = start(text)?;
        if !lexer.take('{') {
            return Ok(vec![(String::new(), Self::read(text, pace).await?)]);
        }
        let mut found: Vec<(String, Self)> = Vec::new();
        loop {
            let wrong = |lexer: &Lexer, problem| Err(InterchangeError::invalid(lexer.place(), problem));
            let Some(name) = lexer.take_string() else {
                return wrong(&lexer, words!("expected the name of an array in quotes", "此处应为带引号的数组名称"));
            };
            if !lexer.take(':') || !lexer.at_bracket() {
                let name = shown(&name);
                return wrong(
                    &lexer,
                    words!("\"{name}\" is not followed by a list of numbers", "\"{name}\" 之后不是数值列表"),
                );
            }
            if found.iter().any(|(other, _)| *other == name) {
                let name = shown(&name);
                return wrong(&lexer, words!("\"{name}\" comes twice", "\"{name}\" 出现了两次"));
            }
            if found.len() == TENSORS {
                let count = TENSORS as u64;
                return Err(InterchangeError::too_large(Place::Text, count + 1, count, "tensors"));
            }
            found.push((name, brackets(&mut lexer, pace).await?));
            if lexer.take(',') {
                continue;
            }
            if !lexer.take('}') {
                return wrong(&lexer, words!("expected , or }} here", "此处应为 , 或 }}"));
            }
            return match lexer.next()? {
                (Token::End, _) => Ok(found),
                (_, place) => Err(InterchangeError::invalid(
                    place,
                    words!("something follows the closing brace", "闭合花括号之后还有内容"),
                )),
            };
        }
    }
}

/// The text, if it is not too long.
fn start(text: &str) -> Result<Lexer<'_>, InterchangeError> {
    if text.len() > TEXT {
        return Err(InterchangeError::too_large(Place::Text, text.len() as u64, TEXT as u64, "bytes"));
    }
    Ok(Lexer::new(text))
}

/// Extents found so far, outermost first: `extents[i]` is set when a bracket of depth `i` first closes, and binds all later ones.
#[derive(Default)]
pub(super) struct Shape {
    extents: [Option<usize>; MAX_DEPTH],
    /// Items so far in each open bracket.
    open: Vec<usize>,
    /// Depth at which numbers stand, set by the first.
    leaf: Option<usize>,
    /// Rows so far.
    rows: usize,
}

const MAX_DEPTH: usize = 4;

impl Shape {
    /// Of lines: matrices of rows of numbers.
    pub(super) fn lines() -> Self {
        Self { leaf: Some(3), ..Self::default() }
    }

    /// Brackets that are open.
    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    /// Number of the open row inside its matrix, from 1.
    pub(super) fn row(&self) -> usize {
        self.open.iter().rev().nth(1).copied().unwrap_or(1)
    }

    /// Number of the next number in its row, from 1.
    pub(super) fn column(&self) -> usize {
        self.open.last().map_or(1, |items| items + 1)
    }

    pub(super) fn extents(&self) -> Vec<usize> {
        self.extents.iter().map_while(|&extent| extent).collect()
    }

    pub(super) fn open(&mut self, place: &Place) -> Result<(), InterchangeError> {
        if self.open.len() == MAX_DEPTH {
            let problem = words!("brackets deeper than [batch][head][row][column]", "括号层数超过 [批][头][行][列]");
            return Err(InterchangeError::unsupported(place.clone(), problem));
        }
        if self.leaf.is_some_and(|leaf| self.open.len() >= leaf) {
            let problem = words!("a bracket where a number was expected", "此处应为数，却是括号");
            return Err(InterchangeError::invalid(place.clone(), problem));
        }
        if let Some(parent) = self.open.last_mut() {
            *parent += 1;
        }
        self.open.push(0);
        Ok(())
    }

    pub(super) fn number(&mut self, value: f32, place: impl Fn() -> Place) -> Result<(), InterchangeError> {
        let depth = self.open.len();
        if *self.leaf.get_or_insert(depth) != depth {
            let problem = words!("a number where a bracket was expected", "此处应为括号，却是数");
            return Err(InterchangeError::invalid(place(), problem));
        }
        if !value.is_finite() {
            let (row, column) = (self.row(), self.column());
            let problem = words!(
                "row {row}, column {column} is {value}: numbers must be finite",
                "第 {row} 行第 {column} 列为 {value}：必须是有限数"
            );
            return Err(InterchangeError::invalid(place(), problem));
        }
        if let Some(row) = self.open.last_mut() {
            *row += 1;
            if *row > COLUMNS {
                return Err(InterchangeError::too_large(place(), *row as u64, COLUMNS as u64, "columns"));
            }
        }
        Ok(())
    }

    pub(super) fn close(&mut self, place: impl Fn() -> Place) -> Result<(), InterchangeError> {
        let row = self.row();
        let Some(items) = self.open.pop() else {
            let problem = words!("a closing bracket without an opening one", "闭合括号没有对应的开括号");
            return Err(InterchangeError::invalid(place(), problem));
        };
        if items == 0 {
            return Err(InterchangeError::invalid(place(), words!("an empty bracket", "空括号")));
        }
        let is_row = self.leaf == Some(self.open.len() + 1);
        if is_row {
            self.rows += 1;
            if self.rows > ROWS {
                return Err(InterchangeError::too_large(place(), self.rows as u64, ROWS as u64, "rows"));
            }
        }
        let extent = *self.extents[self.open.len()].get_or_insert(items);
        if extent != items {
            let problem = if is_row {
                words!(
                    "row {row} has length {items}, those before it have length {extent}",
                    "第 {row} 行的长度为 {items}，之前的行为 {extent}"
                )
            } else {
                words!("{items} rows here, {extent} in those before", "此处有 {items} 行，之前的有 {extent} 行")
            };
            return Err(InterchangeError::invalid(place(), problem));
        }
        Ok(())
    }
}

/// Reads up to and including the outermost closing bracket.
async fn brackets(lexer: &mut Lexer<'_>, pace: &impl Pace) -> Result<Stack, InterchangeError> {
    let (mut shape, mut data) = (Shape::default(), Vec::new());
    // With semicolons the single bracket is read as if each row had one of its own.
    let mut semicolons = false;
    let mut comma: Option<Place> = None;
    for count in 1_usize.. {
        if count.is_multiple_of(STEP) {
            pace.rest().await;
        }
        let (token, place) = lexer.next()?;
        match (token, comma.take()) {
            (Token::LineEnd, before) => comma = before,
            (Token::Comma | Token::Semicolon | Token::Close | Token::End, Some(before)) => {
                return Err(InterchangeError::invalid(
                    before,
                    words!("no number follows this comma", "此逗号之后没有数"),
                ));
            }
            (Token::Open, _) => shape.open(&place)?,
            (Token::Number(value), _) => {
                shape.number(value, || place.clone())?;
                data.push(value);
            }
            (Token::Comma, _) => {
                if shape.open.last().is_none_or(|&items| items == 0) {
                    return Err(InterchangeError::invalid(
                        place,
                        words!("a comma with no number before it", "此逗号之前没有数"),
                    ));
                }
                comma = Some(place);
            }
            (Token::Semicolon, _) => {
                if !semicolons {
                    if shape.open.len() != 1 || shape.leaf != Some(1) {
                        return Err(InterchangeError::invalid(
                            place,
                            words!("a semicolon inside nested brackets", "分号位于嵌套括号内"),
                        ));
                    }
                    semicolons = true;
                    // What was one row of depth 1 becomes the first row of depth 2.
                    shape.open.insert(0, 1);
                    shape.leaf = Some(2);
                }
                shape.close(|| place.clone())?;
                shape.open(&place)?;
            }
            (Token::Close, _) => {
                shape.close(|| place.clone())?;
                if semicolons {
                    shape.close(|| place.clone())?;
                }
                if shape.open.is_empty() {
                    return Ok(Stack { extents: shape.extents(), data, notes: Vec::new() });
                }
            }
            (Token::End, _) => {
                return Err(InterchangeError::invalid(
                    place,
                    words!("the text ends before the closing bracket", "文本在闭合括号之前结束"),
                ));
            }
        }
    }
    // Every token but the last is one of many; the last one returns.
    Err(InterchangeError::invalid(Place::Text, words!("the text does not end", "文本没有结尾")))
}

#[cfg(test)]
#[path = "numbers_tests.rs"]
mod tests;
