//! Factor graphs over discrete variables: loopy belief propagation, noisy-OR in closed form, exact enumeration.

use super::messages;
use crate::{Error, Result};

/// Variables with a few states each and the factors that couple them.
///
/// A table factor lists the weight of every joint state of its variables in C order (last variable fastest). A noisy-OR
/// factor is `P(child = 0 | parents) = (1 - leak) Π (1 - pᵢ)^parentᵢ` over binary variables, without a table.
/// Clamped variables are evidence; they can be clamped and released between runs, as a counterfactual needs.
#[derive(Debug, Clone, Default)]
pub struct FactorGraph {
    pub(super) cards: Vec<usize>,
    pub(super) factors: Vec<Factor>,
    /// Variable of each edge, factor after factor.
    pub(super) edge_vars: Vec<u32>,
    /// Tables; of a noisy-OR `1 - leak`, then `1 - p` of each parent.
    pub(super) numbers: Vec<f64>,
    pub(super) clamped: Vec<Option<usize>>,
}

/// Where a factor's edges and numbers lie.
#[derive(Debug, Clone)]
pub(super) struct Factor {
    pub noisy_or: bool,
    pub edges: std::ops::Range<usize>,
    pub numbers: std::ops::Range<usize>,
}

/// How [`FactorGraph::loopy`] passes messages.
#[derive(Debug, Clone, PartialEq)]
pub struct LoopyParams {
    /// Share of the old message kept in factor → variable messages, in [0, 1). 0 on trees; .3 to .5 ends most oscillations.
    pub damping: f64,
    /// Rounds at most.
    pub max_iterations: usize,
    /// Stop when no message entry changes by more than this.
    pub tolerance: f64,
}

impl Default for LoopyParams {
    /// Damping .3, 60 rounds, 1e-6: starting values of the root-cause model, measured on its development data.
    fn default() -> Self {
        Self { damping: 0.3, max_iterations: 60, tolerance: 1e-6 }
    }
}

/// Probabilities of the states of every variable.
#[derive(Debug, Clone, PartialEq)]
pub struct Beliefs {
    pub(super) offsets: Vec<usize>,
    pub(super) values: Vec<f64>,
    /// Rounds made; 0 of an exact answer.
    pub iterations: usize,
    /// Largest change of a message in the last round; above the tolerance where the rounds ran out. 0 of an exact answer.
    pub change: f64,
    /// Logarithm of the summed weight of all states that agree with the evidence; only exact answers have it.
    pub ln_z: Option<f64>,
}

impl Beliefs {
    /// Probabilities of the states of `variable`; they sum to 1. Empty where there is no such variable.
    #[must_use]
    pub fn of(&self, variable: usize) -> &[f64] {
        match (self.offsets.get(variable), self.offsets.get(variable + 1)) {
            (Some(&start), Some(&end)) => &self.values[start..end],
            _ => &[],
        }
    }

    /// Count of variables.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// No variables.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl FactorGraph {
    /// Variables with `cards[i]` states, no factors. Errors: a variable without states, more than 2³² variables.
    pub fn new(cards: &[usize]) -> Result<Self> {
        let least = cards.iter().copied().min().unwrap_or(1);
        Error::parameter(least > 0, "states of a variable", least as f64, "at least 1")?;
        Error::parameter(u32::try_from(cards.len()).is_ok(), "variables", cards.len() as f64, "below 2^32")?;
        Ok(Self { cards: cards.to_vec(), clamped: vec![None; cards.len()], ..Self::default() })
    }

    /// `n` binary variables.
    pub fn binary(n: usize) -> Result<Self> {
        Self::new(&vec![2; n])
    }

    /// A factor by its table. Errors: an unknown or repeated variable, a table of another size than the product of the
    /// variables' states, a negative or non-finite weight.
    pub fn add_table(&mut self, variables: &[u32], table: &[f64]) -> Result<()> {
        self.distinct(variables)?;
        let size = variables.iter().fold(1usize, |s, &v| s.saturating_mul(self.cards[v as usize]));
        Error::same_length("factor table", table.len(), size)?;
        Error::all_finite("factor table", table)?;
        let least = table.iter().copied().fold(0.0, f64::min);
        Error::parameter(least >= 0.0, "factor weight", least, "at least 0")?;
        self.add(variables, table.iter().copied(), false);
        Ok(())
    }

