//! A bound formula as a program: constants folded, equal parts shared, and for each part what it depends on.

use std::collections::HashMap;

use super::Formula;
use super::bind::Resolved;
use super::plain::gather;
use super::table::ROWS;
use super::typed::{Op, Operands};
use super::values::{Sizes, Ty, Var};

/// One step of a program. `op` is a parameter only where [`lower`] was told to keep them: else those are constants by now.
#[derive(Clone, Debug)]
pub struct Step {
    pub op: Op,
    pub ty: Ty,
    pub needs: Needs,
    /// The value as a linear form, where it is one and can't wrap.
    pub linear: Option<Linear>,
    /// For a comparison of linear forms: left minus right.
    pub difference: Option<Linear>,
}

/// Which variables a value changes with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Needs {
    pub b: bool,
    pub h: bool,
    pub axis: Axis,
    /// The score or the weight so far.
    pub x: bool,
}

/// How a value changes over the plane of queries and keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub enum Axis {
    /// Not at all.
    #[default]
    None,
    /// With the row only.
    Query,
    /// With the column only.
    Key,
    /// With the difference `q - k` only: constant along diagonals.
    Diagonal,
    /// With both.
    Both,
}

impl Axis {
    /// Whether the cells of a row have values of their own.
    pub fn along_row(self) -> bool {
        matches!(self, Self::Key | Self::Diagonal | Self::Both)
    }
}

impl Needs {
    fn join(self, other: Self) -> Self {
        let axis = match (self.axis, other.axis) {
            (Axis::None, a) | (a, Axis::None) => a,
            (a, b) if a == b => a,
            _ => Axis::Both,
        };
        Needs { b: self.b || other.b, h: self.h || other.h, axis, x: self.x || other.x }
    }
}

/// `q * query + k * key + offset(b) * shift + constant`, over the integers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Linear {
    pub query: i64,
    pub key: i64,
    pub shift: i64,
    pub constant: i64,
}

impl Linear {
    fn constant(constant: i64) -> Self {
        Linear { query: 0, key: 0, shift: 0, constant }
    }

    fn map(self, other: Self, f: impl Fn(i64, i64) -> Option<i64>) -> Option<Self> {
        Some(Linear {
            query: f(self.query, other.query)?,
            key: f(self.key, other.key)?,
            shift: f(self.shift, other.shift)?,
            constant: f(self.constant, other.constant)?,
        })
    }

    fn minus(self, other: Self) -> Option<Self> {
        self.map(other, i64::checked_sub)
    }

    /// The value if it never changes.
    fn fixed(self) -> Option<i64> {
        (self.query == 0 && self.key == 0 && self.shift == 0).then_some(self.constant)
    }

    fn needs(self) -> Needs {
        let axis = match (self.query, self.key) {
            (0, 0) => Axis::None,
            (_, 0) => Axis::Query,
            (0, _) => Axis::Key,
            (q, k) if q == -k => Axis::Diagonal,
            _ => Axis::Both,
        };
        Needs { b: self.shift != 0, axis, ..Needs::default() }
    }

    /// The least and the greatest value over ranges (inclusive) of queries, keys and offsets. Exact where q and k vary
    /// freely.
    pub fn range(self, q: (i64, i64), k: (i64, i64), offset: (i64, i64)) -> Option<(i64, i64)> {
        let (mut low, mut high) = (self.constant, self.constant);
        for (factor, (from, to)) in [(self.query, q), (self.key, k), (self.shift, offset)] {
            let (a, b) = (factor.checked_mul(from)?, factor.checked_mul(to)?);
            (low, high) = (low.checked_add(a.min(b))?, high.checked_add(a.max(b))?);
        }
        Some((low, high))
    }

    /// Over all cells, if no cell leaves i32.
    fn within(self, sizes: &Sizes) -> Option<Self> {
        let (low, high) = self.range(all(sizes.n_q), all(sizes.n_k), offsets(sizes))?;
        (low >= i64::from(i32::MIN) && high <= i64::from(i32::MAX)).then_some(self)
    }
}

/// All indices below `n`, as an inclusive range.
pub fn all(n: i32) -> (i64, i64) {
    (0, i64::from(n.max(1)) - 1)
}

/// The range of the offsets.
pub fn offsets(sizes: &Sizes) -> (i64, i64) {
    let low = sizes.offset.iter().copied().min().unwrap_or(0);
    let high = sizes.offset.iter().copied().max().unwrap_or(0);
    (i64::from(low), i64::from(high))
}

