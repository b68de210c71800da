//! The page of limits and the constants say the same. Of the files that its first sections name neither leaves one out.

use std::collections::BTreeMap;
use std::path::Path;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Where the limits of an experiment are.
const EXPERIMENT: &str = "src/experiment/check/mod.rs";

/// What a constant's expression comes to: numbers, `a << b`, products, `(1 << 53) - 1`, and limits of an experiment by their names.
fn value(expression: &str) -> f64 {
    let expression = expression.trim_end_matches(" as f64");
    if let Some(name) = expression.strip_prefix("limits::") {
        return constants(EXPERIMENT)[name];
    }
    if let Some((whole, less)) = expression.split_once(" - ") {
        return value(whole) - value(less);
    }
    if let Some((one, other)) = expression.split_once(" * ") {
        return value(one) * value(other);
    }
    let expression = expression.trim_matches(['(', ')']);
    match expression.split_once(" << ") {
        Some((number, by)) => value(number) * 2.0_f64.powi(by.parse().unwrap()),
        None => {
            let digits = expression.trim_end_matches("_u64").replace('_', "");
            digits.parse().unwrap_or_else(|_| panic!("{expression} is no number"))
        }
    }
}

/// What the page says: a number, and perhaps a unit.
fn said(cell: &str) -> f64 {
    let (number, unit) = cell.split_once(' ').unwrap_or((cell, ""));
    let unit = match unit {
        "" | "ms" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        other => panic!("{other} is no unit"),
    };
    number.parse::<f64>().unwrap_or_else(|_| panic!("{number} is no number")) * 2.0_f64.powi(unit)
}

/// The constants of a source file that are limits: all of a module of limits, else all that are public.
fn constants(path: &str) -> BTreeMap<String, f64> {
    let text = read(path);
    let text = match text.split_once("pub mod limits {") {
        Some((_, rest)) => rest.split("\n}").next().unwrap().to_owned(),
        None => text,
    };
    let lines = text.lines().filter_map(|line| line.trim().strip_prefix("pub const "));
    let of = |line: &str| {
        let (name, rest) = line.split_once(": ").unwrap();
        (name.to_owned(), value(rest.split_once(" = ").unwrap().1.trim_end_matches(';')))
    };
    lines.map(of).collect()
}

/// The cells of a section's rows that name a constant.
fn rows(section: &str) -> Vec<Vec<&str>> {
    let rows = section.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

/// The sections of the page of limits. The first ones name a file in their heading, the others one in each row.
fn sections(page: &str, of_a_file: bool) -> Vec<&str> {
    let all = page.split("\n## ").skip(1);
    all.filter(|section| section.lines().next().unwrap().contains('`') == of_a_file).collect()
}

/// One constant of a file, whoever may use it; all of them where it is a list.
fn constant(path: &str, name: &str) -> Vec<f64> {
    let (text, wanted) = (read(&format!("src/{path}")), format!("const {name}: "));
    let line = text.lines().find(|line| line.contains(&wanted)).unwrap_or_else(|| panic!("{path} has no {name}"));
    let expression = line.split_once(" = ").unwrap().1.trim_end_matches(';');
    expression.trim_matches(['[', ']']).split(", ").map(value).collect()
}

#[test]
fn the_page_of_limits_is_the_constants() {
    let page = read("docs/limits.md");
    let of_files = sections(&page, true);
    assert_eq!(of_files.len(), 3);
    for section in of_files {
        let path = section.split('`').nth(1).unwrap();
        let told: BTreeMap<String, f64> = rows(section)
            .into_iter()
            .map(|cells| (cells.last().unwrap().trim_matches('`').to_owned(), said(cells[cells.len() - 2])))
            .collect();
        assert_eq!(told, constants(path), "{path}");
    }
}

#[test]
fn every_row_is_its_constant() {
    let page = read("docs/limits.md");
    let others = sections(&page, false);
    assert_eq!(others.len(), 5);
    for cells in others.into_iter().flat_map(rows) {
        let [what, most, _, place] = cells[..] else { panic!("{cells:?} are not four cells") };
        let names: Vec<&str> = place.split('`').collect();
        let [_, path, _, name, _] = names[..] else { panic!("{place} names no constant") };
        assert_eq!(most.split("; ").map(said).collect::<Vec<_>>(), constant(path, name), "{what}: {place}");
    }
}

#[test]
fn expressions_are_worth_what_rust_says() {
    assert_eq!(value("64 << 10"), 65536.0);
    assert_eq!(value("(1 << 53) - 1"), ((1_u64 << 53) - 1) as f64);
    assert_eq!(value("1e6"), 1e6);
    assert_eq!(value("3.0 * (1_u64 << 30) as f64"), said("3 GiB"));
    assert_eq!(value("limits::TOKENS"), 4096.0);
    assert_eq!(said("64 KiB"), 65536.0);
}
