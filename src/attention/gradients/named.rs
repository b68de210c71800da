//! Derivatives by parameters and tables, by the names that the problem's fields have.

use super::super::plan::scope;
use super::super::problem::{Problem, Term};
use super::head::Sums;
use crate::formula::{self, Formula, Kind, Slopes, Sorted, Ty};

/// A derivative by a number or a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// Extents, outermost first; none for a number.
    pub shape: Vec<usize>,
    /// Row-major.
    pub values: Vec<f64>,
}

/// Every derivative by something that is no tensor: `scale`, `softcap`, `sink_logit` (`[q_heads]`), parameters of entries and formulas as
/// `position.params.gain`, tables of floats as `data.slope` (of two different tables with one name, the later as `score.data.slope`), and the added mask as
/// `attn_mask`. Whole numbers and switches have none, nor have tables that are computed from Q and K.
pub fn named(problem: &Problem, sums: &Sums) -> Sorted<String, Named> {
    let slopes: Vec<&Slopes> = sums.before.iter().chain(&sums.after).chain(&sums.probability).collect();
    let formulas: Vec<Formula> = slopes.iter().map(|slopes| slopes.bound().formula().clone()).collect();
    let mut all = Sorted::new();
    for Place { key, shape, of } in places(problem, &formulas) {
        let by: &[f64] = match of {
            Of::Scale => &[sums.scale],
            Of::Softcap => &[sums.softcap],
            Of::Sink => &sums.sink,
            Of::Param(formula, at) => std::slice::from_ref(&slopes[formula].params[at]),
            Of::Table(formula, at) => &slopes[formula].data[at],
        };
        let sum = all.get_or_insert_with(key, || Named { shape, values: vec![0.0; by.len()] });
        sum.values.iter_mut().zip(by).for_each(|(sum, by)| *sum += by);
    }
    all
}

/// The names of [`named`] and their shapes, without a plan; none of a problem whose formulas don't compile.
pub fn shapes(problem: &Problem) -> Sorted<String, Vec<usize>> {
    let score = problem.bias_before_cap.iter().chain(&problem.bias).map(|term| (term, Kind::Score));
    let all = score.chain(problem.probability.iter().map(|term| (term, Kind::Probability)));
    let formulas: Option<Vec<Formula>> =
        all.map(|(term, kind)| formula::compile(&term.text, kind, &scope(term)).ok()).collect();
    let places = formulas.map(|formulas| places(problem, &formulas)).unwrap_or_default();
    places.into_iter().map(|place| (place.key, place.shape)).collect()
}

/// Where the numbers of one name come from. Several may have one name: their numbers are added.
struct Place {
    key: String,
    shape: Vec<usize>,
    of: Of,
}

/// A number of the problem, or a parameter or table of one of its formulas.
enum Of {
    Scale,
    Softcap,
    Sink,
    Param(usize, usize),
    Table(usize, usize),
}

/// Everything that is derived by, of a problem whose formulas are these.
fn places(problem: &Problem, formulas: &[Formula]) -> Vec<Place> {
    let mut all = vec![Place { key: "scale".to_owned(), shape: Vec::new(), of: Of::Scale }];
    if problem.softcap.is_some() {
        all.push(Place { key: "softcap".to_owned(), shape: Vec::new(), of: Of::Softcap });
    }
    if let Some(sink) = &problem.sink {
        all.push(Place { key: "sink_logit".to_owned(), shape: vec![sink.len()], of: Of::Sink });
    }
    let computed = |name: &str| problem.lowering.iter().flat_map(|l| &l.tables).any(|table| table.name == name);
    let mut tables: Vec<(String, &Term, &str)> = Vec::new();
    let Problem { bias_before_cap, bias, probability, .. } = problem;
    for (i, (term, formula)) in bias_before_cap.iter().chain(bias).chain(probability).zip(formulas).enumerate() {
        // Of a formula with parameters of its own, the field that it is the text of.
        let path = term.path.strip_suffix(".text").unwrap_or(&term.path);
        let path = path.strip_suffix(".custom").unwrap_or(path);
        for (at, (name, _)) in formula.params_used().iter().enumerate().filter(|(_, (_, ty))| *ty == Ty::Float) {
            all.push(Place { key: format!("{path}.params.{name}"), shape: Vec::new(), of: Of::Param(i, at) });
        }
        for (at, declared) in formula.data_used().iter().enumerate() {
            let name = declared.name.as_str();
            let Some(data) = term.data.get(name).filter(|_| declared.ty == Ty::Float && !computed(name)) else {
                continue;
            };
            let plain = if path == name { name.to_owned() } else { format!("data.{name}") };
            let other = |(key, of, table): &(String, &Term, &str)| *key == plain && of.data.get(*table) != Some(data);
            let key = if tables.iter().any(other) { format!("{path}.data.{name}") } else { plain };
            tables.push((key.clone(), term, &declared.name));
            all.push(Place { key, shape: data.shape.clone(), of: Of::Table(i, at) });
        }
    }
    all
}
