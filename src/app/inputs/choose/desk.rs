//! What is chosen of a file, and what is known of it.

use std::sync::Arc;

use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::app::inputs::drop::{MOST, Opened};
use crate::app::inputs::frames::Frames;
use crate::app::reactive::RwSignal;
use crate::experiment::{Input, check_input};
use crate::interchange::pace::{Straight, straight};
use crate::interchange::select::{self, Axis, Extents, Field, Part, Slice, View};
use crate::interchange::{Bundle, Words, shown, words};

/// Most tokens of a picture.
const PICTURE: usize = 128;

/// An array that can be chosen.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Place in the file.
    pub index: usize,
    /// Its name, safe to be shown.
    pub name: String,
    /// Extents.
    pub shape: Vec<usize>,
    /// Its number format.
    pub number: &'static str,
}

impl Listed {
    /// Name, extents and format in one line.
    pub fn line(&self) -> String {
        let shape = self.shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" × ");
        format!("{} · {shape} · {}", self.name, self.number)
    }
}

/// The choices, for Q, K and V in this order. `Copy`: signals and stored values only.
#[derive(Clone, Copy)]
pub struct Desk {
    /// The file; away while it is read.
    bundle: StoredValue<Option<Bundle>>,
    /// What can be chosen.
    pub listed: StoredValue<Arc<Vec<Listed>>>,
    /// What can't, and why.
    pub refused: StoredValue<Arc<Vec<(String, Words)>>>,
    /// Places in `listed`.
    pub picks: RwSignal<[usize; 3]>,
    /// What the axes are.
    pub views: RwSignal<[View; 3]>,
    /// Which part.
    pub slice: RwSignal<Slice>,
    /// Raised when arrays are ready to be looked at.
    pub ready: RwSignal<u32>,
    /// What was found wrong in reading them.
    pub damage: RwSignal<Option<Words>>,
    /// Whether something is being read.
    pub busy: RwSignal<bool>,
}

impl Desk {
    /// A file's arrays, with the likeliest choice made.
    ///
    /// # Errors
    /// No array of the file can be used; why the first can't.
    pub fn new(opened: Opened) -> Result<Self, Words> {
        let (mut listed, mut refused) = (Vec::new(), Vec::new());
        for (index, entry) in opened.bundle.entries.iter().enumerate() {
            let name = shown(&entry.name);
            match &entry.layout {
                Err(error) => refused.push((name, error.words())),
                Ok(layout) if !(2..=4).contains(&layout.shape.len()) || layout.shape.contains(&0) => {
                    let shape = &layout.shape;
                    let why = words!(
                        "has the extents {shape:?}; two to four, none of them 0, can be used",
                        "维度为 {shape:?}；只能使用二到四维且均不为 0 的数组"
                    );
                    refused.push((name, why));
                }
                Ok(layout) => {
                    let (shape, number) = (layout.shape.clone(), layout.number.name());
                    listed.push(Listed { index, name, shape, number });
                }
            }
        }
        let names: Vec<String> =
            listed.iter().filter_map(|l| opened.bundle.entries.get(l.index)).map(|entry| entry.name.clone()).collect();
        let [Some(q), Some(k), Some(v)] = select::guess_names(&names) else {
            let none = || words!("there are no arrays in it that can be used", "其中没有可用的数组");
            return Err(refused.into_iter().next().map_or_else(none, |(name, why)| Words {
                en: format!("{name}: {}", why.en),
                zh: format!("{name}：{}", why.zh),
            }));
        };
        let picks = [q, k, v];
        let views = picks
            .map(|pick| listed.get(pick).map_or_else(|| View::guess(&[], &MOST), |l| View::guess(&l.shape, &MOST)));
        let part = Slice { batch: 0, heads: [0, 1], queries: [0, 1], keys: [0, 1] };
        let desk = Self {
            bundle: StoredValue::new(Some(opened.bundle)),
            listed: StoredValue::new(Arc::new(listed)),
            refused: StoredValue::new(Arc::new(refused)),
            picks: RwSignal::new(picks),
            views: RwSignal::new(views),
            slice: RwSignal::new(part),
            ready: RwSignal::new(0),
            damage: RwSignal::new(None),
            busy: RwSignal::new(false),
        };
        desk.share_heads();
        desk.cut();
        desk.read();
        Ok(desk)
    }

