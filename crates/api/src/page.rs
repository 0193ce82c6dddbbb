//! The first page: one file of HTML, one of style, two of script; nothing is loaded from elsewhere.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header};
use rootline_sources::receive;

use crate::push;

const INDEX: &str = include_str!("page/index.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");
const PICTURES: &str = include_str!("page/picture.js");

/// The page for browsers; for senders of Elasticsearch's bulk format, which ask first who is there, what they want to hear.
pub async fn index(headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !accept.contains("json") || accept.contains("text/html") {
        return file("text/html; charset=utf-8", INDEX);
    }
    push::answer(receive::elasticsearch::probe())
}

pub async fn style() -> Response {
    file("text/css; charset=utf-8", STYLE)
}

pub async fn script() -> Response {
    file("text/javascript; charset=utf-8", SCRIPT)
}

pub async fn pictures() -> Response {
    file("text/javascript; charset=utf-8", PICTURES)
}

/// Asked for anew each time: after an upgrade the page is the new one.
fn file(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_small_and_loads_nothing_from_elsewhere() {
        let all = [INDEX, STYLE, SCRIPT, PICTURES];
        let bytes: usize = all.iter().map(|text| text.len()).sum();
        assert!(bytes <= 42 << 10, "{bytes} bytes");
        for text in all {
            for foreign in ["https://", "//cdn", "@import", "innerHTML", "eval(", "document.write"] {
                assert!(!text.contains(foreign), "{foreign}");
            }
        }
        assert!(!INDEX.contains("<script>") && !INDEX.contains("onclick") && !INDEX.contains("style="));
    }
}
