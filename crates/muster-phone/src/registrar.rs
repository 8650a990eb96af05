//! REGISTER (RFC 3261 §10): who is where.

use core::fmt::Write as _;
use core::time::Duration;
use std::hash::{DefaultHasher, Hasher};

use muster_sip::message::seconds;
use muster_sip::transaction;
use muster_sip::uri::Scheme;
use muster_sip::{Contacts, Instant, Message, Name, NameAddr, Uri};

use crate::auth::{Challenger, Identity, refusal};
use crate::contact::{q_milli, reachable_by, same_contact};
use crate::core::{Core, Wake};
use crate::io::{BindingRecord, BindingState, Flow, Output, Transport};
use crate::location::{Binding, PersonKey, seconds_left};
use crate::pool::Key;

/// Why a REGISTER is refused.
struct Refused {
    status: u16,
    reason: &'static str,
}

const fn refused(status: u16, reason: &'static str) -> Refused {
    Refused { status, reason }
}

/// What one Contact of a REGISTER asks for.
enum Wish {
    Add { contact: Box<str>, state: BindingState },
    Refresh(Key<Binding>, BindingState),
    Remove(Key<Binding>),
}

impl Wish {
    fn added(&self) -> Option<(&str, &BindingState)> {
        match self {
            Wish::Add { contact, state } => Some((contact, state)),
            _ => None,
        }
    }
}

impl Core {
    pub(crate) fn on_register(
        &mut self,
        request: &Message,
        key: &transaction::Key,
        flow: Flow,
        now: Instant,
    ) {
        let fingerprint = self.answered.fingerprint(key, request, flow);
        if flow.transport == Transport::Udp
            && let Some((person, status)) = self.answered.find(fingerprint)
        {
            self.counters.retransmissions_received += 1;
            return match status {
                200 => self.answer_bindings(request, person, flow, now),
                status => self.answer(request, status, flow),
            };
        }
        let Ok(to) = request.to() else { return self.answer(request, 400, flow) };
        let Some(identity) = self.authenticate(request, &to, Challenger::Server, flow, now) else { return };
        let status = match self.register(request, &to, &identity, flow, now) {
            Ok(()) => {
                self.answer_bindings(request, identity.person(), flow, now);
                200
            }
            Err(Refused { status: 423, .. }) => {
                let min = self.config.registration_expires_min_s;
                let answer = self.answer_to(request, 423, flow);
                let answer = answer.header_fmt(Name::MinExpires, format_args!("{min}"));
                self.send_answer(request, flow, answer.finish());
                423
            }
            Err(Refused { status: 420, .. }) => 420,
            Err(Refused { status, reason }) => {
                self.answer_because(request, status, reason, flow);
                status
            }
        };
        if flow.transport == Transport::Udp {
            self.answered.note(fingerprint, identity.person(), status, now);
        }
    }

    /// Carries out a REGISTER wholly or not at all (RFC 3261 §10.3 steps 4–7).
    fn register(
        &mut self,
        request: &Message,
        to: &NameAddr<'_>,
        identity: &Identity,
        flow: Flow,
        now: Instant,
    ) -> Result<(), Refused> {
        let from = request.from().map_err(|_| refused(400, "Bad From"))?;
        if !self.is_own_address(to, identity) || !self.is_own_address(&from, identity) {
            return Err(refused(403, "Not your address"));
        }
        let Some(person) = self.plan.person(identity.org, identity.user) else {
            return Err(refused(403, "Forbidden"));
        };
        if !person.may_register() {
            return Err(refused(403, refusal(person)));
        }
        let bindings_max = usize::from(person.max_bindings);
        if self.refused_for_extensions(request, flow) {
            return Err(refused(420, ""));
        }
        let contacts = request.contacts().map_err(|_| refused(400, "Bad Contact"))?;
        let wishes = match contacts {
            Contacts::Star if request.expires() != Some(0) => {
                return Err(refused(400, "Contact * needs Expires 0"));
            }
            Contacts::Star => self.wish_none(request, identity.person())?,
            Contacts::List(list) if list.len() > self.config.contacts_per_request_max => {
                return Err(refused(400, "Too many contacts"));
            }
            Contacts::List(list) => {
                let mut wishes = Vec::with_capacity(list.len());
                for contact in &list {
                    self.wish(request, contact, identity, flow, now, &mut wishes)?;
                }
                wishes
            }
        };
        let wishes = self.make_way(request, identity.person(), wishes, bindings_max)?;
        self.check_room(identity.person(), &wishes, bindings_max)?;
        for wish in wishes {
            self.grant(identity.person(), wish, now);
        }
        Ok(())
    }

    fn wish_none(&self, request: &Message, person: PersonKey) -> Result<Vec<Wish>, Refused> {
        let mut wishes = Vec::new();
        for (key, binding) in self.location.of(person) {
            in_order(request, binding)?;
            wishes.push(Wish::Remove(key));
        }
        Ok(wishes)
    }

