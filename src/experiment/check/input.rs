//! Check of the input: sizes, text, pasted numbers.

use super::super::nearest::{hint, shown};
use super::super::spec::Size;
use super::super::{Input, TensorName};
use super::{Found, limits};
use crate::catalogue;

/// What is known of the extents of Q, K and V before the input is loaded: heads, rows, columns.
pub(super) struct Extents {
    q: [usize; 3],
    k: [usize; 3],
    v: [usize; 3],
}

impl Extents {
    pub(super) fn of(&self, tensor: TensorName) -> [usize; 3] {
        match tensor {
            TensorName::Q => self.q,
            TensorName::K => self.k,
            TensorName::V => self.v,
        }
    }

    /// The largest that any input may have.
    fn unknown() -> Self {
        let most = [limits::HEADS, limits::TOKENS, limits::SIZE];
        Self { q: most, k: most, v: most }
    }

    fn of_size(size: &Size) -> Self {
        Self {
            q: [size.q_heads, size.n_q, size.d],
            k: [size.kv_heads, size.n_k, size.d],
            v: [size.kv_heads, size.n_k, size.d_v],
        }
    }
}

pub(super) fn check(found: &mut Found, input: &Input) -> Extents {
    match input {
        Input::Capture { id, layer } => {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if id.is_empty() || id.len() > 64 || !id.chars().all(plain) {
                found.add("input.id", format!("`{}` can't be the name of a capture", shown(id)));
            }
            found.range("input.layer", *layer, [1, limits::LAYERS]);
            Extents::unknown()
        }
        Input::Generated { recipe, size, seed } => {
            if catalogue::recipe(recipe).is_none() {
                let hint = hint(recipe, catalogue::recipes().iter().map(|entry| entry.id));
                found.add("input.recipe", format!("there is no generator `{}`{hint}", shown(recipe)));
            }
            sizes(found, size, true);
            seeds(found, *seed);
            Extents::of_size(size)
        }
        Input::Text { text, size, seed } => {
            let characters = text.chars().count();
            if text.trim().is_empty() {
                found.add("input.text", "there are no words");
            } else if characters > limits::TEXT {
                found.add("input.text", format!("at most {} characters, and there are {characters}", limits::TEXT));
            }
            sizes(found, size, false);
            seeds(found, *seed);
            Extents::of_size(&Size { n_q: limits::TOKENS, n_k: limits::TOKENS, ..*size })
        }
        Input::Numbers { q, k, v } => {
            let q_columns = matrix(found, "q", q);
            let k_columns = matrix(found, "k", k);
            let v_columns = matrix(found, "v", v);
            if let (Some(a), Some(b)) = (q_columns, k_columns)
                && a != b
            {
                found.add("input.k", format!("rows of K must be as long as rows of Q ({a} numbers), and have {b}"));
            }
            if v.len() != k.len() {
                found.add("input.v", format!("V must have as many rows as K ({}), and has {}", k.len(), v.len()));
            }
            let extents = |m: &[Vec<f32>], columns: Option<usize>| [1, m.len(), columns.unwrap_or(0)];
            Extents { q: extents(q, q_columns), k: extents(k, k_columns), v: extents(v, v_columns) }
        }
    }
}

fn seeds(found: &mut Found, seed: u64) {
    if seed > limits::SEED {
        found.add("input.seed", format!("must be at most {}", limits::SEED));
    }
}

/// Sizes of a made-up input; lengths are judged only where they are the user's (`lengths`).
fn sizes(found: &mut Found, size: &Size, lengths: bool) {
    let before = found.0.len();
    found.range("input.size.q_heads", size.q_heads, [1, limits::HEADS]);
    found.range("input.size.kv_heads", size.kv_heads, [1, limits::HEADS]);
    found.range("input.size.d", size.d, [1, limits::SIZE]);
    found.range("input.size.d_v", size.d_v, [1, limits::SIZE]);
    if lengths {
        found.range("input.size.n_q", size.n_q, [1, limits::TOKENS]);
        found.range("input.size.n_k", size.n_k, [1, limits::TOKENS]);
    }
    // The rest would divide by zero or overflow with sizes that are out of range.
    if found.0.len() > before {
        return;
    }
    if !size.q_heads.is_multiple_of(size.kv_heads) {
        let (q, kv) = (size.q_heads, size.kv_heads);
        found.add("input.size.kv_heads", format!("must divide the {q} query heads, and is {kv}"));
    }
    if lengths {
        let numbers = size.q_heads * size.n_q * size.d + size.kv_heads * size.n_k * (size.d + size.d_v);
        let (mib, most) = ((numbers * size_of::<f32>()) >> 20, limits::BYTES >> 20);
        if numbers * size_of::<f32>() > limits::BYTES {
            found.add("input.size", format!("Q, K and V would take {mib} MiB, and at most {most} MiB are allowed"));
        }
    }
}

/// Checks pasted rows; the length of a row where all agree.
fn matrix(found: &mut Found, name: &str, rows: &[Vec<f32>]) -> Option<usize> {
    let path = format!("input.{name}");
    if rows.is_empty() || rows.len() > limits::TOKENS {
        found.add(path, format!("must have 1 to {} rows, and has {}", limits::TOKENS, rows.len()));
        return None;
    }
    let columns = rows[0].len();
    if columns == 0 || columns > limits::SIZE {
        found.add(format!("{path}[0]"), format!("must have 1 to {} numbers, and has {columns}", limits::SIZE));
        return None;
    }
    let mut even = true;
    for (i, row) in rows.iter().enumerate() {
        if row.len() != columns {
            even = false;
            found.add(
                format!("{path}[{i}]"),
                format!("must have {columns} numbers as the first row, and has {}", row.len()),
            );
        } else if let Some(j) = row.iter().position(|x| !x.is_finite()) {
            found.add(format!("{path}[{i}][{j}]"), "must be a finite number");
        }
    }
    even.then_some(columns)
}
