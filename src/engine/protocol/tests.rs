//! Every kind of message survives the crossing, and bytes that are none are refused.

use std::fmt::Debug;

use super::codec::{self, Codec};
use super::*;
use crate::attention::estimators::{self, Cell, Feature, Method};
use crate::attention::lowering::{Change, Derived, Finish, Lowering, Measure, Step, Transform};
use crate::attention::operators::{LinearAttention, RotaryEmbedding, UpdateRule};
use crate::attention::{Axes, Beyond, Decay, Encoding, Normaliser, Rotation, Stretch, TileCounts};
use crate::attention::{Estimator, Operator};
use crate::engine::Pool;
use crate::engine::backward::Kernel;
use crate::experiment::{Hidden, Message, Normals, Patch, Size, Stage, Tiers, Weights};
use crate::formula::{Scalar, Sorted, Ty};

const DIMS: Dims = Dims { batch: 2, q_heads: 4, kv_heads: 2, n_q: 3, n_k: 5, d: 6, d_v: 7 };
const SIZE: Size = Size { q_heads: 4, kv_heads: 2, n_q: 3, n_k: 5, d: 6, d_v: 7 };

const LINEAR: LinearAttention = LinearAttention {
    batch: 1,
    length: 2,
    q_heads: 6,
    kv_heads: 3,
    d_k: 4,
    d_v: 5,
    rule: UpdateRule::Linear,
    decay_size: 4,
    beta_heads: 1,
    past: true,
    scale: -0.5,
};

/// A problem with something in every field.
fn problem() -> Problem {
    let table = |values| Data { shape: vec![1, 2], values, clamp: true };
    let term = Term::new("mask.custom", "越过 q - k < w")
        .param("w", Scalar::Int(i32::MIN))
        .param("on", Scalar::Bool(true))
        .param("whole", Scalar::Float(2.0))
        .param("none", Scalar::Float(f32::NEG_INFINITY))
        .data("bits", table(DataValues::Bool(vec![0, 1])))
        .data("ints", table(DataValues::Int(vec![-1, i32::MAX])))
        .data("floats", table(DataValues::Float(vec![f32::INFINITY, -0.0])));
    Problem {
        offset: vec![-3, 1 << 24],
        encoding: Some(Encoding::Learned { trained: 9, seed: u64::MAX, gain: 0.5, beyond: Beyond::Interpolate }),
        rotation: Some(Rotation {
            stretch: Stretch::Bands { factor: 8.0, trained: 64, slow: 1.0, fast: 4.0 },
            magnitude: 1.25,
            axes: Axes::Frames { height: 3, width: 5 },
            decay: Some(Decay { gamma: 0.4, scale: 512.0 }),
            ..Rotation::new(1e4, 4, true)
        }),
        bias_before_cap: vec![term.clone()],
        softcap: Some(30.0),
        bias: vec![Term::new("score", "s"), term.clone()],
        masks: vec![term.clone()],
        paint: vec![
            Patch { head: None, q: [0, 1], k: [2, 3], allow: true },
            Patch { head: Some(3), q: [1, 2], k: [0, 5], allow: false },
        ],
        sink: Some(vec![f32::NEG_INFINITY, 1.5]),
        normaliser: Normaliser::Sigmoid,
        probability: Some(term),
        ..Problem::plain(DIMS)
    }
}

