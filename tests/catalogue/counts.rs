//! What entries state about themselves: allowed pairs, reach, and that every parameter matters.

use attention_playground::catalogue::{MaskEntry, Reach, masks};

use super::{Changed, Grid, Place, SQUARE, grid, mask};

pub fn pairs(grid: &Grid) -> u32 {
    grid.iter().flatten().map(|&allowed| u32::from(allowed)).sum()
}

/// Layers until every query has reached every key: those up to itself where the pattern never looks ahead, else all.
fn reach(grid: &Grid) -> Reach {
    let n = grid.len();
    let bits =
        |row: &Vec<bool>| row.iter().enumerate().fold(0u64, |bits, (k, &allowed)| bits | u64::from(allowed) << k);
    let layer: Vec<u64> = grid.iter().map(bits).collect();
    let up_to = |q: usize| u64::MAX >> (63 - q);
    let causal = layer.iter().enumerate().all(|(q, row)| row & !up_to(q) == 0);
    let wanted: Vec<u64> = (0..n).map(|q| up_to(if causal { q } else { n - 1 })).collect();
    let mut seen = layer.clone();
    for layers in 1..=n as u32 {
        if seen == wanted {
            return Reach::Layers(layers);
        }
        let through = |row: &u64| (0..n).filter(|k| row >> k & 1 == 1).fold(0, |all, k| all | seen[k]);
        seen = layer.iter().map(through).collect();
    }
    Reach::Never
}

/// A slider that changes nothing would be a lie.
#[test]
fn every_parameter_of_a_mask_matters() {
    let place = Place { heads: 4, ..SQUARE };
    let grids = |e: &MaskEntry, changed: Changed| {
        let bound = mask(e.id, place, changed, &[]);
        (0..place.heads).map(|h| grid(&bound, place, h)).collect::<Vec<_>>()
    };
    for e in masks() {
        let usual = grids(e, &[]);
        for p in e.params {
            let changed =
                [p.min, p.max].iter().any(|&value| value != p.default && grids(e, &[(p.name, value)]) != usual);
            let scores = e.score.is_some_and(|score| score.contains(p.name)) && !e.formula.contains(p.name);
            assert!(changed || scores, "{}: {}", e.id, p.name);
        }
    }
}

#[test]
fn what_masks_state_about_themselves() {
    for e in masks() {
        let found = grid(&mask(e.id, SQUARE, &[], &[]), SQUARE, 0);
        assert_eq!((pairs(&found), reach(&found)), (e.pairs_at_64, e.reach_at_64), "{}", e.id);
        let rows_seen = found.iter().all(|row| row.contains(&true));
        assert!(rows_seen, "{}: a row sees nothing", e.id);
    }
}

/// Counts that stand in the literature survey, worked out there by a program of its own: pairs at 64 tokens, layers to full reach.
#[test]
fn published_counts() {
    use Reach::{Layers, Never};
    let period_4 = [("fastest", 4.0)];
    let known: [(&str, Changed, u32, Reach); 20] = [
        ("causal", &[], 2080, Layers(1)),
        ("sliding-window", &[("window", 8.0)], 484, Layers(9)),
        ("sliding-window", &[("window", 8.0), ("inclusive", 1.0)], 540, Layers(8)),
        ("synaptic", &[], 385, Layers(6)),
        ("synaptic", &[("preset", 1.0)], 498, Layers(4)),
        ("log-sparse", &[], 385, Layers(6)),
        ("fibonacci", &[], 498, Layers(4)),
        ("fractal", &[("previous", 0.0)], 729, Never),
        ("fractal", &[], 760, Layers(3)),
        ("kronecker", &[("base", 2.0), ("previous", 0.0)], 729, Never),
        ("kronecker", &[("base", 2.0)], 760, Layers(3)),
        ("fractal", &[("cantor", 1.0), ("previous", 0.0)], 432, Never),
        ("fractal", &[("cantor", 1.0)], 495, Layers(3)),
        ("strided", &[("stride", 8.0)], 708, Layers(2)),
        ("fixed", &[("stride", 8.0), ("columns", 1.0)], 512, Layers(2)),
        ("clock", &[("fastest", 4.0), ("previous", 0.0)], 592, Never),
        ("clock", &period_4, 639, Layers(4)),
        ("clock", &[("fastest", 4.0), ("previous", 0.0), ("relative", 1.0)], 544, Never),
        ("longformer", &[("window", 4.0), ("globals", 1.0)], 674, Layers(2)),
        ("random-blocks", &[("density", 1.0)], 4096, Layers(1)),
    ];
    for (id, changed, count, layers) in known {
        let found = grid(&mask(id, SQUARE, changed, &[]), SQUARE, 0);
        assert_eq!((pairs(&found), reach(&found)), (count, layers), "{id} {changed:?}");
    }
}
