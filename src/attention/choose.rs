//! Entries of the catalogue, and formulas of the user's own, turned into terms and slots of a problem. Experiments and requests of the
//! JavaScript API choose in the same words, so both come through here.

mod weights;

use std::sync::Arc;

use super::dims::Dims;
use super::lowering::{self, Making};
use super::problem::{Beyond, Encoding, Problem, Term};
use super::rotation::{Axes, Decay, Rotation, Stretch};
use super::values::{self, entries, list, names, scalar, values_of};
use crate::catalogue::{self, Content, ContentEntry, Lookup, MixEntry, Param, Rotary, Setting, Slot, Table, Text};
use crate::experiment::{
    Conventions, CustomFormula, Issue, RopePairs, SoftcapOrder, check_params, fault, message, shown, type_of, unknown,
};
use crate::formula::{Data, Sorted};

/// Most entries of one table: a layout of blocks grows with the square of the tokens over the block.
const MAX_TABLE: usize = 1 << 26;

/// A mask and the part of the score that belongs to it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pattern {
    /// The mask; none allows every pair.
    pub mask: Option<Term>,
    /// The score formula.
    pub score: Option<Term>,
}

/// What every choice of one experiment or request shares.
pub struct Chooser<'a> {
    /// Sizes, already checked.
    pub dims: Dims,
    /// Seed of tables.
    pub seed: u64,
    /// Tables the user gave, row-major.
    pub data: &'a Sorted<String, Vec<f64>>,
    /// Switches.
    pub conventions: Conventions,
    /// Everything found wrong.
    pub issues: Vec<Issue>,
}

