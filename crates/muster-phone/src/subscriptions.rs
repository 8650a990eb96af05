//! SUBSCRIBE to a colleague's calls (RFC 6665, RFC 4235): who watches whom.

use core::time::Duration;

use muster_domain::ids::UserId;
use muster_sip::dialog::Dialog;
use muster_sip::{Contacts, Instant, Message, Method, Name};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use crate::auth::{Challenger, Identity, refusal};
use crate::contact::reachable_by;
use crate::core::{Core, DialogUse, Wake};
use crate::io::Flow;
use crate::location::{PersonKey, seconds_left};
use crate::pool::{Key, Pool};
use crate::respond::way_back;
use crate::transactions::User;

/// The one event package there is.
const PACKAGE: &str = "dialog";
const DOCUMENT: &str = muster_sip::dialog_info::CONTENT_TYPE;

/// One watcher's interest in one person.
pub struct Subscription {
    pub watcher: PersonKey,
    pub target: UserId,
    /// As the watcher knows the target: the entity of every document.
    pub extension: SmolStr,
    pub dialog: Dialog,
    pub flow: Flow,
    /// The `id` of the Event header, which comes back in every NOTIFY (RFC 6665 §8.2.1).
    pub event_id: Option<SmolStr>,
    pub expires_at: Instant,
    timer_at: Instant,
    pub version: u32,
    /// A NOTIFY has no answer yet; what happens meanwhile is told in the next.
    pub in_flight: bool,
    pub dirty: bool,
    pub ending: Option<Ending>,
}

/// Why a subscription ends (RFC 6665 §4.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Timeout,
    Rejected,
    NoResource,
}

impl Ending {
    pub fn reason(self) -> &'static str {
        match self {
            Ending::Timeout => "timeout",
            Ending::Rejected => "rejected",
            Ending::NoResource => "noresource",
        }
    }
}

pub struct Subscriptions {
    pool: Pool<Subscription>,
    by_target: FxHashMap<PersonKey, Vec<Key<Subscription>>>,
    by_watcher: FxHashMap<PersonKey, Vec<Key<Subscription>>>,
}

impl Subscriptions {
    pub fn new() -> Self {
        Subscriptions { pool: Pool::new(), by_target: FxHashMap::default(), by_watcher: FxHashMap::default() }
    }

    pub fn len(&self) -> usize {
        self.pool.len()
    }

    pub fn get(&self, key: Key<Subscription>) -> Option<&Subscription> {
        self.pool.get(key)
    }

    pub fn get_mut(&mut self, key: Key<Subscription>) -> Option<&mut Subscription> {
        self.pool.get_mut(key)
    }

    pub fn watching(&self, target: PersonKey) -> Vec<Key<Subscription>> {
        self.by_target.get(&target).cloned().unwrap_or_default()
    }

    pub fn of_watcher(&self, watcher: PersonKey) -> Vec<Key<Subscription>> {
        self.by_watcher.get(&watcher).cloned().unwrap_or_default()
    }

    fn count_of(&self, watcher: PersonKey) -> usize {
        self.by_watcher.get(&watcher).map_or(0, Vec::len)
    }

    fn insert(&mut self, subscription: Subscription) -> Key<Subscription> {
        let (watcher, target) = (subscription.watcher, (subscription.watcher.0, subscription.target));
        let key = self.pool.insert(subscription);
        self.by_target.entry(target).or_default().push(key);
        self.by_watcher.entry(watcher).or_default().push(key);
        key
    }

    pub fn remove(&mut self, key: Key<Subscription>) -> Option<Subscription> {
        let subscription = self.pool.remove(key)?;
        let target = (subscription.watcher.0, subscription.target);
        for (index, person) in [(&mut self.by_target, target), (&mut self.by_watcher, subscription.watcher)] {
            if let Some(keys) = index.get_mut(&person) {
                keys.retain(|other| *other != key);
                if keys.is_empty() {
                    index.remove(&person);
                }
            }
        }
        Some(subscription)
    }
}

