//! Commands: what the API asks of the core.

use muster_domain::ids::{OrgId, UserId};
use muster_sip::Instant;

use crate::core::Core;
use crate::io::{CallEnding, CallId, Command, Output, PresenceView, RegistrationView, Reply};
use crate::location::{Binding, PersonKey};

impl Core {
    pub(crate) fn on_command(&mut self, command: Command, now: Instant) {
        let (id, reply) = match command {
            Command::Registrations { id, org, user } => {
                (id, Reply::Registrations(self.registrations(org, user)))
            }
            Command::SignOff { id, org, user, contact } => {
                (id, Reply::SignedOff(self.sign_off((org, user), contact.as_deref())))
            }
            Command::Calls { id, org } => {
                (id, Reply::Calls(self.ledger.views(org, self.config.reply_rows_max)))
            }
            Command::Presence { id, org } => (id, Reply::Presence(self.presence(org))),
            Command::Counters { id } => (id, Reply::Counters(Box::new(self.counters()))),
            Command::EndCall { id, org, call } => (id, Reply::CallEnded(self.end_by_order(org, call, now))),
        };
        self.put(Output::Reply { id, reply });
    }

    fn registrations(&self, org: OrgId, user: Option<UserId>) -> Vec<RegistrationView> {
        match user {
            Some(user) => self.location.of((org, user)).map(|(_, binding)| view(binding)).collect(),
            None => {
                let of_org = self.location.all().filter(|(_, binding)| binding.person.0 == org);
                of_org.take(self.config.reply_rows_max).map(|(_, binding)| view(binding)).collect()
            }
        }
    }

    fn sign_off(&mut self, person: PersonKey, contact: Option<&str>) -> Vec<RegistrationView> {
        let meant = |binding: &Binding| contact.is_none_or(|contact| *binding.contact == *contact);
        let of_person = self.location.of(person).filter(|(_, binding)| meant(binding));
        let (keys, gone): (Vec<_>, _) = of_person.map(|(key, binding)| (key, view(binding))).unzip();
        for key in keys {
            self.unbind(key);
        }
        gone
    }

    fn presence(&self, org: OrgId) -> Vec<PresenceView> {
        let people = self.location.people().chain(self.ledger.people()).filter(|person| person.0 == org);
        let mut people: Vec<_> = people.take(self.config.reply_rows_max).collect();
        people.sort_unstable();
        people.dedup();
        people.into_iter().map(|person| self.presence_of(person)).collect()
    }

    fn end_by_order(&mut self, org: OrgId, call: CallId, now: Instant) -> bool {
        let Some(call) = self.ledger.find(org, call).and_then(|entry| entry.call) else { return false };
        self.stop_call(call, CallEnding::EndedByUs, now);
        true
    }
}

fn view(binding: &Binding) -> RegistrationView {
    RegistrationView {
        user: binding.person.1,
        credential: binding.state.credential,
        contact: binding.contact.clone(),
        user_agent: binding.state.user_agent.clone(),
        transport: binding.state.flow.transport,
        peer: binding.state.flow.peer,
        since: binding.since,
        expires_at: binding.state.expires_at,
    }
}
