//! TLS with files that change.

use std::path::PathBuf;
use std::time::Duration;

use super::fake::Fake;
use super::started::Started;
use crate::{Options, TlsFiles};

/// A certificate for `localhost`, written to files; its PEM.
fn certify(dir: &std::path::Path) -> String {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    std::fs::write(dir.join("tls.key"), made.signing_key.serialize_pem()).expect("a file");
    std::fs::write(dir.join("tls.crt"), made.cert.pem()).expect("a file");
    made.cert.pem()
}

fn folder(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("rootline-api-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a folder");
    dir
}

async fn asks(port: u16, pem: &str) -> Result<u16, reqwest::Error> {
    let root = reqwest::Certificate::from_pem(pem.as_bytes()).expect("PEM");
    let client = reqwest::Client::builder().tls_certs_only([root]).build().expect("a client");
    client.get(format!("https://localhost:{port}/-/healthy")).send().await.map(|r| r.status().as_u16())
}

#[tokio::test]
async fn new_certificates_are_taken_and_bad_ones_leave_the_old_in_use() {
    let dir = folder("tls");
    let first = certify(&dir);
    let (certificate, key) = (dir.join("tls.crt"), dir.join("tls.key"));
    let tls = TlsFiles { certificate: certificate.clone(), key, look_every: Duration::from_millis(20) };
    let server = Started::with(Fake::empty(), Options { tls: Some(tls), ..Options::default() }).await;
    let port: u16 = server.base.rsplit(':').next().and_then(|p| p.parse().ok()).expect("a port");
    assert_eq!(asks(port, &first).await.expect("the first certificate"), 200);
    // a browser speaks HTTP/2 here, which has no `Host`, and says where its page came from
    let root = reqwest::Certificate::from_pem(first.as_bytes()).expect("PEM");
    let browser = reqwest::Client::builder().tls_certs_only([root]).build().expect("a client");
    for (origin, status) in [(format!("https://localhost:{port}"), 404), ("https://evil.example".to_owned(), 403)] {
        let request = browser.post(format!("https://localhost:{port}/api/v1/incidents/1/ack")).header("origin", origin);
        let answer = request.send().await.expect("an answer");
        assert_eq!((answer.version(), answer.status().as_u16()), (reqwest::Version::HTTP_2, status));
    }
    std::fs::write(&certificate, "no certificate").expect("a file");
    assert_eq!(asks(port, &first).await.expect("the first certificate still"), 200);
    let second = certify(&dir);
    let mut taken = false;
    for _ in 0..500 {
        taken = asks(port, &second).await.is_ok();
        if taken {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(taken, "the second certificate is used");
    assert!(asks(port, &first).await.is_err());
    // somebody who speaks plainly does not hurt
    assert!(server.client.get(server.url("/-/healthy")).send().await.is_err());
    assert_eq!(asks(port, &second).await.expect("an answer"), 200);
    let _ = std::fs::remove_dir_all(dir);
}
