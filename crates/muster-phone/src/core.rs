//! The core itself: takes an input to the subject it belongs to.

use std::collections::VecDeque;

use bytes::Bytes;
use muster_domain::dial_plan::DialPlan;
use muster_sip::digest::{NonceWindow, Nonces};
use muster_sip::transaction::Timer;
use muster_sip::{Instant, Rng};
use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use crate::answered::Answered;
use crate::call::{Branch, Call, CallTimer, Side};
use crate::config::CoreConfig;
use crate::contact::closed;
use crate::counters::{Counters, Tally};
use crate::guesses::Guesses;
use crate::interned::Interned;
use crate::io::{Flow, FlowId, Input, Output, PresenceView, Transport};
use crate::keyed_hash::KeyedState;
use crate::ledger::CallLedger;
use crate::location::{Binding, Location, PersonKey};
use crate::pool::{Key, Pool};
use crate::subscriptions::{Subscription, Subscriptions};
use crate::timers::Timers;
use crate::transactions::{Transaction, Transactions};

/// Timers below this number are not worth sweeping.
const SWEEP_MIN: usize = 4096;

/// The phones of some organizations: one of these per thread, nothing shared.
pub struct Core {
    pub(crate) config: CoreConfig,
    pub(crate) rng: Rng,
    pub(crate) hash: KeyedState,
    pub(crate) plan: DialPlan,
    pub(crate) nonces: Nonces,
    pub(crate) used_nonces: NonceWindow,
    pub(crate) guesses: Guesses,
    pub(crate) location: Location,
    pub(crate) user_agents: Interned,
    /// REGISTERs answered within the last 32 s, for their retransmissions.
    pub(crate) answered: Answered,
    pub(crate) transactions: Transactions,
    pub(crate) ledger: CallLedger,
    pub(crate) calls: Pool<Call>,
    pub(crate) branches: Pool<Branch>,
    pub(crate) subscriptions: Subscriptions,
    /// The program ends: there are no new calls.
    pub(crate) is_ending: bool,
    /// What our tag of a dialog belongs to.
    pub(crate) dialogs: FxHashMap<SmolStr, DialogUse>,
    /// Connections that are open.
    streams: FxHashSet<FlowId>,
    pub(crate) timers: Timers<Wake>,
    pub(crate) counters: Counters,
    pub(crate) tally: Tally,
    outputs: VecDeque<Output>,
}

/// Whom a timer wakes. Each looks for itself whether it is still due.
pub(crate) enum Wake {
    Transaction(Key<Transaction>, Timer),
    Binding(Key<Binding>),
    Call(Key<Call>, CallTimer),
    /// An INVITE of ours that was cancelled and has had no final answer.
    Cancelled(Key<Branch>),
    Subscription(Key<Subscription>),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum DialogUse {
    Call(Key<Call>, Side),
    Subscription(Key<Subscription>),
}

impl Core {
    pub fn new(config: CoreConfig, mut rng: Rng) -> Self {
        let hash = KeyedState(rng.next_u64(), rng.next_u64());
        Core {
            nonces: Nonces::new(config.nonce_key),
            used_nonces: NonceWindow::new(config.nonces_max),
            guesses: Guesses::new(
                hash,
                config.guessers_max,
                config.wrong_digests_max,
                config.wrong_digests_window,
            ),
            config,
            rng,
            hash,
            plan: DialPlan::new(),
            location: Location::new(),
            user_agents: Interned::new(),
            answered: Answered::new(hash),
            transactions: Transactions::new(hash),
            ledger: CallLedger::new(),
            calls: Pool::new(),
            branches: Pool::new(),
            subscriptions: Subscriptions::new(),
            is_ending: false,
            dialogs: FxHashMap::default(),
            streams: FxHashSet::default(),
            timers: Timers::new(),
            counters: Counters::default(),
            tally: Tally::default(),
            outputs: VecDeque::new(),
        }
    }

    /// Takes in what has happened. Drain [`Core::next_output`] afterwards.
    pub fn handle(&mut self, input: Input, now: Instant) {
        match input {
            Input::Message { flow, bytes } => {
                if flow.id != FlowId::DATAGRAM {
                    self.streams.insert(flow.id);
                }
                self.on_bytes(flow, bytes, now);
            }
            Input::FlowClosed(flow) => {
                self.streams.remove(&flow);
            }
            Input::Unsent { bytes } => self.on_unsent(bytes, now),
            Input::Plan(update) => self.on_plan(update, now),
            Input::Restore(record) => self.restore(record, now),
            Input::Command(command) => self.on_command(command, now),
            Input::EndCalls { at_most } => self.end_calls(at_most, now),
        }
        self.settle(now);
    }

