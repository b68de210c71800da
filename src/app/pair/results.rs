//! What lies between A and B: numbers, a chart by query, pictures.

use leptos::prelude::*;

use super::ask::Desk;
use super::found::{Coloured, Found, Numbers, Weights};
use crate::analysis::pair::{Error, Mismatch};
use crate::analysis::plot::{Axis, Chart, Kind, Mark, Point, Series, read};
use crate::app::chart::Plot;
use crate::app::compare::Picture;
use crate::app::controls::{Choices, Item, Look, words, words_of};
use crate::app::i18n::{self, t, tr};
use crate::app::reactive::{RwSignal, Signal};
use crate::app::state::{Lab, lab};
use crate::app::view::view;
use crate::catalogue::{Lang, Text};

/// Most queries that are bars with a name each.
const BARS: usize = 128;

/// What is measured of each query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantity {
    Kl,
    Js,
    Weight,
    Output,
    Relative,
}

impl Quantity {
    const ALL: [Self; 5] = [Self::Kl, Self::Js, Self::Weight, Self::Output, Self::Relative];

    fn id(self) -> &'static str {
        match self {
            Self::Kl => "kl",
            Self::Js => "js",
            Self::Weight => "weight",
            Self::Output => "output",
            Self::Relative => "relative",
        }
    }

    fn name(self) -> Text {
        match self {
            Self::Kl => Text::new("KL divergence of weights", "权重的 KL 散度"),
            Self::Js => Text::new("JS distance of weights", "权重的 JS 距离"),
            Self::Weight => Text::new("largest weight difference", "权重最大差"),
            Self::Output => Text::new("largest output difference", "输出最大差"),
            Self::Relative => Text::new("relative L2 error of output", "输出相对 L2 误差"),
        }
    }

    fn about(self) -> Text {
        match self {
            Self::Kl => Text::new(
                "Σ a ln(a / b) over the keys of a query, in nats: what it costs to take B's weights for A's. Infinite where B gives nothing to a key that A looks at.",
                "对一个查询的各键求 Σ a ln(a / b)，单位奈特：以 B 的权重代替 A 的权重的代价。若 B 不看 A 所看的某个键，则为无穷大。",
            ),
            Self::Js => Text::new(
                "Jensen–Shannon distance, base 2: 0 where both look at the same, 1 where they look at nothing in common.",
                "Jensen–Shannon 距离，以 2 为底：0 表示所看相同，1 表示毫无共同之处。",
            ),
            Self::Weight => {
                Text::new("The largest change of any one weight of the query.", "该查询任一权重的最大变化。")
            }
            Self::Output => Text::new(
                "The largest absolute difference of any number of the query's output.",
                "该查询输出中任一数值的最大绝对差。",
            ),
            Self::Relative => Text::new(
                "‖B − A‖ / ‖A‖ of the query's output: 0.1 is a tenth of its length.",
                "该查询输出的 ‖B − A‖ / ‖A‖：0.1 即其长度的十分之一。",
            ),
        }
    }

    fn unit(self) -> &'static str {
        if self == Self::Kl { "nat" } else { "" }
    }
}

