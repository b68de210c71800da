//! Formulas with their derivative by the score or weight so far, in WGSL.
//!
//! ```text
//! fn score_1(x: f32, b: i32, h: i32, q: i32, k: i32) -> vec2<f32>    // the result, and its derivative by x
//! ```
//!
//! The derivative goes forwards through the steps, beside the values: a formula has one `x` and one result, so that going backwards would save nothing. What
//! each operation changes by is the table's column for WGSL, and kinks and steps are those of `table/slope.rs`.

use std::fmt::Write;

use super::{Module, comment, type_name};
use crate::formula::bind::{Bound, Inner};
use crate::formula::machine::reach;
use crate::formula::table::TEXTS;
use crate::formula::typed::Op;
use crate::formula::values::{Ty, Var};

/// A slope times what its operand changes by. A branch that is not taken may hold anything, and brings nothing.
const BY: &str = "fn f_by(slope: f32, by: f32) -> f32 { return select(slope * by, 0.0, slope == 0.0 || by == 0.0); }";

impl Module {
    /// Adds the function of a score or probability formula, with its derivative, under a name that no other one has. [`BY`] comes with it.
    pub fn add_slope(&mut self, name: &str, bound: &Bound) {
        let inner = &*bound.0;
        self.helpers.insert(BY);
        let (mut body, changes) = (String::new(), changing(inner));
        for at in reach(&inner.steps, inner.root, |at| inner.table_of[at].is_some()) {
            let value = match inner.table_of[at] {
                Some(table) => self.table(&inner.tables[table], inner.steps[at].ty),
                None => self.step(inner, at),
            };
            let _ = writeln!(body, "    let v{at}: {} = {value};", type_name(inner.steps[at].ty));
            if changes[at] {
                let _ = writeln!(body, "    let d{at}: f32 = {};", slope(inner, at, &changes));
            }
        }
        let root = inner.root;
        let by = if changes[root] { format!("d{root}") } else { "0.0".to_owned() };
        self.functions.push(format!(
            "{}fn {name}(x: f32, b: i32, h: i32, q: i32, k: i32) -> vec2<f32> {{\n{body}    return vec2<f32>(v{root}, {by});\n}}\n",
            comment(inner.formula.text())
        ));
    }

    /// The helper `f_by` alone, for texts that multiply slopes though no formula does.
    pub fn add_by(&mut self) {
        self.helpers.insert(BY);
    }
}

/// Of each step, whether it is a number that changes by a little with the score or weight so far.
fn changing(inner: &Inner) -> Vec<bool> {
    let mut changes = vec![false; inner.steps.len()];
    for (at, step) in inner.steps.iter().enumerate().filter(|(_, step)| step.ty == Ty::Float) {
        changes[at] = match step.op {
            Op::Var(var) => matches!(var, Var::S | Var::P),
            Op::Row(row, operands) => {
                !TEXTS[usize::from(row)].wgsl_slopes.is_empty() && operands.iter().any(|id| changes[id])
            }
            Op::Constant(_) | Op::Param(_) | Op::Read(..) => false,
        };
    }
    changes
}

/// The derivative of a step that changes, by those of its operands.
fn slope(inner: &Inner, at: usize, changes: &[bool]) -> String {
    let Op::Row(row, operands) = inner.steps[at].op else { return "1.0".to_owned() };
    let mut terms = Vec::new();
    for (id, text) in operands.iter().zip(TEXTS[usize::from(row)].wgsl_slopes) {
        if !changes[id] {
            continue;
        }
        let mut text = text.replace("{v}", &format!("v{at}"));
        for (i, operand) in operands.iter().enumerate() {
            text = text.replace(&format!("{{{i}}}"), &format!("v{operand}"));
        }
        terms.push(match text.as_str() {
            "1.0" => format!("d{id}"),
            "-1.0" => format!("(-d{id})"),
            _ => format!("f_by({text}, d{id})"),
        });
    }
    terms.join(" + ")
}

#[cfg(test)]
mod tests {
    use crate::formula::table::{ROWS, SLOPES, Slope, TEXTS};

    #[test]
    fn every_operation_that_is_derived_is_derived_in_wgsl() {
        for ((row, slope), texts) in ROWS.iter().zip(&SLOPES).zip(&TEXTS) {
            let wanted = if matches!(slope, Slope::Smooth(_)) { row.operands.len() } else { 0 };
            assert_eq!(texts.wgsl_slopes.len(), wanted, "{}", row.name);
        }
    }
}
