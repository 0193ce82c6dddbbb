//! LightGBM text models.

use std::collections::HashMap;

use super::boosted::{DEFAULT_LEFT, Ensemble, LEAF, Link, Listed, NAN_MISSING, Node, SET_LEFT, Stats, ZERO_MISSING};
use crate::{Error, Result};

/// `key=value` lines with the line number of each.
type Fields<'a> = HashMap<&'a str, (usize, &'a str)>;

impl Ensemble {
    /// A model saved by LightGBM 3 or 4 (`save_model`) as text: numeric and categorical splits, all three ways of missing
    /// values, several classes, random forests (their margins are sums, predictions means, as in LightGBM).
    ///
    /// `threshold` is compared as `<=` there; here each is moved to the next number, so that `<` decides the same.
    /// Errors with the line: text of another format, absent or unreadable fields, nodes that form no tree, linear leaves.
    pub fn from_lightgbm(text: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(text).map_err(|e| wrong(0, &format!("not UTF-8: {e}")))?;
        let mut lines = text.lines().enumerate().map(|(i, l)| (i + 1, l.trim()));
        if lines.next().is_none_or(|(_, first)| first != "tree") {
            return Err(wrong(1, "does not begin with the word tree"));
        }
        let mut blocks: Vec<Fields> = vec![HashMap::new()];
        for (number, line) in lines {
            if line == "end of trees" {
                break;
            }
            if let Some((key, value)) = line.split_once('=') {
                if key == "Tree" {
                    blocks.push(HashMap::new());
                }
                if let Some(block) = blocks.last_mut() {
                    block.insert(key, (number, value));
                }
            } else if line == "average_output" && blocks.len() == 1 {
                blocks[0].insert(line, (number, ""));
            }
        }
        read_model(&blocks)
    }
}

fn wrong(line: usize, detail: &str) -> Error {
    Error::Format { what: "LightGBM model", detail: format!("line {line}: {detail}") }
}

fn read_model(blocks: &[Fields]) -> Result<Ensemble> {
    let header = &blocks[0];
    let last: usize = one(header, "max_feature_idx")?;
    let features = if last < 1 << 22 { last + 1 } else { return Err(wrong(1, "max_feature_idx: too many features")) };
    let groups: usize = one(header, "num_tree_per_iteration")?;
    if groups == 0 || groups > 1 << 16 {
        return Err(wrong(1, "num_tree_per_iteration: out of range"));
    }
    let objective = header.get("objective").map_or("", |f| f.1).to_owned();
    let names: Vec<String> =
        header.get("feature_names").map_or("", |f| f.1).split_whitespace().map(str::to_owned).collect();
    let averaged = header.contains_key("average_output");
    let rounds = ((blocks.len() - 1) / groups).max(1) as f64;
    let mut trees = Vec::with_capacity(blocks.len() - 1);
    for (i, block) in blocks[1..].iter().enumerate() {
        let line = block.get("Tree").map_or(0, |f| f.0);
        let mut listed = read_tree(block, line)?;
        listed.group = i % groups;
        trees.push(listed.tree(features, groups).map_err(|e| wrong(line, &format!("tree {i}: {e}")))?);
    }
    Ok(Ensemble {
        features,
        groups,
        trees,
        base: vec![0.0; groups],
        single: false,
        divisor: if averaged { rounds } else { 1.0 },
        link: link(&objective),
        names: if names.len() == features { names } else { Vec::new() },
        objective,
    })
}

fn link(objective: &str) -> Link {
    let mut words = objective.split_whitespace();
    let name = words.next().unwrap_or_default();
    let slope = words.find_map(|w| w.strip_prefix("sigmoid:")).and_then(|s| s.parse().ok()).unwrap_or(1.0);
    match name {
        "binary" | "multiclassova" => Link::Logistic { slope },
        "cross_entropy" => Link::Logistic { slope: 1.0 },
        "multiclass" => Link::Softmax,
        "poisson" | "gamma" | "tweedie" => Link::Exponential,
        _ => Link::Identity,
    }
}

fn text<'a>(fields: &Fields<'a>, key: &str) -> Result<(usize, &'a str)> {
    let line = fields.values().map(|f| f.0).min().unwrap_or(1);
    fields.get(key).copied().ok_or_else(|| wrong(line, &format!("no {key} here or below")))
}

fn one<T: std::str::FromStr>(fields: &Fields, key: &str) -> Result<T> {
    let (line, value) = text(fields, key)?;
    value.parse().map_err(|_| wrong(line, &format!("{key}: not a number")))
}

