//! What an entry leaves of the pairs at the experiment's own size: counted, walked layer by layer, and drawn. It is worked out in slices of a few
//! milliseconds between other things the page does; what depends on the contents of Q and K is first computed in a worker, over the input as it is.

use std::sync::Arc;

use leptos::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::analysis::layers::{patterns, reach_of_mix};
use crate::analysis::reach::{Reach, Walk};
use crate::app::clock;
use crate::app::reactive::RwSignal;
use crate::app::state::Lab;
use crate::attention::lowering::Columns;
use crate::attention::{Loaded, Plan, RowRules, assemble};
use crate::catalogue::{self, List, Summary, Text};
use crate::engine::pool::{Cancel, Pool};
use crate::experiment::{Choice, Experiment, MaskChoice, Message};

/// Milliseconds at a time.
const SLICE_MS: f64 = 4.0;
/// Most tokens for which the reach is walked: it grows with their cube.
pub const WALKED: usize = 1024;
/// Most rows and columns of the picture.
const SIDE: usize = 64;

/// What is known so far.
#[derive(Clone, Debug, PartialEq)]
pub enum Known {
    /// Nothing.
    Nothing,
    /// Allowed pairs.
    Pairs(Counted),
    /// Allowed pairs, and the reach; none where it is not worked out.
    All(Counted, Option<Reach>),
    /// It can't be worked out, and why.
    Unfit(Message),
}

/// Rows and columns of a picture, and whether any pair inside a pixel is allowed.
pub type Pixels = Arc<([usize; 2], Vec<bool>)>;

/// The pairs.
#[derive(Clone, Debug, PartialEq)]
pub struct Counted {
    /// Those that are allowed.
    pub pairs: u64,
    /// Queries.
    pub rows: usize,
    /// Keys as the entry leaves them: tokens, groups of them, or both.
    pub columns: usize,
    /// Whether columns are tokens one by one.
    pub plain: bool,
    /// Their picture; empty until all are counted.
    pub picture: Pixels,
}

/// Most tokens of a picture that is made beside others, of every entry of a list.
const SKETCHED: usize = 128;

/// The picture of what an entry leaves, of a short input; none of a longer one, and where it can't be worked out.
pub async fn sketch((lab, pool): (Lab, Pool), entry: Summary, cancel: Cancel) -> Option<Pixels> {
    let (now, loaded) = (lab.experiment.get_untracked(), lab.loaded.get_untracked()?);
    if loaded.dims.n_q.max(loaded.dims.n_k) > SKETCHED {
        return None;
    }
    let experiment = subject(&now, &entry);
    let (plan, _) = settled(&experiment, &loaded, &pool, cancel).await.ok()?;
    let (n_q, n_k) = (plan.dims.n_q, plan.dims.n_k);
    let head = experiment.view.head.min(plan.dims.q_heads.saturating_sub(1));
    let mut picture = Picture::new(n_q, n_k);
    let mut rules = RowRules::new(&plan, n_k);
    let mut row = vec![0_u8; n_k];
    for q in 0..n_q {
        rules.begin_row(&plan, 0, head, q);
        rules.mask(&plan, 0, &mut row);
        picture.mark(q, &row);
    }
    Some(picture.done())
}

/// A picture on its way.
struct Picture {
    size: [usize; 2],
    of: [usize; 2],
    pixels: Vec<bool>,
}

impl Picture {
    /// Of so many queries and columns.
    fn new(n_q: usize, n_k: usize) -> Self {
        let size = [n_q.min(SIDE), n_k.min(SIDE)];
        Self { size, of: [n_q, n_k], pixels: vec![false; size[0] * size[1]] }
    }

    /// Takes a row; gives how many pairs it has.
    fn mark(&mut self, q: usize, row: &[u8]) -> u64 {
        let ([height, width], [n_q, n_k]) = (self.size, self.of);
        let mut pairs = 0;
        for k in (0..n_k).filter(|&k| row[k] != 0) {
            pairs += 1;
            self.pixels[q * height / n_q * width + k * width / n_k] = true;
        }
        pairs
    }

    fn done(self) -> Pixels {
        Arc::new((self.size, self.pixels))
    }
}

/// Whether an entry has a part in which pairs are allowed.
pub fn decides(list: List) -> bool {
    matches!(list, List::Mask | List::Selection | List::Hybrid | List::Mix)
}

/// The experiment whose pairs are those of an entry: a mask by itself, a mix of layers and a selection with the mask that is set. What leaves the pairs
/// alone has those of that mask.
fn subject(now: &Experiment, entry: &Summary) -> Experiment {
    match entry.list {
        List::Mask => {
            // The chosen entry as it is set, another one with its defaults.
            let set = now.mask.id == entry.id;
            let mask = if set { now.mask.clone() } else { MaskChoice::of(entry.id) };
            Experiment { mask, combine: Vec::new(), paint: Vec::new(), layers: Choice::of("same"), ..patterns(now) }
        }
        List::Selection | List::Hybrid => {
            let mut next =
                Experiment { normaliser: Choice::of("softmax"), prob: MaskChoice::of("none"), ..now.clone() };
            put(&mut next, entry);
            next
        }
        List::Mix => {
            let mut next = patterns(now);
            put(&mut next, entry);
            next
        }
        _ => patterns(now),
    }
}

