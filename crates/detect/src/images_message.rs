//! Reading why an image could not be pulled: texts of registries, containerd, CRI-O and docker.

/// What kind of failure a pull error tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum PullFault {
    NotFound,
    Denied,
    RateLimited,
    RegistryDns,
    RegistryUnreachable,
    RegistryTls,
    Platform,
    NoSpace,
    Signature,
    InvalidName,
    Unknown,
}

impl PullFault {
    pub(crate) const fn code(self) -> &'static str {
        match self {
            PullFault::NotFound => "image.not_found",
            PullFault::Denied => "image.pull_denied",
            PullFault::RateLimited => "image.rate_limited",
            PullFault::RegistryDns => "image.registry_dns",
            PullFault::RegistryUnreachable => "image.registry_unreachable",
            PullFault::RegistryTls => "image.registry_tls",
            PullFault::Platform => "image.wrong_platform",
            PullFault::NoSpace => "image.no_space",
            PullFault::Signature => "image.signature_refused",
            PullFault::InvalidName => "image.invalid_name",
            PullFault::Unknown => "image.pull_failed",
        }
    }
}

/// Classifies an error text. The image's own name is cut out first: it may hold any word.
pub(crate) fn classify(error: &str, image: &str) -> PullFault {
    let mut text = error.to_ascii_lowercase();
    let image = image.to_ascii_lowercase();
    for name in [image.as_str(), repository(&image)] {
        if name.len() > 2 {
            text = text.replace(name, "IMAGE");
        }
    }
    let has = |words: &[&str]| words.iter().any(|w| text.contains(w));
    if has(&["toomanyrequests", "too many requests", "rate limit", ": 429"]) {
        PullFault::RateLimited
    } else if has(&["x509", "tls: ", "server gave http response to https client", "certificate"]) {
        PullFault::RegistryTls
    } else if has(&["no such host", "server misbehaving", "name resolution", "name or service not known"])
        || (text.contains("lookup ") && has(&["i/o timeout", "connection refused", "no answer"]))
    {
        PullFault::RegistryDns
    } else if has(&[
        "no match for platform",
        "no matching manifest",
        "does not match the specified platform",
        "exec format error",
    ]) {
        PullFault::Platform
    } else if has(&["no space left on device", "disk quota exceeded"]) {
        PullFault::NoSpace
    } else if has(&["signaturevalidation", "signature required", "signature was required", "policy rejected"]) {
        PullFault::Signature
    } else if mirror_refuses_public_image(error) {
        PullFault::NotFound
    } else if has(&[
        "unauthorized",
        "access denied",
        "is denied",
        "denied:",
        "403 forbidden",
        "authorization failed",
        "failed to authorize",
        "authentication required",
        "no basic auth credentials",
    ]) && !text.contains("failed to do request")
        && !has(&["dial tcp", "i/o timeout"])
    {
        PullFault::Denied
    } else if has(&["not found", "manifest unknown", "name unknown", "does not exist", "404"]) {
        PullFault::NotFound
    } else if has(&["invalid reference format", "couldn't parse image", "failed to apply default image"]) {
        PullFault::InvalidName
    } else if has(&[
        "dial tcp",
        "timeout",
        "connection refused",
        "connection reset",
        "no route to host",
        "unreachable",
        "deadline exceeded",
        "proxyconnect",
        ": eof",
        "bad gateway",
        "service unavailable",
        "500 internal",
        "502 ",
        "503 ",
        "504 ",
    ]) {
        PullFault::RegistryUnreachable
    } else {
        PullFault::Unknown
    }
}

/// Docker's official images need no credentials, so a pull-through mirror that answers 401 or 403 for one (containerd
/// marks such requests with `?ns=`) says that it has no such image, not that a pull secret is missing.
fn mirror_refuses_public_image(error: &str) -> bool {
    let refused = error.contains("403 Forbidden") || error.contains("401 Unauthorized");
    refused && error.contains("?ns=docker.io") && error.contains("/library/") && !error.contains("token?")
}