    fn wish(
        &mut self,
        request: &Message,
        contact: &NameAddr<'_>,
        identity: &Identity,
        flow: Flow,
        now: Instant,
        wishes: &mut Vec<Wish>,
    ) -> Result<(), Refused> {
        let uri = contact.parsed_uri().map_err(|_| refused(400, "Bad Contact"))?;
        if !matches!(uri.scheme, Scheme::Sip | Scheme::Sips) || uri.headers.is_some() {
            return Err(refused(400, "Bad Contact"));
        }
        if contact.uri.len() > self.config.kept_value_bytes_max {
            return Err(refused(400, "Contact too long"));
        }
        if self.is_foreign_contact(&uri, identity, flow) {
            return Err(refused(403, "Not your contact"));
        }
        let own_expires = contact.params.get("expires").and_then(seconds);
        let default = self.config.registration_expires_default_s;
        let asked = own_expires.or_else(|| request.expires()).unwrap_or(default);
        let found =
            self.location.of(identity.person()).find(|(_, binding)| same_contact(&binding.contact, &uri));
        if let Some((_, binding)) = found {
            in_order(request, binding)?;
        }
        let found = found.map(|(key, _)| key);
        if asked == 0 {
            wishes.extend(found.map(Wish::Remove));
            return Ok(());
        }
        if asked < self.config.registration_expires_min_s {
            return Err(refused(423, ""));
        }
        let expires_s = asked.min(self.config.registration_expires_max_s);
        let state = self.binding_state(request, contact, &uri, identity, flow, now + secs(expires_s))?;
        wishes.push(match found {
            Some(key) => Wish::Refresh(key, state),
            None => Wish::Add { contact: contact.uri.into(), state },
        });
        Ok(())
    }

    fn binding_state(
        &mut self,
        request: &Message,
        contact: &NameAddr<'_>,
        uri: &Uri<'_>,
        identity: &Identity,
        flow: Flow,
        expires_at: Instant,
    ) -> Result<BindingState, Refused> {
        let max = self.config.kept_value_bytes_max;
        let kept = |text: &&str| text.len() <= max;
        let (cseq, _) = request.cseq().map_err(|_| refused(400, "Bad CSeq"))?;
        let user_agent = request.header(Name::UserAgent).map(|text| cut(text, max));
        Ok(BindingState {
            credential: identity.credential,
            secret: identity.secret,
            call_id_hash: call_id_hash(request.call_id()),
            cseq,
            q_milli: contact.params.get("q").and_then(q_milli).unwrap_or(1000),
            instance: contact.params.get("+sip.instance").filter(kept).map(Box::from),
            reg_id: contact.params.get("reg-id").and_then(|id| id.parse().ok()).unwrap_or(0),
            user_agent: user_agent.map(|text| self.user_agents.get(text)),
            flow: reachable_by(uri, flow),
            expires_at,
        })
    }

    /// Adds what the new contacts replace. That comes last: a person whose one phone has a new address
    /// is registered all the while.
    fn make_way(
        &self,
        request: &Message,
        person: PersonKey,
        mut wishes: Vec<Wish>,
        bindings_max: usize,
    ) -> Result<Vec<Wish>, Refused> {
        let named = |wish: &Wish| match wish {
            Wish::Refresh(key, _) | Wish::Remove(key) => Some(*key),
            Wish::Add { .. } => None,
        };
        let mut kept_or_gone: Vec<Key<Binding>> = wishes.iter().filter_map(named).collect();
        let mut replaced = Vec::new();
        let added = || wishes.iter().filter_map(Wish::added);
        for (_, state) in added() {
            for key in self.replaced_by(person, state) {
                let Some(binding) = self.location.get(key).filter(|_| !kept_or_gone.contains(&key)) else {
                    continue;
                };
                in_order(request, binding)?;
                kept_or_gone.push(key);
                replaced.push(key);
            }
        }
        let removed = wishes.iter().filter(|wish| matches!(wish, Wish::Remove(_))).count() + replaced.len();
        let wanted = self.location.of(person).count() + added().count();
        let mut too_many = wanted.saturating_sub(bindings_max + removed);
        for (contact, state) in added() {
            if too_many == 0 {
                break;
            }
            let is_kept = |key| kept_or_gone.contains(&key);
            if let Some(key) = self.likely_same(person, contact, state, is_kept) {
                kept_or_gone.push(key);
                replaced.push(key);
                too_many -= 1;
            }
        }
        wishes.extend(replaced.into_iter().map(Wish::Remove));
        wishes.sort_by_key(|wish| matches!(wish, Wish::Remove(_)));
        Ok(wishes)
    }

