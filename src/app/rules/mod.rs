//! The second column: which query may see which key, and how strongly.
//!
//! | file | what it holds |
//! |---|---|
//! | `mask`, `thumbs` | the mask card; patterns chosen by their picture |
//! | `own`, `editor`, `highlight`, `messages` | formulas of the user's own: their declared sliders, the text with its faults, its colours, the words |
//! | `opening` | the button that makes a formula the user's own, or why there is none |
//! | `formulas` | what a formula needs to be compiled: names, values, tables |
//! | `params`, `tables`, `numbers`, `layout` | sliders of an entry; tables by token or head; lists as text; painted tiles |
//! | `painted` | cells switched by hand |
//! | `tools`, `combine`, `strip`, `reorder` | buttons to more; patterns joined with the mask; each layer by itself; tokens in another order |
//! | `heads`, `position`, `score`, `content`, `weights`, `conventions` | the other cards |
//! | `layers`, `prob` | mixes of layers; what is done to the weights: parts of the card `content` |
//! | `plastic` | what a Hebbian step does to the wires of a head: part of the card `content` |

mod combine;
mod content;
mod conventions;
mod editor;
pub mod formulas;
mod heads;
mod highlight;
mod layers;
mod layout;
mod mask;
mod messages;
pub mod numbers;
mod opening;
mod own;
mod painted;
mod params;
mod plastic;
mod position;
mod prob;
mod reorder;
mod score;
mod strip;
mod tables;
mod thumbs;
mod tools;
mod weights;

pub use content::ContentCard;
pub use conventions::ConventionsCard;
pub use heads::HeadsCard;
pub use mask::MaskCard;
pub use params::param_slider;
pub use position::PositionCard;
pub use score::ScoreCard;
pub use weights::WeightsCard;

pub use combine::{join_of, joins};
pub use opening::{OneFormula, Opening};
pub use thumbs::Thumb;
pub use tools::Open;

use leptos::prelude::*;

use crate::app::i18n::t;
use crate::app::view::view;
use crate::catalogue::{Paper, Text};

/// The second column below the mask.
#[component]
pub fn ScoreRules() -> impl IntoView {
    view! {
        <PositionCard />
        <ScoreCard />
        <ContentCard />
    }
}

/// And below that.
#[component]
pub fn OtherRules() -> impl IntoView {
    view! {
        <HeadsCard />
        <WeightsCard />
        <ConventionsCard />
    }
}

/// What an entry is for, where it was published, and what is ours.
#[component]
fn About(
    /// One sentence.
    about: Text,
    /// Where it was published.
    paper: Option<Paper>,
    /// Why our definition is what it is, where no paper fixes one.
    #[prop(default = None)]
    ours: Option<Text>,
) -> impl IntoView {
    view! {
        <p class="note about">
            {t(about.en, about.zh)}
            {paper.map(|paper| view! { " "<Cited paper=paper /> })}
        </p>
        {ours.map(|ours| view! {
            <details class="more">
                <summary>{t("What is ours in it", "本站的取舍")}</summary>
                <p class="note">{t(ours.en, ours.zh)}</p>
            </details>
        })}
    }
}

/// Where something was published, as a link to it.
#[component]
pub fn Cited(
    /// The paper.
    paper: Paper,
) -> impl IntoView {
    let Paper { title, year, id } = paper;
    view! {
        <cite><a href=paper.address() target="_blank" rel="noopener noreferrer">{format!("{title}, {year}, {id}")}</a></cite>
    }
}
