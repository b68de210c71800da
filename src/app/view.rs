//! Leptos' `view!` and event handlers, their types erased at once.
//!
//! The type of a view lists everything in it, and each type has code of its own to build, rebuild and drop it wherever a view is optional, in a
//! list or in a closure. As [`AnyView`] all of them share one copy.

use leptos::prelude::{AnyView, IntoAny, RenderHtml, View};
use leptos::tachys::reactive_graph::SharedReactiveFunction;

/// `leptos::view!` as [`AnyView`].
macro_rules! view {
    ($($tokens:tt)*) => {
        $crate::app::view::Erase::erase(::leptos::view! { $($tokens)* })
    };
}

pub(crate) use view;

/// What `leptos::view!` gives.
pub trait Erase {
    /// The view without its type.
    fn erase(self) -> AnyView;
}

impl<T: RenderHtml + Send + 'static> Erase for View<T> {
    fn erase(self) -> AnyView {
        self.into_inner().into_any()
    }
}

/// Of a closure alone.
impl<T: RenderHtml + 'static> Erase for SharedReactiveFunction<T> {
    fn erase(self) -> AnyView {
        self.into_any()
    }
}

/// A handler of events, its type erased: `on:click=handler(move |_| …)`. Leptos compiles what it does around a handler once for each event, not
/// once for each handler.
pub fn handler<E: 'static>(handle: impl FnMut(E) + 'static) -> Box<dyn FnMut(E)> {
    Box::new(handle)
}
