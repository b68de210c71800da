//! Writes the inner loops of the CPU engine as WebAssembly, instruction by instruction: one module with relaxed SIMD's multiply-add, one without.
//!
//! LLVM loads every factor of a step before it multiplies, and nests unrolled multiply-adds; a browser's compiler keeps that order, runs out of its 15
//! registers and spills (docs/performance.md has the figures). Here each factor is loaded right before the two sums that need it. The modules
//! import the program's memory and are put into its table of functions when a worker starts (`src/engine/cpu/ordered.rs`).

mod meet;
mod peak;
mod products;
mod rules;
mod softmax;

use std::path::Path;
use std::{env, fs, io};

use wasm_encoder::{
    CodeSection, EntityType, ExportKind, ExportSection, FunctionSection, ImportSection, InstructionSink, MemArg,
    MemoryType, Module, TypeSection, ValType,
};

#[allow(dead_code, reason = "not everything that the engine shares is written here")]
mod shared {
    include!("../src/engine/cpu/shared.rs");
}

use shared::{GROUP, KEYS, PANEL};

/// Bytes of a number, of a register, of a row of a panel, of a row of scores.
const NUMBER: u64 = 4;
const REGISTER: u64 = 16;
const STEP: u64 = PANEL as u64 * NUMBER;
const ROW: u64 = KEYS as u64 * NUMBER;

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=src/engine/cpu/shared.rs");
    // What runs in a browser, for `cfg`: the feature alone is also on where the page's code is checked natively.
    println!("cargo::rustc-check-cfg=cfg(in_browser)");
    if env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "wasm32") && env::var("CARGO_FEATURE_WEB").is_ok() {
        println!("cargo::rustc-cfg=in_browser");
    }
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    for (name, fused) in [("fused", true), ("separate", false)] {
        fs::write(Path::new(&out).join(format!("ordered_{name}.wasm")), module(fused))?;
    }
    for (name, fused) in peak::KINDS {
        fs::write(Path::new(&out).join(format!("peak_{name}.wasm")), peak::module(fused))?;
    }
    Ok(())
}

/// `scores_1` to `scores_6`, `values_1` to `values_6`, `soften`, `meet`, `cap`, `shift`, `settle`: `ordered.rs` knows them by this order.
fn module(fused: bool) -> Vec<u8> {
    let (mut types, mut functions, mut exports, mut code) =
        (TypeSection::new(), FunctionSection::new(), ExportSection::new(), CodeSection::new());
    types.ty().function([ValType::I32; 5], []);
    types.ty().function([ValType::I32; 8], []);
    types.ty().function([ValType::I32; 15], []);
    types.ty().function([ValType::I32, ValType::I32, ValType::I32, ValType::F32], []);
    types.ty().function([ValType::I32; 6], []);
    let rows = || 1..=GROUP as u64;
    let scores = rows().map(|rows| (format!("scores_{rows}"), 0, products::scores(rows, fused)));
    let values = rows().map(|rows| (format!("values_{rows}"), 1, products::values(rows, fused)));
    let all = scores.chain(values).chain([
        ("soften".to_owned(), 0, softmax::soften(fused)),
        ("meet".to_owned(), 2, meet::meet([GROUP - 1, 2 * GROUP, 2 * GROUP - 1, 2 * GROUP + 2, 2 * GROUP + 3])),
        ("cap".to_owned(), 3, rules::cap(fused)),
        ("shift".to_owned(), 4, rules::shift()),
        ("settle".to_owned(), 0, softmax::settle(fused)),
    ]);
    for (index, (name, ty, body)) in (0..).zip(all) {
        functions.function(ty);
        exports.export(&name, ExportKind::Func, index);
        code.function(&body);
    }
    let mut imports = ImportSection::new();
    let memory = MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None };
    imports.import("env", "memory", EntityType::Memory(memory));
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&functions).section(&exports).section(&code);
    module.finish()
}

/// Pushes a number four times.
fn splat(f: &mut InstructionSink, x: f32) {
    let lane = u128::from(x.to_bits());
    f.v128_const((lane | lane << 32 | lane << 64 | lane << 96) as i128);
}

/// Pushes `x · factor + addend` of three locals.
fn mul_add(f: &mut InstructionSink, fused: bool, x: u32, factor: u32, addend: u32) {
    if fused {
        f.local_get(x).local_get(factor).local_get(addend).f32x4_relaxed_madd();
    } else {
        f.local_get(addend).local_get(x).local_get(factor).f32x4_mul().f32x4_add();
    }
}

/// Moves a pointer.
fn advance(f: &mut InstructionSink, local: u32, by: u64) {
    f.local_get(local).i32_const(by as i32).i32_add().local_set(local);
}

/// Counts down, and back to the start of the innermost loop unless that was the last.
fn again(f: &mut InstructionSink, count: u32) {
    f.local_get(count).i32_const(1).i32_sub().local_tee(count).br_if(0);
}

/// An address that many bytes behind the pointer; single numbers are not aligned to registers.
fn bytes(offset: u64) -> MemArg {
    MemArg { offset, align: 2, memory_index: 0 }
}
