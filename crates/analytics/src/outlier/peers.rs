//! Replicas against each other: which of the pods of one workload behaves unlike the rest.
//!
//! Replicas behind one load balancer share load, release and time of day, so what moves all of them cancels, and no
//! training is needed: the comparison holds from the first minute, over rollouts and over load never seen. It is blind to
//! what hits all replicas, and where replicas have roles (leader, shard owner) the odd one may be right.
//!
//! Two views: [`disagreement`] at each moment, the distance to the median of the peers in median absolute deviations;
//! [`groups`] over a window, DBSCAN (Ester, Kriegel, Sander, Xu 1996) on the distances between replicas' courses.

use super::order::median_of;
use crate::linalg::norm;
use crate::stats::order::MAD_TO_DEVIATION;
use crate::{Error, Matrix, Result};

/// Settings of [`disagreement`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peers {
    /// Fewest present replicas for a comparison. Of two nobody can say who is wrong; with three one outlier has two
    /// witnesses.
    pub least: usize,
    /// Floor of the spread as a share of the peers' median: replicas that agree to 0.1 % have no spread, and 1 % off would
    /// be 10 deviations. 0.05: load balancers do not share more evenly than to some per cent (starting value).
    pub relative_floor: f64,
    /// Floor of the spread in units of the metric. 0 where unknown.
    pub floor: f64,
}

impl Default for Peers {
    fn default() -> Self {
        Self { least: 3, relative_floor: 0.05, floor: 0.0 }
    }
}

/// How far each replica is from its peers, moments × replicas in and out: (x − median of the others) / max(1.4826 · MAD of
/// the others, floors), with its sign; beyond ±3.5 is the usual limit. The others rather than all: among three replicas the
/// odd one would widen its own band. NaN (absent) is left out and stays NaN; a moment with fewer than `least` replicas is
/// NaN; where all floors are 0 and the others are equal, a difference is infinite and equality 0. O(moments · replicas²).
/// Errors on a negative floor or `least` below 3.
pub fn disagreement(series: &Matrix, settings: &Peers) -> Result<Matrix> {
    Error::parameter(settings.least >= 3, "least", settings.least as f64, "3 or more")?;
    Error::parameter(settings.relative_floor >= 0.0, "relative_floor", settings.relative_floor, "0 or more")?;
    Error::parameter(settings.floor >= 0.0, "floor", settings.floor, "0 or more")?;
    let mut out = Matrix::zeros(series.rows(), series.cols());
    let mut others = Vec::with_capacity(series.cols());
    for t in 0..series.rows() {
        let row = series.row(t);
        let present = row.iter().filter(|v| v.is_finite()).count();
        for (j, x) in row.iter().enumerate() {
            out[(t, j)] = if present < settings.least || !x.is_finite() {
                f64::NAN
            } else {
                others.clear();
                others.extend(row.iter().enumerate().filter(|(k, v)| *k != j && v.is_finite()).map(|(_, v)| *v));
                apart(*x, &mut others, settings)
            };
        }
    }
    Ok(out)
}

/// One score a replica for the whole window: the median over time of |[`disagreement`]|, so that a moment out of step does
/// not count and a lasting difference does. NaN where a replica was never comparable.
pub fn disagreement_scores(series: &Matrix, settings: &Peers) -> Result<Vec<f64>> {
    let apart = disagreement(series, settings)?;
    let mut buffer = Vec::with_capacity(apart.rows());
    Ok((0..apart.cols())
        .map(|j| {
            buffer.clear();
            buffer.extend((0..apart.rows()).map(|t| apart[(t, j)].abs()));
            median_of(&mut buffer)
        })
        .collect())
}

/// Settings of [`groups`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Groups {
    /// Replicas at most this far apart are neighbours, in spreads: the distance is the root mean square difference in
    /// units of the window's typical spread between peers, so two ordinary replicas are about √2 apart. 3 (starting value).
    pub reach: f64,
    /// Neighbours, itself included, that make a replica the core of a group. `None`: more than half of the replicas; then
    /// there is at most one group, the majority.
    pub core: Option<usize>,
    /// Floors of the spread, as in [`Peers`].
    pub floors: Peers,
}

