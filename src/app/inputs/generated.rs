//! Seeded numbers: which generator, its seed, and the sizes.

use leptos::prelude::*;

use super::change::{bring, set_input};
use crate::app::clock;
use crate::app::controls::{Choices, IssueLine, Item, Look, Show, Slider, Span, Switch, words, words_of};
use crate::app::i18n::t;
use crate::app::reactive::{RwSignal, Signal};
use crate::app::rules::param_slider;
use crate::app::state::{Lab, lab};
use crate::app::view::{handler, view};
use crate::attention::{Dims, demand};
use crate::catalogue::{self, List, Param};
use crate::experiment::{Input, Size, limits};
use crate::formula::Sorted;

/// Generator, seed and sizes.
#[component]
pub fn Generated() -> impl IntoView {
    let lab = lab();
    let recipe = Signal::memo(move || {
        lab.experiment.with(|e| match &e.input {
            Input::Generated { recipe, .. } => recipe.clone(),
            _ => String::new(),
        })
    });
    let items = catalogue::recipes()
        .iter()
        .map(|r| Item::new(r.id, words_of(r.name)).hint(words_of(r.about)))
        .collect::<Vec<_>>();
    let choose = Callback::new(move |id: String| bring(lab, "input.recipe", List::Generator, &id));
    let given = Signal::memo(move || {
        lab.experiment.with(|e| match &e.input {
            Input::Generated { params, .. } => params.clone(),
            _ => Sorted::new(),
        })
    });
    let tune = Callback::new(move |(name, value): (&'static str, Option<f64>)| {
        let mut input = lab.experiment.with_untracked(|e| e.input.clone());
        if let Input::Generated { params, .. } = &mut input {
            tuned(params, name, value);
            set_input(lab, &format!("input.params.{name}"), input);
        }
    });
    view! {
        <Choices label=words("Generator", "生成器") items=items chosen=recipe on_choose=choose look=Look::Chips />
        <p class="note">
            {move || catalogue::recipe(&recipe.get()).map(|r| r.about.get(lab.lang.get()))}
        </p>
        <Tuning recipe=recipe given=given path="input.params" on_tune=tune />
        <Seed />
        <Sizes lengths=true />
    }
}

/// A slider for each parameter that a generator declares.
#[component]
pub fn Tuning(
    /// Id of the generator.
    recipe: Signal<String>,
    /// Values that are set.
    given: Signal<Sorted<String, f64>>,
    /// Path of the parameters in the experiment.
    path: &'static str,
    /// Called with a parameter's name and its value; none for the default.
    on_tune: Callback<(&'static str, Option<f64>)>,
) -> impl IntoView {
    let row = move |param: &'static Param| {
        let value = Signal::memo(move || given.with(|given| given.get(param.name).copied().unwrap_or(param.default)));
        let set = Callback::new(move |x: f64| on_tune.run((param.name, (x != param.default).then_some(x))));
        param_slider(param, value, format!("{path}.{}", param.name), set)
    };
    let params = Signal::memo(move || catalogue::recipe(&recipe.get()).map_or(&[][..], |entry| entry.params));
    view! { {move || params.get().iter().map(row).collect_view()} }
}

/// Sets a parameter, or takes it out.
pub fn tuned(params: &mut Sorted<String, f64>, name: &str, value: Option<f64>) {
    match value {
        Some(value) => params.insert(name.to_owned(), value),
        None => params.remove(name),
    };
}

/// Changes the parts that inputs share which are made.
fn change(lab: Lab, key: &str, change: impl FnOnce(&mut Size, &mut u64)) {
    let mut input = lab.experiment.with_untracked(|e| e.input.clone());
    match &mut input {
        Input::Generated { size, seed, .. } | Input::Text { size, seed, .. } | Input::Projected { size, seed, .. } => {
            change(size, seed);
        }
        Input::Capture { .. } | Input::Numbers { .. } => return,
    }
    set_input(lab, key, input);
}

/// The seed, typed or rolled.
#[component]
pub fn Seed() -> impl IntoView {
    let lab = lab();
    let seed = Signal::memo(move || lab.experiment.with(|e| e.input.made_of().1));
    let set = move |value: u64| change(lab, "input.seed", |_, seed| *seed = value.min(limits::SEED));
    let roll = move |_| {
        // Any number unlike the last will do; a short one stays readable.
        let next = (seed.get_untracked() % 10_000 * 31 + clock::now() as u64) % 10_000;
        set(if next == seed.get_untracked() { next + 1 } else { next });
    };
    view! {
        <div class="seed">
            <label>
                <span>{t("seed", "种子")}</span>
                <input
                    type="number"
                    min="0"
                    step="1"
                    prop:value=move || seed.get().to_string()
                    on:change=handler(move |event| {
                        if let Ok(value) = event_target_value(&event).trim().parse() { set(value) }
                        event_target::<web_sys::HtmlInputElement>(&event).set_value(&seed.get_untracked().to_string());
                    })
                />
            </label>
            <button type="button" class="quiet-button" on:click=handler(roll)>{t("Roll", "换一个")}</button>
        </div>
    }
}

