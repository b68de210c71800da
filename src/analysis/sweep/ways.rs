//! What is compared: ways of computing attention, the sizes at which, and the axis along which one size is changed.

use crate::attention::estimators::{alone, direction_of};
use crate::attention::{Dims, Estimator, Memory, fits};
use crate::catalogue::{self, Text};
use crate::engine::TILE;
use crate::engine::pool::cut::dense_flops;
use crate::experiment::{
    Algorithm, Backend, Choice, EngineChoice, Experiment, Input, Issue, Issues, MaskChoice, Message, Size, View, check,
    message,
};
use crate::formula::Sorted;

/// Most bytes that a cell may need over all workers: more, and a browser may end the page.
const MOST_BYTES: f64 = 3.0 * (1_u64 << 30) as f64;
/// Seed of the numbers that are attended over.
const SEED: u64 = 1;

/// What is changed from place to place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Axis {
    /// Queries and keys.
    #[default]
    Tokens,
    /// Workers of the CPU.
    Workers,
    /// Keys of the sliding window.
    Window,
    /// The share of pairs that masks of random pairs and blocks keep, per cent.
    Density,
    /// Heads.
    Heads,
    /// Query heads that share a head of keys and values.
    Group,
    /// Numbers of a query, a key and a value.
    Size,
}

impl Axis {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Tokens, Self::Workers, Self::Window, Self::Density, Self::Heads, Self::Group, Self::Size];

    /// Its name in controls.
    pub fn id(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Workers => "workers",
            Self::Window => "window",
            Self::Density => "density",
            Self::Heads => "heads",
            Self::Group => "group",
            Self::Size => "size",
        }
    }

    /// What it counts.
    pub fn name(self) -> Text {
        match self {
            Self::Tokens => Text::new("tokens", "词元数"),
            Self::Workers => Text::new("workers", "工作线程数"),
            Self::Window => Text::new("window", "窗口"),
            Self::Density => Text::new("density, %", "密度，%"),
            Self::Heads => Text::new("heads", "头数"),
            Self::Group => Text::new("query heads a key head", "每个键头的查询头数"),
            Self::Size => Text::new("head size", "头维度"),
        }
    }

    /// Powers of two from one number to another; of workers as many as there are at the end.
    pub fn places(self, from: usize, to: usize) -> Vec<usize> {
        let from = from.max(1);
        let mut places: Vec<usize> =
            std::iter::successors(Some(from), |at| at.checked_mul(2)).take_while(|at| *at <= to).collect();
        if self == Self::Workers && places.last().is_some_and(|last| *last < to) {
            places.push(to);
        }
        places
    }
}

/// Sizes at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Queries, and as many keys.
    pub tokens: usize,
    /// Heads of queries.
    pub heads: usize,
    /// Of them, how many share a head of keys and values: 1 for multi-head, all for multi-query attention.
    pub group: usize,
    /// Numbers of a query, a key and a value.
    pub size: usize,
    /// Keys of the sliding window.
    pub window: usize,
    /// Of masks that have a density, per cent.
    pub density: usize,
    /// Workers of the CPU.
    pub workers: usize,
    /// Whether gradients are measured in place of the output.
    pub backward: bool,
}

impl Setting {
    /// The same with another number at an axis.
    #[must_use]
    pub fn at(mut self, axis: Axis, place: usize) -> Self {
        let of = match axis {
            Axis::Tokens => &mut self.tokens,
            Axis::Workers => &mut self.workers,
            Axis::Window => &mut self.window,
            Axis::Density => &mut self.density,
            Axis::Heads => &mut self.heads,
            Axis::Group => &mut self.group,
            Axis::Size => &mut self.size,
        };
        *of = place;
        self
    }

    /// Its sizes.
    pub fn dims(&self) -> Dims {
        let Self { tokens, heads, group, size, .. } = *self;
        let kv_heads = (heads / group.max(1)).max(1);
        Dims { batch: 1, q_heads: heads, kv_heads, n_q: tokens, n_k: tokens, d: size, d_v: size }
    }

    /// Normal numbers of its sizes.
    pub fn input(&self) -> Input {
        let Dims { q_heads, kv_heads, n_q, n_k, d, d_v, .. } = self.dims();
        Input::generated("normal", Size { q_heads, kv_heads, n_q, n_k, d, d_v }, SEED)
    }
}

/// The parameter of masks that keep a share of all pairs.
const DENSITY: &str = "density";

/// The side of random blocks: whole tiles of either engine's kernels (48 by 64 and 64 by 64), so that what is left out is skipped.
const BLOCK: (&str, f64) = ("block", 192.0);

/// Whether a mask of the catalogue keeps a share that can be chosen.
fn dense_part(id: &str) -> bool {
    has_param(id, DENSITY)
}

fn has_param(id: &str, name: &str) -> bool {
    catalogue::mask(id).is_some_and(|entry| entry.params.iter().any(|param| param.name == name))
}

