//! A small HTTP server that answers what it was told to and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use rootline_sinks::Endpoint;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// What the server does with a request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Status, headers, body.
    Reply(u16, Vec<(String, String)>, String),
    /// Reads the request and ends the connection.
    Hangup,
    /// Reads the request and says nothing for ever.
    Silence,
    /// Bytes that are no HTTP.
    Garbage(Vec<u8>),
    /// Promises more body than it sends.
    Half,
}

impl Answer {
    pub fn ok(body: &str) -> Answer {
        Answer::Reply(200, Vec::new(), body.to_owned())
    }

    pub fn status(status: u16, body: &str) -> Answer {
        Answer::Reply(status, Vec::new(), body.to_owned())
    }

    pub fn with(self, name: &str, value: &str) -> Answer {
        match self {
            Answer::Reply(status, mut headers, body) => {
                headers.push((name.to_owned(), value.to_owned()));
                Answer::Reply(status, headers, body)
            }
            other => other,
        }
    }
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// `POST /path?query HTTP/1.1`
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).expect("the body is JSON")
    }
}

#[derive(Default)]
struct State {
    requests: Mutex<Vec<Request>>,
    answers: Mutex<VecDeque<Answer>>,
    came: Notify,
}

/// The server; ends with its runtime.
pub struct Server {
    pub address: std::net::SocketAddr,
    state: Arc<State>,
}

impl Server {
    /// Gives `answers` one after the other and the last one for ever.
    pub async fn start(answers: Vec<Answer>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let state = Arc::new(State { answers: Mutex::new(answers.into()), ..State::default() });
        let shared = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = shared.clone();
                tokio::spawn(async move { serve(stream, &state).await });
            }
        });
        Server { address, state }
    }

    pub fn endpoint(&self, path: &str) -> Endpoint {
        Endpoint::parse(&format!("http://{}{path}", self.address)).expect("an address")
    }

    pub fn requests(&self) -> Vec<Request> {
        self.state.requests.lock().expect("no test panics with it").clone()
    }

    /// The only request.
    pub fn one(&self) -> Request {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "one request");
        requests.remove(0)
    }

    /// Waits until some request is as wanted; a bound stands around it in the test.
    pub async fn wait_for(&self, wanted: impl Fn(&Request) -> bool) -> Request {
        loop {
            let came = self.state.came.notified();
            if let Some(found) = self.requests().into_iter().find(|r| wanted(r)) {
                return found;
            }
            came.await;
        }
    }
}

async fn serve(mut stream: TcpStream, state: &State) {
    let mut buffer = Vec::new();
    loop {
        let Some(request) = read(&mut stream, &mut buffer).await else { return };
        state.requests.lock().expect("no test panics with it").push(request);
        state.came.notify_waiters();
        let answer = {
            let mut answers = state.answers.lock().expect("no test panics with it");
            if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() }
        };
        match answer.unwrap_or_else(|| Answer::ok("ok")) {
            Answer::Reply(status, headers, body) => {
                let headers: String = headers.iter().map(|(n, v)| format!("{n}: {v}\r\n")).collect();
                let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n{headers}\r\n{body}", body.len());
                if stream.write_all(head.as_bytes()).await.is_err() {
                    return;
                }
            }
            Answer::Hangup => return,
            Answer::Silence => std::future::pending().await,
            Answer::Garbage(bytes) => {
                let _ = stream.write_all(&bytes).await;
                return;
            }
            Answer::Half => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"errc").await;
                return;
            }
        }
    }
}

async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Request> {
    let mut chunk = [0_u8; 16 * 1024];
    let end = loop {
        if let Some(end) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
            break end;
        }
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(n) => buffer.extend_from_slice(&chunk[..n]),
        }
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    let mut lines = head.lines();
    let line = lines.next()?.to_owned();
    let headers: Vec<(String, String)> =
        lines.filter_map(|l| l.split_once(": ")).map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    let length = headers.iter().find(|(n, _)| n.eq_ignore_ascii_case("content-length")).map_or("0", |(_, v)| v);
    let length: usize = length.parse().ok()?;
    while buffer.len() < end + 4 + length {
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(n) => buffer.extend_from_slice(&chunk[..n]),
        }
    }
    let body = String::from_utf8_lossy(&buffer[end + 4..end + 4 + length]).into_owned();
    buffer.drain(..end + 4 + length);
    Some(Request { line, headers, body })
}
