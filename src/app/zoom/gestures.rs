//! Wheel, drag, two fingers and keys over the map.
//!
//! They are heard before the map hears them, so that a drag that moves the window selects and paints nothing. Where a drag paints, it moves the window
//! only with Shift, with the middle button or with two fingers.

use leptos::html::Div;
use leptos::prelude::{GetValue, SetValue, StoredValue, UpdateValue, WithValue};
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, KeyboardEvent, PointerEvent, WheelEvent};

use super::near::Near;
use crate::analysis::window::{Window, pinched};
use crate::app::element::NodeRef;
use crate::app::reactive::RwSignal;

/// Pixels that a drag goes before it is one and no click.
const SLACK: f64 = 4.0;
/// What the wheel has to turn, in pixels, before the window follows: it holds whole cells.
const TURN: f64 = 16.0;
/// What it has to turn to double the sides.
const DOUBLES: f64 = 240.0;

/// A place in the map, downwards and to the right, in pixels.
type Place = [f64; 2];

/// What holds the window.
#[derive(Clone, Copy)]
enum Held {
    /// One pointer, from a place, and whether it has moved.
    Drag { pointer: i32, from: Place, window: Window, moves: bool },
    /// Two fingers.
    Pinch { from: [Place; 2], window: Window },
}

/// The gestures of one map.
#[derive(Clone, Copy)]
pub struct Gestures {
    near: Near,
    painting: RwSignal<bool>,
    around: NodeRef<Div>,
    held: StoredValue<Option<Held>>,
    fingers: StoredValue<Vec<(i32, Place)>>,
    turned: StoredValue<f64>,
}

impl Gestures {
    /// For the map inside `around`.
    pub fn new(near: Near, painting: RwSignal<bool>, around: NodeRef<Div>) -> Self {
        let (held, fingers, turned) = (StoredValue::new(None), StoredValue::new(Vec::new()), StoredValue::new(0.0));
        Self { near, painting, around, held, fingers, turned }
    }

    /// The map's cells on the screen: their place there, and their extent downwards and to the right.
    fn field(self) -> Option<(Element, Place, Place)> {
        let field = self.around.get_untracked()?.query_selector(".map__field").ok().flatten()?;
        let bounds = field.get_bounding_client_rect();
        let extent = [bounds.height(), bounds.width()];
        (extent[0] > 0.0 && extent[1] > 0.0).then(|| (field, [bounds.top(), bounds.left()], extent))
    }

    /// Where a pointer is in the map, and the map's extent.
    fn place(self, x: i32, y: i32) -> Option<(Place, Place)> {
        let (_, [top, left], extent) = self.field()?;
        Some(([f64::from(y) - top, f64::from(x) - left], extent))
    }

    /// Ctrl or ⌘ and the wheel, which is what pinching a touch pad says too.
    pub fn wheel(self, event: &WheelEvent) {
        if !event.ctrl_key() && !event.meta_key() {
            return;
        }
        let Some((place, extent)) = self.place(event.client_x(), event.client_y()) else { return };
        event.prevent_default();
        event.stop_propagation();
        let lines = if event.delta_mode() == WheelEvent::DOM_DELTA_PIXEL { 1.0 } else { 16.0 };
        let step = event.delta_y() * lines;
        let turned = self.turned.get_value() + if step.abs() > DOUBLES { DOUBLES.copysign(step) } else { step };
        if turned.abs() < TURN {
            self.turned.set_value(turned);
            return;
        }
        self.turned.set_value(0.0);
        let (window, sizes) = (self.near.window.get_untracked(), self.near.sizes.get_untracked());
        self.near.look(window.zoomed(sizes, (turned / DOUBLES).exp2(), shares(place, extent)));
    }

    /// A pointer goes down.
    pub fn down(self, event: &PointerEvent) {
        let on_field = self.field().is_some_and(|(field, ..)| inside(event, &field));
        let Some((place, _)) = self.place(event.client_x(), event.client_y()).filter(|_| on_field) else { return };
        let window = self.near.window.get_untracked();
        if event.pointer_type() == "touch" {
            self.fingers.update_value(|fingers| {
                fingers.retain(|(pointer, _)| *pointer != event.pointer_id());
                fingers.push((event.pointer_id(), place));
            });
            let fingers = self.fingers.get_value();
            if let [(_, a), (_, b)] = fingers[..] {
                event.stop_propagation();
                self.held.set_value(Some(Held::Pinch { from: [a, b], window }));
                return;
            }
        }
        let always = event.button() == 1 || event.shift_key();
        if event.button() > 1 || (self.painting.get_untracked() && !always) {
            return;
        }
        if always {
            event.stop_propagation();
            event.prevent_default();
        }
        self.held.set_value(Some(Held::Drag { pointer: event.pointer_id(), from: place, window, moves: false }));
    }