    /// The extents of the array chosen for a tensor.
    pub fn shape(self, tensor: usize) -> Vec<usize> {
        let pick = self.picks.get()[tensor];
        self.listed.with_value(|all| all.get(pick).map(|l| l.shape.clone()).unwrap_or_default())
    }

    /// Q, K and V as they are read now; or what the axes lack.
    pub fn extents(self) -> [Result<Extents, Words>; 3] {
        let views = self.views.get();
        [0, 1, 2].map(|tensor| views[tensor].extents(&self.shape(tensor)))
    }

    /// Everything that keeps the choice from being used, each with its control.
    pub fn faults(self) -> Vec<(Field, Words)> {
        match self.extents() {
            [Ok(q), Ok(k), Ok(v)] => select::faults(&q, &k, &v, &self.slice.get(), &MOST),
            extents => {
                let fields = [Field::Q, Field::K, Field::V].into_iter().zip(extents);
                fields.filter_map(|(field, extents)| Some((field, extents.err()?))).collect()
            }
        }
    }

    /// Chooses another array.
    pub fn pick(self, tensor: usize, pick: usize) {
        let Some(shape) = self.listed.with_value(|all| all.get(pick).map(|l| l.shape.clone())) else { return };
        self.picks.update(|picks| picks[tensor] = pick);
        self.views.update(|views| views[tensor] = View::guess(&shape, &MOST));
        self.share_heads();
        self.cut();
        self.read();
    }

    /// Says what an axis is; the one that was this takes its place.
    pub fn set_axis(self, tensor: usize, at: usize, axis: Axis) {
        self.views.update(|views| {
            let axes = &mut views[tensor].axes;
            let Some(old) = axes.get(at).copied() else { return };
            axes.iter_mut().filter(|other| **other == axis).for_each(|other| *other = old);
            if let Some(place) = axes.get_mut(at) {
                *place = axis;
            }
        });
        self.cut();
    }

    /// Says how many heads lie in a merged axis.
    pub fn set_split(self, tensor: usize, heads: usize) {
        self.views.update(|views| views[tensor].split = heads);
        self.cut();
    }

    /// Heads of K and V that are as large as those of Q, where their axes hold several.
    fn share_heads(self) {
        let Ok(q) = self.extents()[0].clone() else { return };
        for tensor in [1, 2] {
            let shape = self.shape(tensor);
            self.views.update(|views| {
                let view = &mut views[tensor];
                let merged = view.axes.iter().position(|axis| *axis == Axis::Merged);
                let width = merged.and_then(|at| shape.get(at).copied());
                if let Some(width) = width.filter(|width| width.is_multiple_of(q.size)) {
                    view.split = width / q.size;
                }
            });
        }
    }

    /// As much as can be taken.
    fn cut(self) {
        if let [Ok(q), Ok(k), Ok(v)] = self.extents() {
            self.slice.set(Slice::guess(&q, &k, &v, &MOST));
        }
    }

    /// Makes the chosen arrays ready. What was ready before and is no longer chosen is given up.
    fn read(self) {
        self.damage.set(None);
        // A reading under way looks again when it is done.
        let Some(mut bundle) = self.bundle.try_update_value(Option::take).flatten() else { return };
        self.busy.set(true);
        spawn_local(async move {
            let pace = Frames::new();
            loop {
                let Some(wanted) = self.indices() else { return };
                bundle.keep_only(&wanted);
                let mut found = None;
                for index in wanted {
                    if let Err(error) = bundle.prepare(index, &pace).await {
                        found = Some(error.words());
                    }
                }
                if self.indices() == Some(wanted) {
                    self.damage.try_set(found);
                    break;
                }
            }
            // The sheet may be gone, and its values with it.
            let _ = self.bundle.try_set_value(Some(bundle));
            self.busy.try_set(false);
            if self.bundle.try_with_value(|_| ()).is_some() {
                self.ready.update(|n| *n += 1);
            }
        });
    }

