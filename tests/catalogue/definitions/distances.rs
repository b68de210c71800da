//! Patterns of distances and of marked tokens.

use super::{Case, Rule};

/// The definition of a pattern by distance or by token; `None` for one of the other kind.
pub fn rule(case: &Case) -> Option<Rule> {
    let int = |name| case.int(name);
    let on = |name| case.on(name);
    Some(match case.entry.id {
        "none" => Box::new(|_, _, _| true),
        "causal" => Box::new(|_, i, j| (0..=i).contains(&j)),
        "prefix-lm" => {
            let prefix = int("prefix");
            Box::new(move |_, i, j| (0..prefix).contains(&j) || (0..=i).contains(&j))
        }
        "sliding-window" => {
            let reach = int("window") - i64::from(!on("inclusive"));
            let ahead = if on("two_sided") { reach } else { 0 };
            Box::new(move |_, i, j| (i - reach..=i + ahead).contains(&j))
        }
        "dilated" => {
            let (window, dilation, two_sided) = (int("window"), int("dilation"), on("two_sided"));
            Box::new(move |_, i, j| {
                let mut steps = (0..window.min(100)).map(|m| m * dilation);
                steps.any(|step| i - step == j || two_sided && i + step == j)
            })
        }
        "longformer" => {
            let (window, globals, causal) = (int("window"), int("globals"), on("causal"));
            let dilation = case.input("dilation");
            Box::new(move |h, i, j| {
                let gap = dilation[h as usize];
                let near = (-window.min(100)..=window.min(100)).any(|m| i + m * gap == j);
                (near || j < globals || i < globals) && !(causal && j > i)
            })
        }
        "strided" | "fixed" => factorised(case),
        "chunked-local" => {
            let (chunk, causal) = (int("chunk"), on("causal"));
            Box::new(move |_, i, j| {
                let start = i - i % chunk;
                (start..start + chunk).contains(&j) && !(causal && j > i)
            })
        }
        "global" => {
            let (marked, causal) = (case.input("marked"), on("causal"));
            Box::new(move |_, i, j| {
                (marked[i as usize] == 1 || marked[j as usize] == 1 || i == j) && !(causal && j > i)
            })
        }
        "sinks" | "a-shape" => {
            let sinks = int(if case.entry.id == "sinks" { "sinks" } else { "first" });
            let window = int("window");
            Box::new(move |_, i, j| j <= i && ((0..sinks).contains(&j) || (i - window + 1..=i).contains(&j)))
        }
        "vertical-slash" => {
            let (vertical, slash, n) = (case.input("vertical"), case.input("slash"), case.tokens());
            Box::new(move |h, i, j| {
                let at = |list: &[i64], x: i64| list[(h * n + x) as usize] == 1;
                j <= i && (at(&vertical, j) || at(&slash, i - j))
            })
        }
        "star" => {
            // Satellites 1 … n - 1 stand in a ring around the relay, token 0.
            let (ring, last) = (on("ring"), case.n_k() - 1);
            Box::new(move |_, i, j| {
                let next = if ring && i == last { 1 } else { i + 1 };
                let before = if ring && i == 1 { last } else { i - 1 };
                i == 0 || [0, before, i, next].contains(&j)
            })
        }
        "log-sparse" => {
            let (window, restart) = (int("window"), int("restart"));
            Box::new(move |_, i, j| {
                let seen = i == j || (0..30).any(|m| i - (1 << m) == j) || (i - window + 1..=i).contains(&j);
                seen && (restart == 0 || i.div_euclid(restart) == j.div_euclid(restart))
            })
        }
        "fibonacci" => {
            let (window, spacing) = (int("window"), *case.params.get("spacing")?);
            Box::new(move |_, i, j| {
                let (mut a, mut b, mut seen) = (1, 2, false);
                while a < 1000 {
                    seen |= i - (f64::from(a) * spacing).round() as i64 == j;
                    (a, b) = (b, a + b);
                }
                i == j || seen || (i - window + 1..=i).contains(&j)
            })
        }
        "longnet" => {
            let (segment, rate) = (int("segment"), int("rate"));
            Box::new(move |h, i, j| j <= i && super::super::tables::longnet_branches(segment, rate, h, i, j) > 0)
        }
        "synaptic" => synaptic(case),
        "fractal" => fractal(case),
        "kronecker" => {
            let (base, previous) = (int("base"), on("previous"));
            let rows = ["g00 g01 g02", "g10 g11 g12", "g20 g21 g22"];
            let generator = rows.map(|row| row.split(' ').map(on).collect::<Vec<_>>());
            // As many digits as the longest position has: leading zeros beyond them say nothing.
            let mut digits = 0;
            while base.pow(digits) < case.tokens() {
                digits += 1;
            }
            Box::new(move |_, i, j| {
                let digit = |x: i64, place| (x / base.pow(place) % base) as usize;
                let kept = (0..digits).all(|place| generator[digit(i, place)][digit(j, place)]);
                kept || previous && i - j == 1
            })
        }
        "clock" => {
            let (previous, relative) = (on("previous"), on("relative"));
            let (period, phase) = (case.input("period"), case.input("phase"));
            Box::new(move |h, i, j| {
                let (period, phase) = (period[h as usize], phase[h as usize]);
                let ticks = |from: i64| (-200..200).any(|m| from + m * period == j);
                j <= i && (ticks(if relative { i } else { phase }) || j == i || previous && j == i - 1)
            })
        }
        "clock-hold" => {
            let previous = on("previous");
            let (period, phase) = (case.input("period"), case.input("phase"));
            Box::new(move |h, i, j| {
                let (period, phase) = (period[h as usize], phase[h as usize]);
                let ticks: Vec<i64> = (-200..200).map(|m| phase + m * period).filter(|&tick| tick <= i).collect();
                let last = ticks.iter().copied().max();
                // The row of the last tick, and the query itself.
                j == i || last.is_some_and(|last| j <= last && (ticks.contains(&j) || previous && j == last - 1))
            })
        }
        _ => return None,
    })
}

