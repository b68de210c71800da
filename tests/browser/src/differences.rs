//! Which tests a browser leaves out, each with the reason, which is printed and counted. docs/browsers.md tells it to people.

use crate::cases::Case;
use crate::kind::Kind;

/// What the browser that is there has.
#[derive(Clone, Copy, Debug)]
pub struct Able {
    /// Which it is.
    pub kind: Kind,
    /// A WebGPU adapter.
    pub adapter: bool,
    /// The script of axe-core.
    pub axe: bool,
}

/// The tests that run in WebKit: the page opens, computes on the workers of the CPU, is edited, speaks both languages, lies in a frame.
pub const SMOKE: &[&str] = &[
    "boot: opens and computes",
    "boot: opens from any folder",
    "edit: the opener is computed",
    "edit: a cell is typed and undone",
    "edit: a formula is typed",
    "edit: a slider moves",
    "links: ",
    "embed: every layout shows its part",
    "languages: the page is whole in both",
    "languages: switching keeps what was set",
];

/// Tests that a browser is not asked to run although it has what they ask for, and what was seen. An entry that is mended goes.
pub const DIFFERENCES: &[(Kind, &str, &str)] = &[
    (
        Kind::Firefox,
        "keys: sheets open and close and give the focus back",
        "Tab past a sheet's last control goes to the browser's own bar; keys that WebDriver sends to the page after that make no click",
    ),
    (
        Kind::Firefox,
        "access: nothing keeps people out of files and faults",
        "scripts of its driver have a WebAssembly of their own, whose errors the page rightly takes for none of its program's: the crash card does not show",
    ),
];

/// Why a test is not run here; nothing where it is.
pub fn left_out(case: &Case, able: Able) -> Option<&'static str> {
    let smoke = || SMOKE.iter().any(|name| case.name.starts_with(name));
    if able.kind == Kind::Webkit && !smoke() {
        return Some("a few tests show that the page works in WebKit; this is none of them");
    }
    if case.needs.cdp && able.kind != Kind::Chromium {
        return Some("it needs Chromium's debugging protocol");
    }
    if case.needs.adapter && !able.adapter {
        return Some("there is no WebGPU adapter");
    }
    if case.needs.axe && !able.axe {
        return Some("there is no axe-core");
    }
    DIFFERENCES.iter().find(|(kind, name, _)| *kind == able.kind && *name == case.name).map(|(_, _, why)| *why)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn every_name_here_is_that_of_a_test() {
        let all = crate::cases::all().unwrap();
        for name in SMOKE {
            assert!(all.iter().any(|case| case.name.starts_with(name)), "{name}");
        }
        for (_, name, _) in DIFFERENCES {
            assert!(all.iter().any(|case| case.name == *name), "{name}");
        }
    }

    #[test]
    fn webkit_runs_its_few_and_chromium_all() {
        let able = |kind| Able { kind, adapter: true, axe: true };
        let all = crate::cases::all().unwrap();
        let run = |kind| all.iter().filter(|case| left_out(case, able(kind)).is_none()).count();
        assert_eq!(run(Kind::Chromium), all.len());
        assert!((SMOKE.len()..40).contains(&run(Kind::Webkit)));
        assert!(run(Kind::Firefox) > run(Kind::Webkit));
    }
}
