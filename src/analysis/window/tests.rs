use super::*;

const SIZES: [usize; 2] = [1000, 3000];

fn window(q: [usize; 2], k: [usize; 2]) -> Window {
    Window { q, k }
}

#[test]
fn a_view_outside_the_matrix_is_brought_inside() {
    let view = |rows, columns| View { rows, columns, ..View::default() };
    assert_eq!(Window::of(&view(None, None), SIZES), Window::whole(SIZES));
    assert_eq!(Window::of(&view(Some([990, 4096]), Some([7, 8])), SIZES), window([0, 1000], [7, 11]));
    assert_eq!(Window::of(&view(Some([2000, 2100]), None), SIZES).q, [900, 1000]);
    assert_eq!(Window::of(&view(Some([1, 3]), Some([0, 2])), [1, 2]), Window::whole([1, 2]));
}

#[test]
fn what_is_whole_is_not_in_the_view() {
    let mut view = View::default();
    window([10, 20], [0, 3000]).put(SIZES, &mut view);
    assert_eq!((view.rows, view.columns), (Some([10, 20]), None));
    assert_eq!(Window::of(&view, SIZES), window([10, 20], [0, 3000]));
    Window::whole(SIZES).put(SIZES, &mut view);
    assert_eq!(view, View::default());
}

#[test]
fn what_is_under_the_pointer_stays_there() {
    let start = window([200, 400], [1000, 1600]);
    let near = start.zoomed(SIZES, 0.5, [0.25, 0.75]);
    assert_eq!(near, window([225, 325], [1225, 1525]));
    // Cell 250 lay at a quarter, and still does; key 1450 at three quarters.
    assert!((near.share((250, 1450))[0] - 0.25).abs() < 0.01 && (near.share((250, 1450))[1] - 0.75).abs() < 0.01);
    assert_eq!(start.zoomed(SIZES, 1.0, [0.5, 0.5]), start);
    assert_eq!(start.zoomed(SIZES, 1e9, [0.5, 0.5]), Window::whole(SIZES));
    assert_eq!(start.zoomed(SIZES, 0.0, [0.0, 1.0]).size(), [LEAST, LEAST]);
}

#[test]
fn every_step_of_a_wheel_leads_somewhere() {
    let mut at = Window::whole([9, 9]);
    let mut steps = 0;
    while at.size() != [LEAST, LEAST] {
        at = at.zoomed([9, 9], 0.99, [0.5, 0.5]);
        steps += 1;
        assert!(steps <= 5, "{at:?}");
    }
    for _ in 0..5 {
        at = at.zoomed([9, 9], 1.01, [0.5, 0.5]);
    }
    assert_eq!(at, Window::whole([9, 9]));
}

#[test]
fn moving_stops_at_the_edges_and_keeps_the_size() {
    let start = window([200, 400], [1000, 1600]);
    assert_eq!(start.moved(SIZES, [0.25, -0.5]), window([250, 450], [700, 1300]));
    assert_eq!(start.moved(SIZES, [-9.0, 9.0]), window([0, 200], [2400, 3000]));
    assert_eq!(start.showing(SIZES, (399, 1000)), start);
    assert_eq!(start.showing(SIZES, (400, 999)), window([201, 401], [999, 1599]));
    assert_eq!(start.showing(SIZES, (5000, 0)).q, [800, 1000]);
    assert_eq!(start.centred(SIZES, (0, 1500)), window([0, 200], [1200, 1800]));
}

#[test]
fn two_fingers_zoom_by_their_distance_and_move_by_their_middle() {
    let start = window([200, 400], [1000, 1600]);
    let apart = |by: f64, at: f64| [[150.0 - by, at], [150.0 + by, at]];
    let same = pinched(start, SIZES, [300.0, 300.0], apart(50.0, 100.0), apart(50.0, 100.0));
    assert_eq!(same, start);
    let near = pinched(start, SIZES, [300.0, 300.0], apart(50.0, 150.0), apart(100.0, 150.0));
    assert_eq!(near, start.zoomed(SIZES, 0.5, [0.5, 0.5]));
    // The fingers go 30 of 300 pixels to the right: the keys follow by a tenth of the window.
    let moved = pinched(start, SIZES, [300.0, 300.0], apart(50.0, 100.0), apart(50.0, 130.0));
    assert_eq!(moved, window([200, 400], [940, 1540]));
    // Fingers on one place and a field without extent give a window all the same.
    pinched(start, SIZES, [0.0, 0.0], [[0.0; 2]; 2], [[0.0; 2]; 2]);
}

#[test]
fn a_pixel_is_a_square_of_cells_that_its_neighbours_share() {
    assert_eq!(Window::whole([640, 17]).block(), 1);
    assert_eq!(Window::whole([641, 17]).block(), 2);
    assert_eq!(Window::whole([2048, 2048]).block(), 4);
    assert_eq!(Window::whole([65536, 65536]).block(), 128);
    assert_eq!(window([3, 1000], [5, 2999]).on_pixels(SIZES), window([0, 1000], [0, 3000]));
    assert_eq!(window([3, 103], [5, 106]).on_pixels(SIZES), window([3, 103], [5, 106]));
}

#[test]
fn lines_are_drawn_about_the_chosen_cell() {
    let all = Window::whole(SIZES);
    assert_eq!(all.at_most(64, (500, 10)), window([468, 532], [0, 64]));
    assert_eq!(all.at_most(64, (999, 2999)), window([936, 1000], [2936, 3000]));
    assert_eq!(window([0, 5], [3, 9]).at_most(64, (0, 0)), window([0, 5], [3, 9]));
}

#[test]
fn labels_thin_out_by_ones_twos_and_fives() {
    let steps: Vec<usize> = [16, 48, 49, 100, 240, 500, 4096].into_iter().map(|n| step(n, 48)).collect();
    assert_eq!(steps, [1, 1, 2, 5, 5, 20, 100]);
}