impl Chooser<'_> {
    /// The mask entry `id`, with its score formula if it has one.
    pub fn mask(&mut self, id: &str, params: &Sorted<String, f64>, path: &str) -> Pattern {
        let Some(entry) = catalogue::mask(id) else {
            self.unknown(path, Text::new("mask", "掩码"), id, catalogue::masks().iter().map(|e| e.id));
            return Pattern::default();
        };
        let params = self.params(entry.params, params, path);
        let mut term = |formula| self.term(formula, entry.params, entry.tables, &params, path);
        Pattern { mask: (entry.formula != "true").then(|| term(entry.formula)), score: entry.score.map(&mut term) }
    }

    /// A pattern as an experiment names one: an entry, or a formula of the user's own.
    pub fn pattern(
        &mut self,
        id: &str,
        params: &Sorted<String, f64>,
        custom: Option<&CustomFormula>,
        path: &str,
    ) -> Pattern {
        match (custom, id) {
            (Some(formula), "custom") => {
                let mask = Some(self.custom(formula, &format!("{path}.custom")));
                Pattern { mask, score: None }
            }
            (None, "custom") => {
                self.issues.push(Issue::new(format!("{path}.custom"), Text::new("the formula is missing", "缺少公式")));
                Pattern::default()
            }
            (_, id) => self.mask(id, params, path),
        }
    }

    /// Puts a pattern into its slots.
    pub fn place(&self, problem: &mut Problem, pattern: Pattern) {
        problem.masks.extend(pattern.mask);
        if let Some(term) = pattern.score {
            self.bias(problem, term);
        }
    }

    /// What the layer that is shown is, by the mix of layers `id`: its mask; and whether it has positions.
    pub fn layers(&mut self, problem: &mut Problem, id: &str, params: &Sorted<String, f64>, path: &str) -> bool {
        if id == "same" {
            self.params(&[], params, path);
            return true;
        }
        let Some(entry) = catalogue::mix(id) else {
            let ids = catalogue::mixes().iter().map(|e| e.id).chain(["same"]);
            self.unknown(path, Text::new("mix of layers", "层的组合"), id, ids);
            return true;
        };
        let params = self.params(entry.params, params, path);
        problem.masks.extend(entry.mask.map(|mask| self.term(mask, entry.params, &[], &params, path)));
        let count = |name: &str| params.get(name).map_or(1, |&value| value as usize);
        !(entry.bare && MixEntry::differs(count("layer"), count("every")))
    }

    /// Fills the slot of the position entry `id`.
    pub fn position(&mut self, problem: &mut Problem, id: &str, params: &Sorted<String, f64>, path: &str) {
        let Some(entry) = catalogue::position(id) else {
            return self.unknown(
                path,
                Text::new("position scheme", "位置方案"),
                id,
                catalogue::positions().iter().map(|e| e.id),
            );
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
                let beyond = match value("beyond") as u8 {
                    0 => Beyond::Clamp,
                    1 => Beyond::Wrap,
                    _ => Beyond::Interpolate,
                };
                let gain = value("gain") as f32;
                problem.encoding = Some(Encoding::Learned { trained, seed: self.seed, gain, beyond });
            }
            Slot::Content(content) => self.content(problem, &content, entry.params, &params, path),
            Slot::Rotary(kind) => {
                let interleaved = self.conventions.rope == RopePairs::Interleaved;
                problem.rotation = Some(rotation(kind, &value, self.dims.d, interleaved));
            }
        }
    }

    /// The product entry `id`. Where it has a scale of its own, that over `temperature` is the problem's; without a temperature the problem's
    /// stands.
    pub fn product(
        &mut self,
        problem: &mut Problem,
        id: &str,
        params: &Sorted<String, f64>,
        path: &str,
        temperature: Option<f64>,
    ) {
        let what = Text::new("product", "乘积");
        let Some((entry, params)) = self.by_content(catalogue::products(), what, id, params, path) else { return };
        if let (Some(name), Some(temperature)) = (entry.scale, temperature) {
            problem.scale = (params.get(name).copied().unwrap_or(1.0) / temperature) as f32;
        }
        self.content(problem, &entry.content, entry.params, &params, path);
    }

    /// The selection entry `id`.
    pub fn selection(&mut self, problem: &mut Problem, id: &str, params: &Sorted<String, f64>, path: &str) {
        let what = Text::new("selection", "选择方式");
        if let Some((entry, params)) = self.by_content(catalogue::selections(), what, id, params, path) {
            self.content(problem, &entry.content, entry.params, &params, path);
        }
    }

    /// The layout of heads `id`. With `rooted` the problem's scale has the root of the size of a head in it.
    pub fn layout(&mut self, problem: &mut Problem, id: &str, params: &Sorted<String, f64>, path: &str, rooted: bool) {
        let Some(entry) = catalogue::layout(id) else {
            return self.unknown(
                path,
                Text::new("layout of heads", "头布局"),
                id,
                catalogue::layouts().iter().map(|e| e.id),
            );
        };
        let params = self.params(entry.params, params, path);
        let term = self.term("", entry.params, &[], &params, path);
        let (seed, mut table) = (self.seed, |table: &Table| self.table(table, &params));
        let mut making = Making { params: &params, seed, term: &term, table: &mut table };
        lowering::arrange(problem, entry, &mut making, rooted);
    }

    pub(super) fn by_content(
        &mut self,
        entries: &'static [ContentEntry],
        what: Text,
        id: &str,
        params: &Sorted<String, f64>,
        path: &str,
    ) -> Option<(&'static ContentEntry, Sorted<String, f64>)> {
        let Some(entry) = entries.iter().find(|entry| entry.id == id) else {
            self.unknown(path, what, id, entries.iter().map(|e| e.id));
            return None;
        };
        Some((entry, self.params(entry.params, params, path)))
    }

    /// What an entry does by content.
    fn content(
        &mut self,
        problem: &mut Problem,
        content: &Content,
        declared: &[Param],
        params: &Sorted<String, f64>,
        path: &str,
    ) {
        let term = self.term("", declared, &[], params, path);
        let (seed, mut table) = (self.seed, |table: &Table| self.table(table, params));
        lowering::gather(problem, content, &mut Making { params, seed, term: &term, table: &mut table });
    }

    /// Puts a bias in the slot that the softcap convention names.
    pub fn bias(&self, problem: &mut Problem, term: Term) {
        match self.conventions.softcap {
            SoftcapOrder::BeforeBias => problem.bias.push(term),
            SoftcapOrder::AfterBias => problem.bias_before_cap.push(term),
        }
    }

    /// A formula of the user's own: its declared parameters, the tables the user gave, and the catalogue's that it names.
    pub fn custom(&mut self, formula: &CustomFormula, path: &str) -> Term {
        let mut term = Term::new(&format!("{path}.text"), &formula.text);
        let mut values = Sorted::new();
        for (i, param) in formula.params.iter().enumerate() {
            if let Some(message) = fault(param.ty, param.value) {
                self.issues.push(Issue::new(format!("{path}.params[{i}].value"), message));
            }
            if term.params.insert(param.name.clone(), scalar(param.ty, param.value)).is_some() {
                let name = shown(&param.name);
                let message = message!("`{name}` is declared twice", "`{name}` 重复声明");
                self.issues.push(Issue::new(format!("{path}.params[{i}].name"), message));
            }
            values.insert(param.name.clone(), param.value);
        }
        // A declared `seed` is the user's own.
        term.params.get_or_insert_with("seed".to_owned(), || values::seed(self.seed));
        self.tables_of_text(&mut term, &values);
        term
    }

    /// A formula of the user's own without parameters.
    pub fn text(&mut self, text: &str, path: &str) -> Term {
        let mut term = Term::new(path, text).param("seed", values::seed(self.seed));
        self.tables_of_text(&mut term, &Sorted::new());
        term
    }

    fn tables_of_text(&mut self, term: &mut Term, params: &Sorted<String, f64>) {
        let text = term.text.clone();
        let words: Vec<&str> = names(&text).collect();
        // A declared parameter hides a table of its name.
        let wanted = |term: &Term, name: &str| words.contains(&name) && !term.params.contains_key(name);
        // A list of the user's hides a table of its name that users may not edit.
        let usable = |table: &Table| table.editable || !self.data.contains_key(table.name);
        let of_catalogue = catalogue::tables().filter(|table| wanted(term, table.name) && usable(table));
        for table in of_catalogue.collect::<Vec<_>>() {
            if let Some(data) = self.table(table, params) {
                term.data.insert(table.name.to_owned(), data);
            }
        }
        for (name, values) in self.data {
            // A name of the user's own: one number for each token, whole numbers where all are.
            if wanted(term, name) && catalogue::editable_table(name).is_none() && !values.is_empty() {
                term.data.insert(name.clone(), Arc::new(list(type_of(values), values)));
            }
        }
    }

    pub(super) fn term(
        &mut self,
        formula: &str,
        declared: &[Param],
        tables: &[Table],
        params: &Sorted<String, f64>,
        path: &str,
    ) -> Term {
        let mut term = Term::new(path, formula).param("seed", values::seed(self.seed));
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
    fn table(&mut self, table: &Table, params: &Sorted<String, f64>) -> Option<Arc<Data>> {
        let path = format!("data.{}", table.name);
        let setting =
            Setting { n_q: self.dims.n_q, n_k: self.dims.n_k, heads: self.dims.q_heads, params, seed: self.seed };
        if table.rank > 2 {
            let blocks = setting.tokens().div_ceil(setting.count("block", 1));
            if blocks.checked_mul(blocks).and_then(|n| n.checked_mul(setting.heads)).is_none_or(|n| n > MAX_TABLE) {
                let heads = setting.heads;
                let message = message!(
                    "{blocks} blocks each way for {heads} heads are too many; larger blocks are needed",
                    "每边 {blocks} 块、{heads} 个头过多，请增大块"
                );
                self.issues.push(Issue::new(path, message));
                return None;
            }
        }
        let mut data = (table.make)(&setting);
        if let Some(values) = self.data.get(table.name) {
            let (count, needed, shape) = (values.len(), data.values.len(), &data.shape);
            if count != needed {
                let message = message!(
                    "has {count} numbers; {needed} are needed, shape {shape:?}",
                    "有 {count} 个数，需要 {needed} 个，形状 {shape:?}"
                );
                self.issues.push(Issue::new(path, message));
                return None;
            }
            let faults = values.iter().enumerate().find_map(|(i, &x)| Some((i, fault(table.ty, x)?)));
            if let Some((i, message)) = faults {
                self.issues.push(Issue::new(format!("{path}[{i}]"), message));
                return None;
            }
            data.values = entries(table.ty, values);
        }
        Some(Arc::new(data))
    }

    /// Given parameters over the conventions, and those over the entry's defaults; none is given where the check of experiments refuses any.
    fn params(&mut self, declared: &[Param], given: &Sorted<String, f64>, path: &str) -> Sorted<String, f64> {
        let issues = check_params(&format!("{path}.params"), declared, given);
        let none = Sorted::new();
        let given = if issues.is_empty() { given } else { &none };
        let mut values = values_of(declared, given);
        self.issues.extend(issues);
        for param in declared.iter().filter(|param| self.conventions.switches_on(param.name)) {
            if !given.contains_key(param.name) {
                values.insert(param.name.to_owned(), 1.0);
            }
        }
        values
    }

    fn unknown(&mut self, path: &str, what: Text, id: &str, ids: impl Iterator<Item = &'static str> + Clone) {
        self.issues.push(Issue::new(format!("{path}.id"), unknown(what, id, ids)));
    }
}

