//! The catalogue as a sheet: every mask, position scheme and normaliser, to be searched, looked at closely, and chosen.

mod details;
mod entry;
mod figures;

use leptos::prelude::*;

use crate::app::controls::{Choices, Item, Look, Show, Switch, modal, words};
use crate::app::i18n::{self, t};
use crate::app::reactive::{RwSignal, Signal};
use crate::app::rules::{Open, Thumb, join_of, joins};
use crate::app::state::{Lab, lab};
use crate::app::view::{handler, view};
use crate::catalogue::{CostClass, Lang};
use crate::experiment::{Choice, Join, Layer, MaskChoice};
use entry::{Entry, Kind, cost};

/// How a chosen pattern is joined with the mask.
#[derive(Clone, Copy)]
struct Joining {
    how: RwSignal<Join>,
    /// For the head that is looked at, not for all.
    this_head: RwSignal<bool>,
}

/// The catalogue, open until something is chosen or it is closed.
#[component]
pub fn Sheet(
    /// For what it was opened.
    which: Open,
    /// What is open; the sheet closes by it.
    open: RwSignal<Open>,
) -> impl IntoView {
    let lab = lab();
    let (dialog, _) = modal();
    let to_join = which != Open::Catalogue;
    let kind = RwSignal::new(Kind::Mask);
    let search = RwSignal::new(String::new());
    let class = RwSignal::new(None::<CostClass>);
    let joining = Joining {
        how: RwSignal::new(if which == Open::Head { Join::Replace } else { Join::Or }),
        this_head: RwSignal::new(which == Open::Head),
    };
    let found = Signal::memo(move || {
        let (kind, class) = (kind.get(), class.get());
        let words = search.with(|text| text.trim().to_lowercase());
        entry::all(kind)
            .filter(|entry| entry.fits(&words) && class.is_none_or(|class| entry.cost() == Some(class)))
            .collect::<Vec<_>>()
    });
    let looked = RwSignal::new(None::<Entry>);
    let shown = Signal::memo(move || {
        let all = found.get();
        looked.get().filter(|entry| all.contains(entry)).or_else(|| all.into_iter().next())
    });
    let close = Callback::new(move |()| open.set(Open::Nothing));
    let choose = Callback::new(move |entry: Entry| {
        take(lab, entry, to_join.then_some(joining));
        close.run(());
    });
    let card = move |entry: Entry| {
        let on = Signal::memo(move || shown.get() == Some(entry));
        let name = entry.name();
        view! {
            <button
                type="button"
                aria-pressed=move || on.get().to_string()
                aria-checked=move || on.get().to_string()
                // The first press looks, the second takes.
                on:click=handler(move |_| if looked.get_untracked() == Some(entry) { choose.run(entry) } else { looked.set(Some(entry)) })
            >
                {entry.mask().map(|mask| view! { <Thumb entry=mask /> })}
                <span>{t(name.en, name.zh)}</span>
            </button>
        }
    };
    let kinds = vec![
        Item::new("mask", words("masks", "掩码")),
        Item::new("position", words("positions", "位置方案")),
        Item::new("normaliser", words("normalisers", "归一化")),
    ];
    let classes = std::iter::once(Item::new("any", words("any cost", "不限代价")))
        .chain(entry::CLASSES.map(|(class, id)| Item::new(id, Signal::stored(cost(class).to_owned()))))
        .collect::<Vec<_>>();
    let title = move || match which {
        Open::Add | Open::Head => i18n::now(lab.lang.get(), "Join a pattern with the mask", "将模式与掩码组合"),
        _ => i18n::now(lab.lang.get(), "Catalogue", "目录"),
    };
    view! {
        <dialog node_ref=dialog class="compare browse" aria-labelledby="browse-title" on:close=handler(move |_| close.run(()))>
            <h2 id="browse-title">{title}</h2>
            <Show when=Signal::stored(to_join)>
                <Choices
                    label=words("joined by", "组合方式")
                    items=joins()
                    chosen=Signal::derive(move || match joining.how.get() { Join::And => "and", Join::Or => "or", Join::Replace => "replace" }.to_owned())
                    on_choose=Callback::new(move |id: String| joining.how.set(join_of(&id)))
                    look=Look::Segments
                />
                <Switch label=words("only for the head that is shown", "仅用于当前显示的头") on=Signal::derive(move || joining.this_head.get()) on_change=Callback::new(move |on| joining.this_head.set(on)) />
            </Show>
            <Show when=Signal::stored(!to_join)>
                <Choices
                    label=words("kind", "种类")
                    items=kinds.clone()
                    chosen=Signal::derive(move || kind.get().id().to_owned())
                    on_choose=Callback::new(move |id: String| { looked.set(None); kind.set(Kind::of(&id)) })
                    look=Look::Segments
                />
            </Show>
            <input
                type="search"
                class="browse__search"
                aria-label=t("Search names, papers, years", "搜索名称、论文、年份")
                placeholder=t("Search names, papers, years", "搜索名称、论文、年份")
                on:input=handler(move |event| search.set(event_target_value(&event)))
            />
            <Show when=Signal::derive(move || kind.get() == Kind::Mask)>
                <Choices
                    label=words("growth of the allowed pairs", "允许位置数的增长")
                    items=classes.clone()
                    chosen=Signal::derive(move || class.get().map_or("any", entry::class_id).to_owned())
                    on_choose=Callback::new(move |id: String| class.set(entry::class_of(&id)))
                    look=Look::Chips
                />
            </Show>
            <div class="browse__sides">
                <div>
                    <p class="note" role="status">{move || match (lab.lang.get(), found.with(Vec::len)) {
                        (Lang::En, 1) => "1 entry".to_owned(),
                        (Lang::En, n) => format!("{n} entries"),
                        (Lang::Zh, n) => format!("共 {n} 项"),
                    }}</p>
                    <div class="thumbs">{move || found.get().into_iter().map(card).collect_view()}</div>
                </div>
                <div class="browse__details">
                    {move || shown.get().map(|entry| view! { <details::Details entry=entry to_join=to_join on_choose=choose on_done=close /> })}
                </div>
            </div>
            <div class="dialog__foot">
                <button type="button" on:click=handler(move |_| close.run(()))>{t("Close", "关闭")}</button>
            </div>
        </dialog>
    }
}

/// Chooses an entry, or joins it with the mask.
fn take(lab: Lab, entry: Entry, joining: Option<Joining>) {
    let id = entry.id().to_owned();
    let Some(Joining { how, this_head }) = joining else {
        return match entry {
            Entry::Mask(_) => {
                lab.edit("mask.id", |e| e.mask = MaskChoice { id, params: Default::default(), custom: None })
            }
            Entry::Position(_) => lab.edit("position.id", |e| e.position = Choice::of(&id)),
            Entry::Normaliser(_) => lab.edit("normaliser", |e| e.normaliser = Choice::of(&id)),
        };
    };
    let heads = this_head.get_untracked().then(|| vec![lab.experiment.with_untracked(|e| e.view.head)]);
    lab.edit("combine.add", |e| {
        let layer = Layer { heads, ..Layer::of(how.get_untracked(), &id) };
        // Another pattern for a head that has one of its own takes its place.
        let replaced = |old: &Layer| {
            layer.op == Join::Replace && old.op == Join::Replace && layer.heads.is_some() && old.heads == layer.heads
        };
        match e.combine.last_mut() {
            Some(last) if replaced(last) => *last = layer,
            _ => e.combine.push(layer),
        }
    });
}
