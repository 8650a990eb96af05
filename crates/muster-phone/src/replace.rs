//! Which binding of the same phone a new contact takes the place of: a phone that was restarted, or
//! got another address, must not use up its person's number of phones until its old bindings expire.

use muster_sip::Uri;

use crate::core::Core;
use crate::io::BindingState;
use crate::location::{Binding, PersonKey};
use crate::pool::Key;

impl Core {
    /// The bindings that a new contact replaces for certain: those
    /// of the same instance and connection (RFC 5626 §6), or, where the phone names no instance, of the
    /// same Call-ID. A phone keeps its Call-ID from one boot to the next (RFC 3261 §10.2.4), so what it
    /// registered before under another address is itself.
    pub(crate) fn replaced_by(&self, person: PersonKey, new: &BindingState) -> Vec<Key<Binding>> {
        let is_same = |old: &BindingState| match (&new.instance, &old.instance) {
            (Some(new_instance), Some(old_instance)) => {
                (new_instance, new.reg_id) == (old_instance, old.reg_id)
            }
            (None, None) => new.call_id_hash == old.call_id_hash,
            _ => false,
        };
        let same = self
            .location
            .of(person)
            .filter(|(_, binding)| binding.state.credential == new.credential && is_same(&binding.state));
        same.map(|(key, _)| key).collect()
    }

    /// The binding that most likely is the same phone before a restart, where the new contact would be
    /// one too many: same credential, program, source address and user part, no instance to tell them
    /// apart. Of several the one at the same host goes first, then the one that was heard least lately:
    /// a phone that lives refreshes, one that has gone does not.
    pub(crate) fn likely_same(
        &self,
        person: PersonKey,
        contact: &str,
        new: &BindingState,
        is_kept: impl Fn(Key<Binding>) -> bool,
    ) -> Option<Key<Binding>> {
        let uri = Uri::parse(contact).ok()?;
        if new.instance.is_some() {
            return None;
        }
        let candidates = self.location.of(person).filter(|(key, old)| {
            !is_kept(*key) && is_alike(&old.state, new) && same_user(&old.contact, &uri)
        });
        let rank =
            |(_, old): &(Key<Binding>, &Binding)| (!same_host(&old.contact, &uri), old.state.expires_at);
        candidates.min_by_key(rank).map(|(key, _)| key)
    }
}

fn is_alike(old: &BindingState, new: &BindingState) -> bool {
    old.credential == new.credential
        && old.instance.is_none()
        && old.user_agent == new.user_agent
        && old.flow.peer.ip() == new.flow.peer.ip()
}

fn same_user(known: &str, uri: &Uri<'_>) -> bool {
    Uri::parse(known).is_ok_and(|known| known.user_unescaped() == uri.user_unescaped())
}

fn same_host(known: &str, uri: &Uri<'_>) -> bool {
    Uri::parse(known).is_ok_and(|known| known.host.eq_ignore_ascii_case(uri.host))
}
