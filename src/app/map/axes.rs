//! Token labels along the map: all of them while they fit, then every second, fifth, tenth …

use leptos::prelude::*;

use crate::analysis::window::step;
use crate::app::controls;
use crate::app::reactive::Signal;
use crate::app::view::view;

/// Labels of the places from `from` to `to` to show: index and text.
pub fn labels(tokens: &[String], [from, to]: [usize; 2], most: usize) -> Vec<(usize, String)> {
    let step = step(to - from, most);
    (from.next_multiple_of(step)..to)
        .step_by(step)
        .map(|i| {
            let text = tokens.get(i).filter(|t| !t.is_empty()).cloned().unwrap_or_else(|| i.to_string());
            (i, text)
        })
        .collect()
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
    /// The places that are shown, from and to.
    #[prop(into)]
    span: Signal<[usize; 2]>,
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
                let [from, to] = span.get();
                // Words are told while they fit; of long sequences the places, which are numbers of many digits, are told now and then.
                let most = if to - from > 200 { 20 } else { 48 };
                tokens.with(|tokens| labels(tokens, [from, to], most)).into_iter().map(|(i, text)| {
                    let at = percent(i - from, to - from);
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
    fn a_label_sits_in_the_middle_of_its_place() {
        assert_eq!(percent(1, 4), "37.500%");
    }

    #[test]
    fn a_place_without_a_token_shows_its_index() {
        let tokens = ["it".to_owned(), String::new()];
        let shown: Vec<String> = labels(&tokens, [0, 3], 48).into_iter().map(|(_, text)| text).collect();
        assert_eq!(shown, ["it", "1", "2"]);
        let of_window: Vec<usize> = labels(&[], [13, 210], 48).into_iter().map(|(i, _)| i).collect();
        assert_eq!(of_window[..3], [15, 20, 25]);
    }
}
