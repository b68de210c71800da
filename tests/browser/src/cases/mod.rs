//! The tests. Each file has a table, `cases()`; this is the list of the files.

pub mod boot;
pub mod conformance;
pub mod edit;
pub mod faults;
pub mod links;

use std::future::Future;
use std::pin::Pin;

use crate::{Result, page::Page};

/// What a running test is.
pub type Run<'a> = Pin<Box<dyn Future<Output = Result<()>> + 'a>>;

/// One test.
pub struct Case {
    /// `file: what it shows`; a filter matches any part of it.
    pub name: String,
    /// The test itself.
    pub run: Box<dyn for<'a> Fn(&'a Page) -> Run<'a>>,
}

/// A table of tests: `cases!("boot"; opens, computes)` names each after its function.
#[macro_export]
macro_rules! cases {
    ($file:literal; $($test:ident),+ $(,)?) => {
        vec![$($crate::cases::Case {
            name: format!("{}: {}", $file, stringify!($test).replace('_', " ")),
            run: Box::new(|page| Box::pin($test(page))),
        }),+]
    };
}

/// Every test, in the order they run.
///
/// # Errors
/// When the conformance vectors cannot be read.
pub fn all() -> Result<Vec<Case>> {
    let mut all = boot::cases();
    all.extend(edit::cases());
    all.extend(links::cases());
    all.extend(faults::cases());
    all.extend(conformance::cases()?);
    Ok(all)
}