/// Everything that is known of both.
#[component]
pub fn Results(
    /// Both settings.
    desk: Desk,
) -> impl IntoView {
    let lab = desk.lab;
    let both = desk.both();
    let found = Signal::memo(move || both.with(|both| both.as_ref().map(Found::of)));
    let quantity = RwSignal::new(Quantity::Js);
    let chart = Signal::memo(move || {
        let head = both.with(|both| both.as_ref().map_or(0, |both| both.head));
        found.with(|found| found.as_ref().and_then(|found| chart(lab, head, found, quantity.get()))).unwrap_or_default()
    });
    let charted = Signal::memo(move || chart.with(|chart| !chart.series.is_empty()));
    let chosen = Signal::memo(move || quantity.get().id().to_owned());
    let choose = Callback::new(move |id: String| {
        if let Some(one) = Quantity::ALL.into_iter().find(|one| one.id() == id) {
            quantity.set(one);
        }
    });
    view! {
        {move || found.with(|found| found.as_ref().map(|found| view! { <Facts found=found.clone() /> }))}
        {move || both.with(|both| both.as_ref().map(|both| view! {
            <p class="note">{t("Computed by ", "计算核：")} <code>{both.a.kernel.clone()}</code> " · " <code>{both.b.kernel.clone()}</code></p>
        }))}
        {move || found.with(Option::is_some).then(|| view! {
            <h4>{t("Query by query", "逐个查询")}</h4>
            <Choices
                label=words("Measure", "度量")
                items=Quantity::ALL.map(|one| Item::new(one.id(), words_of(one.name()))).to_vec()
                chosen=chosen
                on_choose=choose
                look=Look::Chips
            />
            <p class="note">{move || tr(quantity.get().about())()}</p>
        })}
        {move || charted.get().then(|| view! { <Plot chart=chart file="a-and-b" height=200.0 /> })}
        {move || {
            // Captions are written once for each picture.
            lab.lang.track();
            found.with(|found| found.as_ref().map(|found| view! { <Pictures found=found.clone() /> }))
        }}
    }
}

/// The whole in a few numbers, and the query that is looked at.
#[component]
fn Facts(found: Found) -> impl IntoView {
    let lab = lab();
    let all = found.all.map(|error| {
        view! {
            <dt>{t("outputs of all heads", "全部头的输出")}</dt>
            <dd>{move || error_words(lab.lang.get(), &error)}</dd>
        }
    });
    let Found { weights, output, .. } = found;
    let (shown_weights, shown_output) = (StoredValue::new(weights.clone().ok()), StoredValue::new(output.clone().ok()));
    let query = move || {
        let (query, lang) = (lab.cell().0, lab.lang.get());
        let of_weights = shown_weights.with_value(|weights| {
            let weights = weights.as_ref()?;
            let at = weights.queries.iter().position(|q| *q == query)?;
            Some(match weights.divergences.get(at).copied().flatten() {
                Some(d) => format!("KL {}, JS {}", read(d.kl), read(d.js)),
                None => i18n::now(lang, "weights without shares to compare", "权重没有可比较的份额").to_owned(),
            })
        });
        let of_output =
            shown_output.with_value(|output| output.as_ref()?.rows.get(query).map(|error| error_words(lang, error)));
        let parts: Vec<String> = of_weights.into_iter().chain(of_output).collect();
        parts.join(i18n::now(lang, "; ", "；"))
    };
    let reasons = [(Text::new("Weights", "权重"), weights.err()), (Text::new("Outputs", "输出"), output.err())];
    view! {
        <dl class="facts">
            {all}
            <dt>{t("this query", "当前查询")}</dt>
            <dd>{query}</dd>
        </dl>
        {reasons.into_iter().filter_map(|(what, why)| Some((what, why?))).map(|(what, why)| view! {
            <p class="issue">{move || refused(lab.lang.get(), what, &why)}</p>
        }).collect_view()}
    }
}

/// An error in words.
pub fn error_words(lang: Lang, error: &Error) -> String {
    let (largest, relative) = (read(error.largest), read(error.relative));
    match lang {
        Lang::En => format!("largest difference {largest}, relative L2 {relative}"),
        Lang::Zh => format!("最大差 {largest}，相对 L2 误差 {relative}"),
    }
}

/// Why something can't be compared.
pub fn refused(lang: Lang, what: Text, why: &[Mismatch]) -> String {
    let sizes: Vec<String> = why
        .iter()
        .map(|one| match lang {
            Lang::En => format!("{}: A {}, B {}", one.of.en, one.a, one.b),
            Lang::Zh => format!("{}：A 为 {}，B 为 {}", one.of.zh, one.a, one.b),
        })
        .collect();
    match lang {
        Lang::En => format!("{} can't be compared here ({}).", what.en, sizes.join("; ")),
        Lang::Zh => format!("此处无法比较{}（{}）。", what.zh, sizes.join("；")),
    }
}

