//! What each story claims, computed again. A number is looked for in the text of both languages, so that neither can say another.

use attention_playground::analysis::reach::{Reach, reach};
use attention_playground::experiment::{Experiment, Input, Scale, Stage, decode, encode};

use super::entry::Entry;
use super::scene::{Scene, estimate};

/// A story beside what it tells of.
pub struct Told<'a> {
    entry: &'a Entry,
    shown: Scene,
    /// The right-hand side, where two are compared.
    beside: Option<Scene>,
}

/// What checks a story.
type Check = fn(&Told);

/// The checks, by slug.
pub const FACTS: [(&str, Check); 30] = [
    ("pronoun", pronoun),
    ("resting-place", resting_place),
    ("taken-away", taken_away),
    ("causal", causal),
    ("previous-token", previous_token),
    ("code-brackets", code_brackets),
    ("window-reach", window_reach),
    ("sinks", sinks),
    ("longformer", longformer),
    ("bigbird", bigbird),
    ("strided-fixed", strided_fixed),
    ("dilation", dilation),
    ("fractal", fractal),
    ("clock", clock),
    ("synaptic", synaptic),
    ("alibi", alibi),
    ("t5-buckets", t5_buckets),
    ("rose", rose),
    ("needle", needle),
    ("off-by-one", off_by_one),
    ("empty-rows", empty_rows),
    ("entmax", entmax),
    ("grouped", grouped),
    ("differential", differential),
    ("top-k", top_k),
    ("cross-modal", cross_modal),
    ("neighbourhood", neighbourhood),
    ("linear", linear),
    ("packing", packing),
    ("own-formula", own_formula),
];

impl<'a> Told<'a> {
    /// Computes what the story tells of.
    pub fn of(entry: &'a Entry) -> Self {
        let beside = entry.beside.as_ref().map(|link| Scene::open(link).unwrap());
        Self { entry, shown: Scene::open(&entry.link).unwrap(), beside }
    }

    fn beside(&self) -> &Scene {
        self.beside.as_ref().unwrap_or_else(|| panic!("{}: nothing is beside it", self.entry.slug))
    }

    /// The weight of the shown head at the cell that the link selects.
    fn selected(scene: &Scene) -> f32 {
        let view = scene.experiment.view;
        scene.weight(view.head, view.query, view.key)
    }

    /// The story says a share, in percent.
    fn percent(&self, share: f32, digits: usize) {
        let number = format!("{:.digits$}", f64::from(share) * 100.0);
        self.says(&format!("{number} %"), &format!("{number}%"));
    }

    /// The story says a number.
    fn number(&self, number: usize) {
        self.says(&number.to_string(), &number.to_string());
    }

    fn says(&self, en: &str, zh: &str) {
        let Entry { slug, about, story, .. } = self.entry;
        for (what, line, sentences) in [(en, &about.en, &story.en), (zh, &about.zh, &story.zh)] {
            let text = format!("{line} {}", sentences.join(" "));
            let alone = |at: usize| {
                let part = |c: char| c.is_ascii_digit();
                !text[..at].ends_with(|c: char| part(c) || c == '.') && !text[at + what.len()..].starts_with(part)
            };
            assert!(
                text.match_indices(what).any(|(at, _)| alone(at)),
                "{slug}: it is {what}, and the story does not say so: {text}"
            );
        }
    }

    /// The same experiment with a change that the story proposes.
    fn with(&self, change: impl FnOnce(&mut Experiment)) -> Scene {
        let mut experiment = self.shown.experiment.clone();
        change(&mut experiment);
        Scene::open(&encode(&experiment)).unwrap()
    }
}

/// Pairs that the mask allows a head.
fn pairs(scene: &Scene, head: usize) -> usize {
    (0..scene.dims.n_q).map(|q| scene.allowed(head, q).len()).sum()
}