    fn check_room(&mut self, person: PersonKey, wishes: &[Wish], bindings_max: usize) -> Result<(), Refused> {
        let added = wishes.iter().filter(|wish| matches!(wish, Wish::Add { .. })).count();
        let removed = wishes.iter().filter(|wish| matches!(wish, Wish::Remove(_))).count();
        if added == 0 {
            return Ok(());
        }
        if self.location.of(person).count() + added > bindings_max + removed {
            self.counters.limited += 1;
            return Err(refused(403, "Too many phones"));
        }
        if self.location.len() + added > self.config.bindings_max {
            self.counters.limited += 1;
            return Err(refused(503, "Service Unavailable"));
        }
        Ok(())
    }

    fn grant(&mut self, person: PersonKey, wish: Wish, now: Instant) {
        match wish {
            Wish::Add { contact, state } => {
                // The same contact twice in one request: the last one counts.
                let uri = Uri::parse(&contact).ok();
                let twice = uri.and_then(|uri| {
                    self.location.of(person).find(|(_, b)| same_contact(&b.contact, &uri)).map(|(key, _)| key)
                });
                match twice {
                    Some(key) => self.grant(person, Wish::Refresh(key, state), now),
                    None => self.bind(person, contact, state, now),
                }
            }
            Wish::Refresh(key, state) => {
                let expires_at = state.expires_at;
                self.location.refresh(key, state);
                let Some(binding) = self.location.get_mut(key) else { return };
                if expires_at < binding.timer_at {
                    binding.timer_at = expires_at;
                    self.timers.set(expires_at, Wake::Binding(key));
                }
                if let Some(binding) = self.location.get(key) {
                    let record = binding.record();
                    self.put(Output::Journal(record));
                }
            }
            Wish::Remove(key) => self.unbind(key),
        }
    }

    fn bind(&mut self, person: PersonKey, contact: Box<str>, state: BindingState, now: Instant) {
        let first = !self.location.is_registered(person);
        let expires_at = state.expires_at;
        let key = self.location.add(person, contact, state, now);
        self.timers.set(expires_at, Wake::Binding(key));
        if let Some(binding) = self.location.get(key) {
            let record = binding.record();
            self.put(Output::Journal(record));
        }
        if first {
            self.announce(person);
        }
    }

    /// Ends a binding, whatever the reason.
    pub(crate) fn unbind(&mut self, key: Key<Binding>) {
        let Some(binding) = self.location.remove(key) else { return };
        self.put(Output::Journal(BindingRecord { key: binding.key(), state: None }));
        if !self.location.is_registered(binding.person) {
            self.announce(binding.person);
        }
    }

    pub(crate) fn on_binding_timer(&mut self, key: Key<Binding>, now: Instant) {
        let Some(binding) = self.location.get_mut(key) else { return };
        if binding.state.expires_at <= now {
            return self.unbind(key);
        }
        if binding.timer_at <= now {
            binding.timer_at = binding.state.expires_at;
            let at = binding.timer_at;
            self.timers.set(at, Wake::Binding(key));
        }
    }

    /// Takes back a binding from the journal. It is looked at again when its organization is loaded.
    pub(crate) fn restore(&mut self, record: BindingRecord, now: Instant) {
        let person = (record.key.org, record.key.user);
        let same = self.location.of(person).find(|(_, binding)| binding.contact == record.key.contact);
        if let Some((key, _)) = same {
            self.location.remove(key);
        }
        let Some(state) = record.state.filter(|state| state.expires_at > now) else { return };
        if self.plan.seq(person.0).is_some() && !self.may_stay(person, &state) {
            return self.put(Output::Journal(BindingRecord { key: record.key, state: None }));
        }
        let expires_at = state.expires_at;
        let key = self.location.add(person, record.key.contact, state, now);
        self.timers.set(expires_at, Wake::Binding(key));
    }

    fn answer_bindings(&mut self, request: &Message, person: PersonKey, flow: Flow, now: Instant) {
        let mut answer = self.answer_to(request, 200, flow);
        let mut value = String::with_capacity(128);
        for (_, binding) in self.location.of(person) {
            value.clear();
            let left = seconds_left(binding.state.expires_at, now);
            let _ = write!(value, "<{}>;expires={left}", binding.contact);
            if binding.state.q_milli < 1000 {
                let _ = write!(value, ";q=0.{:03}", binding.state.q_milli);
            }
            answer.header_ref(Name::Contact, &value);
        }
        self.send_answer(request, flow, answer.finish());
    }
}

/// RFC 3261 §10.3 step 7: what the same phone sent earlier must not undo what it sent later.
fn in_order(request: &Message, binding: &Binding) -> Result<(), Refused> {
    let same_phone = binding.state.call_id_hash == call_id_hash(request.call_id());
    let newer = request.cseq().is_ok_and(|(cseq, _)| cseq > binding.state.cseq);
    match !same_phone || newer {
        true => Ok(()),
        false => Err(refused(500, "Out of order")),
    }
}

/// Compared only within one program; a hash that changes between versions makes an order unknown,
/// which lets the phone's next REGISTER through.
fn call_id_hash(call_id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(call_id.as_bytes());
    hasher.finish()
}

fn cut(text: &str, max: usize) -> &str {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn secs(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}
