//! Token labels along the map: all of them while they fit, then every second, fifth, tenth …

use leptos::prelude::*;

/// Labels to show: index and text.
pub fn labels(tokens: &[String], count: usize, most: usize) -> Vec<(usize, String)> {
    let step = step(count, most);
    (0..count)
        .step_by(step)
        .map(|i| {
            let text = tokens.get(i).filter(|t| !t.is_empty()).cloned().unwrap_or_else(|| i.to_string());
            (i, text)
        })
        .collect()
}

/// 1, 2, 5, 10, 20, … so that at most `most` labels remain.
fn step(count: usize, most: usize) -> usize {
    let mut step = 1;
    for factor in [2, 5, 2].into_iter().cycle() {
        if count.div_ceil(step) <= most || step > count {
            break;
        }
        // 1 → 2 → 5 → 10: two and a half has no place among whole numbers.
        step = if factor == 5 { step / 2 * 5 } else { step * 2 };
    }
    step.max(1)
}

/// Places `index` of `count` in percent along an axis.
pub fn percent(index: usize, count: usize) -> String {
    format!("{:.3}%", (index as f64 + 0.5) / count.max(1) as f64 * 100.0)
}

/// Labels of one axis.
#[component]
pub fn Axis(
    /// Token texts; places without one show their index.
    #[prop(into)]
    tokens: Signal<Vec<String>>,
    /// Number of places.
    #[prop(into)]
    count: Signal<usize>,
    /// The place to emphasise.
    #[prop(into)]
    current: Signal<usize>,
    /// `rows` runs down, `columns` runs across.
    class: &'static str,
) -> impl IntoView {
    let down = class == "rows";
    view! {
        <div class=format!("axis axis--{class}") aria-hidden="true">
            {move || {
                let count = count.get();
                tokens.with(|tokens| labels(tokens, count, 48)).into_iter().map(|(i, text)| {
                    let at = percent(i, count);
                    let (top, left) = if down { (at, String::new()) } else { (String::new(), at) };
                    view! {
                        <span class:on=move || current.get() == i style:top=top style:left=left>{text}</span>
                    }
                }).collect_view()
            }}
        </div>
    }
}
