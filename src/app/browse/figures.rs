//! Figures of an entry at the experiment's own size: allowed pairs, layers until every query has reached every key, a picture of the pattern.

use leptos::html::Canvas;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::pattern::{Known, Pixels, decides, has_two_streams, sketch, work};
use super::walk::{WALKED, Walked};
use crate::app::controls::{fixed, paint};
use crate::app::element::NodeRef;
use crate::app::i18n::{self, t};
use crate::app::palette::Palette;
use crate::app::reactive::{RwSignal, effect};
use crate::app::runner;
use crate::app::state::lab;
use crate::app::view::view;
use crate::catalogue::{Lang, List, Summary};
use crate::engine::pool::Cancel;

/// Pairs, layers and picture of what an entry leaves, in the head that is shown.
#[component]
pub fn Figures(
    /// The entry.
    entry: Summary,
) -> impl IntoView {
    let lab = lab();
    let known = RwSignal::new(Known::Nothing);
    let (alive, cancel) = (StoredValue::new(()), Cancel::default());
    let stop = StoredValue::new_local(cancel.clone());
    on_cleanup(move || stop.with_value(Cancel::cancel));
    let list = entry.list;
    let one = !lab.experiment.with_untracked(|e| has_two_streams(e));
    let pool = runner::pool().get_value();
    spawn_local(work((lab, pool), entry, known, (alive, cancel)));
    let size = lab.loaded.with_untracked(|l| l.as_ref().map_or(0, |l| l.dims.n_q.max(l.dims.n_k)));
    let counted = move || match known.get() {
        Known::Pairs(counted) | Known::All(counted, _) => Some(counted),
        Known::Nothing | Known::Unfit(_) => None,
    };
    let label = move || {
        let size = counted().map(|c| format!(", {} × {}", c.rows, c.columns)).unwrap_or_default();
        let what = match (list, lab.lang.get()) {
            (List::Stream, Lang::En) if one => "pairs, of the two texts that choosing it brings in",
            (List::Stream, Lang::Zh) if one => "允许的位置（选择后会带入两段文本）",
            (List::Mask | List::Stream, Lang::En) => "pairs",
            (List::Mask | List::Stream, Lang::Zh) => "允许的位置",
            (List::Mix, Lang::En) => "pairs of the first layer, with the mask as it is set",
            (List::Mix, Lang::Zh) => "首层允许的位置（按当前掩码）",
            (List::Selection | List::Hybrid, Lang::En) => "pairs, of this input with the mask as it is set",
            (List::Selection | List::Hybrid, Lang::Zh) => "允许的位置（按当前输入与掩码）",
            (_, Lang::En) => "pairs of the mask as it is set: it leaves them, and changes how much they count",
            (_, Lang::Zh) => "当前掩码允许的位置：该条目不改变它们，只改变各自的分量",
        };
        format!("{what}{size}")
    };
    let pairs = move || match known.get() {
        Known::Nothing => "…".to_owned(),
        Known::Unfit(why) => why.get(lab.lang.get()).to_owned(),
        Known::Pairs(c) | Known::All(c, _) => {
            let all = c.rows * c.columns;
            let share = fixed(100.0 * c.pairs as f64 / all.max(1) as f64, 1);
            match lab.lang.get() {
                Lang::En => format!("{} of {all} ({share} %)", c.pairs),
                Lang::Zh => format!("{} / {all}（{share} %）", c.pairs),
            }
        }
    };
    let reached = move || match (known.get(), lab.lang.get()) {
        (Known::Unfit(_), _) => "—".to_owned(),
        (Known::All(_, Some(Walked::Late(reach))), lang) => match lang {
            Lang::En => format!(
                "not worked out: it takes long, and {} of {} pairs are reached after {} layers",
                reach.reached, reach.permitted, reach.layers
            ),
            Lang::Zh => {
                format!("未算完：耗时过长，{} 层后已到达 {} / {} 对", reach.layers, reach.reached, reach.permitted)
            }
        },
        (Known::All(_, Some(Walked::Whole(reach))), lang) => match (reach.full(), lang) {
            (Some(layers), _) => layers.to_string(),
            (None, Lang::En) => format!("never: {} of {} pairs after {}", reach.reached, reach.permitted, reach.layers),
            (None, Lang::Zh) => format!("永不：{} 层后到达 {} / {} 对", reach.layers, reach.reached, reach.permitted),
        },
        (_, lang) if size > WALKED => match lang {
            Lang::En => format!("worked out up to {WALKED} tokens"),
            Lang::Zh => format!("仅在不超过 {WALKED} 个词元时计算"),
        },
        (Known::All(_, None), lang) => i18n::now(lang, "— (every layer sees the same)", "—（各层所见相同）").to_owned(),
        _ => "…".to_owned(),
    };
    let note = move || {
        matches!(known.get(), Known::All(_, Some(Walked::Whole(_)))).then(|| {
            i18n::now(
                lab.lang.get(),
                "(all keys, or all earlier ones where it never looks ahead)",
                "（全部键；若从不向后看，则为之前的全部键）",
            )
        })
    };
    let grouped = move || {
        counted().filter(|c| !c.plain).map(|_| view! {
            <p class="note">{t("Columns are keys as the entry leaves them; the layers count tokens, of which a column may hold several.", "列是该条目处理后的键；层数按词元计算，一列可含多个词元。")}</p>
        })
    };
    view! {
        <dt>{label}</dt>
        <dd>{pairs}</dd>
        <dt>{t("layers to full reach", "完全到达所需层数")}</dt>
        <dd>{reached} " " {note}</dd>
        {decides(list).then(|| view! { <dt>{t("pattern in the head that is shown", "当前头中的模式")}</dt> })}
        {decides(list).then(|| view! { <dd>{move || counted().filter(|c| !c.picture.1.is_empty()).map(|counted| view! { <Picture pixels=counted.picture class="browse__pattern" /> })} {grouped}</dd> })}
    }
}

