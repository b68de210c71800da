//! A compute worker whose inner kernels use relaxed SIMD's fused multiply-add.

fn main() {
    attention_playground::engine::worker::start();
}
