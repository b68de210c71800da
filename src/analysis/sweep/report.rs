//! A sweep as it is shown: its charts, and what it says in words.

use super::course::{Cell, State, Sweep};
use super::findings::Verdict;
use super::ways::{Axis, Setting, Way};
use crate::analysis::plot::{self, Chart, Kind, Mark, Point, Scale, Series};
use crate::analysis::statistics::{Interval, Summary};
use crate::attention::Cost;
use crate::catalogue::{Lang, Text};

/// What is known of a cell beside its time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// The kernel that ran.
    pub kernel: String,
    /// Work counted from the plan, where it is; of gradients it is not.
    pub cost: Option<Cost>,
    /// Bytes that it was expected to allocate.
    pub memory: Option<f64>,
    /// Bytes of linear memory that the workers held after its first run, measured.
    pub held: Option<f64>,
}

/// A sweep with what was measured by it.
#[derive(Clone)]
pub struct Report {
    /// Times.
    pub sweep: Sweep,
    /// What changes from place to place.
    pub axis: Axis,
    /// What does not.
    pub setting: Setting,
    /// The lines.
    pub ways: Vec<Way>,
    /// By line and place.
    pub facts: Vec<Vec<Facts>>,
    /// GFLOP/s of multiply-adds of all workers together, at most.
    pub peak: Option<f64>,
    /// GB/s that all workers together move at most.
    pub bandwidth: Option<f64>,
}

/// A number with three digits that count.
pub fn figure(x: f64) -> String {
    if x == 0.0 || !x.is_finite() {
        return format!("{x}");
    }
    let digits = 2 - x.abs().log10().floor() as i32;
    if digits > 6 { format!("{x:.2e}") } else { format!("{x:.*}", digits.clamp(0, 6) as usize) }
}

fn ends(interval: Option<Interval>) -> Option<[f64; 2]> {
    interval.map(|Interval { low, high }| [low, high])
}

impl Report {
    /// What is known of a cell's time.
    pub fn time(&self, line: usize, place: usize) -> Option<Summary> {
        self.sweep.summary(Cell { line, place })
    }

    /// What else is known of it.
    pub fn facts(&self, line: usize, place: usize) -> Option<&Facts> {
        self.facts.get(line)?.get(place)
    }

    /// GFLOP/s that it reached.
    pub fn speed(&self, line: usize, place: usize) -> Option<f64> {
        let (ms, cost) = (self.sweep.median(line, place)?, self.facts(line, place)?.cost?);
        (ms > 0.0).then(|| cost.flops / ms / 1e6)
    }

    /// The share of the pairs of a query and a key whose scores are formed.
    pub fn density(&self, line: usize, place: usize) -> Option<f64> {
        // The same figures: two operations for each number of a query and of a value.
        let dims = self.setting.at(self.axis, self.sweep.places().get(place).copied()? as usize).dims();
        let all = 2.0 * (dims.d + dims.d_v) as f64 * dims.rows() as f64 * dims.n_k as f64;
        let exact = !matches!(self.ways.get(line), Some(Way::Estimator(_)));
        self.facts(line, place)?.cost.filter(|_| exact).map(|cost| cost.flops / all)
    }

    fn dense(&self) -> Option<usize> {
        self.ways.iter().position(|way| *way == Way::Dense)
    }

    fn lines(&self, lang: Lang) -> impl Iterator<Item = (usize, &'static str)> {
        self.ways.iter().enumerate().map(move |(line, way)| (line, way.name().get(lang)))
    }

    fn across(&self, lang: Lang) -> plot::Axis {
        plot::Axis::new(self.axis.name().get(lang), "", Scale::Log2)
    }

    fn chart(&self, lang: Lang, title: Text, y: (Text, &str, Scale), series: Vec<Series>) -> Chart {
        let (name, unit, scale) = y;
        Chart {
            title: title.get(lang).to_owned(),
            x: self.across(lang),
            y: plot::Axis::new(name.get(lang), unit, scale),
            series,
            ..Chart::default()
        }
    }

