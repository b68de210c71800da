//! What the views of a part of the map stand on.

use crate::analysis::window::{Looked, Window};
use crate::app::reactive::{RwSignal, Signal};
use crate::app::state::{Lab, Status};
use crate::engine::Pool as Merging;

/// The window and what it is cut out of.
#[derive(Clone, Copy)]
pub struct Near {
    /// The page's state.
    pub lab: Lab,
    /// Queries and keys of the result.
    pub sizes: Signal<[usize; 2]>,
    /// The part that is looked at, in whole pixels.
    pub window: Signal<Window>,
    /// How cells that share a pixel are merged.
    pub merging: RwSignal<Merging>,
    /// What is looked at, once there is a result and while no newer one is on its way.
    pub looked: Signal<Option<Looked>>,
}

impl Near {
    /// Of the page.
    pub fn new(lab: Lab) -> Self {
        let sizes = Signal::memo(move || lab.outcome.with(|o| o.as_ref().map_or([1, 1], |o| [o.dims.n_q, o.dims.n_k])));
        let window = Signal::memo(move || {
            let sizes = sizes.get();
            lab.experiment.with(|e| Window::of(&e.view, sizes)).on_pixels(sizes)
        });
        let merging = RwSignal::new(Merging::Max);
        let settled = Signal::memo(move || {
            lab.status.with(|status| !matches!(status, Status::Starting | Status::Loading | Status::Running(_)))
        });
        let looked = Signal::memo(move || {
            let session = lab.session.get().filter(|_| settled.get())?;
            let heads = lab.outcome.with(|o| o.as_ref().map(|o| o.dims.q_heads))?;
            let pool = merging.get();
            let (stage, head) = lab.experiment.with(|e| (e.view.stage, e.view.head.min(heads.saturating_sub(1))));
            Some(Looked { session, stage, head, pool })
        });
        Self { lab, sizes, window, merging, looked }
    }

    /// Looks at another part.
    pub fn look(self, window: Window) {
        let sizes = self.sizes.get_untracked();
        self.lab.show(move |view| window.put(sizes, view));
    }

    /// The chosen cell, not the one under the pointer.
    pub fn cell(self) -> (usize, usize) {
        self.lab.experiment.with_untracked(|e| (e.view.query, e.view.key))
    }

    /// Zooms about the chosen cell, or the middle where it is not shown.
    pub fn zoom(self, factor: f64) {
        let (window, cell) = (self.window.get_untracked(), self.cell());
        let at = if window.nearest(cell) == cell { window.share(cell) } else { [0.5, 0.5] };
        self.look(window.zoomed(self.sizes.get_untracked(), factor, at));
    }

    /// Looks at all of it.
    pub fn all(self) {
        self.look(Window::whole(self.sizes.get_untracked()));
    }

    /// Whether it is all of it.
    pub fn is_whole(self) -> bool {
        self.window.get() == Window::whole(self.sizes.get())
    }
}
