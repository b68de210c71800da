//! Sliders and switches of a catalogue entry's declared parameters.

use leptos::prelude::*;

use super::formulas::{table, values_of};
use crate::app::controls::{Slider, Span, Switch, words_of};
use crate::app::reactive::Signal;
use crate::app::state::{Lab, lab};
use crate::app::view::view;
use crate::catalogue::{self, Param, Table};
use crate::experiment::{Experiment, WindowEdge};
use crate::formula::{Sorted, Ty};

/// Whose parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The mask entry.
    Mask,
    /// The position entry.
    Position,
    /// The product entry.
    Product,
    /// The selection entry.
    Selection,
    /// The layout of heads.
    Layout,
    /// The hybrid entry.
    Hybrid,
    /// The estimator in the place of the first branch.
    First,
    /// The mask or estimator of the second branch, with the tables of the mask.
    Branch,
    /// The normaliser.
    Normaliser,
    /// What is done to the weights.
    Prob,
    /// The mix of layers.
    Layers,
    /// The pattern of that place among those joined with the mask.
    Joined(usize),
}

impl Owner {
    /// Path of a parameter in the experiment.
    fn path(self, param: &str) -> String {
        let of = match self {
            Self::Mask => "mask",
            Self::Position => "position",
            Self::Product => "product",
            Self::Selection => "selection",
            Self::Layout => "layout",
            Self::Hybrid => "hybrid",
            Self::First => "branch_a",
            Self::Branch => "branch",
            Self::Normaliser => "normaliser",
            Self::Prob => "prob",
            Self::Layers => "layers",
            Self::Joined(at) => return format!("combine[{at}].params.{param}"),
        };
        format!("{of}.params.{param}")
    }

    /// The values that are set.
    pub fn given(self, e: &Experiment) -> &Sorted<String, f64> {
        match self {
            Self::Mask => &e.mask.params,
            Self::Position => &e.position.params,
            Self::Product => &e.product.params,
            Self::Selection => &e.selection.params,
            Self::Layout => &e.layout.params,
            Self::Hybrid => &e.hybrid.params,
            Self::First => &e.branch_a.params,
            Self::Branch => &e.branch.params,
            Self::Normaliser => &e.normaliser.params,
            Self::Prob => &e.prob.params,
            Self::Layers => &e.layers.params,
            Self::Joined(at) => e.combine.get(at).map_or(&NONE, |layer| &layer.params),
        }
    }

    fn given_mut(self, e: &mut Experiment) -> Option<&mut Sorted<String, f64>> {
        Some(match self {
            Self::Mask => &mut e.mask.params,
            Self::Position => &mut e.position.params,
            Self::Product => &mut e.product.params,
            Self::Selection => &mut e.selection.params,
            Self::Layout => &mut e.layout.params,
            Self::Hybrid => &mut e.hybrid.params,
            Self::First => &mut e.branch_a.params,
            Self::Branch => &mut e.branch.params,
            Self::Normaliser => &mut e.normaliser.params,
            Self::Prob => &mut e.prob.params,
            Self::Layers => &mut e.layers.params,
            Self::Joined(at) => &mut e.combine.get_mut(at)?.params,
        })
    }

    /// What the chosen entry declares: parameters and tables.
    pub fn declares(self, e: &Experiment) -> (&'static [Param], Vec<&'static Table>) {
        let of_mask = |id: &str| catalogue::mask(id).map(|entry| (entry.params, entry.tables.iter().collect()));
        let found = match self {
            Self::Mask => of_mask(&e.mask.id),
            Self::Joined(at) => e.combine.get(at).and_then(|layer| of_mask(&layer.id)),
            Self::Position => catalogue::position(&e.position.id).map(|entry| (entry.params, entry.tables())),
            // Their tables are computed.
            Self::Product => catalogue::product(&e.product.id).map(|entry| (entry.params, Vec::new())),
            Self::Selection => catalogue::selection(&e.selection.id).map(|entry| (entry.params, Vec::new())),
            Self::Layout => catalogue::layout(&e.layout.id).map(|entry| (entry.params, entry.tables.iter().collect())),
            Self::Hybrid => catalogue::hybrid(&e.hybrid.id).map(|entry| (entry.params, Vec::new())),
            Self::First => catalogue::first_branch(&e.branch_a.id).map(|params| (params, Vec::new())),
            Self::Branch => {
                of_mask(&e.branch.id).or_else(|| catalogue::branch(&e.branch.id).map(|params| (params, Vec::new())))
            }
            Self::Normaliser => {
                catalogue::normaliser(&e.normaliser.id).map(|entry| (entry.params, entry.tables.iter().collect()))
            }
            Self::Prob => catalogue::probability(&e.prob.id).map(|entry| (entry.params, Vec::new())),
            Self::Layers => catalogue::mix(&e.layers.id).map(|entry| (entry.params, Vec::new())),
        };
        found.unwrap_or_default()
    }
}

