//! The numbers behind a chart.

use super::chart::{Chart, Point};
use super::digits;

/// Why a point is not drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is no number, or there was none.
    Nothing,
    /// It is infinite.
    Infinite,
    /// It cannot stand on a logarithmic scale.
    NoPlace,
}

/// A point that is not drawn as a value.
#[derive(Clone, Debug, PartialEq)]
pub struct LeftOut<'a> {
    /// Name of its series.
    pub series: &'a str,
    /// The point.
    pub point: &'a Point,
    /// Why.
    pub why: Why,
}

/// Every point that the chart cannot show as a value.
pub fn left_out(chart: &Chart) -> Vec<LeftOut<'_>> {
    let (x, y) = (chart.x.scale, chart.y.scale);
    let why = |point: &Point| match point.y {
        value if value.is_nan() || point.x.is_nan() => Some(Why::Nothing),
        value if value.is_infinite() || point.x.is_infinite() => Some(Why::Infinite),
        value => (!y.holds(value) || !x.holds(point.x)).then_some(Why::NoPlace),
    };
    let all = chart.series.iter().flat_map(|one| one.points.iter().map(move |point| (one, point)));
    all.filter_map(|(one, point)| Some(LeftOut { series: &one.name, point, why: why(point)? })).collect()
}

/// What a place is called: its name where it has one.
pub fn place(chart: &Chart, x: f64) -> String {
    let named = (x >= 0.0 && x.fract() == 0.0).then(|| chart.x.names.get(x as usize)).flatten();
    let number = digits::read(x);
    match named {
        Some(name) => format!("{} {name}", digits::read(x + 1.0)).trim().to_owned(),
        None if chart.x.unit.is_empty() => number,
        None => format!("{number} {}", chart.x.unit),
    }
}

/// A value with its interval, as it is read: `1.2 ms (1.1 to 1.4)`.
pub fn value(chart: &Chart, point: &Point, to: &str) -> String {
    if point.y.is_nan() && !point.note.is_empty() {
        return point.note.clone();
    }
    let number = digits::read(point.y);
    let unit = if chart.y.unit.is_empty() || point.y.is_nan() { String::new() } else { format!(" {}", chart.y.unit) };
    let interval = point.interval.map(|[low, high]| format!(" ({}{to}{})", digits::read(low), digits::read(high)));
    let note = if point.note.is_empty() { String::new() } else { format!(", {}", point.note) };
    format!("{number}{unit}{}{note}", interval.unwrap_or_default())
}

/// A row for each place, a column for each series, as they are read.
pub fn rows(chart: &Chart, to: &str) -> Vec<(String, Vec<String>)> {
    let mut places: Vec<f64> = chart.series.iter().flat_map(|one| one.points.iter().map(|point| point.x)).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    let cell = |one: &super::chart::Series, x: f64| {
        one.points
            .iter()
            .find(|point| point.x.total_cmp(&x).is_eq())
            .map(|point| value(chart, point, to))
            .unwrap_or_default()
    };
    let row = |x: f64| (place(chart, x), chart.series.iter().map(|one| cell(one, x)).collect());
    places.into_iter().map(row).collect()
}

/// A row for each point with every digit: series, place, value, lower and upper end, readings that do not count, word.
pub fn records(chart: &Chart) -> Vec<[String; 7]> {
    let record = |name: &str, point: &Point| {
        let [low, high] = point.interval.map_or([String::new(), String::new()], |ends| ends.map(|end| end.to_string()));
        let others: Vec<String> = point.others.iter().map(f64::to_string).collect();
        [name.to_owned(), point.x.to_string(), point.y.to_string(), low, high, others.join(" "), point.note.clone()]
    };
    chart.series.iter().flat_map(|one| one.points.iter().map(move |point| record(&one.name, point))).collect()
}
