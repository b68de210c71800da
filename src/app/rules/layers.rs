//! Layers that are not all alike: which of them is shown, and what the stack looks like. Part of a card that is folded until it is needed.

use leptos::prelude::*;

use super::params::{Owner, ParamRows};
use super::{About, patterns};
use crate::analysis::reach::{Reach, reach_of_stack};
use crate::app::controls::{Choices, IssueLine, Item, Look, words, words_of};
use crate::app::i18n;
use crate::app::reactive::{RwSignal, Signal};
use crate::app::state::{Lab, lab};
use crate::app::view::view;
use crate::app::whole::{More, shown};
use crate::attention::{Loaded, Plan, RowRules, assemble};
use crate::catalogue::{self, Lang, MixEntry};
use crate::experiment::{Choice, Experiment};

/// What stands for no mix.
const SAME: &str = "same";
/// Layers that are told in words.
const TOLD: usize = 12;
/// Most tokens for which the reach of a stack is walked at once.
const WALKED: usize = 128;

/// The mixes of layers, and the parameters of the chosen one.
#[component]
pub fn Layers() -> impl IntoView {
    let lab = lab();
    let id = Signal::memo(move || lab.experiment.with(|e| e.layers.id.clone()));
    let expanded = RwSignal::new(false);
    let place = move || id.with(|id| catalogue::mixes().iter().position(|entry| entry.id == id).map(|at| at + 1));
    let shown = shown(expanded, 1, place);
    let items = move || {
        let same = Item::new(SAME, words("All alike", "各层相同"))
            .hint(words("Every layer is what is set here.", "每一层都按这里的设置。"));
        let item = |entry: &MixEntry| Item::new(entry.id, words_of(entry.name)).hint(words_of(entry.about));
        [same].into_iter().chain(catalogue::mixes().iter().map(item)).take(shown.get()).collect::<Vec<_>>()
    };
    let choose = Callback::new(move |id: String| lab.edit("layers", |e| e.layers = Choice::of(&id)));
    view! {
        {move || view! { <Choices label=words("Layers of the model", "模型的各层") items=items() chosen=id on_choose=choose look=Look::Chips show_label=true /> }}
        <More expanded=expanded en="More mixes of layers" zh="更多层的组合" />
        {move || {
            lab.whole.track();
            catalogue::mix(&id.get()).map(|entry| view! {
                {entry.mask.map(|mask| view! { <code class="formula-line">{mask}</code> })}
                <ParamRows owner=Owner::Layers params=entry.params />
                <p class="note" role="status">{move || told(lab, entry)}</p>
                <p class="note">{move || far(lab, entry)}</p>
                <About about=entry.about paper=entry.paper />
            })
        }}
        <IssueLine path="layers" except="layers.params" />
    }
}

/// A parameter that counts layers.
fn count(e: &Experiment, entry: &MixEntry, name: &str) -> usize {
    let default = entry.params.iter().find(|p| p.name == name).map_or(1.0, |p| p.default);
    e.layers.params.get(name).copied().unwrap_or(default) as usize
}

/// The layers of the stack around the shown one in words, that one marked.
fn told(lab: Lab, entry: &MixEntry) -> String {
    let value = |name: &str| lab.experiment.with(|e| count(e, entry, name));
    let (every, layer, lang) = (value("every"), value("layer"), lab.lang.get());
    let kind = |differs: bool| match (entry.mask.is_some(), entry.bare, differs) {
        (true, false, false) => i18n::now(lang, "local", "局部"),
        (true, false, true) => i18n::now(lang, "global", "全局"),
        (false, _, false) => i18n::now(lang, "positions", "有位置"),
        (false, _, true) => i18n::now(lang, "none", "无位置"),
        (true, true, false) => i18n::now(lang, "local, positions", "局部、有位置"),
        (true, true, true) => i18n::now(lang, "global, none", "全局、无位置"),
    };
    let first = layer.saturating_sub(TOLD);
    let one = |at: usize| {
        let kind = kind(MixEntry::differs(at, every));
        if at == layer { format!("[{at} {kind}]") } else { format!("{at} {kind}") }
    };
    (first + 1..=first + TOLD).map(one).collect::<Vec<_>>().join(" · ")
}

