//! A proxy in front of PostgreSQL that can go silent: it swallows bytes and closes nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The state of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    Passes,
    /// Nothing comes through, either way.
    Silent,
    /// Questions come through, answers do not.
    Deaf,
}

/// The wire. What it has swallowed is lost: a connection that lived through a silence stays silent.
pub struct Proxy {
    pub address: SocketAddr,
    state: Arc<watch::Sender<Wire>>,
}

impl Proxy {
    /// To the server of a URL.
    pub async fn to(url: &str) -> Self {
        Self::at("127.0.0.1:0".parse().unwrap(), url).await
    }

    /// The same, listening here.
    pub async fn at(address: SocketAddr, url: &str) -> Self {
        let url = url::Url::parse(url).unwrap();
        let server = (url.host_str().unwrap().to_owned(), url.port().unwrap());
        let listener = TcpListener::bind(address).await.unwrap();
        let (address, state) = (listener.local_addr().unwrap(), Arc::new(watch::channel(Wire::Passes).0));
        let told = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                let (server, ask, answer) = (server.clone(), told.subscribe(), told.subscribe());
                tokio::spawn(async move {
                    let Ok(server) = TcpStream::connect(server).await else { return };
                    let ((from_caller, to_caller), (from_server, to_server)) =
                        (caller.into_split(), server.into_split());
                    tokio::join!(
                        carry(from_caller, to_server, ask, |wire| wire != Wire::Silent),
                        carry(from_server, to_caller, answer, |wire| wire == Wire::Passes),
                    );
                });
            }
        });
        Self { address, state }
    }

    /// The same URL over this wire.
    pub fn url(&self, url: &str) -> String {
        let mut url = url::Url::parse(url).unwrap();
        url.set_port(Some(self.address.port())).unwrap();
        url.to_string()
    }

    pub fn set(&self, wire: Wire) {
        self.state.send_replace(wire);
    }
}

/// Carries bytes until an end; once some were swallowed, all are.
async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut state: watch::Receiver<Wire>,
    passes: fn(Wire) -> bool,
) {
    let (mut buffer, mut swallows) = (vec![0; 65_536], !passes(*state.borrow_and_update()));
    loop {
        tokio::select! {
            changed = state.changed() => {
                if changed.is_err() {
                    return;
                }
                swallows |= !passes(*state.borrow_and_update());
            }
            read = from.read(&mut buffer) => match read {
                Ok(n) if n > 0 => {
                    swallows |= !passes(*state.borrow());
                    if !swallows && to.write_all(&buffer[..n]).await.is_err() {
                        return;
                    }
                }
                // An end is told, unless the wire is cut.
                _ => {
                    if !swallows {
                        let _told = to.shutdown().await;
                    }
                    return;
                }
            },
        }
    }
}
