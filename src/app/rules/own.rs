//! Formulas of the user's own: where they live in the experiment, their declared parameters as sliders with ranges that can be changed. The
//! sliders are a piece of the program: the page opens on a formula of the catalogue.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::formulas::{fault, names, tables_in};
use crate::app::controls::{Slider, Span, Switch, number, typed};
use crate::app::i18n::{self, t};
use crate::app::piece::piece;
use crate::app::reactive::Signal;
use crate::app::state::{Lab, lab};
use crate::app::view::{handler, view};
use crate::experiment::{CustomFormula, Declared, Experiment};
use crate::formula::{FormulaError, Kind, Ty};

/// Which formula of the user's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    /// The mask.
    Mask,
    /// The score.
    Score,
    /// What is done to the weights.
    Prob,
    /// The pattern of that place among those joined with the mask.
    Joined(usize),
}

impl Own {
    /// The formula, where there is one.
    pub fn get(self, e: &Experiment) -> Option<&CustomFormula> {
        match self {
            Self::Mask => e.mask.custom.as_ref(),
            Self::Score => e.score.as_ref(),
            Self::Prob => e.prob.custom.as_ref(),
            Self::Joined(at) => e.combine.get(at)?.custom.as_ref(),
        }
    }

    fn get_mut(self, e: &mut Experiment) -> Option<&mut CustomFormula> {
        match self {
            Self::Mask => e.mask.custom.as_mut(),
            Self::Score => e.score.as_mut(),
            Self::Prob => e.prob.custom.as_mut(),
            Self::Joined(at) => e.combine.get_mut(at)?.custom.as_mut(),
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Mask | Self::Joined(_) => Kind::Mask,
            Self::Score => Kind::Score,
            Self::Prob => Kind::Probability,
        }
    }

    /// Path of a part of it in the experiment.
    fn path(self, part: &str) -> String {
        let of = match self {
            Self::Mask => "mask.custom",
            Self::Score => "score",
            Self::Prob => "prob.custom",
            Self::Joined(at) => return format!("combine[{at}].custom.{part}"),
        };
        format!("{of}.{part}")
    }

    /// What is wrong with it; tracks everything it depends on.
    pub fn fault(self, lab: Lab) -> Signal<Option<FormulaError>> {
        let dims = Signal::memo(move || lab.loaded.with(|l| l.as_ref().map(|l| l.dims)));
        Signal::memo(move || {
            let dims = dims.get();
            lab.experiment.with(|e| {
                let own = self.get(e)?;
                fault(own, self.kind(), &e.data, dims.as_ref(), e.seed)
            })
        })
    }

    /// Changes the formula or a parameter as one step of undo.
    pub fn edit(self, lab: Lab, part: &str, change: impl FnOnce(&mut CustomFormula)) {
        lab.edit(&self.path(part), |e| {
            if let Some(own) = self.get_mut(e) {
                change(own);
            }
        });
    }

    /// Sets its text, as one step of undo with what is typed next.
    pub fn write(self, lab: Lab, text: String) {
        lab.edit(&self.path("text"), |e| {
            // The text is read with the lists of the experiment, of which the formula is a part.
            let data = std::mem::take(&mut e.data);
            if let Some(own) = self.get_mut(e) {
                own.set_text(text, self.kind(), &data);
            }
            e.data = data;
        });
    }

    /// Declares a parameter: a whole number from 0 to 32.
    pub fn declare(self, lab: Lab, name: String) {
        self.edit(lab, "declare", |own| {
            if own.params.iter().all(|p| p.name != name) {
                own.params.push(Declared { name, ty: Ty::Int, min: 0.0, max: 32.0, step: 1.0, value: 4.0 });
            }
        });
    }

    /// Names of its parameters.
    pub fn names(self, e: &Experiment) -> Vec<String> {
        self.get(e).map(|own| own.params.iter().map(|p| p.name.clone()).collect()).unwrap_or_default()
    }
}

/// The declared parameters as sliders and switches.
#[component]
pub fn DeclaredRows(
    /// Whose.
    own: Own,
) -> impl IntoView {
    piece(|| Box::pin(rows()), move |rows| rows(own))
}

#[wasm_split(later, fallible)]
fn rows() -> Result<fn(Own) -> AnyView, SplitLoaderError> {
    Ok(|own| view! { <Rows own=own /> })
}

