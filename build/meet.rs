//! Groups of query rows and a tile of keys that all of them may see: `meet.rs` is the same in Rust.

use wasm_encoder::{BlockType, Function};

use crate::shared::GROUP;
use crate::softmax::RUNNING;
use crate::{NUMBER, STEP, advance, again};

/// `(q, k, d, count, s, running, keep, v, keys, o, panels, gap, groups)`: for each of `groups` whole groups scores, softmax and values, which are the functions
/// numbered so; each of the group's pointers then moves to the next one's.
pub fn meet([scores, soften, values]: [u32; 3]) -> Function {
    let [q, k, d, count, s, running, keep, v, keys, o, panels, gap, groups] = std::array::from_fn(|i| i as u32);
    let mut function = Function::new([]);
    let mut f = function.instructions();
    f.loop_(BlockType::Empty);
    f.local_get(q).local_get(k).local_get(d).local_get(count).local_get(s).call(scores);
    f.local_get(s).local_get(count).local_get(running).local_get(keep).i32_const(GROUP as i32).call(soften);
    f.local_get(s)
        .local_get(v)
        .local_get(keys)
        .local_get(keep)
        .local_get(o)
        .local_get(panels)
        .local_get(gap)
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
