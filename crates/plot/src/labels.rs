//! Places labels beside points so that none covers another label, a marker or a leader line.

/// A rectangle: left, top, right, bottom, in pt, y down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rect {
    pub(crate) x0: f64,
    pub(crate) y0: f64,
    pub(crate) x1: f64,
    pub(crate) y1: f64,
}

impl Rect {
    pub(crate) fn new(x0: f64, y0: f64, width: f64, height: f64) -> Self {
        Self { x0, y0, x1: x0 + width, y1: y0 + height }
    }

    pub(crate) fn width(self) -> f64 {
        self.x1 - self.x0
    }

    pub(crate) fn height(self) -> f64 {
        self.y1 - self.y0
    }

    pub(crate) fn overlaps(self, other: Self) -> bool {
        self.x0 < other.x1 && other.x0 < self.x1 && self.y0 < other.y1 && other.y0 < self.y1
    }

    fn within(self, outer: Self) -> bool {
        self.x0 >= outer.x0 && self.x1 <= outer.x1 && self.y0 >= outer.y0 && self.y1 <= outer.y1
    }

    fn contains(self, (x, y): Point) -> bool {
        x > self.x0 && x < self.x1 && y > self.y0 && y < self.y1
    }

    fn grown(self, by: f64) -> Self {
        Self { x0: self.x0 - by, y0: self.y0 - by, x1: self.x1 + by, y1: self.y1 + by }
    }

    /// Whether the segment from `a` to `b` passes through (Liang & Barsky 1984).
    pub(crate) fn crossed_by(self, a: Point, b: Point) -> bool {
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let (mut from, mut to) = (0.0f64, 1.0f64);
        let edges =
            [(-dx, a.0 - self.x0), (dx, self.x1 - a.0), (-dy, a.1 - self.y0), (dy, self.y1 - a.1)];
        for (step, room) in edges {
            if step == 0.0 {
                if room <= 0.0 {
                    return false;
                }
            } else if step < 0.0 {
                from = from.max(room / step);
            } else {
                to = to.min(room / step);
            }
        }
        from < to
    }

    fn distance(self, point: Point) -> f64 {
        let (x, y) = self.nearest(point);
        ((x - point.0) * (x - point.0) + (y - point.1) * (y - point.1)).sqrt()
    }

    fn nearest(self, (x, y): Point) -> Point {
        (x.clamp(self.x0, self.x1), y.clamp(self.y0, self.y1))
    }
}

type Point = (f64, f64);

/// A label to be placed.
pub(crate) struct Wanted {
    /// The point it names.
    pub(crate) at: Point,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

/// The place of a label.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Placed {
    pub(crate) rect: Rect,
    /// A line from the point to the label, where they are not side by side.
    pub(crate) leader: Option<(Point, Point)>,
}

/// What labels must not cover.
pub(crate) struct Ground<'a> {
    /// Labels stay inside.
    pub(crate) bounds: Rect,
    /// Radius of the markers at the wanted points, in pt.
    pub(crate) marker: f64,
    /// Points that a label should not cover if possible (trails).
    pub(crate) soft: &'a [Point],
}

/// Unit vectors in the order in which places are tried: right first, as readers expect.
const DIRECTIONS: [Point; 16] = [
    (1.0, 0.0),
    (0.924, -0.383),
    (0.924, 0.383),
    (0.707, -0.707),
    (0.707, 0.707),
    (-1.0, 0.0),
    (0.0, -1.0),
    (0.0, 1.0),
    (-0.924, -0.383),
    (-0.924, 0.383),
    (-0.707, -0.707),
    (-0.707, 0.707),
    (0.383, -0.924),
    (0.383, 0.924),
    (-0.383, -0.924),
    (-0.383, 0.924),
];
const DISTANCES: [f64; 8] = [1.5, 6.0, 13.0, 22.0, 34.0, 50.0, 70.0, 95.0];
const CROWD: usize = 400;
/// Farther than this from its point, a label has a leader line.
const LEADER_FROM: f64 = 4.0;

