//! A request turned into the problem it describes. Pure, so that the conformance vectors run natively through the same door as the page's.

use std::sync::Arc;

use super::gradients::{self, Gradients};
use super::mask;
use super::outputs;
use super::tensor::{Layout, Tensor};
use super::{FormulaOrEntry, Rect, Request};
use crate::attention::choose::{Chooser, Pattern};
use crate::attention::combine::combine;
use crate::attention::dims::{Dims, Inputs};
use crate::attention::lowering;
use crate::attention::plan;
use crate::attention::problem::{Problem, Term};
use crate::attention::second::{at_branch, mix};
use crate::catalogue::{self, ATTENTION};
use crate::experiment::{CausalAlignment, Choice, FormulaChoice, Issue, Issues, Stage, check_beside};
use crate::formula::{Data, DataValues, Scalar, Sorted};

/// A request, ready to be computed.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    /// What is computed.
    pub problem: Problem,
    /// Its tensors; past keys and values come first.
    pub inputs: Inputs,
    /// Layout of the output.
    pub layout: Layout,
    /// Names of the outputs wanted.
    pub outputs: Vec<String>,
    /// The stage whose matrix `qk_matmul_output` needs, or `weights` by itself.
    pub matrix: Option<Stage>,
    /// The stage of a second matrix: the weights, where `qk_matmul_output` shows another one. A run gives one matrix, so this one takes a run of its own.
    pub second: Option<Stage>,
    /// The picture wanted, within the head's rows and keys.
    pub rect: Option<Rect>,
    /// Times the kernel runs.
    pub repeat: u32,
    /// What gradients need, where any are wanted.
    pub gradients: Option<Gradients>,
}

impl Prepared {
    /// Whether an output is wanted.
    pub fn wants(&self, name: &str) -> bool {
        self.outputs.iter().any(|output| output == name)
    }

    /// Sizes of the tensors as they were given: what waits to be lowered may change them before the run.
    fn given(&self) -> Dims {
        self.problem.lowering.as_ref().map_or(self.problem.dims, |lowering| lowering.dims)
    }

    /// The output tensor from the engine's `[batch, q_heads, n_q, d_v]`, with what a layout of heads does to it done.
    pub fn y(&self, data: Vec<f32>) -> Tensor {
        let Dims { batch, q_heads, n_q, d_v, .. } = self.given();
        let extents = [batch, q_heads, n_q, d_v];
        Tensor::new(&self.layout.shape(extents), self.layout.pack(data, extents))
    }

    /// Keys with the past before them, `[batch, kv_heads, n_k, d]`.
    pub fn present_key(&self) -> Tensor {
        let Dims { batch, kv_heads, n_k, d, .. } = self.given();
        Tensor::new(&[batch, kv_heads, n_k, d], self.inputs.k.clone())
    }

    /// Values with the past before them, `[batch, kv_heads, n_k, d_v]`.
    pub fn present_value(&self) -> Tensor {
        let Dims { batch, kv_heads, n_k, d_v, .. } = self.given();
        Tensor::new(&[batch, kv_heads, n_k, d_v], self.inputs.v.clone())
    }

    /// A matrix of the engine, `[batch, q_heads, n_q, n_k]`.
    pub fn matrix(&self, data: Vec<f32>) -> Tensor {
        let Dims { batch, q_heads, n_q, n_k, .. } = self.problem.dims;
        Tensor::new(&[batch, q_heads, n_q, n_k], data)
    }

    /// Log-sum-exp of the rows, `[batch, q_heads, n_q]`.
    pub fn logsumexp(&self, data: Vec<f32>) -> Tensor {
        let Dims { batch, q_heads, n_q, .. } = self.problem.dims;
        Tensor::new(&[batch, q_heads, n_q], data)
    }
}

