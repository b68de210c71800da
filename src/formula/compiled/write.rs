//! The module of a formula.

use wasm_encoder::{
    CodeSection, EntityType, ExportKind, ExportSection, Function, FunctionSection, ImportSection, InstructionSink,
    MemArg, MemoryType, Module, TypeSection, ValType,
};

use super::call::Way;
use crate::formula::bind::Inner;
use crate::formula::machine::reach;
use crate::formula::program::Axis;
use crate::formula::reverse::{WayBack, way_back};
use crate::formula::table::simd::slope::Back;
use crate::formula::table::simd::{Emit, Simd};
use crate::formula::table::{DERIVED, LANES, SIMD};
use crate::formula::typed::Op;
use crate::formula::values::{Ty, Var};

/// The parameters of the function, `(values, sources, k, cells, count, by, sinks)`: numbers that the row does not change, pointers to what it does, the first column, scores that are
/// changed in place (or, of a mask, bytes that are written), how many times four cells; and, backwards, what the sum changes by with the results, in whose place that by the
/// scores is put, and for each sink a row of [`LANES`] numbers, in which those by it are put: of a sink that has one value along the row four sums, each of every fourth cell. The
/// scores stay then.
const VALUES: u32 = 0;
const SOURCES: u32 = 1;
const COLUMN: u32 = 2;
const CELLS: u32 = 3;
const COUNT: u32 = 4;
const BY: u32 = 5;
const SINKS: u32 = 6;
const PARAMETERS: u32 = 7;
/// Where the rows of the sinks are gone along.
const ALONG: u32 = PARAMETERS;
/// Pointers to the tables.
const TABLES: u32 = PARAMETERS + 1;

/// The most tables of one formula; more are left to the lanes.
pub const MOST_SOURCES: usize = 16;

/// Bytes of four numbers.
const REGISTER: i32 = 16;

/// A module, and what its function is to be given.
#[derive(Debug, Default)]
pub struct Code {
    /// The module: it imports `env.memory` and exports one function, `f`.
    pub module: Vec<u8>,
    /// The steps whose values it reads, in their order.
    pub values: Vec<usize>,
    /// The tables along the row that it reads, in the order of their pointers.
    pub tables: Vec<usize>,
    /// The tables of data, whose pointers come after those.
    pub data: Vec<usize>,
    /// The steps beside the score that it gives derivatives by.
    pub sinks: Vec<usize>,
    /// Whether what becomes of a score follows from the score alone, for every query and key of a head.
    pub pointwise: bool,
}

/// Writes the steps that change along a row, and their way back where that is wanted. `None` where nothing changes, and where an operation can't be written.
pub fn write(inner: &Inner, way: Way) -> Option<Code> {
    let (steps, root, back) = (&inner.steps, inner.root, way != Way::Forth);
    let mask = steps[root].ty == Ty::Bool;
    if mask && back || inner.fixed[root] || inner.table_of[root].is_some() || steps[root].ty == Ty::Int {
        return None;
    }
    let order = reach(steps, root, |at| inner.table_of[at].is_some());
    let order = order.into_iter().filter(|&at| !inner.fixed[at]);
    let mut code = Code::default();
    for at in order.clone() {
        let (list, source) = match (inner.table_of[at], steps[at].op) {
            (Some(table), _) => (&mut code.tables, table),
            (None, Op::Read(data, _)) => (&mut code.data, usize::from(data)),
            _ => continue,
        };
        if !list.contains(&source) {
            list.push(source);
        }
    }
    let sources = code.tables.len() + code.data.len();
    if sources > MOST_SOURCES {
        return None;
    }
    let mut emit = Emit::new(TABLES + sources as u32);
    for source in 0..sources as u32 {
        let pointer = words(u64::from(source) * 4);
        emit.before().local_get(SOURCES).i32_load(pointer).local_set(TABLES + source);
    }
    let mut local: Vec<Option<u32>> = vec![None; steps.len()];
    let mut column = None;
    for at in order.clone() {
        let made = match (inner.table_of[at], steps[at].op) {
            (Some(table), _) => {
                let source = TABLES + code.tables.iter().position(|known| *known == table)? as u32;
                entries(&mut emit, source, steps[at].ty)
            }
            (None, Op::Var(Var::K)) => *column.get_or_insert_with(|| first_columns(&mut emit)),
            (None, Op::Var(_)) => {
                let made = emit.lasting();
                emit.code().local_get(CELLS).v128_load(words(0)).local_set(made);
                made
            }
            (None, Op::Row(row, operands)) => {
                let operands: Vec<u32> =
                    operands.iter().map(|id| operand(&mut emit, &mut local, &mut code, inner, id)).collect();
                let made = match SIMD[usize::from(row)] {
                    Simd::One(instruction) => emit.op(&operands, instruction),
                    Simd::Exact(write) => write(&mut emit, &operands),
                    Simd::Near(_) if mask => return None,
                    Simd::Near(write) => write(&mut emit, &operands),
                };
                emit.keep(made)
            }
            (None, Op::Read(data, operands)) => {
                let indices: Vec<u32> =
                    operands.iter().map(|id| operand(&mut emit, &mut local, &mut code, inner, id)).collect();
                let place = code.data.iter().position(|known| *known == usize::from(data))?;
                let source = TABLES + (code.tables.len() + place) as u32;
                gathered(&mut emit, source, &indices, &inner.with.data[usize::from(data)].shape, steps[at].ty)
            }
            (None, Op::Constant(_) | Op::Param(_)) => return None,
        };
        local[at] = Some(made);
    }
    let mut totals = Vec::new();
    if back {
        let order: Vec<usize> = order.clone().collect();
        let WayBack { by_cell, sinks, .. } = way_back(inner, way == Way::BackToAll);
        totals = derive(&mut emit, inner, &order, &local, &by_cell, &sinks)?;
        code.sinks = sinks;
    } else {
        store(&mut emit, local[root]?, mask);
    }
    let step = if mask { 4 } else { REGISTER };
    emit.code().local_get(CELLS).i32_const(step).i32_add().local_set(CELLS);
    for (source, table) in (TABLES..).zip(&code.tables) {
        let step = if inner.tables[*table].bytes().is_some() { 4 } else { REGISTER };
        emit.code().local_get(source).i32_const(step).i32_add().local_set(source);
    }
    if let Some(column) = column {
        let four = emit.i32(4);
        emit.code().local_get(column).local_get(four).i32x4_add().local_set(column);
    }
    code.pointwise = !mask
        && sources == 0
        && order.into_iter().chain(code.values.iter().copied()).all(|at| steps[at].needs.axis == Axis::None);
    code.module = module(emit, sources as u32, &totals);
    Some(code)
}

