//! What pictures of charts hold.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::scene::{Anchor, Area, Draw, Shape};
use super::*;

fn row(slot: usize, values: &[f64]) -> Series {
    let points = values.iter().enumerate().map(|(i, &y)| Point::new(i as f64, y));
    Series::new(format!("series {slot}"), Kind::Line, slot, points)
}

fn chart(series: Vec<Series>) -> Chart {
    Chart {
        title: "Time over length".to_owned(),
        x: Axis::new("tokens", "", Scale::Linear),
        y: Axis::new("time", "ms", Scale::Linear),
        series,
        ..Chart::default()
    }
}

fn drawn(chart: &Chart) -> Scene {
    layout(chart, Paper::screen(640.0, 300.0))
}

/// The paths of a series: strokes and surfaces.
fn paths(scene: &Scene, slot: usize) -> (Vec<&str>, Vec<&str>) {
    let of = |shape: &&Shape| shape.slot == Some(slot) && shape.tone == Tone::Slot(slot);
    let (mut strokes, mut fills) = (Vec::new(), Vec::new());
    for shape in scene.shapes.iter().filter(of) {
        match &shape.draw {
            Draw::Stroke { d, .. } => strokes.push(d.as_str()),
            Draw::Fill { d, .. } => fills.push(d.as_str()),
            Draw::Text { .. } => {}
        }
    }
    (strokes, fills)
}

/// Every text and the ground it covers.
fn texts(scene: &Scene) -> Vec<(Area, &str)> {
    let mut all = Vec::new();
    for shape in &scene.shapes {
        let Draw::Text { at: [x, y], anchor, text, .. } = &shape.draw else { continue };
        let width = labels::width(text);
        let left = match anchor {
            Anchor::Start => *x,
            Anchor::Middle => x - width / 2.0,
            Anchor::End => x - width,
        };
        all.push((Area { x: left, y: y - 10.0, width, height: 12.0 }, text.as_str()));
    }
    all
}

fn none_covers_another(scene: &Scene) {
    let all = texts(scene);
    for (i, (area, text)) in all.iter().enumerate() {
        assert!(
            area.x > -0.5 && area.right() < scene.size[0] + 0.5 && area.foot() < scene.size[1] + 0.5,
            "{text:?} leaves the picture: {area:?}"
        );
        for (other, words) in &all[i + 1..] {
            assert!(!area.meets(other), "{text:?} {area:?} covers {words:?} {other:?}");
        }
    }
}

#[test]
fn a_gap_breaks_the_line_and_a_point_alone_is_a_dot() {
    let scene = drawn(&chart(vec![row(0, &[1.0, 2.0, f64::NAN, 4.0, f64::INFINITY, 6.0, 7.0])]));
    let (strokes, fills) = paths(&scene, 0);
    assert_eq!(strokes.iter().map(|d| d.matches('M').count()).sum::<usize>(), 2, "two runs of two: {strokes:?}");
    assert_eq!(fills.len(), 5, "a marker for each value");
    assert_eq!(scene.spots.len(), 5);
    // A cross and an arrow for what is missing.
    assert_eq!(scene.shapes.iter().filter(|shape| shape.tone == Tone::Bad).count(), 2);
    let one = drawn(&chart(vec![row(2, &[3.0])]));
    let (strokes, fills) = paths(&one, 2);
    assert!(strokes.is_empty() && fills.len() == 1 && one.spots.len() == 1);
    assert!(one.field.x < one.spots[0].at[0] && one.spots[0].at[0] < one.field.right());
}

#[test]
fn a_point_alone_among_many_is_still_seen() {
    let mut values = vec![1.0; 200];
    (values[99], values[101]) = (f64::NAN, f64::NAN);
    let (_, dense) = (0, drawn(&chart(vec![row(0, &values)])));
    let alone = dense.spots.iter().find(|spot| spot.x == 100.0).unwrap();
    let marker = scene::marker(0, alone.at, 3.5);
    assert!(paths(&dense, 0).1.contains(&marker.as_str()));
    assert!(paths(&dense, 0).1.len() < 12, "two hundred points are not marked one by one");
}

#[test]
fn charts_of_nothing_still_draw() {
    for series in [vec![], vec![row(0, &[])], vec![row(0, &[f64::NAN; 3])], vec![row(0, &[f64::NEG_INFINITY])]] {
        for scale in [Scale::Linear, Scale::Log2, Scale::Log10, Scale::FromZero] {
            let mut chart = chart(series.clone());
            (chart.x.scale, chart.y.scale) = (scale, scale);
            let text = document(&layout(&chart, Paper::file()), &chart.title, &|token| token.to_owned());
            assert!(!text.contains("NaN") && !text.contains("inf"), "{scale:?} {text}");
        }
    }
}

