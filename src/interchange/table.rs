//! Lines of numbers, as spreadsheets copy them and files of values hold them: one row a line, cells apart by tabs, semicolons, commas or blanks.
//!
//! What separates is found in the whole text: tabs before semicolons before commas before blanks. Where it is no comma, commas are decimal
//! points. Cells may be in double quotes (RFC 4180). A first row without numbers, or with an empty corner, is a header; a first cell that is no number in
//! the first row below it makes the first column labels. Both are left out, with a word about it. An empty line starts the next head; `#`
//! starts a comment.

use std::borrow::Cow;

use super::error::words;
use super::lexer::number;
use super::numbers::{Shape, Stack};
use super::pace::Pace;
use super::{InterchangeError, Place, Words, shown};

/// Lines read between two rests.
const STEP: usize = 256;

/// What lies between two cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Between {
    Tab,
    Semicolon,
    Comma,
    Blanks,
}

impl Between {
    fn of(text: &str) -> Self {
        let (mut tab, mut semicolon, mut comma, mut tight) = (false, false, false, false);
        let (mut quoted, mut comment) = (false, false);
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\n' => comment = false,
                _ if comment => {}
                '"' => quoted = !quoted,
                _ if quoted => {}
                '#' => comment = true,
                '\t' => tab = true,
                ';' | '；' => semicolon = true,
                ',' | '，' => {
                    comma = true;
                    tight |= chars.peek().is_some_and(char::is_ascii_digit);
                }
                _ => {}
            }
        }
        match (tab, semicolon, comma) {
            // Tabs that align what commas separate.
            (true, false, true) if !tight => Self::Comma,
            (true, ..) => Self::Tab,
            (_, true, _) => Self::Semicolon,
            (_, _, true) => Self::Comma,
            _ => Self::Blanks,
        }
    }

    fn is(self, c: char) -> bool {
        match self {
            Self::Tab => c == '\t',
            Self::Semicolon => matches!(c, ';' | '；'),
            Self::Comma => matches!(c, ',' | '，'),
            Self::Blanks => c.is_whitespace(),
        }
    }
}

/// A cell and where it starts in the text, in bytes.
struct Cell<'a> {
    text: Cow<'a, str>,
    at: usize,
}

impl Cell<'_> {
    /// The number in it; `None` where it holds something else.
    fn number(&self, between: Between) -> Option<f32> {
        self.read(between).ok()
    }

    fn read(&self, between: Between) -> Result<f32, Words> {
        let text = self.text.as_ref();
        if between == Between::Comma || !text.contains([',', '，']) {
            return number(text);
        }
        let shown = shown(text);
        if text.contains('.') {
            return Err(words!(
                "\"{shown}\" has a comma and a point: write one decimal mark, and no marks for thousands",
                "\"{shown}\" 同时含有逗号和小数点：只使用一种小数点，且不要千位分隔符"
            ));
        }
        number(&text.replace([',', '，'], "."))
    }
}

/// The lines of a text, cell by cell.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    between: Between,
}

impl<'a> Lines<'a> {
    /// The cells of the next line into `cells`; whether there was one. Lines of nothing but a comment are passed over.
    fn next(&mut self, cells: &mut Vec<Cell<'a>>) -> Result<bool, InterchangeError> {
        loop {
            cells.clear();
            if self.at >= self.text.len() {
                return Ok(false);
            }
            let comment = self.line(cells)?;
            if !(comment && cells.is_empty()) {
                return Ok(true);
            }
        }
    }

    /// One line. Says whether it ended in a comment.
    fn line(&mut self, cells: &mut Vec<Cell<'a>>) -> Result<bool, InterchangeError> {
        let mut separated = false;
        loop {
            let rest = self.rest();
            let blank = |c: char| {
                c != '\n' && !(c == '\t' && self.between == Between::Tab) && (c.is_whitespace() || c == '\u{feff}')
            };
            let start = rest.find(|c| !blank(c)).unwrap_or(rest.len());
            self.at += start;
            let rest = self.rest();
            let end = match rest.chars().next() {
                None | Some('\n') => Some((rest.len().min(1), false)),
                Some('#') => {
                    let length = rest.find('\n').map_or(rest.len(), |end| end + 1);
                    Some((length, true))
                }
                _ => None,
            };
            if let Some((length, comment)) = end {
                if separated && self.between != Between::Blanks {
                    cells.push(Cell { text: Cow::Borrowed(""), at: self.at });
                }
                self.at += length;
                // A line of separators alone is as empty as spreadsheets can make it.
                if cells.iter().all(|cell| cell.text.is_empty()) {
                    cells.clear();
                }
                return Ok(comment);
            }
            let at = self.at;
            let text = if rest.starts_with('"') { self.quoted()? } else { self.plain() };
            cells.push(Cell { text, at });
            let next = self.rest().chars().next().filter(|&c| c != '\n' && self.between.is(c));
            separated = next.is_some();
            self.at += next.map_or(0, char::len_utf8);
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn plain(&mut self) -> Cow<'a, str> {
        let rest = self.rest();
        let end = rest.find(|c: char| matches!(c, '\n' | '#') || self.between.is(c)).unwrap_or(rest.len());
        self.at += end;
        Cow::Borrowed(rest[..end].trim())
    }

    /// A cell in quotes, two of which are one.
    fn quoted(&mut self) -> Result<Cow<'a, str>, InterchangeError> {
        let (from, mut out) = (self.at, String::new());
        self.at += 1;
        loop {
            let rest = self.rest();
            let Some(end) = rest.find('"') else {
                return Err(InterchangeError::invalid(
                    place(self.text, from),
                    words!("a quote that nothing closes", "引号没有闭合"),
                ));
            };
            out.push_str(&rest[..end]);
            self.at += end + 1;
            if !self.rest().starts_with('"') {
                break;
            }
            out.push('"');
            self.at += 1;
        }
        // What follows up to the next separator is no part of any number.
        let rest = self.rest();
        let end = rest.find(|c: char| c == '\n' || self.between.is(c)).unwrap_or(rest.len());
        out.push_str(rest[..end].trim_end());
        self.at += end;
        Ok(Cow::Owned(out.trim().to_owned()))
    }
}