/// The steps of a bound formula, and for each node of the formula the step that computes it. The result is the last
/// node's step. With `keep`, parameters and tables of floats stay what they are, so that derivatives by them can be told apart.
pub fn lower(formula: &Formula, with: &Resolved, keep: bool) -> (Vec<Step>, Vec<usize>) {
    let mut lowering = Lowering { with, keep, steps: Vec::new(), seen: HashMap::new() };
    let mut of_node: Vec<usize> = Vec::with_capacity(formula.nodes().len());
    for node in formula.nodes() {
        let moved = |operands: Operands| {
            let ids: Vec<usize> = operands.iter().map(|id| of_node[id]).collect();
            Operands::new(&ids)
        };
        let step = match node.op {
            Op::Constant(bits) => lowering.constant(bits, node.ty),
            Op::Param(_) if keep && node.ty == Ty::Float => lowering.param(node.op),
            Op::Param(at) => lowering.constant(with.params[usize::from(at)], node.ty),
            Op::Var(var) => lowering.variable(var, node.ty),
            Op::Row(row, operands) => lowering.row(row, moved(operands), node.ty),
            Op::Read(data, operands) => lowering.read(data, moved(operands), node.ty),
        };
        of_node.push(step);
    }
    (lowering.steps, of_node)
}

struct Lowering<'a> {
    with: &'a Resolved,
    keep: bool,
    steps: Vec<Step>,
    seen: HashMap<(Op, Ty), usize>,
}

