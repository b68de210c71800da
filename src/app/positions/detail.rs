//! One scheme, closely: its scores as a square, every query against every key, with nothing in the content to tell tokens apart.

use std::sync::Arc;

use leptos::html::Canvas;
use leptos::prelude::*;

use super::chart::{minus, percent, rounded};
use super::desk::{Close, Desk, by_head, unit};
use super::times::Times;
use crate::analysis::positions::timed;
use crate::app::controls::paint;
use crate::app::element::NodeRef;
use crate::app::i18n::{self, t, tr};
use crate::app::palette::Palette;
use crate::app::reactive::{Signal, effect};
use crate::app::view::{handler, view};
use crate::catalogue::{self, Lang};
use crate::experiment::Choice;

/// The picked scheme.
#[component]
pub fn Detail(desk: Desk) -> impl IntoView {
    let lab = desk.lab;
    let entry = Signal::memo(move || {
        catalogue::positions().iter().position(|entry| entry.id == desk.picked.get()).unwrap_or(0)
    });
    let used = Signal::memo(move || lab.experiment.with(|e| e.position.id == desk.picked.get()));
    // What is there may still be the scheme before.
    let close = Signal::memo(move || {
        desk.close.get().filter(|close| close.as_ref().is_ok_and(|c| c.id == desk.picked.get()) || close.is_err())
    });
    let pick = move |event| {
        let chosen = event_target_value(&event).parse::<usize>().ok().and_then(|i| catalogue::positions().get(i));
        if let Some(entry) = chosen {
            desk.picked.set(entry.id);
            desk.on.update(|on| {
                if !on.contains(&entry.id) {
                    on.push(entry.id)
                }
            });
        }
    };
    view! {
        <section class="posdetail" aria-labelledby="posdetail-title">
            <div class="posdetail__head">
                <h3 id="posdetail-title">{t("One scheme closely", "细看一个方案")}</h3>
                <select aria-label=t("Scheme", "方案") on:change=handler(pick) prop:value=move || entry.get().to_string()>
                    {catalogue::positions().iter().enumerate().map(|(i, entry)| view! { <option value=i.to_string() selected=i == desk_index(desk)>{tr(entry.name)}</option> }).collect_view()}
                </select>
                <button
                    type="button"
                    class="quiet-button"
                    disabled=move || used.get()
                    on:click=handler(move |_: web_sys::MouseEvent| {
                        let id = desk.picked.get_untracked();
                        lab.edit("position.id", |e| e.position = Choice::of(id));
                    })
                >
                    {move || { let lang = lab.lang.get(); if used.get() { i18n::now(lang, "Used by the experiment", "实验正在使用") } else { i18n::now(lang, "Use this scheme", "使用此方案") } }}
                </button>
            </div>
            {move || match close.get() {
                None => view! { <p class="note" aria-busy="true">{t("Computing…", "计算中…")}</p> },
                Some(Err(why)) => view! { <p class="issue" role="alert">{why.get(lab.lang.get()).to_owned()}</p> },
                Some(Ok(_)) => view! { <Square desk=desk close=close /> },
            }}
            {move || catalogue::positions().get(entry.get()).map(|entry| {
                view! {
                    <div class="posdetail__words">
                        <p>{tr(entry.about)}</p>
                        {catalogue::beyond(entry.id).map(|text| view! {
                            <p><b>{t("Past the trained length. ", "超过训练长度。")}</b>{tr(text)}</p>
                        })}
                        {by_head(entry).then(|| view! { <p class="note">{move || head_note(desk)}</p> })}
                        {timed(entry).then(|| view! { <Times desk=desk close=close /> })}
                    </div>
                }
            })}
        </section>
    }
}

/// Place of the picked scheme in the catalogue, untracked.
fn desk_index(desk: Desk) -> usize {
    let picked = desk.picked.get_untracked();
    catalogue::positions().iter().position(|entry| entry.id == picked).unwrap_or(0)
}

fn head_note(desk: Desk) -> String {
    let head = desk.head().get() + 1;
    match desk.lab.lang.get() {
        Lang::En => format!("Each head has its own; this is head {head}, the one chosen on the page."),
        Lang::Zh => format!("各头不同；这里是页面所选的第 {head} 个头。"),
    }
}

/// What is there of the picked scheme.
pub type Shown = Signal<Option<Result<Arc<Close>, crate::experiment::Message>>>;

#[component]
fn Square(desk: Desk, close: Shown) -> impl IntoView {
    let canvas = NodeRef::<Canvas>::new();
    let range = Signal::memo(move || close.get().and_then(Result::ok).map(|c| range(&c.square.values)));
    effect(move || {
        let (Some(canvas), Some(Ok(close)), Some((low, high))) = (canvas.get(), close.get(), range.get()) else {
            return;
        };
        let (palette, map) = (Palette::current(), &close.square);
        let width = map.request.width;
        // One side of zero: the whole range of colours for it. Both: colours around zero.
        let top = low.abs().max(high.abs());
        let colour = |value: f32| {
            if !value.is_finite() {
                return None;
            }
            Some(if low >= 0.0 && high > low {
                palette.sequential((value - low) / (high - low))
            } else {
                palette.diverging(if top > 0.0 { value / top } else { 0.0 })
            })
        };
        // A canvas without a context stays empty; the range beside it is text.
        let _ = paint(&canvas, map.request.height, width, |row, column| colour(map.values[row * width + column]));
    });
    let tokens = Signal::memo(move || close.get().and_then(Result::ok).map_or(1, |c| c.square.request.k.len()));
    let marker = move || (desk.trained.get() < tokens.get()).then(|| desk.trained.get() as f64 / tokens.get() as f64);
    let entry_unit = move || {
        let (en, zh) = catalogue::position(desk.picked.get()).map_or(("", ""), unit);
        i18n::now(desk.lab.lang.get(), en, zh)
    };
    let caption = move || {
        let (n, (low, high)) = (tokens.get(), range.get().unwrap_or_default());
        let (low, high) = (minus(rounded(low)), minus(rounded(high)));
        match desk.lab.lang.get() {
            Lang::En => format!("{n} queries down, {n} keys across: {}, {low} to {high}", entry_unit()),
            Lang::Zh => format!("纵向 {n} 个查询，横向 {n} 个键：{}，{low} 至 {high}", entry_unit()),
        }
    };
    view! {
        <figure class="possquare">
            <div class="possquare__field">
                <canvas node_ref=canvas role="img" aria-label=caption></canvas>
                {move || marker().map(|share| view! {
                    <i class="possquare__row" style:top=percent(share)></i>
                    <i class="possquare__column" style:left=percent(share)></i>
                })}
            </div>
            <figcaption class="note">{caption}</figcaption>
        </figure>
    }
}

fn range(values: &[f32]) -> (f32, f32) {
    let start = (f32::INFINITY, f32::NEG_INFINITY);
    let (low, high) = values.iter().filter(|x| x.is_finite()).fold(start, |(low, high), &x| (low.min(x), high.max(x)));
    if low <= high { (low, high) } else { (0.0, 0.0) }
}