/// Places labels greedily in their order: each takes the free place of least cost, or none.
///
/// Labels of one call never overlap each other, a marker, or a leader line.
pub(crate) fn place(wanted: &[Wanted], ground: &Ground) -> Vec<Option<Placed>> {
    let mut placed: Vec<Option<Placed>> = Vec::with_capacity(wanted.len());
    // In a crowd only near places are tried: far ones would not be found by the eye either.
    let tried = if wanted.len() > CROWD { 3 } else { DISTANCES.len() };
    for label in wanted {
        let mut best: Option<(f64, Placed)> = None;
        for &distance in DISTANCES.iter().take(tried) {
            for (rank, &direction) in DIRECTIONS.iter().enumerate() {
                let candidate = candidate(label, ground.marker, distance, direction);
                let base = distance + 0.1 * rank as f64;
                if best.as_ref().is_some_and(|(cost, _)| *cost <= base)
                    || !free(&candidate, wanted, &placed, ground)
                {
                    continue;
                }
                let covered = ground.soft.iter().filter(|&&p| candidate.rect.contains(p)).count();
                let passed = candidate.leader.map_or(0, |line| passes(line, wanted, ground.marker));
                let cost = base + 4.0 * (covered.min(10) + 2 * passed.min(5)) as f64;
                if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                    best = Some((cost, candidate));
                }
            }
        }
        placed.push(best.map(|(_, candidate)| candidate));
    }
    placed
}

fn candidate(label: &Wanted, marker: f64, distance: f64, (ux, uy): Point) -> Placed {
    let away = marker + distance;
    let (cx, cy) = (label.at.0 + ux * away, label.at.1 + uy * away);
    // A label wholly beside or above its point on the sides that the direction points to.
    let side = |u: f64| if u.abs() > 0.7 { u.signum() } else { u };
    let x0 = cx + label.width * (side(ux) - 1.0) / 2.0;
    let y0 = cy + label.height * (side(uy) - 1.0) / 2.0;
    let rect = Rect::new(x0, y0, label.width, label.height);
    let end = rect.nearest(label.at);
    Placed { rect, leader: (distance > LEADER_FROM).then_some((label.at, end)) }
}

/// The number of other markers that a leader line crosses.
fn passes((from, to): (Point, Point), wanted: &[Wanted], marker: f64) -> usize {
    let hit = |w: &&Wanted| {
        w.at != from && Rect::new(w.at.0, w.at.1, 0.0, 0.0).grown(0.7 * marker).crossed_by(from, to)
    };
    wanted.iter().filter(hit).count()
}

fn free(candidate: &Placed, wanted: &[Wanted], placed: &[Option<Placed>], ground: &Ground) -> bool {
    if !candidate.rect.within(ground.bounds) {
        return false;
    }
    if wanted.iter().any(|w| candidate.rect.distance(w.at) < ground.marker) {
        return false;
    }
    placed.iter().flatten().all(|other| {
        !candidate.rect.grown(0.6).overlaps(other.rect)
            && other.leader.is_none_or(|(a, b)| !candidate.rect.crossed_by(a, b))
            && candidate.leader.is_none_or(|(a, b)| !other.rect.crossed_by(a, b))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Rect = Rect { x0: 0.0, y0: 0.0, x1: 300.0, y1: 200.0 };

    fn check(points: &[Point], width: f64) -> usize {
        let wanted: Vec<Wanted> =
            points.iter().map(|&at| Wanted { at, width, height: 8.0 }).collect();
        let ground = Ground { bounds: BOUNDS, marker: 2.5, soft: points };
        let placed = place(&wanted, &ground);
        assert_eq!(placed.len(), points.len());
        let labels: Vec<Placed> = placed.into_iter().flatten().collect();
        for (i, a) in labels.iter().enumerate() {
            assert!(a.rect.within(BOUNDS), "{a:?}");
            for b in labels.iter().skip(i + 1) {
                assert!(!a.rect.overlaps(b.rect), "{a:?} {b:?}");
                for (rect, leader) in [(a.rect, b.leader), (b.rect, a.leader)] {
                    assert!(leader.is_none_or(|(p, q)| !rect.crossed_by(p, q)), "{a:?} {b:?}");
                }
            }
            for &p in points {
                assert!(a.rect.distance(p) >= 2.5, "{a:?} covers the marker at {p:?}");
            }
        }
        labels.len()
    }

    /// Evenly filling, repeatable points (the R2 sequence, Roberts 2018).
    fn spread(n: usize) -> Vec<Point> {
        (1..=n)
            .map(|i| {
                let i = i as f64;
                ((i * 0.754_877_666).fract() * 300.0, (i * 0.569_840_290).fract() * 200.0)
            })
            .collect()
    }

    #[test]
    fn few_labels_all_fit_side_by_side() {
        assert_eq!(check(&spread(20), 25.0), 20);
    }

    #[test]
    fn many_labels_fit_in_part_without_overlap() {
        let shown = check(&spread(200), 30.0);
        assert!((40..200).contains(&shown), "{shown}");
    }

    #[test]
    fn identical_points_fan_out() {
        let shown = check(&[(150.0, 100.0); 12], 20.0);
        assert!(shown >= 6, "{shown}");
    }

    #[test]
    fn a_label_wider_than_the_ground_is_left_out() {
        assert_eq!(check(&[(10.0, 10.0)], 400.0), 0);
    }
}