    /// A pointer moves.
    pub fn moves(self, event: &PointerEvent) {
        let Some(held) = self.held.get_value() else { return };
        if event.buttons() == 0 {
            // It went up where nobody heard it.
            return self.ends(event);
        }
        let Some((place, extent)) = self.place(event.client_x(), event.client_y()) else { return };
        self.fingers.update_value(|fingers| {
            for (_, at) in fingers.iter_mut().filter(|(pointer, _)| *pointer == event.pointer_id()) {
                *at = place;
            }
        });
        let sizes = self.near.sizes.get_untracked();
        match held {
            Held::Pinch { from, window } => {
                let fingers = self.fingers.get_value();
                if let [(_, a), (_, b)] = fingers[..] {
                    event.stop_propagation();
                    self.near.look(pinched(window, sizes, extent, from, [a, b]));
                }
            }
            Held::Drag { pointer, from, window, moves } if pointer == event.pointer_id() => {
                if !moves {
                    if (place[0] - from[0]).abs().max((place[1] - from[1]).abs()) < SLACK {
                        return;
                    }
                    self.held.set_value(Some(Held::Drag { pointer, from, window, moves: true }));
                    if let Some(around) = self.around.get_untracked() {
                        // Without capture the drag ends at the map's edge, no more.
                        let _ = around.set_pointer_capture(pointer);
                    }
                }
                event.stop_propagation();
                self.near.look(window.held(sizes, 1.0, shares(from, extent), shares(place, extent)));
            }
            Held::Drag { .. } => {}
        }
    }

    /// A pointer goes up, or is taken away.
    pub fn ends(self, event: &PointerEvent) {
        self.fingers.update_value(|fingers| fingers.retain(|(pointer, _)| *pointer != event.pointer_id()));
        let over = self.held.with_value(|held| match held {
            Some(Held::Drag { pointer, .. }) => *pointer == event.pointer_id(),
            Some(Held::Pinch { .. }) => true,
            None => false,
        });
        if over {
            self.held.set_value(None);
        }
    }

    /// Keys that change the window, before the map hears them.
    pub fn key(self, event: &KeyboardEvent) {
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        let near = self.near;
        let quarter = |down: f64, right: f64| {
            let sizes = near.sizes.get_untracked();
            let window = near.window.get_untracked().moved(sizes, [down / 4.0, right / 4.0]);
            let (q, k) = window.nearest(near.cell());
            near.lab.show(move |view| {
                window.put(sizes, view);
                (view.query, view.key) = (q, k);
            });
        };
        match event.key().as_str() {
            "+" | "=" => near.zoom(0.5),
            "-" | "_" => near.zoom(2.0),
            "0" => near.all(),
            "ArrowUp" if event.shift_key() => quarter(-1.0, 0.0),
            "ArrowDown" if event.shift_key() => quarter(1.0, 0.0),
            "ArrowLeft" if event.shift_key() => quarter(0.0, -1.0),
            "ArrowRight" if event.shift_key() => quarter(0.0, 1.0),
            _ => return,
        }
        near.lab.hover.set(None);
        event.prevent_default();
        event.stop_propagation();
    }

    /// Keys that have moved the chosen cell: the window goes with it.
    pub fn follow(self, event: &KeyboardEvent) {
        let moved = matches!(
            event.key().as_str(),
            "ArrowUp" | "ArrowDown" | "ArrowLeft" | "ArrowRight" | "Home" | "End" | "PageUp" | "PageDown"
        );
        if moved {
            let near = self.near;
            near.look(near.window.get_untracked().showing(near.sizes.get_untracked(), near.cell()));
        }
    }
}

fn shares(place: Place, extent: Place) -> [f64; 2] {
    [place[0] / extent[0], place[1] / extent[1]]
}

/// Whether an event began inside an element.
fn inside(event: &Event, element: &Element) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::Node>().ok());
    target.is_some_and(|target| element.contains(Some(&target)))
}
