//! Both languages are whole: no English is left on the Chinese page, no Chinese on the English one, and switching between them keeps what was set.

use serde_json::{Value, json};

use super::Case;
use crate::page::{Page, ensure};
use crate::{Result, cases};

/// This file's tests.
pub fn cases() -> Vec<Case> {
    cases!("languages"; the_page_is_whole_in_both, sheets_are_whole_in_both, frames_are_whole_in_both, switching_keeps_what_was_set)
}

/// Texts, names and hints in the document that are of the other language. Code, formulas, tokens of a text, titles of papers and names of things that have no other
/// are left out.
const FOREIGN: &str = r#"
const chinese = args[0], han = /\p{Script=Han}/u, found = new Set();
const apart = "code, pre, script, style, math, svg text, canvas, cite, .katex, [lang], .tokens, .paper, a[href^='https://arxiv'], a[href^='https://doi'], noscript, template";
const said = (text) => {
  const plain = text.replace(/\s+/g, " ").trim();
  // Three English words in a row are a sentence; one or two may be a name.
  if (chinese ? !han.test(plain) && /(?:^|[^\p{L}_.])(?:[a-z]{2,}[ ,]+){2}[a-z]{2,}/u.test(plain) : han.test(plain)) found.add(plain.slice(0, 120));
};
const outside = (e) => { const own = e.closest(apart); return !own || own === document.documentElement; };
for (const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT); walk.nextNode();) {
  const e = walk.currentNode.parentElement;
  if (outside(e) && !e.closest("datalist, #shell, #no-origin, #crash") && !e.closest("[data-foreign]")) said(walk.currentNode.data);
}
for (const name of ["aria-label", "title", "placeholder", "alt"])
  for (const e of document.querySelectorAll(`[${name}]`)) if (outside(e)) said(e.getAttribute(name));
return [...found];
"#;

const LANGUAGES: [(&str, bool); 2] = [("en", false), ("zh-CN", true)];

async fn foreign(page: &Page, chinese: bool) -> Result<Vec<String>> {
    let found = page.js(FOREIGN, vec![json!(chinese)]).await?;
    Ok(found.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect())
}

fn none(all: &[(String, Vec<String>)]) -> Result<()> {
    let lines: Vec<String> =
        all.iter().flat_map(|(view, found)| found.iter().map(move |line| format!("{view}: {line}"))).collect();
    ensure(lines.is_empty(), || lines.join("\n        "))
}

async fn the_page_is_whole_in_both(page: &Page) -> Result<()> {
    let mut all = Vec::new();
    for (lang, chinese) in LANGUAGES {
        page.open_ready(&format!("/?lang={lang}")).await?;
        page.wait_until("document.querySelector('.steps .strong td')").await?;
        page.js("for (const fold of document.querySelectorAll('main details')) fold.open = true", vec![]).await?;
        page.wait_until("!document.querySelector('main [aria-busy=true]')").await?;
        all.push((lang.to_owned(), foreign(page, chinese).await?));
    }
    none(&all)
}

async fn sheets_are_whole_in_both(page: &Page) -> Result<()> {
    let sheets = [
        ("help", "document.querySelector('.top__actions [title*=\"(?)\"]').click()"),
        ("export", "document.querySelector('.top__export').click()"),
        ("share", "document.querySelector('.top__actions .primary').click()"),
        ("gallery", "document.querySelector('.top__actions [title=Gallery], .top__actions [title=图集]').click()"),
    ];
    let mut all = Vec::new();
    for (lang, chinese) in LANGUAGES {
        page.open_ready(&format!("/?lang={lang}")).await?;
        for (name, open) in sheets {
            page.js(open, vec![]).await?;
            page.wait_until("document.querySelector('dialog[open] h2')").await?;
            all.push((format!("{lang} {name}"), foreign(page, chinese).await?));
            page.js("document.querySelector('dialog[open]').close()", vec![]).await?;
            page.wait_until("!document.querySelector('dialog[open]')").await?;
        }
    }
    none(&all)
}

async fn frames_are_whole_in_both(page: &Page) -> Result<()> {
    let mut all = Vec::new();
    for (lang, chinese) in LANGUAGES {
        for view in ["map", "controls", "output", "timing", "formula", "positions", "estimators"] {
            page.open_ready(&format!("/?embed&view={view}&lang={lang}")).await?;
            all.push((format!("{lang} {view}"), foreign(page, chinese).await?));
        }
    }
    none(&all)
}

async fn switching_keeps_what_was_set(page: &Page) -> Result<()> {
    page.open_ready("/?lang=en").await?;
    page.js("await (await attentionPlayground).set({ mask: { id: 'causal' }, temperature: 2 })", vec![]).await?;
    let before = page.js("return JSON.stringify((await attentionPlayground).get())", vec![]).await?;
    for (button, lang) in [("中文", "zh-CN"), ("English", "en")] {
        page.click(button).await?;
        page.wait_until(&format!("document.documentElement.lang === '{lang}'")).await?;
        let title = page.js("return document.title", vec![]).await?;
        let wanted = if lang == "en" { "Attention Playground" } else { "注意力实验场 · Attention Playground" };
        ensure(title == json!(wanted), || format!("the page is called {title}"))?;
        let after = page.js("return JSON.stringify((await attentionPlayground).get())", vec![]).await?;
        ensure(after == before, || format!("{lang}: {after} was {before}"))?;
        let found = foreign(page, lang == "zh-CN").await?;
        ensure(found.is_empty(), || found.join("\n        "))?;
    }
    Ok(())
}
