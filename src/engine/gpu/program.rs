//! A plan as kernel texts: its formulas spliced into the shaders, its choices as constants in front of them.

use std::fmt::Write;

use super::kernel::Kernel;
use super::streaming::Height;
use super::tiers::Build;
use crate::attention::{Normaliser, Plan};
use crate::engine::item::KernelText;
use crate::formula::Bound;
use crate::formula::wgsl::{LARGEST, Module};

const HEAD: &str = include_str!("shaders/head.wgsl");
const SLOTS: &str = include_str!("shaders/slots.wgsl");
const SINK: &str = include_str!("shaders/sink.wgsl");
const ROW: &str = include_str!("shaders/row.wgsl");
/// What binding 8 is to every kernel of a run.
const CELLS: &str = "@group(0) @binding(8) var<storage, read_write> cells: array<f32>;\n";

/// Who evaluates the masks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Masks {
    /// There are none.
    None,
    /// The kernels, by the formulas.
    Formulas,
    /// The CPU, a bit for each cell: for masks that could flip on a GPU, and for painted rectangles.
    Bits,
}

/// Rows of cells that a slot pass has in flight at once; it strides over the rest.
pub(super) const ROW_STEP: u32 = 32_768;

/// Texts of a plan's kernels, and the words that their formulas read.
#[derive(Debug)]
pub struct Program {
    formulas: String,
    /// Where in `formulas` each part of them begins and ends.
    parts: Vec<(usize, usize)>,
    words: Vec<u32>,
    sinks: u32,
    masks: Masks,
    /// What the streaming kernel uses beyond the core of WebGPU.
    build: Build,
    constants: String,
    /// Those that kernels without slots read as well.
    of_rows: String,
    /// vec4s of a row of Q and K, and of the outputs.
    d4: u32,
    v4: u32,
}

impl Program {
    /// The program of a plan.
    pub fn new(plan: &Plan) -> Self {
        Self::with(plan, chain)
    }

    /// The program of a plan's gradients: formulas come with their derivatives.
    pub fn of_gradients(plan: &Plan) -> Self {
        Self::with(plan, chain_of_slopes)
    }

    /// The same program, its streaming kernel made with more than the core of WebGPU.
    pub fn built(mut self, build: Build) -> Self {
        self.build = build;
        self
    }

    /// What the text of a kernel is made with: 16 bits only where it gives outputs by a running sum.
    fn build_of(&self, kernel: Kernel) -> Build {
        match kernel {
            Kernel::Streaming { online, values, .. } => Build { f16: self.build.f16 && online && values, ..self.build },
            _ => Build::default(),
        }
    }

    fn with(plan: &Plan, chain: impl Fn(&mut Module, &str, &str, &[Bound]) -> (String, bool)) -> Self {
        let masks = if !plan.masked() {
            Masks::None
        } else if plan.paint.is_empty() && plan.masks.iter().all(Bound::exact_in_wgsl) {
            Masks::Formulas
        } else {
            Masks::Bits
        };
        let mut module = Module::default();
        let of_kernel: &[Bound] = if masks == Masks::Formulas { &plan.masks } else { &[] };
        let slots = [
            chain(&mut module, "score_before", "before", &plan.bias_before_cap),
            chain(&mut module, "score_after", "after", &plan.bias),
            chain(&mut module, "formula_probability", "probability", plan.probability.as_slice()),
            conjunction(&mut module, of_kernel),
        ];
        let (mut formulas, mut parts) = (String::new(), Vec::new());
        for (part, of_formulas) in module.parts().map(|part| (part, true)).chain(slots) {
            if of_formulas {
                parts.push((formulas.len(), formulas.len() + part.len()));
            }
            formulas += &part;
            formulas.push('\n');
        }
        let mut words = module.words();
        let sinks = words.len() as u32;
        for head in 0..plan.dims.q_heads {
            let sink = plan.sink_of(head).unwrap_or(f32::NEG_INFINITY);
            words.push(sink.max(-LARGEST).to_bits());
        }
        let of_rows = [
            // Weights need a number of the whole row.
            ("SUMS", plan.sums()),
            ("SINK", (0..plan.dims.q_heads).any(|head| plan.sink_of(head).is_some())),
        ];
        let constants = [
            ("MASKED", plan.masked()),
            ("MASK_BITS", masks == Masks::Bits),
            ("SOFTCAP", plan.softcap.is_some()),
            ("SIGMOID", plan.normaliser == Normaliser::Sigmoid),
            ("SPARSEMAX", plan.normaliser == Normaliser::Sparsemax),
            ("ENTMAX", plan.normaliser == Normaliser::Entmax),
            ("SQUARED_RELU", plan.normaliser == Normaliser::SquaredRelu),
            ("EXPONENTIAL", plan.normaliser == Normaliser::Exponential),
            // The number that weights need is a threshold.
            ("THRESHOLD", plan.sums() && !plan.exponential()),
            ("PLAIN", plan.scores_plain()),
            ("PROBABILITY", plan.probability.is_some()),
            // Weights that do not scale with a running sum.
            ("REWEIGHS", !plan.online()),
        ];
        Self {
            formulas,
            parts,
            words,
            sinks,
            masks,
            build: Build::default(),
            constants: lines(&constants),
            of_rows: lines(&of_rows),
            d4: plan.dims.d.div_ceil(4) as u32,
            v4: plan.dims.d_v.div_ceil(4) as u32,
        }
    }

