//! The formulas of a plan as Python functions, each under a name of its own.

use crate::attention::Plan;
use crate::formula::python::{Arrays, Function};
use crate::formula::{Bound, Data, DataValues};

use super::literal::array;

/// A formula and the name of its function.
pub struct Named {
    /// The function's name.
    pub name: String,
    function: Function,
}

impl Named {
    fn new(name: String, bound: &Bound, arrays: Arrays) -> Self {
        Self { function: bound.python(&name, arrays), name }
    }

    /// A call; `x` is the score or the weight so far, empty for a mask.
    pub fn call(&self, x: &str) -> String {
        let first = if x.is_empty() { String::new() } else { format!("{x}, ") };
        format!("{}({first}b, h, q, k)", self.name)
    }
}

/// Every formula of a plan, in the order of its slots.
pub struct Formulas {
    /// Before the softcap.
    pub before_cap: Vec<Named>,
    /// After it.
    pub bias: Vec<Named>,
    /// Masks, and-ed.
    pub masks: Vec<Named>,
    /// Over the weights.
    pub probability: Option<Named>,
    arrays: Arrays,
}

impl Formulas {
    /// Those of `plan`.
    pub fn new(plan: &Plan, arrays: Arrays) -> Self {
        let all = |name: &str, bounds: &[Bound], first: usize| -> Vec<Named> {
            let numbered = |i: usize| if i == 0 { name.to_owned() } else { format!("{name}_{}", i + 1) };
            bounds.iter().enumerate().map(|(i, bound)| Named::new(numbered(first + i), bound, arrays)).collect()
        };
        let (mask, score) = match arrays {
            // What FlexAttention calls them, where one function is all there is.
            Arrays::Torch => (
                if lone_mask(plan) { "mask_mod" } else { "mask" },
                if lone_score(plan) { "score_mod" } else { "score" },
            ),
            _ => ("mask", "score"),
        };
        Self {
            before_cap: all(score, &plan.bias_before_cap, 0),
            bias: all(score, &plan.bias, plan.bias_before_cap.len()),
            masks: all(mask, &plan.masks, 0),
            probability: all("weight", plan.probability.as_slice(), 0).pop(),
            arrays,
        }
    }

    fn all(&self) -> impl Iterator<Item = &Named> {
        self.before_cap.iter().chain(&self.bias).chain(&self.masks).chain(&self.probability)
    }

    /// Helpers, tables and functions; empty where there is no formula.
    pub fn definitions(&self) -> String {
        let mut helpers: Vec<&str> = Vec::new();
        for helper in self.all().flat_map(|named| &named.function.helpers) {
            if !helpers.contains(helper) {
                helpers.push(helper);
            }
        }
        let mut text = String::new();
        for helper in helpers {
            text.push_str(&format!("\n{}", helper.replace("xp.", &format!("{}.", self.arrays.module()))));
        }
        for named in self.all() {
            text.push('\n');
            for (name, data) in &named.function.tables {
                text.push_str(&self.table(name, data));
            }
            text.push_str(&named.function.text);
        }
        text
    }

    fn table(&self, name: &str, data: &Data) -> String {
        let made = table(data);
        match self.arrays {
            Arrays::Numpy => format!("{name} = {made}\n"),
            Arrays::Jax => format!("{name} = jnp.asarray({made})\n"),
            Arrays::Torch => format!("{name} = torch.from_numpy({made})\n"),
        }
    }
}

/// Whether one formula is all that masks.
pub fn lone_mask(plan: &Plan) -> bool {
    plan.masks.len() == 1 && plan.paint.is_empty()
}

/// Whether one formula is all that happens to the scores.
pub fn lone_score(plan: &Plan) -> bool {
    plan.bias_before_cap.len() + plan.bias.len() == 1 && plan.softcap.is_none()
}

/// A table as an array of NumPy.
fn table(data: &Data) -> String {
    match &data.values {
        DataValues::Bool(values) => {
            let ones = values.iter().map(|&x| u8::from(x != 0).to_string());
            array(&data.shape, ones, "bool")
        }
        DataValues::Int(values) => array(&data.shape, values.iter().map(ToString::to_string), "np.int32"),
        DataValues::Float(values) => array(&data.shape, values.iter().map(|x| format!("{x:?}")), "np.float32"),
    }
}

/// Numbers in the tables of a plan's formulas.
pub fn entries(plan: &Plan) -> usize {
    let bounds = plan.bias_before_cap.iter().chain(&plan.bias).chain(&plan.masks).chain(&plan.probability);
    bounds.flat_map(Bound::tables).map(|data| data.values.len()).sum()
}
