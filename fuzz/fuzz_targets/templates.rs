//! Any bytes as log lines, and as snapshots of the template miner and of the tier-0 operator.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootline_analytics::stream::Tier0;
use rootline_analytics::text::{Miner, variables};

fuzz_target!(|data: &[u8]| {
    let mut miner = Miner::default();
    for line in data.split(|b| *b == b'\n') {
        let id = miner.observe(line);
        assert!(miner.knows(id));
        assert_eq!(miner.id_of(line), id, "a line has one signature");
        let _ = variables(line);
    }
    let templates = miner.templates();
    let counted: u64 = templates.list().iter().map(|t| t.count).sum();
    assert_eq!(counted, miner.lines(), "every line belongs to a template");
    assert!(Miner::restore(&miner.snapshot()).expect("its own snapshot") == miner, "a restored miner goes on as the old one");
    if let Ok(mut foreign) = Miner::restore(data) {
        foreign.observe("a line");
        let _ = foreign.templates();
        let _ = foreign.merge(&miner);
    }
    if let Ok(mut foreign) = Tier0::restore(data) {
        foreign.observe(0, 1.0);
    }
});
