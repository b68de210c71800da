//! Modules that do nothing but multiply and add in registers: what one core of a machine can do at most in a browser. The page measures with them
//! (`src/engine/worker/peak.rs`), and so does the comparison with other libraries (`xtask/src/peers`).

use wasm_encoder::{
    BlockType, CodeSection, ExportKind, ExportSection, Function, FunctionSection, Module, TypeSection, ValType,
};

/// Sums that do not wait for one another: enough for two multiply-adds a cycle of four cycles each, and few enough for 16 registers with the two
/// factors. `peak.js` and the page count with it.
const CHAINS: u32 = 12;

/// Kinds of multiply-add, and the names of their modules.
pub const KINDS: [(&str, bool); 2] = [("fused", true), ("plain", false)];

/// A module whose export `turns(count)` adds a product to each of [`CHAINS`] vectors of four floats, `count` times. `fused` takes relaxed SIMD's one
/// instruction, which not every browser has. The sum of all comes back, so that nothing can be left out.
pub fn module(fused: bool) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32], [ValType::F32]);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut exports = ExportSection::new();
    exports.export("turns", ExportKind::Func, 0);
    let mut code = CodeSection::new();
    code.function(&turns(fused));
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&exports).section(&code);
    module.finish()
}

fn turns(fused: bool) -> Function {
    // Local 0 is the count; then the two factors; then the chains.
    let (count, left, right, first) = (0, 1, 2, 3);
    let mut function = Function::new([(2 + CHAINS, ValType::V128)]);
    let mut code = function.instructions();
    // A factor below one: the sums stay finite, and far from numbers so small that they are slow.
    code.f32_const(0.999.into()).f32x4_splat().local_set(left);
    code.f32_const(0.5.into()).f32x4_splat().local_set(right);
    code.loop_(BlockType::Empty);
    for chain in first..first + CHAINS {
        // chain = chain · left + right
        code.local_get(chain).local_get(left);
        match fused {
            true => code.local_get(right).f32x4_relaxed_madd(),
            false => code.f32x4_mul().local_get(right).f32x4_add(),
        };
        code.local_set(chain);
    }
    code.local_get(count).i32_const(1).i32_sub().local_tee(count).br_if(0).end();
    code.local_get(first);
    for chain in first + 1..first + CHAINS {
        code.local_get(chain).f32x4_add();
    }
    code.f32x4_extract_lane(0).end();
    function
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use wasmparser::{Operator, Parser, Payload, Validator, WasmFeatures};

    /// How often an operator stands in a module.
    fn count(bytes: &[u8], wanted: fn(&Operator) -> bool) -> usize {
        let bodies = Parser::new(0).parse_all(bytes).filter_map(|payload| match payload.unwrap() {
            Payload::CodeSectionEntry(body) => Some(body),
            _ => None,
        });
        bodies
            .flat_map(|body| body.get_operators_reader().unwrap().into_iter())
            .filter(|operator| wanted(operator.as_ref().unwrap()))
            .count()
    }

    #[test]
    fn both_are_valid_and_only_one_wants_relaxed_simd() {
        let relaxed = WasmFeatures::default() | WasmFeatures::RELAXED_SIMD;
        let strict = WasmFeatures::default() - WasmFeatures::RELAXED_SIMD;
        for (name, fused) in KINDS {
            Validator::new_with_features(relaxed).validate_all(&module(fused)).unwrap();
            let plain = Validator::new_with_features(strict).validate_all(&module(fused));
            assert_eq!(plain.is_err(), fused, "{name}");
        }
    }

    #[test]
    fn a_turn_is_as_many_multiply_adds_as_the_page_counts() {
        let fused = module(true);
        assert_eq!(count(&fused, |o| matches!(o, Operator::F32x4RelaxedMadd)), CHAINS as usize);
        assert_eq!(count(&module(false), |o| matches!(o, Operator::F32x4Mul)), CHAINS as usize);
        let page = include_str!("../benches/peers/peak.js");
        assert!(page.contains(&format!("const PER_TURN = {CHAINS} * 4 * 2;")));
        let worker = include_str!("../src/engine/worker/peak.rs");
        assert!(worker.contains(&format!("const PER_TURN: f64 = {CHAINS}.0 * 4.0 * 2.0;")));
    }
}
