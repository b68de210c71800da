//! The device: found, opened, watched.

use std::cell::{Cell, RefCell};
use std::sync::{Arc, Mutex, PoisonError};

use super::canary::Verdicts;
use super::error::GpuError;
use super::facts::facts;
use super::features;
use super::memory::Staging;
use super::pipelines::Pipelines;
use super::recorder::Timer;
use super::tiers::Offers;
use crate::engine::Adapter;
use crate::engine::once::once;
use crate::experiment::message;

/// An open device with everything that outlives a run: pipelines and readback buffers.
pub struct Gpu {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) pipelines: RefCell<Pipelines>,
    pub(super) staging: RefCell<Staging>,
    /// Where timestamps are offered.
    pub(super) timer: Option<Timer>,
    /// What was checked beside the kernels that every run needs.
    pub(super) verdicts: RefCell<Verdicts>,
    offers: Cell<Offers>,
    facts: Adapter,
    lost: Arc<Mutex<Option<String>>>,
    /// Errors that no scope caught: none is expected.
    stray: Arc<Mutex<Option<String>>>,
}

impl Gpu {
    /// Finds an adapter and opens a device with the default limits of WebGPU, so that what runs here runs everywhere.
    ///
    /// # Errors
    /// [`GpuError::Unavailable`] where there is no adapter, or it refuses a device.
    pub async fn open() -> Result<Gpu, GpuError> {
        let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
        descriptor.backends = wgpu::Backends::BROWSER_WEBGPU | wgpu::Backends::VULKAN;
        let instance = wgpu::Instance::new(descriptor);
        let options = wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..wgpu::RequestAdapterOptions::default()
        };
        let adapter = instance.request_adapter(&options).await.map_err(|error| {
            GpuError::Unavailable(message!("no usable GPU was found ({error})", "没有找到可用的 GPU（{error}）"))
        })?;
        let (device, queue) = adapter
            .request_device(&wgpu::DeviceDescriptor {
                label: Some("attention"),
                required_features: features::wanted(&adapter),
                required_limits: wgpu::Limits::defaults(),
                ..wgpu::DeviceDescriptor::default()
            })
            .await
            .map_err(|error| {
                GpuError::Unavailable(message!("the GPU could not be opened ({error})", "无法打开 GPU（{error}）"))
            })?;
        let facts = facts(&adapter, &device);
        let (lost, stray) = (Arc::new(Mutex::new(None)), Arc::new(Mutex::new(None)));
        let note = lost.clone();
        device.set_device_lost_callback(move |reason, message| {
            // A device that was closed on purpose is gone as well: its buffers are.
            *note.lock().unwrap_or_else(PoisonError::into_inner) = Some(format!("{reason:?}: {message}"));
        });
        let note = stray.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            note.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| error.to_string());
        }));
        Ok(Gpu {
            pipelines: RefCell::new(Pipelines::new(&device)),
            staging: RefCell::default(),
            timer: facts.timestamps.then(|| Timer::new(&device, &queue)),
            verdicts: RefCell::default(),
            offers: Cell::new(features::offered(&adapter, &device)),
            device,
            queue,
            facts,
            lost,
            stray,
        })
    }

    /// What the adapter says of itself.
    pub fn facts(&self) -> &Adapter {
        &self.facts
    }

    /// What it offers beyond the core of WebGPU.
    pub fn offers(&self) -> Offers {
        self.offers.get()
    }

    /// Counts it as a device that offers this: for tests of devices that are not at hand. More than there is gives errors or wrong numbers.
    pub fn pretend(&self, offers: Offers) {
        self.offers.set(offers);
    }

    /// Why the device was lost, if it was.
    pub fn lost(&self) -> Option<String> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Closes the device at once: as if it had been lost. For tests and for giving memory back.
    pub fn close(&self) {
        // The callback comes when the event loop gets to it; nobody should compute until then.
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| "it was closed".to_owned());
        self.device.destroy();
        self.settle();
    }

    /// Lets callbacks run. Natively this waits for the GPU; in a browser the event loop does it and this is nothing.
    pub(super) fn settle(&self) {
        // A device that can't be waited for was lost, which its callback tells.
        let _ = self.device.poll(wgpu::PollType::wait_indefinitely());
    }

    /// Runs what may allocate or be refused, and says why it was.
    ///
    /// # Errors
    /// [`GpuError::OutOfMemory`]; [`GpuError::Failed`] where wgpu finds a mistake of ours; [`GpuError::Lost`] before either, since a lost
    /// device reports nonsense.
    pub(super) async fn guarded<T>(&self, work: impl FnOnce() -> T) -> Result<T, GpuError> {
        self.alive()?;
        let validation = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let memory = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let internal = self.device.push_error_scope(wgpu::ErrorFilter::Internal);
        let value = work();
        // Scopes are a stack: the last one pushed is the first one popped.
        let (internal, memory, validation) = (internal.pop(), memory.pop(), validation.pop());
        let (internal, memory, validation) = (internal.await, memory.await, validation.await);
        self.alive()?;
        match (memory, internal.or(validation)) {
            (Some(error), _) => Err(GpuError::OutOfMemory(error.to_string())),
            (None, Some(error)) => Err(GpuError::refused(error)),
            (None, None) => Ok(value),
        }
    }

    /// Waits until the GPU has done all it was given.
    pub(super) async fn done(&self) -> Result<(), GpuError> {
        let (promise, done) = once();
        self.queue.on_submitted_work_done(move || promise.give(()));
        self.settle();
        done.await;
        self.alive()
    }

    /// Whether nothing has happened that makes further results worthless.
    pub(super) fn alive(&self) -> Result<(), GpuError> {
        if let Some(reason) = self.lost() {
            return Err(GpuError::Lost(reason));
        }
        match self.stray.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(GpuError::refused(error)),
            None => Ok(()),
        }
    }
}