#[test]
fn values_stand_where_their_axes_say() {
    let mut log = chart(vec![Series::new("a", Kind::Line, 0, [64.0, 256.0, 1024.0].map(|n| Point::new(n, n * n)))]);
    (log.x.scale, log.y.scale) = (Scale::Log2, Scale::Log10);
    let scene = drawn(&log);
    let at: Vec<[f64; 2]> = scene.spots.iter().map(|spot| spot.at).collect();
    let (first, second) = ([at[1][0] - at[0][0], at[0][1] - at[1][1]], [at[2][0] - at[1][0], at[1][1] - at[2][1]]);
    assert!((first[0] - second[0]).abs() < 1e-6 && (first[1] - second[1]).abs() < 1e-6, "a power law is straight");
    assert!(first[0] > 0.0 && first[1] > 0.0);
    let names: Vec<&str> = texts(&scene).into_iter().map(|(_, text)| text).collect();
    assert!(["64", "256", "1024", "time (ms)", "tokens"].iter().all(|name| names.contains(name)), "{names:?}");
}

#[test]
fn labels_never_cover_each_other() {
    let many = |count: usize| (0..count).map(|slot| row(slot, &[1.0, 1.0 + slot as f64 * 1e-3])).collect();
    for count in [1, 2, 6, 14] {
        for (width, height) in [(300.0, 200.0), (640.0, 300.0), (1000.0, 320.0)] {
            let mut chart = chart(many(count));
            chart.marks = ["trained on 64", "window", "another mark"].map(|name| Mark::upright(0.5, name)).to_vec();
            chart.marks.push(Mark::level(1.0, "peak"));
            none_covers_another(&layout(&chart, Paper::screen(width, height)));
        }
        let mut chart = chart(many(count));
        chart.caption =
            "Measured in this browser with eight workers, each time the median of nine runs in random order.".repeat(2);
        none_covers_another(&layout(&chart, Paper::file()));
        chart.x.scale = Scale::FromZero;
        chart.x.ends = Some([0.0, 4095.0]);
        none_covers_another(&layout(&chart, Paper::file()));
    }
    let names = (0..40).map(|i| format!("token{i}")).collect();
    let bars = Series { kind: Kind::Bars, ..row(0, &(0..40).map(f64::from).collect::<Vec<_>>()) };
    let mut bars = chart(vec![bars]);
    bars.x.names = names;
    none_covers_another(&layout(&bars, Paper::screen(360.0, 180.0)));
}

#[test]
fn bars_stand_side_by_side_on_zero() {
    let bars = |slot: usize, values: &[f64]| Series { kind: Kind::Bars, ..row(slot, values) };
    let scene = drawn(&chart(vec![bars(0, &[1.0, -2.0]), bars(1, &[3.0, 0.5])]));
    let at = |slot: usize, x: f64| scene.spots.iter().find(|spot| spot.slot == slot && spot.x == x).unwrap().at[0];
    assert!(at(0, 0.0) < at(1, 0.0) && at(1, 0.0) < at(0, 1.0) && at(0, 1.0) < at(1, 1.0));
    assert!(at(0, 0.0) > scene.field.x && at(1, 1.0) < scene.field.right());
    let (_, fills) = paths(&scene, 0);
    let base = |part: &str| part.split(['V', ' ']).nth(1).map(str::to_owned);
    let bases: Vec<_> = fills[0].split('M').skip(1).map(base).collect();
    assert!(bases[0].is_some() && bases.windows(2).all(|pair| pair[0] == pair[1]), "{bases:?}");
}

#[test]
fn intervals_are_whiskers_or_a_band() {
    let points = |count: usize| (0..count).map(|i| Point::between(i as f64, 1.0, 2.0, 3.0));
    let few = drawn(&chart(vec![Series::new("few", Kind::Line, 0, points(4))]));
    assert!(paths(&few, 0).0.iter().any(|d| d.matches("h6").count() == 8));
    let many = drawn(&chart(vec![Series::new("many", Kind::Line, 0, points(300))]));
    assert!(many.shapes.iter().any(|shape| matches!(&shape.draw, Draw::Fill { opacity, .. } if *opacity < 0.5)));
    // An interval that reaches below what a logarithmic scale can show ends at the foot.
    let mut log =
        chart(vec![Series::new("log", Kind::Line, 0, [Point::between(1.0, -1.0, 2.0, 3.0), Point::new(2.0, 1.0)])]);
    log.y.scale = Scale::Log10;
    let scene = drawn(&log);
    assert!(paths(&scene, 0).0.iter().any(|d| d.contains(&format!("{:.1}V", scene.field.foot()))));
}

