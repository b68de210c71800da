use super::*;
use crate::attention::{Coverage, Normaliser};

const NO: f64 = f64::NEG_INFINITY;
/// Of numbers near 1 in double precision.
const NEAR: f64 = 1e-13;

/// Three queries over four keys: causal with one key before the first query, and a last row that sees nothing.
fn part(sink: Option<f64>) -> Part {
    let scores = vec![1.0, 3.0, NO, NO, 2.0, 0.0, 5.0, NO, NO, NO, NO, NO];
    let values = vec![1.0, 0.0, 0.0, 1.0, 2.0, 2.0, f64::NAN, f64::NAN];
    Part { queries: 0..3, keys: 0..4, scores, values, width: 2, sink }
}

fn near(found: &[f64], wanted: &[f64]) {
    assert_eq!(found.len(), wanted.len());
    assert!(found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < NEAR), "{found:?} is not {wanted:?}");
}

#[test]
fn a_larger_score_shrinks_what_was_there() {
    let part = part(None);
    let stream = Stream::of(&part, [2, 1], 0);
    let rows: Vec<_> = stream.steps.iter().map(|step| &step.rows[0]).collect();
    assert_eq!((rows[0].factor, rows[0].state.max, rows[0].state.sum), (0.0, 1.0, 1.0));
    let shrunk = (-2.0_f64).exp();
    near(&[rows[1].factor, rows[1].state.max, rows[1].state.sum], &[shrunk, 3.0, 1.0 + shrunk]);
    near(&rows[1].state.output, &[shrunk, 1.0]);
    near(&rows[1].state.result(), &[shrunk / (1.0 + shrunk), 1.0 / (1.0 + shrunk)]);
    // The third tile holds a key of the second row only, the last one none: it is skipped, its values unread.
    assert_eq!((rows[2].factor, &rows[2].state), (1.0, &rows[1].state));
    let kinds: Vec<Coverage> = stream.steps.iter().map(|step| step.coverage).collect();
    assert_eq!(kinds, [Coverage::Full, Coverage::Full, Coverage::Partial, Coverage::Empty]);
    assert_eq!((stream.counts(), stream.block(), stream.state(0, 0)), ([3, 1], 0, &part.start()));
    assert_eq!(stream.grid, [kinds, vec![Coverage::Empty; 4]]);
}

#[test]
fn a_row_that_sees_nothing_gives_zeros_with_or_without_a_sink() {
    for sink in [None, Some(2.0)] {
        let last = part(sink).whole(2);
        assert_eq!((last.result(), last.log_sum_exp(), last.keys), (vec![0.0, 0.0], NO, 0));
    }
}

#[test]
fn a_sink_takes_its_share_once() {
    let part = part(Some(4.0));
    let all = 1.0 + (-3.0_f64).exp() + (-1.0_f64).exp();
    let whole = part.whole(0);
    near(&whole.result(), &[(-3.0_f64).exp() / all, (-1.0_f64).exp() / all]);
    near(&[whole.log_sum_exp()], &[4.0 + all.ln()]);
    for devices in 1..=5 {
        let ring = Ring::of(&part, devices);
        near(&ring.state(devices, 0).result(), &whole.result());
        near(&[ring.state(devices, 0).sum], &[all]);
    }
}

#[test]
fn blocks_go_round_and_devices_idle_where_nothing_is_allowed() {
    let part = part(None);
    let ring = Ring::of(&part, 2);
    let blocks: Vec<Vec<usize>> = ring.steps.iter().map(|step| step.iter().map(|turn| turn.block).collect()).collect();
    assert_eq!(blocks, [[0, 1], [1, 0]]);
    let idle: Vec<Vec<bool>> = ring.steps.iter().map(|step| step.iter().map(Turn::is_idle).collect()).collect();
    // Query 0 sees keys 0 and 1; queries 1 and 2 see keys 0, 1 and 2.
    assert_eq!((idle, ring.idle()), (vec![vec![false, false], vec![true, false]], [1, 4]));
    // The busiest device has 2 pairs in each step; all have 5.
    assert_eq!(ring.balance(), [4.0, 2.5]);
    assert_eq!((ring.place(0), ring.place(2), ring.place(3)), (Some((0, 0)), Some((1, 1)), None));
    near(&ring.state(2, 1).result(), &part.whole(1).result());
    assert_eq!(ring.state(0, 1), &part.start());
    // A device without queries and a block without keys do no harm.
    assert_eq!(Ring::of(&part, 9).queries.iter().map(std::ops::Range::len).sum::<usize>(), 3);
}

#[test]
fn a_cache_grows_and_saves_the_rows_before() {
    let decode = Decode::of(&part(None), 1).unwrap_or_else(|why| unreachable!("{why:?}"));
    let read = |of: fn(&Token) -> usize| decode.tokens.iter().map(of).collect::<Vec<_>>();
    assert_eq!(read(|t| t.cached), [2, 3, 4]);
    assert_eq!(read(|t| t.added), [2, 1, 1]);
    assert_eq!(read(|t| t.pairs), [2, 3, 0]);
    // Nothing looks at any key any more when the last token comes, which sees nothing.
    assert_eq!(read(|t| t.needed), [2, 3, 0]);
    assert_eq!((read(|t| t.with), read(|t| t.without)), (vec![2, 5, 5], vec![2, 7, 12]));
    assert_eq!((read(|t| t.made_with), read(|t| t.made_without)), (vec![2, 3, 4], vec![2, 5, 9]));
    // Without the key before it, query 0 would look at a key that is not there yet.
    assert_eq!(Decode::of(&part(None), 0), Err(Refused::Ahead { query: 0, key: 1 }));
}

#[test]
fn a_window_lies_around_its_place() {
    assert_eq!((window(5, 3), window(0, 0)), (0..5, 0..0));
    assert_eq!((window(1000, 0), window(1000, 500), window(1000, 2000)), (0..128, 436..564, 872..1000));
}

#[test]
fn what_needs_the_whole_row_is_refused_by_name() {
    assert_eq!(refused(Normaliser::Softmax, false, false), None);
    assert_eq!(refused(Normaliser::OffByOne, false, false), None);
    assert_eq!(refused(Normaliser::Softmax, true, true), Some(Refused::Probability));
    assert_eq!(refused(Normaliser::Softmax, false, true), Some(Refused::Finish));
    use Normaliser::{Entmax, Exponential, Sigmoid, Sparsemax, SquaredRelu};
    for other in [Sigmoid, Sparsemax, Entmax, SquaredRelu, Exponential] {
        assert_eq!(refused(other, false, false), Some(Refused::Normaliser(other)));
    }
    let sentence = |why: Refused| why.message();
    assert!(sentence(Refused::Normaliser(Entmax)).en.contains("threshold"));
    assert!(sentence(Refused::Normaliser(Sigmoid)).zh.contains("没有按行的总和"));
    assert!(sentence(Refused::Ahead { query: 7, key: 9 }).en.contains("Query 7 looks at key 9"));
}
