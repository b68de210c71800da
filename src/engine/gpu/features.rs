//! What a device is opened with beyond the core of WebGPU, each only where the adapter offers it.

use super::tiers::Offers;

/// What is asked for of an adapter through wgpu: times of kernels, and what somebody may ask for.
pub(super) fn wanted(adapter: &wgpu::Adapter) -> wgpu::Features {
    use wgpu::Features;
    adapter.features() & (Features::TIMESTAMP_QUERY | Features::SUBGROUP | Features::SHADER_F16)
}

/// What an open device offers.
pub(super) fn offered(adapter: &wgpu::Adapter, device: &wgpu::Device) -> Offers {
    Offers {
        // The least size; a browser that has subgroups tells it, and one that does not tells 0.
        subgroups: if has_subgroups(device) { adapter.get_info().subgroup_min_size } else { 0 },
        f16: device.features().contains(wgpu::Features::SHADER_F16),
    }
}

/// In a browser wgpu 30 knows nothing of the feature, and the worker asks for it (`engine/worker/subgroups.rs`).
#[cfg(target_arch = "wasm32")]
fn has_subgroups(device: &wgpu::Device) -> bool {
    device.as_webgpu().is_some_and(|device| device.features().has("subgroups"))
}

/// Natively it does.
#[cfg(not(target_arch = "wasm32"))]
fn has_subgroups(device: &wgpu::Device) -> bool {
    device.features().contains(wgpu::Features::SUBGROUP)
}
