//! The page of limits and the constants say the same, and neither leaves one out.

use std::collections::BTreeMap;
use std::path::Path;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What a constant's expression comes to: numbers, `a << b` and `(1 << 53) - 1`.
fn value(expression: &str) -> f64 {
    if let Some((whole, less)) = expression.split_once(" - ") {
        return value(whole.trim_matches(['(', ')'])) - value(less);
    }
    match expression.split_once(" << ") {
        Some((number, by)) => value(number) * 2.0_f64.powi(by.parse().unwrap()),
        None => expression.replace('_', "").parse().unwrap_or_else(|_| panic!("{expression} is no number")),
    }
}

/// What the page says: a number, and perhaps a unit.
fn said(cell: &str) -> f64 {
    let (number, unit) = cell.split_once(' ').unwrap_or((cell, ""));
    let unit = match unit {
        "" => 0,
        "KiB" => 10,
        "MiB" => 20,
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

#[test]
fn the_page_of_limits_is_the_constants() {
    let page = read("docs/limits.md");
    let mut sections = 0;
    for section in page.split("\n## ").skip(1) {
        let path = section.split('`').nth(1).unwrap();
        let rows = section.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
        let told: BTreeMap<String, f64> = rows
            .map(|row| {
                let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
                (cells.last().unwrap().trim_matches('`').to_owned(), said(cells[cells.len() - 2]))
            })
            .collect();
        assert_eq!(told, constants(path), "{path}");
        sections += 1;
    }
    assert_eq!(sections, 3);
}

#[test]
fn expressions_are_worth_what_rust_says() {
    assert_eq!(value("64 << 10"), 65536.0);
    assert_eq!(value("(1 << 53) - 1"), ((1_u64 << 53) - 1) as f64);
    assert_eq!(value("1e6"), 1e6);
    assert_eq!(said("64 KiB"), 65536.0);
}
