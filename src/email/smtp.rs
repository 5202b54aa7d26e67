//! SMTP by lettre: `smtp://user:password@host:587` (STARTTLS) or `smtps://…`.

use crate::email::letter::{Sent, redact};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{AsyncSmtpTransportBuilder, PoolConfig};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use url::Url;

/// The time-out of one reply of the server.
const STEP_MAX: Duration = Duration::from_secs(15);
/// The time-out of a delivery, as a number of replies: a minute. The library's own time-out covers connecting only.
const STEPS_MAX: u32 = 4;

/// Open connections between emails, and their idle time: servers close idle ones after some minutes.
const KEPT_MAX: u32 = 8;
const KEPT_FOR: Duration = Duration::from_secs(30);

/// An SMTP server.
#[derive(Clone)]
pub struct Smtp {
    builder: AsyncSmtpTransportBuilder,
    /// Created with the first email; dropped with all connections when one of them times out.
    transport: Arc<Mutex<Option<AsyncSmtpTransport<Tokio1Executor>>>>,
    delivery_max: Duration,
}

impl Smtp {
    /// Parses `SMTP_URL`. A password goes to another machine by TLS only; without a password TLS is used if the server
    /// offers it. `hello` is the domain of the greeting.
    ///
    /// # Errors
    /// The reason, without the URL.
    pub fn new(url: &str, hello: &str) -> Result<Self, String> {
        Self::patient(url, hello, STEP_MAX)
    }

    /// A server with another time-out for each reply.
    ///
    /// # Errors
    /// Those of [`Smtp::new`].
    pub fn patient(url: &str, hello: &str, step_max: Duration) -> Result<Self, String> {
        let url = Url::parse(url).map_err(|e| format!("is not a URL: {e}"))?;
        let wrapped = match url.scheme() {
            "smtp" => false,
            "smtps" => true,
            _ => return Err("is neither smtp://… nor smtps://…".to_owned()),
        };
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err("has more than a user, a password, a host and a port".to_owned());
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or("names no host")?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let credentials = credentials(&url)?;
        let here = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        let tls = || TlsParameters::new(host.clone()).map_err(|_| "names a host that TLS cannot check".to_owned());
        let (port, tls) = match (wrapped, here, credentials.is_some()) {
            (true, ..) => (465, Tls::Wrapper(tls()?)),
            (false, true, _) => (25, Tls::None),
            (false, false, true) => (587, Tls::Required(tls()?)),
            (false, false, false) => (25, Tls::Opportunistic(tls()?)),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(url.port().unwrap_or(port))
            .tls(tls)
            .hello_name(ClientId::Domain(hello.to_owned()))
            .timeout(Some(step_max))
            .pool_config(PoolConfig::new().max_size(KEPT_MAX).idle_timeout(KEPT_FOR));
        if let Some(credentials) = credentials {
            builder = builder.credentials(credentials);
        }
        Ok(Self { builder, transport: Arc::default(), delivery_max: step_max * STEPS_MAX })
    }

    fn transport(&self) -> AsyncSmtpTransport<Tokio1Executor> {
        let mut transport = self.transport.lock().unwrap_or_else(PoisonError::into_inner);
        transport.get_or_insert_with(|| self.builder.clone().build()).clone()
    }

    /// The library reuses a connection whose reply is still missing, so the transport is dropped.
    fn give_up_connections(&self) {
        self.transport.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Connects, signs in if there is a password, and quits.
    ///
    /// # Errors
    /// The reason of the server or the library.
    pub async fn test(&self) -> Result<(), String> {
        match tokio::time::timeout(self.delivery_max, self.transport().test_connection()).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err("the email server accepted the connection but no command".to_owned()),
            Ok(Err(e)) => Err(format!("the email server: {e}")),
            Err(_) => Err("the email server took longer than a minute".to_owned()),
        }
    }

    /// Sends a message.
    pub async fn send(&self, message: Message) -> Sent {
        let transport = self.transport();
        match tokio::time::timeout(self.delivery_max, transport.send(message)).await {
            Ok(Ok(_)) => Sent::Accepted,
            Ok(Err(e)) => refusal(e.status().map(u16::from), &e.to_string()),
            Err(_) => {
                self.give_up_connections();
                Sent::Deferred("the email server took longer than a minute".to_owned())
            }
        }
    }
}

fn credentials(url: &Url) -> Result<Option<Credentials>, String> {
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        ("", Some(_)) => Err("has a password without a user".to_owned()),
        (_, None) => Err("has a user without a password".to_owned()),
        (user, Some(password)) => Ok(Some(Credentials::new(decoded(user), decoded(password)))),
    }
}

/// Undoes `%40`, and leaves `+` alone.
fn decoded(text: &str) -> String {
    let query = format!("x={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(query.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// A 5xx is final, except those about encryption and the password.
fn refusal(status: Option<u16>, reason: &str) -> Sent {
    let reason = redact(reason);
    match status {
        Some(530 | 534 | 535 | 538) => Sent::Deferred(format!("the email server refuses SMTP_URL's user: {reason}")),
        Some(500..=599) => Sent::Refused(reason),
        _ => Sent::Deferred(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_smtp_url_is_whole_or_refused() {
        let check = |url: &str, good: bool| {
            let made = Smtp::new(url, "gleaner.example");
            assert_eq!(made.is_ok(), good, "{url}: {:?}", made.err());
        };
        check("smtp://127.0.0.1:2525", true);
        check("smtp://[::1]:2525", true);
        check("smtps://user:p%40ss@mail.example", true);
        check("smtp://user:pass@mail.example:587", true);
        check("smtp://mail.example/", true);
        check("", false);
        check("mail.example", false);
        check("smtp://", false);
        check("http://mail.example", false);
        check("smtp://user@mail.example", false);
        check("smtp://:pass@mail.example", false);
        check("smtp://mail.example/path", false);
        check("smtp://mail.example?tls=no", false);
    }

    #[test]
    fn a_password_is_percent_decoded() {
        assert_eq!(decoded("p%40ss+word%26"), "p@ss+word&");
    }

    #[test]
    fn only_a_5xx_about_the_email_itself_is_final() {
        let check = |status, refused: bool| {
            assert_eq!(matches!(refusal(status, "no"), Sent::Refused(_)), refused, "{status:?}");
        };
        check(Some(550), true);
        check(Some(554), true);
        check(Some(535), false);
        check(Some(530), false);
        check(Some(451), false);
        check(Some(421), false);
        check(None, false);
    }
}