/// What is given of a pattern that is there no more.
static NONE: Sorted<String, f64> = Sorted::new();

/// A parameter's value where it is not given: what a convention says of it, else its default.
pub fn usual(e: &Experiment, param: &Param) -> f64 {
    if e.conventions.switches_on(param.name) { 1.0 } else { param.default }
}

/// Whether a parameter is set by the convention on window edges: the mask card then switches the convention.
fn is_window_edge(param: &Param) -> bool {
    param.ty == Ty::Bool && param.name == "inclusive"
}

/// A control for each declared parameter.
#[component]
pub fn ParamRows(
    /// Whose.
    owner: Owner,
    /// What the entry declares.
    params: &'static [Param],
) -> impl IntoView {
    params.iter().map(|param| view! { <Row owner=owner param=param /> }).collect_view()
}

#[component]
fn Row(owner: Owner, param: &'static Param) -> impl IntoView {
    let lab = lab();
    let value = Signal::memo(move || {
        lab.experiment.with(|e| owner.given(e).get(param.name).copied().unwrap_or(usual(e, param)))
    });
    if is_window_edge(param) {
        let on = Signal::derive(move || lab.experiment.with(|e| e.conventions.window == WindowEdge::Inclusive));
        let set = Callback::new(move |on| {
            lab.edit("conventions.window", |e| {
                e.conventions.window = if on { WindowEdge::Inclusive } else { WindowEdge::Exclusive }
            });
        });
        return view! { <Switch label=words_of(param.label) on=on on_change=set /> };
    }
    if param.ty == Ty::Bool {
        let on = Signal::derive(move || value.get() != 0.0);
        return view! { <Switch label=words_of(param.label) on=on on_change=Callback::new(move |on| set(lab, owner, param, f64::from(u8::from(on)))) /> };
    }
    let change = Callback::new(move |x| set(lab, owner, param, x));
    param_slider(param, value, owner.path(param.name), change)
}

/// A slider over the range of a declared parameter whose field is `path`.
pub fn param_slider(param: &'static Param, value: Signal<f64>, path: String, on_change: Callback<f64>) -> AnyView {
    // Ranges over several decades are even in ratio.
    let span = if param.min > 0.0 && param.max / param.min >= 1000.0 && param.ty == Ty::Float {
        Span::log(param.min, param.max)
    } else {
        Span::new(param.min, param.max, param.step)
    };
    view! {
        <Slider
            label=words_of(param.label)
            value=value
            span=span.up_to(param.hard_max)
            path=path
            on_change=on_change
        />
    }
}

/// Sets a parameter; at its usual value it is left out. Tables of the user's that no longer fit go with it.
fn set(lab: Lab, owner: Owner, param: &'static Param, value: f64) {
    let dims = lab.loaded.with_untracked(|l| l.as_ref().map(|l| l.dims));
    lab.edit(&owner.path(param.name), |e| {
        let usual = usual(e, param);
        let Some(given) = owner.given_mut(e) else { return };
        if value == usual {
            given.remove(param.name);
        } else {
            given.insert(param.name.to_owned(), value);
        }
        let (params, tables) = owner.declares(e);
        let values = values_of(params, owner.given(e));
        for named in tables {
            if let (Some(dims), Some(given)) = (dims, e.data.get(named.name)) {
                let made = table(named, &dims, &values, e.seed, &Sorted::new());
                if made.values.len() != given.len() {
                    e.data.remove(named.name);
                }
            }
        }
    });
}
