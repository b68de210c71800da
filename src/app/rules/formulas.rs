//! What a formula needs to be compiled and bound on the page: the names in its scope, values, tables.

use std::sync::Arc;

use crate::attention::Dims;
use crate::attention::values::{self, entries, list, scalar};
pub use crate::attention::values::{declared_values, names, plain, values_of};
use crate::catalogue::{self, MaskEntry, Setting, Table};
use crate::experiment::{self, CustomFormula};
use crate::formula::{self, Data, DataDecl, FormulaError, Kind, Scope, Sizes, Sorted, Values};

/// Tables that the user gave, row-major.
pub type Given = Sorted<String, Vec<f64>>;

/// A table as it is used: the one the catalogue makes, with the user's numbers where they fit.
pub fn table(table: &Table, dims: &Dims, params: &Sorted<String, f64>, seed: u64, given: &Given) -> Data {
    let setting = Setting { n_q: dims.n_q, n_k: dims.n_k, heads: dims.q_heads, params, seed };
    let mut data = (table.make)(&setting);
    if let Some(values) = given.get(table.name).filter(|v| v.len() == data.values.len()) {
        data.values = entries(table.ty, values);
    }
    data
}

/// The catalogue's tables that a formula names.
pub fn tables_in(text: &str) -> Vec<&'static Table> {
    catalogue::tables().filter(|table| names(text).any(|name| name == table.name)).collect()
}

/// What is wrong with a formula of the user's own, if anything: in the text itself, or, where the sizes are known, in how it reads its tables.
pub fn fault(own: &CustomFormula, kind: Kind, given: &Given, dims: Option<&Dims>, seed: u64) -> Option<FormulaError> {
    let scope = experiment::scope(own, given);
    let compiled = match experiment::understand(own, kind, given) {
        Ok(compiled) => compiled,
        Err(error) => return Some(error),
    };
    let dims = dims?;
    let numbers = declared_values(&own.params);
    // The scope adds the built-in seed to the declared parameters.
    let value = |name: &str, ty| numbers.get(name).map_or(values::seed(seed), |&value| scalar(ty, value));
    let params = scope.params.iter().map(|(name, ty)| (name.clone(), value(name, *ty))).collect();
    let mut data = Sorted::new();
    for decl in scope.data.iter().filter(|decl| names(&own.text).any(|name| name == decl.name)) {
        let hidden = |named: &&Table| !named.editable && given.contains_key(named.name);
        let found = match catalogue::table(&decl.name).filter(|named| !hidden(named)) {
            Some(named) => table(named, dims, &numbers, seed, given),
            None => {
                let values = given.get(&decl.name).map_or(&[][..], Vec::as_slice);
                list(decl.ty, values)
            }
        };
        data.insert(decl.name.clone(), Arc::new(found));
    }
    compiled.bind(&Values { sizes: sizes_of(dims), params, data }).err()
}

fn declared(data: &Sorted<String, Arc<Data>>) -> Vec<DataDecl> {
    data.iter()
        .map(|(name, data)| DataDecl { name: name.clone(), ty: data.values.ty(), dims: data.shape.len() })
        .collect()
}

fn sizes_of(dims: &Dims) -> Sizes {
    Sizes {
        batch: dims.batch as i32,
        heads: dims.q_heads as i32,
        n_q: dims.n_q as i32,
        n_k: dims.n_k as i32,
        offset: Vec::new(),
    }
}

/// The picture of a catalogue entry's mask: head 0 of four, `n` by `n`, default parameters, row after row. `None` for a formula that does
/// not compile, which the catalogue's own tests rule out.
pub fn picture(entry: &MaskEntry, n: usize) -> Option<Vec<bool>> {
    let dims = Dims { batch: 1, q_heads: 4, kv_heads: 4, n_q: n, n_k: n, d: 1, d_v: 1 };
    let numbers = values_of(entry.params, &Sorted::new());
    let seed = ("seed".to_owned(), values::seed(0));
    let params: Sorted<_, _> =
        entry.params.iter().map(|p| (p.name.to_owned(), scalar(p.ty, p.default))).chain([seed]).collect();
    let made = |t: &Table| Arc::new(table(t, &dims, &numbers, 0, &Given::new()));
    let data = entry.tables.iter().map(|t| (t.name.to_owned(), made(t))).collect();
    let scope = Scope {
        params: params.iter().map(|(name, value)| (name.clone(), value.ty())).collect(),
        data: declared(&data),
    };
    let bound = formula::compile(entry.formula, Kind::Mask, &scope)
        .ok()?
        .bind(&Values { sizes: sizes_of(&dims), params, data })
        .ok()?;
    Some((0..n * n).map(|at| bound.mask_at(0, 0, (at / n) as i32, (at % n) as i32)).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::experiment::Declared;
    use crate::formula::{ErrorKind, Ty};

    #[test]
    fn every_entry_has_a_picture() {
        for entry in catalogue::masks() {
            let cells = picture(entry, 20).unwrap();
            assert!(cells.contains(&true), "{}", entry.id);
        }
        let causal = picture(catalogue::mask("causal").unwrap(), 20).unwrap();
        assert_eq!(causal.iter().filter(|&&allowed| allowed).count(), 210);
    }

    #[test]
    fn a_fault_is_found_in_the_text_and_in_the_tables() {
        let dims = Dims { batch: 1, q_heads: 2, kv_heads: 2, n_q: 6, n_k: 6, d: 4, d_v: 4 };
        let find = |text: &str, params: &[Declared]| {
            let own = CustomFormula { text: text.to_owned(), params: params.to_vec() };
            fault(&own, Kind::Mask, &Given::new(), Some(&dims), 0)
        };
        assert_eq!(find("doc[q] == doc[k]", &[]), None);
        let window = Declared { name: "w".to_owned(), ty: Ty::Int, min: 0.0, max: 9.0, step: 1.0, value: 3.0 };
        assert_eq!(find("q - k < w", &[window]), None);
        let error = find("q - k < w", &[]).unwrap();
        assert!(matches!(error.kind, ErrorKind::UnknownName { ref name, .. } if name == "w"));
        assert_eq!(error.span, 8..9);
    }
}
