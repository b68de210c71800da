//! Files: test vectors, inputs, the experiment itself, and an entry for a list of references.

use leptos::prelude::*;

use super::parts::{Save, Text};
use super::taken::Taken;
use crate::app::controls::words;
use crate::app::i18n::t;
use crate::app::reactive::Signal;
use crate::app::state::lab;
use crate::app::view::view;
use crate::experiment::Issues;
use crate::export::{self, Subject};

/// The tab.
#[component]
pub fn Files(
    /// What is exported.
    taken: Signal<Option<Taken>>,
) -> impl IntoView {
    let lab = lab();
    let made = move |make: fn(&Subject) -> Result<Vec<u8>, Issues>| {
        Callback::new(move |()| {
            taken.with_untracked(|taken| taken.as_ref().map_or(Ok(Vec::new()), |taken| make(&taken.subject())))
        })
    };
    let experiment = |subject: &Subject| Ok(export::experiment_json(subject).into_bytes());
    let bibtex = move || {
        let lang = lab.lang.get();
        taken.with(|taken| taken.as_ref().map(|taken| export::bibtex(&taken.title(lang), &taken.link, today())))
    };
    view! {
        <dl class="export__files">
            <dt>{t("Test vectors", "测试向量")}</dt>
            <dd>
                <p class="note">{t(
                    "Q, K, V and the output; mask and weights where the masks and scores are formulas over positions; the experiment. np.load reads it.",
                    "Q、K、V 与输出；若掩码与分数为位置公式，则含掩码与权重；以及实验本身。可用 np.load 读取。",
                )}</p>
                <Save en="Download .npz" zh="下载 .npz" file="attention-vectors.npz".to_owned() kind="application/zip" make=made(export::vectors) />
            </dd>
            <dt>{t("Q, K and V", "Q、K、V")}</dt>
            <dd>
                <p class="note">{t("The inputs alone, edits included.", "仅输入，含修改。")}</p>
                <Save en="Download inputs" zh="下载输入" file=export::INPUTS_FILE.to_owned() kind="application/zip" make=made(export::inputs_file) />
            </dd>
            <dt>{t("The experiment", "实验")}</dt>
            <dd>
                <p class="note">{t("Everything that was set, as JSON, with the version that wrote it.", "全部设置（JSON），含写入它的版本。")}</p>
                <Save en="Download .json" zh="下载 .json" file="attention-experiment.json".to_owned() kind="application/json" make=made(experiment) />
            </dd>
            <dt>{t("Reference", "引用")}</dt>
            <dd>{move || bibtex().map(|text| view! { <Text text=text label=words("BibTeX entry", "BibTeX 条目") file="attention.bib".to_owned() /> })}</dd>
        </dl>
    }
}

/// Year, month and day where the user is.
fn today() -> [u32; 3] {
    let now = js_sys::Date::new_0();
    [now.get_full_year(), now.get_month() + 1, now.get_date()]
}