    /// A series for each line, of what `point` says of its places.
    fn series(&self, lang: Lang, kind: Kind, point: impl Fn(usize, usize, f64) -> Option<Point>) -> Vec<Series> {
        let of = |(line, name)| {
            let places = self.sweep.places().iter().enumerate();
            Series::new(name, kind, line, places.filter_map(|(place, &x)| point(line, place, x)))
        };
        self.lines(lang).map(of).filter(|series| !series.points.is_empty()).collect()
    }

    /// Times over the axis with their intervals, and what would grow with it and with its square.
    pub fn times(&self, lang: Lang) -> Chart {
        let mut series =
            self.series(lang, Kind::Line, |line, place, x| match self.sweep.state(Cell { line, place })? {
                State::Failed(why) => Some(Point::failed(x, why.get(lang))),
                State::Warming => None,
                State::Sampled { .. } => {
                    let time = self.time(line, place)?;
                    let far = time.samples.iter().zip(&time.far).filter(|(_, far)| **far).map(|(sample, _)| *sample);
                    let others = far.collect();
                    Some(Point { interval: ends(time.interval), others, ..Point::new(x, time.median) })
                }
            });
        series.extend(self.theory(lang));
        let title = if self.setting.backward {
            Text::new("Time of the gradients", "梯度用时")
        } else {
            Text::new("Time of attention", "注意力用时")
        };
        self.chart(lang, title, (Text::new("time", "时间"), "ms", Scale::Log10), series)
    }

    /// Straight lines through the last place of the first line that has two: in proportion to the axis, and to its square.
    fn theory(&self, lang: Lang) -> Vec<Series> {
        let powers: &[(i32, &str)] = match self.axis {
            Axis::Tokens => &[(1, "n"), (2, "n²")],
            Axis::Workers => &[(-1, "1/w")],
            Axis::Window | Axis::Density | Axis::Heads | Axis::Size => &[(1, "n")],
            Axis::Group => &[],
        };
        let places = self.sweep.places();
        let measured = |line: usize| {
            let timed =
                places.iter().enumerate().filter_map(move |(place, &x)| Some((x, self.sweep.median(line, place)?)));
            timed.collect::<Vec<(f64, f64)>>()
        };
        let first = self.dense().into_iter().chain(0..self.ways.len());
        let Some(points) = first.map(measured).find(|points| points.len() > 1) else { return Vec::new() };
        // Workers are compared with one of them, everything else with the most work.
        let anchor = if self.axis == Axis::Workers { points.first() } else { points.last() };
        let Some(&(at, ms)) = anchor else { return Vec::new() };
        let line = |(slot, (power, name)): (usize, &(i32, &str))| {
            let name = match lang {
                Lang::En => format!("in proportion to {name}"),
                Lang::Zh => format!("与 {name} 成正比"),
            };
            let points = points.iter().map(|&(x, _)| Point::new(x, ms * (x / at).powi(*power)));
            Series::new(name, Kind::Theory, self.ways.len() + slot, points)
        };
        powers.iter().enumerate().map(line).collect()
    }

    /// Over workers: how many times as fast as with the fewest. Else: how many times as fast as dense attention. Nothing where there is nothing to compare.
    pub fn speed_ups(&self, lang: Lang) -> Option<Chart> {
        let name = (Text::new("times as fast", "加速比"), "", Scale::Log2);
        let (title, mut series) = if self.axis == Axis::Workers {
            let point = |line: usize, place: usize, x: f64| {
                let (_, ratio, interval) = self.sweep.speed_up(line).into_iter().find(|(at, ..)| *at == place)?;
                Some(Point { interval: ends(interval), ..Point::new(x, ratio) })
            };
            (Text::new("Speed-up by workers", "多线程加速比"), self.series(lang, Kind::Line, point))
        } else {
            let dense = self.dense()?;
            let point = |line: usize, place: usize, x: f64| {
                let others = self.sweep.against(dense, line);
                let against = others.into_iter().find(|against| line != dense && against.place == place)?;
                Some(Point { interval: ends(against.interval), ..Point::new(x, against.ratio) })
            };
            (Text::new("Speed-up over dense attention", "相对稠密注意力的加速比"), self.series(lang, Kind::Line, point))
        };
        if series.is_empty() {
            return None;
        }
        let mut marks = Vec::new();
        if self.axis == Axis::Workers {
            let first = self.sweep.places().first().copied().unwrap_or(1.0);
            let points = self.sweep.places().iter().map(|&x| Point::new(x, x / first));
            let name = Text::new("as many times as workers", "与线程数成正比").get(lang);
            series.push(Series::new(name, Kind::Theory, self.ways.len(), points));
        } else {
            marks.push(Mark::level(1.0, Text::new("as fast as dense", "与稠密相同").get(lang)));
        }
        Some(Chart { marks, ..self.chart(lang, title, name, series) })
    }

