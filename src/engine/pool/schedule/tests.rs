//! Tests of the schedule.

use super::*;

fn part(flops: f64, head: usize, picture: bool) -> Part {
    Part { work: Vec::new(), flops, heads: vec![(0, head)], picture }
}

fn ready(size: usize) -> Board {
    let mut board = Board::new(size, 0.0);
    (0..size).for_each(|slot| board.ready(slot));
    board
}

fn cut(n: usize) -> Parts {
    Parts::Cut((0..n).map(|head| part(1.0, head, false)).collect())
}

#[test]
fn nothing_is_sent_before_a_worker_is_ready() {
    let mut board = Board::new(2, 0.0);
    board.submit(1, Side::Cpu, Some(1), Lane::Live, 1.0, 1, cut(1));
    assert_eq!(board.next(0.0), vec![]);
    board.ready(1);
    assert_eq!(
        board.next(0.0),
        vec![Step::Open { slot: 1, job: 1, session: 1 }, Step::Part { slot: 1, job: 1, part: 0 }]
    );
}

#[test]
fn a_session_is_opened_once_in_each_worker_and_parts_go_to_idle_ones() {
    let mut board = ready(2);
    board.submit(1, Side::Cpu, Some(9), Lane::Live, 1.0, 1, cut(3));
    let first = board.next(0.0);
    assert_eq!(first.iter().filter(|s| matches!(s, Step::Open { .. })).count(), 2);
    assert_eq!(first.len(), 4);
    assert!(!board.done(0, 1, 0));
    assert_eq!(board.next(0.0), vec![Step::Part { slot: 0, job: 1, part: 2 }]);
    assert!(!board.done(1, 1, 1));
    assert!(board.done(0, 1, 2));
}

#[test]
fn as_many_workers_are_wanted_as_there_are_parts_left_and_dropped_ones_under_way() {
    let mut board = ready(1);
    assert_eq!(board.wanted(Side::Cpu), 0);
    board.submit(1, Side::Cpu, Some(1), Lane::Live, 1.0, 1, cut(2));
    assert_eq!((board.wanted(Side::Cpu), board.wanted(Side::Gpu)), (2, 0));
    board.next(0.0);
    board.done(0, 1, 0);
    assert_eq!(board.wanted(Side::Cpu), 1);
    // Its last part is under way when it is dropped: whoever comes next would wait for it.
    board.next(0.0);
    board.drop_job(1);
    board.submit(2, Side::Cpu, Some(2), Lane::Live, 1.0, 1, cut(1));
    assert_eq!(board.wanted(Side::Cpu), 2);
    board.submit(3, Side::Cpu, Some(3), Lane::Api, 1.0, 1, Parts::Uncut { workers: 3 });
    assert_eq!(board.wanted(Side::Cpu), 5);
}

#[test]
fn small_runs_of_the_page_stay_in_one_worker() {
    let mut board = ready(4);
    for id in 1..20 {
        board.submit(id, Side::Cpu, Some(id), Lane::Live, 1.0, 1, cut(1));
        let steps = board.next(0.0);
        assert_eq!(steps[1], Step::Part { slot: 0, job: id, part: 0 });
        assert!(board.done(0, id, 0));
        // A run of the API in between uses the same pool but does not move the page's own.
        board.submit(100 + id, Side::Cpu, Some(100 + id), Lane::Api, 1.0, 1, cut(1));
        let slot =
            board.next(0.0).into_iter().find_map(|s| if let Step::Part { slot, .. } = s { Some(slot) } else { None });
        assert!(slot.is_some_and(|slot| board.done(slot, 100 + id, 0)));
    }
}

#[test]
fn the_page_goes_before_the_api_and_neither_starves_while_workers_are_idle() {
    let mut board = ready(1);
    board.submit(1, Side::Cpu, Some(1), Lane::Api, 1.0, 1, cut(3));
    board.next(0.0);
    board.submit(2, Side::Cpu, Some(2), Lane::Live, 1.0, 1, cut(1));
    board.done(0, 1, 0);
    assert!(board.next(0.0).contains(&Step::Part { slot: 0, job: 2, part: 0 }));
    board.done(0, 2, 0);
    assert_eq!(board.next(0.0), vec![Step::Part { slot: 0, job: 1, part: 1 }]);
}

