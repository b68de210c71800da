//! Gradients, in parts that workers compute by themselves: nothing is added up by two of them but derivatives by parameters, of which each gives its own sum.

pub mod parts;

use super::cpu::{Backward, Kernels, Sources};
use crate::attention::gradients::{Gradients, Group, Named, Sums, Tensors, check_dy, named};
use crate::attention::plan::scope;
use crate::attention::{Inputs, Normaliser, Plan, Problem, Term};
use crate::experiment::{Backend, Issue, Issues, Message, message};
use crate::formula::{self, Kind, Sorted};

pub use parts::{Gathered, Part, parts};

/// Who computes gradients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// Double precision, row by row.
    Reference,
    /// Single precision, tile by tile: softmax.
    Cpu,
    /// The same on the GPU, of any normaliser and through any formula.
    Gpu,
}

impl Kernel {
    /// As results name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reference => "reference-backward-f64",
            Self::Cpu => "cpu-backward-streaming-4x8",
            Self::Gpu => "gpu-backward-streaming-f32",
        }
    }

    /// Who computes the gradients of a problem whose run was asked of an engine, and why, if it is not that engine's own kernel. `params` says whether
    /// derivatives by parameters are wanted.
    pub fn of(problem: &Problem, inputs: &Inputs, backend: Backend, params: bool) -> (Self, Option<Message>) {
        if backend == Backend::Reference {
            return (Self::Reference, None);
        }
        let adds = |term: &Term| formula::compile(&term.text, Kind::Score, &scope(term)).is_ok_and(|f| f.adds());
        let softmax = matches!(problem.normaliser, Normaliser::Softmax | Normaliser::OffByOne);
        let gpu = backend == Backend::Webgpu;
        let why = if params {
            message!("derivatives by parameters", "对参数的导数")
        } else if !gpu && !softmax {
            message!("gradients of a normaliser other than softmax", "Softmax 以外的归一化的梯度")
        } else if !gpu && problem.probability.is_some() {
            message!("gradients through a probability formula", "经过概率公式的梯度")
        } else if !gpu && !problem.bias_before_cap.iter().chain(&problem.bias).all(adds) {
            message!("gradients through a score formula that does more than add", "经过不只是相加的分数公式的梯度")
        } else if problem.lowering.is_some() {
            message!("gradients of what depends on the contents of Q and K", "依赖 Q、K 内容的部分的梯度")
        } else if !inputs.finite() {
            message!("gradients of tensors with NaN or infinities", "含 NaN 或无穷的张量的梯度")
        } else {
            return (if gpu { Self::Gpu } else { Self::Cpu }, None);
        };
        let (en, zh) = (why.en, why.zh);
        (Self::Reference, Some(message!("{en} are computed in double precision", "{zh}以双精度计算")))
    }
}

/// Gradients to be computed, and which share of their parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Derive {
    /// The problem, with everything it waited for computed.
    pub problem: Box<Problem>,
    /// By whom.
    pub kernel: Kernel,
    /// Of so many shares, which one: every part whose number, divided by the second, leaves the first.
    pub share: [usize; 2],
    /// Whether derivatives by parameters are wanted.
    pub params: bool,
}

/// Tensors that gradients are computed from.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// Q, K and V as they were given.
    pub qkv: [Vec<f32>; 3],
    /// By the output, `[batch, q_heads, n_q, d_v]`.
    pub dy: Vec<f32>,
    /// The output; not for [`Kernel::Reference`].
    pub y: Vec<f32>,
    /// Log-sum-exp of the rows (or their threshold); not for [`Kernel::Reference`].
    pub lse: Vec<f32>,
}

