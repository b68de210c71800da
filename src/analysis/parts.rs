//! The rules of an experiment one by one: each pattern that decides which pairs are allowed, each part of the score that is added to Q·K, and all of them
//! together, as small maps of one head.

use super::layers::patterns;
use crate::attention::{Loaded, Plan, Problem, RowRules, Term, assemble};
use crate::catalogue::{self, List, Text};
use crate::engine::{Map, MapRequest, Pool};
use crate::experiment::{Choice, Experiment, Join, Layer, MaskChoice, Stage};

/// Most rows and columns of a map; of more, evenly spaced ones are taken.
const MOST: usize = 96;

/// One rule, or all together.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What of the entry it is, where that is not all of it.
    pub lead: Option<Text>,
    /// Name of the entry.
    pub name: Text,
    /// Its place among those joined with the mask, counted from 1; 0 for the others.
    pub number: usize,
    /// Stage `Weights`: 1 where it allows, −∞ where it masks. `Masked`: 1 and −1 where paint allows and masks. `Biased`: what becomes of a score of 0.
    pub map: Map,
}

/// The experiment whose rules are looked at: without what mixes, normalises or changes weights afterwards. The problem that it assembles to may wait for
/// something computed from Q and K; what [`parts`] wants is that problem after the wait.
pub fn subject(e: &Experiment) -> Experiment {
    Experiment {
        hybrid: Choice::of("none"),
        normaliser: Choice::of("softmax"),
        prob: MaskChoice::of("none"),
        ..e.clone()
    }
}

/// Every rule of `e` in the head that is shown: masks, each alone as if it were the only one, but a selection as it chooses among the keys that the masks
/// allow; then what is added to the scores. `settled` is the problem of [`subject`], which waits for nothing. A rule that is faulty by itself is left out.
pub fn parts(e: &Experiment, loaded: &Loaded, settled: &Problem) -> Vec<Part> {
    let mut all = Vec::new();
    let head = e.view.head;
    let mut add = |lead: Option<Text>, name: Text, number: usize, map: Option<Map>| {
        all.extend(map.map(|map| Part { lead, name, number, map }));
    };
    add(None, Text::new("mask, all together", "掩码（合成）"), 0, allowed(settled, head));
    masks(e, loaded, &mut add);
    let chosen = Problem { paint: Vec::new(), masks: of(&settled.masks, "selection"), ..settled.clone() };
    if let (false, Some(entry)) = (chosen.masks.is_empty(), catalogue::selection(&e.selection.id)) {
        add(None, entry.name, 0, allowed(&chosen, head));
    }
    if !e.paint.is_empty() {
        add(None, Text::new("painted: + allowed, − masked", "涂画：+ 允许，− 屏蔽"), 0, Some(painted(e, loaded)));
    }
    for root in roots(settled) {
        let one = Problem {
            bias_before_cap: of(&settled.bias_before_cap, &root),
            bias: of(&settled.bias, &root),
            ..settled.clone()
        };
        let (lead, name, number) = title(e, &root);
        add(lead, name, number, biased(&one, head));
    }
    add(None, Text::new("added to a score of 0, all together", "对 0 分的全部改动"), 0, biased(settled, head));
    all
}

/// Names of the chosen entries that change Q and K before their product and so have no map of their own.
pub fn folded(e: &Experiment, settled: &Problem) -> Vec<Text> {
    let roots = roots(settled);
    let without = |root: &str| !roots.iter().any(|other| other == root);
    let position = catalogue::position(&e.position.id).filter(|entry| entry.id != "none" && without("position"));
    let product = catalogue::product(&e.product.id).filter(|entry| entry.id != "dot" && without("product"));
    position.map(|entry| entry.name).into_iter().chain(product.map(|entry| entry.name)).collect()
}

/// The patterns that need nothing of Q and K, each alone.
fn masks(e: &Experiment, loaded: &Loaded, add: &mut impl FnMut(Option<Text>, Text, usize, Option<Map>)) {
    let bare = Experiment {
        mask: MaskChoice::of("none"),
        combine: Vec::new(),
        paint: Vec::new(),
        layers: Choice::of("same"),
        softcap: 0.0,
        ..patterns(e)
    };
    let alone = |experiment: &Experiment| allowed(&assemble(experiment, loaded).ok()?.0, e.view.head);
    add(None, named(&e.mask.id), 0, alone(&Experiment { mask: e.mask.clone(), ..bare.clone() }));
    for (i, layer) in e.combine.iter().enumerate() {
        let layer = Layer { op: Join::Replace, ..layer.clone() };
        add(None, named(&layer.id), i + 1, alone(&Experiment { combine: vec![layer], ..bare.clone() }));
    }
    if let Some(mix) = catalogue::mix(&e.layers.id).filter(|mix| mix.mask.is_some()) {
        add(None, mix.name, 0, alone(&Experiment { layers: e.layers.clone(), ..bare.clone() }));
    }
    if let (true, Some(entry)) = (e.hybrid.id != "none", catalogue::mask(&e.branch.id)) {
        let Choice { id, params } = e.branch.clone();
        let mask = MaskChoice { id, params, custom: None };
        add(Some(Text::new("branch B", "分支 B")), entry.name, 0, alone(&Experiment { mask, ..bare }));
    }
}

