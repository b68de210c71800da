//! Signals whose values are erased: the reactive graph holds every value as [`Value`], and the type comes back where it is read.
//!
//! The graph's code is generic in the value and in the closure. The page has some thirty types of value and a few hundred closures, and a copy
//! of that code for each of them was a large part of what is downloaded. Here there is one copy; a read costs a check of the type, a write an
//! allocation, both far below the cost of touching the document.

use std::any::Any;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};

use leptos::prelude::{
    Effect, Get, GetUntracked, GetValue, IntoAttributeValue, IntoRender, LocalStorage, Memo, RenderHtml, Set,
    StoredValue, Update,
};
use leptos::tachys::html::attribute::AttributeValue;
use leptos::tachys::reactive_graph::SharedReactiveFunction;

/// A value of any type.
type Value = Arc<dyn Any + Send + Sync>;

/// What computes a value. Not `Fn`: a closure behind it carries two more ways to be called, which nobody uses.
trait Compute: Send + Sync {
    fn compute(&self) -> Value;
}

struct Computed<F>(F);

impl<T: Send + Sync + 'static, F: Fn() -> T + Send + Sync> Compute for Computed<F> {
    fn compute(&self) -> Value {
        Arc::new(self.0())
    }
}

/// Where a signal's value comes from.
#[derive(Clone, Copy)]
enum Source {
    State(leptos::prelude::RwSignal<Value>),
    Memo(Memo<Value>),
    Derived(StoredValue<Arc<dyn Compute>>),
    Constant(StoredValue<Value>),
}

impl Source {
    #[inline(never)]
    fn read(self) -> Value {
        match self {
            Self::State(state) => state.get(),
            Self::Memo(memo) => memo.get(),
            Self::Derived(compute) => compute.get_value().compute(),
            Self::Constant(value) => value.get_value(),
        }
    }

    #[inline(never)]
    fn read_untracked(self) -> Value {
        match self {
            Self::State(state) => state.get_untracked(),
            Self::Memo(memo) => memo.get_untracked(),
            Self::Derived(_) => leptos::prelude::untrack(|| self.read()),
            Self::Constant(value) => value.get_value(),
        }
    }

    #[inline(never)]
    fn memo(compute: Box<dyn Compute>, changed: fn(Option<&Value>, Option<&Value>) -> bool) -> Self {
        Self::Memo(Memo::new_with_compare(move |_| compute.compute(), changed))
    }

    #[inline(never)]
    fn derived(compute: Arc<dyn Compute>) -> Self {
        Self::Derived(StoredValue::new(compute))
    }
}

/// The value as what it is: a source holds values of one type only.
#[inline(never)]
fn typed<T: 'static>(value: &Value) -> &T {
    let Some(value) = value.downcast_ref() else { unreachable!("a signal holds values of one type") };
    value
}

fn changed<T: PartialEq + 'static>(old: Option<&Value>, new: Option<&Value>) -> bool {
    old.map(typed::<T>) != new.map(typed::<T>)
}

/// A value that can be read and followed.
pub struct Signal<T> {
    source: Source,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for Signal<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Signal<T> {}

impl<T: Send + Sync + 'static> Signal<T> {
    /// Computed anew whenever it is read.
    pub fn derive(compute: impl Fn() -> T + Send + Sync + 'static) -> Self {
        Self::from_source(Source::derived(Arc::new(Computed(compute))))
    }

