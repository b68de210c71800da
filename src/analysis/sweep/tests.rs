//! Sweeps over machines that are made up, so that what should be found is known.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::*;
use crate::attention::Cost;
use crate::catalogue::Lang;
use crate::experiment::message;

/// Every line at every place, with the work that `work` says.
fn cells(lines: usize, places: &[f64], work: impl Fn(usize, f64) -> f64) -> Vec<Planned> {
    let of = |line: usize| {
        let work = &work;
        places.iter().enumerate().map(move |(place, &x)| Planned {
            cell: Cell { line, place },
            work: work(line, x),
            refused: None,
        })
    };
    (0..lines).flat_map(of).collect()
}

/// A machine: milliseconds of one repetition of a cell, as its clock tells them; every run costs half a millisecond beside.
fn run(sweep: &mut Sweep, step: f64, ms: impl Fn(Cell, usize) -> f64) -> Vec<Ask> {
    let mut asked = Vec::new();
    while let Some(ask) = sweep.ask() {
        assert!(asked.len() < 10_000, "a sweep without an end");
        let exact = ms(ask.cell, asked.len()) * ask.batch as f64;
        let told = if step > 0.0 { (exact / step).floor() * step } else { exact };
        sweep.done(Sample { ms: told, wall_ms: exact + 0.5 });
        asked.push(ask);
    }
    asked
}

#[test]
fn a_sweep_over_a_slow_clock_finds_the_law_below_its_step() {
    // 0.4 microseconds times n^1.5: all but the largest are far below a tenth of a millisecond.
    let places = [16.0, 64.0, 256.0, 1024.0];
    let truth = |n: f64| 4e-4 * n.powf(1.5) / 64.0;
    let mut sweep = Sweep::new(places.to_vec(), cells(1, &places, |_, n| n * n), 0.1, 3);
    let asked = run(&mut sweep, 0.1, |cell, turn| truth(places[cell.place]) * [1.0, 1.01, 0.99, 1.02][turn % 4]);
    for (place, &n) in places.iter().enumerate() {
        let time = sweep.summary(Cell { line: 0, place }).unwrap();
        assert_eq!(time.samples.len(), ROUNDS);
        assert!((time.median / truth(n) - 1.0).abs() < 0.05, "{n}: {} is not {}", time.median, truth(n));
    }
    let law = sweep.law(0).unwrap();
    assert!((law.exponent - 1.5).abs() < 0.05 && law.interval.unwrap().holds(law.exponent), "{law:?}");
    assert!(asked.iter().any(|ask| ask.batch > 1000), "{asked:?}");
    assert_eq!((sweep.share(), sweep.left_ms()), (1.0, Some(0.0)));
}

#[test]
fn rounds_take_every_cell_once_in_orders_that_differ() {
    let places = [1.0, 2.0, 4.0];
    let mut sweep = Sweep::new(places.to_vec(), cells(2, &places, |_, x| x), 0.0, 11);
    let asked = run(&mut sweep, 0.0, |_, _| 10.0);
    // Each is run twice to warm it up, then once in each round.
    assert_eq!(asked.len(), 6 * (2 + ROUNDS));
    let rounds: Vec<Vec<Cell>> =
        asked[12..].chunks(6).map(|round| round.iter().map(|ask| ask.cell).collect()).collect();
    for round in &rounds {
        let mut seen = round.clone();
        seen.sort_by_key(|cell| (cell.line, cell.place));
        seen.dedup();
        assert_eq!(seen.len(), 6, "{round:?}");
    }
    assert!(rounds.windows(2).any(|pair| pair[0] != pair[1]));
    // The same seed draws the same orders.
    let mut again = Sweep::new(places.to_vec(), cells(2, &places, |_, x| x), 0.0, 11);
    assert_eq!(run(&mut again, 0.0, |_, _| 10.0), asked);
}