    /// Bytes that cells were expected to allocate, and what their workers held. Nothing where neither is known.
    pub fn memory(&self, lang: Lang) -> Option<Chart> {
        const MB: f64 = (1 << 20) as f64;
        let mut series =
            self.series(lang, Kind::Line, |line, place, x| Some(Point::new(x, self.facts(line, place)?.memory? / MB)));
        for counted in &mut series {
            counted.name += Text::new(", counted", "，计算值").get(lang);
        }
        let held =
            self.series(lang, Kind::Dots, |line, place, x| Some(Point::new(x, self.facts(line, place)?.held? / MB)));
        series.extend(held.into_iter().map(|held| Series {
            name: held.name.clone() + Text::new(", held", "，实测").get(lang),
            slot: self.ways.len() + held.slot,
            ..held
        }));
        let title =
            Text::new("Memory: counted from sizes, and held by the workers", "内存：按尺寸计算，以及工作线程实际占用");
        let y = (Text::new("memory", "内存"), "MB", Scale::Log10);
        (!series.is_empty()).then(|| self.chart(lang, title, y, series))
    }

    /// The most that the machine gives at an intensity: GFLOP/s, where every byte is moved once. Williams, Waterman and Patterson 2009, "Roofline".
    pub fn roof(&self, intensity: f64) -> Option<f64> {
        match (self.peak, self.bandwidth) {
            (Some(peak), Some(bandwidth)) => Some(peak.min(bandwidth * intensity)),
            (peak, _) => peak,
        }
    }

    /// Both roofs over the intensities of the points, with the place where they meet.
    fn roofs(&self, lang: Lang, series: &[Series]) -> Option<Series> {
        let mut places: Vec<f64> = series.iter().flat_map(|one| one.points.iter().map(|point| point.x)).collect();
        if let (Some(peak), Some(bandwidth)) = (self.peak, self.bandwidth) {
            let ridge = peak / bandwidth;
            // As far as both can be seen.
            places.extend([ridge / 4.0, ridge, ridge * 4.0]);
        }
        places.retain(|x| *x > 0.0 && x.is_finite());
        places.sort_by(f64::total_cmp);
        places.dedup();
        let points: Vec<Point> = places.into_iter().filter_map(|x| Some(Point::new(x, self.roof(x)?))).collect();
        let name = Text::new("measured roofs: memory, then multiply-adds", "实测上限：先受内存、后受乘加限制");
        (!points.is_empty()).then(|| Series::new(name.get(lang), Kind::Line, self.ways.len(), points))
    }

    /// GFLOP/s over operations for each byte that must be moved, under what memory and multiply-adds of this machine give. Nothing where no work was counted.
    pub fn roofline(&self, lang: Lang) -> Option<Chart> {
        let point = |line, place, _| {
            let (speed, cost) = (self.speed(line, place)?, self.facts(line, place)?.cost?);
            Some(Point::new(cost.flops / cost.bytes.max(1.0), speed))
        };
        let mut series = self.series(lang, Kind::Dots, point);
        if series.is_empty() {
            return None;
        }
        series.extend(self.roofs(lang, &series));
        let title = Text::new("Roofline of this machine: speed over intensity", "本机的屋顶线：速度与运算强度");
        let y = (Text::new("speed", "速度"), "GFLOP/s", Scale::Log10);
        let x = plot::Axis::new(Text::new("operations by byte", "每字节运算数").get(lang), "", Scale::Log2);
        Some(Chart { x, ..self.chart(lang, title, y, series) })
    }