impl Core {
    /// A SUBSCRIBE that begins a subscription.
    pub(crate) fn on_subscribe(&mut self, request: &Message, flow: Flow, now: Instant) {
        let Some((package, params)) = request.event().filter(|(package, _)| *package == PACKAGE) else {
            let answer = self.answer_to(request, 489, flow).header(Name::AllowEvents, PACKAGE);
            return self.send_answer(request, flow, answer.finish());
        };
        debug_assert_eq!(package, PACKAGE);
        let event_id = params.get("id").map(SmolStr::new);
        let Some(identity) = self.watcher(request, flow, now) else { return };
        let accepts =
            |kind: &str| kind.starts_with(DOCUMENT) || kind.starts_with("*/*") || kind == "application/*";
        let mut accepted = request.values(Name::Accept).peekable();
        if accepted.peek().is_some() && !accepted.any(accepts) {
            return self.answer(request, 406, flow);
        }
        let target = match self.dialled(request, &identity) {
            Ok((person, extension)) => (person.user, extension),
            Err(_) => return self.answer(request, 404, flow),
        };
        let Some(expires_s) = self.subscription_seconds(request, flow) else { return };
        let full = self.subscriptions.len() >= self.config.subscriptions_max
            || self.subscriptions.count_of(identity.person()) >= self.config.subscriptions_per_person_max;
        if full {
            self.counters.limited += 1;
            let answer = self.answer_to(request, 503, flow).header(Name::RetryAfter, "60");
            return self.send_answer(request, flow, answer.finish());
        }
        let one_contact = matches!(request.contacts(), Ok(Contacts::List(list)) if list.len() == 1);
        let Some(dialog) = Dialog::uas(request, &self.rng.tag()).ok().filter(|_| one_contact) else {
            return self.answer(request, 400, flow);
        };
        let expires_at = now + Duration::from_secs(expires_s.into());
        let key = self.subscriptions.insert(Subscription {
            watcher: identity.person(),
            target: target.0,
            extension: target.1,
            flow: flow_to(&dialog, flow),
            dialog,
            event_id,
            expires_at,
            timer_at: expires_at,
            version: 0,
            in_flight: false,
            dirty: false,
            ending: None,
        });
        if let Some(subscription) = self.subscriptions.get(key) {
            let tag = subscription.dialog.id.local_tag.clone();
            self.dialogs.insert(tag, DialogUse::Subscription(key));
        }
        self.accept_subscription(key, request, flow, expires_s, now);
    }

    /// A request within a subscription's dialog: SUBSCRIBE again, to refresh or to end it.
    pub(crate) fn on_request_in_subscription(
        &mut self,
        key: Key<Subscription>,
        request: &Message,
        flow: Flow,
        now: Instant,
    ) {
        let from_tag = request.from().ok().and_then(|from| from.tag()).unwrap_or("");
        let known = self.subscriptions.get(key).filter(|s| s.ending.is_none());
        let owns = |s: &&Subscription| {
            s.dialog.id.call_id == request.call_id() && s.dialog.id.remote_tag == from_tag
        };
        let Some(watcher) = known.filter(owns).map(|s| s.watcher) else {
            return self.answer(request, 481, flow);
        };
        match request.method() {
            Some(Method::Subscribe) => {}
            Some(Method::Options) => return self.on_options(request, flow),
            _ => return self.answer(request, 405, flow),
        }
        let Some(identity) = self.watcher(request, flow, now) else { return };
        if identity.person() != watcher {
            return self.answer(request, 403, flow);
        }
        let Some(expires_s) = self.subscription_seconds(request, flow) else { return };
        let Some(subscription) = self.subscriptions.get_mut(key) else { return };
        if subscription.dialog.accept_request(request).is_err() {
            return self.answer_because(request, 500, "Out of order", flow);
        }
        if subscription.dialog.refresh_target(request).is_err() {
            return self.answer(request, 400, flow);
        }
        subscription.flow = flow_to(&subscription.dialog, flow);
        subscription.expires_at = now + Duration::from_secs(expires_s.into());
        self.accept_subscription(key, request, flow, expires_s, now);
    }