/// Name of a pattern.
fn named(id: &str) -> Text {
    catalogue::mask(id).map_or(Text::new("own formula", "自定义公式"), |entry| entry.name)
}

/// The field of the experiment that a term comes from.
fn root(term: &Term) -> &str {
    let end = if term.path.starts_with("combine[") { term.path.find('.') } else { term.path.find(['.', '[']) };
    &term.path[..end.unwrap_or(term.path.len())]
}

/// The fields that something is added to scores by, in the order in which it is.
fn roots(problem: &Problem) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for term in problem.bias_before_cap.iter().chain(&problem.bias) {
        if !all.iter().any(|known| known == root(term)) {
            all.push(root(term).to_owned());
        }
    }
    all
}

/// The terms of one field.
fn of(terms: &[Term], field: &str) -> Vec<Term> {
    terms.iter().filter(|term| root(term) == field).cloned().collect()
}

/// What the part of the score that comes from a field is called.
fn title(e: &Experiment, root: &str) -> (Option<Text>, Text, usize) {
    let strength = Some(Text::new("strength", "强度"));
    let joined = root.strip_prefix("combine[").and_then(|rest| rest.trim_end_matches(']').parse::<usize>().ok());
    if let Some((at, layer)) = joined.and_then(|at| Some((at, e.combine.get(at)?))) {
        return (strength, named(&layer.id), at + 1);
    }
    let of_list = |list: List| catalogue::summaries(list).into_iter().find(|entry| entry.id == e.chosen(list));
    let list = match root {
        "mask" => return (strength, named(&e.mask.id), 0),
        "score" => return (None, Text::new("own score formula", "自定义分数公式"), 0),
        "position" => List::Position,
        "product" => List::Product,
        "layout" => List::Layout,
        _ => List::Selection,
    };
    (None, of_list(list).map_or(Text::new("scores", "分数"), |entry| entry.name), 0)
}

/// 1 where a pair is allowed; none where the problem can't be compiled.
fn allowed(problem: &Problem, head: usize) -> Option<Map> {
    let plan = Plan::compile(problem).ok()?;
    let mut mask = vec![0_u8; plan.dims.n_k];
    Some(map(&plan, head, Stage::Weights, |rules, row| {
        rules.mask(&plan, 0, &mut mask);
        for (value, allowed) in row.iter_mut().zip(&mask) {
            *value = if *allowed == 0 { f32::NEG_INFINITY } else { 1.0 };
        }
    }))
}

/// What is added to a score of 0; none where nothing is.
fn biased(problem: &Problem, head: usize) -> Option<Map> {
    let plan = Plan::compile(problem).ok().filter(|plan| !(plan.bias.is_empty() && plan.bias_before_cap.is_empty()))?;
    Some(map(&plan, head, Stage::Biased, |rules, row| {
        row.fill(0.0);
        rules.before_cap(&plan, 0, row);
        rules.after_cap(&plan, 0, row);
    }))
}

/// Rows that `fill` makes, of the columns as the plan has them.
fn map(plan: &Plan, head: usize, stage: Stage, mut fill: impl FnMut(&mut RowRules, &mut [f32])) -> Map {
    let (n_q, n_k) = (plan.dims.n_q, plan.dims.n_k);
    let head = head.min(plan.dims.q_heads.saturating_sub(1));
    let (height, width) = (n_q.min(MOST), n_k.min(MOST));
    let (mut rules, mut row) = (RowRules::new(plan, n_k), vec![0.0_f32; n_k]);
    let mut values = Vec::with_capacity(height * width);
    for y in 0..height {
        rules.begin_row(plan, 0, head, y * n_q / height);
        fill(&mut rules, &mut row);
        values.extend((0..width).map(|x| row[x * n_k / width]));
    }
    let request = MapRequest { stage, batch: 0, head, q: 0..n_q, k: 0..n_k, width, height, pool: Pool::Max };
    Map { request, values }
}

