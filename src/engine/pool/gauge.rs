//! What machines are compared by: estimates timed alone, the peak of the workers, a page that is quiet.

use std::sync::Arc;

use super::cancel::Cancel;
use super::derive::all;
use super::hub::Pool;
use super::run::{Operated, Operation, RunError};
use crate::attention::{Estimator, Inputs};
use crate::engine::protocol::Asked;
use crate::experiment::Backend;

/// Operations that a core is taken to do while its peak is measured; only the deadline depends on it.
const PEAK_WORK: f64 = 1e9;

/// Numbers of one array of all workers together, and at least of each: three arrays of 32 MiB, and of 1 MiB.
const TRIAD_NUMBERS: usize = 1 << 23;
const LEAST_NUMBERS: usize = 1 << 18;

impl Pool {
    /// GFLOP/s of multiply-adds that all workers reach together, each in its registers, at the same time.
    ///
    /// # Errors
    /// As [`Pool::run`].
    pub async fn peak(&self, cancel: Cancel) -> Result<f64, RunError> {
        let one =
            |_| self.operate(Operation::asked(&Asked::Peak, PEAK_WORK, Vec::new(), Backend::Cpu, 1, cancel.clone()));
        let mut sum = 0.0;
        for answer in all((0..self.size()).map(one).collect()).await {
            sum += answer?.outputs.iter().flatten().map(|&speed| f64::from(speed)).sum::<f64>();
        }
        Ok(sum)
    }

    /// GB/s that all workers move together, each over arrays of its own, at the same time: far more of them than the caches of most machines hold. Workers keep
    /// what they once needed, so whoever asks rests the pool afterwards.
    ///
    /// # Errors
    /// As [`Pool::run`].
    pub async fn bandwidth(&self, cancel: Cancel) -> Result<f64, RunError> {
        let count = (TRIAD_NUMBERS / self.size().max(1)).max(LEAST_NUMBERS);
        let asked = Asked::Bandwidth { count };
        let one = |_| self.operate(Operation::asked(&asked, PEAK_WORK, Vec::new(), Backend::Cpu, 1, cancel.clone()));
        let mut sum = 0.0;
        for answer in all((0..self.size()).map(one).collect()).await {
            sum += answer?.outputs.iter().flatten().map(|&speed| f64::from(speed)).sum::<f64>();
        }
        Ok(sum)
    }

    /// An estimate without the exact attention beside it, `repeat` times, in one worker of the CPU.
    ///
    /// # Errors
    /// As [`Pool::run`].
    pub async fn estimate(
        &self,
        estimator: Estimator,
        inputs: &Inputs,
        repeat: usize,
        cancel: Cancel,
    ) -> Result<Operated, RunError> {
        let Inputs { q, k, v } = inputs.clone();
        let tensors: Vec<Arc<Vec<f32>>> = vec![q, k, v];
        let (asked, work) = (Asked::Estimate(estimator), estimator.cost().flops);
        self.operate(Operation::asked(&asked, work, tensors, Backend::Cpu, repeat, cancel)).await
    }
}
