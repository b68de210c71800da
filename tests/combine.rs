//! Patterns joined with the mask: one formula that says, cell by cell, what the parts say; and tile maps of it that are true.

use crate::native::common;

use attention_playground::attention::combine::own_mask;
use attention_playground::attention::reference::{At, allowed};
use attention_playground::attention::{Coverage, Plan};
use attention_playground::catalogue::{MaskEntry, masks};
use attention_playground::experiment::{
    CausalAlignment, CustomFormula, Declared, Experiment, Join, Layer, Patch, SoftcapOrder, check,
};
use attention_playground::formula::{Sorted, Ty};
use common::patterns::{joined, layer, plan, problem, same, sized};
use proptest::prelude::*;

/// What a list of layers means, in plain logic: the base is a layer that takes the place of nothing.
fn logic(layers: &[(Layer, Plan)], at: At) -> bool {
    layers.iter().fold(true, |before, (layer, plan)| {
        let own = allowed(plan, at) != layer.not;
        let here = layer.heads.as_ref().is_none_or(|heads| heads.contains(&at.h));
        match layer.op {
            _ if !here => before,
            Join::And => before && own,
            Join::Or => before || own,
            Join::Replace => own,
        }
    })
}

/// An entry with some of its parameters changed, or a formula of the user's own whose names are those of others.
fn entries() -> impl Strategy<Value = (String, Sorted<String, f64>, Option<CustomFormula>)> {
    let entry = (0..masks().len(), any::<[u8; 4]>()).prop_map(|(at, dice)| {
        let entry: &MaskEntry = &masks()[at];
        let free = entry.params.iter().filter(|param| !param.is_convention());
        let params = free.zip(dice.iter().cycle()).filter(|(_, dice)| *dice % 3 == 0).map(|(param, dice)| {
            let steps = ((param.max - param.min) / param.step).floor().min(12.0);
            let value = param.min + (f64::from(*dice) / 256.0 * (steps + 1.0)).floor() * param.step;
            (param.name.to_owned(), value.min(param.max))
        });
        (entry.id.to_owned(), params.collect(), None)
    });
    let own = (1..9i32, prop::sample::select(vec!["window", "window_2", "doc"])).prop_map(|(value, name)| {
        let value = f64::from(value);
        let declared = Declared { name: name.to_owned(), ty: Ty::Int, min: 0.0, max: 9.0, step: 1.0, value };
        let text = format!("(q - k) % {name} == 0 if k < q else h != 2 and q == k");
        ("custom".to_owned(), Sorted::new(), Some(CustomFormula { text, params: vec![declared] }))
    });
    prop_oneof![5 => entry, 1 => own]
}

fn layers() -> impl Strategy<Value = Layer> {
    let op = prop::sample::select(vec![Join::And, Join::Or, Join::Replace]);
    let heads = prop::option::of(prop::collection::vec(0..4usize, 1..4));
    (op, any::<bool>(), heads, entries()).prop_map(|(op, not, heads, (id, params, custom))| Layer {
        op,
        not,
        heads,
        id,
        params,
        custom,
    })
}