#[test]
fn a_dropped_job_sends_no_more_and_its_late_answer_frees_the_worker() {
    let mut board = ready(1);
    board.submit(1, Side::Cpu, Some(1), Lane::Live, 1.0, 1, cut(3));
    board.next(0.0);
    board.drop_job(1);
    assert_eq!(board.next(0.0), vec![]);
    assert!(!board.done(0, 1, 0));
    assert_eq!(board.close(1), vec![0]);
    board.submit(2, Side::Cpu, Some(2), Lane::Live, 1.0, 1, cut(1));
    assert_eq!(board.next(0.0).len(), 2);
}

#[test]
fn a_long_run_sends_a_part_ahead_and_its_last_parts_to_whoever_is_free() {
    let mut board = ready(1);
    board.submit(1, Side::Cpu, None, Lane::Api, 2.0, 3, cut(5));
    let part = |part| Step::Part { slot: 0, job: 1, part };
    // Four wait, so that one may go ahead; then three; with two the next one waits for its answer.
    assert_eq!(board.next(100.0), vec![part(0), part(1)]);
    assert_eq!(board.next(100.0), vec![]);
    assert!(!board.done(0, 1, 0));
    assert_eq!(board.next(110.0), vec![part(2)]);
    // Each deadline leaves time for both.
    let deadline = 100.0 + GRACE_MS + PATIENCE * 3.0;
    assert!(board.overdue(deadline).is_empty());
    assert_eq!(board.overdue(deadline + 1.0), vec![0]);
    assert!(!board.done(0, 1, 1));
    assert_eq!(board.next(120.0), vec![]);
    assert!(!board.done(0, 1, 2));
    assert_eq!(board.next(130.0), vec![part(3)]);
}

#[test]
fn what_was_sent_ahead_is_waited_for_and_no_loss_of_its_own() {
    let mut board = ready(1);
    board.submit(1, Side::Cpu, None, Lane::Live, 1.0, 1, cut(5));
    board.next(0.0);
    // Dropped: the worker computes both all the same.
    board.drop_job(1);
    board.submit(2, Side::Cpu, None, Lane::Live, 1.0, 1, cut(1));
    board.done(0, 1, 0);
    assert_eq!(board.next(0.0), vec![]);
    board.done(0, 1, 1);
    assert_eq!(board.next(0.0), vec![Step::Part { slot: 0, job: 2, part: 0 }]);
    board.done(0, 2, 0);
    // Lost with the first part, which is tried once more; the one behind it has lost nothing.
    board.submit(3, Side::Cpu, None, Lane::Live, 1.0, 1, cut(5));
    board.next(0.0);
    assert_eq!(board.lost(0), Loss::Again(3));
    board.starting(0, 0.0);
    board.ready(0);
    let part = |part| Step::Part { slot: 0, job: 3, part };
    assert_eq!(board.next(0.0), vec![part(0), part(1)]);
    board.done(0, 3, 0);
    assert_eq!(board.lost(0), Loss::Again(3));
}

#[test]
fn a_job_of_unknown_cost_is_opened_first_and_cut_then() {
    let mut board = ready(4);
    board.submit(1, Side::Cpu, Some(1), Lane::Live, 1.0, 1, Parts::Uncut { workers: 2 });
    assert_eq!(
        board.next(0.0),
        vec![Step::Open { slot: 0, job: 1, session: 1 }, Step::Open { slot: 1, job: 1, session: 1 }]
    );
    assert_eq!(board.next(0.0), vec![]);
    board.opened(0, 1);
    assert!(board.is_uncut(1));
    board.cut(1, vec![part(1.0, 0, false), part(1.0, 1, false)]);
    let steps = board.next(0.0);
    assert_eq!(steps[0], Step::Part { slot: 0, job: 1, part: 0 });
    // The other part goes to a third worker rather than waiting for the second to open.
    assert_eq!(steps[1..], [Step::Open { slot: 2, job: 1, session: 1 }, Step::Part { slot: 2, job: 1, part: 1 }]);
}

