//! W_Q, W_K and W_V of a stream: seeded, or the user's own.

use leptos::prelude::*;

use super::{Stream, change, change_second};
use crate::app::controls::{Choices, Item, Look, words};
use crate::app::inputs::numbers::{Part, Rows, RowsField};
use crate::app::reactive::Signal;
use crate::app::state::{Lab, lab};
use crate::app::view::view;
use crate::attention::Dims;
use crate::attention::inputs::{self, Seed};
use crate::experiment::{Input, Weights};

/// What the matrices of Q, K and V are called, and their colour.
fn names(of: Stream) -> [(&'static str, &'static str); 3] {
    match of {
        Stream::A => [("W_Q", "q"), ("W_K", "k"), ("W_V", "v")],
        Stream::B => [("W_Q (B)", "q"), ("W_K (B)", "k"), ("W_V (B)", "v")],
    }
}

/// Changes the matrices of a stream.
fn set(lab: Lab, of: Stream, set: impl FnOnce(&mut Weights)) {
    match of {
        Stream::A => change(lab, "input.weights", |_, weights, _| set(weights)),
        Stream::B => change_second(lab, "input.weights_b", |weights| {
            if let Some(weights) = weights {
                set(weights);
            }
        }),
    }
}

/// How the matrices are made, and the user's own as text.
#[component]
pub fn Matrices(
    /// Whose.
    of: Stream,
) -> impl IntoView {
    let lab = lab();
    let weights = Signal::memo(move || {
        lab.experiment.with(|e| match &e.input {
            Input::Projected { weights, weights_b, .. } => match of {
                Stream::A => weights.clone(),
                Stream::B => weights_b.clone().unwrap_or_default(),
            },
            _ => Weights::Normal,
        })
    });
    let kind = Signal::memo(move || {
        weights.with(|weights| match weights {
            Weights::Normal => "normal",
            Weights::Identity => "identity",
            Weights::Orthogonal => "orthogonal",
            Weights::Rows { .. } => "rows",
        })
    });
    let choose = Callback::new(move |id: String| {
        let next = match id.as_str() {
            "normal" => Weights::Normal,
            "identity" => Weights::Identity,
            "orthogonal" => Weights::Orthogonal,
            _ => match lab.experiment.with_untracked(|e| own(&e.input, of)) {
                Some(own) => own,
                None => return,
            },
        };
        set(lab, of, |weights| *weights = next);
    });
    let label = match of {
        Stream::A => words("W_Q, W_K, W_V", "W_Q、W_K、W_V"),
        Stream::B => words("W_Q, W_K, W_V of stream B", "流 B 的 W_Q、W_K、W_V"),
    };
    let items = [
        ("normal", "Normal", "正态"),
        ("identity", "Identity", "单位"),
        ("orthogonal", "Orthogonal", "正交"),
        ("rows", "Own", "自定"),
    ];
    let items = items.map(|(id, en, zh)| Item::new(id, words(en, zh))).to_vec();
    view! {
        <p class="above">{label}</p>
        <Choices label=label items=items chosen=Signal::derive(move || kind.get().to_owned()) on_choose=choose look=Look::Segments />
        {move || (kind.get() == "rows").then(|| {
            (0..3).map(|at| {
                let (name, colour) = names(of)[at];
                let rows = Signal::memo(move || weights.with(|weights| match weights {
                    Weights::Rows { q, k, v } => Part::one([q, k, v][at].clone()),
                    _ => Part::default(),
                }));
                let on_rows = Callback::new(move |new: Part| set(lab, of, |weights| {
                    if let Weights::Rows { q, k, v } = weights {
                        *[q, k, v][at] = new.rows.into();
                    }
                }));
                view! { <RowsField name=name colour=colour rows=rows typed=rows on_rows=on_rows /> }
            }).collect_view()
        })}
    }
}

/// The matrices of now as the user's own, rounded to be read.
fn own(input: &Input, of: Stream) -> Option<Weights> {
    let Input::Projected { x, weights, weights_b, size, seed, normals, .. } = input else { return None };
    let seed = Seed { number: *seed, normals: *normals };
    let (weights, seed) = match of {
        Stream::A => (weights, seed),
        Stream::B => (weights_b.as_ref()?, inputs::second(seed)),
    };
    let n = x.streams().iter().sum();
    let dims =
        Dims { batch: 1, q_heads: size.q_heads, kv_heads: size.kv_heads, n_q: n, n_k: n, d: size.d, d_v: size.d_v };
    let width = x.width();
    let [q, k, v] = inputs::matrices(weights, width, &dims, seed).map(|all| -> Rows {
        let columns = all.len() / width.max(1);
        let round = |x: &f64| ((x * 1000.0).round() / 1000.0) as f32;
        all.chunks(columns.max(1)).map(|row| row.iter().map(round).collect()).collect()
    });
    Some(Weights::Rows { q, k, v })
}
