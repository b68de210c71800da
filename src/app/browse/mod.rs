//! The catalogue as a sheet: every entry of every list, to be searched, looked at closely, and chosen.
//!
//! | file | what it holds |
//! |---|---|
//! | `entry` | what of an entry is searched; classes of cost |
//! | `choose` | what becomes of an entry that is chosen |
//! | `details` | one entry, closely |
//! | `figures`, `pattern`, `walk` | the pairs it leaves: shown; worked out; layer by layer, in slices |
//! | `weights` | the weights with it, where it leaves the pairs alone |

mod choose;
mod details;
mod entry;
mod figures;
mod pattern;
pub mod walk;
mod weights;

use leptos::prelude::*;

use crate::app::controls::{Choices, Item, Look, Show, Switch, modal, words, words_of};
use crate::app::i18n::{self, t, tr};
use crate::app::reactive::{RwSignal, Signal};
use crate::app::rules::{Open, Thumb, join_of, joins};
use crate::app::state::lab;
use crate::app::view::{handler, view};
use crate::catalogue::{self, CostClass, Lang, List, Summary, every_entry, summaries};
use crate::experiment::Join;
use choose::{Joining, take};
use entry::{cost, fits, grows};

/// What stands for all lists among the choices.
const ALL: &str = "all";

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
    // Only a mask can be joined with a mask.
    let list = RwSignal::new(to_join.then_some(List::Mask));
    let search = RwSignal::new(String::new());
    let class = RwSignal::new(None::<CostClass>);
    let joining = Joining {
        how: RwSignal::new(if which == Open::Head { Join::Replace } else { Join::Or }),
        this_head: RwSignal::new(which == Open::Head),
    };
    let found = Signal::memo(move || {
        let class = class.get();
        let words = search.with(|text| text.trim().to_lowercase());
        let entries: Vec<Summary> = list.get().map_or_else(|| every_entry().collect(), summaries);
        let fits = |entry: &Summary| fits(entry, &words) && class.is_none_or(|class| grows(entry, class));
        entries.into_iter().filter(fits).collect::<Vec<_>>()
    });
    let looked = RwSignal::new(None::<Summary>);
    let shown = Signal::memo(move || {
        let all = found.get();
        looked.get().filter(|entry| all.contains(entry)).or_else(|| all.into_iter().next())
    });
    let close = Callback::new(move |()| open.set(Open::Nothing));
    let choose = Callback::new(move |entry: Summary| {
        take(lab, &entry, to_join.then_some(joining));
        close.run(());
    });
    let long = lab.loaded.with_untracked(|l| l.as_ref().is_some_and(|loaded| !pattern::sketches(loaded)));
    let unsketched = Signal::derive(move || {
        let sketched = |entry: &Summary| entry.list != List::Mask && pattern::decides(entry.list);
        long && found.with(|found| found.iter().any(sketched))
    });
    // The experiment stays as it is while the sheet is open, so pictures of what depends on it are made once.
    let kept = StoredValue::new(Vec::new());
    let card = move |entry: Summary| {
        let name = entry.name;
        let mask = catalogue::mask(entry.id).filter(|_| entry.list == List::Mask);
        let sketched = mask.is_none() && pattern::decides(entry.list);
        let sketch = sketched.then(|| view! { <figures::Sketch entry=entry.clone() kept=kept /> });
        let (of, id) = (entry.list, entry.id);
        let is = move |other: &Option<Summary>| other.as_ref().is_some_and(|other| (other.list, other.id) == (of, id));
        let on = Signal::memo(move || shown.with(is));
        // The first press looks, the second takes.
        let press = move |_| {
            if looked.with_untracked(is) { choose.run(entry.clone()) } else { looked.set(Some(entry.clone())) }
        };
        view! {
            <button
                type="button"
                aria-pressed=move || on.get().to_string()
                on:click=handler(press)
            >
                {mask.map(|mask| view! { <Thumb entry=mask /> })}
                {sketch}
                <span>{t(name.en, name.zh)}</span>
            </button>
        }
    };
    // Under the name of its list, where there is more than one.
    let group = move |of: List| {
        let entries = found.with(|found| found.iter().filter(|entry| entry.list == of).cloned().collect::<Vec<_>>());
        (!entries.is_empty()).then(|| view! {
            {list.with(Option::is_none).then(|| view! { <h4>{tr(of.name())}</h4> })}
            <div class="thumbs" role="group" aria-label=tr(of.name())>{entries.into_iter().map(card).collect_view()}</div>
        })
    };
    let lists = std::iter::once(Item::new(ALL, words("all", "全部")))
        .chain(List::ALL.map(|list| Item::new(list.id(), words_of(list.name()))))
        .collect::<Vec<_>>();
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
                    label=words("list", "种类")
                    items=lists.clone()
                    chosen=Signal::derive(move || list.get().map_or(ALL, List::id).to_owned())
                    on_choose=Callback::new(move |id: String| { looked.set(None); list.set(List::of(&id)) })
                    look=Look::Chips
                />
            </Show>
            <input
                type="search"
                class="browse__search"
                aria-label=t("Search names, papers, years", "搜索名称、论文、年份")
                placeholder=t("Search names, papers, years", "搜索名称、论文、年份")
                on:input=handler(move |event| search.set(event_target_value(&event)))
            />
            <Choices
                label=words("growth of the allowed pairs, or of the work", "允许位置数或计算量的增长")
                items=classes
                chosen=Signal::derive(move || class.get().map_or("any", entry::class_id).to_owned())
                on_choose=Callback::new(move |id: String| class.set(entry::class_of(&id)))
                look=Look::Chips
            />
            <div class="browse__sides">
                <div>
                    <p class="note" role="status">{move || match (lab.lang.get(), found.with(Vec::len)) {
                        (Lang::En, 1) => "1 entry".to_owned(),
                        (Lang::En, n) => format!("{n} entries"),
                        (Lang::Zh, n) => format!("共 {n} 项"),
                    }}</p>
                    {move || List::ALL.map(group).collect_view()}
                    <Show when=unsketched>
                        <p class="note">{move || match lab.lang.get() {
                            Lang::En => format!("Pictures of what depends on content are made up to {} million pairs of all heads; this input has more.", pattern::SKETCHED >> 20),
                            Lang::Zh => format!("取决于内容的条目，其图仅在所有头合计不超过约 {} 百万个位置对时绘制；当前输入超出。", pattern::SKETCHED >> 20),
                        }}</p>
                    </Show>
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