    /// The text of a kernel: the key of its pipeline.
    pub fn source(&self, kernel: Kernel) -> String {
        self.text(kernel).text
    }

    /// The text of a kernel, and where in it the formulas are.
    pub fn text(&self, kernel: Kernel) -> KernelText {
        let mut constants = if kernel.has_slots() { self.constants.clone() } else { String::new() };
        if kernel.has_slots() || matches!(kernel, Kernel::Merge { .. }) {
            constants += &self.of_rows;
        }
        let mut flag = |name: &str, value: bool| {
            let _ = writeln!(constants, "const {name} = {value};");
        };
        let body = match kernel {
            Kernel::Streaming { online, values, stats, height, split } => {
                flag("ONLINE", online);
                flag("VALUES", values);
                flag("STATS", stats);
                flag("SPLIT", split);
                // A loop of known length is unrolled; the low kernel is there to compile quickly.
                flag("WHOLE", height == Height::SixtyFour && self.d4.is_multiple_of(4));
                let rows = height.rows() as u32 / 8;
                let columns = if values { self.columns(height) } else { 1 };
                let blocks = if values { self.column_blocks(height) } else { 1 };
                let sizes = [("R", rows), ("COLUMNS", columns), ("BLOCKS", blocks), ("OUTPUTS", rows * columns)];
                for (name, size) in sizes {
                    let _ = writeln!(constants, "const {name} = {size}u;");
                }
                include_str!("shaders/streaming.wgsl")
            }
            Kernel::Merge { online, values, stats } => {
                flag("ONLINE", online);
                flag("VALUES", values);
                flag("STATS", stats);
                include_str!("shaders/merge.wgsl")
            }
            Kernel::Cells => include_str!("shaders/cells.wgsl"),
            Kernel::Slots => {
                let _ = writeln!(constants, "const ROW_STEP = {ROW_STEP}u;");
                include_str!("shaders/slots_pass.wgsl")
            }
            Kernel::Normalise { stats } => {
                flag("STATS", stats);
                include_str!("shaders/normalise.wgsl")
            }
            Kernel::Values => include_str!("shaders/values.wgsl"),
            Kernel::Pool { hides, mean } => {
                flag("HIDES", hides);
                flag("MEAN", mean);
                include_str!("shaders/pool.wgsl")
            }
        };
        let build = self.build_of(kernel);
        if build.lanes > 0 {
            let _ = writeln!(constants, "const LANES = {}u;", build.lanes);
        }
        let mut text = format!("{}{HEAD}\n{CELLS}{constants}\n", build.directives());
        let mut formulas = Vec::new();
        if kernel.has_slots() {
            formulas = self.add_slots(&mut text);
        }
        let streams = matches!(kernel, Kernel::Streaming { .. } | Kernel::Merge { .. });
        if streams || matches!(kernel, Kernel::Normalise { .. }) {
            text += SINK;
            text.push('\n');
        }
        if streams {
            text += ROW;
            text.push('\n');
        }
        let more = [(build.lanes > 0, ", subgroups"), (build.f16, ", 16 bits")];
        let more: String = more.iter().filter(|(holds, _)| *holds).map(|(_, name)| *name).collect();
        let name = kernel.name() + &more;
        KernelText { name, text: text + &build.edited(body), formulas }
    }

