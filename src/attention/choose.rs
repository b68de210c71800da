//! Entries of the catalogue, and formulas of the user's own, turned into terms and slots of a problem. Experiments and requests of the
//! JavaScript API choose in the same words, so both come through here.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::dims::Dims;
use super::problem::{Encoding, Normaliser, Problem, Rotation, Term};
use crate::catalogue::{self, NormaliserKind, Param, Setting, Slot, Table};
use crate::experiment::{Conventions, CustomFormula, Issue, RopePairs, SoftcapOrder, WindowEdge};
use crate::formula::{Data, DataValues, Scalar, Ty};

/// Most entries of one table: a layout of blocks grows with the square of the tokens over the block.
const MAX_TABLE: usize = 1 << 26;

/// What every choice of one experiment or request shares.
pub struct Chooser<'a> {
    /// Sizes, already checked.
    pub dims: Dims,
    /// Seed of tables.
    pub seed: u64,
    /// Tables the user gave, row-major.
    pub data: &'a BTreeMap<String, Vec<f64>>,
    /// Switches.
    pub conventions: Conventions,
    /// Everything found wrong.
    pub issues: Vec<Issue>,
}

impl Chooser<'_> {
    /// Adds the mask entry `id`, and its score formula if it has one.
    pub fn mask(&mut self, problem: &mut Problem, id: &str, params: &BTreeMap<String, f64>, path: &str) {
        let Some(entry) = catalogue::mask(id) else {
            return self.unknown(path, "mask", id, catalogue::masks().iter().map(|e| e.id));
        };
        let mut given = params.clone();
        if self.conventions.window == WindowEdge::Inclusive && entry.params.iter().any(|p| p.name == "inclusive") {
            given.insert("inclusive".to_owned(), 1.0);
        }
        let params = self.params(entry.params, &given, path);
        if entry.formula != "true" {
            let term = self.term(entry.formula, entry.params, entry.tables, &params, path);
            problem.masks.push(term);
        }
        if let Some(score) = entry.score {
            let term = self.term(score, entry.params, entry.tables, &params, path);
            self.bias(problem, term);
        }
    }

    /// Fills the slot of the position entry `id`.
    pub fn position(&mut self, problem: &mut Problem, id: &str, params: &BTreeMap<String, f64>, path: &str) {
        let Some(entry) = catalogue::position(id) else {
            return self.unknown(path, "position scheme", id, catalogue::positions().iter().map(|e| e.id));
        };
        let params = self.params(entry.params, params, path);
        let value = |name: &str| params.get(name).copied().unwrap_or(0.0);
        match entry.slot {
            Slot::Nothing => {}
            Slot::Score { formula, tables } => {
                let term = self.term(formula, entry.params, tables, &params, path);
                self.bias(problem, term);
            }
            Slot::Sinusoidal => {
                problem.encoding = Some(Encoding::Sinusoidal { base: value("base"), gain: value("gain") as f32 });
            }
            Slot::Learned => {
                let trained = value("trained").max(1.0) as usize;
                problem.encoding = Some(Encoding::Learned { trained, seed: self.seed, gain: value("gain") as f32 });
            }
            Slot::Rotary => {
                let pairs = (value("fraction") * (self.dims.d / 2) as f64).round() as usize;
                problem.rotation = Some(Rotation {
                    base: value("base"),
                    dims: (2 * pairs).min(self.dims.d / 2 * 2),
                    interleaved: self.conventions.rope == RopePairs::Interleaved,
                });
            }
        }
    }

    /// The normaliser entry `id`.
    pub fn normaliser(&mut self, problem: &mut Problem, id: &str, params: &BTreeMap<String, f64>, path: &str) {
        let Some(entry) = catalogue::normaliser(id) else {
            return self.unknown(path, "normaliser", id, catalogue::normalisers().iter().map(|e| e.id));
        };
        self.params(&[], params, path);
        problem.normaliser = match entry.kind {
            NormaliserKind::Softmax => Normaliser::Softmax,
            NormaliserKind::OffByOne => Normaliser::OffByOne,
            NormaliserKind::Sigmoid => Normaliser::Sigmoid,
        };
    }

    /// Puts a bias in the slot that the softcap convention names.
    pub fn bias(&self, problem: &mut Problem, term: Term) {
        match self.conventions.softcap {
            SoftcapOrder::BeforeBias => problem.bias.push(term),
            SoftcapOrder::AfterBias => problem.bias_before_cap.push(term),
        }
    }

    /// A formula of the user's own: its declared parameters, the tables the user gave, and the catalogue's editable ones it names.
    pub fn custom(&mut self, formula: &CustomFormula, path: &str) -> Term {
        let mut term = Term::new(&format!("{path}.text"), &formula.text);
        let mut values = BTreeMap::new();
        for (i, param) in formula.params.iter().enumerate() {
            if !param.value.is_finite() {
                self.issues.push(Issue::new(
                    format!("{path}.params[{i}].value"),
                    format!("is {}; a number is needed", param.value),
                ));
            }
            if term.params.insert(param.name.clone(), scalar(param.ty, param.value)).is_some() {
                self.issues.push(Issue::new(
                    format!("{path}.params[{i}].name"),
                    format!("`{}` is declared twice", param.name),
                ));
            }
            values.insert(param.name.clone(), param.value);
        }
        // A declared `seed` is the user's own.
        term.params.entry("seed".to_owned()).or_insert(self.seed());
        self.tables_of_text(&mut term, &values);
        term
    }

    /// A formula of the user's own without parameters.
    pub fn text(&mut self, text: &str, path: &str) -> Term {
        let mut term = Term::new(path, text).param("seed", self.seed());
        self.tables_of_text(&mut term, &BTreeMap::new());
        term
    }

    /// The built-in whole number `seed` of every formula: the seed's low 32 bits.
    fn seed(&self) -> Scalar {
        Scalar::Int(self.seed as u32 as i32)
    }

    fn tables_of_text(&mut self, term: &mut Term, params: &BTreeMap<String, f64>) {
        let text = term.text.clone();
        let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        // A declared parameter hides a table of its name.
        let wanted = |term: &Term, name: &str| words.contains(&name) && !term.params.contains_key(name);
        for table in catalogue::editable_tables().filter(|table| wanted(term, table.name)).collect::<Vec<_>>() {
            if let Some(data) = self.table(table, params) {
                term.data.insert(table.name.to_owned(), data);
            }
        }
        for (name, values) in self.data {
            // A name of the user's own: one number for each token, whole numbers where all are.
            if wanted(term, name) && catalogue::editable_table(name).is_none() && !values.is_empty() {
                let whole = values.iter().all(|x| x.fract() == 0.0 && x.abs() <= f64::from(i32::MAX));
                let values = typed(if whole { Ty::Int } else { Ty::Float }, values);
                term.data.insert(name.clone(), Arc::new(Data { shape: vec![values.len()], values, clamp: true }));
            }
        }
    }

    fn term(
        &mut self,
        formula: &str,
        declared: &[Param],
        tables: &[Table],
        params: &BTreeMap<String, f64>,
        path: &str,
    ) -> Term {
        let mut term = Term::new(path, formula).param("seed", self.seed());
        for param in declared {
            let value = params.get(param.name).copied().unwrap_or(param.default);
            term.params.insert(param.name.to_owned(), scalar(param.ty, value));
        }
        for table in tables {
            if let Some(data) = self.table(table, params) {
                term.data.insert(table.name.to_owned(), data);
            }
        }
        term
    }

    /// The user's table of that name, or the one the catalogue makes.
    fn table(&mut self, table: &Table, params: &BTreeMap<String, f64>) -> Option<Arc<Data>> {
        let path = format!("data.{}", table.name);
        let setting =
            Setting { n_q: self.dims.n_q, n_k: self.dims.n_k, heads: self.dims.q_heads, params, seed: self.seed };
        if table.rank > 2 {
            let blocks = setting.tokens().div_ceil(setting.count("block", 1));
            if blocks.checked_mul(blocks).and_then(|n| n.checked_mul(setting.heads)).is_none_or(|n| n > MAX_TABLE) {
                let message = format!(
                    "{blocks} blocks each way for {} heads are too many; larger blocks are needed",
                    setting.heads
                );
                self.issues.push(Issue::new(path, message));
                return None;
            }
        }
        let mut data = (table.make)(&setting);
        if let Some(values) = self.data.get(table.name) {
            if values.len() != data.values.len() {
                let message =
                    format!("has {} numbers; {} are needed ({:?})", values.len(), data.values.len(), data.shape);
                self.issues.push(Issue::new(path, message));
                return None;
            }
            if let Some(i) =
                values.iter().position(|x| x.is_nan() || (table.ty != Ty::Float && x.abs() > f64::from(i32::MAX)))
            {
                self.issues
                    .push(Issue::new(format!("{path}[{i}]"), format!("is {}; {} is needed", values[i], table.ty)));
                return None;
            }
            data.values = typed(table.ty, values);
        }
        Some(Arc::new(data))
    }

    /// Given parameters over the entry's defaults, each within its range.
    fn params(&mut self, declared: &[Param], given: &BTreeMap<String, f64>, path: &str) -> BTreeMap<String, f64> {
        let mut values: BTreeMap<String, f64> = declared.iter().map(|p| (p.name.to_owned(), p.default)).collect();
        for (name, &value) in given {
            let at = format!("{path}.params.{name}");
            let Some(param) = declared.iter().find(|p| p.name == name) else {
                let known: Vec<&str> = declared.iter().map(|p| p.name).collect();
                let known =
                    if known.is_empty() { "it has none".to_owned() } else { format!("it has {}", known.join(", ")) };
                self.issues.push(Issue::new(at, format!("there is no such parameter; {known}")));
                continue;
            };
            // NaN lies in no range.
            if (param.min..=param.hard_max).contains(&value) {
                values.insert(name.clone(), if param.ty == Ty::Float { value } else { value.round() });
            } else {
                self.issues.push(Issue::new(
                    at,
                    format!("is {value}; it must lie between {} and {}", param.min, param.hard_max),
                ));
            }
        }
        values
    }

    fn unknown(&mut self, path: &str, what: &str, id: &str, ids: impl Iterator<Item = &'static str>) {
        let known = ids.collect::<Vec<_>>().join(", ");
        self.issues.push(Issue::new(format!("{path}.id"), format!("there is no {what} `{id}`; there are {known}")));
    }
}

fn scalar(ty: Ty, value: f64) -> Scalar {
    match ty {
        Ty::Bool => Scalar::Bool(value != 0.0),
        Ty::Int => Scalar::Int(value.round() as i32),
        Ty::Float => Scalar::Float(value as f32),
    }
}

fn typed(ty: Ty, values: &[f64]) -> DataValues {
    match ty {
        Ty::Bool => DataValues::Bool(values.iter().map(|&x| u8::from(x != 0.0)).collect()),
        Ty::Int => DataValues::Int(values.iter().map(|x| x.round() as i32).collect()),
        Ty::Float => DataValues::Float(values.iter().map(|&x| x as f32).collect()),
    }
}