    fn indices(self) -> Option<[usize; 3]> {
        // Asked first: signals of a sheet that is gone must not be read.
        let listed = self.listed.try_get_value()?;
        let picks = self.picks.get_untracked();
        Some(picks.map(|pick| listed.get(pick).map_or(0, |l| l.index)))
    }

    fn part(self, tensor: usize, extents: &[Result<Extents, Words>; 3]) -> Option<Part> {
        let slice = self.slice.get();
        let [Ok(q), Ok(k), _] = extents else { return None };
        let group = q.heads.checked_div(k.heads).unwrap_or(1).max(1);
        Some(if tensor == 0 { slice.part_of_q(group) } else { slice.part_of_keys() })
    }

    /// The first rows of the first head that would come in.
    pub fn picture(self, tensor: usize) -> Option<Vec<Vec<f32>>> {
        self.ready.track();
        let part = self.part(tensor, &self.extents())?;
        let [from, to] = part.tokens;
        let [head, end] = part.heads;
        let part =
            Part { heads: [head, end.min(head + 1)], tokens: [from, to.min(from.saturating_add(PICTURE))], ..part };
        let view = self.views.with(|views| views[tensor].clone());
        let index = *self.indices()?.get(tensor)?;
        self.bundle.with_value(|bundle| {
            let array = bundle.as_ref()?.array(index)?;
            straight(view.take(&array, &part, &Straight)).ok().filter(|rows| !rows.is_empty())
        })
    }

    /// What was chosen, as an input.
    pub async fn input(self) -> Result<Input, Words> {
        let extents = self.extents();
        let parts = [0, 1, 2].map(|tensor| self.part(tensor, &extents));
        let (indices, views) = (self.indices(), self.views.get_untracked());
        let still = || words!("the file is still being read", "仍在读取文件");
        let [Ok(_), Ok(_), Ok(_)] = extents else { return Err(still()) };
        let bundle = self.bundle.try_update_value(Option::take).flatten().ok_or_else(still)?;
        let pace = Frames::new();
        let mut rows = Vec::new();
        let mut failed = None;
        for ((view, part), (index, name)) in
            views.iter().zip(parts).zip(indices.into_iter().flatten().zip(["Q", "K", "V"]))
        {
            let taken = match (bundle.array(index), part) {
                (Some(array), Some(part)) => view.take(&array, &part, &pace).await.map_err(|error| error.words()),
                _ => Err(still()),
            };
            match taken {
                Ok(taken) => rows.push((taken, part.map_or(1, |part| part.heads[1] - part.heads[0]))),
                Err(words) => {
                    failed.get_or_insert(Words {
                        en: format!("{name}: {}", words.en),
                        zh: format!("{name}：{}", words.zh),
                    });
                }
            }
        }
        let _ = self.bundle.try_set_value(Some(bundle));
        if self.indices() != indices {
            // Another array was chosen in the meantime, and found no file to be read from.
            self.read();
        }
        if let Some(failed) = failed {
            return Err(failed);
        }
        let Ok([(q, q_heads), (k, kv_heads), (v, _)]) = <[_; 3]>::try_from(rows) else { return Err(still()) };
        let input = Input::Numbers { q: q.into(), k: k.into(), v: v.into(), q_heads, kv_heads, rounded: 0.0 };
        // What the choice was checked for, by the experiment's own check.
        check_input(&input).map_err(|issues| {
            let line = |lang| issues.0.iter().map(|issue| issue.line(lang)).collect::<Vec<_>>().join("; ");
            Words { en: line(crate::catalogue::Lang::En), zh: line(crate::catalogue::Lang::Zh) }
        })?;
        Ok(input)
    }
}
