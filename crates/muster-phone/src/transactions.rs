//! The table of transactions: which machine a message belongs to, and whom it tells.

use bytes::Bytes;
use muster_sip::transaction::{
    self, Action, Event, InviteClient, InviteServer, NonInviteClient, NonInviteServer, Timer,
};
use muster_sip::{Instant, Message, Method};

use crate::call::{Branch, Call, Side};
use crate::core::{Core, Wake};
use crate::io::{Flow, Transport};
use crate::keyed_hash::{KeyedMap, KeyedState};
use crate::pool::{Key, Pool};
use crate::respond::compact;
use crate::subscriptions::Subscription;

/// Who is told what a transaction has to say.
#[derive(Clone, Debug)]
pub enum User {
    Nobody,
    /// The INVITE that began a call.
    Caller(Key<Call>),
    /// A re-INVITE that a phone of the call sent.
    Reinviter(Key<Call>),
    /// An INVITE of ours to one phone of the callee.
    Branch(Key<Branch>),
    /// A re-INVITE of ours, passed on to that side.
    Reinvited(Key<Call>, Side),
    /// A request of ours that passes on what is waiting in this server transaction.
    Passed {
        call: Key<Call>,
        to: Side,
        server: Key<Transaction>,
        request: Box<Message>,
    },
    /// A question of ours whether a side of this call is still there.
    Checked(Key<Call>),
    Notify(Key<Subscription>),
}

pub struct Transaction {
    machine: Machine,
    key: transaction::Key,
    pub flow: Flow,
    pub user: User,
}

enum Machine {
    InviteServer(Box<InviteServer>),
    Server(NonInviteServer),
    InviteClient(Box<InviteClient>),
    Client(Box<NonInviteClient>),
}

pub struct Transactions {
    pool: Pool<Transaction>,
    servers: KeyedMap<transaction::Key, Key<Transaction>>,
    clients: KeyedMap<transaction::Key, Key<Transaction>>,
}

impl Transactions {
    pub fn new(hash: KeyedState) -> Self {
        Transactions {
            pool: Pool::new(),
            servers: KeyedMap::with_hasher(hash),
            clients: KeyedMap::with_hasher(hash),
        }
    }

    pub fn len(&self) -> usize {
        self.pool.len()
    }

    pub fn server(&self, key: &transaction::Key) -> Option<Key<Transaction>> {
        self.servers.get(key).copied()
    }

    pub fn client(&self, key: &transaction::Key) -> Option<Key<Transaction>> {
        self.clients.get(key).copied()
    }

    pub fn get(&self, key: Key<Transaction>) -> Option<&Transaction> {
        self.pool.get(key)
    }

    pub fn set_user(&mut self, key: Key<Transaction>, user: User) {
        if let Some(transaction) = self.pool.get_mut(key) {
            transaction.user = user;
        }
    }

    pub fn invite_client(&self, key: Key<Transaction>) -> Option<&InviteClient> {
        match &self.pool.get(key)?.machine {
            Machine::InviteClient(machine) => Some(machine),
            _ => None,
        }
    }

    /// Whether a phone has still to confirm the end of a call, or of an attempt at one: BYE, CANCEL
    /// and INVITEs without a final answer, refusals without their ACK.
    pub fn are_phones_awaited(&self) -> bool {
        self.pool.iter().any(|(_, transaction)| match &transaction.machine {
            Machine::InviteServer(machine) => machine.awaits_ack(),
            Machine::InviteClient(machine) => machine.is_pending(),
            Machine::Client(machine) => matches!(transaction.user, User::Nobody) && machine.is_pending(),
            Machine::Server(_) => false,
        })
    }

    fn insert(
        &mut self,
        machine: Machine,
        key: transaction::Key,
        flow: Flow,
        user: User,
    ) -> Key<Transaction> {
        let of_server = matches!(machine, Machine::InviteServer(_) | Machine::Server(_));
        let slot = self.pool.insert(Transaction { machine, key: key.clone(), flow, user });
        match of_server {
            true => self.servers.insert(key, slot),
            false => self.clients.insert(key, slot),
        };
        slot
    }

    fn remove(&mut self, slot: Key<Transaction>) -> Option<Transaction> {
        let transaction = self.pool.remove(slot)?;
        let table = match transaction.machine {
            Machine::InviteServer(_) | Machine::Server(_) => &mut self.servers,
            Machine::InviteClient(_) | Machine::Client(_) => &mut self.clients,
        };
        if table.get(&transaction.key) == Some(&slot) {
            table.remove(&transaction.key);
        }
        Some(transaction)
    }
}

