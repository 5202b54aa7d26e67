//! A peer that speaks SMTP on a socket: it takes email, defers it, refuses it, hangs or goes away by the recipient's
//! name.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A server of email.
#[derive(Clone)]
pub struct Peer {
    pub url: String,
    taken: Arc<Mutex<Vec<String>>>,
    /// True if it answers for those for whom it otherwise hangs or drops.
    pub is_well: Arc<AtomicBool>,
    /// True if it takes nothing from anybody.
    pub is_away: Arc<AtomicBool>,
    /// Connections that were made to it.
    pub connections: Arc<AtomicUsize>,
}

impl Peer {
    /// Begins to listen.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("smtp://{}", listener.local_addr().expect("an address"));
        let (taken, connections) = (Arc::default(), Arc::default());
        let peer = Self { url, taken, is_well: Arc::default(), is_away: Arc::default(), connections };
        let inside = peer.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let peer = inside.clone();
                peer.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move { peer.talk(stream).await });
            }
        });
        peer
    }

    /// The messages that it has taken.
    pub fn taken(&self) -> Vec<String> {
        self.taken.lock().expect("a lock").clone()
    }

    async fn talk(&self, stream: TcpStream) -> Option<()> {
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        write.write_all(b"220 peer\r\n").await.ok()?;
        while let Some(line) = lines.next_line().await.ok()? {
            let answer = match line.get(..4).unwrap_or_default() {
                "EHLO" => "250 peer",
                "RCPT" if line.contains("later@") => "451 4.2.1 <later@acme.example> is busy",
                "MAIL" if self.is_away.load(Ordering::SeqCst) => "421 4.3.2 closing",
                "RCPT" if line.contains("nobody@") => "550 5.1.1 <nobody@acme.example>: no such user",
                "DATA" => {
                    write.write_all(b"354 go on\r\n").await.ok()?;
                    let mut mail = String::new();
                    while let Some(line) = lines.next_line().await.ok()?.filter(|line| line != ".") {
                        mail.push_str(&line);
                        mail.push('\n');
                    }
                    let (hangs, drops) = (mail.contains("To: hang@"), mail.contains("To: drop@"));
                    self.taken.lock().ok()?.push(mail);
                    match (hangs, drops, self.is_well.load(Ordering::SeqCst)) {
                        // Says nothing until the other side goes.
                        (true, _, false) => return lines.next_line().await.ok()?.map(|_| ()),
                        (_, true, false) => return None,
                        _ => "250 taken",
                    }
                }
                "QUIT" => "221 bye",
                _ => "250 ok",
            };
            write.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
        }
        Some(())
    }
}