/// The two heads of the Sparse Transformer, together or one after the other.
fn factorised(case: &Case) -> Rule {
    let (stride, alternate) = (case.int("stride"), case.on("alternate"));
    let columns = if case.entry.id == "fixed" { case.int("columns") } else { 0 };
    Box::new(move |h, i, j| {
        let (near, far) = if columns == 0 {
            ((i - stride + 1..=i).contains(&j), (0..=i / stride).any(|m| i - m * stride == j))
        } else {
            let start = i - i % stride;
            let last = (j / stride + 1) * stride;
            ((start..start + stride).contains(&j), (last - columns..last).contains(&j))
        };
        j <= i && if alternate { [near, far][h as usize % 2] } else { near || far }
    })
}

fn synaptic(case: &Case) -> Rule {
    let n = case.tokens();
    let preset: Vec<i64> = match case.int("preset") {
        0 => vec![1, 2, 4, 8, 16, 32],
        1 => vec![1, 2, 3, 5, 8, 13, 21, 34, 55],
        _ => vec![2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61],
    };
    let preset: Vec<i64> = preset.into_iter().filter(|&o| o < n).collect();
    let (spread, wrap, two_sided) = (*case.params.get("spread").unwrap(), case.on("wrap"), case.on("two_sided"));
    let n_k = case.n_k();
    Box::new(move |h, i, j| {
        let stretch = 1.0 + h as f64 * spread;
        let distance = if wrap { (i - j).rem_euclid(n_k) } else { (i - j).abs() };
        let wired = distance <= 1 || preset.iter().any(|&o| (o as f64 * stretch).round() as i64 == distance);
        wired && (wrap || two_sided || j <= i)
    })
}

/// Digit by digit: a Kronecker power of [[1, 0], [1, 1]], or a distance without a 1 in base 3.
fn fractal(case: &Case) -> Rule {
    let (cantor, previous) = (case.on("cantor"), case.on("previous"));
    Box::new(move |_, i, j| {
        let distance = i - j;
        let kept = if cantor {
            distance >= 0 && (0..12).all(|l| distance / 3_i64.pow(l) % 3 != 1)
        } else {
            (0..12).all(|l| [[true, false], [true, true]][(i >> l & 1) as usize][(j >> l & 1) as usize])
        };
        kept || previous && distance == 1
    })
}