/// The local of an operand; one that the row does not change is read before the loop.
fn operand(emit: &mut Emit, local: &mut [Option<u32>], code: &mut Code, inner: &Inner, id: usize) -> u32 {
    if let Some(known) = local[id] {
        return known;
    }
    let (kept, at) = (emit.lasting(), words(code.values.len() as u64 * 4));
    let mut f = emit.before();
    f.local_get(VALUES).v128_load32_splat(at);
    if inner.steps[id].ty == Ty::Bool {
        f.i32_const(0).i32x4_splat().i32x4_ne();
    }
    f.local_set(kept);
    code.values.push(id);
    local[id] = Some(kept);
    kept
}

/// The columns of the first four cells.
fn first_columns(emit: &mut Emit) -> u32 {
    let (column, steps) = (emit.lasting(), emit.constant(3 << 96 | 2 << 64 | 1 << 32));
    emit.before().local_get(COLUMN).i32x4_splat().local_get(steps).i32x4_add().local_set(column);
    column
}

/// Four entries of a table along the row.
fn entries(emit: &mut Emit, source: u32, ty: Ty) -> u32 {
    let made = emit.lasting();
    let zero = emit.i32(0);
    let mut f = emit.code();
    if ty == Ty::Bool {
        f.local_get(source).v128_load32_zero(bytes());
        f.i16x8_extend_low_i8x16_u().i32x4_extend_low_i16x8_u().local_get(zero).i32x4_ne();
    } else {
        f.local_get(source).v128_load(words(0));
    }
    f.local_set(made);
    made
}

/// Four entries of a table of data, each index kept within it.
fn gathered(emit: &mut Emit, source: u32, indices: &[u32], shape: &[usize], ty: Ty) -> u32 {
    let (place, made, zero) = (emit.lasting(), emit.lasting(), emit.i32(0));
    emit.code().local_get(zero).local_set(place).local_get(zero).local_set(made);
    for (&index, &extent) in indices.iter().zip(shape) {
        let (times, last) = (emit.i32(extent as i32), emit.i32(extent as i32 - 1));
        let mut f = emit.code();
        f.local_get(place).local_get(times).i32x4_mul();
        f.local_get(index).local_get(zero).i32x4_max_s().local_get(last).i32x4_min_s();
        f.i32x4_add().local_set(place);
    }
    for lane in 0..4 {
        let mut f = emit.code();
        f.local_get(source).local_get(place).i32x4_extract_lane(lane);
        if ty == Ty::Bool {
            f.i32_add().local_get(made).v128_load8_lane(bytes(), 4 * lane);
        } else {
            f.i32_const(2).i32_shl().i32_add().local_get(made).v128_load32_lane(words(0), lane);
        }
        f.local_set(made);
    }
    if ty == Ty::Bool {
        emit.code().local_get(made).local_get(zero).i32x4_ne().local_set(made);
    }
    made
}