    /// `child` is on unless its leak and every parent that is on fail to switch it: parent `(variable, p)` does so with
    /// probability `p`. Errors: a variable that is unknown, repeated or not binary; a probability outside [0, 1].
    pub fn add_noisy_or(&mut self, child: u32, parents: &[(u32, f64)], leak: f64) -> Result<()> {
        let variables: Vec<u32> = std::iter::once(child).chain(parents.iter().map(|p| p.0)).collect();
        self.distinct(&variables)?;
        for &v in &variables {
            let card = self.cards[v as usize];
            Error::parameter(card == 2, "states of a noisy-OR variable", card as f64, "2")?;
        }
        let strengths = std::iter::once(leak).chain(parents.iter().map(|p| p.1));
        for p in strengths.clone() {
            Error::parameter((0.0..=1.0).contains(&p), "noisy-OR probability", p, "in [0, 1]")?;
        }
        self.add(&variables, strengths.map(|p| 1.0 - p), true);
        Ok(())
    }

    /// Holds `variable` at `state`, or releases it. Errors: no such variable or state.
    pub fn clamp(&mut self, variable: u32, state: Option<usize>) -> Result<()> {
        self.known(variable)?;
        let card = self.cards[variable as usize];
        if let Some(s) = state {
            Error::parameter(s < card, "state", s as f64, "a state of the variable")?;
        }
        self.clamped[variable as usize] = state;
        Ok(())
    }

    /// Count of variables.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cards.len()
    }

    /// No variables.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cards.is_empty()
    }

    /// Sum-product by flooding: all variable → factor messages from the last factor → variable messages, then all back;
    /// every message sums to 1 (an all-zero one becomes uniform); damping in the probability domain on factor → variable
    /// messages; uniform start; ends when the largest change is at most the tolerance (a negative one: after all rounds).
    ///
    /// Exact on trees with damping 0 and as many rounds as the diameter; otherwise an approximation (Pearl 1988; Murphy,
    /// Weiss and Jordan 1999). O(table entries) a round, O(parents) of a noisy-OR. Contradictory evidence gives uniform
    /// beliefs where it meets. Errors: parameters out of range.
    pub fn loopy(&self, params: &LoopyParams) -> Result<Beliefs> {
        Error::parameter((0.0..1.0).contains(&params.damping), "damping", params.damping, "at least 0 and below 1")?;
        Error::parameter(!params.tolerance.is_nan(), "tolerance", params.tolerance, "a number")?;
        Ok(messages::run(self, params))
    }

    /// Exact probabilities by walking all joint states of the free variables, with zero-weight branches cut.
    ///
    /// Errors: more than `max_states` joint states (2²⁰ take about 30 ms), or no state that agrees with the evidence.
    pub fn exact(&self, max_states: usize) -> Result<Beliefs> {
        let free = self.cards.iter().zip(&self.clamped).filter(|(_, c)| c.is_none());
        let states = free.fold(1usize, |s, (&card, _)| s.saturating_mul(card));
        Error::parameter(states <= max_states, "joint states", states as f64, "at most max_states")?;
        Enumeration::new(self).run()
    }

    pub(super) fn card(&self, edge: usize) -> usize {
        self.cards[self.edge_vars[edge] as usize]
    }

    /// First state of every variable in a flat array, and the end.
    pub(super) fn state_offsets(&self) -> Vec<usize> {
        let mut at = 0;
        let ends = self.cards.iter().map(|card| {
            at += card;
            at
        });
        std::iter::once(0).chain(ends).collect()
    }

    fn add(&mut self, variables: &[u32], numbers: impl Iterator<Item = f64>, noisy_or: bool) {
        let (edge, number) = (self.edge_vars.len(), self.numbers.len());
        self.edge_vars.extend_from_slice(variables);
        self.numbers.extend(numbers);
        self.factors.push(Factor { noisy_or, edges: edge..self.edge_vars.len(), numbers: number..self.numbers.len() });
    }

    fn known(&self, variable: u32) -> Result<()> {
        let ok = (variable as usize) < self.cards.len();
        Error::parameter(ok, "variable", f64::from(variable), "a variable of the graph")
    }

    fn distinct(&self, variables: &[u32]) -> Result<()> {
        let mut sorted = variables.to_vec();
        sorted.sort_unstable();
        for v in &sorted {
            self.known(*v)?;
        }
        match sorted.windows(2).find(|w| w[0] == w[1]) {
            Some(w) => {
                Err(Error::Parameter { name: "variable", value: f64::from(w[0]), expected: "named once in a factor" })
            }
            None => Ok(()),
        }
    }

    /// Weight of a factor at a joint state, divided by `scale`.
    fn weight(&self, factor: &Factor, state: &[usize], scale: f64) -> f64 {
        let variables = &self.edge_vars[factor.edges.clone()];
        let numbers = &self.numbers[factor.numbers.clone()];
        if !factor.noisy_or {
            let index = variables.iter().fold(0, |i, &v| i * self.cards[v as usize] + state[v as usize]);
            return numbers[index] / scale;
        }
        let parents = variables.iter().zip(numbers).skip(1);
        let off = parents.filter(|(v, _)| state[**v as usize] == 1).fold(numbers[0], |p, (_, keep)| p * keep);
        if state[variables[0] as usize] == 0 { off } else { 1.0 - off }
    }
}

