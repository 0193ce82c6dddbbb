//! Any bytes as a message of remote write, both versions: never a panic, points in order, the cache within its bound.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootline_sources::receive::{Limits, RemoteWrite, Request, SeriesCache};

fuzz_target!(|data: &[u8]| {
    let Ok(packed) = snap::raw::Encoder::new().compress_vec(data) else { return };
    let mut receiver = RemoteWrite::new(Limits::default(), SeriesCache::new(2, 1 << 10));
    for kind in ["application/x-protobuf", "application/x-protobuf;proto=io.prometheus.write.v2.Request"] {
        let _ = receiver.decode(&Request::new(kind, data).encoded("snappy"));
        // the second time out of the cache: the same answer
        let once = receiver.decode(&Request::new(kind, &packed).encoded("snappy"));
        let again = receiver.decode(&Request::new(kind, &packed).encoded("snappy"));
        assert_eq!(once.as_ref().map(|t| &t.reply), again.as_ref().map(|t| &t.reply));
        if let Ok(taken) = once {
            for batch in &taken.data {
                assert!(batch.points.windows(2).all(|p| p[0].0 < p[1].0));
                assert!(!batch.labels.value("__name__").is_empty());
            }
        }
        assert!(receiver.cache().len() <= 4);
    }
});