#[test]
fn a_cold_first_run_chooses_no_batch() {
    let mut sweep = Sweep::new(vec![1.0], cells(1, &[1.0], |_, x| x), 0.1, 1);
    let asked = run(&mut sweep, 0.1, |_, turn| if turn == 0 { 80.0 } else { 0.05 });
    // 50 steps of a tenth of a millisecond, in runs of a twentieth.
    assert!(asked.last().unwrap().batch >= 100, "{asked:?}");
    assert!((sweep.summary(Cell { line: 0, place: 0 }).unwrap().median - 0.05).abs() < 0.002);
}

#[test]
fn a_machine_that_slows_down_favours_no_line() {
    // Twice as slow at the end as at the start; both lines do the same.
    let places = [1.0, 2.0];
    let mut sweep = Sweep::new(places.to_vec(), cells(2, &places, |_, x| x), 0.0, 5);
    run(&mut sweep, 0.0, |cell, turn| places[cell.place] * 10.0 * (1.0 + turn as f64 / 32.0));
    for against in sweep.against(0, 1) {
        assert!((against.ratio - 1.0).abs() < 0.25 && against.verdict == Verdict::Open, "{against:?}");
    }
}

#[test]
fn a_failure_is_told_and_more_of_the_same_is_not_tried() {
    let places = [1.0, 2.0, 4.0, 8.0];
    let mut sweep = Sweep::new(places.to_vec(), cells(2, &places, |_, x| x), 0.0, 1);
    let mut asked = Vec::new();
    while let Some(ask) = sweep.ask() {
        asked.push(ask.cell);
        if ask.cell == (Cell { line: 1, place: 2 }) {
            sweep.failed(message!("out of memory", "内存不足"));
        } else {
            sweep.done(Sample { ms: 5.0, wall_ms: 6.0 });
        }
    }
    let state = |line, place| sweep.state(Cell { line, place }).cloned().unwrap();
    assert_eq!(state(1, 2), State::Failed(message!("out of memory", "内存不足")));
    assert!(matches!(state(1, 3), State::Failed(why) if why.en.ends_with("less work failed: out of memory")));
    assert!(!asked.contains(&Cell { line: 1, place: 3 }));
    assert!(matches!(state(0, 3), State::Sampled { samples, .. } if samples.len() == ROUNDS));
    assert!(sweep.summary(Cell { line: 1, place: 2 }).is_none() && sweep.law(1).is_none() && sweep.law(0).is_some());
    assert_eq!(sweep.share(), 1.0);
}

#[test]
fn a_single_cell_and_no_cell_are_sweeps() {
    let mut one = Sweep::new(vec![64.0], cells(1, &[64.0], |_, x| x), 0.1, 0);
    assert_eq!((one.left_ms(), one.share()), (None, 0.0));
    let first = one.ask().unwrap();
    assert_eq!((first, one.ask()), (Ask { cell: Cell { line: 0, place: 0 }, batch: 1 }, Some(first)));
    run(&mut one, 0.1, |_, _| 20.0);
    let time = one.summary(first.cell).unwrap();
    assert!((time.median - 20.0).abs() < 0.1 && time.interval.is_some());
    assert!(one.law(0).is_none() && one.against(0, 0).len() == 1);
    assert_eq!(one.speed_up(0).len(), 1);
    let mut none = Sweep::new(Vec::new(), Vec::new(), 0.1, 0);
    assert_eq!((none.ask(), none.share(), none.left_ms()), (None, 1.0, None));
}

#[test]
fn a_cell_that_is_refused_is_never_asked_for() {
    let mut planned = cells(1, &[1.0, 2.0], |_, x| x);
    planned[1].refused = Some(message!("needs 9 GB", "需要 9 GB"));
    let mut sweep = Sweep::new(vec![1.0, 2.0], planned, 0.0, 0);
    assert!(run(&mut sweep, 0.0, |_, _| 1.0).iter().all(|ask| ask.cell.place == 0));
    assert_eq!(sweep.state(Cell { line: 0, place: 1 }), Some(&State::Failed(message!("needs 9 GB", "需要 9 GB"))));
}

