//! Whose a token is, asked of the cluster (`authentication.k8s.io/v1` TokenReview).
//!
//! The account needs `create` on `tokenreviews` (the ClusterRole `system:auth-delegator` has it). Nothing is stored in the
//! cluster by it.

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use crate::live::session::Session;
use crate::live::{LiveError, LiveOptions};

const PATH: &str = "/apis/authentication.k8s.io/v1/tokenreviews";

/// Who holds a token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Holder {
    #[serde(rename = "username")]
    pub user: String,
    pub groups: Vec<String>,
}

/// A connection by which tokens are reviewed.
pub struct Reviews {
    session: Session,
    audiences: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Review {
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    authenticated: bool,
    user: Holder,
    audiences: Vec<String>,
    error: String,
}

impl Reviews {
    /// `audiences`: a token must be for one of these; none: for the API server.
    ///
    /// # Errors
    /// A kubeconfig that cannot be used.
    pub async fn start(options: &LiveOptions, audiences: Vec<String>) -> Result<Reviews, LiveError> {
        Ok(Reviews { session: Session::stay(options).await?, audiences })
    }

    /// `None`: the cluster does not know the token.
    ///
    /// # Errors
    /// The cluster did not answer, or may not be asked by this account.
    pub async fn review(&self, token: &str) -> Result<Option<Holder>, String> {
        let mut spec = json!({ "token": token });
        if !self.audiences.is_empty() {
            spec["audiences"] = json!(self.audiences);
        }
        let body = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec });
        let answer = self.session.send(Method::POST, PATH, &body).await.map_err(|e| e.describe())?;
        if answer.status != StatusCode::CREATED && answer.status != StatusCode::OK {
            return Err(format!("the cluster does not review tokens: {}", answer.message()));
        }
        let Review { status } = serde_json::from_slice(&answer.body).map_err(|e| format!("no TokenReview: {e}"))?;
        if !status.authenticated {
            tracing::debug!(error = status.error, "a token that the cluster does not know");
            return Ok(None);
        }
        // a server that knows nothing of audiences leaves them out, and then the token may be for anybody
        let is_ours = self.audiences.is_empty() || status.audiences.iter().any(|a| self.audiences.contains(a));
        Ok(Some(status.user).filter(|user| is_ours && !user.user.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Reviews one token by a server that answers so; and what it was asked.
    async fn asked(
        audiences: &[&str],
        status: u16,
        answer: serde_json::Value,
    ) -> (Result<Option<Holder>, String>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a caller");
            let mut request = Vec::new();
            while !request.ends_with(b"}}") {
                assert!(stream.read_buf(&mut request).await.expect("bytes") > 0, "the request ends early");
            }
            let body = answer.to_string();
            let length = body.len();
            let head =
                format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n");
            stream.write_all((head + &body).as_bytes()).await.expect("written");
            String::from_utf8_lossy(&request).into_owned()
        });
        let config = kube::Config::new(format!("http://{address}").parse().expect("an address"));
        let session = Session::stay_at(config, &LiveOptions::default()).expect("plain HTTP");
        let reviews = Reviews { session, audiences: audiences.iter().map(|a| (*a).to_owned()).collect() };
        let found = reviews.review("t0").await;
        (found, server.await.expect("the server"))
    }

    fn known(audiences: &[&str]) -> serde_json::Value {
        json!({"status": {"authenticated": true, "audiences": audiences,
            "user": {"username": "system:serviceaccount:mon:grafana", "uid": "1", "groups": ["system:serviceaccounts"]}}})
    }

    #[tokio::test]
    async fn a_known_token_has_a_holder_with_groups() {
        let (found, request) = asked(&[], 201, known(&["https://kubernetes.default.svc"])).await;
        let user = "system:serviceaccount:mon:grafana".to_owned();
        assert_eq!(found, Ok(Some(Holder { user, groups: vec!["system:serviceaccounts".to_owned()] })));
        assert!(request.starts_with("POST /apis/authentication.k8s.io/v1/tokenreviews "), "{request}");
        assert!(request.contains(r#""spec":{"token":"t0"}"#), "{request}");
    }

    #[tokio::test]
    async fn a_token_for_somebody_else_is_not_known_here() {
        let (found, request) = asked(&["rootline"], 201, known(&["rootline"])).await;
        assert!(found.is_ok_and(|f| f.is_some()) && request.contains(r#""audiences":["rootline"]"#), "{request}");
        assert_eq!(asked(&["rootline"], 201, known(&["vault"])).await.0, Ok(None));
        assert_eq!(asked(&["rootline"], 201, known(&[])).await.0, Ok(None));
    }

    #[tokio::test]
    async fn unknown_tokens_and_refusals_are_told_apart() {
        let unknown = json!({"status": {"authenticated": false, "error": "invalid bearer token"}});
        assert_eq!(asked(&[], 201, unknown).await.0, Ok(None));
        let forbidden = json!({"kind": "Status", "message": "rootline may not create tokenreviews", "code": 403});
        let error = asked(&[], 403, forbidden).await.0.expect_err("refused");
        assert_eq!(error, "the cluster does not review tokens: rootline may not create tokenreviews");
        assert!(asked(&[], 201, json!("text")).await.0.is_err());
    }
}
