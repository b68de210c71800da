//! Compiled kernels, kept by their text; and the one layout that all of them share.

use std::collections::HashMap;

use super::device::Gpu;
use super::error::GpuError;
use super::job::JOB_BYTES;

/// Storage buffers of the layout, in the order of their bindings after the uniform; whether kernels write to them.
const STORAGE: [bool; 8] = [false, false, false, false, false, true, true, true];

/// Pipelines kept. A page that is played with for an hour makes new ones with every formula.
const MOST: usize = 128;

/// Every pipeline compiled so far.
pub(super) struct Pipelines {
    layout: wgpu::BindGroupLayout,
    pipeline_layout: wgpu::PipelineLayout,
    compiled: HashMap<String, wgpu::ComputePipeline>,
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
        Self { layout, pipeline_layout, compiled: HashMap::new() }
    }
}

impl Gpu {
    /// The pipeline of a kernel's text, compiled on first use.
    ///
    /// # Errors
    /// [`GpuError::Failed`] if the text does not compile.
    pub(super) async fn pipeline(&self, label: &str, source: &str) -> Result<wgpu::ComputePipeline, GpuError> {
        if let Some(pipeline) = self.pipelines.borrow().compiled.get(source) {
            return Ok(pipeline.clone());
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
        let compiled = &mut self.pipelines.borrow_mut().compiled;
        if compiled.len() >= MOST {
            compiled.clear();
        }
        compiled.insert(source.to_owned(), pipeline.clone());
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
