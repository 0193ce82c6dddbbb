//! The message passing of [`super::belief`]: flat arrays, factor-major edges.

use super::belief::{Beliefs, Factor, FactorGraph, LoopyParams};

/// Below this a running product is rescaled, long before it could underflow.
const RESCALE: f64 = 1e-100;

/// Runs flooding belief propagation.
pub(super) fn run(graph: &FactorGraph, params: &LoopyParams) -> Beliefs {
    let mut flood = Flood::new(graph, params.damping);
    let (mut iterations, mut change) = (0, 0.0);
    while iterations < params.max_iterations {
        flood.variables_to_factors();
        change = flood.factors_to_variables();
        iterations += 1;
        if change <= params.tolerance {
            break;
        }
    }
    let offsets = graph.state_offsets();
    let mut values = vec![0.0; offsets[graph.len()]];
    for v in 0..graph.len() {
        flood.belief(v, &mut values[offsets[v]..offsets[v + 1]]);
    }
    Beliefs { offsets, values, iterations, change, ln_z: None }
}

struct Flood<'a> {
    graph: &'a FactorGraph,
    damping: f64,
    /// Start of the message of each edge; both directions share the layout.
    at: Vec<usize>,
    to_variable: Vec<f64>,
    to_factor: Vec<f64>,
    /// Edges of each variable, those to factors of it alone first: nobody reads what these are told.
    starts: Vec<usize>,
    /// Count of these.
    alone: Vec<u32>,
    edges: Vec<u32>,
    /// Normalised tables of factors with one variable: their message never changes.
    fixed: Vec<f64>,
    scratch: Scratch,
}

/// Buffers of one factor update.
#[derive(Default)]
struct Scratch {
    suffix: Vec<f64>,
    starts: Vec<usize>,
    prefix: Vec<f64>,
    wider: Vec<f64>,
    fresh: Vec<f64>,
    running: Vec<f64>,
}

impl<'a> Flood<'a> {
    fn new(graph: &'a FactorGraph, damping: f64) -> Self {
        let edge_count = graph.edge_vars.len();
        let mut at = Vec::with_capacity(edge_count);
        let mut starts = vec![0usize; graph.len() + 1];
        let mut total = 0;
        for &v in &graph.edge_vars {
            at.push(total);
            total += graph.cards[v as usize];
            starts[v as usize + 1] += 1;
        }
        for v in 0..graph.len() {
            starts[v + 1] += starts[v];
        }
        let mut slot = starts[..graph.len()].to_vec();
        let mut alone = vec![0u32; graph.len()];
        let mut edges = vec![0u32; edge_count];
        for single in [true, false] {
            for factor in graph.factors.iter().filter(|f| (f.edges.len() == 1) == single) {
                for e in factor.edges.clone() {
                    let v = graph.edge_vars[e] as usize;
                    edges[slot[v]] = e as u32;
                    slot[v] += 1;
                    alone[v] += u32::from(single);
                }
            }
        }
        let mut uniform = Vec::with_capacity(total);
        for &v in &graph.edge_vars {
            let card = graph.cards[v as usize];
            uniform.extend(std::iter::repeat_n(1.0 / card as f64, card));
        }
        let mut fixed = uniform.clone();
        for factor in graph.factors.iter().filter(|f| f.edges.len() == 1) {
            let start = at[factor.edges.start];
            let message = &mut fixed[start..start + graph.card(factor.edges.start)];
            let numbers = &graph.numbers[factor.numbers.clone()];
            if factor.noisy_or {
                message.copy_from_slice(&[numbers[0], 1.0 - numbers[0]]);
            } else {
                message.copy_from_slice(numbers);
            }
            normalise(message);
        }
        let to_factor = uniform.clone();
        let scratch = Scratch::default();
        Self { graph, damping, at, to_variable: uniform, to_factor, starts, alone, edges, fixed, scratch }
    }

    fn variables_to_factors(&mut self) {
        for v in 0..self.graph.len() {
            if self.graph.cards[v] == 2 {
                self.binary_variable(v);
            } else {
                self.variable(v);
            }
        }
    }

    /// Products of all incoming messages but one, by a pass from each end: no division, so zeros are harmless.
    fn binary_variable(&mut self, v: usize) {
        let edges = &self.edges[self.starts[v]..self.starts[v + 1]];
        let (mut a, mut b) = match self.graph.clamped[v] {
            None => (1.0, 1.0),
            Some(0) => (1.0, 0.0),
            Some(_) => (0.0, 1.0),
        };
        let (alone, shared) = edges.split_at(self.alone[v] as usize);
        for &e in alone {
            let start = self.at[e as usize];
            a *= self.to_variable[start];
            b *= self.to_variable[start + 1];
            if a + b < RESCALE && a + b > 0.0 {
                (a, b) = normal_pair(a, b);
            }
        }
        for &e in shared {
            let start = self.at[e as usize];
            self.to_factor[start] = a;
            self.to_factor[start + 1] = b;
            a *= self.to_variable[start];
            b *= self.to_variable[start + 1];
            if a + b < RESCALE && a + b > 0.0 {
                (a, b) = normal_pair(a, b);
            }
        }
        (a, b) = (1.0, 1.0);
        for &e in shared.iter().rev() {
            let start = self.at[e as usize];
            let message = (self.to_factor[start] * a, self.to_factor[start + 1] * b);
            (self.to_factor[start], self.to_factor[start + 1]) = normal_pair(message.0, message.1);
            a *= self.to_variable[start];
            b *= self.to_variable[start + 1];
            if a + b < RESCALE && a + b > 0.0 {
                (a, b) = normal_pair(a, b);
            }
        }
    }

