//! XGBoost models: JSON and UBJSON in, JSON out.

use std::fmt::Write;

use serde_json::Value;

use super::boosted::{
    DEFAULT_LEFT, Ensemble, LEAF, Link, Listed, NAN_MISSING, Node, SET_LEFT, SET_RIGHT, Stats, Tree, ZERO_MISSING,
};
use super::ubjson;
use crate::{Error, Result};

/// Most features or groups that are believed: callers hold a number for each.
const MOST: usize = 1 << 22;

const WHAT: &str = "XGBoost model";

impl Ensemble {
    /// A model saved by XGBoost 1.6 to 3.2 (`save_model`) as JSON or as UBJSON; `gbtree` and `dart` boosters, numeric and
    /// categorical splits, any objective with one value a leaf.
    ///
    /// Objectives that are not known keep margins as they are. Errors with the place: bytes that are neither format, fields
    /// that are absent or of the wrong kind, trees whose nodes do not form a tree, `gblinear`, vector leaves.
    pub fn from_xgboost(bytes: &[u8]) -> Result<Self> {
        // both formats begin with a brace; UBJSON goes on with the type of a length
        let json = bytes.get(1..).is_some_and(|rest| {
            rest.iter().find(|b| !b.is_ascii_whitespace()).is_some_and(|b| *b == b'"' || *b == b'}')
        });
        let model = if json {
            serde_json::from_slice(bytes).map_err(|e| wrong(format!("not JSON: {e}")))?
        } else {
            ubjson::parse(bytes).map_err(wrong)?
        };
        read_model(&model)
    }

    /// The model as XGBoost's JSON (`Booster.load_model` of 3.x reads it).
    ///
    /// Errors: a model with `f64` arithmetic (from LightGBM) or with categorical splits, which would not keep its meaning.
    pub fn to_xgboost_json(&self) -> Result<String> {
        let rules = SET_LEFT | SET_RIGHT | ZERO_MISSING;
        let plain = |t: &Tree| t.nodes.iter().all(|n| n.flags & rules == 0);
        if !self.single || !self.trees.iter().all(plain) {
            return Err(wrong("only numeric single-precision models can be written".to_owned()));
        }
        Ok(write_model(self))
    }
}

fn wrong(detail: String) -> Error {
    Error::Format { what: WHAT, detail }
}

fn field<'a>(value: &'a Value, path: &str) -> Result<&'a Value> {
    let mut at = value;
    for key in path.split('.') {
        at = at.get(key).ok_or_else(|| wrong(format!("no field {key} of {path}")))?;
    }
    Ok(at)
}

/// A number, also one written as text, which parameters are.
fn number(value: &Value, place: &str) -> Result<f64> {
    let read = match value {
        Value::String(s) => s.trim().parse().ok(),
        other => other.as_f64(),
    };
    read.ok_or_else(|| wrong(format!("{place}: not a number")))
}

fn count(value: &Value, place: &str) -> Result<usize> {
    let n = number(value, place)?;
    let fine = n >= 0.0 && n.fract() == 0.0 && n <= MOST as f64;
    if fine { Ok(n as usize) } else { Err(wrong(format!("{place}: {n} is not a count"))) }
}