impl Lowering<'_> {
    fn push(&mut self, step: Step) -> usize {
        let (steps, key) = (&mut self.steps, (step.op, step.ty));
        *self.seen.entry(key).or_insert_with(|| {
            steps.push(step);
            steps.len() - 1
        })
    }

    fn constant(&mut self, bits: u32, ty: Ty) -> usize {
        let linear = (ty == Ty::Int).then(|| Linear::constant(i64::from(bits as i32)));
        self.push(Step { op: Op::Constant(bits), ty, needs: Needs::default(), linear, difference: None })
    }

    fn param(&mut self, op: Op) -> usize {
        self.push(Step { op, ty: Ty::Float, needs: Needs::default(), linear: None, difference: None })
    }

    fn value(&self, step: usize) -> Option<u32> {
        if let Op::Constant(bits) = self.steps[step].op { Some(bits) } else { None }
    }

    fn variable(&mut self, var: Var, ty: Ty) -> usize {
        let sizes = &self.with.sizes;
        let shared = sizes.shared_offset();
        let alone = |n: i32| (n == 1).then_some(0);
        // A variable with a single value is a constant: one head, one query at a time.
        let fixed = match var {
            Var::NQ => Some(sizes.n_q),
            Var::NK => Some(sizes.n_k),
            Var::NH => Some(sizes.heads),
            Var::B => alone(sizes.batch),
            Var::H => alone(sizes.heads),
            Var::Q => alone(sizes.n_q),
            Var::K => alone(sizes.n_k),
            Var::QPos => shared.filter(|_| sizes.n_q == 1),
            Var::S | Var::P => None,
        };
        if let Some(value) = fixed {
            return self.constant(value as u32, ty);
        }
        let linear = match var {
            Var::Q => Some(Linear { query: 1, key: 0, shift: 0, constant: 0 }),
            Var::K => Some(Linear { query: 0, key: 1, shift: 0, constant: 0 }),
            Var::QPos => {
                let shift = i64::from(shared.is_none());
                Some(Linear { query: i64::from(sizes.n_q != 1), key: 0, shift, constant: shared.unwrap_or(0).into() })
            }
            _ => None,
        };
        let needs = match (var, linear) {
            (_, Some(linear)) => linear.needs(),
            (Var::B, _) => Needs { b: true, ..Needs::default() },
            (Var::H, _) => Needs { h: true, ..Needs::default() },
            _ => Needs { x: true, ..Needs::default() },
        };
        self.push(Step { op: Op::Var(var), ty, needs, linear, difference: None })
    }

    fn joined(&self, operands: Operands) -> Needs {
        operands.iter().fold(Needs::default(), |needs, id| needs.join(self.steps[id].needs))
    }

    fn row(&mut self, row: u16, operands: Operands, ty: Ty) -> usize {
        let entry = &ROWS[usize::from(row)];
        let ids: Vec<usize> = operands.iter().collect();
        if let Some(bits) = ids.iter().map(|&id| self.value(id)).collect::<Option<Vec<u32>>>() {
            return self.constant((entry.plain)(&bits), ty);
        }
        if let Some(step) = self.shortcut(entry.name, &ids) {
            return step;
        }
        let linear = self.linear(entry.name, ty, &ids).and_then(|l| l.within(&self.with.sizes));
        if let Some(value) = linear.and_then(Linear::fixed) {
            return self.constant(value as i32 as u32, ty);
        }
        let difference = match ids[..] {
            [a, b] if ty == Ty::Bool => self.steps[a].linear.zip(self.steps[b].linear).and_then(|(a, b)| a.minus(b)),
            _ => None,
        };
        if let Some(value) = difference.and_then(Linear::fixed) {
            return self.constant(u32::from(compare(entry.name, value)), ty);
        }
        // A linear form or a comparison of two says more precisely what it depends on: q - k is a diagonal.
        let needs = linear.or(difference).map_or_else(|| self.joined(operands), Linear::needs);
        self.push(Step { op: Op::Row(row, operands), ty, needs, linear, difference })
    }

    /// `and`, `or` and `where` with a constant side are that side or the other.
    fn shortcut(&mut self, name: &str, ids: &[usize]) -> Option<usize> {
        match (name, ids) {
            ("and" | "or", &[a, b]) => {
                let absorbing = u32::from(name == "or");
                let (fixed, other) = if let Some(v) = self.value(a) { (v, b) } else { (self.value(b)?, a) };
                Some(if fixed == absorbing { self.constant(fixed, Ty::Bool) } else { other })
            }
            ("where", &[c, a, b]) => Some(if self.value(c)? != 0 { a } else { b }),
            _ => None,
        }
    }

    fn linear(&self, name: &str, ty: Ty, ids: &[usize]) -> Option<Linear> {
        if ty != Ty::Int {
            return None;
        }
        let of = |id: usize| self.steps[id].linear;
        let negated = |l: Linear| Linear::constant(0).minus(l);
        match (name, ids) {
            ("floor" | "ceil" | "round" | "int", &[a]) => of(a),
            ("-", &[a]) => negated(of(a)?),
            ("~", &[a]) => negated(of(a)?)?.minus(Linear::constant(1)),
            ("+", &[a, b]) => of(a)?.map(of(b)?, i64::checked_add),
            ("-", &[a, b]) => of(a)?.minus(of(b)?),
            ("*", &[a, b]) => {
                let (form, factor) = match (of(a)?.fixed(), of(b)?.fixed()) {
                    (Some(factor), _) => (of(b)?, factor),
                    (_, Some(factor)) => (of(a)?, factor),
                    _ => return None,
                };
                form.map(form, |x, _| x.checked_mul(factor))
            }
            _ => None,
        }
    }

    fn read(&mut self, data: u16, operands: Operands, ty: Ty) -> usize {
        let table = &self.with.data[usize::from(data)];
        let kept = self.keep && ty == Ty::Float;
        if !kept && operands.iter().all(|id| self.value(id).is_some()) {
            let at = table.position(operands.iter().filter_map(|id| self.value(id)).map(|bits| bits as i32));
            return self.constant(table.values.bits(at), ty);
        }
        let needs = self.joined(operands);
        self.push(Step { op: Op::Read(data, operands), ty, needs, linear: None, difference: None })
    }
}

/// Whether `difference` compares with 0 as the operator says.
pub fn compare(operator: &str, difference: i64) -> bool {
    match operator {
        "<" => difference < 0,
        "<=" => difference <= 0,
        ">" => difference > 0,
        ">=" => difference >= 0,
        "==" => difference == 0,
        _ => difference != 0,
    }
}

/// One step's bits from the results before it; `None` for variables.
pub fn advance(step: &Step, with: &Resolved, results: &[u32]) -> Option<u32> {
    match step.op {
        Op::Constant(bits) => Some(bits),
        Op::Param(at) => Some(with.params[usize::from(at)]),
        Op::Var(_) => None,
        Op::Row(row, operands) => {
            let (bits, count) = gather(&operands, results);
            Some((ROWS[usize::from(row)].plain)(&bits[..count]))
        }
        Op::Read(data, operands) => {
            let data = &with.data[usize::from(data)];
            Some(data.values.bits(data.position(operands.iter().map(|id| results[id] as i32))))
        }
    }
}