/// A way of computing attention: a line of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// No mask, streaming: what others are compared with.
    Dense,
    /// No mask, with the whole score matrix.
    Materialised,
    /// The causal mask, streaming.
    Causal,
    /// The sliding window, streaming.
    Window,
    /// No mask, on the GPU.
    Gpu,
    /// The page's experiment over other tensors.
    Own,
    /// A mask of the catalogue, streaming.
    Mask(&'static str),
    /// An estimator of the catalogue, on one worker.
    Estimator(&'static str),
}

/// What is computed at a cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// A run.
    Attention(Box<Experiment>),
    /// An estimate, without exact attention beside it.
    Estimate(Estimator),
}

impl Way {
    /// Ways that have a switch of their own.
    pub const COMMON: [Self; 6] = [Self::Dense, Self::Causal, Self::Window, Self::Materialised, Self::Gpu, Self::Own];

    /// Whether it follows the axis of density.
    pub fn has_density(self) -> bool {
        matches!(self, Self::Mask(id) if dense_part(id))
    }

    /// Its name.
    pub fn name(self) -> Text {
        match self {
            Self::Dense => Text::new("dense", "稠密"),
            Self::Materialised => Text::new("dense, materialised", "稠密，物化"),
            Self::Causal => Text::new("causal", "因果"),
            Self::Window => Text::new("sliding window", "滑动窗口"),
            Self::Gpu => Text::new("dense, GPU", "稠密，GPU"),
            Self::Own => Text::new("this experiment", "当前实验"),
            Self::Mask(id) => catalogue::mask(id).map_or(Text::new(id, id), |entry| entry.name),
            Self::Estimator(id) => catalogue::estimator(id).map_or(Text::new(id, id), |entry| entry.name),
        }
    }

    /// What is computed at a setting; `own` is the page's experiment.
    ///
    /// # Errors
    /// Why nothing can be: sizes that do not fit, gradients that there are none of, more memory than a page has.
    pub fn work(self, own: &Experiment, setting: &Setting) -> Result<Work, Issues> {
        let (dims, Setting { heads, group, .. }) = (setting.dims(), *setting);
        if !heads.is_multiple_of(group.max(1)) {
            let text = message!(
                "{heads} heads can't be shared out in groups of {group}",
                "{heads} 个头无法按每组 {group} 个划分"
            );
            return Err(Issue::new("", text).into());
        }
        let plain = |mask: &str, backend, algorithm| Experiment {
            input: setting.input(),
            mask: MaskChoice::of(mask),
            engine: EngineChoice { backend, algorithm, ..EngineChoice::default() },
            view: View { head: 0, query: 0, key: 0, ..View::default() },
            ..Experiment::default()
        };
        let streaming = |mask: &str| plain(mask, Backend::Cpu, Algorithm::Streaming);
        let experiment = match self {
            Self::Estimator(id) if setting.backward => {
                return Err(Issue::new("", message!("{id} has no gradients here", "此处没有 {id} 的梯度")).into());
            }
            Self::Estimator(id) => {
                let choice = Choice::of(id);
                let causal = direction_of(&choice, true).unwrap_or(true);
                let scale = 1.0 / (setting.size as f32).sqrt();
                return alone(&choice, dims, causal, scale, "estimator").map(Work::Estimate);
            }
            Self::Dense => streaming("none"),
            Self::Causal => streaming("causal"),
            Self::Mask(id) => {
                let mut masked = streaming(id);
                if dense_part(id) {
                    masked.mask.params = Sorted::from([(DENSITY.to_owned(), setting.density as f64 / 100.0)]);
                    if has_param(id, BLOCK.0) {
                        masked.mask.params.insert(BLOCK.0.to_owned(), BLOCK.1);
                    }
                }
                masked
            }
            Self::Materialised => plain("none", Backend::Cpu, Algorithm::Materialised),
            Self::Gpu => plain("none", Backend::Webgpu, Algorithm::Streaming),
            Self::Window => {
                let mut window = streaming("sliding-window");
                window.mask.params = Sorted::from([("window".to_owned(), setting.window as f64)]);
                window
            }
            Self::Own => {
                let backend = if own.engine.backend == Backend::Auto { Backend::Cpu } else { own.engine.backend };
                Experiment {
                    input: setting.input(),
                    engine: EngineChoice { backend, ..own.engine },
                    // What belongs to the tokens of the page's own input.
                    edits: Vec::new(),
                    paint: Vec::new(),
                    data: Sorted::new(),
                    estimator: Choice::of("none"),
                    view: View { head: 0, query: 0, key: 0, ..View::default() },
                    ..own.clone()
                }
            }
        };
        check(&experiment)?;
        fits(&experiment, &dims)?;
        let work = Work::Attention(Box::new(experiment));
        match work.memory(setting) {
            Some(bytes) if bytes > MOST_BYTES => Err(Issue::new("", too_large(bytes)).into()),
            _ => Ok(work),
        }
    }
}

