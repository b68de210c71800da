//! The mask: a pattern chosen by its picture, the formula that runs, its parameters as sliders, cells painted by hand.

use leptos::prelude::*;

use super::About;
use super::editor::Editor;
use super::own::{DeclaredRows, Own};
use super::painted::Painted;
use super::params::{Owner, ParamRows, usual};
use super::tables::{Reader, Tables};
use super::thumbs::Thumbs;
use super::tools::Tools;
use crate::app::controls::{Card, IssueLine, words};
use crate::app::i18n::t;
use crate::app::inputs::follow;
use crate::app::reactive::{RwSignal, Signal};
use crate::app::state::{Lab, lab};
use crate::app::view::{handler, view};
use crate::catalogue::{self, Lang, MaskEntry, Param};
use crate::experiment::{CustomFormula, Declared, Experiment, MaskChoice, Stage};
use crate::formula::Kind;

/// Id of a mask of the user's own.
const CUSTOM: &str = "custom";

/// What was chosen before the formula became the user's own.
#[derive(Clone, Debug, PartialEq)]
struct Origin {
    mask: MaskChoice,
    score: Option<CustomFormula>,
}

/// The mask card.
#[component]
pub fn MaskCard() -> impl IntoView {
    let lab = lab();
    let id = Signal::memo(move || lab.experiment.with(|e| e.mask.id.clone()));
    let origin = RwSignal::new(None::<Origin>);
    let choose = Callback::new(move |id: String| {
        lab.edit("mask.id", |e| {
            leave_custom(e, origin.get_untracked().as_ref());
            e.mask = MaskChoice { id, params: Default::default(), custom: None };
            follow(e);
        });
    });
    let text = Signal::memo(move || lab.experiment.with(formula_of));
    let names = Signal::derive(move || {
        lab.experiment.with(|e| match catalogue::mask(&e.mask.id) {
            Some(entry) => entry.params.iter().map(|p| p.name.to_owned()).collect(),
            None => Own::Mask.names(e),
        })
    });
    let on_text = Callback::new(move |text: String| {
        lab.edit("mask.custom.text", |e| {
            if e.mask.custom.is_none() {
                origin.set(Some(Origin { mask: e.mask.clone(), score: e.score.clone() }));
                become_custom(e);
            }
            if let Some(custom) = &mut e.mask.custom {
                custom.set_text(text, Kind::Mask, &e.data);
            }
        });
    });
    let back = move |_| {
        if let Some(Origin { mask, score }) = origin.get_untracked() {
            lab.edit("mask.id", |e| (e.mask, e.score) = (mask, score));
        }
    };
    let fault = Own::Mask.fault(lab);
    let origin_name = move || origin.get().and_then(|o| catalogue::mask(&o.mask.id)).map(|entry| entry.name);
    view! {
        <Card title=words("Mask", "掩码") aside=Signal::derive(move || pairs(lab))>
            <Thumbs chosen=id on_choose=choose />
            <Editor
                label=words("Mask formula", "掩码公式")
                head="mask(q, k) ="
                text=text
                params=names
                fault=fault
                on_text=on_text
                on_declare=Callback::new(move |name| Own::Mask.declare(lab, name))
            />
            <IssueLine path="mask" except="mask." />
            <IssueLine path="mask.id" />
            <div hidden=move || fault.with(Option::is_some)><IssueLine path="mask.custom.text" /></div>
            {move || match catalogue::mask(&id.get()) {
                Some(entry) => view! { <Chosen entry=entry /> },
                None => view! {
                    <DeclaredRows own=Own::Mask />
                    <Tables reader=Reader::Own(Own::Mask) />
                    <p class="note">{t("A formula of your own.", "你自己的公式。")}</p>
                    {move || origin_name().map(|name| view! {
                        <button type="button" class="quiet-button" on:click=handler(back)>
                            {move || match lab.lang.get() {
                                Lang::En => format!("Back to “{}”", name.en),
                                Lang::Zh => format!("回到“{}”", name.zh),
                            }}
                        </button>
                    })}
                },
            }}
            <Tools />
            <Painted />
        </Card>
    }
}

