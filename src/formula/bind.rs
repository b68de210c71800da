//! Filling in sizes, parameters and data.

use std::sync::Arc;

use super::bounds::{Known, RangeIndex, Rectangle, known_steps};
use super::compiled::Asked;
use super::error::{ErrorKind, FormulaError};
use super::hoist::{Table, hoisted};
use super::lanes::fixed_along_row;
use super::machine::reach;
use super::plain::{Cell, evaluate};
use super::program::{Needs, Step, all, lower};
use super::typed::Op;
use super::values::{Data, Scalar, Sizes, Ty, Values, Var};
use super::{Formula, Kind};

/// Sizes, parameters as bits, and tables, in the formula's own order.
#[derive(Clone, Debug)]
pub struct Resolved {
    pub sizes: Sizes,
    pub params: Vec<u32>,
    pub data: Vec<Arc<Data>>,
}

/// A formula with everything filled in, ready to evaluate. Cheap to clone and to send.
#[derive(Clone, Debug)]
pub struct Bound(pub(super) Arc<Inner>);

#[derive(Debug)]
pub struct Inner {
    pub formula: Formula,
    pub with: Resolved,
    pub steps: Vec<Step>,
    /// The step that is the result.
    pub root: usize,
    pub tables: Vec<Table>,
    /// For each step the table that holds it.
    pub table_of: Vec<Option<usize>>,
    /// For each step whether it has one value along a row of keys.
    pub fixed: Vec<bool>,
    /// The steps that bounds go through.
    pub bounded: Vec<usize>,
    /// The steps that the result needs, those behind tables too.
    pub whole: Vec<usize>,
    /// Summaries of the tables of data, where a step reads them.
    pub indices: Vec<Option<RangeIndex>>,
    /// Its functions.
    pub compiled: Asked,
}

impl Formula {
    /// Fills in sizes, parameters and data; folds constants and hoists tables of one variable.
    ///
    /// # Errors
    /// A parameter or table that is missing or of the wrong type or shape, a size out of range, and an index that can
    /// leave a table that does not clamp.
    pub fn bind(&self, values: &Values) -> Result<Bound, FormulaError> {
        let with = resolve(self, values)?;
        let (steps, of_node) = lower(self, &with, false);
        let root = of_node.last().copied().unwrap_or(0);
        let (tables, table_of) = hoisted(&steps, root, &with);
        let fixed = fixed_along_row(&steps, &table_of, &tables);
        let bounded = reach(&steps, root, |at| table_of[at].is_some());
        let whole = reach(&steps, root, |_| false);
        let mut indices: Vec<Option<RangeIndex>> = with.data.iter().map(|_| None).collect();
        for step in &steps {
            if let Op::Read(data, _) = step.op {
                let values = &with.data[usize::from(data)].values;
                indices[usize::from(data)]
                    .get_or_insert_with(|| RangeIndex::new(values.ty(), values.len(), |i| values.bits(i)));
            }
        }
        let (formula, compiled) = (self.clone(), Asked::default());
        let inner = Inner { formula, with, steps, root, tables, table_of, fixed, bounded, whole, indices, compiled };
        indices_stay_inside(&inner, &of_node)?;
        Ok(Bound(Arc::new(inner)))
    }
}

impl Bound {
    /// The formula.
    pub fn formula(&self) -> &Formula {
        &self.0.formula
    }

    /// What it is for.
    pub fn kind(&self) -> Kind {
        self.0.formula.kind()
    }

    /// The sizes it is bound to.
    pub fn sizes(&self) -> &Sizes {
        &self.0.with.sizes
    }

    /// Whether query `q` may look at key `k`. True for every cell of a formula that is no mask.
    pub fn mask_at(&self, b: i32, h: i32, q: i32, k: i32) -> bool {
        self.kind() != Kind::Mask || evaluate(&self.0.formula, &self.0.with, Cell { b, h, q, k, x: 0.0 }) != 0
    }

    /// The new score (or weight, for a probability formula) of a cell whose score so far is `s`. A mask returns `s`.
    pub fn score_at(&self, s: f32, b: i32, h: i32, q: i32, k: i32) -> f32 {
        if self.kind() == Kind::Mask {
            return s;
        }
        f32::from_bits(evaluate(&self.0.formula, &self.0.with, Cell { b, h, q, k, x: s }))
    }

    /// The result where it is the same everywhere: `true`, a constant.
    pub fn constant(&self) -> Option<Scalar> {
        match (self.0.steps[self.0.root].op, self.0.steps[self.0.root].ty) {
            (Op::Constant(bits), Ty::Bool) => Some(Scalar::Bool(bits != 0)),
            (Op::Constant(bits), Ty::Int) => Some(Scalar::Int(bits as i32)),
            (Op::Constant(bits), Ty::Float) => Some(Scalar::Float(f32::from_bits(bits))),
            _ => None,
        }
    }