/// Heads, lengths and sizes.
#[component]
pub fn Sizes(
    /// Whether the lengths are set here; those of a text follow the text.
    lengths: bool,
) -> impl IntoView {
    let lab = lab();
    let size = Signal::memo(move || lab.experiment.with(|e| e.input.made_of().0));
    let linked = RwSignal::new(size.with_untracked(|s| s.n_q == s.n_k));
    let set = move |key: &'static str, apply: fn(&mut Size, usize)| {
        Callback::new(move |value: f64| {
            let both = linked.get_untracked();
            change(lab, key, |size, _| {
                apply(size, value.max(1.0) as usize);
                if both && key == "input.size.n_k" {
                    size.n_q = size.n_k;
                } else if both && key == "input.size.n_q" {
                    size.n_k = size.n_q;
                }
            });
        })
    };
    let value = move |read: fn(&Size) -> usize| Signal::derive(move || size.with(read) as f64);
    let kind = Signal::derive(move || {
        let Size { q_heads, kv_heads, .. } = size.get();
        match kv_heads {
            n if n == q_heads => {
                t("MHA: every query head has keys and values of its own", "MHA：每个查询头都有自己的键和值")()
            }
            1 => t("MQA: all query heads share one head of keys and values", "MQA：所有查询头共用一个键值头")(),
            _ => t("GQA: groups of query heads share keys and values", "GQA：成组的查询头共用键和值")(),
        }
    });
    let large = Signal::memo(move || {
        let Size { q_heads, kv_heads, n_q, n_k, d, d_v } = size.get();
        demand::of_sizes(&Dims { batch: 1, q_heads, kv_heads, n_q, n_k, d, d_v })
            .map(|message| message.get(lab.lang.get()).to_owned())
    });
    view! {
        <Slider label=words("heads", "头数") value=value(|s| s.q_heads) span=Span::whole(1, limits::HEADS) path="input.size.q_heads"
            on_change=set("input.size.q_heads", |s, n| {
                s.q_heads = n;
                s.kv_heads = nearest_divisor(n, s.kv_heads);
            }) />
        <Slider label=words("kv heads", "键值头数") value=value(|s| s.kv_heads) span=Signal::derive(move || Span::whole(1, size.get().q_heads)) path="input.size.kv_heads"
            on_change=set("input.size.kv_heads", |s, n| s.kv_heads = nearest_divisor(s.q_heads, n)) />
        <p class="note">{kind}</p>
        <Show when=lengths>
            <Slider label=words("queries", "查询数") value=value(|s| s.n_q) span=Span::whole(1, 128).up_to(limits::GENERATED as f64) path="input.size.n_q" on_change=set("input.size.n_q", |s, n| s.n_q = n) />
            <Slider label=words("keys", "键数") value=value(|s| s.n_k) span=Span::whole(1, 128).up_to(limits::GENERATED as f64) path="input.size.n_k" on_change=set("input.size.n_k", |s, n| s.n_k = n) />
            <Switch label=words("as many queries as keys", "查询与键等长") on=linked on_change=Callback::new(move |on| {
                linked.set(on);
                if on { change(lab, "input.size.n_q", |size, _| size.n_q = size.n_k); }
            }) />
        </Show>
        <Slider label=words("size", "维度") value=value(|s| s.d) span=Span::whole(1, 128).up_to(limits::SIZE as f64) path="input.size.d" on_change=set("input.size.d", |s, n| s.d = n) />
        <Slider label=words("value size", "值维度") value=value(|s| s.d_v) span=Span::whole(1, 128).up_to(limits::SIZE as f64) path="input.size.d_v" on_change=set("input.size.d_v", |s, n| s.d_v = n) />
        <p class="note" role="status" hidden=move || large.with(Option::is_none)>{move || large.get()}</p>
        <IssueLine path="input.size" />
    }
}

/// The divisor of `n` nearest to `wanted`; of two equally near the smaller.
fn nearest_divisor(n: usize, wanted: usize) -> usize {
    (1..=n.max(1)).filter(|d| n.is_multiple_of(*d)).min_by_key(|d| d.abs_diff(wanted)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::nearest_divisor;

    #[test]
    fn key_heads_always_divide_query_heads() {
        assert_eq!(nearest_divisor(12, 5), 4);
        assert_eq!(nearest_divisor(12, 12), 12);
        assert_eq!(nearest_divisor(7, 3), 1);
        assert_eq!(nearest_divisor(8, 9), 8);
    }
}