fn many<T: std::str::FromStr>(fields: &Fields, key: &str, count: usize) -> Result<Vec<T>> {
    let (line, value) = text(fields, key)?;
    let read = |v: &str| v.parse().map_err(|_| wrong(line, &format!("{key}: {v:?} is not a number")));
    let values = value.split_whitespace().map(read).collect::<Result<Vec<T>>>()?;
    let same = values.len() == count;
    if same { Ok(values) } else { Err(wrong(line, &format!("{key}: {} values instead of {count}", values.len()))) }
}

fn read_tree(fields: &Fields, line: usize) -> Result<Listed> {
    let leaves: usize = one(fields, "num_leaves")?;
    // each leaf takes at least two bytes of the text, so this also bounds memory
    let (_, values) = text(fields, "leaf_value")?;
    if leaves == 0 || leaves > values.len() {
        return Err(wrong(line, "num_leaves: out of range"));
    }
    if fields.get("is_linear").is_some_and(|f| f.1 == "1") {
        return Err(wrong(line, "linear leaves are not read"));
    }
    let inner = leaves - 1;
    let mut listed = Listed::default();
    if inner > 0 {
        read_splits(fields, inner, &mut listed)?;
    }
    let leaf_values: Vec<f64> = many(fields, "leaf_value", leaves)?;
    let counts: Vec<f64> = match fields.get("leaf_count") {
        Some((_, text)) if !text.is_empty() => many(fields, "leaf_count", leaves)?,
        _ => vec![1.0; leaves],
    };
    for (value, cover) in leaf_values.into_iter().zip(counts) {
        listed.nodes.push(Node { threshold: value, flags: LEAF, ..Node::default() });
        listed.left.push(0);
        listed.stats.push(Stats { gain: 0.0, cover, weight: value });
    }
    Ok(listed)
}

fn read_splits(fields: &Fields, inner: usize, listed: &mut Listed) -> Result<()> {
    let feature: Vec<u32> = many(fields, "split_feature", inner)?;
    let threshold: Vec<f64> = many(fields, "threshold", inner)?;
    let decision: Vec<u32> = many(fields, "decision_type", inner)?;
    let left: Vec<i64> = many(fields, "left_child", inner)?;
    let right: Vec<i64> = many(fields, "right_child", inner)?;
    let gain: Vec<f64> = many(fields, "split_gain", inner)?;
    let cover: Vec<f64> = many(fields, "internal_count", inner)?;
    let weight: Vec<f64> = many(fields, "internal_value", inner)?;
    read_sets(fields, listed)?;
    // leaves are numbered -1, -2, ..; here they follow the inner nodes
    let id = |child: i64| if child >= 0 { child as usize } else { inner.saturating_add((-1 - child) as usize) };
    for i in 0..inner {
        let mut node = Node { threshold: threshold[i].next_up(), feature: feature[i], right: 0, flags: 0 };
        node.right = u32::try_from(id(right[i])).unwrap_or(u32::MAX);
        // bit 0 categorical, bit 1 default left, bits 2 and 3 what is missing: nothing, zero, NaN
        if decision[i] & 1 == 1 {
            node.threshold = threshold[i];
            node.flags = SET_LEFT;
        } else {
            node.flags |= if decision[i] & 2 == 2 { DEFAULT_LEFT } else { 0 };
            node.flags |= match decision[i] >> 2 & 3 {
                1 => ZERO_MISSING,
                2 => NAN_MISSING,
                _ => 0,
            };
        }
        listed.nodes.push(node);
        listed.left.push(id(left[i]));
        listed.stats.push(Stats { gain: gain[i], cover: cover[i], weight: weight[i] });
    }
    Ok(())
}

fn read_sets(fields: &Fields, listed: &mut Listed) -> Result<()> {
    let count: usize = if fields.contains_key("num_cat") { one(fields, "num_cat")? } else { 0 };
    if count == 0 {
        return Ok(());
    }
    let bounds: Vec<usize> = many(fields, "cat_boundaries", count.saturating_add(1))?;
    let (line, words) = text(fields, "cat_threshold")?;
    let words: Vec<u32> = many(fields, "cat_threshold", words.split_whitespace().count())?;
    for pair in bounds.windows(2) {
        let set = words.get(pair[0]..pair[1]).ok_or_else(|| wrong(line, "cat_threshold: shorter than its bounds"))?;
        let bits = |(i, word): (usize, &u32)| {
            let word = *word;
            (0..32).filter(move |b| word >> b & 1 == 1).map(move |b| (i * 32) as u32 + b)
        };
        listed.sets.push(set.iter().enumerate().flat_map(bits).collect());
    }
    Ok(())
}
