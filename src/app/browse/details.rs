//! One entry, closely.

use leptos::prelude::*;

use super::entry::cost;
use super::figures::Figures;
use super::pattern::decides;
use super::weights::Weights;
use crate::app::i18n::{t, tr};
use crate::app::rules::{Cited, OneFormula, Opening};
use crate::app::state::lab;
use crate::app::view::{handler, view};
use crate::attention::combine::opens;
use crate::catalogue::{List, NOTATION, Param, Summary};
use crate::formula::Tree;

/// Names, sentence, formula, paper, cost, figures at the current size; and what can be done with it.
#[component]
pub fn Details(
    /// The entry.
    entry: Summary,
    /// Whether choosing joins it with the mask.
    to_join: bool,
    /// Chooses it.
    on_choose: Callback<Summary>,
    /// Called when its formula has become the user's own.
    on_done: Callback<()>,
) -> impl IntoView {
    let lab = lab();
    let Summary { list, name, about, formula, params, paper, ours, pairs, work, .. } = entry;
    let chosen = lab.experiment.with_untracked(|e| e.chosen(list) == entry.id);
    let (en, zh) = if to_join { ("Join it", "组合此模式") } else { ("Use it", "使用") };
    // Only what is chosen can be opened: its sliders and tables are those of the experiment.
    let own = (chosen && !to_join).then(|| view! { <OneFormula which=Opening::Chosen(list) on_done=on_done /> });
    let hint = opens(list, entry.id).filter(|_| !chosen && !to_join).map(|opens| match opens {
        Ok(()) => view! { <p class="note">{t("Once it is used, its formula can be opened here and edited as your own.", "使用后可在此打开其公式并自行编辑。")}</p> },
        Err(why) => view! { <p class="note">{tr(why)}</p> },
    });
    // The formula room escapes every name.
    let drawn = entry.written.iter().filter_map(|line| Some(Tree::parse(line).ok()?.mathml()));
    let drawn = drawn.map(|math| view! { <div class="math" tabindex="0" inner_html=math></div> }).collect_view();
    let named = move || {
        let lang = lab.lang.get();
        let one = |p: &Param| format!("{} ({}, {}–{})", p.name, p.label.get(lang), p.min, p.max);
        params.iter().map(one).collect::<Vec<_>>().join("; ")
    };
    let seen = match list {
        List::Estimator => view! {
            <dt>{t("pairs", "允许的位置")}</dt>
            <dd>{t("none to be counted: it gives an output, and no weights of pairs", "无从计数：它只给出输出，没有各位置对的权重")}</dd>
        },
        List::Generator => view! {
            <dt>{t("pairs", "允许的位置")}</dt>
            <dd>{t("those of the mask: a generator makes numbers, and no pattern", "即掩码所允许的：生成器只产生数值，不产生模式")}</dd>
        },
        _ if decides(list) => view! { <Figures entry=entry.clone() /> }.into_any(),
        _ => view! {
            <Figures entry=entry.clone() />
            <Weights entry=entry.clone() />
        },
    };
    view! {
        <h3>{name.en}" "<small lang="zh-CN">{name.zh}</small></h3>
        <p>{about.en}</p>
        <p lang="zh-CN">{about.zh}</p>
        {drawn}
        {(list != List::Mask && list != List::Probability).then(|| view! {
            <details class="note"><summary>{t("What the letters mean", "记号说明")}</summary><p>{tr(NOTATION)}</p></details>
        })}
        {formula.map(|text| view! { <code class="formula-line">{text}</code> })}
        <dl class="facts">
            {paper.map(|paper| view! { <dt>{t("paper", "论文")}</dt><dd><Cited paper=paper /></dd> })}
            {pairs.map(|class| view! { <dt>{t("allowed pairs grow as", "允许位置数增长")}</dt><dd>{cost(class)}</dd> })}
            {work.map(|class| view! { <dt>{worked(list)}</dt><dd>{cost(class)}</dd> })}
            {seen}
            {(!params.is_empty()).then(|| view! { <dt>{t("parameters", "参数")}</dt><dd>{named}</dd> })}
        </dl>
        {ours.map(|ours| view! {
            <p class="note browse__ours"><b>{t("What is ours in it. ", "本站的取舍。")}</b>{t(ours.en, ours.zh)}</p>
        })}
        <div class="edits">
            <button type="button" class="primary" on:click=handler(move |_| on_choose.run(entry.clone()))>{t(en, zh)}</button>
            {own}
        </div>
        {hint}
    }
}

/// Whose work the class is of.
fn worked(list: List) -> impl Fn() -> &'static str + Copy + Send + Sync {
    match list {
        List::Estimator => t("its work grows as", "计算量增长"),
        List::Selection => t("work of choosing grows as", "选择的计算量增长"),
        List::Product | List::Normaliser | List::Probability => {
            t("its work without a mask grows as", "无掩码时计算量增长")
        }
        _ => t("work it adds without a mask grows as", "无掩码时增加的计算量增长"),
    }
}