/// A problem that waits, with a step of every kind.
fn waiting() -> Problem {
    fn step<Kind>(kind: Kind) -> Step<Kind> {
        let params = Sorted::from([("gain".to_owned(), -0.5)]);
        Step { kind, params, seed: u64::MAX, path: "product".to_owned() }
    }
    let changes = Change::ALL.iter().map(|&kind| Transform::Change(step(kind)));
    let positions = [
        Transform::Encode(Encoding::Sinusoidal { base: 1e4, gain: 1.0 }),
        Transform::Rotate(Rotation::new(1e4, 4, true)),
    ];
    let table = Arc::new(Data { shape: vec![1], values: DataValues::Float(vec![0.5]), clamp: true });
    let tables = Measure::ALL.iter().zip([Ty::Bool, Ty::Int, Ty::Float].into_iter().cycle());
    let method = Method::Linear { feature: Feature::Relu, normalised: false };
    let beside = Estimator { dims: DIMS, method, causal: true, scale: 0.5 };
    let tables = tables.map(|(&kind, ty)| Derived {
        name: "t".to_owned(),
        ty,
        step: step(kind),
        data: Some(table.clone()),
        branches: vec![Problem::plain(DIMS)],
        estimators: [None, Some(beside)],
    });
    let lowering = Lowering {
        dims: DIMS,
        transforms: positions.into_iter().chain(changes).collect(),
        tables: tables.collect(),
        finish: vec![
            Finish::MixHeads { mix: vec![1.0, -0.0] },
            Finish::MixBlocks { mix: vec![0.5], blocks: vec![3, 0], size: 2 },
            Finish::Gate { values: vec![0.25, -1.0] },
            Finish::Add { values: vec![-0.5] },
            Finish::Blend { values: vec![0.75, 2.0] },
            Finish::Hold { from: vec![0, 0, 2] },
        ],
        done: true,
    };
    Problem { lowering: Some(Box::new(lowering)), ..Problem::plain(DIMS) }
}

/// Every operator: what crosses beside a message's head.
fn operators() -> Vec<Operator> {
    let rules = [UpdateRule::Linear, UpdateRule::Gated, UpdateRule::Delta, UpdateRule::GatedDelta];
    let rotary = RotaryEmbedding { batch: 1, heads: 2, length: 3, size: 9, rotated: 8, interleaved: true };
    let linear = rules.map(|rule| Operator::LinearAttention(LinearAttention { rule, ..LINEAR }));
    let estimators =
        METHODS.map(|method| Operator::Estimator(Estimator { dims: DIMS, method, causal: true, scale: 0.25 }));
    linear.into_iter().chain([Operator::RotaryEmbedding(rotary)]).chain(estimators).collect()
}