/// The picture of an entry among others, once it is known; `kept` holds those that are.
#[component]
pub fn Sketch(
    /// The entry.
    entry: Summary,
    /// What is known of any.
    kept: StoredValue<Vec<(List, &'static str, Pixels)>>,
) -> impl IntoView {
    let (list, id) = (entry.list, entry.id);
    let known = kept.with_value(|all| all.iter().find(|one| (one.0, one.1) == (list, id)).map(|one| one.2.clone()));
    let found = RwSignal::new(known.clone());
    if known.is_none() {
        let cancel = Cancel::default();
        let stop = StoredValue::new_local(cancel.clone());
        on_cleanup(move || stop.with_value(Cancel::cancel));
        let (lab, pool) = (lab(), runner::pool().get_value());
        spawn_local(async move {
            if let Some(pixels) = sketch((lab, pool), entry, cancel).await {
                kept.try_update_value(|all| all.push((list, id, pixels.clone())));
                found.try_set(Some(pixels));
            }
        });
    }
    view! { {move || found.get().map(|pixels| view! { <Picture pixels=pixels /> })} }
}

/// The pattern, at most 64 pixels each way.
#[component]
fn Picture(
    /// Its pixels.
    pixels: Pixels,
    /// Its class.
    #[prop(default = "")]
    class: &'static str,
) -> impl IntoView {
    let canvas = NodeRef::<Canvas>::new();
    effect(move || {
        let (Some(canvas), palette) = (canvas.get(), Palette::current()) else { return };
        let allowed = palette.sequential(0.68);
        let ([height, width], pixels) = pixels.as_ref();
        // A lost canvas is painted again when the theme changes.
        let _ = paint(&canvas, *height, *width, |q, k| pixels[q * width + k].then_some(allowed));
    });
    view! { <canvas class=class node_ref=canvas aria-hidden="true"></canvas> }
}
