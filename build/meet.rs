//! Groups of query rows and a tile of keys that all of them may see: `meet.rs` is the same in Rust.

use wasm_encoder::{BlockType, Function, ValType};

use crate::shared::GROUP;
use crate::softmax::RUNNING;
use crate::{NUMBER, STEP, advance, again, bytes};

/// Where a change's fields lie: see `Raw` of `ordered.rs`.
const BIASES: u64 = 0;
const STEP_BACK: u64 = 4;
const TURNED: u64 = 8;
const FIRST: u64 = 12;
const CAP: u64 = 16;

/// `(q, k, d, count, s, running, keep, v, keys, o, panels, gap, pitch, groups, change)`: for each of `groups` whole groups scores, changes (unless the pointer is null), softmax and
/// values, which are the functions numbered so; each of the group's pointers then moves to the next one's.
pub fn meet(functions: [usize; 5]) -> Function {
    let [scores, soften, values, cap, shift] = functions.map(|i| i as u32);
    let [q, k, d, count, s, running, keep, v, keys, o, panels, gap, pitch, groups, change, back] =
        std::array::from_fn(|i| i as u32);
    let mut function = Function::new([(1, ValType::I32)]);
    let mut f = function.instructions();
    f.loop_(BlockType::Empty);
    f.local_get(q).local_get(k).local_get(d).local_get(count).local_get(s).call(scores);
    f.local_get(change).if_(BlockType::Empty);
    for first in [true, false] {
        f.local_get(change).i32_load(bytes(BIASES)).i32_const(0).i32_ne();
        f.local_get(change).i32_load(bytes(FIRST)).i32_const(first.into()).i32_eq();
        f.i32_and().if_(BlockType::Empty);
        f.local_get(s).local_get(count).i32_const(GROUP as i32);
        f.local_get(change).i32_load(bytes(BIASES)).local_get(back).i32_sub();
        f.local_get(change).i32_load(bytes(STEP_BACK));
        f.local_get(change).i32_load(bytes(TURNED)).call(shift).end();
        if first {
            f.local_get(change).f32_load(bytes(CAP)).f32_const(0.0_f32.into()).f32_ne().if_(BlockType::Empty);
            f.local_get(s).local_get(count).i32_const(GROUP as i32);
            f.local_get(change).f32_load(bytes(CAP)).call(cap).end();
        }
    }
    f.local_get(change).i32_load(bytes(STEP_BACK)).i32_const(GROUP as i32).i32_mul();
    f.local_get(back).i32_add().local_set(back);
    f.end();
    f.local_get(s).local_get(count).local_get(running).local_get(keep).i32_const(GROUP as i32).call(soften);
    f.local_get(s)
        .local_get(v)
        .local_get(keys)
        .local_get(keep)
        .local_get(o)
        .local_get(panels)
        .local_get(gap)
        .local_get(pitch)
        .call(values);
    for (pointer, of, each) in [(q, d, NUMBER), (o, panels, STEP)] {
        f.local_get(pointer)
            .local_get(of)
            .i32_const((GROUP as u64 * each) as i32)
            .i32_mul()
            .i32_add()
            .local_set(pointer);
    }
    advance(&mut f, running, GROUP as u64 * RUNNING);
    again(&mut f, groups);
    f.end().end();
    function
}
