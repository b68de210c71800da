//! Figures of a mask at the experiment's own size: allowed pairs, and layers until every query has reached every key. They are worked out in slices of a
//! few milliseconds between other things the page does; another entry ends them.

use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen_futures::JsFuture;

use crate::analysis::layers::patterns;
use crate::analysis::reach::{Reach, Walk};
use crate::app::clock;
use crate::app::i18n::{self, t};
use crate::app::reactive::RwSignal;
use crate::app::state::{Lab, lab};
use crate::app::view::view;
use crate::attention::{Plan, RowRules, assemble};
use crate::catalogue::{Lang, MaskEntry};
use crate::experiment::{Choice, Experiment, MaskChoice};

/// Milliseconds at a time.
const SLICE_MS: f64 = 4.0;
/// Most tokens for which the reach is walked: it grows with their cube.
const WALKED: usize = 1024;

/// What is known so far.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Known {
    /// Nothing.
    Nothing,
    /// Allowed pairs.
    Pairs(u64),
    /// Allowed pairs, and the reach.
    All(u64, Reach),
    /// It does not fit the input.
    Unfit,
}

/// Pairs and layers of a mask, in the head that is shown.
#[component]
pub fn Figures(
    /// The mask.
    mask: &'static MaskEntry,
) -> impl IntoView {
    let lab = lab();
    let known = RwSignal::new(Known::Nothing);
    let alive = StoredValue::new(());
    let size = lab.loaded.with_untracked(|l| l.as_ref().map(|l| (l.dims.n_q, l.dims.n_k)));
    spawn_local(async move {
        if work(lab, mask, known, alive).await.is_none() {
            known.try_set(Known::Unfit);
        }
    });
    let (n_q, n_k) = size.unwrap_or((0, 0));
    let pairs = move || match known.get() {
        Known::Nothing => "…".to_owned(),
        Known::Unfit => "—".to_owned(),
        Known::Pairs(pairs) | Known::All(pairs, _) => {
            let share = 100.0 * pairs as f64 / ((n_q * n_k).max(1)) as f64;
            match lab.lang.get() {
                Lang::En => format!("{pairs} of {} ({share:.1} %)", n_q * n_k),
                Lang::Zh => format!("{pairs} / {}（{share:.1} %）", n_q * n_k),
            }
        }
    };
    let layers = move || match (known.get(), lab.lang.get()) {
        (Known::Unfit, _) => "—".to_owned(),
        (Known::All(_, reach), lang) => match (reach.full(), lang) {
            (Some(layers), _) => layers.to_string(),
            (None, Lang::En) => format!("never: {} of {} pairs after {}", reach.reached, reach.permitted, reach.layers),
            (None, Lang::Zh) => format!("永不：{} 层后到达 {} / {} 对", reach.layers, reach.reached, reach.permitted),
        },
        (_, lang) if n_q.max(n_k) > WALKED => match lang {
            Lang::En => format!("worked out up to {WALKED} tokens"),
            Lang::Zh => format!("仅在不超过 {WALKED} 个词元时计算"),
        },
        _ => "…".to_owned(),
    };
    view! {
        <dt>{move || match lab.lang.get() {
            Lang::En => format!("pairs, {n_q} × {n_k}"),
            Lang::Zh => format!("允许的位置，{n_q} × {n_k}"),
        }}</dt>
        <dd>{pairs}</dd>
        <dt>{t("layers to full reach", "完全到达所需层数")}</dt>
        <dd>{layers} " " {move || matches!(known.get(), Known::All(..)).then(|| i18n::now(lab.lang.get(), "(all keys, or all earlier ones where it never looks ahead)", "（全部键；若从不向后看，则为之前的全部键）"))}</dd>
    }
}

/// Works them out. `None` where the mask does not fit the input, or nobody wants to know any more.
async fn work(lab: Lab, mask: &'static MaskEntry, known: RwSignal<Known>, alive: StoredValue<()>) -> Option<()> {
    let now = lab.experiment.get_untracked();
    let loaded = lab.loaded.get_untracked()?;
    // The chosen entry as it is set, another one with its defaults.
    let params = if now.mask.id == mask.id { now.mask.params.clone() } else { Default::default() };
    let alone = Experiment {
        mask: MaskChoice { id: mask.id.to_owned(), params, custom: None },
        combine: Vec::new(),
        paint: Vec::new(),
        layers: Choice::of("same"),
        ..patterns(&now)
    };
    let (problem, _) = assemble(&alone, &loaded).ok()?;
    let plan = Plan::compile(&problem).ok()?;
    let (n_q, n_k) = (plan.dims.n_q, plan.dims.n_k);
    let head = now.view.head.min(plan.dims.q_heads.saturating_sub(1));
    let walked = n_q.max(n_k) <= WALKED;
    let mut rules = RowRules::new(&plan, n_k);
    let mut row = vec![0_u8; n_k];
    let (mut kept, mut pairs, mut ahead) = (Vec::new(), 0_u64, false);
    let offset = plan.offset_of(0);
    let mut since = clock::now();
    for q in 0..n_q {
        rules.begin_row(&plan, 0, head, q);
        rules.mask(&plan, 0, &mut row);
        pairs += row.iter().map(|&on| u64::from(on)).sum::<u64>();
        let own = usize::try_from(q as i64 + i64::from(offset)).ok();
        let later = own.map_or(0, |own| own + 1).min(n_k);
        ahead |= row[later..].contains(&1);
        if walked {
            kept.extend_from_slice(&row);
        }
        rest(&mut since, alive).await?;
    }
    known.try_set(Known::Pairs(pairs));
    if !walked {
        return Some(());
    }
    let permitted = |q: usize, k: usize| ahead || k as i64 <= q as i64 + i64::from(offset);
    let mut walk = Walk::new(n_q, n_k, |q, k| kept[q * n_k + k] != 0, permitted);
    loop {
        if let Some(reach) = walk.advance(8) {
            known.try_set(Known::All(pairs, reach));
            return Some(());
        }
        rest(&mut since, alive).await?;
    }
}

/// Lets the page go on when the slice is over; `None` when the details are gone.
async fn rest(since: &mut f64, alive: StoredValue<()>) -> Option<()> {
    if clock::now() - *since > SLICE_MS {
        let pause = js_sys::Promise::new(&mut |done, _| {
            // Without a timer there would be no page.
            let _ = window().set_timeout_with_callback(&done);
        });
        // It resolves: nothing rejects it.
        let _ = JsFuture::from(pause).await;
        *since = clock::now();
    }
    alive.try_get_value()
}
