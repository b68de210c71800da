//! The parts of the page that a frame can show, by their names in an address.

use leptos::prelude::*;

use super::pattern::Pattern;
use crate::app::view::view;
use crate::app::{claims, estimators, inputs, map, positions, result, rules};
use crate::catalogue::Text;

/// What the name of a claim's frame begins with.
pub const CLAIM: &str = "claim:";

/// What a frame shows large.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// The map.
    #[default]
    Map,
    /// The map, with controls unless the address names others.
    Controls,
    /// The output, and why the chosen cell is what it is.
    Output,
    /// Times.
    Timing,
    /// The mask's formula and tiles.
    Formula,
    /// Position schemes over distance.
    Positions,
    /// Something else in attention's place, with its error.
    Estimators,
    /// The claims on the bench, or one of them.
    Claims,
}

impl Layout {
    /// Every layout with its name in addresses.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::Map, "map"),
        (Self::Controls, "controls"),
        (Self::Output, "output"),
        (Self::Timing, "timing"),
        (Self::Formula, "formula"),
        (Self::Positions, "positions"),
        (Self::Estimators, "estimators"),
        (Self::Claims, "claims"),
    ];

    /// The layout of a name; `claim:` and the id of a claim is that of the claims.
    pub fn named(name: &str) -> Option<Self> {
        if name.starts_with(CLAIM) {
            return Some(Self::Claims);
        }
        Self::ALL.iter().find(|(_, other)| *other == name).map(|(layout, _)| *layout)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(layout, _)| *layout == self).map_or("", |(_, name)| name)
    }

    /// What an author reads who chooses it.
    pub fn label(self) -> Text {
        match self {
            Self::Map => Text::new("Map", "注意力图"),
            Self::Controls => Text::new("Map and controls", "注意力图与控件"),
            Self::Output => Text::new("Output", "输出"),
            Self::Timing => Text::new("Timing", "计时"),
            Self::Formula => Text::new("Formula and tiles", "公式与分块"),
            Self::Positions => Text::new("Position laboratory", "位置实验室"),
            Self::Estimators => Text::new("Estimator and its error", "近似方法及其误差"),
            Self::Claims => Text::new("Claims on the bench", "论断实测"),
        }
    }

    /// The controls beside it where the address names none.
    pub fn controls(self) -> &'static [Control] {
        match self {
            Self::Controls => &[Control::Mask, Control::Position, Control::Heads],
            _ => &[],
        }
    }

    /// Its views. `claim` is the claim that the address names, with its sliders, or nothing.
    pub fn view(self, claim: &str) -> AnyView {
        match self {
            Self::Map | Self::Controls => view! { <map::MapCard /> },
            Self::Output => view! {
                <div class="card"><result::Output /></div>
                <div class="card"><result::Why /></div>
                <div class="card"><result::Row /></div>
            },
            Self::Timing => view! { <div class="card"><result::TimingCard /></div> },
            Self::Formula => view! { <Pattern /> },
            Self::Positions => view! { <div class="card"><positions::Laboratory /></div> },
            Self::Estimators => view! { <div class="card"><estimators::Estimators open=true /></div> },
            Self::Claims => view! { <div class="card"><claims::Laboratory asked=claim.to_owned() /></div> },
        }
    }
}

/// A group of controls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Where Q, K and V come from.
    Inputs,
    /// Q, K and V, cell by cell.
    Matrices,
    /// The mask.
    Mask,
    /// The position scheme.
    Position,
    /// Scale, temperature, softcap, formula.
    Score,
    /// Product, selection, second branch, weights and layers.
    Content,
    /// What becomes of the heads.
    Layout,
    /// The normaliser.
    Weights,
    /// Where libraries differ.
    Conventions,
    /// All heads as small maps.
    Heads,
}

impl Control {
    /// Every control, in the order of the page.
    pub const ALL: [Self; 10] = [
        Self::Inputs,
        Self::Matrices,
        Self::Mask,
        Self::Position,
        Self::Score,
        Self::Content,
        Self::Layout,
        Self::Weights,
        Self::Conventions,
        Self::Heads,
    ];

    /// The control of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|control| control.name() == name)
    }

    /// Its name in an address.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inputs => "inputs",
            Self::Matrices => "matrices",
            Self::Mask => "mask",
            Self::Position => "position",
            Self::Score => "score",
            Self::Content => "content",
            Self::Layout => "layout",
            Self::Weights => "weights",
            Self::Conventions => "conventions",
            Self::Heads => "heads",
        }
    }

    /// Its name for people.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Inputs => ("Source of Q, K, V", "Q、K、V 的来源"),
            Self::Matrices => ("Matrices", "矩阵"),
            Self::Mask => ("Mask", "掩码"),
            Self::Position => ("Position", "位置"),
            Self::Score => ("Scores", "分数"),
            Self::Content => ("Product, selection, hybrid, dropout, layers", "乘积、选择、混合、失活与层"),
            Self::Layout => ("Layout of heads", "头的布局"),
            Self::Weights => ("Normaliser", "归一化"),
            Self::Conventions => ("Conventions", "约定"),
            Self::Heads => ("All heads", "所有头"),
        }
    }

    /// Its view.
    pub fn view(self) -> AnyView {
        match self {
            Self::Inputs => view! { <inputs::SourceCard /> },
            Self::Matrices => view! { <inputs::MatricesCard /> },
            Self::Mask => view! { <rules::MaskCard /> },
            Self::Position => view! { <rules::PositionCard /> },
            Self::Score => view! { <rules::ScoreCard /> },
            Self::Content => view! { <rules::ContentCard /> },
            Self::Layout => view! { <rules::HeadsCard /> },
            Self::Weights => view! { <rules::WeightsCard /> },
            Self::Conventions => view! { <rules::ConventionsCard /> },
            Self::Heads => view! { <map::AllHeads /> },
        }
    }
}
