//! Addresses that came through the API reach public hosts alone.

use std::sync::Arc;

use rootline_model::Lang;
use rootline_sinks::{Client, ClientOptions, Endpoint, PostOptions, Reach, SendError, Sink, Webhook};

use crate::fake::{Answer, Server};
use crate::sample::{Reported, delivery, incident};

async fn send(address: &str, allowed: &[&str]) -> Result<(), SendError> {
    let reach = Reach::Public { allowed: allowed.iter().map(|a| (*a).to_owned()).collect() };
    let client = Client::new(&ClientOptions { reach, ..ClientOptions::default() }).expect("a client");
    let options = PostOptions::new(Endpoint::parse(address).expect("an address"));
    let sink = Webhook::new("user", options, client, Arc::new(Reported));
    sink.send(&delivery(vec![incident(1, 1)], Lang::En)).await.map(|_| ())
}

#[tokio::test]
async fn a_user_cannot_make_us_call_inside() {
    let server = Server::start(vec![Answer::ok("")]).await;
    let port = server.address.port();
    for host in
        ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "0.0.0.0"]
    {
        let error = send(&format!("http://{host}:{port}/"), &[]).await.expect_err("refused");
        assert!(matches!(error, SendError::Dead { .. }), "{host}: {error}");
        assert!(error.to_string().contains("is not a public address"), "{host}: {error}");
    }
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn what_is_listed_is_reached_and_redirects_are_not_followed() {
    let inside = Server::start(vec![Answer::ok("")]).await;
    let there = format!("http://{}/", inside.address);
    let outside = Server::start(vec![Answer::status(302, "").with("Location", &there)]).await;
    let port = outside.address.port();
    for (host, allowed) in [("127.0.0.1", format!("127.0.0.1:{port}")), ("localhost", "localhost".to_owned())] {
        let error = send(&format!("http://{host}:{port}/"), &[&allowed]).await.expect_err("a redirect");
        assert!(error.to_string().contains("redirects are not followed"), "{error}");
    }
    assert_eq!((outside.requests().len(), inside.requests().len()), (2, 0));
}
