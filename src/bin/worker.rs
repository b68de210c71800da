//! A compute worker with plain 128-bit SIMD.

fn main() {
    attention_playground::engine::worker::start();
}
