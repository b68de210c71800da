//! Draws the pictures of the gallery, each from its link, computed by the reference engine.
//!
//! ```text
//! cargo run --example gallery                 every entry of public/gallery/index.json, into public/gallery/<slug>.png
//! cargo run --example gallery -- <slug>…      these entries
//! cargo run --example gallery -- '#v1&…'      the numbers of a link, to write a story from
//! ```

#[allow(dead_code, reason = "the test of the gallery reads the rest")]
mod canvas;
mod draw;
#[allow(dead_code, reason = "the test of the gallery reads the rest")]
mod entry;
#[allow(dead_code, reason = "the test of the gallery reads the rest")]
mod scene;

use attention_playground::attention::Dims;
use attention_playground::experiment::encode;
use scene::Scene;

type Error = Box<dyn std::error::Error>;

fn main() -> Result<(), Error> {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let (links, slugs): (Vec<_>, Vec<_>) =
        asked.iter().partition(|word| word.starts_with(['#', 'v']) && word.contains("v1"));
    for link in &links {
        tell(link.trim_start_matches('#'))?;
    }
    if !links.is_empty() {
        return Ok(());
    }
    for entry in entry::all()? {
        if !slugs.is_empty() && !slugs.iter().any(|slug| **slug == entry.slug) {
            continue;
        }
        let path = entry::folder().join(format!("{}.png", entry.slug));
        draw::draw(&entry)?.save(&path)?;
        println!("{:>7} bytes  {}", std::fs::metadata(&path)?.len(), path.display());
    }
    Ok(())
}

/// What can be said of a link in numbers.
fn tell(link: &str) -> Result<(), Error> {
    let scene = Scene::open(link)?;
    let Dims { q_heads, kv_heads, n_q, n_k, d, d_v, .. } = scene.dims;
    println!(
        "{}\n{q_heads} heads, {kv_heads} of keys; {n_q} queries, {n_k} keys; sizes {d} and {d_v}; {} empty rows",
        encode(&scene.experiment),
        (0..q_heads).map(|head| scene.head(head).empty_rows).sum::<u32>()
    );
    let view = scene.experiment.view;
    let name = |names: &[String], i: usize| names.get(i).cloned().unwrap_or_else(|| format!("[{i}]"));
    for q in 0..n_q.min(64) {
        let row = scene.row(view.head, q);
        let mut best: Vec<usize> = (0..n_k).collect();
        best.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
        let best: Vec<String> =
            best[..n_k.min(4)].iter().map(|&k| format!("{k} {} {:.4}", name(&scene.tokens_k, k), row[k])).collect();
        let allowed = scene.allowed(view.head, q).len();
        let nonzero = row.iter().filter(|w| **w != 0.0).count();
        let sum: f32 = row.iter().sum();
        let here = if q == view.query { '>' } else { ' ' };
        println!(
            "{here}{q:>3} {:<12} allowed {allowed:>3} nonzero {nonzero:>3} sum {sum:.4}  {}",
            name(&scene.tokens_q, q),
            best.join("   ")
        );
    }
    for head in 0..q_heads {
        let row = scene.row(head, view.query.min(n_q - 1));
        let (k, top) = row.iter().enumerate().fold((0, 0.0f32), |best, (k, &w)| if w > best.1 { (k, w) } else { best });
        let total: usize = (0..n_q).map(|q| scene.allowed(head, q).len()).sum();
        println!(
            "head {head}: row {} has its largest weight {top:.4} on {k} {}; {total} pairs",
            view.query,
            name(&scene.tokens_k, k)
        );
    }
    if scene.experiment.estimator.id != "none" {
        let estimate = scene::estimate(link)?;
        println!(
            "errors by head {:?}\nerrors of head {}: {:?}",
            estimate.total,
            view.head,
            &estimate.error[view.head * n_q..][..n_q]
        );
    }
    Ok(())
}
