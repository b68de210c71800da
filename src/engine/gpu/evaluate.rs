//! One kernel over words, for checks of what a device makes of a text.

use super::device::Gpu;
use super::error::GpuError;
use super::memory::bytes_of;

impl Gpu {
    /// Runs `main` of a text that declares two arrays of words to read and one to write (`binding` 0, 1, 2 of group 0); gives what it wrote.
    ///
    /// # Errors
    /// [`GpuError::Failed`] if the text does not compile or wants other bindings; else what the GPU says.
    pub async fn evaluate(
        &self,
        source: &str,
        first: &[u32],
        second: &[u32],
        results: usize,
        groups: [u32; 2],
    ) -> Result<Vec<u32>, GpuError> {
        let inputs = [
            self.upload("first", &bytes_of(first, u32::to_le_bytes)).await?,
            self.upload("second", &bytes_of(second, u32::to_le_bytes)).await?,
        ];
        let size = 4 * results as u64;
        let output = self.storage("results", size).await?;
        let staging = self.staging(size).await?;
        self.guarded(|| {
            let source = wgpu::ShaderSource::Wgsl(source.into());
            let module =
                self.device.create_shader_module(wgpu::ShaderModuleDescriptor { label: Some("evaluate"), source });
            let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some("evaluate"),
                layout: None,
                module: &module,
                entry_point: Some("main"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                cache: None,
            });
            let buffers = [&inputs[0], &inputs[1], &output];
            let entries: Vec<wgpu::BindGroupEntry<'_>> = (0..)
                .zip(buffers)
                .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
                .collect();
            let group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some("evaluate"),
                layout: &pipeline.get_bind_group_layout(0),
                entries: &entries,
            });
            let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.set_pipeline(&pipeline);
            pass.set_bind_group(0, &group, &[]);
            pass.dispatch_workgroups(groups[0], groups[1], 1);
            drop(pass);
            encoder.copy_buffer_to_buffer(&output, 0, &staging, 0, size);
            self.queue.submit([encoder.finish()])
        })
        .await?;
        let bytes = self.read(staging, size).await?;
        Ok(bytes.as_chunks::<4>().0.iter().map(|&word| u32::from_le_bytes(word)).collect())
    }
}
