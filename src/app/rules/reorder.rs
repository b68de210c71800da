//! Another order of the tokens in which a pattern takes fewer tiles: the pattern before and after, and the tiles counted. The answer is the same in every order.

use leptos::html::Canvas;
use leptos::prelude::*;

use super::tools::Open;
use crate::analysis::layers::patterns;
use crate::analysis::reorder::{Tiles, cuthill_mckee, residues, tiles};
use crate::app::controls::{Choices, Item, Look, Slider, Span, modal, words};
use crate::app::element::NodeRef;
use crate::app::i18n::{self, t};
use crate::app::map::{Scale, draw};
use crate::app::palette::Palette;
use crate::app::reactive::{RwSignal, Signal, effect};
use crate::app::state::lab;
use crate::app::view::{handler, view};
use crate::attention::{Loaded, Plan, RowRules, assemble};
use crate::catalogue::Lang;
use crate::engine::{Map, MapRequest, Pool};
use crate::experiment::{Experiment, Stage};

/// Most tokens: a graph of more would keep the page waiting.
const MOST: usize = 1024;
/// Most rows and columns of a picture; of more, evenly spaced ones are taken.
const SHOWN: usize = 96;

/// What one head's mask allows, row by row.
#[derive(Clone, PartialEq)]
struct Allowed {
    n_q: usize,
    n_k: usize,
    pairs: Vec<u8>,
}

impl Allowed {
    /// Of the head that is shown; none where something is wrong with the mask, or it is too large.
    fn of(experiment: &Experiment, loaded: &Loaded) -> Option<Self> {
        let (n_q, n_k) = (loaded.dims.n_q, loaded.dims.n_k);
        if n_q.max(n_k) > MOST {
            return None;
        }
        let (problem, _) = assemble(&patterns(experiment), loaded).ok()?;
        let plan = Plan::compile(&problem).ok()?;
        let head = experiment.view.head.min(plan.dims.q_heads.saturating_sub(1));
        let mut rules = RowRules::new(&plan, n_k);
        let mut pairs = vec![0; n_q * n_k];
        for (q, row) in pairs.chunks_exact_mut(n_k).enumerate() {
            rules.begin_row(&plan, 0, head, q);
            rules.mask(&plan, 0, row);
        }
        Some(Self { n_q, n_k, pairs })
    }

    fn at(&self, q: usize, k: usize) -> bool {
        self.pairs.get(q * self.n_k + k).is_some_and(|&allowed| allowed != 0)
    }

    /// Rows and columns in the order `id`; with the order of the graph queries and keys must be as many.
    fn orders(&self, id: &str, stride: usize) -> [Vec<usize>; 2] {
        let natural = |n: usize| (0..n).collect::<Vec<_>>();
        match id {
            "residue" => [residues(self.n_q, stride), residues(self.n_k, stride)],
            "graph" if self.n_q == self.n_k => {
                let order = cuthill_mckee(self.n_q, |q, k| self.at(q, k));
                [order.clone(), order]
            }
            _ => [natural(self.n_q), natural(self.n_k)],
        }
    }

    fn counted(&self, [rows, columns]: &[Vec<usize>; 2], size: usize) -> Tiles {
        tiles(rows, columns, size, |q, k| self.at(q, k))
    }

    fn map(&self, [rows, columns]: &[Vec<usize>; 2]) -> Map {
        let (height, width) = (self.n_q.min(SHOWN), self.n_k.min(SHOWN));
        let cell = |row: usize, column: usize| {
            let (q, k) = (rows[row * self.n_q / height], columns[column * self.n_k / width]);
            if self.at(q, k) { 1.0 } else { f32::NEG_INFINITY }
        };
        let values = (0..height).flat_map(|row| (0..width).map(move |column| (row, column)));
        let values = values.map(|(row, column)| cell(row, column)).collect();
        let (q, k) = (0..self.n_q, 0..self.n_k);
        let request = MapRequest { stage: Stage::Weights, batch: 0, head: 0, q, k, width, height, pool: Pool::Max };
        Map { request, values }
    }
}

