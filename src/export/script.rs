//! What every script begins and ends with.

use super::{Made, Subject, inputs, positions};

/// Comments that say what it is, where it comes from and what it needs.
pub fn head(subject: &Subject, packages: &str) -> String {
    let link: String = subject.link.chars().filter(|c| !c.is_control() && !c.is_whitespace()).collect();
    let version = env!("CARGO_PKG_VERSION");
    let mut text = format!("# Exported by Attention Playground {version}; needs: pip install {packages}\n");
    if !link.is_empty() {
        text.push_str(&format!("# {link}\n"));
    }
    if subject.experiment.estimator.id != "none" {
        text.push_str("# This is exact attention; the estimator beside it is not part of the text.\n");
    }
    text
}

/// Sizes, Q, K and V as the page has them, encodings added and turned.
pub fn inputs(subject: &Subject, made: &Made) -> String {
    let dims = &subject.loaded.dims;
    let mut text = format!(
        "# Sizes, and Q, K, V as [1, heads, tokens, size]\nq_heads, kv_heads, n_q, n_k, d, d_v = {}, {}, {}, {}, {}, {}\n",
        dims.q_heads, dims.kv_heads, dims.n_q, dims.n_k, dims.d, dims.d_v
    );
    text.push_str(&inputs::source(subject, &made.inputs).text);
    let changed = positions::lines(&made.problem, &text);
    if !changed.is_empty() {
        text.push_str("\n# Positions\n");
        text.push_str(&changed);
    }
    text
}

/// Prints the output, and says what the page computed.
pub fn result(subject: &Subject) -> String {
    let mut text = String::from(
        "
print(\"y\", y.shape, \"sum\", float(y.sum()), \"largest\", float(abs(y).max()))
print(y[0, 0, :4])
",
    );
    if let Some(y) = subject.output.filter(|y| !y.is_empty()) {
        let sum: f64 = y.iter().map(|x| f64::from(*x)).sum();
        let largest = y.iter().fold(0.0_f64, |top, x| top.max(f64::from(x.abs())));
        let width = subject.loaded.dims.d_v;
        let row: Vec<String> = y.iter().take(width.min(6)).map(|x| format!("{x:.6}")).collect();
        let more = if width > 6 { ", …" } else { "" };
        text.push_str(&format!(
            "# The page computed, in single precision: sum {sum:.6}, largest {largest:.6}, first row [{}{more}]\n",
            row.join(", ")
        ));
    }
    text
}