impl Core {
    /// Begins the server side of a request; `flow` is where its answers go. The limit on
    /// transactions was looked at when the request came in.
    pub(crate) fn open_server(&mut self, request: &Message, flow: Flow, user: User) -> Key<Transaction> {
        let key = transaction::Key::of_request(request);
        let reliable = is_reliable(flow);
        let machine = match request.method() {
            Some(Method::Invite) => Machine::InviteServer(Box::new(InviteServer::new(reliable))),
            _ => Machine::Server(NonInviteServer::new(reliable)),
        };
        self.transactions.insert(machine, key, flow, user)
    }

    /// Sends a request of ours that is not INVITE.
    pub(crate) fn open_client(
        &mut self,
        flow: Flow,
        request: Bytes,
        key: transaction::Key,
        user: User,
        now: Instant,
    ) -> Key<Transaction> {
        let mut actions = Vec::new();
        let machine = NonInviteClient::start(request, is_reliable(flow), &mut actions);
        let slot = self.transactions.insert(Machine::Client(Box::new(machine)), key, flow, user);
        self.carry_out(slot, actions, now);
        slot
    }

    pub(crate) fn open_invite_client(
        &mut self,
        flow: Flow,
        request: Message,
        key: transaction::Key,
        user: User,
        now: Instant,
    ) -> Key<Transaction> {
        let mut actions = Vec::new();
        let machine = InviteClient::start(request, is_reliable(flow), &mut actions);
        let slot = self.transactions.insert(Machine::InviteClient(Box::new(machine)), key, flow, user);
        self.carry_out(slot, actions, now);
        slot
    }

    /// Hands a response to a server transaction.
    pub(crate) fn respond(&mut self, slot: Key<Transaction>, status: u16, response: Bytes, now: Instant) {
        let mut actions = Vec::new();
        match self.transactions.pool.get_mut(slot).map(|t| &mut t.machine) {
            Some(Machine::InviteServer(machine)) => machine.respond(status, response, &mut actions),
            // Kept for 32 s.
            Some(Machine::Server(machine)) => machine.respond(status, compact(response), &mut actions),
            _ => return,
        }
        self.carry_out(slot, actions, now);
    }

    /// A request whose server transaction is there already: the same again, or the ACK to a failure.
    pub(crate) fn on_known_request(&mut self, slot: Key<Transaction>, request: &Message, now: Instant) {
        let mut actions = Vec::new();
        match self.transactions.pool.get_mut(slot).map(|t| &mut t.machine) {
            Some(Machine::InviteServer(machine)) => machine.on_request(request, &mut actions),
            Some(Machine::Server(machine)) => machine.on_request(&mut actions),
            _ => {}
        }
        self.carry_out(slot, actions, now);
    }

    /// A request of ours that could not be handed over fails at once, as if it were answered 503
    /// (RFC 3261 §8.1.3.1). Of an answer nothing is said to anybody: its request comes again, or not.
    pub(crate) fn on_unsent(&mut self, bytes: Bytes, now: Instant) {
        let Ok(message) = Message::parse(bytes) else { return };
        let Some(method) = message.method().filter(|method| **method != Method::Ack) else { return };
        let branch = message.via().ok().and_then(|via| via.branch()).unwrap_or("");
        let key = transaction::Key::client(branch, method.as_str());
        let Some(slot) = self.transactions.client(&key) else { return };
        let mut actions = Vec::new();
        match self.transactions.pool.get_mut(slot).map(|t| &mut t.machine) {
            Some(Machine::InviteClient(machine)) => machine.on_transport_error(&mut actions),
            Some(Machine::Client(machine)) => machine.on_transport_error(&mut actions),
            _ => {}
        }
        self.carry_out(slot, actions, now);
    }

    pub(crate) fn on_response(&mut self, response: &Message, flow: Flow, now: Instant) {
        let slot = transaction::Key::of_response(response).and_then(|key| self.transactions.client(&key));
        let Some(slot) = slot else {
            self.counters.dropped += 1;
            return;
        };
        self.follow_stream(slot, flow);
        let mut actions = Vec::new();
        match self.transactions.pool.get_mut(slot).map(|t| &mut t.machine) {
            Some(Machine::InviteClient(machine)) => machine.on_response(response, &mut actions),
            Some(Machine::Client(machine)) => machine.on_response(response, &mut actions),
            _ => {}
        }
        self.carry_out(slot, actions, now);
    }

