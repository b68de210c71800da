//! The weights of the head that is looked at, as a picture.

use leptos::prelude::*;

use super::parts::{Save, SavePng};
use super::save;
use super::taken::Taken;
use crate::app::i18n::{self, t};
use crate::app::palette::Palette;
use crate::app::reactive::Signal;
use crate::app::state::{Lab, lab};
use crate::app::view::view;
use crate::catalogue::Lang;
use crate::engine::Map;
use crate::experiment::Stage;
use crate::export::{Heat, Ramp, svg};

/// Most rows and columns that are named: of more the names would cover each other.
const NAMED: usize = 64;

/// The tab.
#[component]
pub fn Picture(
    /// What is exported.
    taken: Signal<Option<Taken>>,
) -> impl IntoView {
    view! { {move || taken.get().map(|taken| view! { <Drawn taken=taken /> })} }
}

/// The picture of one result.
#[component]
fn Drawn(taken: Taken) -> impl IntoView {
    let lab = lab();
    let Some((map, names)) = taken.matrix(lab, Stage::Weights) else {
        return view! {
            <p class="note" role="status">{t("There is no result yet.", "尚无结果。")}</p>
        };
    };
    let made = StoredValue::new((taken, map, names));
    let text = move || made.with_value(|(taken, map, names)| drawn(lab, taken, map, names.as_ref()));
    view! {
        <img class="export__picture" src=move || save::picture(&text()) alt=t("The heat map as it will be saved", "将保存的热图") />
        <div class="export__buttons">
            <Save en="Download SVG" zh="下载 SVG" file="attention.svg".to_owned() kind="image/svg+xml" make=Callback::new(move |()| Ok(text().into_bytes())) />
            <SavePng en="Download PNG" zh="下载 PNG" file="attention.png".to_owned() make=Callback::new(move |()| text()) />
        </div>
        <p class="note">{t("The colours are those of the page's theme.", "配色与页面主题相同。")}</p>
    }
}

fn drawn(lab: Lab, taken: &Taken, map: &Map, names: Option<&[Vec<String>; 2]>) -> String {
    let lang = lab.lang.get();
    let word = |en, zh| i18n::now(lang, en, zh);
    let none = [Vec::new(), Vec::new()];
    let [rows, columns] = names.filter(|[rows, columns]| rows.len().max(columns.len()) <= NAMED).unwrap_or(&none);
    let mut caption = taken.caption(lang, Stage::Weights);
    if map.request.pool.sampled().is_some() {
        let (rows, all) = (map.request.rows(), map.request.q.len());
        caption += &match lang {
            Lang::En => format!(" A sample: {rows} of {all} rows."),
            Lang::Zh => format!("抽样：{all} 行中的 {rows} 行。"),
        };
    }
    let heat = Heat {
        rows,
        columns,
        size: [map.request.height, map.request.width],
        values: &map.values,
        row_title: word("query", "查询"),
        column_title: word("key", "键"),
        unit: word("weight, share of the row", "权重，占该行的份额"),
        caption: &caption,
        link: &taken.link,
    };
    svg(&heat, &ramp(&Palette::current()))
}

/// The page's colours of weights on their ground.
fn ramp(palette: &Palette) -> Ramp {
    let stops: Vec<[u8; 3]> = (0..4).map(|i| palette.sequential(i as f32 / 3.0)).collect();
    let paper = palette.sequential(0.0);
    // `#rrggbb`, as the tokens are written.
    let text = palette.text_on(paper).trim_start_matches('#').to_owned();
    let byte = |i: usize| text.get(i..i + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()).unwrap_or(0);
    Ramp { stops, paper, ink: [byte(0), byte(2), byte(4)] }
}
