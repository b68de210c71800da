//! Parameters and tables as formulas read them. Experiments and requests carry them as plain numbers; the page's editor, its thumbnails and
//! the problem itself all turn them into values here.

use crate::catalogue::Param;
use crate::experiment::Declared;
use crate::formula::{Data, DataValues, Scalar, Sorted, Ty};

/// The value of a parameter as its type holds it.
pub fn scalar(ty: Ty, value: f64) -> Scalar {
    match ty {
        Ty::Bool => Scalar::Bool(value != 0.0),
        Ty::Int => Scalar::Int(value.round() as i32),
        Ty::Float => Scalar::Float(value as f32),
    }
}

/// Numbers as entries of a table.
pub fn entries(ty: Ty, values: &[f64]) -> DataValues {
    match ty {
        Ty::Bool => DataValues::Bool(values.iter().map(|&x| u8::from(x != 0.0)).collect()),
        Ty::Int => DataValues::Int(values.iter().map(|x| x.round() as i32).collect()),
        Ty::Float => DataValues::Float(values.iter().map(|&x| x as f32).collect()),
    }
}

/// Entries of a table as numbers.
pub fn plain(values: &DataValues) -> Vec<f64> {
    match values {
        DataValues::Bool(v) => v.iter().map(|&x| f64::from(x)).collect(),
        DataValues::Int(v) => v.iter().map(|&x| f64::from(x)).collect(),
        DataValues::Float(v) => v.iter().map(|&x| f64::from(x)).collect(),
    }
}

/// A table that the catalogue does not know: one number for each token.
pub fn list(ty: Ty, values: &[f64]) -> Data {
    Data { shape: vec![values.len()], values: entries(ty, values), clamp: true }
}

/// An entry's parameters: the given ones over the defaults.
pub fn values_of(params: &[Param], given: &Sorted<String, f64>) -> Sorted<String, f64> {
    params.iter().map(|p| (p.name.to_owned(), given.get(p.name).copied().unwrap_or(p.default))).collect()
}

/// The values of declared parameters.
pub fn declared_values(params: &[Declared]) -> Sorted<String, f64> {
    params.iter().map(|p| (p.name.clone(), p.value)).collect()
}

/// The built-in whole number `seed` of every formula: the low 32 bits of the experiment's or the request's.
pub fn seed(seed: u64) -> Scalar {
    Scalar::Int(seed as u32 as i32)
}

/// Every word of a formula that could be a name.
pub fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}