    /// The text of a kernel of gradients, of a program [`Program::of_gradients`]: `constants` and `body` are its own.
    pub(super) fn gradient_text(&self, name: String, constants: &str, body: &str) -> KernelText {
        let mut text = format!("{HEAD}\n{}{}{constants}\n", self.constants, self.of_rows);
        let formulas = self.add_slots(&mut text);
        KernelText { name, text: text + body, formulas }
    }

    /// Appends the formulas and what is built on them; where the formulas are.
    fn add_slots(&self, text: &mut String) -> Vec<(usize, usize)> {
        let formulas = self.parts.iter().map(|(start, end)| (text.len() + start, text.len() + end)).collect();
        *text += &self.formulas;
        *text += SLOTS;
        text.push('\n');
        formulas
    }

    /// What the kernels read of formulas and sinks.
    pub(super) fn words(&self) -> &[u32] {
        &self.words
    }

    /// Where the sinks, one for each head, begin among the words.
    pub(super) fn sinks(&self) -> u32 {
        self.sinks
    }

    /// Who evaluates the masks.
    pub(super) fn masks(&self) -> Masks {
        self.masks
    }

    /// vec4s of the outputs that a thread of the streaming kernel holds for each of its rows: 16 threads share a row, and a register file holds
    /// so much and no more.
    fn columns(&self, height: Height) -> u32 {
        let most = if height == Height::Eight { 4 } else { 2 };
        self.v4.div_ceil(16).next_power_of_two().min(most)
    }

    /// Blocks of output columns of the streaming kernel, each a workgroup of its own.
    pub(super) fn column_blocks(&self, height: Height) -> u32 {
        self.v4.div_ceil(16 * self.columns(height))
    }
}

/// Declarations of switches.
fn lines(switches: &[(&str, bool)]) -> String {
    switches.iter().map(|(name, value)| format!("const {name} = {value};\n")).collect()
}

/// A function that passes a number through formulas one after the other; whether there are any.
fn chain(module: &mut Module, function: &str, prefix: &str, bounds: &[Bound]) -> (String, bool) {
    let mut text = format!("fn {function}(x0: f32, at: At, k: i32) -> f32 {{\n");
    for (i, bound) in bounds.iter().enumerate() {
        module.add(&format!("{prefix}_{i}"), bound);
        let _ = writeln!(text, "    let x{} = {prefix}_{i}(x{i}, at.b, at.h, at.q, k);", i + 1);
    }
    let _ = writeln!(text, "    return x{};\n}}", bounds.len());
    (text, !bounds.is_empty())
}

/// The same, and a function `…_slope` that gives the number and what it changes by with the first.
fn chain_of_slopes(module: &mut Module, function: &str, prefix: &str, bounds: &[Bound]) -> (String, bool) {
    module.add_by();
    let mut text =
        format!("fn {function}_slope(x: f32, at: At, k: i32) -> vec2<f32> {{\n    let y0 = vec2<f32>(x, 1.0);\n");
    for (i, bound) in bounds.iter().enumerate() {
        module.add_slope(&format!("{prefix}_{i}"), bound);
        let _ = writeln!(text, "    let f{i} = {prefix}_{i}(y{i}.x, at.b, at.h, at.q, k);");
        let _ = writeln!(text, "    let y{} = vec2<f32>(f{i}.x, f_by(f{i}.y, y{i}.y));", i + 1);
    }
    let _ = writeln!(text, "    return y{};\n}}", bounds.len());
    let _ =
        writeln!(text, "fn {function}(x: f32, at: At, k: i32) -> f32 {{\n    return {function}_slope(x, at, k).x;\n}}");
    (text, !bounds.is_empty())
}

/// A function that and-s masks; whether there are any.
fn conjunction(module: &mut Module, bounds: &[Bound]) -> (String, bool) {
    let mut text = "fn formula_allows(at: At, k: i32) -> bool {\n".to_owned();
    for (i, bound) in bounds.iter().enumerate() {
        module.add(&format!("mask_{i}"), bound);
        let _ = writeln!(text, "    if (!mask_{i}(at.b, at.h, at.q, k)) {{ return false; }}");
    }
    (text + "    return true;\n}\n", !bounds.is_empty())
}
