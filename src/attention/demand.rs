//! What a large run takes, said before anybody waits for it.

use super::dims::Dims;
use crate::experiment::{Message, message};

/// Bytes of tensors from which a run is large.
const LARGE_BYTES: u64 = 256 << 20;
/// Operations from which a run is large: the better part of a minute for one worker.
const LARGE_FLOPS: f64 = 1e12;

/// Bytes of Q, K, V and the output in single precision.
pub fn bytes(dims: &Dims) -> u64 {
    let numbers = [dims.q_len(), dims.k_len(), dims.v_len(), dims.y_len()];
    numbers.iter().map(|&len| 4 * len as u64).sum()
}

/// Whether a run of `flops` operations is large.
pub fn is_large(dims: &Dims, flops: f64) -> bool {
    bytes(dims) >= LARGE_BYTES || flops >= LARGE_FLOPS
}

/// The warning of a run of `flops` operations over the tiles that its mask leaves, if it is large; `ms` is what it should take here.
pub fn of_run(dims: &Dims, flops: f64, ms: f64) -> Option<Message> {
    let (bytes, billions) = (bytes(dims), (flops / 1e9).ceil() as u64);
    is_large(dims, flops).then(|| {
        let (mib, seconds) = (bytes >> 20, (ms / 1e3).ceil() as u64);
        message!(
            "A large run: {billions} billion operations over the tiles that the mask leaves, expected to take {seconds} s here; {mib} MiB of tensors, once in the page and once in each worker.",
            "运行规模较大：掩码保留的块需约 {billions} 十亿次运算，预计耗时 {seconds} 秒；张量占 {mib} MiB，页面与每个工作线程各存一份。"
        )
    })
}

/// The warning of sizes alone, before anything is known of masks.
pub fn of_sizes(dims: &Dims) -> Option<Message> {
    let per_pair = 2.0 * (dims.d + dims.d_v) as f64;
    let flops = per_pair * dims.rows() as f64 * dims.n_k as f64;
    let (bytes, billions) = (bytes(dims), (flops / 1e9).ceil() as u64);
    is_large(dims, flops).then(|| {
        let mib = bytes >> 20;
        message!(
            "Large: {billions} billion operations for all pairs, of which a mask saves the tiles that it skips; {mib} MiB of tensors, once in the page and once in each worker.",
            "规模较大：全部查询键对需 {billions} 十亿次运算，掩码可省去其跳过的块；张量占 {mib} MiB，页面与每个工作线程各存一份。"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dims(n: usize, d: usize) -> Dims {
        Dims { batch: 1, q_heads: 1, kv_heads: 1, n_q: n, n_k: n, d, d_v: d }
    }

    #[test]
    fn only_large_runs_are_warned_of_with_their_numbers() {
        assert_eq!((of_sizes(&dims(8192, 64)), of_run(&dims(8192, 64), 1.7e10, 100.0)), (None, None));
        let said = of_sizes(&dims(1 << 18, 64)).map(|m| m.en).unwrap_or_default();
        // 4 · 2^18 · 64 · 4 bytes; 256 · 2^36 operations.
        assert!(said.contains("17593 billion") && said.contains("256 MiB"), "{said}");
        let said = of_run(&dims(1 << 20, 16), 1.9e10, 2900.0).map(|m| m.zh).unwrap_or_default();
        assert!(said.contains("19 十亿") && said.contains("3 秒") && said.contains("256 MiB"), "{said}");
        // Few numbers, much work.
        assert!(of_run(&dims(1 << 17, 16), 1.1e12, 1e4).is_some());
    }
}
