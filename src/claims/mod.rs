//! Claims on the bench: what four essays say of self-attention, each as a measurement with a rule that gives its verdict.
//!
//! A claim states the runs that it wants and judges what came of them; it never awaits an engine. Whoever measures it (the page asks its workers, tests ask
//! sessions) asks a [`Bench`] what is next and tells it what came.
//!
//! ```text
//! settings -> asks -> Bench -> answers -> judge -> Finding (verdict, margin, tables, charts)
//!               ^------------------+  later asks may depend on earlier answers
//! ```
//!
//! | file | what it holds |
//! |---|---|
//! | `claim` | what a claim states |
//! | `settings` | its sliders, and where they stand |
//! | `ask`, `answer` | what is wanted of the engines, and what came |
//! | `bench` | the course of a measurement |
//! | `finding` | what follows: verdict, margin, tables, charts |
//! | `report` | all of it as a text with figures |
//! | `tools/` | what several claims compute from an outcome |
//! | every other | one claim each |
//!
//! To add a claim: a file with `pub const CLAIM: Claim` and, in its tests, `pub fn cases() -> Vec<Case>` (doctored measurements with the verdict that is
//! due, two different ones at least), a line `mod` and its name in the list below. Everything else walks [`all`].

mod answer;
mod ask;
mod bench;
mod claim;
mod finding;
mod report;
mod settings;
mod tools;

mod already_sparse;
mod backward_cubic;
mod concentration;
mod dilution;
mod forward_quadratic;
mod head_matrices;
mod multi_head_cost;
mod needs_training;
mod order_blind;
mod redundancy;
mod scaling_loss;
mod softmax_share;

mod causal_sharpness;
mod cross_modal;
mod dynamic_position;
mod head_balance;
mod heads_independent;
mod interpretability;
mod learned_beyond_training;
mod learned_cost;
mod local_black_hole;
mod multi_head_diversity;
mod multi_head_parallel;
mod rnn_linear;
mod streaming;

mod block_sparse_global;
mod local_only;
mod noise;
mod over_expansion;
mod pooling_remedies;
mod remedies;
mod sinusoid_limits;
mod sparse_patterns;
mod sparsity_parallel;

#[cfg(test)]
mod native_tests;
#[cfg(test)]
mod tests;

pub use answer::{Answer, Answers, Graded, Ran, Timed};
pub use ask::{Alter, Ask, Work, subject};
pub use bench::{Bench, Step, Told};
pub use claim::{Claim, Essay, Opening, Source};
pub use finding::{Finding, Table, Verdict};
pub use report::{Entry, REPORT, read_address, report, report_address};
pub use settings::{Settings, Slider};

/// The claims, and the doctored measurements that test them: a claim without is no claim.
macro_rules! list {
    ($($name:ident),+ $(,)?) => {
        static ALL: &[&Claim] = &[$(&$name::CLAIM),+];
        /// Of each claim in the order of the list.
        #[cfg(test)]
        static CASES: &[fn() -> Vec<tests::Case>] = &[$($name::tests::cases),+];
        #[cfg(test)]
        mod each {
            $(mod $name {
                #[test]
                fn its_verdict_follows_from_the_numbers() {
                    let cases = super::super::$name::tests::cases();
                    super::super::tests::examine(&super::super::$name::CLAIM, &cases);
                }
            })+
        }
    };
}

list![
    forward_quadratic,
    backward_cubic,
    rnn_linear,
    dilution,
    local_only,
    order_blind,
    sinusoid_limits,
    learned_beyond_training,
    concentration,
    remedies,
    noise,
    sparsity_parallel,
    sparse_patterns,
    local_black_hole,
    streaming,
    causal_sharpness,
    scaling_loss,
    multi_head_cost,
    multi_head_parallel,
    multi_head_diversity,
    dynamic_position,
    cross_modal,
    already_sparse,
    over_expansion,
    redundancy,
    pooling_remedies,
    softmax_share,
    learned_cost,
    block_sparse_global,
    interpretability,
    head_balance,
    heads_independent,
    head_matrices,
    needs_training,
];

/// Every claim, in the order of the table.
pub fn all() -> &'static [&'static Claim] {
    ALL
}

/// The claim with this id.
pub fn claim(id: &str) -> Option<&'static Claim> {
    all().iter().find(|claim| claim.id == id).copied()
}