#[test]
fn a_job_whose_first_worker_is_lost_before_it_told_the_cost_is_opened_again() {
    for answered in [false, true] {
        let mut board = ready(2);
        board.submit(1, Side::Cpu, Some(1), Lane::Live, 1.0, 1, Parts::Uncut { workers: 2 });
        assert_eq!(board.next(0.0).len(), 2);
        // The second worker was not asked for the cost, so its answer cuts nothing.
        if answered {
            board.opened(1, 1);
        }
        assert_eq!(board.lost(0), Loss::Again(1));
        board.starting(0, 0.0);
        board.reopen(1);
        if !answered {
            assert_eq!(board.next(0.0), vec![]);
            board.opened(1, 1);
        }
        assert_eq!(board.next(0.0), vec![Step::Open { slot: 1, job: 1, session: 1 }]);
        // And the new worker too, while the other is at it.
        board.ready(0);
        assert_eq!(board.next(0.0), vec![Step::Open { slot: 0, job: 1, session: 1 }]);
    }
}

#[test]
fn workers_stay_with_the_heads_that_they_began_while_any_are_left() {
    let mut board = ready(2);
    // Three heads of four parts each.
    let parts = (0..12).map(|index| part(1.0, index / 4, false)).collect();
    board.submit(1, Side::Cpu, None, Lane::Api, 1.0, 1, Parts::Cut(parts));
    let (mut heads, mut waiting) = (vec![Vec::new(); 2], std::collections::VecDeque::new());
    let mut sent = vec![0; 12];
    loop {
        for step in board.next(0.0) {
            let Step::Part { slot, part, .. } = step else { continue };
            heads[slot].push(part / 4);
            sent[part] += 1;
            waiting.push_back((slot, part));
        }
        // The worker that was sent a part first is done first: both are as fast.
        let Some((slot, part)) = waiting.pop_front() else { break };
        board.done(slot, 1, part);
    }
    assert_eq!(sent, [1; 12]);
    // The third head is shared: it was begun when the first two were done, or by who was done first.
    assert_eq!(heads[0][..4], [0; 4]);
    assert_eq!(heads[1][..4], [1; 4]);
    assert!(heads.iter().all(|heads| heads[4..] == [2; 2]), "{heads:?}");
}

#[test]
fn workers_begin_with_the_heads_that_they_were_sent_before_the_cost_was_known() {
    let mut board = ready(2);
    board.submit(1, Side::Cpu, Some(7), Lane::Live, 1.0, 1, Parts::Uncut { workers: 2 });
    let opened = board.next(0.0);
    let slots = opened.iter().map(|step| if let Step::Open { slot, .. } = step { *slot } else { usize::MAX });
    let slots: Vec<Slot> = slots.collect();
    assert_eq!(slots.len(), 2);
    let likely: Vec<_> = slots.iter().map(|slot| board.likely(1, *slot, 8)).collect();
    assert_eq!(likely, [Some(0), Some(4)]);
    // Whichever is first to say what it costs.
    board.opened(slots[1], 1);
    board.cut(1, (0..8).map(|head| part(1.0, head, false)).collect());
    board.opened(slots[0], 1);
    let steps = board.next(0.0);
    for (slot, head) in [(slots[0], 0), (slots[1], 4)] {
        let first = steps.iter().find(|step| matches!(step, Step::Part { slot: to, .. } if *to == slot));
        assert_eq!(first, Some(&Step::Part { slot, job: 1, part: head }));
    }
    assert_eq!(board.likely(1, 0, 8), None, "it is cut");
}

