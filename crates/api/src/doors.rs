//! Connections: bounded in number, idle ones closed, with TLS whose files may change while we run.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::server::TlsStream;

/// A connection without a byte in or out for so long is closed; streams of events write every 15 s.
const IDLE: Duration = Duration::from_secs(120);
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Finished handshakes that wait to be served.
const WAITING: usize = 64;
/// After `accept` failed, as when files run out.
const AFTER_ERROR: Duration = Duration::from_millis(200);

/// Certificate chain and key as PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// How often the files are looked at; certificates that rotate are taken without a restart.
    pub look_every: Duration,
}

/// Gives accepted connections to the server.
pub struct Doors {
    ready: mpsc::Receiver<(Wire, SocketAddr)>,
    address: SocketAddr,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Doors {
    /// Starts accepting. Up to `most` connections are open; further ones wait in the system's queue.
    pub async fn open(listener: TcpListener, tls: Option<TlsFiles>, most: usize) -> Result<Doors, String> {
        let address = listener.local_addr().map_err(|e| e.to_string())?;
        let (sender, ready) = mpsc::channel(WAITING);
        let mut tasks = Vec::new();
        let acceptor = match tls {
            None => None,
            Some(files) => {
                let pair = Arc::new(Pair::read(&files).await?);
                let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
                    .with_safe_default_protocol_versions()
                    .map_err(|e| e.to_string())?
                    .with_no_client_auth();
                let mut config = config.with_cert_resolver(pair.clone());
                config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
                tasks.push(tokio::spawn(pair.watch(files)));
                Some(TlsAcceptor::from(Arc::new(config)))
            }
        };
        tasks.push(tokio::spawn(accept(listener, acceptor, Arc::new(Semaphore::new(most)), sender)));
        Ok(Doors { ready, address, tasks })
    }
}

impl Drop for Doors {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

impl axum::serve::Listener for Doors {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        match self.ready.recv().await {
            Some(accepted) => accepted,
            // The accepting task ends only with this value.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    seats: Arc<Semaphore>,
    ready: mpsc::Sender<(Wire, SocketAddr)>,
) {
    while let Ok(seat) = seats.clone().acquire_owned().await {
        let (stream, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(AFTER_ERROR).await;
                continue;
            }
        };
        // Answers are small and whole; waiting to fill a packet only delays them.
        let _ = stream.set_nodelay(true);
        match &tls {
            None => {
                if ready.send((Wire::new(Inner::Plain(stream), seat), from)).await.is_err() {
                    return;
                }
            }
            Some(tls) => {
                let (tls, ready) = (tls.clone(), ready.clone());
                tokio::spawn(async move {
                    match timeout(HANDSHAKE, tls.accept(stream)).await {
                        Ok(Ok(stream)) => {
                            let _ = ready.send((Wire::new(Inner::Tls(Box::new(stream)), seat), from)).await;
                        }
                        Ok(Err(error)) => tracing::debug!(%from, %error, "handshake failed"),
                        Err(_) => tracing::debug!(%from, "handshake took too long"),
                    }
                });
            }
        }
    }
}

/// One connection, plain or encrypted, that ends when it is idle.
pub struct Wire {
    inner: Inner,
    idle: Pin<Box<Sleep>>,
    _seat: OwnedSemaphorePermit,
}

enum Inner {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    fn new(inner: Inner, seat: OwnedSemaphorePermit) -> Wire {
        Wire { inner, idle: Box::pin(sleep(IDLE)), _seat: seat }
    }

    fn moved(&mut self) {
        self.idle.as_mut().reset(Instant::now() + IDLE);
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let polled = match &mut self.inner {
            Inner::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Inner::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        };
        if polled.is_ready() {
            self.moved();
            return polled;
        }
        ready!(self.idle.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = match &mut self.inner {
            Inner::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Inner::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        };
        if polled.is_ready() {
            self.moved();
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.inner {
            Inner::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Inner::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.inner {
            Inner::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Inner::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

/// The certificate in use.
#[derive(Debug)]
struct Pair(RwLock<(Vec<u8>, Arc<CertifiedKey>)>);

impl Pair {
    async fn read(files: &TlsFiles) -> Result<Pair, String> {
        Ok(Pair(RwLock::new(load(files).await?)))
    }

    /// Takes new files when they fit together; a bad pair leaves the old one in use.
    async fn watch(self: Arc<Pair>, files: TlsFiles) {
        loop {
            sleep(files.look_every).await;
            match load(&files).await {
                Ok(new) => {
                    let mut pair = self.0.write().unwrap_or_else(PoisonError::into_inner);
                    if pair.0 != new.0 {
                        *pair = new;
                        tracing::info!("the certificate was replaced");
                    }
                }
                Err(error) => tracing::warn!(%error, "the certificate's files cannot be used, the old one stays"),
            }
        }
    }
}

impl ResolvesServerCert for Pair {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).1.clone())
    }
}

/// The files' bytes, to see a change by, and what they hold.
async fn load(files: &TlsFiles) -> Result<(Vec<u8>, Arc<CertifiedKey>), String> {
    let read =
        async |path: &PathBuf| tokio::fs::read(path).await.map_err(|e| format!("cannot read {}: {e}", path.display()));
    let (mut certificate, key) = (read(&files.certificate).await?, read(&files.key).await?);
    let shown = files.certificate.display();
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(&certificate).collect::<Result<_, _>>().map_err(|e| format!("{shown}: {e}"))?;
    if chain.is_empty() {
        return Err(format!("{shown}: no certificate in it"));
    }
    let key_der = PrivateKeyDer::from_pem_slice(&key).map_err(|e| format!("{}: {e}", files.key.display()))?;
    let provider: CryptoProvider = ring::default_provider();
    let pair = CertifiedKey::from_der(chain, key_der, &provider)
        .map_err(|e| format!("{shown} and {} do not fit: {e}", files.key.display()))?;
    certificate.extend(key);
    Ok((certificate, Arc::new(pair)))
}