    /// Whether every head gives the same, so that one tile map serves all of them.
    pub fn uniform_over_heads(&self) -> bool {
        !self.needs().h
    }

    /// Whether every batch entry gives the same, so that one tile map serves all of them.
    pub fn uniform_over_batch(&self) -> bool {
        !self.needs().b
    }

    /// Whether the result can change with the variable, with these sizes and values. Sizes never change; `q_pos` changes
    /// with `q` and `b`.
    pub fn depends_on(&self, var: Var) -> bool {
        use super::program::Axis;
        let Needs { b, h, axis, x } = self.needs();
        match var {
            Var::B => b,
            Var::H => h,
            Var::Q => matches!(axis, Axis::Query | Axis::Diagonal | Axis::Both),
            Var::K => matches!(axis, Axis::Key | Axis::Diagonal | Axis::Both),
            Var::QPos => self.depends_on(Var::Q) || self.depends_on(Var::B),
            Var::S => x && self.kind() == Kind::Score,
            Var::P => x && self.kind() == Kind::Probability,
            Var::NQ | Var::NK | Var::NH => false,
        }
    }

    fn needs(&self) -> Needs {
        self.0.steps[self.0.root].needs
    }
}

/// Looks up what the formula uses.
fn resolve(formula: &Formula, values: &Values) -> Result<Resolved, FormulaError> {
    let sizes = values.sizes.clone();
    let lengths = [("batch", sizes.batch), ("heads", sizes.heads), ("n_q", sizes.n_q), ("n_k", sizes.n_k)];
    if let Some(&(name, found)) = lengths.iter().find(|(_, n)| !(0..=Sizes::LIMIT).contains(n)) {
        return Err(FormulaError::new(ErrorKind::BadSize { name: name.into(), limit: Sizes::LIMIT, found }, 0..0));
    }
    if let Some(&found) = sizes.offset.iter().find(|o| o.unsigned_abs() > Sizes::LIMIT as u32) {
        return Err(FormulaError::new(ErrorKind::BadSize { name: "offset".into(), limit: Sizes::LIMIT, found }, 0..0));
    }
    let at =
        |wanted: Op| formula.nodes().iter().find(|node| same_source(node.op, wanted)).map_or(0..0, |n| n.span.clone());

    let mut params = Vec::new();
    for (i, (name, ty)) in formula.params_used().iter().enumerate() {
        let fail = |kind| Err(FormulaError::new(kind, at(Op::Param(i as u16))));
        let bits = match (ty, values.params.get(name)) {
            (_, None) => return fail(ErrorKind::MissingParameter { name: name.clone() }),
            (Ty::Bool, Some(&Scalar::Bool(v))) => u32::from(v),
            (Ty::Int, Some(&Scalar::Int(v))) => v as u32,
            (Ty::Float, Some(&Scalar::Int(v))) => (v as f32).to_bits(),
            (Ty::Float, Some(&Scalar::Float(v))) => v.to_bits(),
            (_, Some(v)) => {
                return fail(ErrorKind::ParameterType { name: name.clone(), wants: *ty, found: v.ty() });
            }
        };
        params.push(bits);
    }

    let mut data = Vec::new();
    for (i, declared) in formula.data_used().iter().enumerate() {
        let name = declared.name.clone();
        let fail = |kind| Err(FormulaError::new(kind, at(Op::Read(i as u16, super::typed::Operands::new(&[])))));
        let Some(table) = values.data.get(&name) else { return fail(ErrorKind::MissingData { name }) };
        if table.values.ty() != declared.ty {
            return fail(ErrorKind::DataType { name, wants: declared.ty, found: table.values.ty() });
        }
        let entries = table.shape.iter().try_fold(1usize, |n, &extent| n.checked_mul(extent));
        // Positions are counted in 32 bits on the web.
        let sound = entries == Some(table.values.len()) && !table.values.is_empty() && table.values.len() <= 1 << 28;
        if table.shape.len() != declared.dims || !sound {
            let (shape, entries) = (table.shape.clone(), table.values.len());
            return fail(ErrorKind::DataShape { name, dims: declared.dims, shape, entries });
        }
        data.push(Arc::clone(table));
    }
    Ok(Resolved { sizes, params, data })
}

/// Whether two operations name the same parameter or table.
fn same_source(a: Op, b: Op) -> bool {
    match (a, b) {
        (Op::Param(a), Op::Param(b)) | (Op::Read(a, _), Op::Read(b, _)) => a == b,
        _ => false,
    }
}