/// 1 where paint allows, −1 where it masks, 0 where nothing is painted.
fn painted(e: &Experiment, loaded: &Loaded) -> Map {
    let (n_q, n_k, head) = (loaded.dims.n_q, loaded.dims.n_k, e.view.head);
    let (height, width) = (n_q.min(MOST), n_k.min(MOST));
    let holds = |[from, to]: [usize; 2], at: usize| (from..to).contains(&at);
    let cell = |q: usize, k: usize| {
        let last = e.paint.iter().rev().find(|p| p.head.is_none_or(|h| h == head) && holds(p.q, q) && holds(p.k, k));
        last.map_or(0.0, |patch| if patch.allow { 1.0 } else { -1.0 })
    };
    let rows = (0..height).map(|y| y * n_q / height);
    let values = rows.flat_map(|q| (0..width).map(move |x| (q, x * n_k / width))).map(|(q, k)| cell(q, k)).collect();
    let stage = Stage::Masked;
    let request = MapRequest { stage, batch: 0, head, q: 0..n_q, k: 0..n_k, width, height, pool: Pool::Max };
    Map { request, values }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::attention::{load, lowering};
    use crate::interchange::SerdeJson;

    fn shown(more: &str) -> (Experiment, Problem, Vec<Part>) {
        let input = r#""input": { "kind": "generated", "recipe": "normal", "size": {"n_q": 12, "n_k": 12, "q_heads": 2, "kv_heads": 2}, "seed": 4 }"#;
        let e: Experiment =
            serde_json::from_str(&format!("{{ {input}, \"view\": {{ \"head\": 1 }}, {more} }}")).unwrap();
        let loaded = load::<SerdeJson>(&e.input, None).unwrap();
        let (mut problem, mut inputs) = assemble(&subject(&e), &loaded).unwrap();
        lowering::lower(&mut problem, &mut inputs).unwrap();
        let parts = parts(&e, &loaded, &problem);
        (e, problem, parts)
    }

    fn of<'a>(parts: &'a [Part], name: &str) -> &'a [f32] {
        &parts.iter().find(|part| part.name.en == name).unwrap().map.values
    }

    #[test]
    fn a_selection_is_a_layer_of_the_keys_that_the_masks_allow() {
        let (_, _, parts) =
            shown(r#""mask": { "id": "causal" }, "selection": { "id": "top-k", "params": { "keep": 3 } }"#);
        let causal = of(&parts, catalogue::mask("causal").unwrap().name.en);
        let chosen = of(&parts, catalogue::selection("top-k").unwrap().name.en);
        let together = of(&parts, "mask, all together");
        let count = |row: &[f32]| row.iter().filter(|x| **x == 1.0).count();
        for q in 0..12 {
            let row = |all: &[f32]| all[q * 12..(q + 1) * 12].to_vec();
            assert_eq!((count(&row(causal)), count(&row(together))), (q + 1, 3.min(q + 1)), "row {q}");
            for k in 0..12 {
                let at = q * 12 + k;
                assert_eq!(together[at] == 1.0, causal[at] == 1.0 && chosen[at] == 1.0, "({q}, {k})");
            }
        }
    }

    #[test]
    fn what_is_added_by_content_is_a_layer_alone_and_with_the_others() {
        let score = r#""score": { "text": "s + 0.5 * k" }"#;
        let (_, problem, parts) =
            shown(&format!(r#""mask": {{ "id": "synaptic" }}, "position": {{ "id": "tisasrec" }}, {score}"#));
        let position = of(&parts, catalogue::position("tisasrec").unwrap().name.en);
        let strength = &parts.iter().find(|part| part.lead.is_some()).unwrap();
        let own = of(&parts, "own score formula");
        let all = of(&parts, "added to a score of 0, all together");
        assert_eq!(strength.name, catalogue::mask("synaptic").unwrap().name);
        assert!(position.iter().any(|x| x.abs() > 1e-3), "its vectors are of normal numbers");
        for at in 0..144 {
            assert_eq!(own[at], 0.5 * (at % 12) as f32);
            let sum = position[at] + strength.map.values[at] + own[at];
            assert!((all[at] - sum).abs() <= 1e-5 * sum.abs().max(1.0), "{at}: {} {sum}", all[at]);
        }
        // What depends on content stands before the softcap.
        assert_eq!((problem.bias_before_cap.len(), problem.bias.len()), (1, 2));
    }

    #[test]
    fn joined_patterns_have_numbers_and_a_second_branch_its_own_layer() {
        let (_, _, parts) = shown(
            r#""mask": { "id": "causal" }, "combine": [{ "op": "or", "id": "global" }, { "op": "and", "id": "synaptic" }],
               "hybrid": { "id": "gated" }, "branch": { "id": "chunked-local" }, "paint": [{ "q": [0, 2], "k": [4, 6], "allow": true }]"#,
        );
        let numbers: Vec<_> =
            parts.iter().map(|part| (part.number, part.lead.is_some(), part.map.request.stage)).collect();
        let weights = |number, lead| (number, lead, Stage::Weights);
        let biased = |number, lead| (number, lead, Stage::Biased);
        let masks = [weights(0, false), weights(0, false), weights(1, false), weights(2, false), weights(0, true)];
        let others = [(0, false, Stage::Masked), biased(2, true), biased(0, false)];
        assert_eq!(numbers, [&masks[..], &others].concat());
        assert_eq!(of(&parts, "painted: + allowed, − masked").iter().filter(|x| **x == 1.0).count(), 4);
    }

    #[test]
    fn what_turns_queries_and_keys_has_no_layer_and_is_named() {
        let (e, problem, parts) =
            shown(r#""mask": { "id": "causal" }, "position": { "id": "rope" }, "product": { "id": "cosine" }"#);
        let stages: Vec<_> = parts.iter().map(|part| part.map.request.stage).collect();
        assert_eq!(stages, [Stage::Weights; 2]);
        let names = folded(&e, &problem);
        let of = |id: &str| catalogue::position(id).map(|entry| entry.name);
        assert_eq!(names, [of("rope").unwrap(), catalogue::product("cosine").unwrap().name]);
    }
}
