//! Who holds the device: opens it on first use, checks it, replaces it once when it is lost.

use std::rc::Rc;

use super::canary::canary;
use super::device::Gpu;
use super::error::GpuError;
use crate::engine::item::Clock;

/// Devices lost before the GPU is given up. Browsers refuse an adapter after two crashes anyway.
const MOST_LOSSES: u32 = 1;

/// Holder of the one device.
pub struct GpuHost {
    clock: Clock,
    state: State,
    losses: u32,
}

enum State {
    Closed,
    Open(Rc<Gpu>),
    /// Why it is not tried again.
    GivenUp(GpuError),
}

impl GpuHost {
    /// A host without a device yet.
    pub fn new(clock: Clock) -> Self {
        Self { clock, state: State::Closed, losses: 0 }
    }

    /// The device: opened and checked on first use, opened anew after the first loss. Sessions of a lost device are worthless; the CPU has
    /// everything to make new ones from.
    ///
    /// # Errors
    /// Why there is none. What was refused once is not asked for again.
    pub async fn gpu(&mut self) -> Result<Rc<Gpu>, GpuError> {
        if let State::Open(gpu) = &self.state {
            let Some(reason) = gpu.lost() else { return Ok(gpu.clone()) };
            self.losses += 1;
            self.state = if self.losses > MOST_LOSSES { State::GivenUp(GpuError::Lost(reason)) } else { State::Closed };
        }
        if let State::GivenUp(error) = &self.state {
            return Err(error.clone());
        }
        match self.open().await {
            Ok(gpu) => {
                self.state = State::Open(gpu.clone());
                Ok(gpu)
            }
            Err(error) => {
                self.state = State::GivenUp(error.clone());
                Err(error)
            }
        }
    }

    /// How often a device was lost.
    pub fn losses(&self) -> u32 {
        self.losses
    }

    async fn open(&self) -> Result<Rc<Gpu>, GpuError> {
        let gpu = Rc::new(Gpu::open().await?);
        canary(&gpu, self.clock).await?;
        Ok(gpu)
    }
}