/// Turns a request into a problem and its tensors.
///
/// # Errors
/// Every field that is wrong, by its name in the request. What only the formulas' compiler can find is left to
/// [`Plan::compile`](crate::attention::Plan::compile), whose issues carry the same names.
pub fn prepare(request: &Request) -> Result<Prepared, Issues> {
    if let Some(op) = request.op.as_deref().filter(|op| *op != "attention") {
        return Err(Issue::new("op", format!("`{op}` can't be computed here; `attention` can")).into());
    }
    let (dims, past, layout, inputs) = tensors(request)?;
    let (problem, mut issues) = problem(request, dims, past, true);
    let (outputs, [matrix, second]) = outputs::wanted(request, &mut issues);
    outputs::check_rect(request.rect.as_ref(), &problem.dims, &mut issues);
    let gradients = gradients::wanted(request, &outputs, &problem, (layout, past), &mut issues);
    let repeat = request.repeat.unwrap_or(1);
    if !(1..=1000).contains(&repeat) {
        issues.push(Issue::new("repeat", format!("must be between 1 and 1000, and is {repeat}")));
    }
    if !issues.is_empty() {
        return Err(Issues(issues));
    }
    Ok(Prepared { problem, inputs, layout, outputs, matrix, second, rect: request.rect.clone(), repeat, gradients })
}

/// The problem over tensors of these sizes, and what is wrong with it. Of the `first` branch it is asked whether every table is read.
fn problem(request: &Request, dims: Dims, past: usize, first: bool) -> (Problem, Vec<Issue>) {
    let mut problem = Problem::plain(dims);
    let mut chooser =
        Chooser { dims, seed: request.seed, data: &request.data, conventions: request.conventions, issues: Vec::new() };
    if let Some(scale) = request.scale {
        problem.scale = scale;
    }
    let temperature = request.temperature.unwrap_or(1.0);
    if temperature.is_finite() && temperature > 0.0 {
        problem.scale /= temperature;
    } else {
        chooser.issues.push(Issue::new("temperature", format!("must be above 0, and is {temperature}")));
    }
    problem.softcap = request.softcap.filter(|&cap| cap != 0.0);
    problem.sink.clone_from(&request.sink_logit);
    positions(request, past, &mut problem, &mut chooser.issues);
    if let Some(tensor) = &request.attn_mask {
        match mask::terms(tensor, &dims) {
            Ok((allowed, added)) => {
                problem.masks.extend(allowed);
                if let Some(term) = added {
                    chooser.bias(&mut problem, term);
                }
            }
            Err(issue) => chooser.issues.push(issue),
        }
    }
    formulas(request, &mut chooser, &mut problem);
    if first {
        unread(request, &problem, &mut chooser.issues);
    }
    if let Some(hybrid) = &request.hybrid {
        let full = Choice::of("none");
        let branch = request.branch.as_ref().unwrap_or(&full);
        let attention = Choice::of(ATTENTION);
        let first = request.branch_a.as_ref().unwrap_or(&attention);
        let scale = request.scale.unwrap_or_else(|| 1.0 / (dims.d as f32).sqrt()) / temperature;
        let other = || {
            let (problem, issues) = self::problem(&second(request, branch), dims, past, false);
            if issues.is_empty() { Ok(problem) } else { Err(at_branch(Issues(issues))) }
        };
        mix(&mut chooser, &mut problem, [hybrid, first, branch], scale, &other);
    }
    let mut issues = chooser.issues;
    issues.extend(plan::check(&problem));
    (problem, issues)
}

/// The request with its branch's mask in the place of its own. What is done to the weights is done to the sum.
fn second(request: &Request, branch: &Choice) -> Request {
    Request {
        mask: Some(FormulaOrEntry::Entry(branch.clone())),
        combine: Vec::new(),
        selection: None,
        prob: None,
        hybrid: None,
        ..request.clone()
    }
}