proptest! {
    #![proptest_config(common::cases(300))]

    #[test]
    fn one_formula_says_what_the_parts_say(
        base in entries(),
        combine in prop::collection::vec(layers(), 1..4),
        (n_q, n_k) in (1..45usize, 1..45usize),
        (bottom_right, seed) in (any::<bool>(), 0..9u64),
        painted in any::<bool>(),
    ) {
        let dims = sized(n_q, n_k);
        let (id, params, custom) = base;
        let base = Layer { op: Join::Replace, not: false, heads: None, id, params, custom };
        let mut experiment = Experiment { seed, ..joined(base.clone(), combine.clone()) };
        if bottom_right {
            experiment.conventions.causal = CausalAlignment::BottomRight;
        }
        let parts: Vec<_> = std::iter::once(base).chain(combine).map(|layer| {
            let alone = Experiment { conventions: experiment.conventions, seed, ..joined(layer.clone(), Vec::new()) };
            let plan = plan(&alone, dims);
            (layer, plan)
        }).collect();
        let patch = Patch { head: Some(1), q: [0, n_q.div_ceil(2)], k: [n_k / 2, n_k], allow: seed % 2 == 0 };
        if painted {
            experiment.paint.push(patch);
        }
        let made = problem(&experiment, dims).unwrap();
        prop_assert!(made.masks.len() <= 1, "one formula");
        let whole = Plan::compile(&made).unwrap();
        if let Ok(opened) = own_mask(&experiment, dims) {
            prop_assert_eq!(check(&opened), Ok(()));
            same(&whole, &plan(&opened, dims));
        }
        for h in 0..4 {
            let at = |q, k| At { b: 0, h, q, k };
            let wanted = |q: usize, k: usize| {
                let inside = painted && h == 1 && q < patch.q[1] && k >= patch.k[0];
                if inside { patch.allow } else { logic(&parts, at(q, k)) }
            };
            for (q, k) in (0..n_q).flat_map(|q| (0..n_k).map(move |k| (q, k))) {
                prop_assert_eq!(allowed(&whole, at(q, k)), wanted(q, k), "head {} ({}, {}): {:?}", h, q, k, made.masks);
            }
            // Tiles of a size that divides nothing, and edges that it does not reach.
            let (rows, cols) = (7, 5);
            let tiles = whole.tiles(0, h, rows, cols);
            for (r, c) in (0..n_q.div_ceil(rows)).flat_map(|r| (0..n_k.div_ceil(cols)).map(move |c| (r, c))) {
                let cells = (r * rows..(r * rows + rows).min(n_q))
                    .flat_map(|q| (c * cols..(c * cols + cols).min(n_k)).map(move |k| (q, k)));
                let (all, live) = cells.fold((0, 0), |(all, live), (q, k)| (all + 1, live + usize::from(wanted(q, k))));
                let sound = match tiles.coverage(r, c) {
                    Coverage::Empty => live == 0,
                    Coverage::Full => live == all,
                    Coverage::Partial => 0 < live && live < all,
                };
                prop_assert!(sound, "head {} tile ({}, {}): {:?}, {} of {}", h, r, c, tiles.coverage(r, c), live, all);
            }
        }
    }
}

#[test]
fn the_formula_is_one_that_people_read() {
    let text = |combine: Vec<Layer>| {
        let made = problem(&joined(layer(Join::And, "causal", &[]), combine), sized(9, 9)).unwrap();
        made.masks.into_iter().map(|term| term.text).collect::<Vec<_>>()
    };
    let on = |layer: Layer, heads: &[usize]| Layer { heads: Some(heads.to_vec()), ..layer };
    let sinks = || layer(Join::Or, "prefix-lm", &[]);
    assert_eq!(text(vec![]), ["k <= q_pos"]);
    assert_eq!(text(vec![sinks()]), ["k <= q_pos or k < prefix or k <= q_pos"]);
    assert_eq!(text(vec![on(sinks(), &[2])]), ["k <= q_pos or h == 2 and (k < prefix or k <= q_pos)"]);
    let never = Layer { not: true, ..layer(Join::And, "prefix-lm", &[]) };
    assert_eq!(text(vec![on(never, &[0, 3])]), ["k <= q_pos and (h not in {0, 3} or not (k < prefix or k <= q_pos))"]);
    assert_eq!(text(vec![on(layer(Join::Replace, "none", &[]), &[1])]), ["true if h == 1 else k <= q_pos"]);
    assert_eq!(text(vec![layer(Join::Replace, "none", &[])]), [""; 0], "no mask is no formula");
    assert_eq!(text(vec![layer(Join::And, "none", &[])]), ["k <= q_pos"]);
}

