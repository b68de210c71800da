//! Queries on the left, keys on the right, and a line for each weight: what BertViz (Vig 2019) made familiar.

use leptos::html::{Canvas, Div};
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, KeyboardEvent};

use super::ask::{self, Wish};
use super::near::Near;
use crate::analysis::plot::SLOTS;
use crate::analysis::window::{LINES, Window};
use crate::app::controls::{Choices, Item, Look, fixed, rove, words};
use crate::app::element::NodeRef;
use crate::app::i18n::t;
use crate::app::palette::tokens;
use crate::app::reactive::{RwSignal, Signal, effect};
use crate::app::result::story;
use crate::app::view::{handler, view};
use crate::catalogue::Lang;
use crate::engine::{Map, MapRequest, Pool};
use crate::experiment::Stage;

/// Pixels that a token takes downwards.
const TALL: usize = 20;
/// The faintest line that is drawn, a share of full strength: fainter ones can't be seen and only cost time.
const FAINT: f32 = 0.01;
/// Keys that are named when a token is chosen.
const NAMED: usize = 3;

/// A token: whether it is a key, and which.
type Token = (bool, usize);

/// The lines.
#[component]
pub fn Lines(
    /// What is looked at.
    near: Near,
) -> impl IntoView {
    let lab = near.lab;
    let all = RwSignal::new(false);
    let window = Signal::memo(move || {
        // The lines stay where they are while one moves over the tokens.
        near.window.get().at_most(LINES, near.cell())
    });
    let heads = Signal::memo(move || lab.outcome.with(|o| o.as_ref().map_or(1, |o| o.dims.q_heads)));
    let wish = Signal::memo(move || -> Wish {
        let looked = near.looked.get()?;
        let Window { q, k } = window.get();
        let of = |head| MapRequest {
            stage: Stage::Weights,
            batch: 0,
            head,
            q: q[0]..q[1],
            k: k[0]..k[1],
            width: k[1] - k[0],
            height: q[1] - q[0],
            pool: Pool::Max,
        };
        let heads = if all.get() { 0..heads.get() } else { looked.head..looked.head + 1 };
        Some((looked.session, heads.map(of).collect()))
    });
    let maps = ask::pictures(wish);
    // The token whose lines are shown alone.
    let lit = RwSignal::new(None::<Token>);
    let (canvas, field) = (NodeRef::<Canvas>::new(), NodeRef::<Div>::new());
    let width = crate::app::shell::element_width(field);
    effect(move || {
        width.track();
        lab.palette.track();
        let (window, lit) = (window.get(), lit.get());
        let Some(canvas) = canvas.get() else { return };
        maps.with(|maps| {
            // A lost canvas context is drawn again with the next change.
            let _ = draw(&canvas, maps, window, lit);
        });
    });
    let which = vec![Item::new("one", words("This head", "此头")), Item::new("all", words("All heads", "全部头"))];
    let tall = move || {
        let [rows, columns] = window.get().size();
        format!("{}px", TALL * rows.max(columns))
    };
    view! {
        <div class="lines">
            <div class="zoom__tools">
                <Choices label=words("Heads", "头") items=which chosen=Signal::derive(move || if all.get() { "all" } else { "one" }.to_owned()) on_choose=Callback::new(move |id: String| all.set(id == "all")) look=Look::Segments />
                {move || (all.get() && heads.get() > 1).then(|| legend(heads.get()))}
            </div>
            <div class="lines__field" style:height=tall>
                <Side near=near window=window keys=false lit=lit />
                <div class="lines__middle" node_ref=field><canvas node_ref=canvas aria-hidden="true"></canvas></div>
                <Side near=near window=window keys=true lit=lit />
            </div>
            <p class="quiet" role="status">{move || told(near, window.get(), lit.get(), maps)}</p>
            {move || (near.window.get() != window.get()).then(|| view! {
                <p class="note">{t("Lines join at most 64 queries with 64 keys: those around the chosen cell.", "连线至多画 64 个查询与 64 个键：所选单元格附近的部分。")}</p>
            })}
        </div>
    }
}

/// Which colour is which head.
fn legend(heads: usize) -> AnyView {
    let slots = SLOTS.len();
    let named =
        |slot: usize| (slot..heads).step_by(slots).map(|head| (head + 1).to_string()).collect::<Vec<_>>().join(", ");
    view! {
        <p class="lines__legend">
            {t("head", "头")}
            {(0..slots.min(heads)).map(|slot| view! {
                <span><i class=format!("lines__swatch lines__swatch--{slot}") aria-hidden="true"></i>{named(slot)}</span>
            }).collect_view()}
        </p>
    }
}

