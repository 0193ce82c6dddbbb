//! Texts: clusters of alerts, similar sets, log templates.

use std::borrow::Cow;

use hashbrown::{HashMap, HashSet};
use rootline_analytics::cluster::dbscan::DbscanConfig;
use rootline_analytics::cluster::set_join::jaccard_join_each;
use rootline_analytics::cluster::sparse_dbscan::sparse_cosine_dbscan;
use rootline_analytics::text::Miner;
use rootline_analytics::text::tfidf::TfIdf;
use serde_json::{Value, json};

use crate::input::{BenchError, Input};
use crate::{answer, measure};

/// From strings: words, weights, clusters.
pub fn dbscan(input: &Input) -> Result<Value, BenchError> {
    let text = input.text("lines.txt")?;
    let config = DbscanConfig { eps: input.number("eps")?, min_samples: input.number("min_samples")? as usize };
    let (cpu_s, runs, labels) = measure(|| {
        let (_, rows) = TfIdf::fit_transform(text.lines().map(words));
        Ok(sparse_cosine_dbscan(&rows, config)?)
    })?;
    Ok(answer((cpu_s, runs, json!({ "labels": labels }))))
}

/// Matches of `[\w.:/-]+`, lower case, as the rival has them.
fn words(line: &str) -> impl Iterator<Item = Cow<'_, str>> {
    line.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | ':' | '/' | '-')))
        .filter(|w| !w.is_empty())
        .map(|word| if word.chars().any(char::is_uppercase) { Cow::from(word.to_lowercase()) } else { Cow::from(word) })
}

/// From strings: equal lines once, words to numbers, distinct sets, pairs.
pub fn jaccard(input: &Input) -> Result<Value, BenchError> {
    let text = input.text("lines.txt")?;
    let threshold = input.number("threshold")?;
    let (cpu_s, runs, (sets, pairs)) = measure(|| {
        let mut known: HashSet<&str> = HashSet::default();
        let mut ids: HashMap<&[u8], u32> = HashMap::default();
        let (mut tokens, mut ends): (Vec<u32>, Vec<usize>) = (Vec::new(), vec![0]);
        let mut set = Vec::new();
        for line in text.lines().filter(|line| known.insert(line)) {
            set.clear();
            set.extend(line.as_bytes().split(|b| *b == b' ').map(|word| {
                let next = ids.len() as u32;
                *ids.entry(word).or_insert(next)
            }));
            set.sort_unstable();
            set.dedup();
            tokens.extend_from_slice(&set);
            ends.push(tokens.len());
        }
        let mut sets: Vec<&[u32]> = ends.windows(2).map(|e| &tokens[e[0]..e[1]]).collect();
        sets.sort_unstable();
        sets.dedup();
        let mut pairs = 0;
        jaccard_join_each(&sets, threshold, |_| pairs += 1)?;
        Ok((sets.len(), pairs))
    })?;
    Ok(answer((cpu_s, runs, json!({ "sets": sets, "pairs": pairs }))))
}

pub fn miner(input: &Input) -> Result<Value, BenchError> {
    let text = input.text("lines.txt")?;
    let lines: Vec<&[u8]> = text.lines().map(str::as_bytes).collect();
    let labels_of = input.number("labels_of")? as usize;
    // what lines are merged under in the end is part of the work
    let (cpu_s, runs, (templates, ids)) = measure(|| {
        let mut miner = Miner::default();
        let ids: Vec<_> = lines.iter().map(|line| miner.observe(line)).collect();
        Ok((miner.templates(), ids))
    })?;
    let places: HashMap<&str, usize> = templates.list().iter().zip(0..).map(|(t, i)| (t.text.as_str(), i)).collect();
    let labels: Vec<Option<&usize>> =
        ids.iter().take(labels_of).map(|id| templates.resolve(*id).and_then(|t| places.get(t.text.as_str()))).collect();
    Ok(answer((cpu_s, runs, json!({ "groups": templates.list().len(), "labels": labels }))))
}

/// The rival of the template miner: the crate logdrain with the masks of Drain3's example, when built with the feature of its name.
#[cfg(feature = "logdrain")]
pub fn logdrain(input: &Input) -> Result<Value, BenchError> {
    crate::rival::run(input)
}

#[cfg(not(feature = "logdrain"))]
pub fn logdrain(input: &Input) -> Result<Value, BenchError> {
    Err(input.wrong("built without the feature logdrain".into()))
}