/// Every kind of message to a worker.
pub(crate) fn to_worker() -> Vec<ToWorker> {
    let load = |input| ToWorker::Load { job: 1, input, bytes: true };
    let open = |problem, backend, algorithm| ToWorker::Open {
        session: 7,
        job: u64::MAX,
        problem: Box::new(problem),
        tables: vec![2, 0, 1],
        tensors: [1, (1 << 53) + 1, u64::MAX],
        sent: vec![(1, 72), (2, 0)],
        later: vec![(7, 1 << 20)],
        forget: vec![9],
        backend,
        algorithm,
        tiers: Tiers { subgroups: backend == Backend::Webgpu, f16: true },
        cost: true,
    };
    let map = |stage, pool| Work::Map {
        index: 4,
        request: MapRequest { stage, batch: 1, head: 2, q: 0..3, k: 1..5, width: 4, height: 2, pool },
    };
    let mut messages = vec![
        ToWorker::Close { session: 3 },
        ToWorker::Keep { numbers: vec![(u64::MAX, 1 << 20..1 << 30), (1, 0..0)] },
        load(Input::Capture { id: "animal".to_owned(), layer: 3 }),
        load(Input::generated("normal", SIZE, 11)),
        load(Input::Generated {
            recipe: "needle".to_owned(),
            size: SIZE,
            seed: 1,
            normals: Normals::Unrounded,
            params: Sorted::from([("margin".to_owned(), -0.5)]),
        }),
        load(Input::Text { text: "它 looks 🐕\0".to_owned(), size: SIZE, seed: 0, normals: Normals::Unrounded }),
        load(Input::Projected {
            x: Hidden::TextImage { text: "a".to_owned(), width: 2, cells: vec![0.5, -0.0] },
            weights: Weights::Rows { q: vec![vec![1.0]], k: vec![], v: vec![vec![]] },
            weights_b: Some(Weights::Rows { q: vec![], k: vec![vec![2.0]], v: vec![] }),
            size: SIZE,
            seed: 3,
            normals: Normals::Rounded,
            rounded: 0.25,
        }),
        load(Input::Projected {
            x: Hidden::generated("normal", 2, 3, 4),
            weights: Weights::Orthogonal,
            weights_b: None,
            size: SIZE,
            seed: 3,
            normals: Normals::Rounded,
            rounded: 0.25,
        }),
        load(Input::Numbers {
            q: vec![vec![f32::MIN_POSITIVE, f32::INFINITY]].into(),
            k: vec![vec![], vec![1.0]].into(),
            v: vec![].into(),
            q_heads: 4,
            kv_heads: 2,
            rounded: 0.5,
        }),
        open(problem(), Backend::Reference, Algorithm::Streaming),
        open(Problem::plain(DIMS), Backend::Cpu, Algorithm::Materialised),
        open(
            Problem { encoding: Some(Encoding::Sinusoidal { base: 1e4, gain: 1.0 }), ..Problem::plain(DIMS) },
            Backend::Webgpu,
            Algorithm::Auto,
        ),
    ];
    messages.extend(
        [
            (Stretch::None, Axes::Line),
            (Stretch::Linear { factor: 2.0 }, Axes::Grid { width: 7 }),
            (Stretch::Ntk { factor: 3.0 }, Axes::Line),
            (Stretch::DynamicNtk { factor: 4.0, trained: 9 }, Axes::Line),
        ]
        .map(|(stretch, axes)| {
            let rotation = Some(Rotation { stretch, axes, ..Rotation::new(1e4, 4, true) });
            open(Problem { rotation, ..Problem::plain(DIMS) }, Backend::Auto, Algorithm::Auto)
        }),
    );
    messages.push(ToWorker::Lower { job: 8, problem: Box::new(waiting()), tables: vec![3, 0], y: 12 });
    messages.push(ToWorker::Operate { job: 5, operator: 42, exact: true, repeat: 1000 });
    messages.extend(Stage::ALL.map(|stage| ToWorker::Item {
        session: 1,
        job: 2,
        part: 3,
        work: vec![Work::Rows(Rows { batch: 1, head: 0, q: 2..3 }), map(stage, Pool::Max), map(stage, Pool::Mean)],
        want: Want { stats: true, matrix: Some(stage) },
        repeat: 5,
    }));
    messages
}

/// Every kind of message from a worker.
pub(crate) fn from_worker() -> Vec<FromWorker> {
    let cost = Cost { flops: 1e18, bytes: 0.1, tiles: TileCounts { total: u64::MAX, skipped: 1, full: 2, partial: 3 } };
    let times = StageTimes([0.0, 1.0, f64::INFINITY, 3.5, 4.0, 5.0, 6.0, f64::MIN_POSITIVE, -0.5]);
    let (session, job) = (1, 2);
    let opened = |cost| FromWorker::Opened {
        session,
        job,
        cost,
        order: vec!["scores".to_owned(), String::new()],
        kernel: "cpu-streaming".to_owned(),
        adapter: cost.map(|_| Adapter { name: "显卡".to_owned(), software: true, timestamps: false }),
        prepare_ms: 0.1,
        copy_ms: -0.0,
    };
    vec![
        FromWorker::Ready { protocol: PROTOCOL, tier: "relaxed".to_owned() },
        FromWorker::Loaded {
            job,
            dims: DIMS,
            tokens_q: vec!["动物".to_owned()],
            tokens_k: vec![],
            note: Some("cut".to_owned()),
        },
        FromWorker::Loaded { job, dims: DIMS, tokens_q: vec![], tokens_k: vec![String::new()], note: None },
        opened(Some(cost)),
        opened(None),
        FromWorker::Done {
            job,
            part: 6,
            given: vec![
                Given::Rows { lengths: [1, 2, 3, 4, 5], peak_at: 6, empty_rows: u32::MAX, times },
                Given::Map { length: 8, times },
            ],
            runs_ms: vec![1.0, f64::MAX],
            work_ms: 3.0,
            copy_ms: 4.0,
            memory: 65_536.0,
            texts: vec![KernelText { name: "streaming".to_owned(), text: "fn é".to_owned(), formulas: vec![(3, 5)] }],
            notes: vec![Message { en: "lost".to_owned(), zh: "丢失".to_owned() }],
        },
        FromWorker::Lowered { job, lengths: vec![0, 5, 0], ms: 0.5, copy_ms: f64::MIN_POSITIVE },
        FromWorker::Operated {
            job,
            lengths: vec![6, 0],
            runs_ms: vec![0.5, f64::MAX],
            copy_ms: 0.25,
            memory: 131_072.0,
            adapter: None,
            notes: vec![],
        },
        FromWorker::Unavailable {
            job,
            message: Message { en: "no GPU".to_owned(), zh: "没有 GPU".to_owned() },
            lasting: true,
        },
        FromWorker::Failed {
            job,
            issues: vec![Issue::new("mask", Message { en: "is wrong".to_owned(), zh: "不对".to_owned() })],
        },
        FromWorker::Panicked { message: "index out of bounds".to_owned() },
    ]
}

