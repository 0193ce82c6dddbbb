//! The crate logdrain with the masks of Drain3's example.

use logdrain::{Mask, Miner};
use serde_json::{Value, json};

use crate::input::{BenchError, Input};
use crate::{answer, measure};

/// As the Python rival has them, with word borders in place of look-around, which this crate's regex has not.
const MASKS: &[(&str, &str)] = &[
    (r"\b([0-9a-f]{2,}:){3,}([0-9a-f]{2,})\b", "<ID>"),
    (r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b", "<IP>"),
    (r"\b([0-9a-f]{6,} ?){3,}\b", "<SEQ>"),
    (r"\b([0-9A-F]{4} ?){4,}\b", "<SEQ>"),
    (r"\b0x[a-f0-9A-F]+\b", "<HEX>"),
    (r"\b[\-\+]?\d+\b", "<NUM>"),
];

pub fn run(input: &Input) -> Result<Value, BenchError> {
    let text = input.text("lines.txt")?;
    let lines: Vec<&str> = text.lines().collect();
    let labels_of = input.number("labels_of")? as usize;
    let wrong = |e: logdrain::LogdrainError| input.wrong(format!("logdrain: {e}"));
    let (cpu_s, runs, (miner, ids)) = measure(|| {
        let masks = MASKS.iter().map(|(pattern, name)| Mask::new(pattern, name)).collect::<Result<Vec<_>, _>>();
        let miner = Miner::builder().masks(masks.map_err(wrong)?).build().map_err(wrong)?;
        let ids: Vec<_> = lines.iter().map(|line| miner.add(line).cluster_id).collect();
        Ok((miner, ids))
    })?;
    let mut places = std::collections::HashMap::new();
    let labels: Vec<usize> = ids
        .iter()
        .take(labels_of)
        .map(|id| {
            let next = places.len();
            *places.entry(format!("{id:?}")).or_insert(next)
        })
        .collect();
    Ok(answer((cpu_s, runs, json!({ "groups": miner.len(), "labels": labels }))))
}
