//! Functions that were made of formulas: asked for once for each bound formula, called by pointer. Nothing here is in the page's first piece but a question: whether there are any.

use std::cell::Cell;
use std::fmt::Debug;
use std::sync::OnceLock;

use super::write::{Code, MOST_SOURCES, write};
use crate::formula::bind::{Bound, Inner};
use crate::formula::table::LANES;

/// Makes functions of modules. There is one in a worker once [`install`] was called; without it formulas are evaluated operation by operation.
#[derive(Clone, Copy)]
pub struct Maker {
    /// Makes the module's function callable; its place in the program's table, or `None` where the browser refuses.
    pub make: fn(Vec<u8>) -> Option<usize>,
    /// Says that nobody calls it any more.
    pub forget: fn(usize),
    /// Calls it where there is no such table: values, sources, the first column, and the cells, of which there are whole registers.
    #[cfg(not(target_arch = "wasm32"))]
    pub run: fn(usize, &[u32], &[Source], i32, Cells),
}

/// Numbers that change along a row, from where the row's first cell or the data begin.
#[derive(Clone, Copy)]
pub enum Source<'a> {
    /// Entries of a table as bits.
    Words(&'a [u32]),
    /// Entries that are true or false, 0 is false.
    Bytes(&'a [u8]),
    /// Data.
    Ints(&'a [i32]),
    /// Data.
    Floats(&'a [f32]),
}

/// What is evaluated.
pub enum Cells<'a> {
    /// Scores, in place.
    Scores(&'a mut [f32]),
    /// Whether a mask allows.
    Mask(&'a mut [u8]),
    /// Scores, and what a sum changes by with the results, in whose place comes what it changes by with the scores; and what it changes by with each of [`Evaluate::sinks`]: with
    /// that of each cell, or, of what has one value along a row, [`SUMS`] sums of cells.
    Back(&'a [f32], &'a mut [f32], &'a mut [[f32; LANES]]),
}

/// How many sums of a row's cells are given.
pub const SUMS: usize = 4;

/// Which of a formula's functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The formula.
    Forth,
    /// Back to the score.
    Back,
    /// Back to the score, and to what parameters and tables of floats are part of.
    BackToAll,
}

/// A formula's function.
pub trait Evaluate: Debug + Send + Sync {
    /// The steps whose values it is given.
    fn values(&self) -> &[usize];
    /// The steps that the way back gives derivatives by beside the score, in the order of [`super::super::reverse::way_back`].
    fn sinks(&self) -> &[usize];
    /// Whether what becomes of a score follows from the score alone: then cells of any queries and keys of a head go along in one call.
    fn pointwise(&self) -> bool;
    /// Evaluates the cells `(q, k)`, `(q, k + 1)`, … of a batch entry and head, in place. False where a table ends before them, and nothing is done.
    fn run(&self, inner: &Inner, values: &[u32], row: (i32, i32, i32), k: i32, cells: Cells) -> bool;
}

/// What is asked for once: the functions of a formula; `None` in it where there is none.
pub type Asked = [OnceLock<Option<Box<dyn Evaluate>>>; 3];

type Compile = fn(&Inner, Way) -> Option<Box<dyn Evaluate>>;

thread_local! {
    static COMPILE: Cell<Option<Compile>> = const { Cell::new(None) };
    static MAKER: Cell<Option<Maker>> = const { Cell::new(None) };
}

/// Has formulas compiled from now on, in this thread.
pub fn install(maker: Maker) {
    MAKER.set(Some(maker));
    COMPILE.set(Some(compile));
}

/// A function of a formula, if it has it.
pub fn compiled(bound: &Bound, way: Way) -> Option<&dyn Evaluate> {
    let compile = COMPILE.get()?;
    bound.0.compiled[way as usize].get_or_init(|| compile(&bound.0, way)).as_deref()
}

fn compile(inner: &Inner, way: Way) -> Option<Box<dyn Evaluate>> {
    let (mut code, maker) = (write(inner, way)?, MAKER.get()?);
    let place = (maker.make)(std::mem::take(&mut code.module))?;
    Some(Box::new(Compiled { place, code }))
}

#[derive(Debug)]
struct Compiled {
    place: usize,
    code: Code,
}

/// `(values, sources, k, cells, count, by, sinks)`: see `write`.
#[cfg(target_arch = "wasm32")]
type Run = extern "C" fn(*const u32, *const *const u8, i32, *const u8, usize, *mut f32, *mut [f32; LANES]);

type Sources<'a> = [Source<'a>; MOST_SOURCES];

impl Evaluate for Compiled {
    fn values(&self) -> &[usize] {
        &self.code.values
    }

    fn sinks(&self) -> &[usize] {
        &self.code.sinks
    }

    fn pointwise(&self) -> bool {
        self.code.pointwise
    }

    fn run(&self, inner: &Inner, values: &[u32], row: (i32, i32, i32), k: i32, cells: Cells) -> bool {
        let count = match &cells {
            Cells::Scores(list) => list.len(),
            Cells::Mask(list) => list.len(),
            Cells::Back(scores, by, _) => scores.len().min(by.len()).min(LANES),
        };
        assert!(values.len() == self.code.values.len());
        let Some(mut sources) = self.sources(inner, row, k, count.next_multiple_of(4)) else { return false };
        let whole = count / 4 * 4;
        // Past the last whole register a copy is evaluated: four cells are read and written at a time.
        match cells {
            Cells::Scores(list) => {
                let (most, rest) = list.split_at_mut(whole);
                self.call(values, &sources, k, Cells::Scores(most));
                if !rest.is_empty() {
                    let mut last = four(rest);
                    self.go_on(&mut sources, whole);
                    self.call(values, &sources, k + whole as i32, Cells::Scores(&mut last));
                    rest.copy_from_slice(&last[..rest.len()]);
                }
            }
            Cells::Mask(list) => {
                let (most, rest) = list.split_at_mut(whole);
                self.call(values, &sources, k, Cells::Mask(most));
                if !rest.is_empty() {
                    let mut last = [0; 4];
                    self.go_on(&mut sources, whole);
                    self.call(values, &sources, k + whole as i32, Cells::Mask(&mut last));
                    rest.copy_from_slice(&last[..rest.len()]);
                }
            }
            Cells::Back(scores, by, sinks) if count == whole => {
                assert!(sinks.len() == self.code.sinks.len());
                self.call(values, &sources, k, Cells::Back(&scores[..count], &mut by[..count], sinks));
            }
            Cells::Back(scores, by, sinks) => {
                // With nothing that a sum changes by in the last ones.
                let (mut all, mut all_by, most) = ([0.0; LANES], [0.0; LANES], count.next_multiple_of(4));
                all[..count].copy_from_slice(&scores[..count]);
                all_by[..count].copy_from_slice(&by[..count]);
                assert!(sinks.len() == self.code.sinks.len());
                self.call(values, &sources, k, Cells::Back(&all[..most], &mut all_by[..most], sinks));
                by[..count].copy_from_slice(&all_by[..count]);
            }
        }
        true
    }
}

/// Fewer than four numbers, with zeros after them.
fn four(rest: &[f32]) -> [f32; 4] {
    let mut all = [0.0; 4];
    all[..rest.len()].copy_from_slice(rest);
    all
}

impl Compiled {
    /// Where the tables stand at a cell, if they hold `count` entries from there on, and where the data begins.
    fn sources<'a>(&self, inner: &'a Inner, (b, h, q): (i32, i32, i32), k: i32, count: usize) -> Option<Sources<'a>> {
        let mut sources = [Source::Bytes(&[]); MOST_SOURCES];
        let (tables, data) = sources.split_at_mut(self.code.tables.len());
        for (source, &table) in tables.iter_mut().zip(&self.code.tables) {
            let table = &inner.tables[table];
            let at = table.position(b, h, q, k);
            // What the generated code reads lies in the table.
            let part = at..at + count;
            *source = match table.words() {
                Some(words) => Source::Words(words.get(part)?),
                None => Source::Bytes(table.bytes()?.get(part)?),
            };
        }
        for (source, &data) in data.iter_mut().zip(&self.code.data) {
            *source = inner.with.data[data].values.source();
        }
        Some(sources)
    }

    /// Moves the tables on by `cells` cells.
    fn go_on(&self, sources: &mut Sources, cells: usize) {
        for source in &mut sources[..self.code.tables.len()] {
            *source = match *source {
                Source::Words(words) => Source::Words(&words[cells..]),
                Source::Bytes(bytes) => Source::Bytes(&bytes[cells..]),
                data => data,
            };
        }
    }

    /// Calls the function for whole registers.
    #[cfg(target_arch = "wasm32")]
    fn call(&self, values: &[u32], sources: &Sources, k: i32, cells: Cells) {
        let pointers = sources.map(|source| match source {
            Source::Words(all) => all.as_ptr().cast::<u8>(),
            Source::Bytes(all) => all.as_ptr(),
            Source::Ints(all) => all.as_ptr().cast(),
            Source::Floats(all) => all.as_ptr().cast(),
        });
        let (none, no_sinks) = (std::ptr::null_mut(), std::ptr::null_mut());
        let (cells, count, by, sinks) = match cells {
            Cells::Scores(list) => (list.as_mut_ptr() as *const u8, list.len() / 4, none, no_sinks),
            Cells::Mask(list) => (list.as_mut_ptr() as *const u8, list.len() / 4, none, no_sinks),
            Cells::Back(scores, by, sinks) => {
                (scores.as_ptr().cast(), by.len() / 4, by.as_mut_ptr(), sinks.as_mut_ptr())
            }
        };
        if count > 0 {
            // SAFETY: the maker has put a function of this type there, and it stays until this is dropped. It reads as many values as `run` has asserted and sources as `sources`
            // has made sure of (of data, what its indices, each kept within the table, lead to), and writes the cells, or what they change by.
            let run: Run = unsafe { std::mem::transmute(self.place) };
            run(values.as_ptr(), pointers.as_ptr(), k, cells, count, by, sinks);
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn call(&self, values: &[u32], sources: &Sources, k: i32, cells: Cells) {
        let empty = match &cells {
            Cells::Scores(list) => list.is_empty(),
            Cells::Mask(list) => list.is_empty(),
            Cells::Back(scores, ..) => scores.is_empty(),
        };
        if let (Some(maker), false) = (MAKER.get(), empty) {
            let sources = &sources[..self.code.tables.len() + self.code.data.len()];
            (maker.run)(self.place, values, sources, k, cells);
        }
    }
}

impl Drop for Compiled {
    fn drop(&mut self) {
        if let Some(maker) = MAKER.get() {
            (maker.forget)(self.place);
        }
    }
}