/// Sizes, keys of the past, layout, and Q, K and V as `[batch, heads, length, size]` with the past before them.
pub(super) fn tensors(request: &Request) -> Result<(Dims, usize, Layout, Inputs), Issues> {
    let Request { q, k, v, past_key, past_value, .. } = request;
    let present = [
        ("Q", Some(q)),
        ("K", Some(k)),
        ("V", Some(v)),
        ("past_key", past_key.as_ref()),
        ("past_value", past_value.as_ref()),
    ];
    let all = present.into_iter().filter_map(|(path, tensor)| Some((path, tensor?)));
    let bad: Vec<Issue> = all.filter_map(|(path, tensor)| tensor.check(path).err()).collect();
    if !bad.is_empty() {
        return Err(Issues(bad));
    }
    let layout = layout_of(q, request.q_num_heads, request.kv_num_heads)?;
    let (heads, kv_heads) = (request.q_num_heads.unwrap_or(0), request.kv_num_heads.unwrap_or(0));
    let [batch, q_heads, n_q, d] = layout.extents(q, heads, "Q")?;
    let k_extents = layout.extents(k, kv_heads, "K")?;
    let v_extents = layout.extents(v, kv_heads, "V")?;
    let [_, kv_heads, n_new, _] = k_extents;
    let d_v = v_extents[3];
    let mut issues = Vec::new();
    expect_extents("K", k_extents, [batch, kv_heads, n_new, d], &mut issues);
    expect_extents("V", v_extents, [batch, kv_heads, n_new, d_v], &mut issues);
    let past = match (past_key, past_value) {
        (Some(key), Some(value)) => {
            let key_extents = Layout::Batched.extents(key, 0, "past_key")?;
            let value_extents = Layout::Batched.extents(value, 0, "past_value")?;
            expect_extents("past_key", key_extents, [batch, kv_heads, key_extents[2], d], &mut issues);
            expect_extents("past_value", value_extents, [batch, kv_heads, key_extents[2], d_v], &mut issues);
            key_extents[2]
        }
        (None, None) => 0,
        (Some(_), None) => return Err(Issue::new("past_value", "is missing beside past_key").into()),
        (None, Some(_)) => return Err(Issue::new("past_key", "is missing beside past_value").into()),
    };
    expect_heads("q_num_heads", request.q_num_heads, q_heads, &mut issues);
    expect_heads("kv_num_heads", request.kv_num_heads, kv_heads, &mut issues);
    let dims = Dims { batch, q_heads, kv_heads, n_q, n_k: past + n_new, d, d_v };
    issues.extend(plan::check(&Problem::plain(dims)).into_iter().map(of_tensor));
    if !issues.is_empty() {
        return Err(Issues(issues));
    }
    let with_past = |new: &Tensor, extents: [usize; 4], old: Option<&Tensor>| {
        let new = layout.unpack(&new.data, extents);
        let Some(old) = old.filter(|_| past > 0) else { return new };
        let (old_size, new_size) = (past * extents[3], n_new * extents[3]);
        let heads = old.data.chunks_exact(old_size);
        Arc::new(
            heads.enumerate().flat_map(|(i, old)| [old, &new[i * new_size..(i + 1) * new_size]].concat()).collect(),
        )
    };
    let inputs = Inputs {
        q: layout.unpack(&q.data, [batch, q_heads, n_q, d]),
        k: with_past(k, k_extents, past_key.as_ref()),
        v: with_past(v, v_extents, past_value.as_ref()),
    };
    Ok((dims, past, layout, inputs))
}

/// The layout of queries, by their axes and by which head counts are given.
pub(super) fn layout_of(q: &Tensor, q_heads: Option<usize>, kv_heads: Option<usize>) -> Result<Layout, Issue> {
    match (q.shape.len(), q_heads, kv_heads) {
        (4, ..) => Ok(Layout::Batched),
        (3, None, None) => Ok(Layout::Heads),
        (3, Some(_), Some(_)) => Ok(Layout::Packed),
        (3, Some(_), None) => Err(Issue::new("kv_num_heads", "is missing beside q_num_heads")),
        (3, None, Some(_)) => Err(Issue::new("q_num_heads", "is missing beside kv_num_heads")),
        (rank, ..) => Err(Issue::new("Q.shape", format!("has {rank} axes; 3 or 4 are needed"))),
    }
}

/// An issue where a tensor does not fit the others.
pub(super) fn expect_extents(path: &str, found: [usize; 4], wanted: [usize; 4], issues: &mut Vec<Issue>) {
    if found != wanted {
        let message =
            format!("is {found:?} as [batch, heads, length, size]; {wanted:?} is needed beside the other tensors");
        issues.push(Issue::new(format!("{path}.shape"), message));
    }
}

