//! What an entry leaves of the pairs at the experiment's own size: counted, walked layer by layer, and drawn. It is worked out in slices of a few
//! milliseconds between other things the page does; what depends on the contents of Q and K is first computed in a worker, over the input as it is.

use std::sync::Arc;

use leptos::prelude::*;

use super::walk::{Pace, WALKED, Walked};
use crate::analysis::layers::{Sight, patterns, shown_head};
use crate::analysis::reach::{Bits, Walk};
use crate::app::reactive::RwSignal;
use crate::app::state::Lab;
use crate::attention::lowering::Columns;
use crate::attention::{Loaded, Plan, assemble, made};
use crate::catalogue::{self, List, Summary, Text};
use crate::engine::pool::{Cancel, Pool};
use crate::experiment::{Choice, Experiment, Input, MaskChoice, Message};

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
    All(Counted, Option<Walked>),
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

/// Most pairs, of all heads, of a picture that is made beside others, of every entry of a list: what depends on content computes them all.
pub const SKETCHED: usize = 1 << 22;

/// Whether an input has few enough pairs for pictures of every entry.
pub fn sketches(loaded: &Loaded) -> bool {
    loaded.dims.rows().saturating_mul(loaded.dims.n_k) <= SKETCHED
}

/// The picture of what an entry leaves, of a short input; none of a longer one, and where it can't be worked out.
pub async fn sketch((lab, pool): (Lab, Pool), entry: Summary, cancel: Cancel) -> Option<Pixels> {
    let (now, loaded) = (lab.experiment.get_untracked(), lab.loaded.get_untracked()?);
    if !sketches(&loaded) {
        return None;
    }
    let experiment = subject(&now, &entry);
    let loaded = loaded_for(&experiment, &now, loaded).ok()?;
    let (plan, _) = settled(&experiment, &loaded, &pool, cancel.clone()).await.ok()?;
    let mut picture = Picture::new(plan.dims.n_q, plan.dims.n_k);
    let wanted = || !cancel.is_cancelled();
    let take = |q: usize, row: &[u8]| _ = picture.mark(q, row);
    Pace::new(&wanted).rows(&plan, shown_head(&experiment, &plan), take).await?;
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
    matches!(list, List::Mask | List::Selection | List::Hybrid | List::Mix | List::Stream)
}

/// The experiment whose pairs are those of an entry: a mask or joined streams by themselves, a mix of layers and a selection with the mask that is set. What
/// leaves the pairs alone has those of that mask. Where streams are to be joined and there is one, choosing brings in another, as it does on the page.
fn subject(now: &Experiment, entry: &Summary) -> Experiment {
    match entry.list {
        List::Mask => {
            // The chosen entry as it is set, another one with its defaults.
            let set = now.mask.id == entry.id;
            let mask = if set { now.mask.clone() } else { MaskChoice::of(entry.id) };
            Experiment { mask, combine: Vec::new(), paint: Vec::new(), layers: Choice::of("same"), ..patterns(now) }
        }
        List::Stream => {
            let mut next = patterns(now);
            next.choose(entry.list, entry.id);
            Experiment { combine: Vec::new(), paint: Vec::new(), layers: Choice::of("same"), ..next }
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

/// Whether the input has two streams.
pub fn has_two_streams(e: &Experiment) -> bool {
    matches!(&e.input, Input::Projected { x, .. } if x.streams()[1] > 0)
}

/// The numbers of an experiment that was made from the one that is shown: the same, unless it has another input.
fn loaded_for(experiment: &Experiment, now: &Experiment, loaded: Arc<Loaded>) -> Result<Arc<Loaded>, Message> {
    if experiment.input == now.input {
        return Ok(loaded);
    }
    made(&experiment.input).map(Arc::new).map_err(|issues| issues.message())
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
    let loaded = match loaded_for(&experiment, &now, loaded) {
        Ok(loaded) => loaded,
        Err(message) => {
            known.try_set(Known::Unfit(message));
            return;
        }
    };
    match settled(&experiment, &loaded, &pool, cancel).await {
        Ok((plan, columns)) => {
            let wanted = || alive.try_get_value().is_some();
            // None where nobody wants to know any more.
            let _ = count((&experiment, &loaded), &entry, (&plan, &columns), known, &mut Pace::new(&wanted)).await;
        }
        Err(message) => {
            known.try_set(Known::Unfit(message));
        }
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
    pace: &mut Pace<'_>,
) -> Option<()> {
    let (n_q, n_k, tokens) = (plan.dims.n_q, plan.dims.n_k, columns.tokens);
    let mut counted = Counted {
        pairs: 0,
        rows: n_q,
        columns: n_k,
        plain: n_k == tokens && columns.of.iter().enumerate().all(|(at, range)| *range == (at..at + 1)),
        picture: Arc::default(),
    };
    let mix = catalogue::mix(entry.id).filter(|_| entry.list == List::Mix);
    let walked = mix.is_none() && n_q.max(tokens) <= WALKED;
    let mut picture = Picture::new(n_q, n_k);
    let (mut bits, mut sight) = (Bits::new(if walked { n_q } else { 0 }, tokens), Sight::new(plan, tokens));
    let mut seen = vec![0_u8; tokens];
    let take = |q: usize, row: &[u8]| {
        counted.pairs += picture.mark(q, row);
        if walked {
            columns.spread(row, &mut seen);
            sight.look(q, &seen);
            bits.set_row(q, &seen);
        }
    };
    pace.rows(plan, shown_head(experiment, plan), take).await?;
    counted.picture = picture.done();
    known.try_set(Known::Pairs(counted.clone()));
    let reach = match mix {
        Some(mix) if n_q.max(n_k) <= WALKED => pace.stack(experiment, loaded, mix).await?,
        None if walked => Some(pace.walk(Walk::new(vec![bits], vec![0], sight.permitted())).await?),
        _ => None,
    };
    known.try_set(Known::All(counted, reach));
    Some(())
}
