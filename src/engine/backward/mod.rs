//! Gradients, in parts that workers compute by themselves: nothing is added up by two of them but derivatives by parameters, of which each gives its own sum.

pub mod parts;

use super::cpu::{Backward, Kernels, Sources};
use crate::attention::gradients::{Gradients, Group, Named, Sums, Tensors, check_dy, named};
use crate::attention::{Inputs, Plan, Problem};
use crate::experiment::{Backend, Issue, Issues, Message, message};
use crate::formula::Sorted;

pub use parts::{Gathered, Part, parts, shares};

/// Who computes gradients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// Double precision, row by row.
    Reference,
    /// Single precision, tile by tile.
    Cpu,
    /// The same on the GPU, but for derivatives by parameters.
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
        let gpu = backend == Backend::Webgpu;
        let why = if problem.lowering.is_some() {
            message!("gradients of what depends on the contents of Q and K", "依赖 Q、K 内容的部分的梯度")
        } else if !inputs.finite() {
            message!("gradients of tensors with NaN or infinities", "含 NaN 或无穷的张量的梯度")
        } else if gpu && params {
            let text = message!("derivatives by parameters are computed on the CPU", "对参数的导数在 CPU 上计算");
            return (Self::Cpu, Some(text));
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
        let mine = self.parts();
        match self.kernel {
            Kernel::Reference => self.reference(&plan, given, mine),
            Kernel::Gpu => Err(Issue::new("engine.backend", "this worker has no GPU").into()),
            Kernel::Cpu => {
                if (given.y.len(), given.lse.len()) != (dims.y_len(), dims.rows()) {
                    return Err(Issue::new("", "the output is not that of this run").into());
                }
                Ok(self.streamed(plan, given, mine, kernels))
            }
        }
    }

    /// The parts of this share.
    pub fn parts(&self) -> Vec<Part> {
        let [index, shares] = self.share;
        let all = parts(&self.problem, self.kernel, shares);
        all.into_iter().enumerate().filter(|(i, _)| i % shares.max(1) == index).map(|(_, part)| part).collect()
    }

    fn reference(&self, plan: &Plan, given: Given, mine: Vec<Part>) -> Result<Vec<Vec<f32>>, Issues> {
        let gradients = Gradients::new(&self.problem, plan)?;
        let [q, k, v] = given.qkv.map(Into::into);
        let tensors = Tensors::from(&Inputs { q, k, v });
        let dy: Vec<f64> = given.dy.iter().map(|&x| x.into()).collect();
        let dy = gradients.unfinished(&dy);
        let mut sums = Sums::new(plan);
        let mut out = Vec::new();
        for part in mine {
            let Part::Group(group) = part else { continue };
            let Tensors { q, k, v } = gradients.group(&tensors, &dy, group, &mut sums);
            out.extend([q, k, v].map(single));
        }
        if self.params {
            out.push(self.declared(&sums));
        }
        Ok(out)
    }

    /// The parts by the kernel of the CPU.
    fn streamed(&self, plan: Plan, given: Given, mine: Vec<Part>, kernels: &'static Kernels) -> Vec<Vec<f32>> {
        let plan = if self.params { plan.kept() } else { plan };
        let Given { qkv, dy, y, lse } = given;
        let [q, k, v] = qkv.map(Into::into);
        let inputs = Inputs { q, k, v };
        let from = Sources { plan: &plan, inputs: &inputs, dy: &dy, y: &y, lse: &lse, params: self.params };
        let mut backward = Backward::new(from, kernels);
        let mut out = Vec::new();
        for part in mine {
            match part {
                Part::Group(Group { batch, kv_head }) => out.extend(backward.group(batch, kv_head)),
                Part::Queries { batch, head, q } => out.push(backward.queries(batch, head, q)),
                Part::Keys { batch, kv_head, k } => out.extend(backward.keys(batch, kv_head, k)),
                Part::All => {}
            }
        }
        out.extend(backward.finish().map(|sums| self.declared(&sums)));
        out
    }

    /// Derivatives by parameters as they are sent.
    fn declared(&self, sums: &Sums) -> Vec<f32> {
        single(named(&self.problem, sums).into_iter().flat_map(|(_, named)| named.values).collect())
    }
}

fn single(all: Vec<f64>) -> Vec<f32> {
    all.into_iter().map(|x| x as f32).collect()
}
