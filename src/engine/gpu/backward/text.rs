//! The texts of the kernels of gradients.

use std::fmt::Write;

use super::super::program::Program;
use super::super::streaming::Height;
use crate::attention::Plan;
use crate::engine::item::KernelText;

/// What a kernel of gradients is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// What each row's derivatives are measured against, where it is not `dY · Y`.
    Totals,
    /// dQ, by blocks of queries.
    Queries,
    /// dK and dV, by blocks of keys.
    Keys,
}

impl Pass {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Totals, Self::Queries, Self::Keys];
}

/// The kernels of a plan's gradients as texts, and the words that their formulas read.
pub struct GradientProgram {
    pub(super) program: Program,
    d4: u32,
    v4: u32,
    centred: bool,
    unit_sum: bool,
}

impl GradientProgram {
    /// Of a plan.
    pub fn new(plan: &Plan) -> Self {
        let [d4, v4] = [plan.dims.d, plan.dims.d_v].map(|size| size.div_ceil(4) as u32);
        Self { program: Program::of_gradients(plan), d4, v4, centred: plan.sums(), unit_sum: plan.exponential() }
    }

    /// The text of a kernel, and where in it the formulas are.
    pub fn text(&self, pass: Pass, height: Height) -> KernelText {
        let mut constants = String::new();
        let (rows, columns) = (height.rows() as u32 / 8, self.columns(pass, height));
        let whole = height == Height::SixtyFour && self.d4.is_multiple_of(4) && self.v4.is_multiple_of(4);
        for (name, value) in [
            ("BY_KEYS", pass == Pass::Keys),
            ("TOTALS", pass == Pass::Totals),
            ("CENTRED", self.centred),
            ("UNIT_SUM", self.unit_sum),
            // A loop of known length is unrolled; the low kernel is there to compile quickly.
            ("WHOLE", whole),
        ] {
            let _ = writeln!(constants, "const {name} = {value};");
        }
        for (name, value) in [
            ("R", rows),
            ("COLUMNS", columns),
            ("SUMS_S", if pass == Pass::Totals { 1 } else { rows * columns }),
            ("SUMS_P", if pass == Pass::Keys { rows * columns } else { 1 }),
            ("KINDS", if pass == Pass::Keys { 2 } else { 1 }),
            ("QUADS", if pass == Pass::Totals { rows.div_ceil(4) } else { 1 }),
        ] {
            let _ = writeln!(constants, "const {name} = {value}u;");
        }
        let what = match pass {
            Pass::Totals => "gradients: means of rows",
            Pass::Queries => "gradients by queries",
            Pass::Keys => "gradients by keys and values",
        };
        let few = if height == Height::Eight { ", 8 rows" } else { "" };
        self.program.gradient_text(format!("{what}{few}"), &constants, include_str!("../shaders/backward.wgsl"))
    }

    /// vec4s of each sum that a thread holds for each of its rows; by keys there are two sums.
    fn columns(&self, pass: Pass, height: Height) -> u32 {
        let most = match (pass, height) {
            (Pass::Queries, Height::Eight) => 4,
            (Pass::Queries, Height::SixtyFour) | (Pass::Keys, Height::Eight) => 2,
            (Pass::Keys, Height::SixtyFour) | (Pass::Totals, _) => 1,
        };
        self.widest(pass).div_ceil(16).next_power_of_two().min(most)
    }

    /// Workgroups that share the columns of a row.
    pub(super) fn blocks(&self, pass: Pass, height: Height) -> u32 {
        self.widest(pass).div_ceil(16 * self.columns(pass, height))
    }

    fn widest(&self, pass: Pass) -> u32 {
        match pass {
            Pass::Totals => 1,
            Pass::Queries => self.d4,
            Pass::Keys => self.d4.max(self.v4),
        }
    }
}