fn read_model(model: &Value) -> Result<Ensemble> {
    let learner = field(model, "learner")?;
    let mut booster = field(learner, "gradient_booster")?;
    let kind = booster.get("name").and_then(Value::as_str).unwrap_or_default();
    let drops = match kind {
        "gbtree" => None,
        "dart" => {
            let drops = floats(booster, "weight_drop")?;
            booster = field(booster, "gbtree")?;
            Some(drops)
        }
        other => return Err(wrong(format!("booster {other:?} is not made of trees"))),
    };
    let parameters = field(learner, "learner_model_param")?;
    let features = count(field(parameters, "num_feature")?, "num_feature")?;
    let optional = |key: &str| parameters.get(key).map_or(Ok(0), |v| count(v, key));
    let groups = optional("num_class")?.max(optional("num_target")?).max(1);
    if groups > 1 << 16 {
        return Err(wrong(format!("num_class: {groups} is out of range")));
    }
    let objective = field(learner, "objective.name")?.as_str().unwrap_or_default().to_owned();
    let trees = field(booster, "model.trees")?.as_array().ok_or_else(|| wrong("trees: not a list".to_owned()))?;
    let info = field(booster, "model.tree_info")?.as_array().map_or(&[][..], |a| a);
    let mut ensemble = Ensemble {
        features,
        groups,
        trees: Vec::with_capacity(trees.len()),
        base: base_margins(field(parameters, "base_score")?, groups, &objective)?,
        single: true,
        divisor: 1.0,
        link: link(&objective),
        objective,
        names: names(learner, features),
    };
    for (i, tree) in trees.iter().enumerate() {
        let place = |e: String| wrong(format!("tree {i}: {e}"));
        let mut listed = read_tree(tree).map_err(|e| place(e.to_string()))?;
        listed.group = info.get(i).map_or(Ok(0), |v| count(v, "tree_info"))?;
        if let Some(drops) = &drops {
            let drop = *drops.get(i).ok_or_else(|| place("no weight_drop".to_owned()))? as f32;
            let leaves = listed.nodes.iter_mut().filter(|n| n.is_leaf());
            leaves.for_each(|n| n.threshold = f64::from(n.threshold as f32 * drop));
        }
        ensemble.trees.push(listed.tree(features, groups).map_err(place)?);
    }
    Ok(ensemble)
}

fn names(learner: &Value, features: usize) -> Vec<String> {
    let listed = learner.get("feature_names").and_then(Value::as_array).map_or(&[][..], |a| a);
    let names: Vec<String> = listed.iter().map(|n| n.as_str().unwrap_or_default().to_owned()).collect();
    if names.len() == features { names } else { Vec::new() }
}

fn link(objective: &str) -> Link {
    match objective {
        "binary:logistic" | "reg:logistic" => Link::Logistic { slope: 1.0 },
        "multi:softprob" | "multi:softmax" => Link::Softmax,
        "count:poisson" | "reg:gamma" | "reg:tweedie" | "survival:cox" => Link::Exponential,
        _ => Link::Identity,
    }
}

/// The base score is in the space of predictions; a bracketed list since XGBoost 3.1.
fn base_margins(value: &Value, groups: usize, objective: &str) -> Result<Vec<f64>> {
    let texts: Vec<&str> = match value.as_str() {
        Some(text) => text.trim_matches(|c| c == '[' || c == ']' || c == ' ').split(',').collect(),
        None => return Ok(vec![to_margin(number(value, "base_score")? as f32, objective)?; groups]),
    };
    let one = |text: &&str| match text.trim().parse::<f32>() {
        Ok(score) => to_margin(score, objective),
        Err(_) => Err(wrong(format!("base_score: {text:?} is not a number"))),
    };
    let margins = texts.iter().map(one).collect::<Result<Vec<f64>>>()?;
    match margins[..] {
        [one] => Ok(vec![one; groups]),
        _ if margins.len() == groups => Ok(margins),
        _ => Err(wrong(format!("base_score: {} numbers for {groups} groups", margins.len()))),
    }
}

fn to_margin(score: f32, objective: &str) -> Result<f64> {
    let margin = match objective {
        "binary:logistic" | "reg:logistic" | "binary:logitraw" => -libm::logf(1.0 / score - 1.0),
        "count:poisson" | "reg:gamma" | "reg:tweedie" => libm::logf(score),
        _ => score,
    };
    if margin.is_finite() { Ok(f64::from(margin)) } else { Err(wrong(format!("base_score: {score} has no margin"))) }
}

fn floats(tree: &Value, key: &str) -> Result<Vec<f64>> {
    let listed = field(tree, key)?.as_array().ok_or_else(|| wrong(format!("{key}: not a list")))?;
    let read = |v: &Value| v.as_f64().or_else(|| v.as_bool().map(f64::from));
    listed.iter().map(|v| read(v).ok_or_else(|| wrong(format!("{key}: not a number")))).collect()
}