/// After how many layers of the stack every query has reached every key, in words; nothing where the layers see the same or it would take long.
fn far(lab: Lab, entry: &MixEntry) -> String {
    let loaded = lab.loaded.get();
    let reach = lab.experiment.with(|e| stack(e, loaded.as_ref()?, entry));
    match (reach.map(|reach| (reach.full(), reach)), lab.lang.get()) {
        (None, _) => String::new(),
        (Some((Some(layers), _)), Lang::En) => {
            format!("Every query has reached every key it may after {layers} layers.")
        }
        (Some((Some(layers), _)), Lang::Zh) => format!("{layers} 层后，每个查询都到达了它可到达的所有键。"),
        (Some((None, reach)), Lang::En) => {
            format!(
                "{} of {} pairs are reached after {} layers, and never more.",
                reach.reached, reach.permitted, reach.layers
            )
        }
        (Some((None, reach)), Lang::Zh) => {
            format!("{} 层后到达 {} / {} 对，此后不再增加。", reach.layers, reach.reached, reach.permitted)
        }
    }
}

/// The reach of the stack in the head that is shown: all keys, or all earlier ones where no layer looks ahead.
fn stack(e: &Experiment, loaded: &Loaded, entry: &MixEntry) -> Option<Reach> {
    let (n_q, n_k) = (loaded.dims.n_q, loaded.dims.n_k);
    if entry.mask.is_none() || n_q.max(n_k) > WALKED {
        return None;
    }
    let every = count(e, entry, "every");
    let mut of_layer = patterns(e);
    let mut offset = 0;
    let mut layer = |number: usize| -> Option<Vec<u8>> {
        of_layer.layers.params.insert("layer".to_owned(), number as f64);
        let plan = Plan::compile(&assemble(&of_layer, loaded).ok()?.0).ok()?;
        offset = i64::from(plan.offset_of(0));
        let head = e.view.head.min(plan.dims.q_heads.saturating_sub(1));
        let mut rules = RowRules::new(&plan, n_k);
        let mut cells = vec![0; n_q * n_k];
        for (q, row) in cells.chunks_exact_mut(n_k).enumerate() {
            rules.begin_row(&plan, 0, head, q);
            rules.mask(&plan, 0, row);
        }
        Some(cells)
    };
    let (local, global) = (layer(1)?, layer(every)?);
    let own = |q: usize| usize::try_from(q as i64 + offset + 1).unwrap_or(0).min(n_k);
    let ahead = global.chunks_exact(n_k).enumerate().any(|(q, row)| row[own(q)..].contains(&1));
    let cells = |number: usize| if MixEntry::differs(number, every) { &global } else { &local };
    Some(reach_of_stack(n_q, n_k, every, |number, q, k| cells(number)[q * n_k + k] != 0, |q, k| ahead || k < own(q)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::attention::load;
    use crate::interchange::SerdeJson;

    #[test]
    fn a_stack_reaches_as_far_as_its_layers_together() {
        catalogue::complete();
        let input = r#"{ "input": { "kind": "generated", "recipe": "normal", "size": {"n_q": 64, "n_k": 64}, "seed": 1 },
            "mask": { "id": "causal" }, "selection": { "id": "top-k" }, "layers": { "id": "local-global" } }"#;
        let mut e: Experiment = serde_json::from_str(input).unwrap();
        let loaded = load::<SerdeJson>(&e.input, None).unwrap();
        let entry = catalogue::mix("local-global").unwrap();
        let layers = |e: &Experiment| stack(e, &loaded, entry).unwrap().full();
        assert_eq!(layers(&e), Some(6));
        e.layers.params.insert("every".to_owned(), 12.0);
        assert_eq!(layers(&e), Some(9));
        e.layers.params.insert("every".to_owned(), 1.0);
        assert_eq!(layers(&e), Some(1));
        assert_eq!(stack(&e, &loaded, catalogue::mix("some-nope").unwrap()), None);
    }
}