#[component]
fn Rows(own: Own) -> impl IntoView {
    let lab = lab();
    // A parameter that the text no longer names moves nothing, so it is not shown; it is kept for when the text names it again.
    let rows = Signal::memo(move || {
        lab.experiment.with(|e| {
            let Some(formula) = own.get(e) else { return Vec::new() };
            // Tables are made from parameters by name.
            let feeds_tables = !tables_in(&formula.text).is_empty();
            let used = |p: &Declared| feeds_tables || names(&formula.text).any(|name| name == p.name);
            let all = formula.params.iter().enumerate().filter(|(_, p)| used(p));
            all.map(|(index, p)| (index, p.name.clone(), p.ty)).collect()
        })
    });
    view! {
        {move || rows.get().into_iter().map(|(index, name, ty)| view! { <Row own=own index=index name=name ty=ty /> }).collect_view()}
    }
}

/// One declared parameter, with its range folded under it.
#[component]
fn Row(
    /// Whose.
    own: Own,
    /// Its place among the declared ones.
    index: usize,
    /// Its name.
    name: String,
    /// Its type.
    ty: Ty,
) -> impl IntoView {
    let lab = lab();
    let now = Signal::memo(move || lab.experiment.with(|e| own.get(e).and_then(|f| f.params.get(index).cloned())));
    let read = move |field: fn(&Declared) -> f64| Signal::derive(move || now.with(|d| d.as_ref().map_or(0.0, field)));
    let value = read(|d| d.value);
    let set = move |part: &'static str, change: fn(&mut Declared, f64)| {
        Callback::new(move |x: f64| {
            own.edit(lab, &format!("params[{index}].{part}"), |f| {
                if let Some(d) = f.params.get_mut(index) {
                    change(d, x)
                }
            })
        })
    };
    let label = Signal::stored(name.clone());
    if ty == Ty::Bool {
        let on = Signal::derive(move || value.get() != 0.0);
        let set = set("value", |d, x| d.value = x);
        return view! { <Switch label=label on=on on_change=Callback::new(move |on| set.run(f64::from(u8::from(on)))) /> };
    }
    let span =
        Signal::derive(move || now.with(|d| d.as_ref().map_or(Span::whole(0, 1), |d| Span::new(d.min, d.max, d.step))));
    let whole = Signal::derive(move || now.with(|d| d.as_ref().is_some_and(|d| d.ty == Ty::Int)));
    let set_whole = Callback::new(move |on: bool| {
        own.edit(lab, "params.ty", |f| {
            if let Some(d) = f.params.get_mut(index) {
                d.ty = if on { Ty::Int } else { Ty::Float };
                d.step = if on { d.step.ceil().max(1.0) } else { ((d.max - d.min) / 200.0).max(1e-6) };
                d.value = if on { d.value.round() } else { d.value };
            }
        });
    });
    let remove = move |_| {
        own.edit(lab, "params", |f| {
            if index < f.params.len() {
                f.params.remove(index);
            }
        })
    };
    let lang = lab.lang;
    view! {
        <div class="declared">
            <Slider label=label value=value span=span path=own.path(&format!("params[{index}]")) on_change=set("value", |d, x| d.value = x) />
            <details class="more">
                <summary aria-label=move || format!("{name}: {}", i18n::now(lang.get(), "range", "范围"))>{t("range", "范围")}</summary>
                <div class="declared__range">
                    <Bound label="min" value=read(|d| d.min) on_change=set("min", |d, x| { d.min = x; d.max = d.max.max(x); d.value = d.value.max(x); }) />
                    <Bound label="max" value=read(|d| d.max) on_change=set("max", |d, x| { d.max = x; d.min = d.min.min(x); d.value = d.value.min(x); }) />
                    <Bound label="step" value=read(|d| d.step) on_change=set("step", |d, x| if x > 0.0 { d.step = x }) />
                    <Switch label=crate::app::controls::words("whole", "整数") on=whole on_change=set_whole />
                    <button type="button" class="quiet-button" on:click=handler(remove)>{t("Remove", "移除")}</button>
                </div>
            </details>
        </div>
    }
}

/// One end or the step of a range.
#[component]
fn Bound(
    /// Which.
    label: &'static str,
    /// The number.
    value: Signal<f64>,
    /// Called with a new one.
    on_change: Callback<f64>,
) -> impl IntoView {
    let zh = match label {
        "min" => "最小",
        "max" => "最大",
        _ => "步长",
    };
    view! {
        <label class="bound">
            <span>{t(label, zh)}</span>
            <input
                type="number"
                step="any"
                prop:value=move || number(value.get())
                on:change=handler(move |event| {
                    if let Some(x) = typed(&event_target_value(&event)) { on_change.run(x) }
                    event_target::<web_sys::HtmlInputElement>(&event).set_value(&number(value.get_untracked()));
                })
            />
        </label>
    }
}
