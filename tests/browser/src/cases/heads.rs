//! Long tensors reach the workers head by head, as they are computed: each head gives what it gives in a run of its own, whose tensors travel whole.

use serde_json::{Value, json};

use super::worker_faults::MADE;
use super::{Case, Needs};
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    let mut all = cases!("heads"; each_gives_what_it_gives_alone, one_that_is_not_finite_leaves_the_others_as_they_are);
    all.extend(cases!("heads", Needs::CDP; those_of_a_lost_worker_are_sent_again));
    all
}

/// Six heads of queries over two of keys, each tensor long enough to travel in pieces and a head of it short enough to travel whole; together, then one by
/// one. `bad` is put into a value of the second head of keys. `lose` ends a worker when it has been sent its
/// first heads.
const RUN: &str = "const p = await attentionPlayground, [bad, lose] = args, n = 1100, d = 64, outputs = ['Y', 'logsumexp'];
    const tensor = (heads, seed) => {
      let x = seed;
      const data = Float32Array.from({ length: heads * n * d }, () => ((x = (x * 1664525 + 1013904223) >>> 0) / 2 ** 32 - 0.5) * 3);
      return { shape: [heads, n, d], data };
    };
    const [Q, K, V] = [tensor(6, 1), tensor(2, 2), tensor(2, 3)];
    if (bad) V.data[(n + 500) * d + 7] = bad === 'nan' ? NaN : Infinity;
    const ask = { is_causal: true, backend: 'cpu', algorithm: 'streaming', outputs };
    if (lose) made.find((worker) => !worker.gone).postMessage({ fault: 'trap' });
    const all = await p.run({ Q, K, V, ...ask });
    const head = ({ data }, h) => ({ shape: [1, n, d], data: data.slice(h * n * d, (h + 1) * n * d) });
    const told = { kernel: all.kernel, notes: all.notes ?? [], workers: all.workers, heads: [] };
    for (let h = 0; h < 6; h++) {
      const one = await p.run({ Q: head(Q, h), K: head(K, h / 3 | 0), V: head(V, h / 3 | 0), ...ask });
      let worst = 0, apart = 0, odd = 0;
      for (const name of outputs) {
        const [found, wanted] = [all.outputs[name].data, one.outputs[name].data], size = wanted.length;
        for (let i = 0; i < size; i++) {
          const [a, b] = [found[h * size + i], wanted[i]];
          if (!Number.isFinite(b)) odd++;
          if (Object.is(a, b) || a === b) continue;
          if (Number.isFinite(a) && Number.isFinite(b)) worst = Math.max(worst, Math.abs(a - b)); else apart++;
        }
      }
      told.heads.push({ kernel: one.kernel, worst, apart, odd });
    }
    return told";

/// Largest difference of two runs of the same numbers, whose rows may lie in other tiles.
const SAME: f64 = 1e-6;

/// How many numbers of each head are not finite, and the kernel of the whole.
fn agreed(told: &Value) -> Result<(Vec<u64>, String)> {
    let heads = told["heads"].as_array().cloned().unwrap_or_default();
    let same = |head: &Value| head["apart"] == 0 && head["worst"].as_f64().is_some_and(|worst| worst <= SAME);
    ensure(heads.len() == 6 && heads.iter().all(same), || format!("{told}"))?;
    let odd = heads.iter().filter_map(|head| head["odd"].as_u64()).collect();
    Ok((odd, told["kernel"].as_str().unwrap_or_default().to_owned()))
}

async fn each_gives_what_it_gives_alone(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    let told = page.js(RUN, vec![json!(null), json!(false)]).await?;
    let (odd, kernel) = agreed(&told)?;
    ensure(odd == [0; 6] && told["heads"][0]["kernel"] == json!(kernel), || format!("{told}"))
}

async fn one_that_is_not_finite_leaves_the_others_as_they_are(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    for bad in ["nan", "infinity"] {
        let told = page.js(RUN, vec![json!(bad), json!(false)]).await?;
        let (odd, kernel) = agreed(&told)?;
        // Of the three heads that read it, one number of each row from there on.
        ensure(odd == [0, 0, 0, 600, 600, 600], || format!("{bad}: {odd:?}"))?;
        ensure(kernel == "cpu-streaming-scalar-select", || format!("{bad}: {told}"))?;
    }
    Ok(())
}

async fn those_of_a_lost_worker_are_sent_again(page: &Page) -> Result<()> {
    page.before_load(MADE).await?;
    page.open_ready("/fault/on-demand/").await?;
    let told = page.js(RUN, vec![json!(null), json!(true)]).await?;
    let (odd, _) = agreed(&told)?;
    let notes = told["notes"].to_string();
    ensure(odd == [0; 6] && notes.contains("its part was computed again"), || format!("{told}"))
}