    /// A request for which the driver had to open a connection is answered on it: what follows goes
    /// the same way.
    fn follow_stream(&mut self, slot: Key<Transaction>, flow: Flow) {
        let Some(user) =
            self.transactions.get(slot).filter(|t| !self.is_open(t.flow)).map(|t| t.user.clone())
        else {
            return;
        };
        if let Some(transaction) = self.transactions.pool.get_mut(slot) {
            transaction.flow = flow;
        }
        match user {
            User::Branch(branch) => {
                if let Some(branch) = self.branches.get_mut(branch) {
                    branch.flow = flow;
                }
            }
            User::Notify(subscription) => {
                if let Some(subscription) = self.subscriptions.get_mut(subscription) {
                    subscription.flow = flow;
                }
            }
            User::Reinvited(call, to) | User::Passed { call, to, .. } => {
                if let Some(leg) = self.calls.get_mut(call).and_then(|call| call.leg_mut(to)) {
                    leg.heard_on(flow);
                }
            }
            User::Nobody | User::Caller(_) | User::Reinviter(_) | User::Checked(_) => {}
        }
    }

    pub(crate) fn on_transaction_timer(&mut self, slot: Key<Transaction>, timer: Timer, now: Instant) {
        let mut actions = Vec::new();
        match self.transactions.pool.get_mut(slot).map(|t| &mut t.machine) {
            Some(Machine::InviteServer(machine)) => machine.on_timer(timer, &mut actions),
            Some(Machine::Server(machine)) => machine.on_timer(timer, &mut actions),
            Some(Machine::InviteClient(machine)) => machine.on_timer(timer, &mut actions),
            Some(Machine::Client(machine)) => machine.on_timer(timer, &mut actions),
            None => {}
        }
        let sent = actions.iter().filter(|action| matches!(action, Action::Send(_))).count();
        self.counters.retransmissions_sent += sent as u64;
        self.carry_out(slot, actions, now);
    }

    /// Forgets an INVITE of ours that was cancelled and never got a final answer (RFC 3261 §9.1).
    pub(crate) fn abandon(&mut self, slot: Key<Transaction>) -> bool {
        let pending = self.transactions.invite_client(slot).is_some_and(InviteClient::is_pending);
        pending && self.transactions.remove(slot).is_some()
    }

    /// Does what a machine asked for; its user is told last, when the table is in order again.
    fn carry_out(&mut self, slot: Key<Transaction>, actions: Vec<Action>, now: Instant) {
        let Some(transaction) = self.transactions.pool.get(slot) else { return };
        let (flow, user) = (transaction.flow, transaction.user.clone());
        let (mut events, mut terminated) = (Vec::new(), false);
        for action in actions {
            match action {
                Action::Send(bytes) => self.send(flow, bytes),
                Action::SetTimer(timer, after) => {
                    self.timers.set(now + after, Wake::Transaction(slot, timer))
                }
                Action::ToUser(event) => events.push(event),
                Action::Terminated => terminated = true,
            }
        }
        if terminated {
            self.transactions.remove(slot);
        }
        for event in events {
            self.tell(slot, &user, event, now);
        }
        if terminated && let User::Branch(branch) = user {
            self.on_branch_over(branch);
        }
    }

    fn tell(&mut self, slot: Key<Transaction>, user: &User, event: Event, now: Instant) {
        let failed = match &event {
            Event::TransportFailed => 503,
            _ => 408,
        };
        match (user, event) {
            (User::Branch(branch), Event::Response(response)) => {
                self.on_branch_response(*branch, &response, now)
            }
            (User::Branch(branch), _) => self.on_branch_failed(*branch, failed, now),
            (User::Reinvited(call, to), Event::Response(response)) => {
                self.on_reinvite_response(*call, *to, slot, Some(&response), now);
            }
            (User::Reinvited(call, to), _) => self.on_reinvite_response(*call, *to, slot, None, now),
            (User::Passed { call, to, server, request }, event) => {
                let response = match &event {
                    Event::Response(response) => Some(response),
                    _ => None,
                };
                self.on_passed_response(*call, *to, *server, request, response, now);
            }
            (User::Checked(call), Event::Response(response)) => {
                self.on_check_response(*call, response.status().unwrap_or(0), now);
            }
            // Whoever cannot be reached any more is as gone as who does not answer.
            (User::Checked(call), _) => self.on_check_response(*call, 408, now),
            (User::Notify(subscription), Event::Response(response)) => {
                self.on_notify_response(*subscription, response.status().unwrap_or(0), now);
            }
            (User::Notify(subscription), _) => self.on_notify_response(*subscription, failed, now),
            (User::Caller(_) | User::Reinviter(_), Event::Ack(ack)) => self.on_ack(&ack, now),
            (User::Caller(_) | User::Reinviter(_) | User::Nobody, _) => {}
        }
    }
}

fn is_reliable(flow: Flow) -> bool {
    flow.transport == Transport::Tcp
}
