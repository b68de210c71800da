//! Two settings compared: pinned, edited on, carried by one link; what can't be compared is said. And measures of the weights.

use serde_json::json;

use super::Case;
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    cases!("pair"; a_pinned_setting_is_compared_with_what_is_edited_on, one_link_opens_both, sizes_that_differ_are_named,
        measures_agree_with_the_engines_entropy)
}

/// The card, by its heading.
const CARD: &str = "const card = [...document.querySelectorAll('section.estimate')].find((s) => s.querySelector('h3').textContent.startsWith('Compare two settings'));";

async fn a_pinned_setting_is_compared_with_what_is_edited_on(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    page.click("Compare two settings").await?;
    page.click("Pin as A").await?;
    page.js("await (await attentionPlayground).set({ mask: { id: 'causal' } })", vec![]).await?;
    // Weights of A, of B, their difference, and that of the outputs.
    page.wait_until("document.querySelectorAll('.settings-pair .compare__map').length === 4").await?;
    let shown = page
        .js(
            &format!(
                "{CARD} const cells = [...card.querySelectorAll('tr')].map((r) => [...r.children].map((c) => c.textContent));
                return [cells, card.querySelector('.facts').textContent]"
            ),
            vec![],
        )
        .await?;
    let rows = shown[0].to_string();
    ensure(rows.contains("causal"), || format!("the settings that differ: {rows}"))?;
    let facts = shown[1].as_str().unwrap_or_default();
    ensure(facts.contains("largest difference") && facts.contains("JS"), || format!("what lies between: {facts}"))?;
    page.click("Compare gradients").await?;
    page.wait_until("document.querySelectorAll('.settings-pair .compare__map').length === 7").await?;
    page.click("Measure both").await?;
    page.wait_until(
        "[...document.querySelectorAll('.settings-pair [role=status]')].some((p) => p.textContent.includes('A'))",
    )
    .await?;
    // Back to A: nothing differs any more, and the address still holds both.
    page.js("scrollTo(0, 0)", vec![]).await?;
    page.click("Back to A").await?;
    page.wait_until("document.querySelector('.settings-pair').textContent.includes('are the same setting')").await?;
    page.wait_until("location.hash.includes('compare=')").await?;
    // The button stands at the head of the card, which may lie under the page's own.
    page.js("scrollTo(0, 0)", vec![]).await?;
    page.click("Unpin and close").await?;
    page.wait_until("!location.hash.includes('compare=')").await
}

async fn one_link_opens_both(page: &Page) -> Result<()> {
    page.open_ready("/#v1&mask=causal&compare=v1%26softcap%3D2").await?;
    page.wait_until("document.querySelectorAll('.settings-pair .compare__map').length === 4").await?;
    let links = "const api = await attentionPlayground; return [api.link(), api.link(await api.get())].map((link) => link.includes('compare=v1%26softcap=2'))";
    let links = page.js(links, vec![]).await?;
    ensure(links == json!([true, false]), || {
        format!("the page's own link holds A, that of an experiment does not: {links}")
    })?;
    page.click("Swap A and B").await?;
    let capped = "(await (await attentionPlayground).get()).softcap";
    let now = page.js(&format!("return [{capped}, (await (await attentionPlayground).get()).mask.id]"), vec![]).await?;
    ensure(now == json!([2, "sliding-window"]), || format!("after the swap the page holds {now}"))?;
    page.wait_until("location.hash.includes('compare=v1%26mask=causal')").await?;
    page.click("Unpin and close").await
}

async fn sizes_that_differ_are_named(page: &Page) -> Result<()> {
    let small = "v1%26input%3Dgenerated%26input.size.n_q%3D6%26input.size.n_k%3D6";
    page.open_ready(&format!("/#v1&compare={small}")).await?;
    page.wait_until("[...document.querySelectorAll('.settings-pair .issue')].some((p) => p.textContent.includes('Weights') && p.textContent.includes('A 6'))")
        .await?;
    // Over the same inputs they can be, in the last head of those that both have.
    page.click("B over A's inputs").await?;
    page.wait_until("document.querySelectorAll('.settings-pair .compare__map').length === 4").await?;
    page.wait_until("location.hash.includes('compare.inputs=same')").await?;
    page.click("Unpin and close").await
}

async fn measures_agree_with_the_engines_entropy(page: &Page) -> Result<()> {
    page.open_ready("/").await?;
    page.click("Analysis of the weights").await?;
    page.wait_until("document.querySelectorAll('.measures__heads tbody tr').length === 12").await?;
    // Of the engines' own statistics, beside the small pictures; both to two digits after the point at least.
    let said = page
        .js(
            "const engine = [...document.querySelectorAll('.heads .head b')].map((b) => Number(b.textContent));
            const measured = [...document.querySelectorAll('.measures__heads tbody tr')].map((r) => Number(r.querySelector('td').textContent));
            return [engine, measured, Math.max(...engine.map((x, i) => Math.abs(x - measured[i])))]",
            vec![],
        )
        .await?;
    ensure(said[2].as_f64().is_some_and(|apart| apart < 0.01), || format!("entropies by head: {said}"))?;
    // Every query of the opener sees itself and all before it, by weights however small.
    page.wait_until("/All heads together: \\d+\\./.test(document.querySelector('[data-reach]')?.textContent)").await?;
    // Queries, distance; and pairs of heads.
    let charts = page.js("return document.querySelectorAll('.measures .chart__field').length", vec![]).await?;
    ensure(charts == 2, || format!("{charts} charts"))?;
    page.click("Roll out the layers").await?;
    page.wait_until("document.querySelectorAll('.measures .chart__field').length === 3").await
}
