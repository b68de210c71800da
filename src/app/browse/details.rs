//! One entry, closely.

use leptos::prelude::*;

use super::entry::{Entry, address, cost};
use super::figures::Figures;
use crate::app::i18n::{self, t};
use crate::app::rules::{OWN_MASK, OWN_POSITION, OneFormula};
use crate::app::state::lab;
use crate::app::view::{handler, view};
use crate::catalogue::{Param, Slot, Table};
use crate::formula::{DataDecl, Kind, Scope, Tree, Ty, compile};

/// Names, sentence, formula, paper, cost, figures at the current size; and what can be done with it.
#[component]
pub fn Details(
    /// The entry.
    entry: Entry,
    /// Whether choosing joins it with the mask.
    to_join: bool,
    /// Chooses it.
    on_choose: Callback<Entry>,
    /// Called when its formula has become the user's own.
    on_done: Callback<()>,
) -> impl IntoView {
    let lab = lab();
    let (name, about) = (entry.name(), entry.about());
    let chosen = lab.experiment.with_untracked(|e| match entry {
        Entry::Mask(mask) => e.mask.id == mask.id,
        Entry::Position(position) => e.position.id == position.id,
        Entry::Normaliser(normaliser) => e.normaliser.id == normaliser.id,
    });
    let (en, zh) = if to_join { ("Join it", "组合此模式") } else { ("Use it", "使用") };
    let paper = entry.paper().map(|paper| {
        let text = format!("{}, {}, {}", paper.title, paper.year, paper.id);
        match address(paper.id) {
            Some(address) => view! { <a href=address target="_blank" rel="noopener noreferrer">{text}</a> },
            None => text.into_any(),
        }
    });
    // Only what is chosen can be opened: its sliders and tables are those of the experiment.
    let own = (chosen && !to_join && entry.opens()).then(|| {
        let open = if entry.mask().is_some() { OWN_MASK } else { OWN_POSITION };
        view! { <OneFormula open=open en="Edit its formula as my own" zh="作为自定义公式编辑" on_done=on_done /> }
    });
    let hint = (!chosen && !to_join && entry.opens()).then(|| {
        view! { <p class="note">{t("Once it is used, its formula can be opened here and edited as your own.", "使用后可在此打开其公式并自行编辑。")}</p> }
    });
    view! {
        <h3>{name.en}" "<small lang="zh-CN">{name.zh}</small></h3>
        <p>{about.en}</p>
        <p lang="zh-CN">{about.zh}</p>
        {drawn(&entry).into_iter().map(|math| view! { <div class="math" inner_html=math></div> }).collect_view()}
        {source(&entry).map(|text| view! { <code class="formula-line">{text}</code> })}
        <dl class="facts">
            {paper.map(|paper| view! { <dt>{t("paper", "论文")}</dt><dd>{paper}</dd> })}
            {entry.cost().map(|class| view! { <dt>{t("allowed pairs grow as", "允许位置数增长")}</dt><dd>{cost(class)}</dd> })}
            {entry.mask().map(|mask| view! { <Figures mask=mask /> })}
            {(!entry.params().is_empty()).then(|| view! {
                <dt>{t("parameters", "参数")}</dt>
                <dd>{move || {
                    let lang = lab.lang.get();
                    let one = |p: &Param| format!("{} ({}, {}–{})", p.name, p.label.get(lang), p.min, p.max);
                    entry.params().iter().map(one).collect::<Vec<_>>().join("; ")
                }}</dd>
            })}
        </dl>
        {entry.mask().and_then(|mask| mask.ours).map(|ours| view! {
            <p class="note">{move || i18n::now(lab.lang.get(), ours.en, ours.zh)}</p>
        })}
        <div class="edits">
            <button type="button" class="primary" on:click=handler(move |_| on_choose.run(entry))>{t(en, zh)}</button>
            {own}
        </div>
        {hint}
    }
}

/// The text of what runs, or of what stands for it.
fn source(entry: &Entry) -> Option<&'static str> {
    match entry {
        Entry::Mask(mask) => Some(mask.formula),
        Entry::Position(position) => match position.slot {
            Slot::Score { formula, .. } => Some(formula),
            _ => None,
        },
        Entry::Normaliser(normaliser) => Some(normaliser.formula),
    }
}

/// The formulas as MathML. The formula room escapes every name.
fn drawn(entry: &Entry) -> Vec<String> {
    let written =
        |lines: &[&str]| lines.iter().filter_map(|line| Some(Tree::parse(line).ok()?.mathml())).collect::<Vec<_>>();
    match entry {
        Entry::Mask(mask) => {
            let one = |text, kind| formula(text, kind, mask.params, mask.tables);
            one(mask.formula, Kind::Mask)
                .into_iter()
                .chain(mask.score.and_then(|score| one(score, Kind::Score)))
                .collect()
        }
        Entry::Position(position) => match position.slot {
            Slot::Score { formula: text, tables } => {
                formula(text, Kind::Score, position.params, tables).into_iter().collect()
            }
            slot => written(&slot.written()),
        },
        Entry::Normaliser(normaliser) => {
            let mut lines = normaliser.content.written();
            lines.push(normaliser.kind.written());
            written(&lines)
        }
    }
}

fn formula(text: &str, kind: Kind, params: &[Param], tables: &[Table]) -> Option<String> {
    let seed = ("seed".to_owned(), Ty::Int);
    let scope = Scope {
        params: params.iter().map(|p| (p.name.to_owned(), p.ty)).chain([seed]).collect(),
        data: tables.iter().map(|t| DataDecl { name: t.name.to_owned(), ty: t.ty, dims: t.rank }).collect(),
    };
    Some(compile(text, kind, &scope).ok()?.mathml())
}