    /// Times over the share of pairs that are computed, at the last place where two lines are measured; nothing where they all compute the same share.
    pub fn densities(&self, lang: Lang) -> Option<Chart> {
        let known = |place: usize| {
            let of = |line| Some((line, self.density(line, place)?, self.time(line, place)?));
            (0..self.ways.len()).filter_map(of).collect::<Vec<(usize, f64, Summary)>>()
        };
        let varied = |known: &Vec<(usize, f64, Summary)>| known.iter().any(|one| one.1 != known[0].1);
        let (place, known) = (0..self.sweep.places().len()).rev().map(|p| (p, known(p))).find(|(_, k)| varied(k))?;
        let names: Vec<&str> = self.lines(lang).map(|(_, name)| name).collect();
        let series = known.into_iter().map(|(line, share, time)| {
            let point = Point { interval: ends(time.interval), ..Point::new(100.0 * share, time.median) };
            Series::new(names[line], Kind::Dots, line, [point])
        });
        let at = self.sweep.places()[place];
        let name = self.axis.name().get(lang);
        let title = match lang {
            Lang::En => format!("Time over density, {name} {at}"),
            Lang::Zh => format!("用时与密度，{name} {at}"),
        };
        let y = (Text::new("time", "时间"), "ms", Scale::Log10);
        let x = plot::Axis::new(Text::new("pairs computed", "计算的配对").get(lang), "%", Scale::Log10);
        Some(Chart { title, x, ..self.chart(lang, Text::new("", ""), y, series.collect()) })
    }

    /// How each line grows, a sentence each; lines at fewer than three places have none.
    pub fn laws(&self, lang: Lang) -> Vec<String> {
        let axis = self.axis.name().get(lang);
        let of = |(line, name): (usize, &str)| {
            let fit = self.sweep.law(line)?;
            let exponent = format!("{:.2}", fit.exponent);
            let between = fit.interval.map(|Interval { low, high }| match lang {
                Lang::En => format!(" (95 of 100 draws: {low:.2} to {high:.2})"),
                Lang::Zh => format!("（100 次抽样中 95 次在 {low:.2} 至 {high:.2} 之间）"),
            });
            let between = between.unwrap_or_default();
            Some(match lang {
                Lang::En => format!("{name}: time grows as {axis} to the power {exponent}{between}."),
                Lang::Zh => format!("{name}：用时按{axis}的 {exponent} 次方增长{between}。"),
            })
        };
        self.lines(lang).filter_map(of).collect()
    }

    /// Where a line that computes less than dense attention takes longer than it all the same.
    pub fn losses(&self, lang: Lang) -> Vec<String> {
        let Some(dense) = self.dense() else { return Vec::new() };
        let of = |(line, name): (usize, &str)| {
            let sparser = |place| self.density(line, place).is_none_or(|share| share < 1.0);
            let other = !matches!(self.ways[line], Way::Dense | Way::Materialised | Way::Gpu);
            let lost = self.sweep.against(line, dense).into_iter();
            let lost: Vec<_> = lost.filter(|a| other && a.verdict == Verdict::Slower && sparser(a.place)).collect();
            let worst = lost.iter().map(|against| against.ratio).fold(1.0, f64::max);
            let at: Vec<String> = lost.iter().map(|against| self.sweep.places()[against.place].to_string()).collect();
            let (axis, at, worst) = (self.axis.name().get(lang), at.join(", "), figure(worst));
            (!lost.is_empty()).then(|| match lang {
                Lang::En => {
                    format!("{name} computes less than dense attention and takes longer at {axis} {at}, up to {worst} times.")
                }
                Lang::Zh => format!("{name}计算得比稠密注意力少，但在{axis}为 {at} 时反而更慢，最多为 {worst} 倍。"),
            })
        };
        self.lines(lang).filter_map(of).collect()
    }
}