/// One row of tokens, from above.
#[component]
fn Side(
    near: Near,
    window: Signal<Window>,
    /// Keys, or queries.
    keys: bool,
    /// The token whose lines are shown alone.
    lit: RwSignal<Option<Token>>,
) -> impl IntoView {
    let lab = near.lab;
    let span = Signal::memo(move || if keys { window.get().k } else { window.get().q });
    let chosen = Signal::memo(move || lab.experiment.with(|e| if keys { e.view.key } else { e.view.query }));
    let names = Signal::memo(move || {
        let [from, to] = span.get();
        (from..to).map(|i| (i, story::token(lab, keys, i))).collect::<Vec<_>>()
    });
    let on_key = move |event: KeyboardEvent| {
        // The focus moves; the token under it says the rest.
        rove(&event, "option");
    };
    let choose = move |i: usize| lab.show(move |view| if keys { view.key = i } else { view.query = i });
    let label = if keys { t("Keys", "键") } else { t("Queries", "查询") };
    view! {
        <div class=if keys { "lines__side lines__side--keys" } else { "lines__side" } role="listbox" aria-label=label on:keydown=handler(on_key)>
            {move || {
                let [from, to] = span.get();
                // One of them is in the tab order.
                let first = chosen.get_untracked().min(to.saturating_sub(1)).max(from);
                names.get().into_iter().map(|(i, name)| view! {
                    <div
                        role="option"
                        tabindex=if i == first { "0" } else { "-1" }
                        aria-selected=move || (chosen.get() == i).to_string()
                        class:on=move || chosen.get() == i
                        on:pointerenter=handler(move |_| lit.set(Some((keys, i))))
                        on:pointerleave=handler(move |_| lit.set(None))
                        on:focus=handler(move |_| { lit.set(Some((keys, i))); choose(i); })
                        on:blur=handler(move |_| lit.set(None))
                        on:click=handler(move |_| choose(i))
                    >{name}</div>
                }).collect_view()
            }}
        </div>
    }
}

/// What the lines of a token say, in words.
fn told(near: Near, window: Window, lit: Option<Token>, maps: RwSignal<Vec<Map>>) -> String {
    let lab = near.lab;
    let lang = lab.lang.get();
    let Some((keys, token)) = lit else {
        return match lang {
            Lang::En => "Rest on a token, or move to it by Tab and arrow keys, to see its lines alone.".to_owned(),
            Lang::Zh => "指针停在词元上，或用 Tab 与方向键移到该词元，即只显示它的连线。".to_owned(),
        };
    };
    let weights = maps.with(|maps| mean(maps, window, (keys, token)));
    let mut ranked: Vec<(usize, f32)> = weights.into_iter().filter(|(_, weight)| *weight > 0.0).collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    let named = |(i, weight): &(usize, f32)| {
        format!("{} {} %", story::token(lab, !keys, *i), fixed(f64::from(*weight) * 100.0, 1))
    };
    let list = ranked.iter().take(NAMED).map(named).collect::<Vec<_>>();
    let token = story::token(lab, keys, token);
    match (lang, list.is_empty()) {
        (Lang::En, true) => format!("“{token}”: no weight in this part"),
        (Lang::Zh, true) => format!("“{token}”：此部分内没有权重"),
        (Lang::En, false) if keys => format!("“{token}” is looked at by {}", list.join(", ")),
        (Lang::Zh, false) if keys => format!("关注“{token}”的查询：{}", list.join("、")),
        (Lang::En, false) => format!("“{token}” looks at {}", list.join(", ")),
        (Lang::Zh, false) => format!("“{token}”关注：{}", list.join("、")),
    }
}

/// Weights of a token's lines, by the token at their other end: the mean over the heads that are drawn.
fn mean(maps: &[Map], window: Window, (keys, token): Token) -> Vec<(usize, f32)> {
    let [from, to] = if keys { window.q } else { window.k };
    let of = |other: usize| {
        let (q, k) = if keys { (other, token) } else { (token, other) };
        let sum: f32 = maps.iter().filter_map(|map| weight(map, q, k)).sum();
        (other, sum / maps.len().max(1) as f32)
    };
    (from..to).map(of).collect()
}

/// A cell of a picture that has a pixel for each; nothing where it is masked.
fn weight(map: &Map, q: usize, k: usize) -> Option<f32> {
    let r = &map.request;
    if !r.q.contains(&q) || !r.k.contains(&k) {
        return None;
    }
    map.values.get((q - r.q.start) * r.width + (k - r.k.start)).copied().filter(|weight| weight.is_finite())
}

fn draw(canvas: &HtmlCanvasElement, maps: &[Map], at: Window, lit: Option<Token>) -> Result<(), JsValue> {
    let ratio = window().device_pixel_ratio().max(1.0);
    let size = |css: i32| (f64::from(css) * ratio).round().max(1.0);
    let (width, height) = (size(canvas.client_width()), size(canvas.client_height()));
    canvas.set_width(width as u32);
    canvas.set_height(height as u32);
    let Some(context) = canvas.get_context("2d")?.and_then(|c| c.dyn_into::<CanvasRenderingContext2d>().ok()) else {
        return Ok(());
    };
    let token = tokens();
    let [rows, columns] = at.size();
    let place = |i: usize, [from, _]: [usize; 2], n: usize| (((i - from) as f64) + 0.5) / n.max(1) as f64 * height;
    context.set_line_width(1.5 * ratio);
    for map in maps {
        // One head is drawn in the colour of queries; of several each has its own.
        let slot = if maps.len() > 1 { SLOTS[map.request.head % SLOTS.len()] } else { "--accent" };
        context.set_stroke_style_str(&token(slot));
        for q in at.q[0]..at.q[1] {
            for k in at.k[0]..at.k[1] {
                let alone = match lit {
                    Some((true, key)) => key == k,
                    Some((false, query)) => query == q,
                    None => true,
                };
                let Some(weight) = weight(map, q, k).filter(|weight| alone && weight.abs() >= FAINT) else { continue };
                context.set_global_alpha(f64::from(weight.abs().min(1.0)));
                context.begin_path();
                context.move_to(0.0, place(q, at.q, rows));
                context.line_to(width, place(k, at.k, columns));
                context.stroke();
            }
        }
    }
    context.set_global_alpha(1.0);
    Ok(())
}
