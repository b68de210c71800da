//! Compiled kernels, kept by their text; and the one layout that all of them share.

use std::collections::HashMap;

use super::device::Gpu;
use super::error::GpuError;
use super::job::JOB_BYTES;

/// Storage buffers of the layout, in the order of their bindings after the uniform; whether kernels write to them.
const STORAGE: [bool; 8] = [false, false, false, false, false, true, true, true];

/// Pipelines kept. A page that is played with for an hour makes new ones with every formula (but not with every number in one: those are words that the
/// text reads).
const MOST: usize = 128;

/// Values by text; where there are too many, the one that was not asked for longest goes.
struct Recent<T> {
    most: usize,
    kept: HashMap<String, (u64, T)>,
    asked: u64,
}

impl<T: Clone> Recent<T> {
    fn new(most: usize) -> Self {
        Self { most, kept: HashMap::new(), asked: 0 }
    }

    fn get(&mut self, text: &str) -> Option<T> {
        self.asked += 1;
        let (last, value) = self.kept.get_mut(text)?;
        *last = self.asked;
        Some(value.clone())
    }

    fn put(&mut self, text: &str, value: T) {
        if self.kept.len() >= self.most
            && let Some(oldest) = self.kept.iter().min_by_key(|(_, (last, _))| *last).map(|(text, _)| text.clone())
        {
            self.kept.remove(&oldest);
        }
        self.kept.insert(text.to_owned(), (self.asked, value));
    }
}

/// Every pipeline compiled so far.
pub(super) struct Pipelines {
    layout: wgpu::BindGroupLayout,
    pipeline_layout: wgpu::PipelineLayout,
    compiled: Recent<wgpu::ComputePipeline>,
}

impl Pipelines {
    pub fn new(device: &wgpu::Device) -> Self {
        let entry = |binding: u32, ty: wgpu::BufferBindingType| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            // Each pass chooses its job.
            ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: binding == 0, min_binding_size: None },
            count: None,
        };
        let mut entries = vec![entry(0, wgpu::BufferBindingType::Uniform)];
        entries.extend(
            (1..)
                .zip(STORAGE)
                .map(|(binding, writes)| entry(binding, wgpu::BufferBindingType::Storage { read_only: !writes })),
        );
        let layout = device
            .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some("attention"), entries: &entries });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some("attention"),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        Self { layout, pipeline_layout, compiled: Recent::new(MOST) }
    }
}

impl Gpu {
    /// The pipeline of a kernel's text, compiled on first use.
    ///
    /// # Errors
    /// [`GpuError::Failed`] if the text does not compile.
    pub(super) async fn pipeline(&self, label: &str, source: &str) -> Result<wgpu::ComputePipeline, GpuError> {
        if let Some(pipeline) = self.pipelines.borrow_mut().compiled.get(source) {
            return Ok(pipeline);
        }
        let pipeline = self
            .guarded(|| {
                let module = self.device.create_shader_module(wgpu::ShaderModuleDescriptor {
                    label: Some(label),
                    source: wgpu::ShaderSource::Wgsl(source.into()),
                });
                self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                    label: Some(label),
                    layout: Some(&self.pipelines.borrow().pipeline_layout),
                    module: &module,
                    entry_point: Some("main"),
                    compilation_options: wgpu::PipelineCompilationOptions {
                        // Every kernel writes workgroup memory before it reads it.
                        zero_initialize_workgroup_memory: false,
                        ..wgpu::PipelineCompilationOptions::default()
                    },
                    cache: None,
                })
            })
            .await?;
        self.pipelines.borrow_mut().compiled.put(source, pipeline.clone());
        Ok(pipeline)
    }

    /// Binds the jobs and the storage buffers, in the order of `head.wgsl`.
    pub(super) fn bind(&self, job: &wgpu::Buffer, storage: [&wgpu::Buffer; STORAGE.len()]) -> wgpu::BindGroup {
        let job = wgpu::BufferBinding { buffer: job, offset: 0, size: wgpu::BufferSize::new(JOB_BYTES) };
        let mut entries = vec![wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::Buffer(job) }];
        entries.extend(
            (1..)
                .zip(storage)
                .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() }),
        );
        self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("attention"),
            layout: &self.pipelines.borrow().layout,
            entries: &entries,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_asked_for_longest_goes() {
        let mut recent = Recent::new(2);
        recent.put("a", 1);
        assert_eq!(recent.get("b"), None);
        recent.put("b", 2);
        assert_eq!(recent.get("a"), Some(1));
        recent.put("c", 3);
        assert_eq!(["a", "b", "c"].map(|text| recent.get(text)), [Some(1), None, Some(3)]);
    }
}
