//! One joined pattern.

use leptos::prelude::*;

use crate::app::controls::{Choices, IssueLine, Item, Look, Show, Switch, words};
use crate::app::i18n::{self, t};
use crate::app::reactive::Signal;
use crate::app::rules::editor::Editor;
use crate::app::rules::opening::{OneFormula, Opening};
use crate::app::rules::own::{DeclaredRows, Own};
use crate::app::rules::params::{Owner, ParamRows};
use crate::app::rules::tables::{Reader, Tables};
use crate::app::rules::thumbs::Thumb;
use crate::app::state::{Lab, lab};
use crate::app::view::{handler, view};
use crate::catalogue::{self, Lang, MaskEntry, Text};
use crate::experiment::{Join, Layer};

/// Changes a layer as one step of undo.
fn edit(lab: Lab, at: usize, part: &str, change: impl FnOnce(&mut Layer)) {
    lab.edit(&format!("combine[{at}].{part}"), |e| {
        if let Some(layer) = e.combine.get_mut(at) {
            change(layer);
        }
    });
}

/// A property of a layer.
fn of<T: PartialEq + Send + Sync + 'static>(
    lab: Lab,
    at: usize,
    read: impl Fn(&Layer) -> T + Send + Sync + 'static,
) -> Signal<Option<T>> {
    Signal::memo(move || lab.experiment.with(|e| e.combine.get(at).map(&read)))
}

fn join_id(join: Join) -> &'static str {
    match join {
        Join::And => "and",
        Join::Or => "or",
        Join::Replace => "replace",
    }
}

/// The ways to join, as they are chosen.
pub fn joins() -> Vec<Item> {
    [
        (Join::And, words("and", "且"), words("a key is allowed where both allow it", "两者都允许时才允许")),
        (Join::Or, words("or", "或"), words("a key is allowed where one of them allows it", "其一允许即允许")),
        (Join::Replace, words("instead", "替换"), words("it takes the mask's place", "取代之前的掩码")),
    ]
    .map(|(join, label, hint)| Item::new(join_id(join), label).hint(hint))
    .to_vec()
}

/// The join of that id.
pub fn join_of(id: &str) -> Join {
    [Join::And, Join::Replace].into_iter().find(|join| join_id(*join) == id).unwrap_or(Join::Or)
}

/// One joined pattern: its picture and name, how it is joined, for which heads, its sliders or its formula.
#[component]
pub fn Row(
    /// Its place.
    at: usize,
    /// How many there are.
    count: usize,
    /// Id of its entry.
    id: String,
) -> impl IntoView {
    let lab = lab();
    let entry = catalogue::mask(&id);
    let name = entry.map_or(Text::new("Own formula", "自定义公式"), |entry| entry.name);
    let join = of(lab, at, |layer| join_id(layer.op).to_owned());
    let not = of(lab, at, |layer| layer.not);
    let named = move |en: &'static str, zh: &'static str| {
        move || format!("{}: {}", name.get(lab.lang.get()), i18n::now(lab.lang.get(), en, zh))
    };
    let swap = move |other: usize| {
        lab.edit("combine.order", |e| {
            if at.max(other) < e.combine.len() {
                e.combine.swap(at, other);
            }
        });
    };
    let remove = move |_| {
        lab.edit("combine.remove", |e| {
            if at < e.combine.len() {
                e.combine.remove(at);
            }
        });
    };
    view! {
        <li class="joined__row">
            <div class="joined__head">
                {entry.map(|entry| view! { <Thumb entry=entry /> })}
                <b>{t(name.en, name.zh)}</b>
                <button type="button" class="quiet-button" aria-label=named("up", "上移") disabled={at == 0} on:click=handler(move |_| swap(at.wrapping_sub(1)))>"↑"</button>
                <button type="button" class="quiet-button" aria-label=named("down", "下移") disabled={at + 1 == count} on:click=handler(move |_| swap(at + 1))>"↓"</button>
                <button type="button" class="quiet-button" aria-label=named("remove", "移除") on:click=handler(remove)>"×"</button>
            </div>
            <Choices
                label=Signal::derive(named("joined by", "组合方式"))
                items=joins()
                chosen=Signal::derive(move || join.get().unwrap_or_default())
                on_choose=Callback::new(move |id: String| edit(lab, at, "op", |layer| layer.op = join_of(&id)))
                look=Look::Segments
            />
            <Switch
                label=words("not: its contrary", "非：取其反面")
                on=Signal::derive(move || not.get() == Some(true))
                on_change=Callback::new(move |on| edit(lab, at, "not", |layer| layer.not = on))
            />
            <Heads at=at name=name />
            {match entry {
                Some(entry) => view! {
                    <ParamRows owner=Owner::Joined(at) params=entry.params />
                    <Tables reader=Reader::Entry(Owner::Joined(at)) />
                    <code class="formula-line">{entry.formula}</code>
                    <OneFormula which=Opening::Joined(at) />
                },
                None => view! { <Formula at=at /> },
            }}
            {entry.and_then(|entry: &MaskEntry| entry.score).map(|_| view! {
                <p class="note">{t("Its part of the score counts on the pairs that it allows.", "它对分数的修改只作用于它允许的位置。")}</p>
            })}
            {["op", "heads", "id"].map(|part| view! { <IssueLine path=format!("combine[{at}].{part}") /> })}
        </li>
    }
}