/// The key of a row's largest weight.
fn top(row: &[f32]) -> usize {
    (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap()
}

/// How news spreads through layers of a head's pattern.
fn spread(scene: &Scene, head: usize, causal: bool) -> Reach {
    let n = scene.dims.n_q;
    let allowed: Vec<Vec<usize>> = (0..n).map(|q| scene.allowed(head, q)).collect();
    reach(n, n, |q, k| allowed[q].contains(&k), |q, k| !causal || k <= q)
}

fn pronoun(told: &Told) {
    let row = told.shown.row(5, 10);
    assert_eq!(
        (&*told.shown.tokens_q[10], &*told.shown.tokens_k[2], &*told.shown.tokens_k[8]),
        ("it", "animal", "street")
    );
    assert_eq!(told.shown.allowed(5, 10), (2..11).collect::<Vec<_>>());
    told.percent(row[2], 0);
    told.percent(row[8], 0);
    told.number(11);
    let wider = told.with(|e| e.mask.params = [("window".to_owned(), 11.0)].into_iter().collect());
    assert!(wider.weight(5, 10, 0) > 0.5);
}

fn resting_place(told: &Told) {
    let rows = (0..16).filter(|&q| top(&told.shown.row(5, q)) == 0).count();
    assert_eq!(told.shown.tokens_k[0], "[CLS]");
    told.number(rows);
    told.percent(told.shown.weight(5, 10, 0), 0);
    told.percent(told.shown.weight(5, 10, 2), 0);
}

fn taken_away(told: &Told) {
    let (now, before) = (told.shown.row(5, 10), told.beside().row(5, 10));
    assert!((0..16).all(|q| told.shown.weight(5, q, 0) == 0.0));
    told.percent(now[2], 0);
    told.percent(before[2], 0);
    let factor = now[2] / before[2];
    assert!((1..16).all(|k| (now[k] / before[k] / factor - 1.0).abs() < 1e-4));
}

fn causal(told: &Told) {
    let left = pairs(&told.shown, 5);
    told.number(left);
    told.number(pairs(told.beside(), 5));
    told.number(pairs(told.beside(), 5) - left);
    assert_eq!(told.shown.weight(5, 0, 0), 1.0);
}

fn previous_token(told: &Told) {
    let n = told.shown.dims.n_q;
    // The last token is [SEP].
    assert!((2..n - 1).all(|q| told.shown.weight(2, q, q - 1) > 0.99));
    told.says("99 %", "99%");
    // The heads do the same to other texts.
    let keys = told.with(|e| e.input = Input::Capture { id: "keys".to_owned(), layer: 1 });
    assert!((2..keys.dims.n_q - 1).all(|q| keys.weight(2, q, q - 1) > 0.99));
    let mut ahead = told.beside().experiment.clone();
    ahead.input = Input::Capture { id: "keys".to_owned(), layer: 2 };
    let ahead = Scene::open(&encode(&ahead)).unwrap();
    assert!((1..ahead.dims.n_q - 1).filter(|&q| top(&ahead.row(8, q)) == q + 1).count() * 2 > ahead.dims.n_q);
    assert_eq!((&*told.beside().tokens_q[5], &*told.beside().tokens_k[6]), (",", "der"));
    told.percent(Told::selected(told.beside()), 0);
}

fn code_brackets(told: &Told) {
    let token = |k: usize| &*told.shown.tokens_k[k];
    assert_eq!([token(14), token(2), token(24), token(15), token(22), token(20)], [")", "(", "}", "{", "]", "["]);
    told.percent(told.shown.weight(4, 14, 2), 0);
    told.percent(told.shown.weight(4, 24, 15), 0);
    assert_eq!(told.shown.tokens_k[top(&told.shown.row(4, 22))], "[CLS]");
    let names = [3, 7, 11];
    assert!(names.iter().chain(&[21]).all(|&k| token(k) == "i"));
    told.percent(names.iter().map(|&k| told.beside().weight(9, 21, k)).sum(), 0);
}

fn window_reach(told: &Told) {
    told.number(pairs(&told.shown, 0));
    told.number(64 * 65 / 2);
    let allowed = told.shown.allowed(0, 40);
    assert_eq!(allowed, (32..41).collect::<Vec<_>>());
    let spread = spread(&told.shown, 0, true);
    assert_eq!(spread.full(), Some(8));
}

fn sinks(told: &Told) {
    assert_eq!(told.shown.tokens_q[400], "teeth");
    told.number(told.shown.dims.n_q);
    told.percent(told.shown.weight(5, 400, 0), 0);
    let without = told.beside().row(5, 400);
    told.percent(without[top(&without)], 0);
    let one =
        told.with(|e| e.mask.params = [("sinks".to_owned(), 1.0), ("window".to_owned(), 64.0)].into_iter().collect());
    assert!((one.weight(5, 400, 0) - told.shown.weight(5, 400, 0)).abs() < 0.05);
}

fn longformer(told: &Told) {
    told.number(pairs(&told.shown, 0));
    assert_eq!(told.shown.allowed(0, 0).len(), 64);
    assert!((0..64).all(|q| told.shown.allowed(0, q).contains(&0)));
    assert_eq!(told.shown.allowed(0, 40), [vec![0], (36..45).collect()].concat());
    assert_eq!(spread(&told.shown, 0, false).full(), Some(2));
    for head in [6, 7] {
        let (near, far) = (told.shown.allowed(0, 40), told.shown.allowed(head, 40));
        assert!(far.len() == near.len() && far.last() > near.last());
    }
}

fn bigbird(told: &Told) {
    told.number(pairs(&told.shown, 0));
    told.number(told.shown.allowed(0, 40).len());
    let differ = (1..8).all(|head| (0..64).any(|q| told.shown.allowed(head, q) != told.shown.allowed(0, q)));
    assert!(differ);
    let none = told.with(|e| e.mask.params = [("random".to_owned(), 0.0)].into_iter().collect());
    assert_eq!(spread(&none, 0, false).full(), Some(2));
}

fn strided_fixed(told: &Told) {
    told.number(pairs(&told.shown, 0));
    told.number(pairs(told.beside(), 0));
    assert_eq!(spread(&told.shown, 0, true).full(), Some(2));
    assert_eq!(spread(told.beside(), 0, true).full(), Some(2));
}

fn dilation(told: &Told) {
    let allowed = told.shown.allowed(0, 40);
    assert_eq!(allowed, [32, 34, 36, 38, 40]);
    allowed.into_iter().for_each(|k| told.number(k));
    assert_eq!(spread(&told.shown, 0, true).full(), None);
    assert!((0..64).all(|q| told.shown.allowed(0, q).iter().all(|k| (q - k) % 2 == 0)));
    // Within the first segment every key, then every second from the start of its segment, then every fourth.
    let long = |q: usize| told.beside().allowed(0, q);
    assert!((0..16).all(|q| long(q).len() == q + 1));
    assert!(long(30).iter().filter(|k| **k < 16).all(|k| k % 2 == 0));
    assert!(long(60).iter().filter(|k| **k < 32).all(|k| k % 4 == 0));
}

fn fractal(told: &Told) {
    told.number(pairs(&told.shown, 0));
    told.number(64 * 65 / 2);
    told.number(3usize.pow(6));
    told.number(pairs(&told.shown, 0) - 3usize.pow(6));
    assert_eq!(told.shown.allowed(0, 63).len(), 64);
    told.number(told.shown.allowed(0, 32).len());
    assert_eq!(spread(&told.shown, 0, true).full(), Some(3));
}

fn clock(told: &Told) {
    (0..4).for_each(|head| told.number(pairs(&told.shown, head)));
    for head in 0..8 {
        assert!((1..64).all(|q| told.shown.allowed(head, q).ends_with(&[q - 1, q])));
    }
}

fn synaptic(told: &Told) {
    let distances: Vec<usize> = told.shown.allowed(0, 40).iter().rev().map(|k| 40 - k).collect();
    assert_eq!(distances, [0, 1, 2, 4, 8, 16, 32]);
    distances.iter().for_each(|d| told.number(*d));
    told.number(distances.len());
    told.number(pairs(&told.shown, 0));
    assert_eq!(spread(&told.shown, 0, true).full(), Some(6));
}

fn alibi(told: &Told) {
    let (first, last) = (told.shown.row(0, 63), told.shown.row(7, 63));
    told.percent(first[63], 0);
    told.percent(first[62] / first[63], 0);
    told.percent(last[63], 1);
    let score = |k: usize| told.shown.shown.values[63 * 64 + k];
    assert_eq!(told.shown.experiment.view.stage, Stage::Biased);
    assert!((score(63) - score(62) - 0.5).abs() < 1e-6);
    assert!(((last[63] / last[62]).ln() - 1.0 / 256.0).abs() < 1e-5);
}

fn t5_buckets(told: &Told) {
    let bias = |q: usize, k: usize| told.shown.shown.values[q * 64 + k];
    let back: Vec<f32> = (0..=12).map(|d| bias(32, 32 - d)).collect();
    // Neighbouring distances up to 8 differ.
    assert!((0..8).all(|d| back[d] != back[d + 1]));
    assert!((9..12).all(|d| back[d] == back[8]) && back[12] != back[8]);
    assert_ne!(bias(32, 27), bias(32, 37));
}

fn rose(told: &Told) {
    let roses = [1, 4, 7];
    let rows: Vec<Vec<f32>> = roses.iter().map(|&q| told.shown.row(0, q)).collect();
    assert!(rows.iter().all(|row| *row == rows[0]) && roses.iter().all(|&k| rows[0][k] == rows[0][1]));
    told.percent(rows[0][1], 0);
    roses.iter().for_each(|&k| told.percent(told.beside().weight(0, 7, k), 0));
}

fn needle(told: &Told) {
    for scene in [&told.shown, told.beside()] {
        let n = scene.dims.n_k as f32;
        told.number(scene.dims.n_k);
        told.percent(Told::selected(scene), 0);
        assert!((Told::selected(scene) - 1.0 / (1.0 + (n - 1.0) * (-4.0f32).exp())).abs() < 1e-4);
    }
    assert!(Told::selected(&told.with(|e| e.scale = Scale::LogN)) > 0.99);
}

fn off_by_one(told: &Told) {
    let sum = |scene: &Scene, q: usize| scene.row(5, q).iter().sum::<f32>();
    assert_eq!(told.shown.tokens_q[14], ".");
    told.percent(sum(&told.shown, 14), 0);
    assert!(sum(&told.shown, 0) > 0.99);
    told.percent(16.0 / 17.0, 0);
    let hot = told.with(|e| e.temperature = 1000.0);
    assert!((0..16).all(|q| (sum(&hot, q) - 16.0 / 17.0).abs() < 1e-3));
}

fn empty_rows(told: &Told) {
    let scene = &told.shown;
    let (n_q, n_k, heads) = (scene.dims.n_q, scene.dims.n_k, scene.dims.q_heads);
    told.number(n_q);
    told.number(n_k);
    let empty = scene.head(0).empty_rows as usize;
    told.number(empty);
    for head in 0..heads {
        assert_eq!(scene.head(head).empty_rows as usize, empty);
        assert!((0..empty).all(|q| scene.allowed(head, q).is_empty()));
        assert!(scene.head(head).y[..empty * scene.dims.d_v].iter().all(|y| *y == 0.0));
    }
    assert_eq!(told.beside().head(0).empty_rows, 0);
}

fn entmax(told: &Told) {
    let kept = |q: usize| told.shown.row(5, q).iter().filter(|w| **w != 0.0).count();
    told.number(kept(10));
    told.percent(told.shown.weight(5, 10, 0), 0);
    let alone = (0..16).filter(|&q| kept(q) == 1 && told.shown.weight(5, q, 0) == 1.0).count();
    assert_eq!(alone, 7);
    told.says("seven", "7");
    assert!((0..16).all(|q| told.beside().row(5, q).iter().all(|w| *w > 0.0)));
    let sparse = told.with(|e| e.normaliser.id = "sparsemax".to_owned());
    assert_eq!(sparse.row(5, 10).iter().filter(|w| **w != 0.0).count(), 1);
}

fn grouped(told: &Told) {
    assert_eq!((told.shown.dims.q_heads, told.shown.dims.kv_heads, told.beside().dims.kv_heads), (12, 2, 12));
    let row = told.shown.row(5, 10);
    assert_eq!(top(&row), 0);
    told.percent(row[0], 0);
    told.percent(told.beside().weight(5, 10, 0), 0);
}

fn differential(told: &Told) {
    let (a, b) = (told.shown.row(4, 10), told.shown.row(5, 10));
    assert_eq!((top(&a), top(&b)), (0, 0));
    assert_eq!((told.shown.experiment.view.head, told.beside().experiment.view.head), (4, 5));
    told.percent(a[0], 0);
    told.percent(b[0], 0);
    told.percent(a[0] - 0.5 * b[0], 0);
}

fn top_k(told: &Told) {
    let (now, before) = (told.shown.row(5, 10), told.beside().row(5, 10));
    assert_eq!(told.shown.allowed(5, 10), [0, 2, 8]);
    [0, 2, 8].iter().for_each(|&k| told.percent(now[k], 0));
    told.percent(before[0] + before[2] + before[8], 0);
}

fn cross_modal(told: &Told) {
    told.number(pairs(&told.shown, 0));
    told.number(told.shown.dims.n_q * told.shown.dims.n_k);
    assert!((0..7).all(|q| told.shown.allowed(0, q).iter().all(|k| (*k < 3) != (q < 3))));
}

fn neighbourhood(told: &Told) {
    let n = told.shown.dims.n_q;
    told.number(n);
    assert!((0..n).all(|q| told.shown.allowed(0, q).len() == 9));
    assert!((0..n).all(|q| told.beside().allowed(0, q).len() == 11));
    told.number(9);
    told.number(11);
    assert_eq!(spread(told.beside(), 0, false).full(), Some(2));
    assert_eq!(spread(&told.shown, 0, false).full(), Some(4));
    told.says("need 4", "需要 4 层");
}

fn linear(told: &Told) {
    let errors = estimate(&told.entry.link).unwrap().total;
    told.percent(errors[10], 0);
    told.percent(errors[7], 0);
}

fn packing(told: &Told) {
    told.number(told.shown.dims.n_q);
    told.number(pairs(&told.shown, 0));
    told.number(24 * 25 / 2);
    let alone: Vec<usize> = (0..24).filter(|&q| told.shown.allowed(0, q) == [q]).collect();
    assert_eq!(alone, [0, 7, 11, 20]);
    [7, 4, 9].into_iter().for_each(|n| told.number(n));
}

fn own_formula(told: &Told) {
    let allowed = told.shown.allowed(0, 40);
    assert_eq!(allowed, [0, 6, 12, 18, 24, 30, 36, 38, 39, 40]);
    told.number(allowed.len());
    let text = &decode(&told.entry.link).experiment.mask.custom.unwrap().text;
    told.says(text, text);
    let other = told.with(|e| {
        let custom = e.mask.custom.as_mut().unwrap();
        custom.text = "k <= q_pos and ((q_pos ^ k) & 7 == 0)".to_owned();
        custom.params.clear();
    });
    assert_eq!(other.allowed(0, 40), [0, 8, 16, 24, 32, 40]);
}
