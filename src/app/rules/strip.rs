//! The layers one by one: each pattern, the keys that a selection chooses, what is painted, and what is added to the scores, each as a small map that opens
//! large; and all together. What depends on the contents of Q and K is first computed in a worker, over the input as it is.

use leptos::html::Canvas;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::tools::Open;
use crate::analysis::parts::{Part, folded, parts, subject};
use crate::app::controls::modal;
use crate::app::element::NodeRef;
use crate::app::i18n::{self, t};
use crate::app::map::{Scale, draw, paint_cells};
use crate::app::palette::Palette;
use crate::app::reactive::{RwSignal, effect};
use crate::app::runner;
use crate::app::state::lab;
use crate::app::view::{handler, view};
use crate::attention::{Loaded, assemble};
use crate::catalogue::{Lang, Text};
use crate::engine::Map;
use crate::engine::pool::{Cancel, Pool};
use crate::experiment::{Experiment, Message};

/// What is known of the layers.
#[derive(Clone, Default, PartialEq)]
struct Known {
    parts: Vec<Part>,
    /// Entries that have no layer of their own.
    folded: Vec<Text>,
    /// Keys of the input: a selection may make others of them.
    keys: usize,
}

/// The strip, and the layer that is large.
#[component]
pub fn Strip(
    /// What is open.
    open: RwSignal<Open>,
) -> impl IntoView {
    let lab = lab();
    let (dialog, _) = modal();
    let found = follow();
    let large = RwSignal::new(0_usize);
    let title = move |part: &Part| {
        let lang = lab.lang.get();
        let name = part.name.get(lang);
        let number = if part.number > 0 { format!("{} ", part.number) } else { String::new() };
        let lead = part.lead.map_or_else(String::new, |lead| {
            format!("{}{}", lead.get(lang), if lang == Lang::En { ": " } else { "：" })
        });
        format!("{number}{lead}{name}")
    };
    let close = move || open.set(Open::Nothing);
    let small = move |(at, part): (usize, Part)| {
        let name = title(&part);
        view! {
            <button type="button" aria-pressed=move || (large.get() == at).to_string() on:click=handler(move |_| large.set(at))>
                <Small map=part.map />
                <span>{name}</span>
            </button>
        }
    };
    let shown = move |known: Known| {
        let at = large.get().min(known.parts.len().saturating_sub(1));
        known.parts.into_iter().nth(at).map(|part| {
            let name = title(&part);
            let scale = Scale::of(&part.map);
            let lang = lab.lang.get();
            let legend = if scale.is_weights() {
                i18n::now(lang, "coloured: allowed; hatched: masked", "着色：允许；斜线：屏蔽").to_owned()
            } else {
                let zero = i18n::now(lang, "around 0", "以 0 为中心");
                format!("−{top:.2} … +{top:.2}, {zero}", top = scale.top)
            };
            let columns = (part.map.request.k.len() != known.keys).then(|| {
                t("; columns are keys as the entries leave them, not tokens", "；列是这些条目处理后的键，并非词元")
            });
            view! {
                <figure class="layers__large">
                    <Large map=part.map name=name.clone() />
                    <figcaption class="note"><b>{name}</b>" — "{legend}{columns}</figcaption>
                </figure>
            }
        })
    };
    view! {
        <dialog node_ref=dialog class="compare" aria-labelledby="strip-title" on:close=handler(move |_| close())>
            <h2 id="strip-title">{t("Layers of the mask and of the scores", "掩码与分数的各层")}" "<small>{move || format!("{} {}", i18n::now(lab.lang.get(), "head", "头"), lab.experiment.with(|e| e.view.head + 1))}</small></h2>
            {move || match found.get() {
                None => view! { <p class="note" aria-busy="true">{t("Computing…", "计算中…")}</p> },
                Some(Err(why)) => view! { <p class="issue" role="alert">{why.get(lab.lang.get()).to_owned()}</p> },
                Some(Ok(known)) => {
                    let names = known.folded.iter().map(|name| name.get(lab.lang.get())).collect::<Vec<_>>().join(", ");
                    let note = (!names.is_empty()).then(|| match lab.lang.get() {
                        Lang::En => format!("Without a layer of its own: {names}. It changes queries and keys before their product."),
                        Lang::Zh => format!("没有单独的一层：{names}。它在求乘积之前改变查询和键。"),
                    });
                    let all = known.parts.iter().cloned().enumerate().map(small).collect_view();
                    view! {
                        <div class="thumbs layers">{all}</div>
                        {note.map(|note| view! { <p class="note">{note}</p> })}
                        {move || shown(known.clone())}
                    }
                }
            }}
            <div class="dialog__foot">
                <button type="button" class="primary" on:click=handler(move |_| close())>{t("Close", "关闭")}</button>
            </div>
        </dialog>
    }
}

/// The layers of the experiment as it is; nothing while they are computed. A newer experiment takes the place of an older one.
fn follow() -> RwSignal<Option<Result<Known, Message>>> {
    let lab = lab();
    let found = RwSignal::new(None);
    let last = StoredValue::new_local(Cancel::default());
    on_cleanup(move || last.with_value(Cancel::cancel));
    let pool = runner::pool().get_value();
    effect(move || {
        let (experiment, loaded) = (lab.experiment.get(), lab.loaded.get());
        last.with_value(Cancel::cancel);
        let cancel = Cancel::default();
        last.set_value(cancel.clone());
        let pool = pool.clone();
        spawn_local(async move {
            let Some(loaded) = loaded else { return };
            let known = known(&experiment, &loaded, &pool, cancel.clone()).await;
            if !cancel.is_cancelled() {
                found.try_set(Some(known));
            }
        });
    });
    found
}

async fn known(e: &Experiment, loaded: &Loaded, pool: &Pool, cancel: Cancel) -> Result<Known, Message> {
    let (problem, inputs) = assemble(&subject(e), loaded).map_err(|issues| issues.message())?;
    let problem = pool.settled(problem, inputs, cancel).await.map_err(|error| error.message())?;
    Ok(Known { parts: parts(e, loaded, &problem), folded: folded(e, &problem), keys: loaded.dims.n_k })
}

#[component]
fn Small(map: Map) -> impl IntoView {
    let canvas = NodeRef::<Canvas>::new();
    effect(move || {
        if let Some(canvas) = canvas.get() {
            // A lost canvas is painted again with the next change.
            let _ = paint_cells(&canvas, &map, &Scale::of(&map), &Palette::current());
        }
    });
    view! { <canvas node_ref=canvas aria-hidden="true"></canvas> }
}

#[component]
fn Large(map: Map, name: String) -> impl IntoView {
    let canvas = NodeRef::<Canvas>::new();
    effect(move || {
        if let Some(canvas) = canvas.get() {
            let scale = Scale::of(&map);
            // Of a mask, a number would say no more than the colour.
            let _ = draw(&canvas, &map, &scale, &Palette::current(), !scale.is_weights());
        }
    });
    view! { <canvas class="compare__map" node_ref=canvas role="img" aria-label=name></canvas> }
}
