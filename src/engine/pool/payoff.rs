//! Which of CPU and GPU is done first: two measured lines, compared at a run's size.

use crate::engine::Choice;

/// Operations a millisecond of one CPU worker that is assumed before anything was measured.
pub const CPU_RATE: f64 = 5e6;
/// Runs that the CPU does in less, in milliseconds, stay there: a GPU's way there and back is about as long, and asking for one costs a download.
pub const SMALL_MS: f64 = 15.0;
/// A run that would take the CPU longer, in milliseconds, waits until the GPU was measured.
pub const WORTH_WAITING_MS: f64 = 1500.0;
/// The GPU must be expected to take less than this share of the CPU's time: where they are close, the one that is always there wins.
const MARGIN: f64 = 0.8;

/// The time of a run as a line over its operations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Of an empty run, milliseconds.
    pub start_ms: f64,
    /// Operations a millisecond beyond that.
    pub rate: f64,
}

impl Line {
    /// Through two measurements `(operations, milliseconds)`, the smaller first. Measurements that make no line (the larger run was no slower)
    /// count as infinitely fast but for the start.
    pub fn through(small: (f64, f64), large: (f64, f64)) -> Self {
        let (more, longer) = (large.0 - small.0, large.1 - small.1);
        let rate = if longer > 0.0 { more / longer } else { f64::INFINITY };
        Self { start_ms: (small.1 - small.0 / rate).max(0.0), rate }
    }

    /// Milliseconds that a run of `flops` operations takes.
    pub fn ms(&self, flops: f64) -> f64 {
        self.start_ms + flops / self.rate
    }
}

/// What was measured once on this machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Payoff {
    /// Name of the GPU.
    pub adapter: String,
    /// Both engines over the same problems; nothing for an adapter that is imitated on the CPU.
    pub lines: Option<Lines>,
}

/// Both engines over the same problems.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lines {
    /// All workers together.
    pub cpu: Line,
    /// The GPU.
    pub gpu: Line,
}

impl Payoff {
    /// Which engine a run of `flops` operations should take, and why.
    pub fn choice(&self, flops: f64) -> Choice {
        let Some(Lines { cpu, gpu }) = &self.lines else { return Choice::Software(self.adapter.clone()) };
        let (cpu_ms, gpu_ms) = (cpu.ms(flops), gpu.ms(flops));
        if gpu_ms < MARGIN * cpu_ms { Choice::Faster { cpu_ms, gpu_ms } } else { Choice::Slower { cpu_ms, gpu_ms } }
    }

    /// As a line of text that a browser can keep.
    pub fn text(&self) -> String {
        let numbers =
            self.lines.map(|Lines { cpu, gpu }| format!("{} {} {} {}", cpu.start_ms, cpu.rate, gpu.start_ms, gpu.rate));
        format!("{}\n{}", numbers.unwrap_or_default(), self.adapter)
    }

    /// From such a line; nothing from any other text.
    pub fn read(text: &str) -> Option<Self> {
        let (numbers, adapter) = text.split_once('\n')?;
        let adapter = adapter.to_owned();
        if numbers.is_empty() {
            return Some(Self { adapter, lines: None });
        }
        let mut read = numbers.split(' ').map(|number| number.parse().ok().filter(|n: &f64| *n >= 0.0));
        let mut line = || Some(Line { start_ms: read.next()??, rate: read.next()??.max(1.0) });
        let lines = Lines { cpu: line()?, gpu: line()? };
        Some(Self { adapter, lines: Some(lines) })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    fn payoff() -> Payoff {
        let cpu = Line { start_ms: 1.0, rate: 1e7 };
        Payoff { adapter: "a GPU".to_owned(), lines: Some(Lines { cpu, gpu: Line { start_ms: 6.0, rate: 1e9 } }) }
    }

    #[test]
    fn a_line_goes_through_its_measurements() {
        let line = Line::through((1e6, 2.0), (9e6, 4.0));
        assert_eq!(line, Line { start_ms: 1.75, rate: 4e6 });
        assert_eq!((line.ms(1e6), line.ms(9e6)), (2.0, 4.0));
        // A clock that saw no difference.
        assert_eq!(Line::through((1e6, 2.0), (9e6, 2.0)).ms(1e12), 2.0);
    }

    #[test]
    fn the_gpu_is_taken_where_it_is_clearly_faster() {
        assert!(matches!(payoff().choice(1e7), Choice::Slower { .. }));
        assert!(matches!(payoff().choice(1e9), Choice::Faster { cpu_ms, gpu_ms } if gpu_ms == 7.0 && cpu_ms == 101.0));
        // Seven milliseconds here, and between seven and eight there: not worth it.
        assert!(matches!(payoff().choice(6.2e7), Choice::Slower { .. }));
        let software = Payoff { lines: None, ..payoff() };
        assert_eq!(software.choice(1e12), Choice::Software("a GPU".to_owned()));
    }

    #[test]
    fn what_was_measured_is_kept_and_nonsense_is_not_read() {
        for kept in [payoff(), Payoff { lines: None, ..payoff() }, Payoff { adapter: String::new(), ..payoff() }] {
            assert_eq!(Payoff::read(&kept.text()), Some(kept));
        }
        for bad in ["", "1 2 3 4", "1 2 3\nx", "1 2 3 x\nx", "1 2 3 -4\nx", "NaN 1 1 1\nx"] {
            assert_eq!(Payoff::read(bad), None, "{bad:?}");
        }
    }
}
