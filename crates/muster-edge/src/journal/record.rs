//! A binding as bytes in the journal, and back.
//!
//! The body begins with a version byte; fields follow in the order below, strings with a two-byte
//! length, optional ones with a length of 65535 for "none". All integers are little-endian. The
//! expiry stands in the frame, as time of day, so that it holds over a restart.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use muster_domain::ids::{CredentialId, OrgId, SecretId, UserId};
use muster_phone::{BindingKey, BindingRecord, BindingState, Flow, FlowId, Transport};
use muster_sip::time::Instant;
use rustc_hash::FxHashMap;
use uuid::Uuid;

use super::log::Entry;

/// Bindings of another version are left out: their phones register again when they refresh.
const VERSION: u8 = 2;
const NONE: u16 = u16::MAX;

/// The bindings of the journal that still hold, by organization, whose plan they wait for, and by
/// the log's hash of their key.
pub(crate) type Restorable = FxHashMap<OrgId, FxHashMap<u64, BindingRecord>>;

/// Takes one entry of the journal into `restorable`: the newest of a key counts, an expired or
/// unreadable one is left out. `to_instant` converts from microseconds of Unix time.
pub(crate) fn restorable(
    restorable: &mut Restorable,
    hash: u64,
    entry: Entry<'_>,
    now_unix_us: u64,
    to_instant: impl Fn(u64) -> Instant,
) {
    let Some(key) = read_key(entry.key) else {
        return;
    };
    let of_org = restorable.entry(key.org).or_default();
    let state = match entry.expires_us > now_unix_us {
        true => read_state(entry.body, to_instant(entry.expires_us)),
        false => None,
    };
    match state {
        Some(state) => {
            let state = Some(state);
            of_org.insert(hash, BindingRecord { key, state });
        }
        None => {
            of_org.remove(&hash);
        }
    }
}

/// Room for encoding, used again for each record.
#[derive(Default)]
pub(crate) struct Encoder {
    key: Vec<u8>,
    body: Vec<u8>,
}

impl Encoder {
    /// The journal's entry of `record`.
    pub(crate) fn encode(
        &mut self,
        record: &BindingRecord,
        to_unix_us: impl Fn(Instant) -> u64,
    ) -> Entry<'_> {
        self.key.clear();
        self.body.clear();
        self.key.extend_from_slice(record.key.org.0.as_bytes());
        self.key.extend_from_slice(record.key.user.0.as_bytes());
        self.key.extend_from_slice(record.key.contact.as_bytes());
        let mut expires_us = 0;
        if let Some(state) = &record.state {
            expires_us = to_unix_us(state.expires_at).max(1);
            write_state(state, &mut self.body);
        }
        Entry { expires_us, key: &self.key, body: &self.body }
    }
}

fn read_key(key: &[u8]) -> Option<BindingKey> {
    let (org, rest) = key.split_first_chunk::<16>()?;
    let (user, contact) = rest.split_first_chunk::<16>()?;
    Some(BindingKey {
        org: OrgId(Uuid::from_bytes(*org)),
        user: UserId(Uuid::from_bytes(*user)),
        contact: std::str::from_utf8(contact).ok()?.into(),
    })
}

fn write_state(state: &BindingState, out: &mut Vec<u8>) {
    out.push(VERSION);
    out.extend_from_slice(state.credential.0.as_bytes());
    out.extend_from_slice(state.secret.0.as_bytes());
    out.extend_from_slice(&state.call_id_hash.to_le_bytes());
    out.extend_from_slice(&state.cseq.to_le_bytes());
    out.extend_from_slice(&state.q_milli.to_le_bytes());
    out.extend_from_slice(&state.reg_id.to_le_bytes());
    out.push(match state.flow.transport {
        Transport::Udp => 0,
        Transport::Tcp => 1,
    });
    out.extend_from_slice(&state.flow.id.0.to_le_bytes());
    write_address(state.flow.peer, out);
    write_address(state.flow.local, out);
    write_text(state.instance.as_deref(), out);
    write_text(state.user_agent.as_deref(), out);
}

fn read_state(body: &[u8], expires_at: Instant) -> Option<BindingState> {
    let mut reader = Reader(body);
    if reader.take::<1>()? != [VERSION] {
        return None;
    }
    let credential = CredentialId(Uuid::from_bytes(reader.take()?));
    let secret = SecretId(Uuid::from_bytes(reader.take()?));
    let call_id_hash = u64::from_le_bytes(reader.take()?);
    let cseq = u32::from_le_bytes(reader.take()?);
    let q_milli = u16::from_le_bytes(reader.take()?);
    let reg_id = u32::from_le_bytes(reader.take()?);
    let transport = match reader.take::<1>()? {
        [0] => Transport::Udp,
        [1] => Transport::Tcp,
        _ => return None,
    };
    let id = FlowId(u64::from_le_bytes(reader.take()?));
    let peer = reader.address()?;
    let local = reader.address()?;
    let flow = Flow { transport, peer, id, local };
    Some(BindingState {
        credential,
        secret,
        call_id_hash,
        cseq,
        q_milli,
        instance: reader.text()?,
        reg_id,
        user_agent: reader.text()?.map(Into::into),
        flow,
        expires_at,
    })
}

