//! Why a cluster could not be read at all, in words that help.

use rootline_model::Lang;

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
    pub fn words(&self, lang: Lang) -> String {
        match self {
            _ if lang == Lang::En => self.to_string(),
            LiveError::Kubeconfig { detail } => format!("kubeconfig 无法使用：{detail}"),
            LiveError::Unreachable { server, detail } => format!("无法连接 API 服务器 {server}：{detail}"),
            LiveError::Certificate { server, detail } => {
                format!("本机与 API 服务器 {server} 之间的证书校验未通过：{detail}")
            }
            LiveError::Unauthorised { server, detail } => format!("API 服务器 {server} 不接受当前凭据：{detail}"),
            LiveError::Credentials { server, detail } => format!("无法取得访问 {server} 的凭据：{detail}"),
            LiveError::NothingReadable { detail } => format!("当前账号没有任何 list 权限：{detail}"),
        }
    }

    /// What a person can do about it.
    pub fn hint(&self, lang: Lang) -> &'static str {
        let (en, zh) = match self {
            LiveError::Kubeconfig { .. } => (
                "name another file with --kubeconfig or another context with --context; `kubectl config get-contexts` lists them",
                "用 --kubeconfig 指定其他文件，或用 --context 指定其他上下文；`kubectl config get-contexts` 可列出上下文",
            ),
            LiveError::Unreachable { .. } => (
                "is the cluster up, the VPN on, the address in the kubeconfig right? `kubectl cluster-info` asks the same server",
                "集群在运行吗？VPN 连上了吗？kubeconfig 中的地址对吗？`kubectl cluster-info` 访问的是同一台服务器",
            ),
            LiveError::Certificate { .. } => (
                "the certificate of the server or of the client has expired, is for another name, or is signed by another \
                 authority than the kubeconfig names; fetch a fresh kubeconfig",
                "服务器或客户端的证书已过期、域名不符，或签发它的 CA 与 kubeconfig 中的不同；请重新获取 kubeconfig",
            ),
            LiveError::Unauthorised { .. } => (
                "the token or certificate has expired or was revoked; log in again",
                "令牌或证书已过期或被吊销，请重新登录",
            ),
            LiveError::Credentials { .. } => (
                "run the login command of your provider by hand and look at its error",
                "请手动执行云厂商的登录命令，查看它的报错",
            ),
            LiveError::NothingReadable { .. } => (
                "give it the cluster role `view`, or name a namespace that it may read with -n",
                "请授予集群角色 `view`，或用 -n 指定一个有权读取的命名空间",
            ),
        };
        if lang == Lang::Zh { zh } else { en }
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
