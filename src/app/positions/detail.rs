//! One scheme, closely: its scores as a square, every query against every key, with nothing in the content to tell tokens apart.

use std::sync::Arc;

use leptos::html::Canvas;
use leptos::prelude::*;

use super::desk::{Close, Desk, by_head, unit};
use super::times::Times;
use crate::analysis::plot::read;
use crate::analysis::positions::timed;
use crate::app::controls::{paint, percent};
use crate::app::element::NodeRef;
use crate::app::i18n::{self, t, tr};
use crate::app::palette::Palette;
use crate::app::reactive::{Signal, effect};
use crate::app::view::{handler, view};
use crate::catalogue::{Lang, PositionLine, position_line, position_lines};
use crate::experiment::{Choice, Experiment};

/// The picked scheme.
#[component]
pub fn Detail(desk: Desk) -> impl IntoView {
    let lab = desk.lab;
    let place = Signal::memo(move || position_lines().position(|line| line.id == desk.picked.get()).unwrap_or(0));
    let used = Signal::memo(move || {
        let line = position_line(desk.picked.get());
        line.is_some_and(|line| lab.experiment.with(|e| line.is(&e.position.id, &e.position.params)))
    });
    // What is there may still be the scheme before.
    let close = Signal::memo(move || {
        desk.close.get().filter(|close| close.as_ref().is_ok_and(|c| c.id == desk.picked.get()) || close.is_err())
    });
    let pick = move |event| {
        let chosen = event_target_value(&event).parse::<usize>().ok().and_then(|i| position_lines().nth(i));
        if let Some(line) = chosen {
            desk.picked.set(line.id);
            desk.on.update(|on| {
                if !on.contains(&line.id) {
                    on.push(line.id)
                }
            });
        }
    };
    view! {
        <section class="posdetail" aria-labelledby="posdetail-title">
            <div class="posdetail__head">
                <h3 id="posdetail-title">{t("One scheme closely", "细看一个方案")}</h3>
                <select aria-label=t("Scheme", "方案") on:change=handler(pick) prop:value=move || place.get().to_string()>
                    {position_lines().enumerate().map(|(i, line)| view! { <option value=i.to_string() selected=i == desk_index(desk)>{tr(line.name)}</option> }).collect_view()}
                </select>
                <button
                    type="button"
                    class="quiet-button"
                    disabled=move || used.get()
                    on:click=handler(move |_: web_sys::MouseEvent| {
                        if let Some(line) = position_line(desk.picked.get_untracked()) {
                            lab.edit("position.id", |e| choose(e, &line));
                        }
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
            {move || position_lines().nth(place.get()).map(|line| {
                let entry = line.entry;
                view! {
                    <div class="posdetail__words">
                        <p>{tr(entry.about)}</p>
                        {line.beyond.map(|text| view! {
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
    position_lines().position(|line| line.id == picked).unwrap_or(0)
}

/// Makes a line's scheme the experiment's; parameters that were set stay where the scheme is the same.
fn choose(e: &mut Experiment, line: &PositionLine) {
    if e.position.id != line.entry.id {
        e.position = Choice::of(line.entry.id);
    }
    if let Some((name, value)) = line.set {
        e.position.params.insert(name.to_owned(), value);
    }
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
        let (en, zh) = position_line(desk.picked.get()).map_or(("", ""), |line| unit(line.entry));
        i18n::now(desk.lab.lang.get(), en, zh)
    };
    let caption = move || {
        let (n, (low, high)) = (tokens.get(), range.get().unwrap_or_default());
        let (low, high) = (read(f64::from(low)), read(f64::from(high)));
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
