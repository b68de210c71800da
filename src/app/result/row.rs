//! Where the query looks: its strongest keys, its entropy.

use leptos::prelude::*;

use super::story::{row, token};
use crate::app::controls::{fixed, percent};
use crate::app::i18n;
use crate::app::reactive::Signal;
use crate::app::state::lab;
use crate::app::view::{handler, view};

const SHOWN: usize = 6;

/// Where the query looks.
#[component]
pub fn Row() -> impl IntoView {
    let lab = lab();
    let weights = Signal::memo(move || row(lab, lab.experiment.with(|e| e.view.head), lab.cell().0));
    let title = Signal::derive(move || {
        let token = token(lab, false, lab.cell().0);
        match lab.lang.get() {
            crate::catalogue::Lang::En => format!("Where “{token}” looks"),
            crate::catalogue::Lang::Zh => format!("“{token}”看向哪里"),
        }
    });
    let entropy = Signal::derive(move || {
        let weights = weights.get()?;
        let sum: f32 = weights.iter().sum();
        if sum <= 0.0 {
            return Some(i18n::now(lab.lang.get(), "sees nothing", "看不到任何键").to_owned());
        }
        let entropy: f32 = weights.iter().map(|w| w / sum).filter(|p| *p > 0.0).map(|p| -p * p.ln()).sum();
        Some(format!(
            "{} {} {}",
            i18n::now(lab.lang.get(), "spread over", "相当于分布在"),
            fixed(f64::from(entropy.exp()), 1),
            i18n::now(lab.lang.get(), "keys", "个键上")
        ))
    });
    view! {
        <h3 class="card__head"><span>{title}</span> <small title="exp(entropy)">{entropy}</small></h3>
        <ol class="bars">
            {move || {
                strongest(&weights.get().unwrap_or_default()).into_iter().map(|(k, weight)| view! {
                    <li on:pointerenter=handler(move |_| lab.hover.set(Some((lab.cell().0, k)))) on:pointerleave=handler(move |_| lab.hover.set(None))>
                        <span class="k">{token(lab, true, k)}</span>
                        <span class="bars__track"><i style:width=percent(f64::from(weight))></i></span>
                        <output>{format!("{} %", fixed(f64::from(weight) * 100.0, 1))}</output>
                    </li>
                }).collect_view()
            }}
        </ol>
    }
}

/// The keys with the largest weights, strongest first; of equal ones the first.
fn strongest(weights: &[f32]) -> Vec<(usize, f32)> {
    let mut ranked: Vec<(usize, f32)> = Vec::with_capacity(SHOWN + 1);
    for (key, &weight) in weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
        let rank = ranked.partition_point(|&(_, other)| other >= weight);
        ranked.insert(rank, (key, weight));
        ranked.truncate(SHOWN);
    }
    ranked
}

#[cfg(test)]
mod tests {
    use super::strongest;

    #[test]
    fn the_strongest_keys_come_first_and_equal_ones_in_their_order() {
        let weights = [0.1, 0.0, 0.3, f32::NAN, 0.1, 0.2, 0.05, 0.1, 0.15];
        assert_eq!(strongest(&weights), [(2, 0.3), (5, 0.2), (8, 0.15), (0, 0.1), (4, 0.1), (7, 0.1)]);
        assert!(strongest(&[0.0; 3]).is_empty());
    }
}