fn too_large(bytes: f64) -> Message {
    let megabytes = (bytes / f64::from(1 << 20)) as u64;
    let most = (MOST_BYTES / f64::from(1 << 20)) as u64;
    message!("would need about {megabytes} MB; at most {most} MB are tried", "约需 {megabytes} MB；最多尝试 {most} MB")
}

impl Work {
    /// Operations, from sizes alone: for the estimate of what is left.
    pub fn flops(&self, setting: &Setting) -> f64 {
        let dense = dense_flops(&setting.dims()) * if setting.backward { 3.5 } else { 1.0 };
        match self {
            Self::Estimate(estimator) => estimator.cost().flops,
            Self::Attention(experiment) if experiment.mask.id == "sliding-window" => {
                dense * (setting.window as f64 / setting.tokens.max(1) as f64).min(1.0)
            }
            Self::Attention(experiment) => match experiment.mask.params.get(DENSITY) {
                Some(share) => dense * share.clamp(0.01, 1.0),
                None => dense,
            },
        }
    }

    /// Bytes that it allocates, as far as they can be counted: of the CPU's own engines, forward.
    pub fn memory(&self, setting: &Setting) -> Option<f64> {
        let Self::Attention(experiment) = self else { return None };
        if experiment.engine.backend != Backend::Cpu || setting.backward {
            return None;
        }
        Some(Memory::of(&setting.dims(), experiment.engine.algorithm, TILE).total(setting.workers))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    const SETTING: Setting =
        Setting { tokens: 64, heads: 2, group: 1, size: 32, window: 16, density: 25, workers: 4, backward: false };

    #[test]
    fn places_are_powers_of_two_and_all_workers() {
        assert_eq!(Axis::Tokens.places(64, 300), [64, 128, 256]);
        assert_eq!(Axis::Workers.places(1, 6), [1, 2, 4, 6]);
        assert_eq!(Axis::Workers.places(1, 1), [1]);
        assert!(Axis::Heads.places(8, 4).is_empty());
        assert_eq!(SETTING.at(Axis::Window, 99).window, 99);
    }

    #[test]
    fn heads_are_shared_in_whole_groups_and_density_is_that_of_the_mask() {
        let own = Experiment::default();
        let setting = SETTING.at(Axis::Heads, 8).at(Axis::Group, 4);
        assert_eq!((setting.dims().q_heads, setting.dims().kv_heads), (8, 2));
        assert!(Way::Dense.work(&own, &setting).is_ok());
        assert!(Way::Dense.work(&own, &setting.at(Axis::Group, 3)).is_err());
        let few = SETTING.at(Axis::Density, 5);
        let way = Way::Mask("random-blocks");
        assert!(way.has_density() && !Way::Mask("causal").has_density() && !Way::Dense.has_density());
        let (Work::Attention(made), dense) = (way.work(&own, &few).unwrap(), Way::Dense.work(&own, &few).unwrap())
        else {
            unreachable!("a run")
        };
        assert_eq!((made.mask.params.get(DENSITY), made.mask.params.get(BLOCK.0)), (Some(&0.05), Some(&BLOCK.1)));
        assert!(Work::Attention(made).flops(&few) < 0.1 * dense.flops(&few));
    }

    #[test]
    fn every_common_way_has_work_at_every_size() {
        for way in Way::COMMON {
            for tokens in [1, 64, 4096] {
                let setting = SETTING.at(Axis::Tokens, tokens);
                let work = way.work(&Experiment::default(), &setting).unwrap();
                assert!(work.flops(&setting) > 0.0, "{way:?} at {tokens}");
            }
        }
        assert!(matches!(Way::Estimator("performer").work(&Experiment::default(), &SETTING), Ok(Work::Estimate(_))));
    }

    #[test]
    fn the_experiment_keeps_its_rules_and_leaves_its_tokens() {
        let own = Experiment { softcap: 5.0, ..Experiment::default() };
        let Work::Attention(made) = Way::Own.work(&own, &SETTING).unwrap() else { unreachable!("a run") };
        assert_eq!((made.softcap, &made.mask), (5.0, &own.mask));
        assert_eq!((made.input, made.engine.backend), (SETTING.input(), Backend::Cpu));
    }

    #[test]
    fn what_no_page_holds_and_what_has_no_gradients_is_refused() {
        let large = SETTING.at(Axis::Tokens, 1 << 20).at(Axis::Heads, 16);
        assert!(Way::Dense.work(&Experiment::default(), &large).is_err());
        let backward = Setting { backward: true, ..SETTING };
        assert!(Way::Estimator("performer").work(&Experiment::default(), &backward).is_err());
        for way in [Way::Dense, Way::Gpu] {
            assert!(way.work(&Experiment::default(), &backward).is_ok());
        }
    }
}
