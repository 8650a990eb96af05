//! What a change of the dial plan ends: registrations, calls and subscriptions, at once.

use muster_domain::dial_plan::{PersonPlan, PlanUpdate, Service};
use muster_domain::ids::{CredentialId, OrgId, SecretId};
use muster_sip::Instant;

use crate::call::{Call, Side};
use crate::core::Core;
use crate::io::{BindingState, CallEnding, Output};
use crate::location::PersonKey;
use crate::pool::Key;
use crate::subscriptions::Ending;

impl Core {
    pub(crate) fn on_plan(&mut self, update: PlanUpdate, now: Instant) {
        let org = update.org();
        let effect = self.plan.apply(update);
        for before in &effect.before {
            self.follow_person(org, before, effect.realm_changed, now);
        }
        if effect.snapshot || effect.organization_gone {
            self.sweep_bindings(org);
        }
        if let Some(seq) = effect.reached {
            self.put(Output::PlanReached { org, seq });
        }
    }

    fn follow_person(&mut self, org: OrgId, before: &PersonPlan, realm_changed: bool, now: Instant) {
        let person = (org, before.user);
        let plan = self.plan.person(org, before.user);
        let registers = plan.is_some_and(PersonPlan::may_register);
        let enabled = plan.is_some_and(|plan| plan.service == Service::Enabled);
        let renumbered = plan.is_none_or(|plan| plan.extension != before.extension);
        let (mut gone, mut changed, mut renewed) = (Vec::new(), Vec::new(), Vec::new());
        for old in &before.credentials {
            match plan.and_then(|plan| plan.credential_by_id(old.id)) {
                None => gone.push(old.id),
                // With another realm every hash is another, without a secret having been changed:
                // such a phone is challenged anew at its next refresh.
                Some(new) if realm_changed && new.secret == old.secret => {}
                Some(new) if new.ha1_sha256 != old.ha1_sha256 => changed.push(old.id),
                // The same secret, written anew by an import.
                Some(new) if new.secret != old.secret => renewed.push((new.id, new.secret)),
                Some(_) => {}
            }
        }
        let dropped = |credential| !registers || gone.contains(&credential) || changed.contains(&credential);
        self.drop_bindings(person, dropped);
        for (credential, secret) in renewed {
            self.renew_bindings(person, credential, secret);
        }
        // (An emergency call will be exempt: nothing hangs it up but its parties.)
        if !enabled {
            for call in self.calls_of(person) {
                self.stop_call(call, CallEnding::EndedByUs, now);
            }
        } else if !gone.is_empty() {
            self.stop_calls_of_phones(person, &gone, now);
        }
        if !registers {
            for subscription in self.subscriptions.of_watcher(person) {
                self.end_subscription(subscription, Ending::Rejected, now);
            }
        }
        if renumbered {
            for subscription in self.subscriptions.watching(person) {
                self.end_subscription(subscription, Ending::NoResource, now);
            }
        }
    }

    fn drop_bindings(&mut self, person: PersonKey, dropped: impl Fn(CredentialId) -> bool) {
        let keys: Vec<_> = self
            .location
            .of(person)
            .filter(|(_, binding)| dropped(binding.state.credential))
            .map(|(key, _)| key)
            .collect();
        for key in keys {
            self.unbind(key);
        }
    }

    fn renew_bindings(&mut self, person: PersonKey, credential: CredentialId, secret: SecretId) {
        let of_credential = self.location.of(person).filter(|(_, b)| b.state.credential == credential);
        let keys: Vec<_> = of_credential.map(|(key, _)| key).collect();
        for key in keys {
            let Some(binding) = self.location.get_mut(key) else { continue };
            binding.state.secret = secret;
            let record = binding.record();
            self.put(Output::Journal(record));
        }
    }

    /// Whether a binding is somebody's who may register, by the secret that its phone has shown.
    pub(crate) fn may_stay(&self, person: PersonKey, state: &BindingState) -> bool {
        let plan = self.plan.person(person.0, person.1).filter(|plan| plan.may_register());
        let credential = plan.and_then(|plan| plan.credential_by_id(state.credential));
        credential.is_some_and(|credential| credential.secret == state.secret)
    }

    /// A lost phone is cut off alone: its calls end, those of the person's other phones go on.
    fn stop_calls_of_phones(&mut self, person: PersonKey, gone: &[CredentialId], now: Instant) {
        let of_phone = |call: &Call, side| {
            let leg = call.leg(side).filter(|_| call.person(side) == person);
            leg.is_some_and(|leg| gone.contains(&leg.credential))
        };
        let hit = |key: &Key<Call>| {
            let call = self.calls.get(*key);
            call.is_some_and(|call| of_phone(call, Side::Caller) || of_phone(call, Side::Callee))
        };
        let calls: Vec<_> = self.calls_of(person).into_iter().filter(hit).collect();
        for call in calls {
            self.stop_call(call, CallEnding::EndedByUs, now);
        }
    }

    /// Bindings that were restored before their organization was known, or that a snapshot has
    /// nobody or another secret for.
    fn sweep_bindings(&mut self, org: OrgId) {
        let keys: Vec<_> = self
            .location
            .all()
            .filter(|(_, binding)| binding.person.0 == org && !self.may_stay(binding.person, &binding.state))
            .map(|(key, _)| key)
            .collect();
        for key in keys {
            self.unbind(key);
        }
    }
}
