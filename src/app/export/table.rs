//! The numbers of the head and the stage that are looked at.

use leptos::prelude::*;

use super::parts::{Refused, Save, Text};
use super::taken::Taken;
use crate::app::controls::{Choices, Item, Look, words};
use crate::app::i18n::{self, t};
use crate::app::reactive::{RwSignal, Signal};
use crate::app::state::lab;
use crate::app::view::view;
use crate::experiment::Stage;
use crate::export::{self, Legend, Matrix};

/// The tab.
#[component]
pub fn Table(
    /// What is exported.
    taken: Signal<Option<Taken>>,
) -> impl IntoView {
    let latex = RwSignal::new(false);
    view! {
        <Choices
            label=words("Format", "格式")
            items=vec![Item::new("csv", words("CSV", "CSV")), Item::new("latex", words("LaTeX", "LaTeX"))]
            chosen=Signal::derive(move || if latex.get() { "latex" } else { "csv" }.to_owned())
            on_choose=Callback::new(move |id: String| latex.set(id == "latex"))
            look=Look::Chips
        />
        {move || taken.get().map(|taken| view! { <Numbers taken=taken latex=latex /> })}
    }
}

/// The table of one result.
#[component]
fn Numbers(taken: Taken, latex: RwSignal<bool>) -> impl IntoView {
    let lab = lab();
    let stage = taken.experiment.view.stage;
    let Some((map, Some([rows, columns]))) = taken.numbers(lab, stage) else {
        return view! {
            <p class="note" role="status">{t(
                "There is no table: either the result is still on its way, or it has more cells than the page keeps one by one. The test vectors among the files hold larger ones.",
                "没有表格：结果尚未算出，或单元格过多、页面未逐一保留。较大的矩阵见“文件”中的测试向量。",
            )}</p>
        };
    };
    let made = StoredValue::new((taken, map, rows, columns));
    let npy = move |()| {
        made.with_value(|(_, map, rows, columns)| Ok(export::weights_npy(rows.len(), columns.len(), &map.values)))
    };
    view! {
        {move || {
            let lang = lab.lang.get();
            made.with_value(|(taken, map, rows, columns)| {
                let matrix = Matrix { rows, columns, values: &map.values };
                if !latex.get() {
                    return view! { <Text text=export::csv(&matrix) label=words("The table", "表格") file="attention.csv".to_owned() /> };
                }
                let weight = i18n::now(lang, "Weight, share of the row", "权重，占该行的份额");
                let legend = Legend {
                    unit: if stage == Stage::Weights { weight } else { i18n::now(lang, "Score", "分数") },
                    masked: i18n::now(lang, "masked", "被掩码"),
                };
                match export::latex(&matrix, &taken.caption(lang, stage), &legend, &taken.link) {
                    Ok(text) => view! { <Text text=text label=words("The table", "表格") file="attention.tex".to_owned() /> },
                    Err(issues) => view! { <Refused issues=issues /> },
                }
            })
        }}
        <div class="export__buttons">
            <Save en="Download as NumPy file" zh="下载 NumPy 文件" file="attention.npy".to_owned() kind="application/octet-stream" make=Callback::new(npy) />
        </div>
    }
}
