//! The function of one formula, node by node.

use super::text::{Form, Text, constant, open, safe, value};
use super::{Arrays, Function, rows};
use crate::formula::bind::Inner;
use crate::formula::table::ROWS;
use crate::formula::typed::{Op, Operands};
use crate::formula::values::{Kind, Ty, Var};

/// Writes one formula.
pub struct Writer<'a> {
    inner: &'a Inner,
    arrays: Arrays,
    /// Names of parameters and of tables.
    params: Vec<String>,
    tables: Vec<String>,
    nodes: Vec<Option<Text>>,
    lines: Vec<String>,
    helpers: Vec<&'static str>,
    temporaries: usize,
}

/// A text that is used twice is computed once when it is longer than this.
const SHORT: usize = 24;

impl<'a> Writer<'a> {
    /// Of a bound formula, for a function of this name.
    pub fn new(inner: &'a Inner, name: &str, arrays: Arrays) -> Self {
        let (mut params, mut tables) = (Vec::new(), Vec::new());
        for (param, _) in inner.formula.params_used() {
            params.push(safe(param, &params, "param"));
        }
        for table in inner.formula.data_used() {
            let whole = format!("{name}_{}", table.name);
            tables.push(safe(&whole, &tables, &format!("{name}_table")));
        }
        let nodes = vec![None; inner.formula.nodes().len()];
        Self { inner, arrays, params, tables, nodes, lines: Vec::new(), helpers: Vec::new(), temporaries: 0 }
    }

    /// How often each node is read; 0 where the result does not need it.
    fn uses(&self) -> Vec<u32> {
        let nodes = self.inner.formula.nodes();
        let mut uses = vec![0_u32; nodes.len()];
        if let Some(root) = uses.last_mut() {
            *root = 1;
        }
        for (at, node) in nodes.iter().enumerate().rev() {
            if let (true, Op::Row(_, operands) | Op::Read(_, operands)) = (uses[at] > 0, node.op) {
                operands.iter().for_each(|id| uses[id] += 1);
            }
        }
        uses
    }

    /// The node as it was written; nodes come in order, so it is there.
    fn node(&self, id: usize) -> Text {
        let nothing = Text {
            text: "0".to_owned(),
            form: Form::Atom,
            varies: false,
            constant: Some(0),
            nonzero: false,
            ty: Ty::Int,
        };
        self.nodes.get(id).cloned().flatten().unwrap_or(nothing)
    }

    /// Every node that the result needs, in order.
    pub fn body(&mut self) {
        let inner = self.inner;
        let uses = self.uses();
        for (at, node) in inner.formula.nodes().iter().enumerate() {
            if uses[at] == 0 {
                continue;
            }
            let mut text = match node.op {
                Op::Constant(bits) => constant(bits, node.ty, self.arrays),
                Op::Var(var) => self.variable(var, node.ty),
                Op::Param(param) => self.param(usize::from(param), node.ty),
                Op::Row(row, operands) => self.row(usize::from(row), operands, node.ty),
                Op::Read(table, operands) => self.read(usize::from(table), operands, node.ty),
            };
            let last = at + 1 == inner.formula.nodes().len();
            if uses[at] > 1 && !last && text.text.len() > SHORT && text.constant.is_none() {
                self.temporaries += 1;
                let name = format!("t{}", self.temporaries);
                self.lines.push(format!("{name} = {}", open(&text)));
                text = Text { text: name, form: Form::Atom, ..text };
            }
            self.nodes[at] = Some(text);
        }
    }

    fn variable(&self, var: Var, ty: Ty) -> Text {
        let moved = self.inner.with.sizes.shared_offset() != Some(0);
        let name = match var {
            Var::NQ => "n_q",
            Var::NK => "n_k",
            Var::NH => "q_heads",
            Var::QPos if !moved => "q",
            _ => Var::ALL.iter().find(|(other, ..)| *other == var).map_or("q", |(_, name, _)| name),
        };
        let size = matches!(var, Var::NQ | Var::NK | Var::NH);
        Text { text: name.to_owned(), form: Form::Atom, varies: !size, constant: None, nonzero: size, ty }
    }

    fn param(&self, at: usize, ty: Ty) -> Text {
        let nonzero = self.inner.with.params[at] != 0;
        Text { text: self.params[at].clone(), form: Form::Atom, varies: false, constant: None, nonzero, ty }
    }

