//! Handing one mail to a server (RFC 5321), over TLS where the settings say so.

use std::time::Duration;

use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{SmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, Message};
use zeroize::Zeroizing;

/// A server that says nothing for this long has failed; what is asked for is asked for again later.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// How the way to the server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    StartTls,
    Tls,
    None,
}

/// Where mail is handed over.
#[derive(Clone)]
pub struct Server {
    pub host: String,
    pub port: u16,
    pub security: Security,
    pub login: Option<(String, Zeroizing<String>)>,
    pub from_address: String,
    pub from_name: Option<String>,
    /// What this machine calls itself.
    pub hello: Option<String>,
}

/// One mail.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'a> {
    pub to: &'a str,
    /// Without the angle brackets. The same at every try: who gets it twice can tell.
    pub message_id: &'a str,
    pub subject: &'a str,
    pub text: &'a str,
    pub html: &'a str,
}

/// What a failure means for the mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// The server is away or slow: this mail and all others wait.
    Away,
    /// The server does not take this mail now.
    Later,
    /// The server does not take what it is told by anybody: the settings are wrong. All mail waits.
    Settings,
    /// The server took this mail's recipient or text for good reasons and refuses it for good.
    Never,
}

#[derive(Clone, Debug, thiserror::Error)]
#[error("{why}")]
pub struct Failure {
    pub then: Then,
    pub why: String,
}

/// Hands the mail over. `Ok` is the server's word that it has it.
pub fn send(server: &Server, letter: &Letter<'_>) -> Result<(), Failure> {
    let message = message(server, letter)?;
    let mut connection = connect(server)?;
    connection
        .send(message.envelope(), &message.formatted())
        .map_err(|error| failure(server, &error, false))?;
    // It has the mail: how it says goodbye does not matter.
    let _ = connection.quit();
    Ok(())
}

/// Encrypted and signed in, as the settings say.
fn connect(server: &Server) -> Result<SmtpConnection, Failure> {
    let parameters = || {
        TlsParameters::new(server.host.clone())
            .map_err(|e| settings(format!("TLS with {} cannot begin: {e}", server.host)))
    };
    let hello = ClientId::Domain(server.hello.clone().unwrap_or_else(|| "localhost".into()));
    let failed = |error: Error| failure(server, &error, true);
    let place = (server.host.as_str(), server.port);
    let mut connection = match server.security {
        Security::Tls => {
            SmtpConnection::connect(place, Some(SILENCE_MAX), &hello, Some(&parameters()?), None)
        }
        Security::StartTls | Security::None => {
            SmtpConnection::connect(place, Some(SILENCE_MAX), &hello, None, None)
        }
    }
    .map_err(failed)?;
    if server.security == Security::StartTls {
        connection.starttls(&parameters()?, &hello).map_err(failed)?;
    }
    if let Some((login, password)) = &server.login {
        let credentials = Credentials::new(login.clone(), password.to_string());
        connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).map_err(failed)?;
    }
    Ok(connection)
}

/// RFC 3834 §5: nobody is to answer it automatically.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(AutoSubmitted)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_string())
    }
}

fn message(server: &Server, letter: &Letter<'_>) -> Result<Message, Failure> {
    let from: Address = server
        .from_address
        .parse()
        .map_err(|e| settings(format!("{} is no address to send from: {e}", server.from_address)))?;
    let to: Address = letter
        .to
        .parse()
        .map_err(|e| Failure { then: Then::Never, why: format!("{} is no address: {e}", letter.to) })?;
    let part = |kind: ContentType, body: &str| SinglePart::builder().header(kind).body(body.to_string());
    Message::builder()
        .from(Mailbox::new(server.from_name.clone(), from))
        .to(Mailbox::new(None, to))
        .message_id(Some(format!("<{}>", letter.message_id)))
        .header(AutoSubmitted)
        .subject(letter.subject)
        .multipart(
            MultiPart::alternative()
                .singlepart(part(ContentType::TEXT_PLAIN, letter.text))
                .singlepart(part(ContentType::TEXT_HTML, letter.html)),
        )
        .map_err(|e| Failure { then: Then::Never, why: format!("the mail cannot be written: {e}") })
}

fn settings(why: String) -> Failure {
    Failure { then: Then::Settings, why }
}

/// `before_mail`: nothing of this mail has been said yet, so it is about all mail.
fn failure(server: &Server, error: &Error, before_mail: bool) -> Failure {
    let place = format!("{}:{}", server.host, server.port);
    // The cause says what is wrong, the error itself only where.
    let mut said = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !said.contains(&inner_text) {
            said = format!("{said}: {inner_text}");
        }
        cause = inner.source();
    }
    if is_silence(error) {
        said = format!("it says nothing for {} s", SILENCE_MAX.as_secs());
    }
    let then = match error.status().map(u16::from) {
        // What is wrong with signing in, or with who sends (RFC 4954 §6, RFC 5321 §4.2.2).
        Some(503 | 530 | 534 | 535 | 538) => Then::Settings,
        Some(_) if before_mail && error.is_permanent() => Then::Settings,
        Some(_) if before_mail => Then::Away,
        Some(_) if error.is_permanent() => Then::Never,
        Some(_) => Then::Later,
        // A certificate that nobody vouches for, or no way to sign in: nothing that waiting mends.
        None if before_mail && (error.is_tls() || error.is_client()) => Then::Settings,
        None if error.is_client() => Then::Never,
        None => Then::Away,
    };
    Failure { then, why: format!("{place}: {said}") }
}

/// A read that ended without an answer.
fn is_silence(error: &Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            return matches!(io.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut);
        }
        cause = inner.source();
    }
    false
}