fn read_tree(tree: &Value) -> Result<Listed> {
    if let Some(size) = tree.get("tree_param").and_then(|p| p.get("size_leaf_vector"))
        && count(size, "size_leaf_vector")? > 1
    {
        return Err(wrong("leaves with several values are not read".to_owned()));
    }
    let conditions = floats(tree, "split_conditions")?;
    let column = |key: &str| {
        let values = floats(tree, key)?;
        let same = values.len() == conditions.len();
        if same { Ok(values) } else { Err(wrong(format!("{key}: {} of {} nodes", values.len(), conditions.len()))) }
    };
    let (left, right) = (column("left_children")?, column("right_children")?);
    let (feature, default_left) = (column("split_indices")?, column("default_left")?);
    let (gain, cover) = (column("loss_changes")?, column("sum_hessian")?);
    let weight = column("base_weights")?;
    let kinds = if tree.get("split_type").is_some() { column("split_type")? } else { vec![0.0; conditions.len()] };
    let (sets, set_of) = categories(tree)?;
    let mut listed = Listed { sets, ..Listed::default() };
    for i in 0..conditions.len() {
        let mut node = Node {
            threshold: f64::from(conditions[i] as f32),
            // out of range becomes the largest, which no tree has
            feature: feature[i] as u32,
            right: right[i] as u32,
            flags: NAN_MISSING | if default_left[i] != 0.0 { DEFAULT_LEFT } else { 0 },
        };
        if left[i] < 0.0 {
            node = Node { threshold: node.threshold, flags: LEAF, ..Node::default() };
        } else if kinds[i] == 1.0 {
            let set = set_of.iter().position(|n| *n == i as f64);
            node.threshold = set.ok_or_else(|| wrong(format!("node {i} has no categories")))? as f64;
            node.flags |= SET_RIGHT;
        }
        listed.nodes.push(node);
        listed.left.push(left[i] as usize);
        listed.stats.push(Stats { gain: gain[i], cover: cover[i], weight: weight[i] });
    }
    Ok(listed)
}

/// Sets of categories, and the node of each.
fn categories(tree: &Value) -> Result<(Vec<Vec<u32>>, Vec<f64>)> {
    if tree.get("categories_nodes").is_none() {
        return Ok((Vec::new(), Vec::new()));
    }
    let (all, nodes) = (floats(tree, "categories")?, floats(tree, "categories_nodes")?);
    let (starts, sizes) = (floats(tree, "categories_segments")?, floats(tree, "categories_sizes")?);
    // segments that overlap could be far more than the file holds
    if sizes.iter().sum::<f64>() > all.len() as f64 {
        return Err(wrong("categories: segments beyond the list".to_owned()));
    }
    let mut sets = Vec::new();
    for i in 0..nodes.len() {
        let range =
            starts.get(i).zip(sizes.get(i)).map(|(s, n)| *s as usize..(*s as usize).saturating_add(*n as usize));
        let members =
            range.and_then(|r| all.get(r)).ok_or_else(|| wrong("categories: segments beyond the list".to_owned()))?;
        if let Some(wrong_one) = members.iter().find(|c| !(0.0..16_777_216.0).contains(*c)) {
            return Err(wrong(format!("categories: {wrong_one} is no category")));
        }
        let mut set: Vec<u32> = members.iter().map(|c| *c as u32).collect();
        set.sort_unstable();
        sets.push(set);
    }
    Ok((sets, nodes))
}