    /// Computed when something that it read has changed; readers learn of it only when it differs.
    pub fn memo(compute: impl Fn() -> T + Send + Sync + 'static) -> Self
    where
        T: PartialEq,
    {
        Self::from_source(Source::memo(Box::new(Computed(compute)), changed::<T>))
    }

    /// Never changes.
    pub fn stored(value: T) -> Self {
        Self::from_source(Source::Constant(StoredValue::new(Arc::new(value))))
    }

    fn from_source(source: Source) -> Self {
        Self { source, of: PhantomData }
    }

    /// The value; the reactive place that asks is run again when it changes.
    pub fn get(self) -> T
    where
        T: Clone,
    {
        typed::<T>(&self.source.read()).clone()
    }

    /// The value, for event handlers: nothing follows it.
    pub fn get_untracked(self) -> T
    where
        T: Clone,
    {
        typed::<T>(&self.source.read_untracked()).clone()
    }

    /// As [`Self::get`], without a copy.
    pub fn with<R>(self, read: impl FnOnce(&T) -> R) -> R {
        read(typed(&self.source.read()))
    }

    /// As [`Self::get_untracked`], without a copy.
    pub fn with_untracked<R>(self, read: impl FnOnce(&T) -> R) -> R {
        read(typed(&self.source.read_untracked()))
    }

    /// Follows the value without looking at it.
    pub fn track(self) {
        self.source.read();
    }
}

impl<T: Send + Sync + 'static> From<T> for Signal<T> {
    fn from(value: T) -> Self {
        Self::stored(value)
    }
}

impl<T> From<RwSignal<T>> for Signal<T> {
    fn from(signal: RwSignal<T>) -> Self {
        signal.signal
    }
}

impl<T: RenderHtml + Clone + Send + Sync + 'static> IntoRender for Signal<T> {
    type Output = SharedReactiveFunction<T>;

    fn into_render(self) -> Self::Output {
        Arc::new(Mutex::new(move || self.get()))
    }
}

impl<T: AttributeValue + Clone + Send + Sync + 'static> IntoAttributeValue for Signal<T> {
    type Output = SharedReactiveFunction<T>;

    fn into_attribute_value(self) -> Self::Output {
        Arc::new(Mutex::new(move || self.get()))
    }
}

/// A value that can be read, followed and changed: it reads as a [`Signal`].
pub struct RwSignal<T> {
    state: leptos::prelude::RwSignal<Value>,
    signal: Signal<T>,
}

impl<T> Clone for RwSignal<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for RwSignal<T> {}

impl<T> std::ops::Deref for RwSignal<T> {
    type Target = Signal<T>;

    fn deref(&self) -> &Signal<T> {
        &self.signal
    }
}

impl<T: Send + Sync + 'static> RwSignal<T> {
    /// Starts as `value`.
    pub fn new(value: T) -> Self {
        let value: Value = Arc::new(value);
        let state = leptos::prelude::RwSignal::new(value);
        Self { state, signal: Signal::from_source(Source::State(state)) }
    }

    /// Replaces the value; who follows it is told.
    pub fn set(self, value: T) {
        set(self.state, Arc::new(value));
    }

    /// As [`Self::set`], for callers that may outlive the signal.
    pub fn try_set(self, value: T) {
        // A signal that is gone has nobody to tell.
        let _ = self.state.try_set(Arc::new(value));
    }

    /// Changes the value in place; who follows it is told.
    pub fn update(self, change: impl FnOnce(&mut T))
    where
        T: Clone,
    {
        let mut change = Some(change);
        update(self.state, &mut |value| {
            if let (Some(value), Some(change)) = (unshared::<T>(value), change.take()) {
                change(value);
            }
        });
    }
}

#[inline(never)]
fn set(state: leptos::prelude::RwSignal<Value>, value: Value) {
    state.set(value);
}

#[inline(never)]
fn update(state: leptos::prelude::RwSignal<Value>, change: &mut dyn FnMut(&mut Value)) {
    state.update(|value| change(value));
}

/// The value to be changed in place; a copy of it where somebody else is reading the old one.
#[inline(never)]
fn unshared<T: Clone + Send + Sync + 'static>(value: &mut Value) -> Option<&mut T> {
    if Arc::get_mut(value).is_none() {
        *value = Arc::new(typed::<T>(value).clone());
    }
    Arc::get_mut(value)?.downcast_mut()
}

/// Runs when the current task is done, and again whenever something that it read has changed, until the view around it is gone.
pub fn effect(run: impl FnMut() + 'static) {
    #[inline(never)]
    fn start(mut run: Box<dyn FnMut()>) {
        Effect::<LocalStorage>::new(move |_: Option<()>| run());
    }
    start(Box::new(run));
}