/// Everything that is asked beside runs.
pub(crate) fn asked() -> Vec<Asked> {
    let derive = |kernel| Derive { problem: Box::new(problem()), kernel, share: [1, 3], params: true };
    let gradients = [Kernel::Reference, Kernel::Cpu, Kernel::Gpu].map(|kernel| Asked::Derive(derive(kernel)));
    let estimator = |operator| if let Operator::Estimator(estimator) = operator { Some(estimator) } else { None };
    let timed = operators()
        .into_iter()
        .filter_map(estimator)
        .map(Asked::Estimate)
        .chain([Asked::Peak, Asked::Bandwidth { count: 1 << 20 }]);
    operators().into_iter().map(Asked::Operator).chain(gradients).chain(timed).collect()
}

/// Comes back as it was; a byte less or more is refused, and so is an enum's place that is none.
fn crosses<T: Codec + Debug + PartialEq>(messages: &[T]) {
    for message in messages {
        let mut bytes = codec::encode(message);
        assert_eq!(codec::decode::<T>(&bytes).as_ref(), Some(message));
        for length in 0..bytes.len() {
            assert_eq!(codec::decode::<T>(&bytes[..length]), None, "{length} bytes of {message:?}");
        }
        bytes.push(0);
        assert_eq!(codec::decode::<T>(&bytes), None, "a byte too many after {message:?}");
        bytes.pop();
        bytes[0] = u8::MAX;
        assert_eq!(codec::decode::<T>(&bytes), None, "no such kind of message");
    }
}

/// Every method, of which each has fields of its own.
const METHODS: [Method; 20] = [
    Method::Linear { feature: Feature::Elu, normalised: true },
    Method::Linear { feature: Feature::Relu, normalised: false },
    Method::Linear { feature: Feature::Identity, normalised: true },
    Method::Gated { decay: 0.5 },
    Method::Delta { rate: 0.25 },
    Method::GatedDelta { decay: 0.5, rate: 1.0 },
    Method::Kda { fast: 0.5, slow: 0.75, rate: 1.0 },
    Method::Retention,
    Method::LogLinear { lambda: 0.8 },
    Method::Performer { features: 7, seed: u64::MAX },
    Method::Linformer { rank: 3, pooled: true, seed: 1 },
    Method::Nystrom { landmarks: 4, iterations: 6 },
    Method::HTransformer { block: 2 },
    Method::BlockSummary { block: 5 },
    Method::Hierarchical { block: 6, seed: 2 },
    Method::Ring { devices: 8 },
    Method::Recurrent { cell: Cell::Gru, hidden: 9, seed: 3 },
    Method::Recurrent { cell: Cell::Lstm, hidden: 9, seed: 3 },
    Method::Conv1d { width: 10, seed: 4 },
    Method::Conv2d { kernel: estimators::Kernel { rows: 11, columns: 12, width: 13 }, seed: 5 },
];

