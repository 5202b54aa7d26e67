//! SMTP by lettre: `smtp://user:password@host:587` (STARTTLS) or `smtps://…`.

use crate::email::{Sent, redact};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{AsyncSmtpTransportBuilder, PoolConfig};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use url::Url;

/// How long one answer of the server may take.
const STEP_MAX: Duration = Duration::from_secs(15);
/// How many such answers a whole delivery may take: a minute. The library holds to the time of one only while it
/// connects.
const STEPS_MAX: u32 = 4;

/// How many connections are kept open between emails, and for how long: servers close idle ones after some minutes.
const KEPT_MAX: u32 = 8;
const KEPT_FOR: Duration = Duration::from_secs(30);

/// A server that takes email.
#[derive(Clone)]
pub struct Smtp {
    builder: AsyncSmtpTransportBuilder,
    /// Made with the first email; given up with all of its connections when one of them falls silent.
    transport: Arc<Mutex<Option<AsyncSmtpTransport<Tokio1Executor>>>>,
    delivery_max: Duration,
}

impl Smtp {
    /// From `SMTP_URL`. To another machine a password goes encrypted only; without one TLS is used where the
    /// server has it. `hello` is the domain that the server is greeted with.
    ///
    /// # Errors
    /// What is wrong with the URL; never what it holds.
    pub fn new(url: &str, hello: &str) -> Result<Self, String> {
        Self::patient(url, hello, STEP_MAX)
    }

    /// The same, waiting at most `step_max` for each answer.
    ///
    /// # Errors
    /// Those of [`Smtp::new`].
    pub fn patient(url: &str, hello: &str, step_max: Duration) -> Result<Self, String> {
        let url = Url::parse(url).map_err(|e| format!("is no address: {e}"))?;
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

    /// The library puts a connection back though its server has not answered yet: none of those is used again.
    fn give_up_connections(&self) {
        self.transport.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Connects, signs in where there is a password, and leaves.
    ///
    /// # Errors
    /// Why not, in the server's words or the library's.
    pub async fn test(&self) -> Result<(), String> {
        match tokio::time::timeout(self.delivery_max, self.transport().test_connection()).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err("the mail server took the connection, and no command".to_owned()),
            Ok(Err(e)) => Err(format!("the mail server: {e}")),
            Err(_) => Err("the mail server took longer than a minute".to_owned()),
        }
    }

    /// Hands a message over.
    pub async fn send(&self, message: Message) -> Sent {
        let transport = self.transport();
        match tokio::time::timeout(self.delivery_max, transport.send(message)).await {
            Ok(Ok(_)) => Sent::Accepted,
            Ok(Err(e)) => refusal(e.status().map(u16::from), &e.to_string()),
            Err(_) => {
                self.give_up_connections();
                Sent::Deferred("the mail server took longer than a minute".to_owned())
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

/// A 5xx is about the email and final, but for those that are about us: encryption and the password.
fn refusal(status: Option<u16>, reason: &str) -> Sent {
    let reason = redact(reason);
    match status {
        Some(530 | 534 | 535 | 538) => Sent::Deferred(format!("the mail server refuses SMTP_URL's user: {reason}")),
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
    fn a_password_is_what_was_percent_encoded() {
        assert_eq!(decoded("p%40ss+word%26"), "p@ss+word&");
    }

    #[test]
    fn only_a_5xx_about_the_mail_itself_is_final() {
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
