//! What claims about heads share: captured texts, one head's numbers, how far weights are apart.

use std::sync::Arc;

use super::answer::Ran;
use super::ask::Alter;
use super::settings::{Settings, Slider};
use crate::attention::inputs::Rng;
use crate::attention::{Inputs, Loaded};
use crate::catalogue::{Lang, Text};
use crate::experiment::{Choice, Input, Stage};
use crate::formula::Sorted;

/// Captured texts that are short, in the order of [`TEXT`].
const TEXTS: [&str; 6] = ["animal", "trophy", "keys", "german", "chinese", "code"];

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
    Input::Capture { id: TEXTS[number.min(TEXTS.len() - 1)].to_owned(), layer: layer as u32 }
}

/// An entry with one parameter.
pub fn with(id: &str, param: &str, value: f64) -> Choice {
    Choice { id: id.to_owned(), params: Sorted::from([(param.to_owned(), value)]) }
}

/// One of two texts.
pub fn said(lang: Lang, en: String, zh: String) -> String {
    match lang {
        Lang::En => en,
        Lang::Zh => zh,
    }
}

/// The part of numbers `[heads, …]` that is one head's.
pub fn part(numbers: &[f32], heads: usize, head: usize) -> &[f32] {
    let size = numbers.len() / heads.max(1);
    numbers.get(head * size..(head + 1) * size).unwrap_or_default()
}

/// The weights of a run that wanted them, `[heads, n_q, n_k]`.
pub fn weights(ran: &Ran) -> Option<&[f32]> {
    ran.outcome.matrix.as_ref().filter(|(stage, _)| *stage == Stage::Weights).map(|(_, all)| all.as_slice())
}

/// Half the sum of differences of two rows of weights, the mean over rows: 0 for the same, 1 where no key has weight in both.
pub fn moved(a: &[f32], b: &[f32], n_k: usize) -> f64 {
    let rows = (a.len() / n_k.max(1)).max(1);
    a.iter().zip(b).map(|(a, b)| f64::from((a - b).abs())).sum::<f64>() / (2.0 * rows as f64)
}

/// Q, K and V changed, each a list of its own.
pub fn changed(change: impl Fn(&Loaded, [&mut Vec<f32>; 3]) + Send + Sync + 'static) -> Alter {
    Alter::new(move |loaded| {
        let Inputs { q, k, v } = &loaded.inputs;
        let [mut q, mut k, mut v] = [q.to_vec(), k.to_vec(), v.to_vec()];
        change(loaded, [&mut q, &mut k, &mut v]);
        Loaded { inputs: Inputs { q: Arc::new(q), k: Arc::new(k), v: Arc::new(v) }, ..loaded.clone() }
    })
}

/// Q, K and V of one head set to 0.
pub fn without(head: usize) -> Alter {
    changed(move |loaded, qkv| {
        let heads = [loaded.dims.q_heads, loaded.dims.kv_heads, loaded.dims.kv_heads];
        for (numbers, heads) in qkv.into_iter().zip(heads) {
            let size = numbers.len() / heads.max(1);
            numbers.iter_mut().skip(head * size).take(size).for_each(|x| *x = 0.0);
        }
    })
}

/// Normal numbers.
pub fn normals(seed: u64, count: usize) -> Vec<f32> {
    Rng::new(seed).normals(count).into_iter().map(|x| x as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_that_share_no_key_are_one_apart() {
        assert_eq!(moved(&[1.0, 0.0, 0.5, 0.5], &[0.0, 1.0, 0.5, 0.5], 2), 0.5);
        assert_eq!((part(&[1.0, 2.0, 3.0, 4.0], 2, 1), part(&[1.0], 1, 3)), (&[3.0, 4.0][..], &[][..]));
    }
}