    fn variable(&mut self, v: usize) {
        let card = self.graph.cards[v];
        let edges = &self.edges[self.starts[v]..self.starts[v + 1]];
        let running = &mut self.scratch.running;
        start_product(running, card, self.graph.clamped[v]);
        for &e in edges {
            let message = self.at[e as usize]..self.at[e as usize] + card;
            self.to_factor[message.clone()].copy_from_slice(running);
            multiply(running, &self.to_variable[message]);
        }
        start_product(running, card, None);
        for &e in edges.iter().rev() {
            let message = self.at[e as usize]..self.at[e as usize] + card;
            let out = &mut self.to_factor[message.clone()];
            out.iter_mut().zip(running.iter()).for_each(|(o, r)| *o *= r);
            normalise(out);
            multiply(running, &self.to_variable[message]);
        }
    }

    /// Returns the largest change of a message entry.
    fn factors_to_variables(&mut self) -> f64 {
        let mut change = 0.0f64;
        for factor in &self.graph.factors {
            let (Some(first), Some(last)) = (factor.edges.clone().next(), factor.edges.clone().last()) else {
                continue;
            };
            let start = self.at[first];
            let end = self.at[last] + self.graph.card(last);
            let old = &mut self.to_variable[start..end];
            if factor.edges.len() == 1 {
                change = change.max(settle(old, &self.fixed[start..end], self.damping));
                continue;
            }
            let incoming = &self.to_factor[start..end];
            let numbers = &self.graph.numbers[factor.numbers.clone()];
            let fresh = &mut self.scratch.fresh;
            fresh.clear();
            fresh.resize(end - start, 0.0);
            if factor.noisy_or {
                noisy_or(numbers, incoming, fresh);
            } else if all_binary(numbers.len(), factor.edges.len(), end - start) {
                binary_table(numbers, incoming, &mut self.scratch);
            } else {
                table(self.graph, factor, incoming, &mut self.scratch);
            }
            change = change.max(settle(old, &self.scratch.fresh, self.damping));
        }
        change
    }

    fn belief(&mut self, v: usize, out: &mut [f64]) {
        let running = &mut self.scratch.running;
        start_product(running, out.len(), self.graph.clamped[v]);
        for &e in &self.edges[self.starts[v]..self.starts[v + 1]] {
            let start = self.at[e as usize];
            multiply(running, &self.to_variable[start..start + out.len()]);
        }
        out.copy_from_slice(running);
        normalise(out);
    }
}

/// Closed form: with `keepᵢ = mᵢ(0) + qᵢ mᵢ(1)`, the child is off with `(1 - leak) Π keepᵢ`; a parent sees that product
/// without its own term. `numbers` and `incoming` are child first.
fn noisy_or(numbers: &[f64], incoming: &[f64], fresh: &mut [f64]) {
    let parents = numbers.len() - 1;
    let (child_off, child_on) = (incoming[0], incoming[1]);
    let mut off = numbers[0];
    for i in 1..=parents {
        fresh[2 * i] = off;
        off *= incoming[2 * i] + numbers[i] * incoming[2 * i + 1];
    }
    (fresh[0], fresh[1]) = normal_pair(off, 1.0 - off);
    let mut rest = 1.0;
    for i in (1..=parents).rev() {
        let others = fresh[2 * i] * rest;
        let on = others * numbers[i];
        let to_off = child_off * others + child_on * (1.0 - others);
        let to_on = child_off * on + child_on * (1.0 - on);
        (fresh[2 * i], fresh[2 * i + 1]) = normal_pair(to_off, to_on);
        rest *= incoming[2 * i] + numbers[i] * incoming[2 * i + 1];
    }
}

/// Whether all variables of a table have two states: of all with that sum, only equal counts have that product.
fn all_binary(entries: usize, arity: usize, states: usize) -> bool {
    states == 2 * arity && 1usize.checked_shl(arity as u32) == Some(entries)
}