/// Line and column of a byte, both from 1.
fn place(text: &str, at: usize) -> Place {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or(before).chars().filter(|&c| c != '\u{feff}').count() + 1;
    Place::At { line, column }
}

/// What of the lines is not numbers.
#[derive(Default)]
struct Frame {
    header: bool,
    labels: bool,
    /// An empty last column.
    tail: bool,
}

impl Frame {
    fn of(lines: &mut Lines, cells: &mut Vec<Cell>) -> Result<Self, InterchangeError> {
        let between = lines.between;
        let mut frame = Self::default();
        let (mut first, mut corner) = (true, false);
        let mut row = Vec::new();
        let mut ahead = Lines { text: lines.text, at: lines.at, between };
        while ahead.next(&mut row)? {
            if row.is_empty() {
                continue;
            }
            let numbers = row.iter().filter(|cell| cell.number(between).is_some()).count();
            if first {
                corner =
                    row.len() > 1 && row[0].text.is_empty() && row.iter().skip(1).all(|cell| !cell.text.is_empty());
                first = false;
                if corner || numbers == 0 {
                    frame.header = true;
                    continue;
                }
            }
            frame.tail = row.len() > 1 && row.last().is_some_and(|cell| cell.text.is_empty());
            let labelled =
                row.len() > 1 && row[0].number(between).is_none() && numbers == row.len() - 1 - usize::from(frame.tail);
            // A number that is written wrongly is no label.
            let word =
                row[0].text.chars().any(|c| !c.is_ascii_digit() && !matches!(c, '.' | ',' | '，' | ' ' | '-' | '+'));
            frame.labels = corner || labelled && word;
            cells.clear();
            return Ok(frame);
        }
        // Nothing but a header is no header: its first cell is what is wrong.
        Ok(Self::default())
    }

    fn notes(&self, between: Between, decimal: bool) -> Vec<Words> {
        let mut notes = Vec::new();
        if self.header {
            notes.push(words!("The first row was taken for a header and left out.", "首行视为表头，未计入。"));
        }
        if self.labels {
            notes.push(words!("The first column was taken for labels and left out.", "首列视为标签，未计入。"));
        }
        if decimal && between != Between::Comma {
            notes.push(words!("Commas were read as decimal points.", "逗号按小数点读取。"));
        }
        notes
    }
}

/// Reads a whole text as lines.
pub(super) async fn read(text: &str, pace: &impl Pace) -> Result<Stack, InterchangeError> {
    let between = Between::of(text);
    let mut lines = Lines { text, at: 0, between };
    let mut cells = Vec::new();
    let frame = Frame::of(&mut lines, &mut cells)?;
    let (mut shape, mut data) = (Shape::lines(), Vec::new());
    let (mut header, mut decimal, mut count) = (frame.header, false, 0_usize);
    shape.open(&Place::Text)?;
    while lines.next(&mut cells)? {
        count += 1;
        if count.is_multiple_of(STEP) {
            pace.rest().await;
        }
        let here = |cell: &Cell| place(text, cell.at);
        let Some(last) = cells.last() else {
            if shape.depth() == 2 {
                shape.close(|| Place::Text)?;
            }
            continue;
        };
        if std::mem::take(&mut header) {
            continue;
        }
        if shape.depth() == 1 {
            shape.open(&Place::Text)?;
        }
        shape.open(&Place::Text)?;
        let tail = usize::from(frame.tail && last.text.is_empty());
        let labels = usize::from(frame.labels);
        let row = shape.row();
        for cell in cells.iter().skip(labels).take(cells.len().saturating_sub(labels + tail)) {
            let column = shape.column();
            if cell.text.is_empty() {
                let problem = words!("row {row}, column {column} is empty", "第 {row} 行第 {column} 列为空");
                return Err(InterchangeError::invalid(here(cell), problem));
            }
            let value = cell.read(between).map_err(|problem| {
                let mixed = cell.text.contains(char::is_whitespace);
                let problem = if mixed && between != Between::Blanks {
                    let shown = shown(&cell.text);
                    words!(
                        "\"{shown}\" is not one number: write decimal points, and one kind of separator",
                        "\"{shown}\" 不是一个数：请使用小数点，并只用一种分隔符"
                    )
                } else {
                    problem
                };
                InterchangeError::invalid(here(cell), problem)
            })?;
            decimal |= cell.text.contains([',', '，']);
            shape.number(value, || here(cell))?;
            data.push(value);
        }
        shape.close(|| here(last))?;
    }
    if data.is_empty() {
        return Err(InterchangeError::invalid(Place::Text, words!("no numbers", "没有数值")));
    }
    while shape.depth() > 0 {
        shape.close(|| Place::Text)?;
    }
    let mut extents = shape.extents();
    if let [1, ..] = extents[..] {
        extents.remove(0);
    }
    Ok(Stack { extents, data, notes: frame.notes(between, decimal) })
}