#[test]
fn messages_to_a_worker_cross() {
    crosses(&to_worker());
}

#[test]
fn what_is_asked_beside_runs_crosses() {
    crosses(&asked());
}

#[test]
fn messages_from_a_worker_cross() {
    crosses(&from_worker());
}

#[test]
fn floats_keep_their_bits() {
    let singles = [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0, f32::from_bits(1), 2.0];
    let doubles = [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, f64::from_bits(1), 0.1];
    let bytes = codec::encode(&(singles, doubles));
    let back: Option<([f32; 7], [f64; 7])> = codec::decode(&bytes);
    let bits = back.map(|(singles, doubles)| (singles.map(f32::to_bits), doubles.map(f64::to_bits)));
    assert_eq!(bits, Some((singles.map(f32::to_bits), doubles.map(f64::to_bits))));
}

#[test]
fn damaged_lengths_and_texts_are_refused() {
    for length in [4_u64, 5, 1 << 40, u64::MAX] {
        let mut bytes = codec::encode(&length);
        bytes.extend([0, 1, 0]);
        assert_eq!(codec::decode::<Vec<bool>>(&bytes), None, "{length}");
        assert_eq!(codec::decode::<String>(&bytes), None, "{length}");
    }
    let mut bytes = codec::encode(&2_u64);
    bytes.extend([0xc3, 0x28]);
    assert_eq!(codec::decode::<String>(&bytes), None, "not UTF-8");
}

#[test]
fn stripped_tables_come_back_in_the_same_order() {
    let float = |x: f32| Data { shape: vec![1], values: DataValues::Float(vec![x]), clamp: false };
    let bits = Data { shape: vec![2], values: DataValues::Bool(vec![1, 0]), clamp: true };
    let mut problem = Problem::plain(DIMS);
    problem.bias.push(Term::new("score", "s + z[0] + a[0]").data("z", float(1.0)).data("a", float(2.0)));
    problem.masks.push(Term::new("mask", "m[k]").data("m", bits));
    let (mut stripped, tables) = strip_tables(&problem);
    assert!(tables_mut(&mut stripped).all(|t| t.values.is_empty()));
    assert_eq!(tables.iter().map(|t| t.values.len()).collect::<Vec<_>>(), vec![1, 1, 2]);
    assert_eq!(*tables[0], float(2.0));
    for (slot, table) in tables_mut(&mut stripped).zip(tables) {
        *slot = table;
    }
    assert_eq!(stripped, problem);
}

#[test]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
fn a_problem_is_lowered_the_same_on_the_other_side() {
    use crate::attention::{Loaded, assemble, load, lowering};
    use crate::experiment::{Choice, Experiment};
    use crate::interchange::SerdeJson;

    let input = r#"{ "input": { "kind": "generated", "recipe": "normal", "size": {"n_q": 9}, "seed": 1 },
        "mask": { "id": "document" }, "data": { "doc": [0,0,0,1,1,1,1,1,2,2,2,2,2,2,2,2,2,2,2,2,3,3,3,3] } }"#;
    let mut experiment: Experiment = serde_json::from_str(input).unwrap();
    experiment.product = Choice::of("l2");
    experiment.position = Choice::of("tisasrec");
    experiment.selection = Choice::of("top-k");
    let loaded: Loaded = load::<SerdeJson>(&experiment.input, None).unwrap();
    let (problem, inputs) = assemble(&experiment, &loaded).unwrap();
    let (stripped, tables) = strip_tables(&problem);
    let mut there: Problem = codec::decode(&codec::encode(&stripped)).unwrap();
    assert!(there.waits() && lowering::compute(&problem, &inputs) != lowering::compute(&there, &inputs));
    tables_mut(&mut there).zip(tables).for_each(|(place, table)| *place = table);
    assert_eq!(there, problem);
    assert_eq!(lowering::compute(&there, &inputs).unwrap(), lowering::compute(&problem, &inputs).unwrap());
}