/// Family, octets, port. The scope of a link-local IPv6 address goes along: without it an answer
/// has no interface to leave by.
fn write_address(address: SocketAddr, out: &mut Vec<u8>) {
    match address {
        SocketAddr::V4(v4) => {
            out.push(4);
            out.extend_from_slice(&v4.ip().octets());
        }
        SocketAddr::V6(v6) => {
            out.push(6);
            out.extend_from_slice(&v6.ip().octets());
            out.extend_from_slice(&v6.scope_id().to_le_bytes());
        }
    }
    out.extend_from_slice(&address.port().to_le_bytes());
}

/// Text too long for its length is cut to nothing: no field of a binding comes near.
fn write_text(text: Option<&str>, out: &mut Vec<u8>) {
    let length =
        text.map_or(Some(NONE), |text| u16::try_from(text.len()).ok().filter(|length| *length != NONE));
    out.extend_from_slice(&length.unwrap_or(0).to_le_bytes());
    if let (Some(text), Some(_)) = (text, length) {
        out.extend_from_slice(text.as_bytes());
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn address(&mut self) -> Option<SocketAddr> {
        let (ip, scope) = match self.take::<1>()? {
            [4] => (IpAddr::V4(Ipv4Addr::from(self.take::<4>()?)), 0),
            [6] => {
                let ip = Ipv6Addr::from(self.take::<16>()?);
                (IpAddr::V6(ip), u32::from_le_bytes(self.take()?))
            }
            _ => return None,
        };
        let mut address = SocketAddr::new(ip, u16::from_le_bytes(self.take()?));
        if let SocketAddr::V6(v6) = &mut address {
            v6.set_scope_id(scope);
        }
        Some(address)
    }

    /// `Some(None)` is a text that is not there; `None` is damage.
    fn text(&mut self) -> Option<Option<Box<str>>> {
        let length = u16::from_le_bytes(self.take()?);
        if length == NONE {
            return Some(None);
        }
        let (text, rest) = self.0.split_at_checked(usize::from(length))?;
        self.0 = rest;
        Some(Some(std::str::from_utf8(text).ok()?.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(peer: &str, instance: Option<&str>) -> BindingRecord {
        BindingRecord {
            key: BindingKey {
                org: OrgId(Uuid::from_u128(1)),
                user: UserId(Uuid::from_u128(2)),
                contact: "sip:anna@192.0.2.9:5070;transport=tcp".into(),
            },
            state: Some(BindingState {
                credential: CredentialId(Uuid::from_u128(3)),
                secret: SecretId(Uuid::from_u128(4)),
                call_id_hash: 0xa84b_4c76_e667_1000,
                cseq: 314_159,
                q_milli: 700,
                instance: instance.map(Box::from),
                reg_id: 5,
                user_agent: None,
                flow: Flow {
                    transport: Transport::Tcp,
                    peer: peer.parse().unwrap(),
                    id: FlowId(77),
                    local: "192.0.2.1:5060".parse().unwrap(),
                },
                expires_at: Instant(5_000),
            }),
        }
    }

    fn take_in(into: &mut Restorable, record: &BindingRecord, now_us: u64) {
        let mut encoder = Encoder::default();
        let entry = encoder.encode(record, |instant| instant.0);
        restorable(into, 7, entry, now_us, Instant);
    }

    #[test]
    fn a_binding_reads_back_as_it_was_written() {
        for peer in ["198.51.100.7:5062", "[2001:db8::7]:5062", "[fe80::1%3]:5062"] {
            for instance in [None, Some(""), Some("<urn:uuid:1-2>")] {
                let written = record(peer, instance);
                let mut read = Restorable::default();
                take_in(&mut read, &written, 4_999);
                let of_org = &read[&written.key.org];
                assert_eq!(of_org[&7], written, "{peer} {instance:?}");
            }
        }
    }

    #[test]
    fn what_was_removed_or_has_expired_is_not_restored() {
        let written = record("198.51.100.7:5062", None);
        let gone = BindingRecord { state: None, ..written.clone() };
        let mut read = Restorable::default();
        take_in(&mut read, &written, 1);
        take_in(&mut read, &gone, 1);
        assert!(read[&written.key.org].is_empty());
        take_in(&mut read, &written, 5_000);
        assert!(read[&written.key.org].is_empty());
    }

    #[test]
    fn a_body_cut_at_any_byte_is_left_out() {
        let written = record("[2001:db8::7]:5062", Some("x"));
        let mut encoder = Encoder::default();
        let entry = encoder.encode(&written, |instant| instant.0);
        for length in 0..entry.body.len() {
            let body = &entry.body[..length];
            let mut read = Restorable::default();
            restorable(&mut read, 7, Entry { body, ..entry }, 1, Instant);
            assert!(read[&written.key.org].is_empty(), "{length}");
        }
    }
}