impl Derive {
    /// Its tensors, in the order in which they are sent; `take` gives the next numbers, as many as are asked for.
    pub fn given(&self, mut take: impl FnMut(usize) -> Vec<f32>) -> Given {
        let dims = self.problem.dims;
        let qkv = [dims.q_len(), dims.k_len(), dims.v_len()].map(&mut take);
        let dy = take(dims.y_len());
        match self.kernel {
            Kernel::Reference => Given { qkv, dy, ..Given::default() },
            Kernel::Cpu | Kernel::Gpu => Given { qkv, dy, y: take(dims.y_len()), lse: take(dims.rows()) },
        }
    }

    /// The outputs of this share's parts, in the order of [`parts`]: those of [`Part::lengths`]; then, if they are wanted, what this share adds to the
    /// derivatives by parameters, one after the other in the order of their names.
    ///
    /// # Errors
    /// A problem that does not compile or has no gradients, tensors of other sizes, and [`Kernel::Gpu`], whose own worker computes it.
    pub fn compute(&self, given: Given, kernels: &'static Kernels) -> Result<Vec<Vec<f32>>, Issues> {
        let plan = Plan::compile(&self.problem)?;
        let dims = plan.dims;
        let lengths = [dims.q_len(), dims.k_len(), dims.v_len()];
        for ((name, tensor), length) in ["Q", "K", "V"].into_iter().zip(&given.qkv).zip(lengths) {
            if tensor.len() != length {
                return Err(Issue::new(name, format!("holds {} numbers; its sizes need {length}", tensor.len())).into());
            }
        }
        if let Some(issue) = check_dy(given.dy.len(), &dims) {
            return Err(issue.into());
        }
        let all = parts(&dims, self.kernel);
        let [index, shares] = self.share;
        let mine = all.into_iter().enumerate().filter(|(i, _)| i % shares.max(1) == index).map(|(_, part)| part);
        match self.kernel {
            Kernel::Reference => self.reference(&plan, given, mine),
            Kernel::Gpu => Err(Issue::new("engine.backend", "this worker has no GPU").into()),
            Kernel::Cpu => {
                if (given.y.len(), given.lse.len()) != (dims.y_len(), dims.rows()) {
                    return Err(Issue::new("", "the output is not that of this run").into());
                }
                Ok(streamed(&plan, given, mine, kernels))
            }
        }
    }

    fn reference(&self, plan: &Plan, given: Given, mine: impl Iterator<Item = Part>) -> Result<Vec<Vec<f32>>, Issues> {
        let gradients = Gradients::new(&self.problem, plan)?;
        let [q, k, v] = given.qkv.map(Into::into);
        let tensors = Tensors::from(&Inputs { q, k, v });
        let dy: Vec<f64> = given.dy.iter().map(|&x| x.into()).collect();
        let dy = gradients.unfinished(&dy);
        let single = |all: Vec<f64>| all.into_iter().map(|x| x as f32).collect();
        let mut sums = Sums::new(plan);
        let mut out = Vec::new();
        for part in mine {
            let Part::Group(group) = part else { continue };
            let Tensors { q, k, v } = gradients.group(&tensors, &dy, group, &mut sums);
            out.extend([q, k, v].map(single));
        }
        if self.params {
            out.push(single(named(&self.problem, &sums).into_iter().flat_map(|(_, named)| named.values).collect()));
        }
        Ok(out)
    }
}

/// The parts by the kernel of the CPU.
fn streamed(plan: &Plan, given: Given, mine: impl Iterator<Item = Part>, kernels: &'static Kernels) -> Vec<Vec<f32>> {
    let [q, k, v] = given.qkv.map(Into::into);
    let inputs = Inputs { q, k, v };
    let from = Sources { plan, inputs: &inputs, dy: &given.dy, y: &given.y, lse: &given.lse };
    let mut backward = Backward::new(from, kernels);
    let mut out = Vec::new();
    for part in mine {
        match part {
            Part::Queries { batch, head, q } => out.push(backward.queries(batch, head, q)),
            Part::Keys { batch, kv_head, k } => out.extend(backward.keys(batch, kv_head, k)),
            Part::Group(_) | Part::All => {}
        }
    }
    out
}