#[test]
fn a_parameter_of_each_keeps_its_own_value() {
    let window = |op, value| layer(op, "sliding-window", &[("window", value)]);
    let made = problem(&joined(window(Join::And, 3.0), vec![window(Join::Or, 5.0)]), sized(9, 9)).unwrap();
    let term = &made.masks[0];
    let names: Vec<&str> = term.params.keys().map(String::as_str).filter(|name| name.starts_with("window")).collect();
    assert_eq!(names, ["window", "window_2"]);
    assert_eq!(term.path, "combine");
    assert!(term.text.contains("abs(q_pos - k) < window_2"), "{}", term.text);
}

#[test]
fn a_part_of_the_score_counts_where_its_own_pattern_holds() {
    // Wires of strength 1 that fade with distance: s - 2 ln(1 + d) on distances 0, 1, 2, 4, … (head 0 is not stretched).
    let synaptic = |op| layer(op, "synaptic", &[("fade", 2.0), ("spread", 0.0)]);
    let dims = sized(20, 20);
    let wired = |q: usize, k: usize| k <= q && (q == k || (q - k).is_power_of_two());
    let faded = |q: usize, k: usize| -2.0 * (1.0 + (q - k) as f32).ln();
    let check = |experiment: &Experiment, wanted: &dyn Fn(usize, usize, usize) -> f32| {
        let plan = plan(experiment, dims);
        for (h, q, k) in (0..4).flat_map(|h| (0..20).flat_map(move |q| (0..20).map(move |k| (h, q, k)))) {
            let [h32, q32, k32] = [h, q, k].map(|x| x as i32);
            let found = plan.bias.iter().fold(0.5, |s, bias| bias.score_at(s, 0, h32, q32, k32));
            assert!((found - 0.5 - wanted(h, q, k)).abs() < 1e-5, "head {h} ({q}, {k}): {found}");
        }
    };
    let on = |layer: Layer, heads: &[usize]| Layer { heads: Some(heads.to_vec()), ..layer };
    let over = |combine| joined(layer(Join::And, "causal", &[]), combine);
    let some = over(vec![on(synaptic(Join::Or), &[1, 2])]);
    check(&some, &|h, q, k| if (1..3).contains(&h) && wired(q, k) { faded(q, k) } else { 0.0 });
    let never = Layer { not: true, ..synaptic(Join::And) };
    check(&over(vec![never]), &|_, _, _| 0.0);
    let base =
        joined(synaptic(Join::And), vec![on(layer(Join::Replace, "causal", &[]), &[3]), layer(Join::Or, "none", &[])]);
    check(&base, &|h, q, k| if h != 3 && wired(q, k) { faded(q, k) } else { 0.0 });
    // It stands where the softcap's convention puts every bias.
    let mut before = some;
    before.conventions.softcap = SoftcapOrder::AfterBias;
    let made = problem(&before, dims).unwrap();
    assert_eq!((made.bias.len(), made.bias_before_cap.len()), (0, 1));
}

#[test]
fn what_is_wrong_is_named_where_it_stands() {
    let paths = |experiment: &Experiment| {
        let issues = problem(experiment, sized(9, 9)).unwrap_err().0;
        issues.into_iter().map(|issue| (issue.path, issue.message.en)).collect::<Vec<_>>()
    };
    let custom = |text: &str| Layer {
        custom: Some(CustomFormula { text: text.to_owned(), params: vec![] }),
        ..Layer::of(Join::Or, "custom")
    };
    let over = |combine| joined(layer(Join::And, "causal", &[]), combine);
    let found =
        paths(&over(vec![layer(Join::Or, "global", &[("tokens", -1.0)]), custom("k < wndow"), custom("q - k")]));
    let named: Vec<&str> = found.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(named, ["combine[0].params.tokens", "combine[1].custom.text", "combine[2].custom.text"]);
    assert!(found[1].1.contains("wndow"), "{found:?}");
    // Sixteen long ones are more than one formula holds.
    let long = vec![layer(Join::Or, "block-diffusion", &[]); 16];
    let found = paths(&over(long));
    assert_eq!(found[0].0, "combine");
    assert!(found[0].1.contains("together"), "{found:?}");
}