/// Chooses an entry, which keeps its parameters if it is chosen already.
pub fn put(e: &mut Experiment, entry: &Summary) {
    if e.chosen(entry.list) != entry.id {
        e.choose(entry.list, entry.id);
    }
}

/// Works them out until nobody wants to know any more.
pub async fn work(
    (lab, pool): (Lab, Pool),
    entry: Summary,
    known: RwSignal<Known>,
    (alive, cancel): (StoredValue<()>, Cancel),
) {
    let now = lab.experiment.get_untracked();
    let Some(loaded) = lab.loaded.get_untracked() else {
        let text = Text::new("The input is still on its way.", "输入尚未加载。");
        known.try_set(Known::Unfit(text.into()));
        return;
    };
    let experiment = subject(&now, &entry);
    match settled(&experiment, &loaded, &pool, cancel).await {
        Ok((plan, columns)) => {
            // None where nobody wants to know any more.
            let _ = count((&experiment, &loaded), &entry, (&plan, &columns), known, alive).await;
        }
        Err(message) => known.try_set(Known::Unfit(message)),
    }
}

/// The plan of an experiment and what its columns are, once what it waits for is computed.
async fn settled(
    experiment: &Experiment,
    loaded: &Loaded,
    pool: &Pool,
    cancel: Cancel,
) -> Result<(Plan, Columns), Message> {
    let (problem, inputs) = assemble(experiment, loaded).map_err(|issues| issues.message())?;
    let problem = pool.settled(problem, inputs, cancel).await.map_err(|error| error.message())?;
    let plan = Plan::compile(&problem).map_err(|issues| issues.message())?;
    Ok((plan, Columns::new(&problem)))
}

/// Row by row, then layer by layer.
async fn count(
    (experiment, loaded): (&Experiment, &Loaded),
    entry: &Summary,
    (plan, columns): (&Plan, &Columns),
    known: RwSignal<Known>,
    alive: StoredValue<()>,
) -> Option<()> {
    let (n_q, n_k, tokens) = (plan.dims.n_q, plan.dims.n_k, columns.tokens);
    let head = experiment.view.head.min(plan.dims.q_heads.saturating_sub(1));
    let mut counted = Counted {
        pairs: 0,
        rows: n_q,
        columns: n_k,
        plain: n_k == tokens && columns.of.iter().enumerate().all(|(at, range)| *range == (at..at + 1)),
        picture: Arc::default(),
    };
    let mut picture = Picture::new(n_q, n_k);
    let walked = n_q.max(tokens) <= WALKED;
    let mut rules = RowRules::new(plan, n_k);
    let (mut row, mut seen) = (vec![0_u8; n_k], vec![0_u8; tokens]);
    let (mut kept, mut ahead) = (Vec::new(), false);
    let offset = i64::from(plan.offset_of(0));
    let mut since = clock::now();
    for q in 0..n_q {
        rules.begin_row(plan, 0, head, q);
        rules.mask(plan, 0, &mut row);
        counted.pairs += picture.mark(q, &row);
        columns.spread(&row, &mut seen);
        let later = usize::try_from(q as i64 + offset + 1).unwrap_or(0).min(tokens);
        ahead |= seen[later..].contains(&1);
        if walked {
            kept.extend_from_slice(&seen);
        }
        rest(&mut since, alive).await?;
    }
    counted.picture = picture.done();
    known.try_set(Known::Pairs(counted.clone()));
    let reach = match catalogue::mix(entry.id).filter(|_| entry.list == List::Mix) {
        Some(mix) => reach_of_mix(experiment, loaded, mix),
        None if walked => {
            let permitted = |q: usize, k: usize| ahead || k as i64 <= q as i64 + offset;
            let mut walk = Walk::new(n_q, tokens, |q, k| kept[q * tokens + k] != 0, permitted);
            loop {
                if let Some(reach) = walk.advance(8) {
                    break Some(reach);
                }
                rest(&mut since, alive).await?;
            }
        }
        None => None,
    };
    known.try_set(Known::All(counted, reach));
    Some(())
}

/// Lets the page go on when the slice is over; `None` when the details are gone.
async fn rest(since: &mut f64, alive: StoredValue<()>) -> Option<()> {
    if clock::now() - *since > SLICE_MS {
        let pause = js_sys::Promise::new(&mut |done, _| {
            // Without a timer there would be no page.
            let _ = window().set_timeout_with_callback(&done);
        });
        // It resolves: nothing rejects it.
        let _ = JsFuture::from(pause).await;
        *since = clock::now();
    }
    alive.try_get_value()
}
