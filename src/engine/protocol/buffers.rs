//! Buffers of floats that go to and fro between page and workers.
//!
//! A browser takes each page of new memory from the system when it is first written to, which costs several times what copying into it does. So whoever has
//! copied a message's floats out sends their buffer back with the next message, and the other side fills it again.

use std::cell::RefCell;

use js_sys::{Array, ArrayBuffer, Float32Array, Reflect};
use wasm_bindgen::{JsCast, JsValue};

/// The field of a message that holds buffers on their way back.
pub const FIELD: &str = "back";

/// Bytes below which a buffer is not worth the way back.
const LEAST: u32 = 1 << 14;
/// Most bytes that one side keeps for messages to come.
const KEPT: u32 = 1 << 25;

#[derive(Default)]
struct Buffers {
    /// To be filled, oldest first.
    spare: Vec<ArrayBuffer>,
    /// Copied out of, to be sent back.
    used: Vec<ArrayBuffer>,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::default();
}

/// An array for `length` floats, over a buffer that came back if one fits: the smallest, which is not much larger.
pub fn floats(length: u32) -> Float32Array {
    let bytes = length.saturating_mul(4);
    let fits = |buffer: &ArrayBuffer| (bytes..=bytes.saturating_mul(2)).contains(&buffer.byte_length());
    let spare = BUFFERS.with_borrow_mut(|Buffers { spare, .. }| {
        let fitting = spare.iter().enumerate().filter(|(_, buffer)| fits(buffer));
        let at = fitting.min_by_key(|(_, buffer)| buffer.byte_length()).map(|(at, _)| at);
        at.map(|at| spare.remove(at))
    });
    match spare {
        Some(buffer) => Float32Array::new_with_byte_offset_and_length(&buffer, 0, length),
        None => Float32Array::new_with_length(length),
    }
}

/// The floats of a message were copied out.
pub fn used(floats: &Float32Array) {
    let buffer = floats.buffer();
    if buffer.byte_length() >= LEAST {
        BUFFERS.with_borrow_mut(|buffers| keep(&mut buffers.used, buffer));
    }
}

/// Sends what was copied out of back with a message.
///
/// # Errors
/// No memory.
pub fn go_back(message: &JsValue, transfer: &Array) -> Result<(), JsValue> {
    let used = BUFFERS.with_borrow_mut(|buffers| std::mem::take(&mut buffers.used));
    if !used.is_empty() {
        let back = Array::new();
        for buffer in &used {
            back.push(buffer);
            transfer.push(buffer);
        }
        Reflect::set(message, &FIELD.into(), &back)?;
    }
    Ok(())
}

/// Keeps what a message brought back.
pub fn came_back(back: &JsValue) {
    let Some(back) = back.dyn_ref::<Array>() else { return };
    for buffer in back.iter().filter_map(|buffer| buffer.dyn_into().ok()) {
        BUFFERS.with_borrow_mut(|buffers| keep(&mut buffers.spare, buffer));
    }
}

/// Frees all of them.
pub fn forget() {
    BUFFERS.set(Buffers::default());
}

/// Adds a buffer; the oldest go where they are too many together.
fn keep(buffers: &mut Vec<ArrayBuffer>, buffer: ArrayBuffer) {
    buffers.push(buffer);
    let mut bytes: u32 = buffers.iter().map(ArrayBuffer::byte_length).fold(0, u32::saturating_add);
    while bytes > KEPT && !buffers.is_empty() {
        bytes -= buffers.remove(0).byte_length();
    }
}
