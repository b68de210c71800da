//! Derivatives by parameters and tables, by the names that the problem's fields have.

use super::super::problem::{Problem, Term};
use super::head::Sums;
use crate::formula::{Slopes, Sorted, Ty};

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
    let mut all = Sorted::new();
    let number = |x: f64| Named { shape: Vec::new(), values: vec![x] };
    all.insert("scale".to_owned(), number(sums.scale));
    if problem.softcap.is_some() {
        all.insert("softcap".to_owned(), number(sums.softcap));
    }
    if problem.sink.is_some() {
        all.insert("sink_logit".to_owned(), Named { shape: vec![sums.sink.len()], values: sums.sink.clone() });
    }
    let derived: Vec<&str> =
        problem.lowering.iter().flat_map(|lowering| &lowering.tables).map(|table| table.name.as_str()).collect();
    let mut tables: Vec<(String, &Term, &str)> = Vec::new();
    for (term, slopes) in terms(problem, sums) {
        let formula = slopes.bound().formula();
        let path = term.path.strip_suffix(".custom.text").unwrap_or(&term.path);
        for ((name, ty), by) in formula.params_used().iter().zip(&slopes.params) {
            if *ty == Ty::Float {
                let sum = all.get_or_insert_with(format!("{path}.params.{name}"), || number(0.0));
                sum.values[0] += by;
            }
        }
        for (declared, by) in formula.data_used().iter().zip(&slopes.data) {
            let name = declared.name.as_str();
            let Some(data) = term.data.get(name).filter(|_| declared.ty == Ty::Float && !derived.contains(&name))
            else {
                continue;
            };
            let plain = if path == name { name.to_owned() } else { format!("data.{name}") };
            let other = |(key, of, table): &(String, &Term, &str)| *key == plain && of.data.get(*table) != Some(data);
            let key = if tables.iter().any(other) { format!("{path}.data.{name}") } else { plain };
            let sum = all
                .get_or_insert_with(key.clone(), || Named { shape: data.shape.clone(), values: vec![0.0; by.len()] });
            sum.values.iter_mut().zip(by).for_each(|(sum, by)| *sum += by);
            tables.push((key, term, name));
        }
    }
    all
}

/// Every formula with what was summed of it.
fn terms<'a>(problem: &'a Problem, sums: &'a Sums) -> impl Iterator<Item = (&'a Term, &'a Slopes)> {
    let Problem { bias_before_cap, bias, probability, .. } = problem;
    let before = bias_before_cap.iter().zip(&sums.before);
    before.chain(bias.iter().zip(&sums.after)).chain(probability.iter().zip(&sums.probability))
}