    /// Does what is due. Call it when [`Core::next_wake`] has come; drain the outputs afterwards.
    pub fn timers(&mut self, now: Instant) {
        self.answered.forget_old(now);
        while let Some(wake) = self.timers.pop_due(now) {
            match wake {
                Wake::Transaction(key, timer) => self.on_transaction_timer(key, timer, now),
                Wake::Binding(key) => self.on_binding_timer(key, now),
                Wake::Call(key, timer) => self.on_call_timer(key, timer, now),
                Wake::Cancelled(key) => self.on_cancel_unanswered(key),
                Wake::Subscription(key) => self.on_subscription_timer(key, now),
            }
        }
        self.settle(now);
        self.sweep_timers();
    }

    pub fn next_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub fn next_wake(&self) -> Option<Instant> {
        match (self.timers.next_at(), self.answered.next_at()) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// Totals since the start, and sizes as they are now.
    pub fn counters(&self) -> Counters {
        let mut counters = self.counters.clone();
        self.tally.fill(&mut counters);
        counters.bindings = self.location.len();
        counters.calls = self.ledger.len();
        counters.subscriptions = self.subscriptions.len();
        counters.transactions = self.transactions.len();
        counters.timers = self.timers.len();
        counters.dialogs = self.dialogs.len() + self.calls.len() + self.branches.len();
        counters
    }

    pub(crate) fn put(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    /// Sends where a flow leads. A stream that is not open any more, or never was, is opened by the
    /// driver to the flow's peer.
    pub(crate) fn send(&mut self, flow: Flow, bytes: Bytes) {
        self.tally.sent(&bytes);
        if !self.is_open(flow) {
            self.put(Output::OpenAndSend { transport: flow.transport, addr: flow.peer, bytes });
        } else {
            self.put(Output::Send { flow, bytes });
        }
    }

    pub(crate) fn is_open(&self, flow: Flow) -> bool {
        flow.transport == Transport::Udp || self.streams.contains(&flow.id)
    }

    /// The flow to a phone, by a connection to its own address where the one it came on has closed:
    /// a binding or a dialog ends by its own rules, not with a connection.
    pub(crate) fn live_flow(&self, flow: Flow, contact: &str) -> Flow {
        if self.is_open(flow) { flow } else { closed(contact, flow) }
    }

    /// Most things that wake the core end before their last timer does (a call's limit is hours
    /// away): what they leave behind must not grow with the traffic.
    fn sweep_timers(&mut self) {
        let of_transactions = 4 * (self.transactions.len() + self.calls.len() + self.branches.len());
        let living = of_transactions + self.location.len() + self.subscriptions.len();
        if self.timers.len() < SWEEP_MIN + 2 * living {
            return;
        }
        let Core { timers, transactions, location, calls, branches, subscriptions, .. } = self;
        timers.retain(|wake| match wake {
            Wake::Transaction(key, _) => transactions.get(*key).is_some(),
            Wake::Binding(key) => location.get(*key).is_some(),
            Wake::Call(key, _) => calls.get(*key).is_some(),
            Wake::Cancelled(key) => branches.get(*key).is_some(),
            Wake::Subscription(key) => subscriptions.get(*key).is_some(),
        });
    }

    /// Tells the world what has changed about people, once per input, as it is now.
    fn settle(&mut self, now: Instant) {
        while self.ledger.has_changed() {
            let mut changed = self.ledger.take_changed();
            changed.sort_unstable();
            changed.dedup();
            for person in changed {
                self.announce(person);
                self.notify_watchers(person, now);
            }
        }
    }

    pub(crate) fn announce(&mut self, person: PersonKey) {
        let view = self.presence_of(person);
        self.put(Output::Presence { org: person.0, view });
    }

    pub(crate) fn presence_of(&self, person: PersonKey) -> PresenceView {
        PresenceView {
            user: person.1,
            registered: self.location.is_registered(person),
            state: self.ledger.state_of(person),
        }
    }
}
