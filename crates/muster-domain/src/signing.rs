//! Signing in: what a person proves who they are with, invites, and the server that mail leaves by.

use crate::field::EntityKind;
use crate::ids::{SecretId, UserId};
use crate::references::{AtRemoval, Refers};
use crate::types::{Bounded, Email, Name, Text, TimeZone, UnixMillis};
use crate::value::FieldError;
use crate::{choice, entity};

const OLD_VALID: &str = "what was valid before is valid again: whoever knows it can use it";

entity! {
    /// What a person signs in with. Apart from the user, so that lists of people do not carry it.
    pub struct SignIn(SignInId): SignIn {
        user: Option<UserId> = None => Meta { label: "User", required: true, edit: Edit::AtCreation, key: Key::Plain,
            refers: Refers::to(&[EntityKind::User], AtRemoval::Keep), help: "Who signs in.", ..Meta::PLAIN };
        password: Option<SecretId> = None => Meta { label: "Password", privacy: Privacy::Secret, edit: Edit::ByCommand,
            undo: Undo::Compensated(OLD_VALID), help: "The Argon2id hash of the password.", ..Meta::PLAIN };
        password_temporary: bool = false => Meta { label: "Temporary password", edit: Edit::ByCommand,
            help: "It must be changed at first sign-in.", ..Meta::PLAIN };
        sign_in_pin: Option<SecretId> = None => Meta { label: "Sign-in PIN", privacy: Privacy::Secret, edit: Edit::ByCommand,
            undo: Undo::Compensated(OLD_VALID), help: "A keyed hash: it is only compared.", ..Meta::PLAIN };
        security_question: Option<Text> = None => Meta { label: "Security question", edit: Edit::ByCommand,
            help: "What is asked of somebody who says that it is them.", ..Meta::PERSONAL };
        security_answer: Option<SecretId> = None => Meta { label: "Security answer", privacy: Privacy::Secret, edit: Edit::ByCommand,
            undo: Undo::Compensated(OLD_VALID), help: "A keyed hash: it is only compared.", ..Meta::PLAIN };
    }
    check(sign_in) {
        if sign_in.security_question.is_some() == sign_in.security_answer.is_some() { return Vec::new(); }
        vec![FieldError::new("security_answer", "goes with a question", "give both or neither")]
    }
}

choice! {
    /// How far an invite is. `expired` is one that was sent and whose link has lived long enough.
    InviteState { Scheduled = "scheduled", Sent = "sent", Accepted = "accepted", Ended = "ended" }
}

entity! {
    /// A welcome with a single-use link.
    pub struct Invite(InviteId): Invite {
        user: Option<UserId> = None => Meta { label: "User", required: true, edit: Edit::AtCreation, key: Key::Plain,
            refers: Refers::to(&[EntityKind::User], AtRemoval::Keep), help: "Who is invited.", ..Meta::PLAIN };
        state: InviteState = InviteState::Sent => Meta { label: "State", edit: Edit::ByCommand, key: Key::Plain,
            undo: Undo::Compensated("a mail that has left is not called back"),
            help: "scheduled, sent, accepted or ended.", ..Meta::PLAIN };
        email: Option<Email> = None => Meta { label: "Email", edit: Edit::AtCreation,
            help: "Where it goes; without one the link is handed over by hand.", ..Meta::PERSONAL };
        send_at: Option<UnixMillis> = None => Meta { label: "Send at", edit: Edit::AtCreation, help: "When it is to leave.", ..Meta::PLAIN };
        time_zone: Option<TimeZone> = None => Meta { label: "Time zone", edit: Edit::AtCreation,
            help: "The zone in which the time was given.", ..Meta::PLAIN };
        sent_at: Option<UnixMillis> = None => Meta { label: "Sent", edit: Edit::ByCommand, help: "When the link was made.", ..Meta::PLAIN };
        expires_at: Option<UnixMillis> = None => Meta { label: "Expires", edit: Edit::ByCommand, help: "When the link stops working.", ..Meta::PLAIN };
        accepted_at: Option<UnixMillis> = None => Meta { label: "Accepted", edit: Edit::ByCommand,
            undo: Undo::Compensated("the link works again until it expires"), help: "When the person accepted.", ..Meta::PLAIN };
        token: Option<SecretId> = None => Meta { label: "Token", privacy: Privacy::Secret, edit: Edit::ByCommand,
            help: "A keyed hash of what the link carries.", ..Meta::PLAIN };
        ended_because: Option<Text> = None => Meta { label: "Ended because", edit: Edit::ByCommand,
            help: "Why it cannot be accepted any more.", ..Meta::PLAIN };
    }
    check(invite) {
        let timed = invite.state != InviteState::Scheduled || invite.send_at.is_some();
        if timed { return Vec::new(); }
        vec![FieldError::new("send_at", "is missing", "say when the invite is to leave")]
    }
}

/// What is told of an invite at a moment.
pub fn invite_word(invite: &Invite, now: UnixMillis) -> &'static str {
    let is_over = invite.expires_at.is_some_and(|at| at <= now);
    match invite.state {
        InviteState::Sent if is_over => "expired",
        state => state.word(),
    }
}

choice! {
    /// How the way to the mail server is protected.
    MailSecurity {
        /// Begins in the clear and must become TLS before anything is said (RFC 3207).
        StartTls = "starttls",
        /// TLS from the first byte (RFC 8314).
        Tls = "tls",
        /// In the clear: for a server on this machine.
        None = "none",
    }
}

entity! {
    /// The server that mail leaves by; one of the operator's organization.
    pub struct MailServer(MailServerId): MailServer {
        host: Name = Name::default() => Meta { label: "Host", required: true, help: "The name or address of the mail server.", ..Meta::PLAIN };
        port: Bounded<1, 65535> = Bounded(587) => Meta { label: "Port", help: "587 with starttls, 465 with tls.", ..Meta::PLAIN };
        security: MailSecurity = MailSecurity::StartTls => Meta { label: "Security", help: "starttls, tls or none.", ..Meta::PLAIN };
        login: Option<Name> = None => Meta { label: "Login", help: "What to sign in to the server as; without it nobody signs in.", ..Meta::PLAIN };
        password: Option<SecretId> = None => Meta { label: "Password", privacy: Privacy::Secret, edit: Edit::ByCommand,
            help: "What to sign in to the server with.", ..Meta::PLAIN };
        from_address: Email = Email::default() => Meta { label: "From", required: true, help: "The address that mail comes from.", ..Meta::PLAIN };
        from_name: Option<Name> = None => Meta { label: "From name", help: "The name that mail comes from.", ..Meta::PLAIN };
    }
    check(server) {
        if server.login.is_some() && server.security == MailSecurity::None && !is_local(server.host.as_str()) {
            return vec![FieldError::new("security", "would send the password in the clear", "choose starttls or tls")];
        }
        if server.host.as_str().chars().any(|c| c.is_whitespace() || "/@:".contains(c)) && server.host.as_str().parse::<std::net::IpAddr>().is_err() {
            return vec![FieldError::new("host", "is not a host", "write its name alone, such as smtp.example.com")];
        }
        Vec::new()
    }
}

fn is_local(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