/// [`table`] for binary variables: the same contraction in steps of two.
fn binary_table(numbers: &[f64], incoming: &[f64], scratch: &mut Scratch) {
    let arity = incoming.len() / 2;
    // suffix of step j starts at size - 2^(j+1): sizes 2^arity, .., 4, 2 lie one after the other
    let suffix = &mut scratch.suffix;
    suffix.clear();
    suffix.extend_from_slice(numbers);
    let mut from = 0;
    for j in (1..arity).rev() {
        let (a, b) = (incoming[2 * j], incoming[2 * j + 1]);
        let end = suffix.len();
        for i in (from..end).step_by(2) {
            let sum = suffix[i] * a + suffix[i + 1] * b;
            suffix.push(sum);
        }
        from = end;
    }
    let prefix = &mut scratch.prefix;
    prefix.clear();
    prefix.push(1.0);
    for j in 0..arity {
        let (mut off, mut on) = (0.0, 0.0);
        for (p, pair) in prefix.iter().zip(suffix[from..].chunks_exact(2)) {
            off += p * pair[0];
            on += p * pair[1];
        }
        (scratch.fresh[2 * j], scratch.fresh[2 * j + 1]) = normal_pair(off, on);
        if j + 1 == arity {
            break;
        }
        from -= 4 << j;
        let (a, b) = (incoming[2 * j], incoming[2 * j + 1]);
        let wider = &mut scratch.wider;
        wider.clear();
        for p in prefix.iter() {
            wider.push(p * a);
            wider.push(p * b);
        }
        std::mem::swap(prefix, wider);
    }
}

/// Messages of a table: the table is contracted from its last variable on (`suffix`), the product of the messages before a
/// variable grows from the first (`prefix`), so that all messages cost about four passes over the table.
fn table(graph: &FactorGraph, factor: &Factor, incoming: &[f64], scratch: &mut Scratch) {
    let Scratch { suffix, starts, prefix, wider, fresh, .. } = scratch;
    suffix.clear();
    suffix.extend_from_slice(&graph.numbers[factor.numbers.clone()]);
    starts.clear();
    let (mut from, mut end_of_messages) = (0, incoming.len());
    for edge in factor.edges.clone().rev() {
        starts.push(from);
        let card = graph.card(edge);
        let message = &incoming[end_of_messages - card..end_of_messages];
        end_of_messages -= card;
        let end = suffix.len();
        if end_of_messages == 0 {
            break;
        }
        for i in (from..end).step_by(card) {
            let sum = suffix[i..i + card].iter().zip(message).map(|(t, m)| t * m).sum();
            suffix.push(sum);
        }
        from = end;
    }
    prefix.clear();
    prefix.push(1.0);
    let mut start = 0;
    for edge in factor.edges.clone() {
        let card = graph.card(edge);
        let from = starts.pop().unwrap_or(0);
        let out = &mut fresh[start..start + card];
        for (p, row) in prefix.iter().zip(suffix[from..].chunks_exact(card)) {
            out.iter_mut().zip(row).for_each(|(o, t)| *o += p * t);
        }
        normalise(out);
        let message = &incoming[start..start + card];
        wider.clear();
        for p in prefix.iter() {
            wider.extend(message.iter().map(|m| p * m));
        }
        std::mem::swap(prefix, wider);
        start += card;
    }
}

/// Damps `fresh` into `old`; returns the largest change.
fn settle(old: &mut [f64], fresh: &[f64], damping: f64) -> f64 {
    let mut change = 0.0f64;
    for (o, f) in old.iter_mut().zip(fresh) {
        let value = if damping == 0.0 { *f } else { (1.0 - damping) * f + damping * *o };
        change = change.max((value - *o).abs());
        *o = value;
    }
    change
}

fn start_product(running: &mut Vec<f64>, card: usize, clamp: Option<usize>) {
    running.clear();
    running.resize(card, if clamp.is_some() { 0.0 } else { 1.0 });
    if let Some(state) = clamp {
        running[state] = 1.0;
    }
}

fn multiply(running: &mut [f64], message: &[f64]) {
    let mut sum = 0.0;
    for (r, m) in running.iter_mut().zip(message) {
        *r *= m;
        sum += *r;
    }
    if sum < RESCALE && sum > 0.0 {
        normalise(running);
    }
}

/// To sum 1; uniform where all is zero.
fn normalise(message: &mut [f64]) {
    let largest = message.iter().copied().fold(0.0, f64::max);
    if largest <= 0.0 {
        let even = 1.0 / message.len() as f64;
        message.iter_mut().for_each(|m| *m = even);
        return;
    }
    // weights near the limits of f64 must neither overflow in the sum nor lose their reciprocal
    if !(1e-290..1e290).contains(&largest) {
        message.iter_mut().for_each(|m| *m /= largest);
    }
    let scale = 1.0 / message.iter().sum::<f64>();
    message.iter_mut().for_each(|m| *m *= scale);
}

fn normal_pair(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    if (1e-290..1e290).contains(&sum) {
        let scale = 1.0 / sum;
        return (a * scale, b * scale);
    }
    let mut pair = [a, b];
    normalise(&mut pair);
    (pair[0], pair[1])
}