/// The order chosen here, and what it gives.
#[component]
pub fn Reorder(
    /// What is open.
    open: RwSignal<Open>,
) -> impl IntoView {
    let lab = lab();
    let (dialog, _) = modal();
    let allowed = Signal::memo(move || {
        let loaded = lab.loaded.get();
        lab.experiment.with(|e| loaded.as_ref().and_then(|loaded| Allowed::of(e, loaded)))
    });
    let chosen = RwSignal::new("residue".to_owned());
    let (stride, size) = (RwSignal::new(8.0), RwSignal::new(8.0));
    let orders = vec![
        Item::new("none", words("as they are", "原顺序")),
        Item::new("residue", words("by place in the stride", "按步长余数")),
        Item::new("graph", words("reverse Cuthill–McKee", "反向 Cuthill–McKee")),
    ];
    let sides = Signal::memo(move || {
        let (id, stride, size) = (chosen.get(), stride.get() as usize, size.get() as usize);
        allowed.with(|allowed| {
            let allowed = allowed.as_ref()?;
            let side = |id: &str| {
                let orders = allowed.orders(id, stride);
                (allowed.map(&orders), allowed.counted(&orders, size))
            };
            Some([side("none"), side(&id)])
        })
    });
    let told = move |before: bool, tiles: Tiles| {
        let Tiles { total, live, full } = tiles;
        match (lab.lang.get(), before) {
            (Lang::En, true) => format!("as they are: {live} of {total} tiles live, {full} full"),
            (Lang::En, false) => format!("reordered: {live} of {total} tiles live, {full} full"),
            (Lang::Zh, true) => format!("原顺序：{total} 个块中 {live} 个非空，{full} 个全满"),
            (Lang::Zh, false) => format!("重排后：{total} 个块中 {live} 个非空，{full} 个全满"),
        }
    };
    let close = move || open.set(Open::Nothing);
    view! {
        <dialog node_ref=dialog class="compare" aria-labelledby="reorder-title" on:close=handler(move |_| close())>
            <h2 id="reorder-title">{t("Reorder tokens into tiles", "重排词元以聚成块")}" "<small>{move || format!("{} {}", i18n::now(lab.lang.get(), "head", "头"), lab.experiment.with(|e| e.view.head + 1))}</small></h2>
            <p class="note">{t(
                "Queries and keys change places together: every query still meets the same keys, and the answer is the same. A block-sparse kernel visits the live tiles only.",
                "查询与键一同换位：每个查询看到的键不变，结果相同。块稀疏计算核只访问非空的块。",
            )}</p>
            <Choices label=words("order", "次序") items=orders chosen=chosen on_choose=Callback::new(move |id| chosen.set(id)) look=Look::Segments show_label=true />
            <Slider label=words("stride", "步长") value=stride span=Span::new(1.0, 64.0, 1.0) path="reorder.stride".to_owned() on_change=Callback::new(move |x| stride.set(x)) />
            <Slider label=words("side of a tile", "块边长") value=size span=Span::new(2.0, 64.0, 1.0) path="reorder.size".to_owned() on_change=Callback::new(move |x| size.set(x)) />
            {move || match sides.get() {
                None => view! {
                    <p class="note">{t("Up to 1024 tokens, and a mask without faults, can be reordered here.", "此处最多可重排 1024 个词元，且掩码须无误。")}</p>
                }.into_any(),
                Some(sides) => {
                    let mut before = true;
                    sides.map(|(map, tiles)| {
                        let text = told(std::mem::take(&mut before), tiles);
                        view! {
                            <figure class="layers__large">
                                <Picture map=map name=text.clone() />
                                <figcaption class="note" role="status">{text}</figcaption>
                            </figure>
                        }
                    }).into_any()
                }
            }}
            <div class="dialog__foot">
                <button type="button" class="primary" on:click=handler(move |_| close())>{t("Close", "关闭")}</button>
            </div>
        </dialog>
    }
}

#[component]
fn Picture(map: Map, name: String) -> impl IntoView {
    let canvas = NodeRef::<Canvas>::new();
    effect(move || {
        if let Some(canvas) = canvas.get() {
            // A lost canvas is painted again with the next change.
            let _ = draw(&canvas, &map, &Scale::of(&map), &Palette::current(), true);
        }
    });
    view! { <canvas class="compare__map" node_ref=canvas role="img" aria-label=name></canvas> }
}