/// For which heads it is.
#[component]
fn Heads(at: usize, name: Text) -> impl IntoView {
    let lab = lab();
    let heads = of(lab, at, |layer| layer.heads.clone());
    let some = Signal::memo(move || heads.get().flatten().is_some());
    let count = Signal::memo(move || lab.loaded.with(|l| l.as_ref().map_or(0, |l| l.dims.q_heads)));
    let label = move || match lab.lang.get() {
        Lang::En => format!("{}: heads", name.en),
        Lang::Zh => format!("{}：头", name.zh),
    };
    let choose = Callback::new(move |id: String| {
        let chosen = lab.experiment.with_untracked(|e| e.view.head);
        edit(lab, at, "heads", |layer| layer.heads = (id == "some").then(|| vec![chosen]));
    });
    let toggle = move |head: usize| {
        edit(lab, at, "heads", |layer| {
            let mut heads = layer.heads.clone().unwrap_or_default();
            match heads.iter().position(|&other| other == head) {
                // One is left, or it would be for none.
                Some(place) if heads.len() > 1 => _ = heads.remove(place),
                Some(_) => {}
                None => heads.push(head),
            }
            heads.sort_unstable();
            layer.heads = Some(heads);
        });
    };
    view! {
        <Choices
            label=Signal::derive(label)
            items=vec![Item::new("all", words("all heads", "所有头")), Item::new("some", words("some heads", "部分头"))]
            chosen=Signal::derive(move || if some.get() { "some" } else { "all" }.to_owned())
            on_choose=choose
            look=Look::Segments
        />
        <Show when=some>
            <div class="chips" role="group" aria-label=label>
                {move || (0..count.get()).map(|head| view! {
                    <button
                        type="button"
                        aria-pressed=move || heads.with(|h| h.as_ref().and_then(Option::as_ref).is_some_and(|h| h.contains(&head))).to_string()
                        aria-label=move || format!("{} {}", i18n::now(lab.lang.get(), "for head", "用于头"), head + 1)
                        on:click=handler(move |_| toggle(head))
                    >{(head + 1).to_string()}</button>
                }).collect_view()}
            </div>
        </Show>
    }
}

/// A formula of the user's own, with its parameters and tables.
#[component]
fn Formula(at: usize) -> impl IntoView {
    let lab = lab();
    let own = Own::Joined(at);
    let fault = own.fault(lab);
    let text =
        Signal::derive(move || lab.experiment.with(|e| own.get(e).map(|own| own.text.clone()).unwrap_or_default()));
    view! {
        <Editor
            label=words("Formula of the joined pattern", "组合模式的公式")
            head="mask(q, k) ="
            text=text
            params=Signal::derive(move || lab.experiment.with(|e| own.names(e)))
            fault=fault
            on_text=Callback::new(move |text| own.write(lab, text))
            on_declare=Callback::new(move |name| own.declare(lab, name))
        />
        <div hidden=move || fault.with(Option::is_some)><IssueLine path=format!("combine[{at}].custom.text") /></div>
        <DeclaredRows own=own />
        <Tables reader=Reader::Own(own) />
    }
}