/// Sliders, tables and story of a catalogue entry.
#[component]
fn Chosen(entry: &'static MaskEntry) -> impl IntoView {
    view! {
        <ParamRows owner=Owner::Mask params=entry.params />
        <Tables reader=Reader::Entry(Owner::Mask) />
        {entry.score.map(|score| view! {
            <p class="note">{t("It also changes the score:", "它还会修改分数：")}" "<code class="wrap">{score}</code></p>
        })}
        <About about=entry.about paper=entry.paper ours=entry.ours />
    }
}

/// The formula that runs.
fn formula_of(e: &std::sync::Arc<Experiment>) -> String {
    match (&e.mask.custom, catalogue::mask(&e.mask.id)) {
        (Some(custom), _) => custom.text.clone(),
        (None, Some(entry)) => entry.formula.to_owned(),
        (None, None) => String::new(),
    }
}

/// Copies the entry's formulas and parameters into formulas of the user's own; what is computed does not change.
fn become_custom(e: &mut Experiment) {
    let Some(entry) = catalogue::mask(&e.mask.id) else { return };
    let declare = |p: &Param| {
        let value = e.mask.params.get(p.name).copied().unwrap_or(usual(e, p));
        Declared { name: p.name.to_owned(), ty: p.ty, min: p.min, max: p.max.max(value), step: p.step, value }
    };
    let params: Vec<Declared> = entry.params.iter().map(declare).collect();
    if let (Some(score), None) = (entry.score, &e.score) {
        // Beside joined patterns it counts where its own mask holds; so it still does.
        let text =
            if e.combine.is_empty() { score.to_owned() } else { format!("({score}) if ({}) else s", entry.formula) };
        e.score = Some(CustomFormula { text, params: params.clone() });
    }
    let custom = CustomFormula { text: entry.formula.to_owned(), params };
    e.mask = MaskChoice { id: CUSTOM.to_owned(), params: Default::default(), custom: Some(custom) };
}

/// Takes back the score formula that came along when the mask became the user's own, unless it was changed since.
fn leave_custom(e: &mut Experiment, origin: Option<&Origin>) {
    let Some((origin, entry)) = origin.and_then(|o| Some((o, catalogue::mask(&o.mask.id)?))) else { return };
    let along = |text: &str| entry.score.is_some_and(|own| text == own || text.starts_with(&format!("({own}) if ")));
    if e.mask.custom.is_some() && e.score.as_ref().is_some_and(|s| along(&s.text)) {
        e.score.clone_from(&origin.score);
    }
}

/// How many pairs the mask and the paint allow in the chosen head, counted in the masked scores of the last result.
fn pairs(lab: Lab) -> String {
    let head = lab.experiment.with(|e| e.view.head);
    let counted = lab.maps.with(|maps| {
        let whole =
            maps.iter().find(|m| m.request.stage == Stage::Masked && m.request.head == head && m.request.height > 1);
        whole.map(|m| (m.values.iter().filter(|v| !v.is_nan() && **v != f32::NEG_INFINITY).count(), m.values.len()))
    });
    match (counted, lab.lang.get()) {
        (Some((allowed, all)), Lang::En) => format!("{allowed} of {all} pairs"),
        (Some((allowed, all)), Lang::Zh) => format!("{allowed} / {all} 对"),
        (None, _) => String::new(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::experiment::WindowEdge;

    #[test]
    fn a_formula_of_ones_own_starts_as_the_entry() {
        let mut e = Experiment::default();
        e.conventions.window = WindowEdge::Inclusive;
        e.mask.params.insert("window".to_owned(), 5.0);
        become_custom(&mut e);
        let custom = e.mask.custom.unwrap();
        assert_eq!(
            (e.mask.id.as_str(), custom.text.as_str()),
            (CUSTOM, catalogue::mask("sliding-window").unwrap().formula)
        );
        let value = |name: &str| custom.params.iter().find(|p| p.name == name).unwrap().value;
        assert_eq!((value("window"), value("inclusive")), (5.0, 1.0));
    }

    #[test]
    fn a_score_that_came_along_leaves_with_the_mask() {
        let mut e = Experiment {
            mask: MaskChoice { id: "synaptic".to_owned(), params: Default::default(), custom: None },
            ..Default::default()
        };
        let origin = Origin { mask: e.mask.clone(), score: None };
        become_custom(&mut e);
        assert!(e.score.is_some());
        leave_custom(&mut e, Some(&origin));
        assert_eq!(e.score, None);
    }
}