    fn row(&mut self, row: usize, operands: Operands, ty: Ty) -> Text {
        let operands: Vec<Text> = operands.iter().map(|id| self.node(id)).collect();
        let bits: Option<Vec<u32>> = operands.iter().map(|operand| operand.constant).collect();
        if let Some(bits) = bits {
            return constant((ROWS[row].plain)(&bits), ty, self.arrays);
        }
        let varies = operands.iter().any(|operand| operand.varies);
        let (text, form) = rows::write(row, &operands, varies, self.arrays);
        for helper in rows::helpers(&text, self.arrays) {
            if !self.helpers.contains(&helper) {
                self.helpers.push(helper);
            }
        }
        Text { text, form, varies, constant: None, nonzero: false, ty }
    }

    /// A table's entry; indices that may leave it are clamped, as the language says.
    fn read(&mut self, table: usize, operands: Operands, ty: Ty) -> Text {
        let data = self.inner.with.data[table].clone();
        let sizes = &self.inner.with.sizes;
        let nodes = self.inner.formula.nodes();
        let mut indices = Vec::new();
        for (id, &extent) in operands.iter().zip(&data.shape) {
            let index = self.node(id);
            // What is an index of the axis that the table has is inside it.
            let size = match nodes[id].op {
                Op::Var(Var::Q) => Some(sizes.n_q),
                Op::Var(Var::QPos) if sizes.shared_offset() == Some(0) => Some(sizes.n_q),
                Op::Var(Var::K) => Some(sizes.n_k),
                Op::Var(Var::H) => Some(sizes.heads),
                Op::Var(Var::B) => Some(sizes.batch),
                _ => None,
            };
            let constant = index.constant.is_some_and(|bits| (bits as usize) < extent);
            let inside = !data.clamp || constant || size.is_some_and(|size| size as usize <= extent);
            indices.push(if inside { open(&index).to_owned() } else { self.clamped(&index, extent) });
        }
        let text = format!("{}[{}]", self.tables[table], indices.join(", "));
        Text { text, form: Form::Atom, varies: true, constant: None, nonzero: false, ty }
    }

    fn clamped(&self, index: &Text, extent: usize) -> String {
        let (text, last) = (open(index), extent.saturating_sub(1));
        match (index.varies, self.arrays) {
            (false, _) => format!("min(max({text}, 0), {last})"),
            (true, Arrays::Torch) => format!("torch.clamp({text}, 0, {last})"),
            (true, arrays) => format!("{}.clip({text}, 0, {last})", arrays.module()),
        }
    }

    /// The definition.
    pub fn function(self, name: &str, kind: Kind) -> Function {
        let x = match kind {
            Kind::Mask => "",
            Kind::Score => "s, ",
            Kind::Probability => "p, ",
        };
        let inner = self.inner;
        let mut text = format!("# {}\ndef {name}({x}b, h, q, k):\n", inner.formula);
        let mut line = |words: &str| text.push_str(&format!("    {words}\n"));
        for ((param, (_, ty)), bits) in self.params.iter().zip(inner.formula.params_used()).zip(&inner.with.params) {
            line(&format!("{param} = {}", value(*bits, *ty, self.arrays)));
        }
        if inner.formula.depends_on(Var::QPos) {
            let sizes = &inner.with.sizes;
            match sizes.shared_offset() {
                Some(0) => {}
                Some(offset) => line(&format!("q_pos = q + {offset}").replace("+ -", "- ")),
                // One of each sequence.
                None => {
                    let all = (0..sizes.batch).map(|b| sizes.offset_of(b).to_string()).collect::<Vec<_>>().join(", ");
                    let array = if self.arrays == Arrays::Torch { "tensor" } else { "array" };
                    line(&format!("q_pos = q + {}.{array}([{all}])[b]", self.arrays.module()));
                }
            }
        }
        self.lines.iter().for_each(|words| line(words));
        let result = self.nodes.last().cloned().flatten();
        let shown = result.as_ref().map_or("0", open);
        let fixed = self.arrays == Arrays::Torch && result.as_ref().is_some_and(|text| !text.varies);
        // FlexAttention wants a tensor even of what is the same everywhere.
        line(&match (fixed, kind) {
            (false, _) => format!("return {shown}"),
            (true, Kind::Mask) => format!("return (k >= 0) & ({shown})"),
            (true, Kind::Score) => format!("return torch.where(k >= 0, {shown}, s)"),
            (true, Kind::Probability) => format!("return torch.where(k >= 0, {shown}, p)"),
        });
        let tables = self.tables.into_iter().zip(inner.with.data.iter().cloned()).collect();
        Function { text, tables, helpers: self.helpers }
    }
}
