//! `topup healthy`: asks a running `serve` on this machine whether it is ready, for a container's HEALTHCHECK.

use crate::app::failure::Failure;
use crate::settings::{listen, values};
use axum::body::Bytes;
use clap::Args;
use http_body_util::Empty;
use hyper::{StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// How long an answer is waited for.
const ANSWER_MAX: Duration = Duration::from_secs(8);

/// The arguments of `healthy`.
#[derive(Args, Clone, Debug)]
pub struct HealthySettings {
    /// The address of `serve`
    #[arg(long, env = "LISTEN", default_value = "127.0.0.1:3000", value_parser = values::word_of(listen::parse))]
    pub listen: SocketAddr,
}

/// `topup healthy`.
///
/// # Errors
/// [`Failure`]: `/readyz` does not answer, or not with 200.
pub async fn run(settings: &HealthySettings) -> Result<(), Failure> {
    let url = format!("{}/readyz", listen::url(reachable(settings.listen)?));
    let uri: Uri = url.parse().map_err(|e| Failure::Setting(format!("LISTEN: {e}")))?;
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    match tokio::time::timeout(ANSWER_MAX, client.get(uri)).await {
        Ok(Ok(answer)) if answer.status() == StatusCode::OK => {
            println!("ok: {url}");
            Ok(())
        }
        Ok(Ok(answer)) => Err(Failure::Failed(format!("{url}: {}", answer.status()))),
        Ok(Err(_)) => Err(Failure::Failed(format!("{url}: nothing answers there"))),
        Err(_) => Err(Failure::Failed(format!("{url}: no answer in {} seconds", ANSWER_MAX.as_secs()))),
    }
}

/// An address to listen on all addresses is no address to connect to.
fn reachable(listen: SocketAddr) -> Result<SocketAddr, Failure> {
    if listen.port() == 0 {
        return Err(Failure::Setting("LISTEN: port 0 is any free port; name the port of `serve`".to_owned()));
    }
    let ip = match listen.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    Ok(SocketAddr::new(ip, listen.port()))
}
