//! The error, in numbers and by query.

use leptos::prelude::*;

use super::second::{Against, against};
use crate::app::estimators::{Errors, percent};
use crate::app::i18n::t;
use crate::app::reactive::Signal;
use crate::app::state::lab;
use crate::app::view::view;
use crate::experiment::Experiment;

/// The error of the output, that of the chosen query, and a bar for each query of the chosen head; nothing where everything is exact.
#[component]
pub fn Line() -> impl IntoView {
    let lab = lab();
    let Against { found, fault, busy } = against(lab, Experiment::exact);
    // Gone with the entry, not only with the result that comes after it.
    let inexact = Signal::memo(move || lab.experiment.with(|e| e.exact().is_some()));
    let errors = Signal::memo(move || {
        let head = lab.experiment.with(|e| e.view.head);
        found.with(|found| {
            let rows = found.as_ref().map(|found| {
                let at = found.dims.row_start(0, head.min(found.dims.q_heads.saturating_sub(1)));
                found.rows.get(at..at + found.dims.n_q).unwrap_or_default().to_vec()
            });
            rows.unwrap_or_default()
        })
    });
    let told = move || found.with(|found| found.as_ref().map(|found| found.all.told(lab.lang.get(), "Y")));
    let query = move || errors.with(|errors| errors.get(lab.cell().0).map(|&error| percent(error)));
    // Until the result is there as well.
    let waits = move || busy.get() || found.with(Option::is_none) && fault.with(Option::is_none);
    view! {
        {move || inexact.get().then(|| view! {
            <section class="estimate" id="inexact" aria-busy=move || waits().to_string()>
                <h4>{t("Error against exact attention on the same input", "相同输入下与精确注意力的误差")}</h4>
                <p role="status">{told}</p>
                {move || query().map(|error| view! {
                    <p class="note"><output>{error}</output>" "{t("relative error of this query", "该查询的相对误差")}</p>
                })}
                {move || errors.with(|errors| !errors.is_empty()).then(|| view! { <Errors errors=errors /> })}
                {move || fault.get().map(|why| view! { <p class="issue" role="alert">{move || why.get(lab.lang.get()).to_owned()}</p> })}
            </section>
        })}
    }
}
