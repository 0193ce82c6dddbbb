//! Errors as `application/problem+json` (RFC 9457).

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::backend::Fault;
use crate::intake::{Refusal, Why};

/// What a caller gets instead of an answer.
#[derive(Clone, Debug, Serialize)]
pub struct Problem {
    /// `about:blank`: the status tells all there is.
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    #[serde(skip_serializing_if = "String::is_empty")]
    detail: String,
    #[serde(skip)]
    retry_after_s: Option<u32>,
    #[serde(skip)]
    challenge: bool,
}

impl Problem {
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Problem {
        Problem {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
            retry_after_s: None,
            challenge: false,
        }
    }

    pub fn invalid(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 401 with the challenge that says how to come in.
    pub fn unknown_caller(detail: impl Into<String>) -> Problem {
        Problem { challenge: true, ..Problem::new(StatusCode::UNAUTHORIZED, detail) }
    }

    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Problem {
        Problem { retry_after_s: Some(seconds), ..self }
    }

    pub fn detail(&self) -> &str {
        &self.detail
    }

    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_string(&self).unwrap_or_default();
        let mut response = (self.status(), [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.challenge {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"rootline\""));
        }
        response
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Problem {
        let text = fault.to_string();
        match fault {
            Fault::NotFound(_) => Problem::new(StatusCode::NOT_FOUND, text),
            Fault::Invalid(_) => Problem::invalid(text),
            Fault::Conflict(_) => Problem::new(StatusCode::CONFLICT, text),
            Fault::Unavailable { retry_after_s, .. } => {
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, text).retry_after(retry_after_s)
            }
            Fault::Internal(_) => {
                tracing::error!(error = %text, "request failed");
                Problem::new(StatusCode::INTERNAL_SERVER_ERROR, text)
            }
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        let problem = Problem::new(status, refusal.reason);
        match refusal.retry_after_s {
            Some(seconds) => problem.retry_after(seconds),
            None => problem,
        }
    }
}

/// A body that could not be read.
pub fn unreadable(error: &axum::Error, limit: usize) -> Refusal {
    let mut source: Option<&dyn std::error::Error> = Some(error);
    while let Some(e) = source {
        if e.to_string().contains("length limit exceeded") {
            return too_large(limit);
        }
        source = e.source();
    }
    Refusal::malformed(format!("the body could not be read: {error}"))
}

pub fn too_large(limit: usize) -> Refusal {
    let reason = format!("the body is larger than {limit} bytes");
    Refusal { status: 413, why: Why::TooLarge, reason, retry_after_s: None }
}
