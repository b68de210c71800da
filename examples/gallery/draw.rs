//! An entry's picture: the map that the story tells of, and beside it what it is compared with, or all heads.

use attention_playground::analysis::colour::{Ramps, Rgb, parse};
use attention_playground::engine::Map;
use attention_playground::experiment::Stage;

use super::canvas::Canvas;
use super::entry::Entry;
use super::scene::Scene;

/// The size that link previews show whole.
pub const SIZE: [usize; 2] = [1200, 630];
/// Side of a large map.
const SIDE: usize = 518;
/// Around and between maps.
const MARGIN: usize = 54;
/// Between the maps of heads.
const GAP: usize = 14;
/// Steps of a ramp: so few that all colours fit into one palette.
const STEPS: f32 = 60.0;
/// From this side on cells stand apart.
const APART: usize = 14;

/// Colours of the page's light theme.
struct Colours {
    ramps: Ramps,
    paper: Rgb,
    line: Rgb,
    hatch: [Rgb; 2],
    query: Rgb,
    key: Rgb,
}

impl Colours {
    /// From the style sheet's first block.
    fn read() -> Self {
        const SHEET: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/style/tokens.css"));
        let light = SHEET.split('}').next().unwrap_or_default();
        let token = |name: &str| {
            let value = light.split(&format!("{name}: ")).nth(1).and_then(|rest| rest.split(';').next());
            value.unwrap_or_default().to_owned()
        };
        let rgb = |name: &str| parse(&token(name)).unwrap_or([128; 3]);
        Self {
            ramps: Ramps::read(token),
            paper: rgb("--paper"),
            line: rgb("--line"),
            hatch: [rgb("--hatch-0"), rgb("--hatch-1")],
            query: rgb("--q"),
            key: rgb("--k"),
        }
    }
}

/// Draws an entry.
///
/// # Errors
/// A link that can't be computed.
pub fn draw(entry: &Entry) -> Result<Canvas, Box<dyn std::error::Error>> {
    let colours = Colours::read();
    let scene = Scene::open(&entry.link)?;
    let mut canvas = Canvas::new(SIZE[0], SIZE[1], colours.paper);
    let top = (SIZE[1] - SIDE) / 2;
    map(&mut canvas, &colours, &scene.shown, [MARGIN, top], SIDE);
    marks(&mut canvas, &colours, &scene, [MARGIN, top]);
    let right = MARGIN + SIDE + MARGIN;
    let room = SIZE[0] - right - MARGIN;
    if let Some(link) = &entry.beside {
        let beside = Scene::open(link)?;
        map(&mut canvas, &colours, &beside.shown, [right + room - SIDE, top], SIDE);
        marks(&mut canvas, &colours, &beside, [right + room - SIDE, top]);
    } else if scene.dims.q_heads > 1 {
        heads(&mut canvas, &colours, &scene, [right, top, room, SIDE]);
    } else {
        // One head alone: in the middle.
        canvas = Canvas::new(SIZE[0], SIZE[1], colours.paper);
        let left = (SIZE[0] - SIDE) / 2;
        map(&mut canvas, &colours, &scene.shown, [left, top], SIDE);
        marks(&mut canvas, &colours, &scene, [left, top]);
    }
    Ok(canvas)
}

/// All heads in rows, as large as they fit, in the middle of `area`.
fn heads(canvas: &mut Canvas, colours: &Colours, scene: &Scene, [x, y, width, height]: [usize; 4]) {
    let count = scene.dims.q_heads;
    let side_of = |columns: usize| {
        let rows = count.div_ceil(columns);
        ((width - (columns - 1) * GAP) / columns).min((height - (rows - 1) * GAP) / rows)
    };
    // Full rows only.
    let even = (1..=count).filter(|columns| count.is_multiple_of(*columns));
    let columns = even.max_by_key(|&columns| side_of(columns)).unwrap_or(1);
    let (side, rows) = (side_of(columns), count / columns);
    let left = x + width - (columns * side + (columns - 1) * GAP);
    let top = y + (height - (rows * side + (rows - 1) * GAP)) / 2;
    for head in 0..count {
        let at = [left + head % columns * (side + GAP), top + head / columns * (side + GAP)];
        map(canvas, colours, &scene.head(head).weights, at, side);
    }
}