#[test]
fn what_is_slower_is_told_and_workers_speed_up() {
    let places = [1.0, 2.0, 4.0];
    let mut sweep = Sweep::new(places.to_vec(), cells(2, &places, |_, _| 1.0), 0.0, 2);
    // Line 0 gains by workers; line 1 does not, and is slower from the second place on.
    let noise = |turn: usize| 1.0 + 0.01 * (turn % 5) as f64;
    run(&mut sweep, 0.0, |cell, turn| noise(turn) * if cell.line == 0 { 12.0 / places[cell.place] } else { 9.0 });
    let verdicts: Vec<Verdict> = sweep.against(1, 0).iter().map(|against| against.verdict).collect();
    assert_eq!(verdicts, [Verdict::Faster, Verdict::Slower, Verdict::Slower]);
    let speed = sweep.speed_up(0);
    assert_eq!(speed[0], (0, 1.0, Some(crate::analysis::statistics::Interval { low: 1.0, high: 1.0 })));
    assert!((speed[2].1 - 4.0).abs() < 0.2 && speed[2].2.unwrap().holds(speed[2].1), "{speed:?}");
}

#[test]
fn slow_cells_are_sampled_less_often_and_the_rest_is_estimated() {
    let places = [1.0, 10.0];
    let mut sweep = Sweep::new(places.to_vec(), cells(1, &places, |_, x| x), 0.1, 0);
    let mut estimates = Vec::new();
    while let Some(ask) = sweep.ask() {
        let ms = 600.0 * places[ask.cell.place];
        sweep.done(Sample { ms, wall_ms: ms });
        estimates.push(sweep.left_ms().unwrap());
    }
    // After the first run: seven of it, and eight of one that is ten times as much work.
    assert_eq!(estimates[0], 7.0 * 600.0 + 8.0 * 6000.0);
    assert_eq!(estimates[1], 7.0 * 600.0 + 3.0 * 6000.0);
    assert_eq!(estimates.last(), Some(&0.0));
    assert!(
        matches!(sweep.state(Cell { line: 0, place: 1 }), Some(State::Sampled { samples, .. }) if samples.len() == 3)
    );
}

const SETTING: Setting =
    Setting { tokens: 64, heads: 1, group: 1, size: 32, window: 16, density: 25, workers: 2, backward: false };

/// A report of lines whose milliseconds and share of pairs at so many tokens are known; one that has none fails.
fn report(
    ways: &[Way],
    places: &[f64],
    ms: impl Fn(Way, f64) -> Option<f64>,
    share: impl Fn(Way, f64) -> f64,
) -> Report {
    let mut sweep = Sweep::new(places.to_vec(), cells(ways.len(), places, |_, n| n * n), 0.0, 4);
    let mut turn = 0;
    while let Some(Ask { cell, batch }) = sweep.ask() {
        turn += 1;
        match ms(ways[cell.line], places[cell.place]) {
            Some(ms) => {
                let ms = ms * batch as f64 * (1.0 + 0.01 * (turn % 3) as f64);
                sweep.done(Sample { ms, wall_ms: ms });
            }
            None => sweep.failed(message!("out of memory", "内存不足")),
        }
    }
    let facts = |way: &Way| {
        let of = |&n: &f64| {
            let flops = 2.0 * 64.0 * n * n * share(*way, n);
            let cost = Cost { flops, bytes: 4.0 * 4.0 * 32.0 * n, ..Cost::default() };
            Facts { kernel: "made-up".to_owned(), cost: Some(cost), memory: Some(n * 1024.0), held: Some(n * 2048.0) }
        };
        places.iter().map(of).collect()
    };
    let facts = ways.iter().map(facts).collect();
    Report {
        sweep,
        axis: Axis::Tokens,
        setting: SETTING,
        ways: ways.to_vec(),
        facts,
        peak: Some(50.0),
        bandwidth: Some(20.0),
    }
}

