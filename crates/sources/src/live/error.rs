//! Why a cluster could not be read at all, in words that help.

/// Smaller troubles are gaps among the signals.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    #[error("cannot use the kubeconfig: {detail}")]
    Kubeconfig { detail: String },
    #[error("cannot reach the API server at {server}: {detail}")]
    Unreachable { server: String, detail: String },
    #[error("no trust between this machine and the API server at {server}: {detail}")]
    Certificate { server: String, detail: String },
    #[error("the API server at {server} does not accept these credentials: {detail}")]
    Unauthorised { server: String, detail: String },
    #[error("cannot get credentials for {server}: {detail}")]
    Credentials { server: String, detail: String },
    #[error("the account may not list anything: {detail}")]
    NothingReadable { detail: String },
}

impl LiveError {
    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            LiveError::Kubeconfig { .. } => {
                "name another file with --kubeconfig or another context with --context; `kubectl config get-contexts` lists them"
            }
            LiveError::Unreachable { .. } => {
                "is the cluster up, the VPN on, the address in the kubeconfig right? `kubectl cluster-info` asks the same server"
            }
            LiveError::Certificate { .. } => {
                "the certificate of the server or of the client has expired, is for another name, or is signed by another \
                 authority than the kubeconfig names; fetch a fresh kubeconfig"
            }
            LiveError::Unauthorised { .. } => "the token or certificate has expired or was revoked; log in again",
            LiveError::Credentials { .. } => "run the login command of your provider by hand and look at its error",
            LiveError::NothingReadable { .. } => {
                "give it the cluster role `view`, or name a namespace that it may read with -n"
            }
        }
    }

    /// Sorts an error of the client into one of ours.
    pub(crate) fn from_client(server: &str, error: &kube::Error) -> LiveError {
        let server = server.to_owned();
        let detail = chain(error);
        match error {
            kube::Error::Auth(_) => LiveError::Credentials { server, detail },
            _ if is_certificate(&detail) => LiveError::Certificate { server, detail },
            _ => LiveError::Unreachable { server, detail },
        }
    }
}

/// The words by which rustls and OpenSSL speak of certificates.
fn is_certificate(detail: &str) -> bool {
    let detail = detail.to_ascii_lowercase();
    ["certificate", "unknownissuer", "notvalidforname", "handshake", "tls alert"].iter().any(|w| detail.contains(w))
}

/// An error with its causes, each once: `client error: connection refused`.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        next = cause.source();
    }
    text
}
