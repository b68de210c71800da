//! Who holds the device: opens it on first use, checks it, replaces it once when it is lost.

use std::rc::Rc;

use super::canary::canary;
use super::device::Gpu;
use super::error::GpuError;
use crate::engine::item::Clock;

/// Devices lost in a row before the GPU is given up. Browsers refuse an adapter after two crashes anyway.
const MOST_LOSSES: u32 = 1;
/// Losses that lie further apart, in milliseconds, are not in a row: browsers take the GPU from pages that were idle for hours.
const APART_MS: f64 = 60_000.0;

/// Holder of the one device.
pub struct GpuHost {
    clock: Clock,
    state: State,
    losses: u32,
    /// When the last one was noticed.
    lost_at: f64,
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
        Self { clock, state: State::Closed, losses: 0, lost_at: f64::NEG_INFINITY }
    }

    /// The device: opened and checked on first use, opened anew after the first loss. Sessions of a lost device are worthless; the CPU has
    /// everything to make new ones from.
    ///
    /// # Errors
    /// Why there is none. What was refused once is not asked for again.
    pub async fn gpu(&mut self) -> Result<Rc<Gpu>, GpuError> {
        if let State::Open(gpu) = &self.state {
            let Some(reason) = gpu.lost() else { return Ok(gpu.clone()) };
            let before = std::mem::replace(&mut self.lost_at, (self.clock)());
            self.losses = if self.lost_at - before > APART_MS { 1 } else { self.losses + 1 };
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

    /// How many devices were lost in a row.
    pub fn losses(&self) -> u32 {
        self.losses
    }

    async fn open(&self) -> Result<Rc<Gpu>, GpuError> {
        let gpu = Rc::new(Gpu::open().await?);
        canary(&gpu, self.clock).await?;
        Ok(gpu)
    }
}