#[test]
fn a_report_draws_failures_and_says_what_grows_how_and_what_does_not_pay() {
    let places = [64.0, 256.0, 1024.0, 4096.0];
    let ways = [Way::Dense, Way::Window, Way::Materialised];
    let told = report(
        &ways,
        &places,
        |way, n| match way {
            // A fixed cost, and then in proportion.
            Way::Window => Some(0.2 + n / 400.0),
            Way::Materialised if n > 2000.0 => None,
            _ => Some(n * n / 1e5),
        },
        |way, n| if way == Way::Window { 16.0 / n } else { 1.0 },
    );
    let times = told.times(Lang::En);
    let names: Vec<&str> = times.series.iter().map(|series| series.name.as_str()).collect();
    assert_eq!(names, ["dense", "sliding window", "dense, materialised", "in proportion to n", "in proportion to n²"]);
    let failed = times.series[2].points.last().unwrap();
    assert!(failed.x == 4096.0 && failed.y.is_nan() && failed.note == "out of memory", "{failed:?}");
    // Theory goes through the largest time of dense attention.
    let dense = times.series[0].points.last().unwrap().y;
    assert!(times.series[4].points.iter().any(|point| point.x == 4096.0 && (point.y / dense - 1.0).abs() < 1e-12));
    let laws = told.laws(Lang::En);
    assert!(laws[0].starts_with("dense: time grows as tokens to the power 2.0"), "{laws:?}");
    let losses = told.losses(Lang::En);
    assert_eq!(losses.len(), 1);
    assert!(
        losses[0].starts_with("sliding window computes less than dense attention and takes longer at tokens 64, 256")
    );
    assert!(!losses[0].contains("1024"), "{losses:?}");
    let speed = told.speed(0, 3).unwrap();
    assert!((speed / (2.0 * 64.0 * 4096.0 * 4096.0 / dense / 1e6) - 1.0).abs() < 1e-12);
    let roof = told.roofline(Lang::Zh).unwrap();
    assert_eq!(roof.series[0].points.len(), 4);
    // Roofs: 20 GB/s up to 2.5 operations a byte, 50 GFLOP/s from there on.
    let roofs = roof.series.last().unwrap();
    for (x, most) in [(0.625, 12.5), (2.5, 50.0), (10.0, 50.0)] {
        assert!(roofs.points.iter().any(|point| point.x == x && point.y == most), "{roofs:?}");
        assert_eq!(told.roof(x), Some(most));
    }
    assert!(roofs.points.iter().all(|point| point.y <= 50.0 && point.y <= 20.0 * point.x));
    let memory = told.memory(Lang::En).unwrap();
    let of = |name: &str| memory.series.iter().find(|series| series.name == name).map(|series| series.points[3].y);
    assert_eq!((of("dense, counted"), of("dense, held")), (Some(4.0), Some(8.0)));
    let density = told.densities(Lang::En).unwrap();
    assert_eq!(density.title, "Time over density, tokens 4096");
    assert!((density.series[1].points[0].x - 100.0 * 16.0 / 4096.0).abs() < 1e-12);
    let faster = told.speed_ups(Lang::En).unwrap();
    assert!(faster.series.iter().all(|series| series.name != "dense") && faster.marks[0].at == 1.0);
}

#[test]
fn a_report_of_one_cell_and_one_of_failures_alone_are_drawn() {
    let one = report(&[Way::Causal], &[64.0], |_, _| Some(2.0), |_, _| 0.5);
    assert_eq!(one.times(Lang::Zh).series.len(), 1);
    assert!(one.laws(Lang::En).is_empty() && one.losses(Lang::En).is_empty());
    assert!(one.speed_ups(Lang::En).is_none() && one.densities(Lang::En).is_none());
    let none = report(&[Way::Dense], &[64.0, 128.0], |_, _| None, |_, _| 1.0);
    let times = none.times(Lang::En);
    assert!(times.series[0].points.iter().all(|point| point.y.is_nan()) && times.series.len() == 1);
    assert!(none.roofline(Lang::En).is_none() && none.speed(0, 0).is_none());
}

#[test]
fn figures_have_three_digits() {
    for (x, text) in
        [(0.0, "0"), (1234.5, "1234"), (12.345, "12.3"), (0.012345, "0.0123"), (1.0, "1.00"), (1e-9, "1.00e-9")]
    {
        assert_eq!(figure(x), text);
    }
}