/// Walks all joint states; a factor is multiplied in as soon as its last variable is set.
struct Enumeration<'a> {
    graph: &'a FactorGraph,
    /// Factors by their highest variable.
    due: Vec<Vec<usize>>,
    /// Largest weight of each factor: divided out, so that many small weights do not underflow.
    scales: Vec<f64>,
    state: Vec<usize>,
    offsets: Vec<usize>,
    sums: Vec<f64>,
}

impl<'a> Enumeration<'a> {
    fn new(graph: &'a FactorGraph) -> Self {
        let mut due = vec![Vec::new(); graph.len()];
        let mut scales = Vec::with_capacity(graph.factors.len());
        for (i, factor) in graph.factors.iter().enumerate() {
            let numbers = &graph.numbers[factor.numbers.clone()];
            let largest = numbers.iter().copied().fold(0.0, f64::max);
            scales.push(if factor.noisy_or || largest <= 0.0 { 1.0 } else { largest });
            if let Some(&last) = graph.edge_vars[factor.edges.clone()].iter().max() {
                due[last as usize].push(i);
            }
        }
        let offsets = graph.state_offsets();
        let sums = vec![0.0; offsets[graph.len()]];
        Self { graph, due, scales, state: vec![0; graph.len()], offsets, sums }
    }

    fn run(mut self) -> Result<Beliefs> {
        let mut constants = self.graph.factors.iter().filter(|f| f.edges.is_empty());
        let z = if constants.any(|f| self.graph.numbers[f.numbers.start] == 0.0) { 0.0 } else { self.walk() };
        if z <= 0.0 {
            return Err(Error::Parameter {
                name: "factors and evidence",
                value: 0.0,
                expected: "to leave a state with positive weight",
            });
        }
        self.sums.iter_mut().for_each(|s| *s /= z);
        let ln_z = Some(z.ln() + self.scales.iter().map(|s| s.ln()).sum::<f64>());
        Ok(Beliefs { offsets: self.offsets, values: self.sums, iterations: 0, change: 0.0, ln_z })
    }

    /// Depth-first over variables without recursion; returns the summed weight.
    fn walk(&mut self) -> f64 {
        let n = self.graph.len();
        let mut weights = vec![1.0; n + 1];
        let mut inner = vec![0.0; n + 1];
        let mut at = 0;
        let mut entering = true;
        if n == 0 {
            return 1.0;
        }
        loop {
            let clamp = self.graph.clamped[at];
            if entering {
                self.state[at] = clamp.unwrap_or(0);
                inner[at] = 0.0;
            }
            let past = if entering { false } else { clamp.is_some() || self.state[at] + 1 >= self.graph.cards[at] };
            if past {
                if at == 0 {
                    return inner[0];
                }
                let sum = inner[at];
                at -= 1;
                self.credit(at, sum, &mut inner);
                entering = false;
                continue;
            }
            if !entering {
                self.state[at] += 1;
            }
            let factors = self.due[at].iter();
            weights[at + 1] = factors
                .fold(weights[at], |w, &f| w * self.graph.weight(&self.graph.factors[f], &self.state, self.scales[f]));
            entering = weights[at + 1] > 0.0 && at + 1 < n;
            if entering {
                at += 1;
            } else if weights[at + 1] > 0.0 {
                self.credit(at, weights[at + 1], &mut inner);
            }
        }
    }