/// A measure over the queries; nothing where it can't be told.
fn chart(lab: Lab, head: usize, found: &Found, quantity: Quantity) -> Option<Chart> {
    let lang = lab.lang.get();
    let of_weights = |of: &dyn Fn(&Weights, usize) -> Option<f64>| {
        let weights = found.weights.as_ref().ok()?;
        let at = |(i, q): (usize, &usize)| (*q, of(weights, i));
        Some(weights.queries.iter().enumerate().map(at).collect::<Vec<_>>())
    };
    let of_output = |of: fn(&Error) -> f64| {
        let output = found.output.as_ref().ok()?;
        Some(output.rows.iter().enumerate().map(|(q, error)| (q, Some(of(error)))).collect::<Vec<_>>())
    };
    let values = match quantity {
        Quantity::Kl => of_weights(&|w, i| Some((*w.divergences.get(i)?)?.kl)),
        Quantity::Js => of_weights(&|w, i| Some((*w.divergences.get(i)?)?.js)),
        Quantity::Weight => of_weights(&|w, i| w.largest.get(i).copied()),
        Quantity::Output => of_output(|error| error.largest),
        Quantity::Relative => of_output(|error| error.relative),
    }?;
    let count = values.len();
    let why = i18n::now(lang, "no shares to compare", "没有可比较的份额");
    let points = values
        .into_iter()
        .map(|(q, value)| value.map_or_else(|| Point::failed(q as f64, why), |value| Point::new(q as f64, value)));
    let name = quantity.name().get(lang);
    let tokens = lab.tokens(false);
    let axis = i18n::now(lang, "query", "查询");
    let x = if count <= BARS && !tokens.is_empty() { Axis::named(axis, tokens) } else { Axis::linear(axis, "") };
    let kind = if count <= BARS { Kind::Bars } else { Kind::Line };
    let head = head + 1;
    let title = match lang {
        Lang::En => format!("{name}, B against A, head {head}"),
        Lang::Zh => format!("{name}，B 对 A，第 {head} 个头"),
    };
    let series = vec![Series::new(name, kind, 0, points)];
    let marks = vec![Mark::upright(lab.experiment.with(|e| e.view.query) as f64, "")];
    Some(Chart { title, x, y: Axis::linear(name, quantity.unit()), series, marks, ..Chart::default() })
}

/// The weights of both, and the differences of weights and outputs.
#[component]
fn Pictures(found: Found) -> impl IntoView {
    let lab = lab();
    let lang = lab.lang.get_untracked();
    let word = |en, zh| i18n::now(lang, en, zh).to_owned();
    let mut all: Vec<(Coloured, String)> = Vec::new();
    let mut sampled = None;
    if let Ok(Weights { maps: [a, b, apart], step, .. }) = found.weights {
        all.push((a, word("weights of A", "A 的权重")));
        all.push((b, word("weights of B", "B 的权重")));
        all.push((apart, word("weights: B − A", "权重：B − A")));
        sampled = (step > 1).then_some(step);
    }
    if let Ok(Numbers { map, .. }) = found.output {
        all.push((map, word("output: B − A (rows are queries)", "输出：B − A（每行一个查询）")));
    }
    let note = sampled.map(|step| match lang {
        Lang::En => format!("Of the weights every {step}th query is shown and measured."),
        Lang::Zh => format!("权重每 {step} 个查询显示并测量一个。"),
    });
    view! {
        <div class="compare__maps">
            {all.into_iter().map(|((map, scale), label)| view! { <Picture map=map scale=scale label=label /> }).collect_view()}
        </div>
        <p class="note">
            {t(
                "In the differences one colour is B above A, the other B below A; a pixel of several cells shows the largest. Hatched: masked in both.",
                "差值图中，一种颜色表示 B 高于 A，另一种表示 B 低于 A；一个像素含多个单元格时取最大差。斜线：两者都被屏蔽。",
            )}
            " " {note}
        </p>
    }
}
