//! Any bytes as a push of log lines, to Loki's and to Elasticsearch's receiver: never a panic, limits hold.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootline_sources::receive::{Limits, Request, elasticsearch, loki};

fuzz_target!(|data: &[u8]| {
    let limits = Limits { lines: 100, line_bytes: 50, ..Limits::default() };
    let packed = snap::raw::Encoder::new().compress_vec(data).unwrap_or_default();
    let requests = [
        Request::new("application/x-protobuf", &packed),
        Request::new("application/x-protobuf", data),
        Request::new("application/json", data),
        Request::new("application/json", data).encoded("gzip"),
    ];
    let pushed = requests.map(|r| loki::push(&r, &limits));
    for taken in pushed.into_iter().chain([elasticsearch::bulk(&Request::new("", data), &limits)]).flatten() {
        assert!(taken.data.len() <= 100 && taken.data.iter().all(|l| l.text.len() <= 50));
    }
});
