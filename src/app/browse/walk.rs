//! Work on the page's thread in slices of a few milliseconds, and the reach of patterns walked in them.

use leptos::prelude::window;
use wasm_bindgen_futures::JsFuture;

use crate::analysis::layers::{Sight, shown_head, stack_of};
use crate::analysis::reach::{Bits, Reach, Walk};
use crate::app::clock;
use crate::attention::{Loaded, Plan, RowRules};
use crate::catalogue::MixEntry;
use crate::experiment::{Experiment, limits};

/// Milliseconds at a time.
const SLICE_MS: f64 = 4.0;
/// Milliseconds that a walk may take of the page's time altogether.
const WALK_MS: f64 = 8000.0;
/// Most tokens for which the reach is walked: it grows with their cube, and its bits with their square.
pub const WALKED: usize = limits::TOKENS;
/// Rows between two looks at the clock.
const ROWS: usize = 8;

/// What became of a walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walked {
    /// The reach.
    Whole(Reach),
    /// What was reached when its time was over.
    Late(Reach),
}

/// Slices of work, while somebody wants to know.
pub struct Pace<'a> {
    since: f64,
    spent: f64,
    wanted: &'a dyn Fn() -> bool,
}

impl Walked {
    /// How far it came.
    pub fn reach(self) -> Reach {
        match self {
            Self::Whole(reach) | Self::Late(reach) => reach,
        }
    }
}

impl<'a> Pace<'a> {
    /// Work that begins now and goes on while `wanted`.
    pub fn new(wanted: &'a dyn Fn() -> bool) -> Self {
        Self { since: clock::now(), spent: 0.0, wanted }
    }

    /// Lets the page go on when the slice is over; `None` when nobody wants to know any more.
    pub async fn rest(&mut self) -> Option<()> {
        let slice = clock::now() - self.since;
        if slice > SLICE_MS {
            self.spent += slice;
            let pause = js_sys::Promise::new(&mut |done, _| {
                // Without a timer there would be no page.
                let _ = window().set_timeout_with_callback(&done);
            });
            // It resolves: nothing rejects it.
            let _ = JsFuture::from(pause).await;
            self.since = clock::now();
        }
        (self.wanted)().then_some(())
    }

    /// Walks to the end, or until its time is over.
    pub async fn walk(&mut self, mut walk: Walk) -> Option<Walked> {
        let before = self.spent;
        loop {
            if let Some(reach) = walk.advance(ROWS) {
                return Some(Walked::Whole(reach));
            }
            if self.spent - before > WALK_MS {
                return Some(Walked::Late(walk.so_far()));
            }
            self.rest().await?;
        }
    }

    /// Gives every row of a head's pattern, 0 or 1 for each key.
    pub async fn rows(&mut self, plan: &Plan, head: usize, mut take: impl FnMut(usize, &[u8])) -> Option<()> {
        let mut rules = RowRules::new(plan, plan.dims.n_k);
        let mut row = vec![0_u8; plan.dims.n_k];
        for q in 0..plan.dims.n_q {
            rules.begin_row(plan, 0, head, q);
            rules.mask(plan, 0, &mut row);
            take(q, &row);
            self.rest().await?;
        }
        Some(())
    }

    /// The reach of a stack whose layers differ, in the head that is shown; the inner `None` where they see the same.
    pub async fn stack(&mut self, e: &Experiment, loaded: &Loaded, entry: &MixEntry) -> Option<Option<Walked>> {
        let Some(stack) = stack_of(e, loaded, entry) else { return Some(None) };
        let (n_q, n_k) = (stack.plans[0].dims.n_q, stack.plans[0].dims.n_k);
        let mut sight = Sight::new(&stack.plans[0], n_k);
        let mut each = Vec::new();
        for plan in &stack.plans {
            let mut bits = Bits::new(n_q, n_k);
            let take = |q: usize, row: &[u8]| {
                sight.look(q, row);
                bits.set_row(q, row);
            };
            self.rows(plan, shown_head(e, plan), take).await?;
            each.push(bits);
        }
        Some(Some(self.walk(Walk::new(each, stack.order, sight.permitted())).await?))
    }
}