/// An issue where a head count is given and is not that of the tensors.
pub(super) fn expect_heads(path: &str, given: Option<usize>, found: usize, issues: &mut Vec<Issue>) {
    if let Some(given) = given.filter(|&given| given != found) {
        issues.push(Issue::new(path, format!("is {given}; the tensors have {found} heads")));
    }
}

/// An issue with a size, told of the axis of the tensor that has it.
pub(super) fn of_tensor(issue: Issue) -> Issue {
    let axes = [
        ("dims.batch", "Q", "batch: "),
        ("dims.q_heads", "Q", "heads: "),
        ("dims.kv_heads", "K", "heads: "),
        ("dims.n_q", "Q", "length: "),
        ("dims.n_k", "K", "length: "),
        ("dims.d", "Q", "size: "),
        ("dims.d_v", "V", "size: "),
    ];
    match axes.iter().find(|(size, ..)| *size == issue.path) {
        Some((_, tensor, axis)) => Issue::new(format!("{tensor}.shape"), format!("{axis}{}", issue.message.en)),
        // All tensors together.
        None => Issue::new("", issue.message),
    }
}

/// Offsets, the causal mask, windows, and padding at the end of the keys.
fn positions(request: &Request, past: usize, problem: &mut Problem, issues: &mut Vec<Issue>) {
    let dims = problem.dims;
    let n_q = dims.n_q as i32;
    if past > 0 {
        problem.offset = vec![past as i32];
    }
    if request.conventions.causal == CausalAlignment::BottomRight {
        problem.offset = vec![dims.n_k as i32 - n_q];
    }
    if let Some(lengths) = &request.nonpad_kv_seqlen {
        if past > 0 {
            issues.push(Issue::new(
                "nonpad_kv_seqlen",
                "can't stand beside past_key: the cache is either outside or inside K",
            ));
        }
        if lengths.len() != dims.batch {
            let message =
                format!("has {} numbers; one for each of the {} sequences is needed", lengths.len(), dims.batch);
            issues.push(Issue::new("nonpad_kv_seqlen", message));
        } else if let Some(i) = lengths.iter().position(|&n| n < 0 || n > dims.n_k as i64) {
            let message = format!("must be between 0 and {}, and is {}", dims.n_k, lengths[i]);
            issues.push(Issue::new(format!("nonpad_kv_seqlen[{i}]"), message));
        } else {
            let lengths: Vec<i32> = lengths.iter().map(|&n| n as i32).collect();
            problem.offset = lengths.iter().map(|&n| n - n_q).collect();
            let table = Data { shape: vec![lengths.len()], values: DataValues::Int(lengths), clamp: false };
            problem
                .masks
                .push(Term::new("nonpad_kv_seqlen", "k < nonpad_kv_seqlen[b]").data("nonpad_kv_seqlen", table));
        }
    }
    if request.is_causal {
        problem.masks.push(Term::new("is_causal", "k <= q_pos"));
    }
    let windows = [
        ("left_window_size", request.left_window_size, "q_pos - k <= window"),
        ("right_window_size", request.right_window_size, "k - q_pos <= window"),
    ];
    for (path, window, formula) in windows {
        match window {
            None | Some(-1) => {}
            Some(size) => match i32::try_from(size) {
                Ok(size) if size >= 0 => {
                    problem.masks.push(Term::new(path, formula).param("window", Scalar::Int(size)))
                }
                _ => issues.push(Issue::new(path, format!("must be 0 or more, or -1 for no limit, and is {size}"))),
            },
        }
    }
}

/// A position scheme, its parameters looked at one beside the other, as the check of an experiment does.
fn position(chooser: &mut Chooser, problem: &mut Problem, Choice { id, params }: &Choice, path: &str) {
    chooser.position(problem, id, params, path);
    let beside = catalogue::position(id).and_then(|entry| check_beside(&format!("{path}.params"), entry, params));
    chooser.issues.extend(beside);
}

