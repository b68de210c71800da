//! The tests. Each file has a table, `cases()`; this is the list of the files.

pub mod access;
pub mod boot;
pub mod capture_faults;
pub mod catalogue;
pub mod chart;
pub mod claims;
pub mod closer;
pub mod conformance;
pub mod content;
pub mod edit;
pub mod embed;
pub mod estimators;
pub mod exact;
pub mod export;
pub mod faults;
pub mod files;
pub mod gallery;
pub mod gpu;
pub mod gpu_faults;
pub mod gradients;
pub mod heads;
pub mod hostile;
pub mod keys;
pub mod languages;
pub mod layout;
pub mod links;
pub mod media;
pub mod offline;
pub mod operators;
pub mod page_faults;
pub mod pair;
pub mod positions;
pub mod rules;
pub mod soak;
pub mod sweep;
pub mod table;
pub mod touch;
pub mod tour;
pub mod walk;
pub mod worker_faults;

use std::future::Future;
use std::pin::Pin;

use crate::{Result, page::Page};

/// What a running test is.
pub type Run<'a> = Pin<Box<dyn Future<Output = Result<()>> + 'a>>;

/// What a test asks of the browser.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// A WebGPU adapter; the software one will do. Where there is none the test is not run, and that is said.
    pub adapter: bool,
    /// A browser that nobody used before and nobody uses afterwards: an empty profile, a GPU that may be crashed.
    pub own_browser: bool,
    /// The script of axe-core, in the file that AXE names. Without it the test is not run, and that is said.
    pub axe: bool,
    /// Chromium's debugging protocol, for faults and settings that WebDriver has no word for. Other browsers don't run the test, and that is said.
    pub cdp: bool,
    /// The machine: no other browser computes meanwhile. For what measures time or memory, or takes away what others need too.
    pub alone: bool,
    /// Much time: only `--full` runs it, or its whole name.
    pub long: bool,
}

impl Needs {
    /// Nothing but a browser, shared with the other tests.
    pub const NOTHING: Self =
        Self { adapter: false, own_browser: false, axe: false, cdp: false, alone: false, long: false };
    /// A browser with an adapter, shared with the other tests.
    pub const ADAPTER: Self = Self { adapter: true, ..Self::NOTHING };
    /// Chromium, shared with the other tests.
    pub const CDP: Self = Self { cdp: true, ..Self::NOTHING };
    /// Chromium, for this test alone.
    pub const CDP_OF_ITS_OWN: Self = Self { own_browser: true, ..Self::CDP };
    /// A browser with an adapter, for this test alone.
    pub const ADAPTER_OF_ITS_OWN: Self = Self { own_browser: true, ..Self::ADAPTER };
    /// Chromium with an adapter that may be crashed, for this test alone; how long a run lasts decides whether it is disturbed.
    pub const CRASHES: Self = Self { adapter: true, alone: true, ..Self::CDP_OF_ITS_OWN };
}

/// One test.
pub struct Case {
    /// `file: what it shows`; a filter matches any part of it.
    pub name: String,
    /// What it asks of the browser.
    pub needs: Needs,
    /// The test itself.
    pub run: Box<dyn for<'a> Fn(&'a Page) -> Run<'a> + Send + Sync>,
}

/// A table of tests: `cases!("boot"; opens, computes)` names each after its function. What they need may stand after the name of the file.
#[macro_export]
macro_rules! cases {
    ($file:literal; $($test:ident),+ $(,)?) => {
        $crate::cases!($file, $crate::cases::Needs::default(); $($test),+)
    };
    ($file:literal, $needs:expr; $($test:ident),+ $(,)?) => {
        vec![$($crate::cases::Case {
            name: format!("{}: {}", $file, stringify!($test).replace('_', " ")),
            needs: $needs,
            run: Box::new(|page| Box::pin($test(page))),
        }),+]
    };
}

/// Every test, in the order in which they are begun but for those that run alone, which come after the others.
///
/// # Errors
/// When the conformance vectors cannot be read.
pub fn all() -> Result<Vec<Case>> {
    let mut all = boot::cases();
    all.extend(edit::cases());
    all.extend(files::cases());
    all.extend(links::cases());
    all.extend(embed::cases());
    all.extend(faults::cases());
    all.extend(worker_faults::cases());
    all.extend(page_faults::cases());
    all.extend(capture_faults::cases());
    all.extend(soak::cases());
    all.extend(hostile::cases());
    all.extend(gpu::cases());
    all.extend(gpu_faults::cases());
    all.extend(table::cases());
    all.extend(operators::cases());
    all.extend(catalogue::cases());
    all.extend(gradients::cases());
    all.extend(heads::cases());
    all.extend(pair::cases());
    all.extend(content::cases());
    all.extend(estimators::cases());
    all.extend(exact::cases());
    all.extend(positions::cases());
    all.extend(rules::cases());
    all.extend(sweep::cases());
    all.extend(walk::cases());
    all.extend(chart::cases());
    all.extend(claims::cases());
    all.extend(export::cases());
    all.extend(gallery::cases());
    all.extend(access::cases());
    all.extend(keys::cases());
    all.extend(closer::cases());
    all.extend(tour::cases());
    all.extend(touch::cases());
    all.extend(media::cases());
    all.extend(layout::cases());
    all.extend(languages::cases());
    all.extend(offline::cases());
    all.extend(conformance::cases()?);
    Ok(all)
}
