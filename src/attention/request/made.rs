//! The input of an experiment in the place of Q, K and V: what the page can make again need not be sent.

use serde_json::Value;

use super::{Draft, TENSORS, Tensor};
use crate::attention::dims::{Dims, Inputs};
use crate::experiment::{Experiment, Issue, Issues, MaskChoice, merge};

impl Draft {
    /// The experiment whose input and edits stand in the place of Q, K and V; nothing for a request with tensors of its own. What it makes comes
    /// back by [`Self::inputs`].
    ///
    /// # Errors
    /// Everything that is wrong with the request so far: the input need not be made.
    pub fn input(&mut self) -> Result<Option<Experiment>, Issues> {
        if self.made.is_empty() {
            return Ok(None);
        }
        if !self.made.contains_key("input") {
            self.issues.push(Issue::new("edits", "change what `input` makes, which is missing"));
        }
        let twice = self.tensors.iter().filter(|(name, _)| TENSORS[..3].contains(&name.as_str()));
        let twice: Vec<Issue> = twice.map(|(name, _)| Issue::new(name, "is made by `input`")).collect();
        self.issues.extend(twice);
        let plain = Experiment { mask: MaskChoice::of("none"), ..Experiment::default() };
        match merge(&plain, &Value::Object(std::mem::take(&mut self.made))) {
            Ok(experiment) if self.issues.is_empty() => return Ok(Some(experiment)),
            Ok(_) => {}
            Err(issues) => self.issues.extend(issues.0),
        }
        Err(Issues(std::mem::take(&mut self.issues)))
    }

    /// Takes what an input made, edits included.
    pub fn inputs(&mut self, dims: &Dims, inputs: &Inputs) {
        let Dims { batch, q_heads, kv_heads, n_q, n_k, d, d_v } = *dims;
        self.tensor("Q", Tensor::new(&[batch, q_heads, n_q, d], inputs.q.to_vec()));
        self.tensor("K", Tensor::new(&[batch, kv_heads, n_k, d], inputs.k.to_vec()));
        self.tensor("V", Tensor::new(&[batch, kv_heads, n_k, d_v], inputs.v.to_vec()));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use serde_json::json;

    use super::super::prepare;
    use super::*;
    use crate::catalogue::Lang;

    #[test]
    fn an_input_stands_in_the_place_of_q_k_and_v() {
        let input = json!({"kind": "generated", "recipe": "one_hot", "size": {"q_heads": 2, "kv_heads": 1, "n_q": 3, "n_k": 5, "d": 4, "d_v": 2}});
        let edit = json!({"tensor": "k", "head": 0, "row": 4, "col": 1, "value": 0.5});
        let with = |fields: Value| {
            let mut draft = Draft::default();
            fields.as_object().unwrap().iter().for_each(|(name, value)| draft.field(name, value.clone()));
            draft
        };
        let mut draft = with(json!({"input": input, "edits": [edit], "mask": "k < 4"}));
        let experiment = draft.input().unwrap().unwrap();
        let loaded = crate::attention::made(&experiment.input).unwrap();
        let (_, inputs) = crate::attention::assemble(&experiment, &loaded).unwrap();
        draft.inputs(&loaded.dims, &inputs);
        let request = draft.request().unwrap();
        assert_eq!((&request.q.shape[..], &request.k.shape[..]), (&[1, 2, 3, 4][..], &[1, 1, 5, 4][..]));
        assert_eq!(request.k.data[16..], [2.0, 0.5, 0.0, 0.0]);
        assert_eq!(prepare(&request).unwrap().problem.masks.len(), 1);

        let said = |mut draft: Draft| draft.input().unwrap_err().lines(Lang::En);
        assert_eq!(said(with(json!({"edits": []}))), "edits: change what `input` makes, which is missing");
        let wrong = said(with(json!({"input": {"kind": "generated", "recipe": "nomal"}})));
        assert!(wrong.starts_with("input.recipe: there is no generator `nomal`; did you mean `normal`?"), "{wrong}");
        assert!(said(with(json!({"input": 3}))).starts_with("input: "));
        let mut twice = with(json!({"input": input}));
        twice.tensor("K", Tensor::new(&[1, 1, 1, 1], vec![0.0]));
        assert_eq!(said(twice), "K: is made by `input`");
        assert_eq!(with(json!({"mask": "k < 4"})).input().unwrap(), None);
    }
}
