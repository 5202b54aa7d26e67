//! A load tool that costs little beside what it measures: HTTP/1.1, kept alive, one question at a time a connection.

use crate::report::Sample;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A request and its expected answer.
pub struct Ask {
    pub method: &'static str,
    pub path: String,
    pub headers: String,
    pub body: String,
    /// 0: any.
    pub status: u16,
}

/// The results of many connections.
pub struct Done {
    pub calls: u64,
    pub took: Duration,
    pub times: Vec<Duration>,
}

impl Done {
    pub fn p99(&mut self) -> Option<Duration> {
        self.times.sort_unstable();
        self.times.get(self.times.len() * 99 / 100).copied()
    }

    /// Each call did so much.
    pub fn sample(mut self, each: f64) -> Sample {
        Sample { rate: self.calls as f64 * each / self.took.as_secs_f64(), p99: self.p99() }
    }
}

/// Asks again and again, for so long, over so many connections.
pub async fn load<F>(address: SocketAddr, connections: usize, round: Duration, ask: F) -> Done
where
    F: Fn(usize, usize) -> Ask + Clone + Send + 'static,
{
    let start = Instant::now();
    let tasks: Vec<_> = (0..connections)
        .map(|connection| {
            let ask = ask.clone();
            tokio::spawn(async move {
                let (mut stream, mut buffer, mut times) = (connect(address).await, Vec::new(), Vec::new());
                while start.elapsed() < round {
                    let began = Instant::now();
                    call(&mut stream, &mut buffer, address, &ask(connection, times.len())).await;
                    times.push(began.elapsed());
                }
                times
            })
        })
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.unwrap());
    }
    Done { calls: times.len() as u64, took: start.elapsed(), times }
}

pub async fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// One call; its body.
pub async fn call(stream: &mut TcpStream, buffer: &mut Vec<u8>, address: SocketAddr, ask: &Ask) -> String {
    answer(stream, buffer, address, ask).await.1
}

/// One call; its head, and its body.
pub async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>, address: SocketAddr, ask: &Ask) -> (String, String) {
    let Ask { method, path, headers, body, status } = ask;
    let text =
        format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(text.as_bytes()).await.unwrap();
    buffer.clear();
    loop {
        let n = stream.read_buf(buffer).await.unwrap();
        assert!(n > 0, "the server closed the connection");
        let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
        let rest = &buffer[end + 4..];
        let length = head.split("content-length: ").nth(1).and_then(|tail| tail.lines().next()?.trim().parse().ok());
        let complete = match length {
            Some(length) => rest.len() >= length,
            None => rest.ends_with(b"0\r\n\r\n"),
        };
        if complete {
            let said: u16 = head[9..12].parse().unwrap();
            assert!(*status == 0 || said == *status, "{}", String::from_utf8_lossy(buffer));
            return (String::from_utf8_lossy(&buffer[..end]).into_owned(), String::from_utf8_lossy(rest).into_owned());
        }
    }
}