impl Default for Groups {
    fn default() -> Self {
        Self { reach: 3.0, core: None, floors: Peers::default() }
    }
}

/// The group of each replica over a window (moments × replicas), `None` for those that belong to none: the outliers. Groups
/// are numbered by their first replica. Moments at which either of two replicas is absent do not count for their distance;
/// a replica that shares no moment with others is an outlier. O(replicas² · moments). Errors on no replica, a negative or
/// NaN reach, or a core of 0.
pub fn groups(series: &Matrix, settings: &Groups) -> Result<Vec<Option<usize>>> {
    Error::at_least("replicas", 1, series.cols())?;
    Error::parameter(settings.reach >= 0.0, "reach", settings.reach, "0 or more")?;
    let core = settings.core.unwrap_or(series.cols() / 2 + 1);
    let unit = typical_spread(series, &settings.floors);
    let courses = series.transpose();
    let n = courses.rows();
    let mut distances = Matrix::zeros(n, n);
    for i in 0..n {
        for j in 0..i {
            let d = course_distance(courses.row(i), courses.row(j), unit);
            distances[(i, j)] = d;
            distances[(j, i)] = d;
        }
    }
    dbscan(&distances, settings.reach, core)
}

/// DBSCAN on a square matrix of distances: the group of each item, `None` for noise. Neighbours are at most `reach` apart, a
/// core has at least `core` of them, itself included; a border item joins the group that reaches it first, in order of
/// index, as in scikit-learn. NaN distances are far. O(n²). Errors where the matrix is not square or `core` is 0.
pub fn dbscan(distances: &Matrix, reach: f64, core: usize) -> Result<Vec<Option<usize>>> {
    Error::same_length("sides of a distance matrix", distances.rows(), distances.cols())?;
    Error::parameter(core > 0, "core", 0.0, "1 or more")?;
    let n = distances.rows();
    let near = |i: usize| (0..n).filter(move |j| *j == i || distances[(i, *j)] <= reach);
    let is_core: Vec<bool> = (0..n).map(|i| near(i).count() >= core).collect();
    let mut group = vec![None; n];
    let mut count = 0;
    for seed in 0..n {
        if group[seed].is_some() || !is_core[seed] {
            continue;
        }
        group[seed] = Some(count);
        let mut open = vec![seed];
        while let Some(i) = open.pop() {
            for j in near(i) {
                if group[j].is_none() {
                    group[j] = Some(count);
                    if is_core[j] {
                        open.push(j);
                    }
                }
            }
        }
        count += 1;
    }
    Ok(group)
}

fn apart(x: f64, others: &mut Vec<f64>, settings: &Peers) -> f64 {
    let centre = median_of(others);
    let difference = x - centre;
    others.iter_mut().for_each(|v| *v = (*v - centre).abs());
    let spread = MAD_TO_DEVIATION * median_of(others);
    let floored = spread.max(settings.relative_floor * centre.abs()).max(settings.floor);
    if difference == 0.0 { 0.0 } else { difference / floored }
}

/// Median over moments of the robust spread between the replicas present, with floors.
fn typical_spread(series: &Matrix, floors: &Peers) -> f64 {
    let mut buffer = Vec::with_capacity(series.cols());
    let mut spreads: Vec<f64> = Vec::with_capacity(series.rows());
    for row in series.iter_rows() {
        buffer.clear();
        buffer.extend(row.iter().filter(|v| v.is_finite()));
        let centre = median_of(&mut buffer);
        buffer.iter_mut().for_each(|v| *v = (*v - centre).abs());
        let spread = MAD_TO_DEVIATION * median_of(&mut buffer);
        if centre.is_finite() {
            spreads.push(spread.max(floors.relative_floor * centre.abs()).max(floors.floor));
        }
    }
    median_of(&mut spreads)
}