    /// Books the weight below the present state of variable `at`.
    fn credit(&mut self, at: usize, sum: f64, inner: &mut [f64]) {
        self.sums[self.offsets[at] + self.state[at]] += sum;
        inner[at] += sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact_beside_loopy(graph: &FactorGraph) -> (Beliefs, Beliefs) {
        let params = LoopyParams { damping: 0.0, max_iterations: 100, tolerance: 1e-15 };
        (graph.exact(1 << 20).unwrap(), graph.loopy(&params).unwrap())
    }

    #[test]
    fn closed_form_noisy_or_equals_its_table() {
        let strengths = [0.9, 0.0, 1.0, 0.35];
        let leak = 0.02;
        let (mut closed, mut tabled) = (FactorGraph::binary(6).unwrap(), FactorGraph::binary(6).unwrap());
        let parents: Vec<(u32, f64)> = strengths.iter().enumerate().map(|(i, p)| (i as u32 + 1, *p)).collect();
        closed.add_noisy_or(0, &parents, leak).unwrap();
        let mut table = Vec::new();
        for bits in 0..16usize {
            let on = (0..4).filter(|i| bits >> (3 - i) & 1 == 1);
            let off = on.fold(1.0 - leak, |p, i| p * (1.0 - strengths[i]));
            table.extend([off, 1.0 - off]);
        }
        tabled.add_table(&[1, 2, 3, 4, 0], &table).unwrap();
        for g in [&mut closed, &mut tabled] {
            for v in 1..5 {
                g.add_table(&[v], &[0.9, 0.1]).unwrap();
            }
            g.add_table(&[0, 5], &[0.7, 0.3, 0.2, 0.8]).unwrap();
            g.clamp(5, Some(1)).unwrap();
        }
        for ((ea, la), name) in [(exact_beside_loopy(&closed), "closed"), (exact_beside_loopy(&tabled), "table")] {
            for v in 0..6 {
                for (a, b) in ea.of(v).iter().zip(la.of(v)) {
                    assert!((a - b).abs() < 1e-14, "{name} {v}: {a} {b}");
                }
            }
        }
        let (a, b) = (closed.exact(64).unwrap(), tabled.exact(64).unwrap());
        assert!((0..6).all(|v| (a.of(v)[1] - b.of(v)[1]).abs() < 1e-15));
        assert!((a.ln_z.unwrap() - b.ln_z.unwrap()).abs() < 1e-14);
    }

    #[test]
    fn clamping_a_cause_off_takes_its_effect_away() {
        let mut g = FactorGraph::binary(2).unwrap();
        g.add_table(&[0], &[0.5, 0.5]).unwrap();
        g.add_noisy_or(1, &[(0, 0.9)], 0.01).unwrap();
        let before = g.exact(4).unwrap().of(1)[1];
        g.clamp(0, Some(0)).unwrap();
        let after = g.exact(4).unwrap().of(1)[1];
        assert!(before > 0.4 && (after - 0.01).abs() < 1e-15, "{before} {after}");
        g.clamp(0, None).unwrap();
        assert_eq!(g.exact(4).unwrap().of(1)[1], before);
    }

    #[test]
    fn many_weak_messages_do_not_underflow() {
        let mut g = FactorGraph::binary(1).unwrap();
        for _ in 0..2000 {
            g.add_table(&[0], &[1e-9, 1.000_001e-9]).unwrap();
        }
        let (exact, loopy) = exact_beside_loopy(&g);
        let want = 1.0 / (1.0 + 1.000_001f64.powi(2000));
        assert!((exact.of(0)[0] - want).abs() < 1e-10 && (loopy.of(0)[0] - want).abs() < 1e-10);
    }

    #[test]
    fn degenerate_input() {
        let params = LoopyParams::default();
        assert!(FactorGraph::new(&[2, 0]).is_err());
        let empty = FactorGraph::new(&[]).unwrap();
        assert!(empty.loopy(&params).unwrap().is_empty() && empty.exact(1).unwrap().is_empty());
        let mut g = FactorGraph::new(&[2, 3, 1]).unwrap();
        assert!(g.add_table(&[0, 0], &[1.0; 4]).is_err());
        assert!(g.add_table(&[0, 1], &[1.0; 5]).is_err());
        assert!(g.add_table(&[7], &[1.0]).is_err());
        assert!(g.add_table(&[0], &[1.0, -1.0]).is_err());
        assert!(g.add_table(&[0], &[f64::NAN, 1.0]).is_err());
        assert!(g.add_noisy_or(0, &[(1, 0.5)], 0.0).is_err());
        assert!(g.add_noisy_or(0, &[], 1.5).is_err());
        assert!(g.clamp(0, Some(2)).is_err() && g.clamp(9, None).is_err());
        assert!(g.loopy(&LoopyParams { damping: 1.0, ..params.clone() }).is_err());
        assert!(g.exact(5).is_err());
        g.add_table(&[0], &[0.0, 1e-320]).unwrap();
        g.add_table(&[0, 2, 1], &[f64::MAX, 1.0, 0.0, f64::MAX, f64::MAX, 0.0]).unwrap();
        let beliefs = g.loopy(&params).unwrap();
        assert!((0..3).all(|v| (beliefs.of(v).iter().sum::<f64>() - 1.0).abs() < 1e-12));
        assert!(beliefs.of(3).is_empty());
        // contradiction: no state is possible
        g.add_table(&[0], &[1.0, 0.0]).unwrap();
        assert!(g.exact(100).is_err());
        assert_eq!(g.loopy(&params).unwrap().of(0).len(), 2);
    }
}