/// True where the error says that no credentials were sent at all.
pub(crate) fn was_anonymous(error: &str) -> bool {
    let text = error.to_ascii_lowercase();
    ["anonymous token", "no basic auth credentials", "may require 'docker login'"].iter().any(|w| text.contains(w))
}

/// The registry of an image, as container runtimes read references.
pub(crate) fn registry(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => "docker.io",
    }
}

/// The reference without tag and digest.
pub(crate) fn repository(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => image,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registry_errors_are_told_apart() {
        use PullFault as F;
        const HEAD: &str = "failed to pull and unpack image \"reg.example.com/shop/cart:2\": failed to resolve reference \
                            \"reg.example.com/shop/cart:2\": ";
        for (tail, want) in [
            ("reg.example.com/shop/cart:2: not found", F::NotFound),
            ("manifest unknown: manifest unknown", F::NotFound),
            (
                "unexpected status from HEAD request to https://reg.example.com/v2/shop/cart/manifests/2: 404 Not Found",
                F::NotFound,
            ),
            (
                "failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://reg.example.com/token?scope=x: 403 Forbidden",
                F::Denied,
            ),
            ("pull access denied for shop/cart, repository does not exist or may require 'docker login'", F::Denied),
            ("failed to authorize: failed to fetch oauth token: unexpected status: 401 Unauthorized", F::Denied),
            ("unexpected status code 429 Too Many Requests - Server message: toomanyrequests: limit", F::RateLimited),
            (
                "failed to do request: Head \"https://reg.example.com/v2/\": dial tcp: lookup reg.example.com on 127.0.0.53:53: no such host",
                F::RegistryDns,
            ),
            (
                "failed to do request: Head \"https://reg.example.com/v2/\": dial tcp: lookup reg.example.com on 10.96.0.10:53: server misbehaving",
                F::RegistryDns,
            ),
            (
                "failed to do request: Head \"https://reg.example.com/v2/\": dial tcp: lookup reg.example.com: i/o timeout",
                F::RegistryDns,
            ),
            (
                "failed to do request: Head \"http://reg.example.com/v2/\": dial tcp 10.0.0.1:443: connect: connection refused",
                F::RegistryUnreachable,
            ),
            (
                "failed to do request: Head \"https://reg.example.com/v2/\": dial tcp 10.0.0.1:443: i/o timeout",
                F::RegistryUnreachable,
            ),
            (
                "failed to do request: Head \"https://reg.example.com/v2/\": tls: failed to verify certificate: x509: certificate signed by unknown authority",
                F::RegistryTls,
            ),
            ("http: server gave HTTP response to HTTPS client", F::RegistryTls),
            ("no match for platform in manifest: not found", F::Platform),
            ("failed to extract layer: write /var/lib/x: no space left on device", F::NoSpace),
            ("something else", F::Unknown),
        ] {
            assert_eq!(classify(&format!("{HEAD}{tail}"), "reg.example.com/shop/cart:2"), want, "{tail}");
        }
    }

    #[test]
    fn words_in_the_image_name_do_not_count() {
        let error = "failed to pull \"reg.example.com/denied/not-found:x509\": connection refused";
        assert_eq!(classify(error, "reg.example.com/denied/not-found:x509"), PullFault::RegistryUnreachable);
    }

    #[test]
    fn a_mirror_that_refuses_an_official_image_has_no_such_tag() {
        let error = "failed to resolve reference \"docker.io/library/cache:7x\": unexpected status from HEAD request to \
                     https://mirror.example.net/v2/library/cache/manifests/7x?ns=docker.io: 403 Forbidden";
        assert_eq!(classify(error, "cache:7x"), PullFault::NotFound);
    }

    #[test]
    fn references_are_split() {
        for (image, host, repo) in [
            ("cart", "docker.io", "cart"),
            ("cart:2", "docker.io", "cart"),
            ("shop/cart:2", "docker.io", "shop/cart"),
            ("reg.example.com:5000/shop/cart", "reg.example.com:5000", "reg.example.com:5000/shop/cart"),
            ("reg.example.com/cart:2@sha256:ab", "reg.example.com", "reg.example.com/cart"),
        ] {
            assert_eq!((registry(image), repository(image)), (host, repo), "{image}");
        }
    }
}