#[test]
fn theory_does_not_widen_the_axes() {
    let line = row(0, &[1.0, 2.0]);
    let theory = Series { kind: Kind::Theory, ..row(1, &[1.0, 1e6]) };
    assert!(chart(vec![line.clone(), theory.clone()]).upright().high < 3.0);
    assert!(chart(vec![theory.clone()]).upright().high > 1e5);
    let scene = drawn(&chart(vec![line, theory]));
    assert!(scene.spots.iter().all(|spot| spot.slot == 0));
    assert!(scene.shapes.iter().any(|shape| shape.cut && shape.slot == Some(1)), "it is cut off at the field's edge");
}

#[test]
fn what_is_left_out_is_listed_with_its_reason() {
    let mut chart = chart(vec![Series::new(
        "a",
        Kind::Line,
        0,
        [
            Point::new(1.0, 2.0),
            Point::new(2.0, 0.0),
            Point::failed(4.0, "out of memory"),
            Point::new(8.0, f64::INFINITY),
        ],
    )]);
    chart.y.scale = Scale::Log10;
    let left: Vec<(f64, Why)> = left_out(&chart).into_iter().map(|one| (one.point.x, one.why)).collect();
    assert_eq!(left, [(2.0, Why::NoPlace), (4.0, Why::Nothing), (8.0, Why::Infinite)]);
    chart.y.scale = Scale::Linear;
    assert_eq!(left_out(&chart).len(), 2);
    let rows = rows(&chart, " to ");
    assert_eq!(rows[2], ("4".to_owned(), vec!["out of memory".to_owned()]));
    assert_eq!(rows[0], ("1".to_owned(), vec!["2 ms".to_owned()]));
    assert_eq!(records(&chart)[1], ["a", "2", "0", "", "", "", ""]);
}

#[test]
fn files_name_themselves_and_every_series() {
    let mut chart = chart(vec![row(0, &[1.0, 2.0]), row(7, &[2.0, 1.0])]);
    chart.title = "A < B & \"C\"".to_owned();
    chart.caption = "Measured here.".to_owned();
    let text = document(&layout(&chart, Paper::file()), &chart.title, &|token| format!("[{token}]"));
    assert!(text.starts_with("<svg xmlns=") && text.contains("<title>A &lt; B &amp; &quot;C&quot;</title>"));
    assert!(text.contains(">series 0<") && text.contains(">series 7<") && text.contains(">Measured here.<"));
    assert!(text.contains("fill=\"[--card]\"") && text.contains("[--accent]") && text.contains("[--k]"));
    for tag in ["g", "svg", "text", "title"] {
        assert_eq!(text.matches(&format!("<{tag}")).count(), text.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

#[test]
fn slots_differ_by_more_than_colour() {
    let look = |slot: usize| {
        let (scene, mut look) = (legend_sample(&row(slot, &[1.0])), Vec::new());
        for shape in scene.shapes {
            look.push(match shape.draw {
                Draw::Stroke { d, dash, .. } => format!("stroke {d} {dash}"),
                Draw::Fill { d, .. } => format!("fill {d} {}", shape.tone == Tone::Ground),
                Draw::Text { text, .. } => text,
            });
        }
        look.concat()
    };
    let looks: std::collections::HashSet<String> = (0..18).map(look).collect();
    assert_eq!(looks.len(), 18);
}

/// In both themes, on the ground that charts are drawn on.
#[test]
fn every_colour_is_seen_and_every_word_can_be_read() {
    use crate::analysis::colour::{contrast, parse};
    let sheet = include_str!("../../../style/tokens.css");
    let (light, dark) = sheet.split_once(":root[data-theme=\"dark\"]").unwrap();
    for theme in [light, dark] {
        let colour = |tone: Tone| {
            let name = format!("{}: ", tone.token());
            parse(theme.split(&name).nth(1).unwrap().split(';').next().unwrap()).unwrap()
        };
        let ground = colour(Tone::Ground);
        // Names at lines' ends are in the colours of the slots.
        for tone in (0..SLOTS.len()).map(Tone::Slot).chain([Tone::Ink, Tone::Soft, Tone::Bad]) {
            assert!(contrast(colour(tone), ground) >= 4.5, "{tone:?}");
        }
        assert!(contrast(colour(Tone::Line), ground) >= 3.0);
        assert!(contrast(colour(Tone::Soft), colour(Tone::Shade)) >= 4.5, "names of marks on what they shade");
    }
    assert!((contrast([0; 3], [255; 3]) - 21.0).abs() < 1e-4 && contrast([90; 3], [90; 3]) == 1.0);
}
