//! Lengths of the gradients by token as strips, and derivatives by numbers.

use leptos::html::Canvas;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::ask::{Answer, Question};
use crate::app::controls::{exponential, fixed, number as unsigned, signed};
use crate::app::element::NodeRef;
use crate::app::i18n::{self, t};
use crate::app::map::{Scale, paint_cells};
use crate::app::palette::Palette;
use crate::app::reactive::{RwSignal, Signal, effect};
use crate::app::result::ms;
use crate::app::runner;
use crate::app::state::{Lab, lab};
use crate::app::view::{handler, view};
use crate::attention::gradients::Named;
use crate::engine::pool::{Cancel, RunError};
use crate::engine::{Map, MapRequest, Pool};
use crate::experiment::{Message, Stage};

/// Most pixels of a strip; of more tokens each shows the longest of several.
const PIXELS: usize = 512;
/// Most entries of a table that are written out.
const ENTRIES: usize = 8;

/// The gradients.
#[component]
pub fn Body(
    /// Whether they are open.
    opened: RwSignal<bool>,
) -> impl IntoView {
    let lab = lab();
    let (answer, fault, busy) = (RwSignal::new(None), RwSignal::new(None), RwSignal::new(false));
    compute(lab, answer, fault, busy);
    view! {
        <section class="estimate" aria-busy=move || busy.get().to_string()>
            <h3 class="card__head">
                {t("Gradients", "梯度")}
                <button type="button" class="quiet-button" on:click=handler(move |_| opened.set(false))>{t("Close", "关闭")}</button>
            </h3>
            <p class="note">{t(
                "Of the sum of all outputs: how much it changes with each token's query, key and value in the chosen head, and with each number of the rules. Masks and selections are held still.",
                "对所有输出之和：它随所选头中每个词元的查询、键与值变化多少，以及随规则中的每个数变化多少。掩码与选择视为不变。",
            )}</p>
            {move || fault.get().map(|why: Message| view! { <p class="issue" role="alert">{move || why.get(lab.lang.get()).to_owned()}</p> })}
            {move || answer.get().map(|answer| view! { <Result answer=answer /> })}
        </section>
    }
}

/// Asks whenever the experiment or its input has changed; a newer question stops an older one.
fn compute(lab: Lab, answer: RwSignal<Option<Answer>>, fault: RwSignal<Option<Message>>, busy: RwSignal<bool>) {
    let pool = runner::pool();
    let running = StoredValue::new_local(Cancel::default());
    let question = Signal::memo(move || Question::of(lab));
    on_cleanup(move || running.with_value(Cancel::cancel));
    effect(move || {
        running.with_value(Cancel::cancel);
        // While something is wrong the last gradients stay, as the last result does.
        let Some(question) = question.get() else { return busy.set(false) };
        let cancel = Cancel::default();
        running.set_value(cancel.clone());
        let pool = pool.get_value();
        busy.set(true);
        spawn_local(async move {
            match question.ask(&pool, cancel).await {
                Ok(done) => {
                    fault.try_set(None);
                    answer.try_set(Some(done));
                }
                // A newer question has taken over, or the view is closed.
                Err(RunError::Cancelled) => return,
                Err(error) => {
                    answer.try_set(None);
                    fault.try_set(Some(error.message()));
                }
            }
            busy.try_set(false);
        });
    });
}

/// What came of it.
#[component]
fn Result(answer: Answer) -> impl IntoView {
    let lab = lab();
    let Answer { params, kernel, why, ms: took, .. } = answer.clone();
    let too_many = params.is_empty();
    let answer = StoredValue::new(answer);
    let head = Signal::memo(move || lab.experiment.with(|e| e.view.head));
    view! {
        {["dQ", "dK", "dV"].into_iter().enumerate().map(|(which, name)| view! { <Strip answer=answer which=which name=name head=head /> }).collect_view()}
        <table class="steps">
            <tbody>
                {params.into_iter().map(|(name, by)| view! { <tr><th scope="row"><code>{name}</code></th><td>{told(&by)}</td></tr> }).collect_view()}
            </tbody>
        </table>
        {too_many.then(|| view! { <p class="note">{t("Derivatives by the numbers of the rules are shown for fewer tokens.", "词元较少时才显示对规则中各数的导数。")}</p> })}
        <p class="note">
            <code>{kernel}</code> " " {ms(took)}
            {why.map(|why| view! { " · " {move || why.get(lab.lang.get()).to_owned()} })}
        </p>
    }
}