/// Root mean square difference over moments at which both are present, in units; NaN where there is none.
fn course_distance(a: &[f64], b: &[f64], unit: f64) -> f64 {
    let differences: Vec<f64> = a
        .iter()
        .zip(b)
        .map(|(x, y)| x - y)
        .filter(|d| d.is_finite())
        .map(|d| if d == 0.0 { 0.0 } else { d / unit })
        .collect();
    norm(&differences) / (differences.len() as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    /// Six replicas over 60 moments; the fourth has half more from moment 20 on.
    fn workload() -> Matrix {
        let mut r = Rng::new(8);
        let mut x = Matrix::zeros(60, 6);
        for t in 0..60 {
            let load = 100.0 + 50.0 * (t as f64 * 0.3).sin();
            for j in 0..6 {
                let fault = if j == 3 && t >= 20 { 1.5 } else { 1.0 };
                x[(t, j)] = load * fault * (1.0 + 0.03 * r.normal());
            }
        }
        x[(5, 1)] = f64::NAN;
        x
    }

    #[test]
    fn the_odd_replica_is_named_from_its_first_moment() {
        let x = workload();
        let apart = disagreement(&x, &Peers::default()).unwrap();
        let loud: Vec<(usize, usize)> =
            (0..60).flat_map(|t| (0..6).map(move |j| (t, j))).filter(|ij| apart[*ij].abs() > 3.5).collect();
        assert!(loud.contains(&(20, 3)) && loud.iter().all(|(t, j)| *j == 3 && *t >= 20), "{loud:?}");
        assert!(apart[(5, 1)].is_nan());
        let scores = disagreement_scores(&x, &Peers::default()).unwrap();
        assert!(scores[3] > 3.5 && scores.iter().enumerate().all(|(j, s)| j == 3 || *s < 2.0), "{scores:?}");
        let found = groups(&x, &Groups::default()).unwrap();
        assert_eq!(found, [Some(0), Some(0), Some(0), None, Some(0), Some(0)]);
    }

    #[test]
    fn replicas_that_agree_are_not_torn_apart() {
        let mut x = Matrix::zeros(30, 4);
        x.data_mut().fill(10.0);
        x[(7, 2)] = 10.3;
        let apart = disagreement(&x, &Peers::default()).unwrap();
        assert!(apart.data().iter().all(|d| d.abs() < 3.5));
        assert_eq!(groups(&x, &Groups::default()).unwrap(), [Some(0); 4]);
        let two = disagreement(&Matrix::zeros(2, 2), &Peers::default()).unwrap();
        assert!(two.data().iter().all(|d| d.is_nan()));
        assert_eq!(groups(&Matrix::zeros(0, 1), &Groups::default()).unwrap(), [Some(0)]);
        assert!(groups(&Matrix::zeros(4, 0), &Groups::default()).is_err());
        assert!(disagreement(&x, &Peers { least: 2, ..Peers::default() }).is_err());
        let bare = Peers { relative_floor: 0.0, ..Peers::default() };
        assert_eq!(disagreement(&x, &bare).unwrap()[(7, 2)], f64::INFINITY);
    }

    /// scikit-learn 1.9.1, `DBSCAN(eps=1.1, min_samples=3)` on 0, 1, 2, 3, 10, 11, 12, 30.
    #[test]
    fn dbscan_is_that_of_scikit_learn() {
        let at = [0.0, 1.0, 2.0, 3.0, 10.0, 11.0, 12.0, 30.0f64];
        let rows: Vec<Vec<f64>> = at.iter().map(|a| at.iter().map(|b| (a - b).abs()).collect()).collect();
        let found = dbscan(&Matrix::from_rows(&rows).unwrap(), 1.1, 3).unwrap();
        let (a, b) = (Some(0), Some(1));
        assert_eq!(found, [a, a, a, a, b, b, b, None]);
        assert!(dbscan(&Matrix::zeros(2, 3), 1.0, 1).is_err() && dbscan(&Matrix::zeros(2, 2), 1.0, 0).is_err());
    }
}
