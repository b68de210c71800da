//! The catalogue, walked: names, formulas, parameters, tables, and the numbers that entries state about themselves, by brute force.

mod counts;
mod definitions;
mod extremes;
mod ids;
mod list;
mod positions;
mod summaries;
mod tables;
mod tiles;
mod walk;

use std::sync::Arc;

use crate::native::common;
use attention_playground::catalogue::{self, Param, Setting, Table};
use attention_playground::formula::{
    Bound, Data, DataDecl, DataValues, Kind, Scalar, Scope, Sizes, Sorted, Ty, Values, compile,
};

/// Where a pattern is looked at.
#[derive(Clone, Copy)]
struct Place {
    n_q: usize,
    n_k: usize,
    heads: usize,
    offset: i32,
    seed: u64,
}

const SQUARE: Place = Place { n_q: 64, n_k: 64, heads: 1, offset: 0, seed: 0 };

fn scalar(ty: Ty, value: f64) -> Scalar {
    match ty {
        Ty::Bool => Scalar::Bool(value != 0.0),
        Ty::Int => Scalar::Int(value as i32),
        Ty::Float => Scalar::Float(value as f32),
    }
}

/// A formula of the catalogue with its declared parameters, `changed` ones set, and its tables, `given` ones replaced.
fn bind(
    formula: &str,
    kind: Kind,
    declared: &[Param],
    tables: &[Table],
    place: Place,
    changed: Changed,
    given: &[(&str, DataValues)],
) -> Bound {
    let mut params: Sorted<String, f64> = declared.iter().map(|p| (p.name.to_owned(), p.default)).collect();
    for (name, value) in changed {
        assert!(params.insert((*name).to_owned(), *value).is_some(), "no parameter {name}");
    }
    let setting = Setting { n_q: place.n_q, n_k: place.n_k, heads: place.heads, params: &params, seed: place.seed };
    let mut scope = Scope { params: vec![("seed".to_owned(), Ty::Int)], data: vec![] };
    let mut values = Values {
        sizes: Sizes {
            batch: 1,
            heads: place.heads as i32,
            n_q: place.n_q as i32,
            n_k: place.n_k as i32,
            offset: vec![place.offset],
        },
        params: Sorted::from([("seed".to_owned(), Scalar::Int(place.seed as i32))]),
        data: Sorted::new(),
    };
    for param in declared {
        scope.params.push((param.name.to_owned(), param.ty));
        values.params.insert(param.name.to_owned(), scalar(param.ty, *params.get(param.name).unwrap()));
    }
    for table in tables {
        scope.data.push(DataDecl { name: table.name.to_owned(), ty: table.ty, dims: table.rank });
        let mut data = (table.make)(&setting);
        if let Some((_, replaced)) = given.iter().find(|(name, _)| *name == table.name) {
            data = Data { values: replaced.clone(), ..data };
        }
        values.data.insert(table.name.to_owned(), Arc::new(data));
    }
    let formula = compile(formula, kind, &scope).unwrap_or_else(|error| panic!("{formula}: {error}"));
    formula.bind(&values).unwrap_or_else(|error| panic!("{error}"))
}

fn mask(id: &str, place: Place, changed: Changed, given: &[(&str, DataValues)]) -> Bound {
    let entry = catalogue::mask(id).unwrap();
    bind(entry.formula, Kind::Mask, entry.params, entry.tables, place, changed, given)
}

type Grid = Vec<Vec<bool>>;

/// Parameters set to something else than their default.
type Changed<'a> = &'a [(&'a str, f64)];

/// Every pair of one head.
fn grid(bound: &Bound, place: Place, h: usize) -> Grid {
    let row = |q| (0..place.n_k).map(|k| bound.mask_at(0, h as i32, q as i32, k as i32)).collect();
    (0..place.n_q).map(row).collect()
}

fn score(bound: &Bound, h: usize, q: usize, k: usize) -> f64 {
    f64::from(bound.score_at(0.0, 0, h as i32, q as i32, k as i32))
}
