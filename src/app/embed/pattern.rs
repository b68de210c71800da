//! The mask and score formulas that run, as mathematics and as text, and the tiles that the mask leaves to compute.

use leptos::html::Canvas;
use leptos::prelude::*;

use crate::app::element::NodeRef;
use crate::app::i18n::{self, t};
use crate::app::map::{Scale, paint_cells};
use crate::app::palette::Palette;
use crate::app::reactive::{Signal, effect};
use crate::app::state::{Lab, lab};
use crate::app::view::view;
use crate::attention::{Coverage, Plan, Term, TileCounts, assemble};
use crate::catalogue::Lang;
use crate::engine::{Map, MapRequest, Pool};
use crate::experiment::Stage;
use crate::formula::Tree;

/// Longest side for which tiles are drawn: beyond it a picture of a whole map is work for a worker.
const LONGEST: usize = 4096;

/// Cells along a side of a tile, so that a picture has some tens of tiles a side.
fn side(n: usize) -> usize {
    match n {
        0..=32 => 2,
        33..=64 => 4,
        65..=512 => 16,
        _ => 64,
    }
}

/// What is drawn.
#[derive(Clone, Debug, PartialEq)]
struct Drawn {
    /// Text and mathematics of each formula.
    formulas: Vec<(String, Option<String>)>,
    tiles: Option<(Map, usize, TileCounts)>,
}

fn drawn(lab: Lab) -> Option<Drawn> {
    let (experiment, loaded) = (lab.experiment.get(), lab.loaded.get()?);
    let (problem, _) = assemble(&experiment, &loaded).ok()?;
    let written = |term: &Term| (term.text.clone(), Tree::parse(&term.text).ok().map(|tree| tree.mathml()));
    let formulas = problem.masks.iter().chain(&problem.bias).map(written).collect();
    let (n_q, n_k, head) = (problem.dims.n_q, problem.dims.n_k, experiment.view.head.min(problem.dims.q_heads - 1));
    // What waits for the contents of Q and K is known only to a worker.
    let tiles = (!problem.waits() && n_q.max(n_k) <= LONGEST).then(|| {
        let side = side(n_q.max(n_k));
        let tiles = Plan::compile(&problem).ok()?.tiles(0, head, side, side);
        let (height, width) = tiles.grid();
        let value = |coverage: Coverage| match coverage {
            Coverage::Empty => f32::NEG_INFINITY,
            Coverage::Partial => 0.12,
            Coverage::Full => 1.0,
        };
        let values = (0..height).flat_map(|row| tiles.row(row)).map(value).collect();
        let request =
            MapRequest { stage: Stage::Weights, batch: 0, head, q: 0..n_q, k: 0..n_k, width, height, pool: Pool::Max };
        Some((Map { request, values }, side, tiles.counts()))
    });
    Some(Drawn { formulas, tiles: tiles.flatten() })
}

/// The card.
#[component]
pub fn Pattern() -> impl IntoView {
    let lab = lab();
    let canvas = NodeRef::<Canvas>::new();
    let drawn = Signal::memo(move || drawn(lab));
    let tiles = Signal::memo(move || drawn.with(|drawn| drawn.as_ref().and_then(|drawn| drawn.tiles.clone())));
    effect(move || {
        lab.palette.track();
        let Some(canvas) = canvas.get() else { return };
        tiles.with(|tiles| {
            if let Some((map, ..)) = tiles {
                // Without a context the counts below still say it.
                let scale = Scale { top: 1.0, ..Scale::of(map) };
                let _ = paint_cells(&canvas, map, &scale, &Palette::current());
            }
        });
    });
    let formulas = move || {
        let all = drawn.with(|drawn| drawn.as_ref().map(|drawn| drawn.formulas.clone())).unwrap_or_default();
        if all.is_empty() {
            return view! { <p class="note">{t("No mask and no score formula: every query may see every key.", "没有掩码也没有分数公式：每个查询都可以看到所有键。")}</p> };
        }
        let one = |(text, math): (String, Option<String>)| {
            view! {
                {math.map(|math| view! { <div class="math" tabindex="0" inner_html=math></div> })}
                <code class="formula-line">{text}</code>
            }
        };
        all.into_iter().map(one).collect_view().into_any()
    };
    let counted = Signal::memo(move || tiles.with(|tiles| tiles.as_ref().map(|(_, side, counts)| (*side, *counts))));
    let said = move || {
        let lang = lab.lang.get();
        match counted.get() {
            Some((side, TileCounts { total, .. })) => match lang {
                Lang::En => format!("{total} tiles of {side} × {side}"),
                Lang::Zh => format!("{total} 个 {side} × {side} 的块"),
            },
            None => i18n::now(
                lang,
                "Which keys are allowed depends on the contents of Q and K, or the map is too large to draw here.",
                "允许哪些键取决于 Q 与 K 的内容，或注意力图过大，无法在此绘制。",
            )
            .to_owned(),
        }
    };
    let marks = move || {
        counted.get().map(|(_, TileCounts { skipped, full, partial, .. })| {
            view! {
                <span class="pattern__mark">{skipped}" "{t("skipped", "跳过")}</span>
                <span class="pattern__mark pattern__mark--partial">{partial}" "{t("partial", "部分")}</span>
                <span class="pattern__mark pattern__mark--full">{full}" "{t("full", "全满")}</span>
            }
        })
    };
    view! {
        <div class="card pattern">
            {formulas}
            <canvas class="pattern__tiles" node_ref=canvas role="img" aria-label=said hidden=move || tiles.with(Option::is_none)></canvas>
            <p class="note"><span>{said}</span>{marks}</p>
        </div>
    }
}
