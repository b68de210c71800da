//! What can go wrong on the way to a GPU and on it, each with a sentence for the user.

/// Why the gpu engine gave nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GpuError {
    /// The request makes no sense, on any engine.
    #[error("{0}")]
    Invalid(String),
    /// The GPU can't do this here: no adapter, a refused device, a problem that is too large for it, input it declines. Another engine can.
    #[error("{0}")]
    Unavailable(String),
    /// Memory ran out. A smaller problem may fit; another engine can do this one.
    #[error("The GPU is out of memory: {0}")]
    OutOfMemory(String),
    /// The device was lost on the way. What it held is gone; a new one may be had.
    #[error("The GPU was lost: {0}")]
    Lost(String),
    /// It computed, and wrongly or not at all: a kernel that did not compile, a check that did not hold.
    #[error("The GPU failed: {0}")]
    Failed(String),
}

impl GpuError {
    /// Whether a new device may do what this one could not.
    pub fn is_lost(&self) -> bool {
        matches!(self, Self::Lost(_))
    }
}
