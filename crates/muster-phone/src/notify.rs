//! NOTIFY: watchers learn what their colleagues' phones do, always the last state, never a queue of
//! past ones.

use muster_sip::dialog_info::{DialogElement, DialogInfo, DialogState, Direction, Party};
use muster_sip::{Instant, LocalVia, Method, Name, transaction};
use smol_str::SmolStr;

use crate::call::message::address_of_record;
use crate::core::Core;
use crate::io::CallState;
use crate::ledger::Entry;
use crate::location::PersonKey;
use crate::pool::Key;
use crate::respond::transport_name;
use crate::subscriptions::{Ending, Subscription};
use crate::transactions::User;

/// Calls of one person in one document.
const DIALOGS_MAX: usize = 50;

/// One call as a watcher sees it; texts owned, for the document borrows them.
struct Line {
    id: SmolStr,
    direction: Direction,
    state: DialogState,
    local: (SmolStr, SmolStr),
    remote: (SmolStr, SmolStr),
}

impl Core {
    pub(crate) fn notify_watchers(&mut self, target: PersonKey, now: Instant) {
        for key in self.subscriptions.watching(target) {
            self.notify(key, now);
        }
    }

    /// Tells a watcher the state as it is now, or as it will be when the NOTIFY before is answered.
    pub(crate) fn notify(&mut self, key: Key<Subscription>, now: Instant) {
        let Some(subscription) = self.subscriptions.get_mut(key) else { return };
        if std::mem::replace(&mut subscription.in_flight, true) {
            subscription.dirty = true;
            return;
        }
        subscription.dirty = false;
        let (org, target) = (subscription.watcher.0, subscription.target);
        let over = subscription.ending.is_some();
        let barred = matches!(subscription.ending, Some(Ending::Rejected | Ending::NoResource));
        let realm = self.plan.realm(org).cloned().unwrap_or_default();
        // Who may not watch any more is not told one last thing.
        let lines = if barred { Vec::new() } else { self.lines_of((org, target), &realm) };
        let (branch, Some(subscription)) = (self.rng.branch(), self.subscriptions.get(key)) else { return };
        let flow = self.live_flow(subscription.flow, &subscription.dialog.remote_target);
        let (sent_by, contact) = (self.our_host(flow), self.our_contact(&subscription.extension, flow));
        let entity = address_of_record(&subscription.extension, &realm);
        let document = document(subscription.version, &entity, &lines);
        let event = match &subscription.event_id {
            Some(id) => smol_str::format_smolstr!("dialog;id={id}"),
            None => SmolStr::new_static("dialog"),
        };
        let state = subscription.state(now);
        let Some(subscription) = self.subscriptions.get_mut(key) else { return };
        subscription.version = subscription.version.wrapping_add(1);
        let via = LocalVia { transport: transport_name(flow), sent_by: &sent_by, branch: &branch };
        let writer = subscription.dialog.request(&Method::Notify, &via);
        let bytes = writer
            .header(Name::Contact, &contact)
            .header(Name::Event, &event)
            .header(Name::SubscriptionState, &state)
            .body(muster_sip::dialog_info::CONTENT_TYPE, document.as_bytes());
        if over {
            // The last NOTIFY is repeated by its transaction; nothing else is needed of the rest.
            self.forget_subscription(key);
        }
        self.counters.notifies_sent += 1;
        let client = transaction::Key::client(&branch, "NOTIFY");
        self.open_client(flow, bytes, client, User::Notify(key), now);
    }

    /// Ends a subscription with a last NOTIFY that says why.
    pub(crate) fn end_subscription(&mut self, key: Key<Subscription>, ending: Ending, now: Instant) {
        let Some(subscription) = self.subscriptions.get_mut(key).filter(|s| s.ending.is_none()) else {
            return;
        };
        subscription.ending = Some(ending);
        self.notify(key, now);
    }

    pub(crate) fn on_notify_response(&mut self, key: Key<Subscription>, status: u16, now: Instant) {
        let Some(subscription) = self.subscriptions.get_mut(key) else { return };
        match status {
            ..200 => {}
            200..300 => {
                subscription.in_flight = false;
                if subscription.dirty {
                    self.notify(key, now);
                }
            }
            // RFC 6665 §4.2.2: the watcher knows nothing of it, or is not there any more.
            _ => self.forget_subscription(key),
        }
    }

    fn lines_of(&self, target: PersonKey, realm: &str) -> Vec<Line> {
        let visible = self
            .ledger
            .of(target)
            .filter(|(_, entry)| entry.caller_key() == target || entry.reaches_callee());
        visible.take(DIALOGS_MAX).map(|(_, entry)| self.line(entry, target, realm)).collect()
    }

    fn line(&self, entry: &Entry, target: PersonKey, realm: &str) -> Line {
        let party = |person: PersonKey, fallback: &SmolStr| {
            let plan = self.plan.person(person.0, person.1);
            let extension = plan.and_then(|plan| plan.extension.as_ref()).unwrap_or(fallback);
            let name = plan.map(|plan| plan.display_name.clone()).unwrap_or_default();
            (name, address_of_record(extension, realm))
        };
        let caller = party(entry.caller_key(), &entry.caller_extension);
        let callee = party(entry.callee_key(), &entry.dialled);
        let state = match entry.state {
            CallState::Trying => DialogState::Trying,
            CallState::Ringing => DialogState::Early,
            CallState::Answered => DialogState::Confirmed,
        };
        let id = entry.public_id.clone();
        match entry.caller_key() == target {
            true => Line { id, direction: Direction::Initiator, state, local: caller, remote: callee },
            false => Line { id, direction: Direction::Recipient, state, local: callee, remote: caller },
        }
    }
}

fn document(version: u32, entity: &str, lines: &[Line]) -> String {
    fn party((display, uri): &(SmolStr, SmolStr)) -> Option<Party<'_>> {
        Some(Party { display, uri, target: Some(uri) })
    }
    let dialogs: Vec<DialogElement<'_>> = lines
        .iter()
        .map(|line| DialogElement {
            id: &line.id,
            call_id: None,
            local_tag: None,
            remote_tag: None,
            direction: Some(line.direction),
            state: line.state,
            local: party(&line.local),
            remote: party(&line.remote),
        })
        .collect();
    DialogInfo { version, full: true, entity, dialogs: &dialogs }.to_xml()
}
