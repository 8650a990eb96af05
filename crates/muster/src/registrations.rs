//! The phones that are registered, as the API shows them and signs them off.

use std::hash::{DefaultHasher, Hash, Hasher};

use muster_app::App;
use muster_app::phones::RegisteredPhone;
use muster_domain::types::UnixMillis;
use muster_edge::EdgeHandle;
use muster_phone::{RegistrationView, Transport};
use muster_sip::uri::Scheme;
use muster_sip::{Instant, Uri};

/// Lets the use cases ask the phone core, and order it.
pub fn connect(app: &App, edge: &EdgeHandle) {
    let asked = edge.clone();
    app.phones().answer_with(move |org, user| {
        asked.registrations(org, user).unwrap_or_default().iter().map(|view| phone(&asked, view)).collect()
    });
    let ordered = edge.clone();
    app.phones().sign_off_with(move |org, user, id| {
        let contact = match id {
            None => None,
            Some(id) => {
                let of_person = ordered.registrations(org, Some(user)).unwrap_or_default();
                let Some(meant) = of_person.into_iter().find(|view| id_of(view) == id) else {
                    return Vec::new();
                };
                Some(meant.contact)
            }
        };
        ordered
            .sign_off(org, user, contact)
            .unwrap_or_default()
            .iter()
            .map(|view| phone(&ordered, view))
            .collect()
    });
}

fn phone(edge: &EdgeHandle, view: &RegistrationView) -> RegisteredPhone {
    let unix = |at: Instant| UnixMillis((edge.unix_us(at) / 1000) as i64);
    RegisteredPhone {
        id: id_of(view),
        user: view.user,
        contact: shown(&view.contact),
        user_agent: view.user_agent.as_deref().map(str::to_string),
        transport: match view.transport {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
        },
        address: view.peer,
        since: unix(view.since),
        expires_at: unix(view.expires_at),
    }
}

/// A person's contacts differ, and stay as they are as long as they are registered.
fn id_of(view: &RegistrationView) -> u64 {
    let mut hasher = DefaultHasher::new();
    view.contact.hash(&mut hasher);
    hasher.finish()
}

/// Scheme, user, host and port. A contact may hold a password (RFC 3261 §19.1.1) or the key by which a
/// phone is woken (`pn-prid` of RFC 8599), and those are nobody else's.
fn shown(contact: &str) -> String {
    let Ok(uri) = Uri::parse(contact) else { return String::new() };
    let scheme = match uri.scheme {
        Scheme::Sips => "sips",
        _ => "sip",
    };
    let user = uri.user.map(|user| format!("{user}@")).unwrap_or_default();
    let port = uri.port.map(|port| format!(":{port}")).unwrap_or_default();
    format!("{scheme}:{user}{}{port}", uri.host)
}

#[test]
fn a_contact_is_shown_without_what_may_be_secret_in_it() {
    for (contact, expect) in [
        ("sip:1001@192.0.2.7:5062;transport=tcp", "sip:1001@192.0.2.7:5062"),
        ("sip:ana:hunter2@192.0.2.7", "sip:ana@192.0.2.7"),
        ("sips:ana@[2001:db8::7]:5061;pn-prid=key?X=y", "sips:ana@[2001:db8::7]:5061"),
    ] {
        assert_eq!(shown(contact), expect);
    }
}