#[test]
fn a_lost_part_is_tried_once_more_elsewhere_and_then_fails() {
    let mut board = ready(2);
    board.submit(1, Side::Cpu, Some(1), Lane::Live, 1.0, 1, cut(1));
    board.next(0.0);
    assert_eq!(board.lost(0), Loss::Again(1));
    board.starting(0, 0.0);
    let again = board.next(0.0);
    assert_eq!(again, vec![Step::Open { slot: 1, job: 1, session: 1 }, Step::Part { slot: 1, job: 1, part: 0 }]);
    assert_eq!(board.lost(1), Loss::Fatal(1));
    board.ready(0);
    assert_eq!(board.next(0.0), vec![]);
}

#[test]
fn an_idle_worker_that_is_lost_costs_nobody_anything() {
    let mut board = ready(2);
    assert_eq!(board.lost(1), Loss::Nothing);
    assert!(!board.all_dead(Side::Cpu));
    board.dead(0);
    assert!(board.all_dead(Side::Cpu));
}

#[test]
fn deadlines_grow_with_the_estimate_and_with_repetitions() {
    let mut board = ready(1);
    board.submit(1, Side::Cpu, None, Lane::Live, 2.0, 3, Parts::Cut(vec![part(1000.0, 0, false)]));
    assert_eq!(board.next(100.0), vec![Step::Part { slot: 0, job: 1, part: 0 }]);
    let deadline = 100.0 + GRACE_MS + PATIENCE * 1500.0;
    assert!(board.overdue(deadline).is_empty());
    assert_eq!(board.overdue(deadline + 1.0), vec![0]);
    board.done(0, 1, 0);
    assert!(board.overdue(1e12).is_empty() && !board.waits());
}

#[test]
fn a_worker_that_never_gets_ready_is_overdue() {
    let board = Board::new(1, 50.0);
    assert!(board.overdue(50.0 + START_MS).is_empty());
    assert_eq!(board.overdue(51.0 + START_MS), vec![0]);
}

#[test]
fn pictures_wait_for_the_rows_and_go_where_the_log_sum_exp_is() {
    let mut board = ready(2);
    let parts = vec![part(1.0, 0, false), part(1.0, 1, false), part(1.0, 0, true), part(1.0, 1, true)];
    board.submit(1, Side::Cpu, Some(1), Lane::Live, 1.0, 1, Parts::Cut(parts));
    board.next(0.0);
    board.done(1, 1, 1);
    assert_eq!(board.next(0.0), vec![], "rows of head 0 are still out");
    board.done(0, 1, 0);
    let steps = board.next(0.0);
    assert!(
        steps.contains(&Step::Part { slot: 0, job: 1, part: 2 })
            && steps.contains(&Step::Part { slot: 1, job: 1, part: 3 })
    );
}

#[test]
fn the_gpus_jobs_wait_for_its_worker_and_no_other_takes_them() {
    let mut board = Board::new(2, 0.0);
    assert_eq!(board.places(Side::Gpu).collect::<Vec<_>>(), [2]);
    board.ready(0);
    board.ready(1);
    board.submit(1, Side::Gpu, Some(1), Lane::Live, 1.0, 1, cut(2));
    assert!(board.all_dead(Side::Gpu) && !board.all_dead(Side::Cpu));
    assert_eq!(board.next(0.0), []);
    board.submit(2, Side::Cpu, Some(2), Lane::Api, 1.0, 1, cut(1));
    board.starting(2, 0.0);
    board.ready(2);
    let steps = board.next(0.0);
    let to = |job| {
        steps
            .iter()
            .filter_map(|s| if let Step::Part { slot, job: of, .. } = s { (*of == job).then_some(*slot) } else { None })
            .collect::<Vec<_>>()
    };
    // One part at a time, although two CPU workers are idle.
    assert_eq!((to(1), to(2).len()), (vec![2], 1));
    assert_ne!(to(2), [2]);
    assert_eq!((board.jobs(Side::Gpu), board.jobs(Side::Cpu)), (vec![1], vec![2]));
}
