//! The choice of a layer: made on one half of the pairs, and reported on the other.

use super::measure::{Column, Units, Work};
use super::report::{Choice, Way};
use rand::Rng;
use rand::seq::SliceRandom;
use std::collections::{BTreeMap, BTreeSet};
use stratoscope_numerics::{Estimate, RESAMPLES, generator, largest};

/// The fewest pairs or queries of a half: fewer say nothing about the choice.
pub const MIN_HALF: usize = 20;

/// `[units]`: whether each unit is in the half on which the choice is made. Units of one group stay
/// together.
fn halves(groups: &[usize], seed: u64) -> Vec<bool> {
    let mut sizes: BTreeMap<usize, usize> = BTreeMap::new();
    groups.iter().for_each(|group| *sizes.entry(*group).or_default() += 1);
    let mut order: Vec<(usize, usize)> = sizes.into_iter().collect();
    order.shuffle(&mut generator(seed));
    let (mut chosen, mut taken) = (BTreeSet::new(), 0);
    for (group, size) in order {
        // A large group goes where it makes the halves less unequal.
        if 2 * taken + size <= groups.len() {
            chosen.insert(group);
            taken += size;
        }
    }
    groups.iter().map(|group| chosen.contains(group)).collect()
}

/// Chooses the best of the columns on one half of the units, and compares it with the best column of the
/// last layer on the other half. None for too few units.
pub(super) fn choose(
    units: &Units,
    columns: &[(Way, Column)],
    groups: &[usize],
    seed: u64,
) -> Option<Choice> {
    let chosen_on = halves(groups, seed);
    let count = |of: bool| chosen_on.iter().filter(|half| **half == of).count();
    let (made, reported) = (count(true), count(false));
    if made.min(reported) < MIN_HALF {
        return None;
    }
    let work = &mut Work::default();
    let half: Vec<u32> = chosen_on.iter().map(|&of| u32::from(of)).collect();
    let scores: Vec<f64> = columns
        .iter()
        .map(|(_, column)| units.score(column, &half, work).unwrap_or(f64::NEG_INFINITY))
        .collect();
    let last = columns.iter().map(|(way, _)| way.layer).max()?;
    let best = largest(scores.iter().copied())?;
    let of_last = columns.iter().zip(&scores);
    let of_last = of_last.map(|((way, _), score)| match way.layer == last {
        true => *score,
        false => f64::NEG_INFINITY,
    });
    let baseline = largest(of_last)?;
    // The other half, and resamples of it.
    let others: Vec<usize> = (0..groups.len()).filter(|&unit| !chosen_on[unit]).collect();
    let mut both = |counts: &[u32]| {
        let mut score = |place: usize| units.score(&columns[place].1, counts, work);
        Some([score(best)?, score(baseline)?])
    };
    let whole: Vec<u32> = chosen_on.iter().map(|&of| u32::from(!of)).collect();
    let [of_best, of_last] = both(&whole)?;
    let (mut bests, mut lasts, mut gains) = (Vec::new(), Vec::new(), Vec::new());
    let mut rng = generator(seed.wrapping_add(1));
    let mut counts = vec![0u32; groups.len()];
    for _ in 0..RESAMPLES {
        counts.fill(0);
        for _ in 0..others.len() {
            counts[others[rng.gen_range(0..others.len())]] += 1;
        }
        if let Some([a, b]) = both(&counts) {
            bests.push(a);
            lasts.push(b);
            gains.push(a - b);
        }
    }
    Some(Choice {
        chosen: columns[best].0,
        last: columns[baseline].0,
        chosen_on: made,
        reported_on: reported,
        score: Estimate::of_samples(of_best, reported, bests),
        score_of_last: Estimate::of_samples(of_last, reported, lasts),
        gain: Estimate::of_samples(of_best - of_last, reported, gains),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use stratoscope_geometry::Metric;
    use stratoscope_loader::Pooling;
    use stratoscope_numerics::Ranked;

    #[test]
    fn halves_keep_groups_together_and_are_about_equal() {
        let groups: Vec<usize> = (0..101).map(|unit| if unit < 30 { 0 } else { unit }).collect();
        for seed in 0..5 {
            let half = halves(&groups, seed);
            assert!(half[..30].iter().all(|of| *of == half[0]));
            let size = half.iter().filter(|of| **of).count();
            assert!((36..=66).contains(&size), "{size}");
            assert_eq!(half, halves(&groups, seed));
        }
    }

    /// The best of many random columns looks good on the half that chose it, and is worth nothing on the
    /// other.
    #[test]
    fn a_choice_among_noise_is_worth_nothing() {
        const RUNS: u64 = 60;
        let groups: Vec<usize> = (0..60).collect();
        let (mut scores, mut gains, mut beyond) = (0.0, 0.0, 0);
        for seed in 0..RUNS {
            let mut rng = generator(1000 + seed);
            let mut noise = || -> Ranked {
                Ranked::new(&(0..60).map(|_| rng.gen_range(-1.0..1.0)).collect::<Vec<f64>>())
            };
            let units = Units::Scored(noise());
            let way = |layer| Way { layer, pooling: Pooling::Mean, metric: Metric::Cosine };
            let columns: Vec<(Way, Column)> =
                (0..20).map(|layer| (way(layer), Column::Similarities(noise()))).collect();
            let choice = choose(&units, &columns, &groups, seed).unwrap();
            scores += choice.score.value / RUNS as f64;
            gains += choice.gain.value / RUNS as f64;
            let [low, high] = choice.gain.interval.unwrap();
            beyond += usize::from(low > 0.0 || high < 0.0);
        }
        assert!(scores.abs() < 0.08 && gains.abs() < 0.1, "{scores} {gains}");
        assert!(beyond <= 9, "{beyond} of {RUNS}");
    }
}
