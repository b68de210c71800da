//! Layers that are not all alike: which of them is shown, and what the stack looks like. Part of a card that is folded until it is needed.

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::About;
use super::opening::{OneFormula, Opening};
use super::params::{Owner, ParamRows};
use crate::analysis::layers::count;
use crate::app::browse::walk::{Pace, Walked};
use crate::app::controls::{Choices, IssueLine, Item, Look, words, words_of};
use crate::app::i18n;
use crate::app::reactive::{RwSignal, Signal, effect};
use crate::app::state::{Lab, lab};
use crate::app::view::view;
use crate::app::whole::{More, shown};
use crate::catalogue::{self, Lang, List, MixEntry};
use crate::experiment::Choice;

/// What stands for no mix.
const SAME: &str = "same";
/// Layers that are told in words.
const TOLD: usize = 12;

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
                <OneFormula which=Opening::Chosen(List::Mix) />
                <p class="note" role="status">{move || told(lab, entry)}</p>
                <Far entry=entry />
                <About about=entry.about paper=entry.paper />
            })
        }}
        <IssueLine path="layers" except="layers.params" />
    }
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

/// After how many layers of the stack every query has reached every key; nothing where the layers see the same. It is walked between other things the page
/// does, and anew when the experiment or its input changes.
#[component]
fn Far(entry: &'static MixEntry) -> impl IntoView {
    let lab = lab();
    let found = RwSignal::new(None::<Walked>);
    // The walk that is wanted; none when this is gone.
    let latest = StoredValue::new(0_u32);
    effect(move || {
        let (e, loaded) = (lab.experiment.get(), lab.loaded.get());
        let mine = latest.with_value(|latest| latest + 1);
        latest.set_value(mine);
        let Some(loaded) = loaded else { return };
        spawn_local(async move {
            let wanted = || latest.try_get_value() == Some(mine);
            if let Some(walked) = Pace::new(&wanted).stack(&e, &loaded, entry).await {
                found.try_set(walked);
            }
        });
    });
    view! { <p class="note">{move || found.get().map(|walked| far(walked, lab.lang.get()))}</p> }
}

/// How far a stack reaches, in words.
fn far(walked: Walked, lang: Lang) -> String {
    let (reach, whole) = match walked {
        Walked::Whole(reach) => (reach, true),
        Walked::Late(reach) => (reach, false),
    };
    match (reach.full(), whole, lang) {
        (Some(layers), _, Lang::En) => format!("Every query has reached every key it may after {layers} layers."),
        (Some(layers), _, Lang::Zh) => format!("{layers} 层后，每个查询都到达了它可到达的所有键。"),
        (None, true, Lang::En) => {
            format!(
                "{} of {} pairs are reached after {} layers, and never more.",
                reach.reached, reach.permitted, reach.layers
            )
        }
        (None, true, Lang::Zh) => {
            format!("{} 层后到达 {} / {} 对，此后不再增加。", reach.layers, reach.reached, reach.permitted)
        }
        (None, false, Lang::En) => {
            format!(
                "{} of {} pairs are reached after {} layers; the rest takes too long.",
                reach.reached, reach.permitted, reach.layers
            )
        }
        (None, false, Lang::Zh) => {
            format!("{} 层后到达 {} / {} 对；其余耗时过长，未再计算。", reach.layers, reach.reached, reach.permitted)
        }
    }
}
