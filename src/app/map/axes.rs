//! Token labels along the map: all of them while they fit, then every second, fifth, tenth …

use leptos::prelude::*;

use crate::app::controls;
use crate::app::reactive::Signal;
use crate::app::view::view;

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
    let mut ten = 1;
    loop {
        for step in [ten, 2 * ten, 5 * ten] {
            if count.div_ceil(step) <= most.max(1) {
                return step;
            }
        }
        ten *= 10;
    }
}

/// Places `index` of `count` in percent along an axis.
pub fn percent(index: usize, count: usize) -> String {
    controls::percent((index as f64 + 0.5) / count.max(1) as f64)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_thin_out_by_ones_twos_and_fives() {
        let steps: Vec<usize> = [16, 48, 49, 100, 240, 500, 4096].into_iter().map(|n| step(n, 48)).collect();
        assert_eq!(steps, [1, 1, 2, 5, 5, 20, 100]);
    }

    #[test]
    fn a_label_sits_in_the_middle_of_its_place() {
        assert_eq!(percent(1, 4), "37.500%");
    }

    #[test]
    fn a_place_without_a_token_shows_its_index() {
        let tokens = ["it".to_owned(), String::new()];
        let shown: Vec<String> = labels(&tokens, 3, 48).into_iter().map(|(_, text)| text).collect();
        assert_eq!(shown, ["it", "1", "2"]);
    }
}
