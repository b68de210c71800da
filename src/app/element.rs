//! The element behind a part of a view.

use std::marker::PhantomData;

use leptos::html::ElementType;
use leptos::prelude::{GetValue, LocalStorage, SetValue, StoredValue};
use leptos::tachys::html::node_ref::NodeRefContainer;
use wasm_bindgen::JsCast;
use web_sys::Element;

use super::reactive::RwSignal;

/// The element that `node_ref` is given to, once its view is built. Leptos' own is a signal of a type for each kind of element.
pub struct NodeRef<E> {
    element: StoredValue<Option<Element>, LocalStorage>,
    built: RwSignal<()>,
    kind: PhantomData<fn() -> E>,
}

impl<E> Clone for NodeRef<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for NodeRef<E> {}

impl<E: ElementType<Output: JsCast>> NodeRef<E> {
    /// No element yet.
    pub fn new() -> Self {
        Self { element: StoredValue::new_local(None), built: RwSignal::new(()), kind: PhantomData }
    }

    /// The element; the reactive place that asks is run again when there is another.
    pub fn get(self) -> Option<E::Output> {
        self.built.track();
        self.get_untracked()
    }

    /// The element, for event handlers.
    pub fn get_untracked(self) -> Option<E::Output> {
        // A view gives its reference to elements of this kind only.
        self.element.get_value().map(JsCast::unchecked_into)
    }
}

impl<E: ElementType<Output: JsCast>> Default for NodeRef<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E: ElementType<Output: JsCast>> NodeRefContainer<E> for NodeRef<E> {
    fn load(self, element: &Element) {
        self.element.set_value(Some(element.clone()));
        self.built.set(());
    }
}
