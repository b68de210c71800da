//! Captured texts: one at one layer, as two sliders choose, or one at several layers.

use super::super::answer::{Answers, Ran};
use super::super::ask::subject;
use super::super::settings::{Settings, Slider};
use crate::catalogue::Text;
use crate::experiment::{Experiment, Input};

/// Short texts, in the order of [`TEXT`].
const SHORT: [&str; 6] = ["animal", "trophy", "keys", "german", "chinese", "code"];

/// One of the captured texts.
pub const TEXT: Slider = Slider::choice(
    "text",
    Text::new("captured text", "采集的文本"),
    &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0],
    &[
        Text::new("the tired animal", "疲惫的动物"),
        Text::new("an ambiguous pronoun", "歧义代词"),
        Text::new("a nested clause", "嵌套从句"),
        Text::new("a German clause", "德语从句"),
        Text::new("a Chinese sentence", "中文句子"),
        Text::new("a line of code", "一行代码"),
    ],
);

/// One of the model's layers.
pub const LAYER: Slider = Slider::numbers("layer", Text::new("layer", "层"), &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3.0, 3.0);

/// The input that [`TEXT`] and [`LAYER`] stand for.
pub fn captured(settings: &Settings) -> Input {
    text(settings.count("text"), settings.count("layer"))
}

/// A captured text by its number, at a layer.
pub fn text(number: usize, layer: usize) -> Input {
    Input::Capture { id: SHORT[number.min(SHORT.len() - 1)].to_owned(), layer: layer as u32 }
}

/// Texts, and which of their layers are looked at; of the long one few, since each is a megabyte.
const LAYERED: [(&str, &[u32]); 3] =
    [("animal", &[1, 2, 3, 4, 5, 6]), ("code", &[1, 2, 3, 4, 5, 6]), ("lock", &[1, 3, 6])];

const LAYERED_NAMES: [Text; 3] = [
    Text::new("a sentence, 16 tokens", "一个句子，16 个词元"),
    Text::new("a line of code, 26 tokens", "一行代码，26 个词元"),
    Text::new("a long text, 500 tokens", "一篇长文，500 个词元"),
];

/// Which text, short or long, as a slider that stands on `usual`; its layers are all looked at.
pub const fn layered(usual: f64) -> Slider {
    Slider {
        id: "text",
        name: Text::new("captured text", "采集的文本"),
        stops: &[0.0, 1.0, 2.0],
        names: &LAYERED_NAMES,
        usual,
        deeper: 2.0,
    }
}

/// The layers of the chosen text.
pub fn layers(settings: &Settings) -> &'static [u32] {
    LAYERED.get(settings.count("text")).map_or(&[], |(_, layers)| layers)
}

/// A layer of the chosen text.
pub fn at_layer(settings: &Settings, layer: u32) -> Input {
    let id = LAYERED.get(settings.count("text")).map_or("animal", |(id, _)| id);
    Input::Capture { id: id.to_owned(), layer }
}

/// The runs of `what` on every layer that the slider chooses, as far as they are there.
pub fn on_layers<'a>(settings: &Settings, answers: &'a Answers, what: &str) -> Vec<(u32, &'a Ran)> {
    let run = |&layer: &u32| Some((layer, answers.ran(&format!("L{layer}/{what}"))?));
    layers(settings).iter().filter_map(run).collect()
}

/// The key of a run on a captured layer.
pub fn on(layer: u32, what: &str) -> String {
    format!("L{layer}/{what}")
}

/// Attention over a captured layer as it was captured.
pub fn plain(settings: &Settings, layer: u32) -> Experiment {
    subject(at_layer(settings, layer))
}