/// The length of one gradient's row, token by token.
#[component]
fn Strip(
    /// The gradients.
    answer: StoredValue<Answer>,
    /// Of Q, K or V.
    which: usize,
    /// Its name.
    name: &'static str,
    /// The query head; keys and values are those that it reads.
    head: Signal<usize>,
) -> impl IntoView {
    let lab = lab();
    let canvas = NodeRef::<Canvas>::new();
    let lengths = Signal::memo(move || answer.with_value(|answer| lengths(answer, which, head.get())));
    effect(move || {
        lab.lang.track();
        let Some(canvas) = canvas.get() else { return };
        let map = lengths.with(|lengths| strip(lengths));
        // Without a context the number beside it still tells the longest.
        let _ = paint_cells(&canvas, &map, &Scale::of(&map), &Palette::current());
    });
    let most = move || {
        lengths.with(|lengths| {
            let top = |top: (usize, f32), (at, &x): (usize, &f32)| if x > top.1 { (at, x) } else { top };
            let (at, most) = lengths.iter().enumerate().fold((0, 0.0), top);
            let token = lab.tokens(which > 0).get(at).cloned().unwrap_or_default();
            format!("{} {} · {} {token}", i18n::now(lab.lang.get(), "longest", "最长"), unsigned(most.into()), at + 1)
        })
    };
    view! {
        <figure>
            <h4>{name} <small>{most}</small></h4>
            <canvas
                node_ref=canvas
                class="gradients__strip"
                role="img"
                aria-label=move || format!("{name}: {}", most())
            ></canvas>
        </figure>
    }
}

/// Euclidean lengths of the rows of one gradient, of the first sequence.
fn lengths(answer: &Answer, which: usize, head: usize) -> Vec<f32> {
    let dims = answer.dims;
    let (rows, size, head) = match which {
        0 => (dims.n_q, dims.d, head),
        1 => (dims.n_k, dims.d, dims.kv_head(head)),
        _ => (dims.n_k, dims.d_v, dims.kv_head(head)),
    };
    let numbers = answer.qkv.get(which).and_then(|all| all.get(head * rows * size..(head + 1) * rows * size));
    let length = |row: &[f32]| row.iter().map(|x| x * x).sum::<f32>().sqrt();
    numbers.unwrap_or_default().chunks_exact(size.max(1)).map(length).collect()
}

/// Numbers as a picture one pixel high.
fn strip(lengths: &[f32]) -> Map {
    let width = lengths.len().clamp(1, PIXELS);
    let part = |i: usize| i * lengths.len() / width..(i + 1) * lengths.len() / width;
    let values = (0..width).map(|i| lengths[part(i)].iter().copied().fold(0.0, f32::max)).collect();
    let request = MapRequest {
        stage: Stage::Weights,
        batch: 0,
        head: 0,
        q: 0..1,
        k: 0..width,
        width,
        height: 1,
        pool: Pool::Max,
    };
    Map { request, values }
}

/// A derivative by a number, or by the entries of a table: those, or of many their length.
fn told(by: &Named) -> String {
    if by.values.len() <= ENTRIES {
        return by.values.iter().map(|&x| number(x)).collect::<Vec<_>>().join("  ");
    }
    let length = by.values.iter().map(|x| x * x).sum::<f64>().sqrt();
    let shape: Vec<String> = by.shape.iter().map(usize::to_string).collect();
    format!("‖·‖ {} ({})", number(length), shape.join(" × "))
}

/// A number with three places that count.
fn number(x: f64) -> String {
    match x.abs() {
        0.0 => fixed(x, 0),
        size if !(1e-3..1e5).contains(&size) => exponential(x, 2),
        size if size >= 100.0 => signed(x, 0),
        size if size >= 1.0 => signed(x, 2),
        _ => signed(x, 4),
    }
}