    /// Who subscribes, if they may; None if the request was answered.
    fn watcher(&mut self, request: &Message, flow: Flow, now: Instant) -> Option<Identity> {
        let from = request.from().ok()?;
        let identity = self.authenticate(request, &from, Challenger::Server, flow, now)?;
        let person = self.plan.person(identity.org, identity.user)?;
        if !person.may_register() {
            let reason = refusal(person);
            self.answer_because(request, 403, reason, flow);
            return None;
        }
        if !self.is_own_address(&from, &identity) {
            self.answer_because(request, 403, "Not your address", flow);
            return None;
        }
        (!self.refused_for_extensions(request, flow)).then_some(identity)
    }

    fn subscription_seconds(&mut self, request: &Message, flow: Flow) -> Option<u32> {
        let asked = request.expires().unwrap_or(self.config.subscription_expires_default_s);
        let min = self.config.subscription_expires_min_s;
        if asked != 0 && asked < min {
            let answer = self.answer_to(request, 423, flow);
            let answer = answer.header_fmt(Name::MinExpires, format_args!("{min}"));
            self.send_answer(request, flow, answer.finish());
            return None;
        }
        Some(asked.min(self.config.subscription_expires_max_s))
    }

    /// Answers a good SUBSCRIBE and tells the state at once (RFC 6665 §4.2.1).
    fn accept_subscription(
        &mut self,
        key: Key<Subscription>,
        request: &Message,
        flow: Flow,
        expires_s: u32,
        now: Instant,
    ) {
        let Some(subscription) = self.subscriptions.get(key) else { return };
        let contact = self.our_contact(&subscription.extension, flow);
        let tag = subscription.dialog.id.local_tag.clone();
        let reason = muster_sip::status::reason_phrase(200);
        let answer = muster_sip::Writer::response_to(request, 200, reason, Some(&tag), flow.peer)
            .header(Name::Contact, &contact)
            .header_fmt(Name::Expires, format_args!("{expires_s}"));
        let server = self.open_server(request, way_back(request, flow), User::Nobody);
        self.respond(server, 200, answer.finish(), now);
        if expires_s == 0 {
            return self.end_subscription(key, Ending::Timeout, now);
        }
        if let Some(subscription) = self.subscriptions.get_mut(key) {
            let new = subscription.version == 0 && !subscription.in_flight;
            if new || subscription.expires_at < subscription.timer_at {
                subscription.timer_at = subscription.expires_at;
                let at = subscription.timer_at;
                self.timers.set(at, Wake::Subscription(key));
            }
        }
        self.notify(key, now);
    }

    pub(crate) fn on_subscription_timer(&mut self, key: Key<Subscription>, now: Instant) {
        let Some(subscription) = self.subscriptions.get_mut(key) else { return };
        if subscription.expires_at <= now {
            return self.end_subscription(key, Ending::Timeout, now);
        }
        if subscription.timer_at <= now {
            subscription.timer_at = subscription.expires_at;
            let at = subscription.timer_at;
            self.timers.set(at, Wake::Subscription(key));
        }
    }

    pub(crate) fn forget_subscription(&mut self, key: Key<Subscription>) {
        if let Some(subscription) = self.subscriptions.remove(key) {
            self.dialogs.remove(&subscription.dialog.id.local_tag);
        }
    }
}

impl Subscription {
    /// The value of Subscription-State.
    pub fn state(&self, now: Instant) -> SmolStr {
        match self.ending {
            Some(ending) => smol_str::format_smolstr!("terminated;reason={}", ending.reason()),
            None => smol_str::format_smolstr!("active;expires={}", seconds_left(self.expires_at, now)),
        }
    }
}

fn flow_to(dialog: &Dialog, flow: Flow) -> Flow {
    let uri = muster_sip::Uri::parse(&dialog.remote_target).ok().filter(|_| dialog.routes.is_empty());
    uri.map_or(flow, |uri| reachable_by(&uri, flow))
}