/// One map in a square: hatched where the mask allows nothing. Where cells are smaller than pixels, a pixel shows the strongest.
fn map(canvas: &mut Canvas, colours: &Colours, map: &Map, [x, y]: [usize; 2], side: usize) {
    let (columns, rows) = (map.request.width, map.request.height);
    let longest = columns.max(rows);
    let (width, height) = (side * columns / longest, side * rows / longest);
    let (x, y) = (x + (side - width) / 2, y + (side - height) / 2);
    canvas.fill([x - 1, y - 1, width + 2, height + 2], colours.line);
    let top = map.values.iter().filter(|v| v.is_finite()).fold(f32::MIN_POSITIVE, |top, v| top.max(v.abs()));
    let apart = usize::from(side / longest >= APART);
    for py in 0..height {
        for px in 0..width {
            let (cells_x, cells_y) = (span(px, width, columns), span(py, height, rows));
            let edge = apart == 1 && (begins(px, width, columns) || begins(py, height, rows));
            let mut strongest = f32::NAN;
            for row in cells_y {
                for column in cells_x.clone() {
                    let value = map.values[row * columns + column];
                    if value.is_finite() && (strongest.is_nan() || value.abs() > strongest.abs()) {
                        strongest = value;
                    }
                }
            }
            let colour = if strongest.is_nan() {
                colours.hatch[usize::from((px + py) % 8 < 2)]
            } else if edge {
                colours.line
            } else if map.request.stage == Stage::Weights {
                // The page's scale, in steps.
                colours.ramps.sequential(stepped((strongest / top).max(0.0).sqrt()))
            } else {
                colours.ramps.diverging(stepped(strongest / top))
            };
            canvas.pixels[(y + py) * canvas.width + x + px] = colour;
        }
    }
}

/// The cells of a line of `cells` that pixel `at` of `pixels` shows.
fn span(at: usize, pixels: usize, cells: usize) -> std::ops::Range<usize> {
    let from = at * cells / pixels;
    from..((at + 1) * cells).div_ceil(pixels).max(from + 1).min(cells).min(if cells <= pixels {
        from + 1
    } else {
        cells
    })
}

/// Whether a pixel is the first of a cell, but for the first cell.
fn begins(at: usize, pixels: usize, cells: usize) -> bool {
    at > 0 && (at - 1) * cells / pixels != at * cells / pixels
}

fn stepped(t: f32) -> f32 {
    (t * STEPS).round() / STEPS
}

/// A mark beside the row and above the column that the link selects, in the colours of queries and keys.
fn marks(canvas: &mut Canvas, colours: &Colours, scene: &Scene, [x, y]: [usize; 2]) {
    let (n_q, n_k) = (scene.dims.n_q, scene.dims.n_k);
    let longest = n_q.max(n_k);
    let (width, height) = (SIDE * n_k / longest, SIDE * n_q / longest);
    let (x, y) = (x + (SIDE - width) / 2, y + (SIDE - height) / 2);
    let view = scene.experiment.view;
    let middle = |at: usize, n: usize, pixels: usize| (2 * at.min(n - 1) + 1) * pixels / (2 * n);
    let (row, column) = (y + middle(view.query, n_q, height), x + middle(view.key, n_k, width));
    for i in 0..12 {
        canvas.fill([x - 8 - i, row - i * 2 / 3, 1, i * 4 / 3 + 1], colours.query);
        canvas.fill([column - i * 2 / 3, y - 8 - i, i * 4 / 3 + 1, 1], colours.key);
    }
}