/// Formulas and entries of the catalogue.
fn formulas(request: &Request, chooser: &mut Chooser, problem: &mut Problem) {
    let pattern = match &request.mask {
        Some(FormulaOrEntry::Formula(text)) => Pattern { mask: Some(chooser.text(text, "mask")), score: None },
        Some(FormulaOrEntry::Entry(entry)) => chooser.mask(&entry.id, &entry.params, "mask"),
        None => Pattern::default(),
    };
    for (i, layer) in request.combine.iter().enumerate() {
        let outside = layer.heads.iter().flatten().position(|&head| head >= problem.dims.q_heads);
        if let Some(at) = outside {
            let heads = problem.dims.q_heads;
            let message = format!("must be below {heads}, counted from 0");
            chooser.issues.push(Issue::new(format!("combine[{i}].heads[{at}]"), message));
        }
    }
    combine(chooser, problem, pattern, &request.combine);
    let placed = request.layers.as_ref().is_none_or(|mix| chooser.layers(problem, &mix.id, &mix.params, "layers"));
    if let Some(entry) = &request.position {
        // A layer without positions: the entry is looked at all the same.
        let mut aside = (!placed).then(|| problem.clone());
        position(chooser, aside.as_mut().unwrap_or(problem), entry, "position");
    }
    match &request.score {
        Some(FormulaOrEntry::Formula(text)) => problem.bias.push(chooser.text(text, "score")),
        Some(FormulaOrEntry::Entry(entry)) => position(chooser, problem, entry, "score"),
        None => {}
    }
    match &request.prob {
        Some(FormulaOrEntry::Formula(text)) => problem.probability = Some(chooser.text(text, "prob")),
        Some(FormulaOrEntry::Entry(Choice { id, params })) => {
            let choice = FormulaChoice { params: params.clone(), ..FormulaChoice::of(id) };
            chooser.probability(problem, &choice, "prob");
        }
        None => {}
    }
    // A scale of the request's own stands, whatever the product's.
    let rooted = request.scale.is_none();
    let temperature = rooted.then(|| f64::from(request.temperature.filter(|t| *t > 0.0).unwrap_or(1.0)));
    if let Some(entry) = &request.product {
        chooser.product(problem, &entry.id, &entry.params, "product", temperature);
    }
    if let Some(entry) = &request.layout {
        chooser.layout(problem, &entry.id, &entry.params, "layout", rooted);
    }
    let normaliser = request.normaliser.as_ref();
    let last = normaliser.and_then(|entry| chooser.normaliser(problem, &entry.id, &entry.params, "normaliser"));
    if let Some(entry) = &request.selection {
        chooser.selection(problem, &entry.id, &entry.params, "selection");
    }
    // Last of what reads scores: a normaliser may choose among the keys that everything else leaves.
    chooser.choosing(problem, last, "normaliser");
    lowering::seal(problem);
}

/// An issue with every table that nothing in a request reads, of which `problem` is all but the second branch.
fn unread(request: &Request, problem: &Problem, issues: &mut Vec<Issue>) {
    for name in request.data.keys() {
        let terms =
            problem.masks.iter().chain(&problem.bias).chain(&problem.bias_before_cap).chain(&problem.probability);
        let read = terms.map(|term| &term.data).any(|data: &Sorted<_, _>| data.contains_key(name));
        // What a layout or a normaliser reads is in its own slot, and a second mask comes later.
        let layout = request.layout.as_ref().and_then(|layout| catalogue::layout(&layout.id));
        let normaliser = request.normaliser.as_ref().and_then(|normaliser| catalogue::normaliser(&normaliser.id));
        let branch = request.hybrid.as_ref().and(request.branch.as_ref()).and_then(|mask| catalogue::mask(&mask.id));
        let mut tables = [layout.map(|e| e.tables), normaliser.map(|e| e.tables), branch.map(|e| e.tables)]
            .into_iter()
            .flatten()
            .flatten();
        let read = read || tables.any(|table| table.name == name);
        let at_fault = issues.iter().any(|issue| issue.path.starts_with(&format!("data.{name}")));
        if !read && !at_fault {
            issues.push(Issue::new(format!("data.{name}"), "no formula of this request reads it"));
        }
    }
}
