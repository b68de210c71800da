//! Claims and what was found of them as a text in Markdown, with the charts that go beside it.

use super::claim::{Claim, Essay};
use super::finding::{Finding, Table};
use super::settings::Settings;
use super::tools::word;
use crate::analysis::plot::Chart;
use crate::catalogue::Lang;

/// A claim with what was found, if it was measured.
pub struct Entry<'a> {
    /// The claim.
    pub claim: &'static Claim,
    /// Its sliders.
    pub settings: &'a Settings,
    /// What was found.
    pub finding: Option<&'a Finding>,
}

/// The report: its text, and its figures by the names that the text calls them by, in the folder `figures`. `conditions` says where it was measured.
pub fn report<'a>(entries: &[Entry<'a>], conditions: &str, lang: Lang) -> (String, Vec<(String, &'a Chart)>) {
    let w = |en, zh| word(lang, en, zh);
    let mut text = format!("# {}\n\n{conditions}\n\n", w("Claims on the bench", "论断实测报告"));
    text += &format!("| {} | {} | {} |\n|---|---|---|\n", w("claim", "论断"), w("essay", "文章"), w("verdict", "结论"));
    for entry in entries {
        let essays: Vec<&str> = entry.claim.essays.iter().map(|essay| essay.name()).collect();
        text +=
            &format!("| {} | {} | {} |\n", cell(entry.claim.says.get(lang)), essays.join(", "), verdict(entry, lang));
    }
    text += &format!("\n## {}\n\n", w("The essays", "文章"));
    for essay in Essay::ALL {
        let missing = essay.missing().map(|missing| format!(" {}", missing.get(lang))).unwrap_or_default();
        text += &format!("- {}: {}.{missing}\n", essay.name(), essay.title().get(lang));
    }
    let mut figures = Vec::new();
    for entry in entries {
        section(&mut text, &mut figures, entry, lang);
    }
    (text, figures)
}

fn verdict(entry: &Entry<'_>, lang: Lang) -> &'static str {
    entry.finding.map_or(word(lang, "not run", "未运行"), |finding| finding.verdict.name().get(lang))
}

fn section<'a>(text: &mut String, figures: &mut Vec<(String, &'a Chart)>, entry: &Entry<'a>, lang: Lang) {
    let claim = entry.claim;
    let w = |en, zh| word(lang, en, zh);
    let colon = w(": ", "：");
    *text += &format!("\n## {}\n\n> {}\n\n", claim.title.get(lang), claim.says.get(lang));
    *text += &format!("**{}**{colon}{}\n\n", w("Verdict", "结论"), verdict(entry, lang));
    let sliders: Vec<String> = claim
        .sliders
        .iter()
        .map(|slider| format!("{} {}", slider.name.get(lang), slider.told(entry.settings.get(slider.id), lang)))
        .collect();
    if let Some(finding) = entry.finding {
        for words in [&finding.because, &finding.margin].into_iter().filter(|words| !words.is_empty()) {
            *text += &format!("{words}\n\n");
        }
        for (number, chart) in finding.charts.iter().enumerate() {
            let name = format!("{}-{}.svg", claim.id, number + 1);
            *text += &format!("![{}](figures/{name})\n\n", cell(&chart.title));
            figures.push((name, chart));
        }
        finding.tables.iter().for_each(|one| table(text, one));
    }
    let lines = [
        (w("Set-up", "设置"), claim.setup.get(lang).to_owned()),
        (w("Settings", "参数"), sliders.join(w("; ", "；"))),
        (w("Rule", "规则"), (claim.rule)(lang)),
        (w("What would change it", "什么会改变结论"), claim.changes.get(lang).to_owned()),
        (w("What this can't settle", "此测量不能判定的"), claim.limits.get(lang).to_owned()),
    ];
    for (name, words) in lines.iter().filter(|(_, words)| !words.is_empty()) {
        *text += &format!("**{name}**{colon}{words}\n\n");
    }
    for source in claim.literature {
        let paper = source.paper;
        *text += &format!("- {} ({}, {}; {})\n", source.says.get(lang), paper.title, paper.year, paper.id);
    }
}

fn table(text: &mut String, table: &Table) {
    let row = |cells: &[String]| format!("| {} |\n", cells.iter().map(|one| cell(one)).collect::<Vec<_>>().join(" | "));
    *text += &format!("{}\n\n{}|{}\n", table.title, row(&table.head), "---|".repeat(table.head.len()));
    table.rows.iter().for_each(|cells| *text += &row(cells));
    *text += "\n";
}

/// A text within a cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::super::{Verdict, all};
    use super::*;

    #[test]
    fn a_report_names_every_claim_and_every_figure() {
        let settings: Vec<Settings> = all().iter().map(|claim| Settings::usual(claim.sliders)).collect();
        let mut table = Table::new("numbers", &["a|b", "c"]);
        table.row(["1".to_owned(), "x\ny".to_owned()]);
        let finding = Finding {
            verdict: Verdict::Refuted,
            because: "Because.".to_owned(),
            margin: "By far.".to_owned(),
            tables: vec![table],
            charts: vec![Chart { title: "A chart".to_owned(), ..Chart::default() }],
        };
        let entries: Vec<Entry<'_>> = all()
            .iter()
            .zip(&settings)
            .enumerate()
            .map(|(i, (claim, settings))| Entry { claim, settings, finding: (i == 0).then_some(&finding) })
            .collect();
        for lang in [Lang::En, Lang::Zh] {
            let (text, figures) = report(&entries, "Somewhere.", lang);
            for claim in all() {
                assert!(text.contains(claim.says.get(lang)) && text.contains(&(claim.rule)(lang)), "{}", claim.id);
            }
            assert_eq!(figures.len(), 1);
            assert!(text.contains(&format!("](figures/{})", figures[0].0)) && text.contains("a\\|b | c"), "{text}");
            assert!(text.contains("| 1 | x y |") && text.contains(Verdict::Refuted.name().get(lang)));
            assert!(
                text.contains(word(lang, "not run", "未运行"))
                    && text.contains(Essay::E1.missing().map_or("", |t| t.get(lang)))
            );
        }
    }
}
