//! Buffers: made within the limits, filled through the queue, read back through a ring.
//!
//! In browsers wgpu panics on what `createBuffer` and `writeBuffer` throw, so nothing here may make them throw. `createBuffer` throws a
//! `RangeError` for buffers that are created mapped and too large: none is created mapped. `writeBuffer` throws for bytes that are no whole
//! words: all that is written is made of 32-bit numbers. Everything else that is wrong with a size is told through error scopes, and sizes
//! stay within the default limits anyway: 128 MiB for what is bound, 256 MiB for what is read back.

use std::ops::Deref;

use super::device::Gpu;
use super::error::GpuError;
use crate::engine::once::once;
use crate::experiment::message;

/// The most bytes of one storage binding under the default limits of WebGPU.
pub(super) const MOST_BYTES: u64 = 128 << 20;

/// A buffer whose memory goes back when it is dropped. A browser gives it back when it collects garbage, which may be after the next run has
/// found none left.
pub(super) struct Owned(wgpu::Buffer);

impl Drop for Owned {
    fn drop(&mut self) {
        // What was submitted before still finds it.
        self.0.destroy();
    }
}

impl Deref for Owned {
    type Target = wgpu::Buffer;

    fn deref(&self) -> &wgpu::Buffer {
        &self.0
    }
}

/// Idle buffers for reading back. One that is being mapped can't be used again before it is unmapped, hence a ring.
#[derive(Default)]
pub(super) struct Staging {
    idle: Vec<Owned>,
}

/// Idle buffers kept, and the size above which one is not worth keeping.
const RING: usize = 3;
const KEPT_BYTES: u64 = 32 << 20;

impl Staging {
    fn take(&mut self, size: u64) -> Option<Owned> {
        let at = self.idle.iter().position(|buffer| buffer.size() >= size)?;
        Some(self.idle.swap_remove(at))
    }

    fn give(&mut self, buffer: Owned) {
        if buffer.size() <= KEPT_BYTES {
            self.idle.push(buffer);
            if self.idle.len() > RING {
                // The smallest helps least.
                self.idle.sort_by_key(|buffer| buffer.size());
                self.idle.remove(0);
            }
        }
    }
}

/// Bytes of numbers, little endian as every device that runs WebGPU.
pub(super) fn bytes_of<T: Copy, const N: usize>(numbers: &[T], bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    numbers.iter().flat_map(|&x| bytes(x)).collect()
}

/// 32-bit floats from bytes.
pub(super) fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b)).collect()
}

/// Why a tensor of `size` bytes is not sent to a GPU.
pub(super) fn too_large(label: &str, size: u64) -> GpuError {
    let (size, most) = (size.div_ceil(1 << 20), MOST_BYTES >> 20);
    GpuError::Unavailable(message!(
        "a tensor of this problem takes {size} MiB, and a browser's GPU takes {most} MiB at once ({label})",
        "此问题的一个张量需要 {size} MiB，而浏览器的 GPU 一次最多接受 {most} MiB（{label}）",
    ))
}

impl Gpu {
    /// A buffer of at least `size` bytes that kernels read or write.
    ///
    /// # Errors
    /// [`GpuError::Unavailable`] above the limit of a binding, [`GpuError::OutOfMemory`].
    pub(super) async fn storage(&self, label: &str, size: u64) -> Result<Owned, GpuError> {
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC;
        self.buffer(label, size, usage).await
    }

    /// A buffer within the limits.
    pub(super) async fn buffer(&self, label: &str, size: u64, usage: wgpu::BufferUsages) -> Result<Owned, GpuError> {
        // Bindings want four numbers at least, copies whole words.
        let size = size.max(16).next_multiple_of(16);
        if size > MOST_BYTES {
            return Err(too_large(label, size));
        }
        let descriptor = wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: false };
        self.guarded(|| Owned(self.device.create_buffer(&descriptor))).await
    }

    /// A buffer that holds `bytes`.
    pub(super) async fn upload(&self, label: &str, bytes: &[u8]) -> Result<Owned, GpuError> {
        let buffer = self.storage(label, bytes.len() as u64).await?;
        self.queue.write_buffer(&buffer, 0, bytes);
        Ok(buffer)
    }

    /// An idle buffer of at least `size` bytes to copy into and map.
    pub(super) async fn staging(&self, size: u64) -> Result<Owned, GpuError> {
        let idle = self.staging.borrow_mut().take(size);
        match idle {
            Some(buffer) => Ok(buffer),
            // Powers of two are found again.
            None => {
                let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
                let descriptor = wgpu::BufferDescriptor {
                    label: Some("readback"),
                    size: size.max(4096).next_power_of_two(),
                    usage,
                    mapped_at_creation: false,
                };
                self.guarded(|| Owned(self.device.create_buffer(&descriptor))).await
            }
        }
    }

    /// The first `size` bytes of a staging buffer, once the GPU has written them; the buffer goes back to the ring.
    pub(super) async fn read(&self, staging: Owned, size: u64) -> Result<Vec<u8>, GpuError> {
        let (promise, mapped) = once();
        staging.map_async(wgpu::MapMode::Read, 0..size, move |result| promise.give(result));
        self.settle();
        let mapped = mapped.await;
        self.alive()?;
        mapped.map_err(GpuError::unreadable)?;
        let bytes = match staging.get_mapped_range(0..size) {
            Ok(view) => view.to_vec(),
            Err(error) => return Err(GpuError::unreadable(error)),
        };
        staging.unmap();
        self.staging.borrow_mut().give(staging);
        Ok(bytes)
    }
}
