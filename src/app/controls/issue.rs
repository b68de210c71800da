//! What is wrong with a field, said at the field.

use leptos::prelude::*;

use crate::app::reactive::Signal;
use crate::app::state::lab;
use crate::app::view::view;

/// Whether `path` of an issue is `field` or lies inside it: `mask` holds `mask.params.window`, `edits` holds `edits[3]`.
fn inside(path: &str, field: &str) -> bool {
    !field.is_empty() && path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Whether anything is wrong with the field.
pub fn at_fault(field: &str) -> Signal<bool> {
    let (lab, field) = (lab(), field.to_owned());
    Signal::memo(move || lab.issues.with(|all| all.iter().any(|issue| inside(&issue.path, &field))))
}

/// Every problem with the field, as an alert; nothing while there is none.
#[component]
pub fn IssueLine(
    /// Path of the experiment's field.
    #[prop(into)]
    path: String,
    /// Id that the control's `aria-describedby` names.
    #[prop(optional, into)]
    id: String,
    /// Start of paths that another control shows.
    #[prop(optional)]
    except: &'static str,
) -> impl IntoView {
    let lab = lab();
    let messages = Signal::memo(move || {
        let lang = lab.lang.get();
        lab.issues.with(|all| {
            let here =
                all.iter().filter(|i| inside(&i.path, &path) && (except.is_empty() || !i.path.starts_with(except)));
            here.map(|i| i.message.get(lang).to_owned()).collect::<Vec<_>>()
        })
    });
    view! {
        <div class="issue" id=(!id.is_empty()).then_some(id) role="alert" hidden=move || messages.with(Vec::is_empty)>
            {move || messages.get().into_iter().map(|m| view! { <p>{m}</p> }).collect_view()}
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::inside;

    #[test]
    fn a_field_holds_its_parts_and_no_namesakes() {
        assert!(inside("mask.params.window", "mask"));
        assert!(inside("edits[3].row", "edits"));
        assert!(inside("scale", "scale"));
        assert!(!inside("mask_like", "mask"));
        assert!(!inside("mask", "mask.params"));
        assert!(!inside("mask", ""));
    }
}