/// The rotation of a rotary entry for heads of `d` places, from the values of its parameters.
fn rotation(kind: Rotary, value: Lookup, d: usize, interleaved: bool) -> Rotation {
    let count = |name: &str| value(name).max(1.0) as usize;
    let pairs = (value("fraction") * (d / 2) as f64).round() as usize;
    let plain = Rotation::new(value("base"), 2 * pairs.min(d / 2), interleaved);
    let factor = value("factor");
    let bands = || Stretch::Bands { factor, trained: count("trained"), slow: value("slow"), fast: value("fast") };
    match kind {
        Rotary::Plain => plain,
        Rotary::Linear => Rotation { stretch: Stretch::Linear { factor }, ..plain },
        Rotary::Ntk => Rotation { stretch: Stretch::Ntk { factor }, ..plain },
        Rotary::DynamicNtk => Rotation { stretch: Stretch::DynamicNtk { factor, trained: count("trained") }, ..plain },
        // The released code multiplies Q and K by this, so that scores get its square: the paper's 1/√t and 1/t.
        Rotary::Yarn => Rotation { stretch: bands(), magnitude: 0.1 * factor.ln() + 1.0, ..plain },
        Rotary::Llama3 => Rotation { stretch: bands(), ..plain },
        Rotary::Xpos => Rotation { decay: Some(Decay { gamma: value("gamma"), scale: value("scale") }), ..plain },
        Rotary::Grid => Rotation { axes: Axes::Grid { width: count("width") }, ..plain },
        Rotary::Frames => Rotation { axes: Axes::Frames { height: count("height"), width: count("width") }, ..plain },
    }
}