/// Refuses an index that leaves its table anywhere, unless the table clamps.
fn indices_stay_inside(inner: &Inner, of_node: &[usize]) -> Result<(), FormulaError> {
    let sizes = &inner.with.sizes;
    if [sizes.batch, sizes.heads, sizes.n_q, sizes.n_k].contains(&0) {
        return Ok(());
    }
    let everywhere = Rectangle { b: all(sizes.batch), h: all(sizes.heads), q: all(sizes.n_q), k: all(sizes.n_k) };
    let order: Vec<usize> = (0..inner.steps.len()).collect();
    let known = known_steps(inner, &order, &everywhere);
    let nodes = inner.formula.nodes();
    for node in nodes {
        let Op::Read(data, operands) = node.op else { continue };
        let table = &inner.with.data[usize::from(data)];
        if table.clamp {
            continue;
        }
        for (dim, (id, &extent)) in operands.iter().zip(&table.shape).enumerate() {
            let step = of_node[id];
            let inside = |(low, high): (i64, i64)| low >= 0 && high < extent as i64;
            let (mut low, mut high) =
                if let Known::Int(i) = known[step] { (i.low, i.high) } else { (i64::MIN, i64::MAX) };
            // Bounds may be wide. What changes along one axis only is computed along it to be sure.
            if !inside((low, high))
                && Table::fits(&inner.steps[step], sizes)
                && let Some(Known::Int(i)) = Table::build(&inner.steps, step, &inner.with).everything()
            {
                (low, high) = (i.low, i.high);
            }
            if !inside((low, high)) {
                let name = inner.formula.data_used()[usize::from(data)].name.clone();
                let kind = ErrorKind::IndexLeaves { name, dim, extent, low, high };
                return Err(FormulaError::new(kind, nodes[id].span.clone()));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use crate::formula::Sorted;

    use super::*;
    use crate::formula::{Coverage, DataDecl, DataValues, Lanes, Scope, compile};

    fn scope() -> Scope {
        Scope {
            params: vec![("window".into(), Ty::Int), ("strict".into(), Ty::Bool)],
            data: vec![DataDecl { name: "doc".into(), ty: Ty::Int, dims: 1 }],
        }
    }

    fn values(n: i32, offset: Vec<i32>) -> Values {
        let doc =
            Data { shape: vec![n as usize], values: DataValues::Int((0..n).map(|i| i / 3).collect()), clamp: false };
        Values {
            sizes: Sizes { batch: 2, heads: 2, n_q: n, n_k: n, offset },
            params: Sorted::from([("window".into(), Scalar::Int(4)), ("strict".into(), Scalar::Bool(false))]),
            data: Sorted::from([("doc".into(), Arc::new(doc))]),
        }
    }

    fn bind(text: &str, values: &Values) -> Result<Bound, FormulaError> {
        compile(text, Kind::Mask, &scope()).unwrap().bind(values)
    }

    #[test]
    fn python_semantics_of_a_cell() {
        let v = values(8, vec![]);
        // True of every cell of the 8 x 8 grid, so each says what an operation means.
        for text in [
            "-7 // 2 == -4 and -7 % 3 == 2 and 7 % -3 == -2 and q // 0 == 0 and q % 0 == 0",
            "2147483647 + 1 == -2147483647 - 1",
            "1 << 33 == 2 and -8 >> 1 == -4",
            "round(2.5) == 2 and round(3.5) == 4 and floor(-0.5) == -1 and ceil(-0.5) == 0",
            "floor(1e20) == 2147483647 and floor(inf - inf) == 0 and int(-2.7) == -2",
            "1 / 2 == 0.5 and 7 // 2.0 == 3 and 7.5 % 2 == 1.5",
            "2 ** 10 == 1024 and 2 ** -1 == 0.5 and -2 ** 2 == -4",
            "3 in {1, 2, 3} and 4 not in {1, 2, 3} and not (q in {})",
            "1 < 2 < 3 and not (1 < 3 < 2)",
            "(5 & 3) == 1 and (5 | 3) == 7 and (5 ^ 3) == 6 and ~5 == -6",
            "min(3, 1, 2) == 1 and max(3, 1, 2) == 3 and clamp(9, 0, 5) == 5 and sign(-3) == -1",
            "hash(1, 2, 3) == 10943968",
            "where(q < 4, 1, 2) == (1 if q < 4 else 2)",
            "n_q == 8 and n_k == 8 and n_h == 2",
        ] {
            let bound = bind(text, &v).unwrap();
            for (q, k) in (0..8).flat_map(|q| (0..8).map(move |k| (q, k))) {
                assert!(bound.mask_at(1, 1, q, k), "{text} at {q}, {k}");
            }
        }
    }

    #[test]
    fn diagonal_masks_become_one_table() {
        for (text, tables) in [
            ("k <= q_pos and (q_pos - k < window or (k - q_pos) % 3 == 0)", 1),
            ("2 * q - 2 * k in {0, 2, 8}", 1),
            ("doc[q] == doc[k]", 2),
            ("strict and doc[q] == doc[k] or k <= q", 1),
            ("true", 0),
        ] {
            let bound = bind(text, &values(32, vec![5])).unwrap();
            assert_eq!(bound.0.tables.len(), tables, "{text}");
        }
        // Offsets of their own give each batch entry a stretch of the same table.
        let bound = bind("k <= q_pos", &values(32, vec![5, -7])).unwrap();
        assert!(bound.0.tables.len() == 1 && !bound.uniform_over_batch() && bound.uniform_over_heads());
        assert_eq!(bound.coverage(0, 0, 0..1, 0..6), Coverage::Full);
        assert_eq!(bound.coverage(1, 0, 0..7, 0..32), Coverage::Empty);
    }

    #[test]
    fn an_index_that_leaves_its_table_is_found_beforehand() {
        for (text, at, low, high) in
            [("doc[k - 1] == 0", "k - 1", -1, 6), ("doc[(q - k) * (q - k)] == 0", "(q - k) * (q - k)", 0, 49)]
        {
            let error = bind(text, &values(8, vec![])).unwrap_err();
            let kind = ErrorKind::IndexLeaves { name: "doc".into(), dim: 0, extent: 8, low, high };
            assert_eq!((error.kind, &text[error.span]), (kind, at), "{text}");
        }
        // The bounds of this index are wide, its values are not.
        assert!(
            bind("doc[(q - k) * (q - k) % 7 + sign(q - k) * sign(q - k) - sign(abs(q - k))] == 0", &values(8, vec![]))
                .is_ok()
        );
        let mut clamped = values(8, vec![]);
        let doc = Data { clamp: true, ..Data::clone(clamped.data.get("doc").unwrap()) };
        clamped.data.insert("doc".into(), Arc::new(doc));
        assert!(bind("doc[k - 1] == 0", &clamped).unwrap().mask_at(0, 0, 0, 0));
    }

    #[test]
    fn missing_or_wrong_values_are_named() {
        let name = || "doc".to_owned();
        let check = |change: fn(&mut Values), kind: ErrorKind| {
            let mut v = values(8, vec![]);
            change(&mut v);
            let error = bind("doc[q] < window", &v).unwrap_err();
            assert_eq!(error.kind, kind);
        };
        let doc = |shape: &[usize], values| Arc::new(Data { shape: shape.to_vec(), values, clamp: true });
        check(|v| v.params.clear(), ErrorKind::MissingParameter { name: "window".into() });
        check(|v| v.data.clear(), ErrorKind::MissingData { name: name() });
        check(
            |v| *v.params.get_mut("window").unwrap() = Scalar::Float(1.0),
            ErrorKind::ParameterType { name: "window".into(), wants: Ty::Int, found: Ty::Float },
        );
        check(|v| v.sizes.n_k = -1, ErrorKind::BadSize { name: "n_k".into(), limit: Sizes::LIMIT, found: -1 });
        for (table, kind) in [
            (
                doc(&[2], DataValues::Float(vec![0.0; 2])),
                ErrorKind::DataType { name: name(), wants: Ty::Int, found: Ty::Float },
            ),
            (
                doc(&[0], DataValues::Int(vec![])),
                ErrorKind::DataShape { name: name(), dims: 1, shape: vec![0], entries: 0 },
            ),
            (
                doc(&[1, 2], DataValues::Int(vec![0; 2])),
                ErrorKind::DataShape { name: name(), dims: 1, shape: vec![1, 2], entries: 2 },
            ),
            (
                doc(&[3], DataValues::Int(vec![0; 2])),
                ErrorKind::DataShape { name: name(), dims: 1, shape: vec![3], entries: 2 },
            ),
        ] {
            let mut v = values(8, vec![]);
            v.data.insert("doc".into(), table);
            assert_eq!(bind("doc[q] < window", &v).unwrap_err().kind, kind);
        }
    }

    #[test]
    fn empty_axes_and_decoding_work() {
        let mut v = values(8, vec![7]);
        v.sizes.n_q = 0;
        assert_eq!(bind("doc[k + 9] == q", &v).unwrap().coverage(0, 0, 0..0, 0..8), Coverage::Empty);
        v.sizes.n_q = 1;
        let bound = bind("k <= q_pos and q_pos - k < window", &v).unwrap();
        let mut row = [9; 8];
        let mut lanes = Lanes::new(&bound);
        lanes.begin_row(1, 1, 0);
        lanes.mask_row(0, &mut row);
        assert_eq!(row, [0, 0, 0, 0, 1, 1, 1, 1]);
        assert!(!bound.depends_on(Var::Q) && bound.depends_on(Var::K));
    }
}