/// Writes four results, and goes on to the next four.
fn store(emit: &mut Emit, result: u32, mask: bool) {
    let ones = emit.constant(u128::from_ne_bytes([1; 16]));
    let mut f = emit.code();
    if mask {
        f.local_get(CELLS).local_get(result).local_get(result).i16x8_narrow_i32x4_s();
        f.local_get(result).i8x16_narrow_i16x8_s().local_get(ones).v128_and().v128_store32_lane(bytes(), 0);
    } else {
        f.local_get(CELLS).local_get(result).v128_store(words(0));
    }
}

/// Goes from the result back to the score and the sinks: what the sum changes by with each step is put together from the steps that take it, the last of which come first. Gives the
/// locals of sums that are to be written when the row is done, and which sink's each is.
fn derive(
    emit: &mut Emit,
    inner: &Inner,
    order: &[usize],
    local: &[Option<u32>],
    by_cell: &[bool],
    sinks: &[usize],
) -> Option<Vec<(u64, u32)>> {
    let steps = &inner.steps;
    let wanted = |at: usize| by_cell[at] || sinks.contains(&at);
    let mut by: Vec<Option<u32>> = vec![None; steps.len()];
    let first = emit.lasting();
    emit.code().local_get(BY).v128_load(words(0)).local_set(first);
    by[inner.root] = Some(first);
    let mut score = emit.i32(0);
    for &at in order.iter().rev() {
        let Some(all) = by[at].filter(|_| by_cell[at]) else { continue };
        match steps[at].op {
            Op::Row(row, operands) => {
                let Some(derived) = DERIVED[usize::from(row)] else { continue };
                let of: Vec<u32> = operands.iter().map(|id| local[id]).collect::<Option<_>>()?;
                let here = Back { of: &of, result: local[at]?, by: all };
                for (i, id) in operands.iter().enumerate().filter(|(_, id)| wanted(*id)) {
                    let part = derived(emit, &here, i)?;
                    let sum = match by[id] {
                        Some(so_far) => emit.op(&[so_far, part], |f| {
                            f.f32x4_add();
                        }),
                        None => part,
                    };
                    by[id] = Some(emit.keep(sum));
                }
            }
            Op::Var(_) => score = all,
            // Each cell's derivative belongs to an entry of its own.
            Op::Read(..) => return None,
            Op::Constant(_) | Op::Param(_) => {}
        }
    }
    let mut totals = Vec::new();
    if !sinks.is_empty() {
        emit.before().local_get(SINKS).local_set(ALONG);
    }
    for (row, sink) in (0..).zip(sinks) {
        let all = by[*sink].unwrap_or_else(|| emit.i32(0));
        if steps[*sink].needs.axis.along_row() {
            emit.code().local_get(ALONG).local_get(all).v128_store(words(row_of(row)));
        } else {
            // Cells behind the row's last add nothing: where the sum does not change by a result, no slope counts.
            let total = emit.lasting();
            emit.code().local_get(all).local_get(total).f32x4_add().local_set(total);
            totals.push((row, total));
        }
    }
    if sinks.len() > totals.len() {
        emit.code().local_get(ALONG).i32_const(REGISTER).i32_add().local_set(ALONG);
    }
    emit.code().local_get(BY).local_get(score).v128_store(words(0));
    emit.code().local_get(BY).i32_const(REGISTER).i32_add().local_set(BY);
    Some(totals)
}

/// Bytes before a sink's row.
fn row_of(sink: u64) -> u64 {
    sink * (LANES as u64 * 4)
}

fn module(emit: Emit, sources: u32, totals: &[(u64, u32)]) -> Vec<u8> {
    let (locals, before, code) = emit.finish();
    let pointers = TABLES - PARAMETERS + sources;
    let mut function = Function::new([(pointers, ValType::I32), (locals - PARAMETERS - pointers, ValType::V128)]);
    let mut whole = before;
    let mut f = InstructionSink::new(&mut whole);
    f.loop_(wasm_encoder::BlockType::Empty);
    whole.extend(code);
    let mut f = InstructionSink::new(&mut whole);
    f.local_get(COUNT).i32_const(1).i32_sub().local_tee(COUNT).br_if(0).end();
    for &(sink, total) in totals {
        f.local_get(SINKS).local_get(total).v128_store(words(row_of(sink)));
    }
    f.end();
    function.raw(whole);
    let (mut types, mut imports, mut functions) = (TypeSection::new(), ImportSection::new(), FunctionSection::new());
    types.ty().function([ValType::I32; PARAMETERS as usize], []);
    let memory = MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None };
    imports.import("env", "memory", EntityType::Memory(memory));
    functions.function(0);
    let (mut exports, mut bodies) = (ExportSection::new(), CodeSection::new());
    exports.export("f", ExportKind::Func, 0);
    bodies.function(&function);
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&functions).section(&exports).section(&bodies);
    module.finish()
}

/// Numbers that many bytes behind a pointer.
fn words(offset: u64) -> MemArg {
    MemArg { offset, align: 2, memory_index: 0 }
}

/// The same of bytes.
fn bytes() -> MemArg {
    MemArg { offset: 0, align: 0, memory_index: 0 }
}
