//! Claims and what was found of them as a text in Markdown, with the charts that go beside it.

use super::all;
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

/// The name of the report in addresses of frames.
pub const REPORT: &str = "report";

/// The report's name in addresses of frames: `claim:report`, and the sliders that were moved: `claim:report,noise.n=256`. Settings are in the order of the claims.
pub fn report_address(settings: &[Settings]) -> String {
    let moved = all().iter().zip(settings).flat_map(|(claim, settings)| {
        let written = settings.written(claim.sliders);
        let parts: Vec<String> = written.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        parts.into_iter().map(|part| format!(",{}.{part}", claim.id))
    });
    moved.fold(format!("claim:{REPORT}"), |address, part| address + &part)
}

/// Reads what follows the name in [`report_address`]: the settings of every claim, and what names no claim or no stop of a slider.
pub fn read_address(text: &str) -> (Vec<Settings>, Vec<String>) {
    let mut all: Vec<(&Claim, String)> = all().iter().map(|claim| (*claim, String::new())).collect();
    let mut unknown = Vec::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let of = part
            .split_once('.')
            .and_then(|(id, moved)| Some((all.iter_mut().find(|(claim, _)| claim.id == id)?, moved)));
        match of {
            Some(((_, text), moved)) => *text += &format!("{moved},"),
            None => unknown.push(part.to_owned()),
        }
    }
    let settings = all.into_iter().map(|(claim, text)| {
        let (settings, strange) = Settings::read(claim.sliders, &text);
        unknown.extend(strange.into_iter().map(|part| format!("{}.{part}", claim.id)));
        settings
    });
    (settings.collect(), unknown)
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
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn an_address_carries_the_sliders_of_every_claim() {
        let mut settings: Vec<Settings> = all().iter().map(|claim| Settings::usual(claim.sliders)).collect();
        assert_eq!(report_address(&settings), "claim:report");
        let place = all().iter().position(|claim| claim.id == "noise").unwrap();
        settings[place] = Settings::deeper(all()[place].sliders).with("seed", 3.0);
        let address = report_address(&settings);
        assert!(address.contains(",noise.seed=3"), "{address}");
        let rest = address.strip_prefix("claim:report,").unwrap();
        assert_eq!(read_address(rest), (settings.clone(), Vec::new()));
        let (read, unknown) = read_address(&format!("{rest},nothing.n=2,noise.n=7,noise"));
        assert_eq!((read, unknown), (settings, ["nothing.n=2", "noise", "noise.n=7"].map(str::to_owned).to_vec()));
        assert!(all().iter().all(|claim| claim.id != REPORT && !claim.id.contains(['.', ','])));
    }

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