fn write_model(model: &Ensemble) -> String {
    let count = model.trees.len();
    let rounds = (0..=count).step_by(model.groups.max(1));
    let mut out = String::new();
    let names = serde_json::to_string(&model.names).unwrap_or_else(|_| "[]".to_owned());
    let _ = write!(
        out,
        "{{\"learner\":{{\"attributes\":{{}},\"feature_names\":{names},\"feature_types\":[],\"gradient_booster\":{{\"model\":\
         {{\"gbtree_model_param\":{{\"num_parallel_tree\":\"1\",\"num_trees\":\"{count}\"}},\"iteration_indptr\":{},\
         \"tree_info\":{},\"trees\":[",
        list(rounds),
        list(model.trees.iter().map(|t| t.group)),
    );
    for (i, tree) in model.trees.iter().enumerate() {
        out.push_str(if i > 0 { "," } else { "" });
        write_tree(tree, i, model.features, &mut out);
    }
    let classes = if model.link == Link::Softmax { model.groups } else { 0 };
    let base = model.base.iter().map(|m| from_margin(*m as f32, &model.objective));
    let objective = serde_json::to_string(&model.objective).unwrap_or_else(|_| "\"\"".to_owned());
    let extra = match model.objective.as_str() {
        "rank:ndcg" => ",\"lambdarank_param\":{\"lambdarank_pair_method\":\"topk\"}".to_owned(),
        o if o.starts_with("multi:") => format!(",\"softmax_multiclass_param\":{{\"num_class\":\"{classes}\"}}"),
        _ => ",\"reg_loss_param\":{\"scale_pos_weight\":\"1\"}".to_owned(),
    };
    let _ = write!(
        out,
        "]}},\"name\":\"gbtree\"}},\"learner_model_param\":{{\"base_score\":\"{}\",\"boost_from_average\":\"0\",\
         \"num_class\":\"{classes}\",\"num_feature\":\"{}\",\"num_target\":\"1\"}},\"objective\":{{\"name\":{objective}\
         {extra}}}}},\"version\":[3,2,0]}}",
        list(base.map(|b| format!("{b:e}"))),
        model.features,
    );
    out
}

fn from_margin(margin: f32, objective: &str) -> f32 {
    match objective {
        "binary:logistic" | "reg:logistic" | "binary:logitraw" => 1.0 / (1.0 + libm::expf(-margin)),
        "count:poisson" | "reg:gamma" | "reg:tweedie" => libm::expf(margin),
        _ => margin,
    }
}

fn list<T: std::fmt::Display>(items: impl Iterator<Item = T>) -> String {
    let texts: Vec<String> = items.map(|i| i.to_string()).collect();
    format!("[{}]", texts.join(","))
}

fn write_tree(tree: &Tree, id: usize, features: usize, out: &mut String) {
    let n = tree.nodes.len();
    // the root's parent is written so
    let mut parents = vec![i32::MAX as usize; n];
    for (i, node) in tree.nodes.iter().enumerate().filter(|(_, n)| !n.is_leaf()) {
        parents[i + 1] = i;
        parents[node.right as usize] = i;
    }
    let nodes = || tree.nodes.iter().enumerate();
    let single = |x: f64| format!("{:?}", x as f32);
    let child = |node: &Node, id: usize| if node.is_leaf() { -1 } else { id as i64 };
    let zeros = || list(std::iter::repeat_n(0, n));
    let _ = write!(
        out,
        "{{\"base_weights\":{},\"categories\":[],\"categories_nodes\":[],\"categories_segments\":[],\"categories_sizes\":[],\
         \"default_left\":{},\"id\":{id},\"left_children\":{},\"loss_changes\":{},\"parents\":{},\"right_children\":{},\
         \"split_conditions\":{},\"split_indices\":{},\"split_type\":{},\"sum_hessian\":{},\"tree_param\":\
         {{\"num_deleted\":\"0\",\"num_feature\":\"{features}\",\"num_nodes\":\"{n}\",\"size_leaf_vector\":\"1\"}}}}",
        list(tree.stats.iter().map(|s| single(s.weight))),
        list(tree.nodes.iter().map(|n| u8::from(n.flags & DEFAULT_LEFT != 0))),
        list(nodes().map(|(i, n)| child(n, i + 1))),
        list(tree.stats.iter().map(|s| single(s.gain))),
        list(parents.iter()),
        list(nodes().map(|(_, n)| child(n, n.right as usize))),
        list(tree.nodes.iter().map(|n| single(n.threshold))),
        list(tree.nodes.iter().map(|n| if n.is_leaf() { 0 } else { n.feature })),
        zeros(),
        list(tree.stats.iter().map(|s| single(s.cover))),
    );
}
