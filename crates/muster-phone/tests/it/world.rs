//! The core, its phones, a clock and a network, all from one seed.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use muster_domain::capabilities::capabilities;
use muster_domain::dial_plan::{CredentialPlan, PersonPlan, PlanUpdate, Service};
use muster_domain::ids::{CredentialId, OrgId, SecretId, UserId};
use muster_domain::organization::ConnectionKind;
use muster_domain::user::UserType;
use muster_phone::{
    BindingRecord, CallRecord, Core, CoreConfig, Flow, FlowId, Input, Output, PresenceView, Reply, Transport,
};
use muster_sip::{Instant, Rng};
use uuid::Uuid;

use crate::digest::{ha1_md5, ha1_sha256};
use crate::phone::{CallStage, Phone};

pub const ACME: OrgId = OrgId(Uuid::from_u128(1));
pub const OTHER: OrgId = OrgId(Uuid::from_u128(2));
pub const REALM: &str = "acme.example";

pub const ANNA: usize = 0;
pub const BERT: usize = 1;
pub const CARLA: usize = 2;

/// How the network treats datagrams, in thousandths.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weather {
    pub loss: u32,
    pub duplication: u32,
    pub jitter_ms: u32,
}

pub struct World {
    pub core: Core,
    pub phones: Vec<Phone>,
    pub now: Instant,
    pub weather: Weather,
    pub records: Vec<CallRecord>,
    pub journal: Vec<BindingRecord>,
    pub presence: Vec<(OrgId, PresenceView)>,
    pub replies: Vec<Reply>,
    pub reached: Vec<(OrgId, u64)>,
    pub guessers: Vec<IpAddr>,
    /// Each loses the next message from or to this phone that begins so.
    pub lose: Vec<(SocketAddr, &'static str)>,
    /// Phones that are connected by TCP, with their connection's number.
    pub streams: HashMap<SocketAddr, FlowId>,
    /// Connections that the core asked for.
    pub opened: Vec<SocketAddr>,
    /// Where no connection can be made to.
    pub unreachable: Vec<SocketAddr>,
    /// What went to an address where no phone is.
    pub strays: Vec<(SocketAddr, Bytes)>,
    /// Datagrams under way, by arrival.
    under_way: BTreeMap<(Instant, u64), Packet>,
    sent: u64,
    rng: Rng,
    seq: u64,
}

enum Packet {
    ToCore { from: SocketAddr, bytes: Bytes },
    ToPhone { to: SocketAddr, bytes: Bytes },
}

pub fn user(n: u128) -> UserId {
    UserId(Uuid::from_u128(n))
}

/// Somebody with one credential `auth_name`, whose secret is `secret-of-AUTH_NAME`.
pub fn person(n: u128, extension: &str, auth_name: &str, realm: &str) -> PersonPlan {
    PersonPlan {
        user: user(n),
        extension: Some(extension.into()),
        display_name: format!("Person {n}").into(),
        service: Service::Enabled,
        capabilities: capabilities(UserType::User, ConnectionKind::Builtin),
        max_bindings: 5,
        call_timeout_s: 20,
        held_but_for: None,
        credentials: Box::new([credential(n, auth_name, realm, &format!("secret-of-{auth_name}"))]),
    }
}

pub fn credential(n: u128, auth_name: &str, realm: &str, secret: &str) -> CredentialPlan {
    CredentialPlan {
        id: CredentialId(Uuid::from_u128(n)),
        auth_name: auth_name.into(),
        secret: secret_id(secret),
        ha1_md5: ha1_md5(auth_name, realm, secret),
        ha1_sha256: ha1_sha256(auth_name, realm, secret),
    }
}

/// Another secret has another id.
pub fn secret_id(secret: &str) -> SecretId {
    SecretId(Uuid::from_bytes(ha1_md5("", "", secret)))
}

pub fn address(host: u8, port: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, host], port))
}

pub fn core_flow(peer: SocketAddr) -> Flow {
    Flow {
        transport: Transport::Udp,
        peer,
        id: FlowId::DATAGRAM,
        local: SocketAddr::from(([127, 0, 0, 1], 5060)),
    }
}

impl World {
    /// Anna (101, `anna.a`), Bert (102, `bert.b`) and Carla (103, `carla.c`), a phone each.
    pub fn new(seed: u64) -> World {
        World::with(seed, CoreConfig::default())
    }

    pub fn with(seed: u64, config: CoreConfig) -> World {
        let mut world = World {
            core: Core::new(config, Rng::from_u64(seed)),
            phones: Vec::new(),
            now: Instant(1_000_000),
            weather: Weather::default(),
            records: Vec::new(),
            journal: Vec::new(),
            presence: Vec::new(),
            replies: Vec::new(),
            reached: Vec::new(),
            guessers: Vec::new(),
            lose: Vec::new(),
            streams: HashMap::new(),
            opened: Vec::new(),
            unreachable: Vec::new(),
            strays: Vec::new(),
            under_way: BTreeMap::new(),
            sent: 0,
            rng: Rng::from_u64(seed ^ 0xface),
            seq: 10,
        };
        world.plan(PlanUpdate::Organization {
            id: ACME,
            seq: 10,
            realm: REALM.into(),
            aliases: vec!["old.acme.example".into()],
            people: vec![
                person(1, "101", "anna.a", REALM),
                person(2, "102", "bert.b", REALM),
                person(3, "103", "carla.c", REALM),
            ],
        });
        world.add_phone("anna", "101", "anna.a", address(1, 5060));
        world.add_phone("bert", "102", "bert.b", address(2, 5060));
        world.add_phone("carla", "103", "carla.c", address(3, 5060));
        world
    }

    /// The same with everybody registered.
    pub fn ready(seed: u64) -> World {
        let mut world = World::new(seed);
        world.register_all();
        world
    }

    pub fn add_phone(
        &mut self,
        label: &'static str,
        extension: &str,
        auth_name: &str,
        addr: SocketAddr,
    ) -> usize {
        let seed = 1000 + self.phones.len() as u64 + (self.rng.next_u64() << 8);
        let mut phone = Phone::new(label, extension, auth_name, addr, seed);
        phone.sdp = phone.sdp.replace("o=-", &format!("o={auth_name}"));
        phone.sdp += &format!("a=ssrc:7 cname:sip:{auth_name}@{REALM}\r\n");
        self.phones.push(phone);
        self.phones.len() - 1
    }

    pub fn register_all(&mut self) {
        let now = self.now;
        for phone in &mut self.phones {
            phone.register(now, 3600);
        }
        self.run_ms(2000);
        for phone in &mut self.phones {
            assert_eq!(phone.answers.last().map(|a| a.1), Some(200), "{} registers", phone.label);
            phone.answers.clear();
        }
    }

    pub fn input(&mut self, input: Input) {
        self.core.handle(input, self.now);
        self.drain();
    }

    pub fn plan(&mut self, update: PlanUpdate) {
        self.input(Input::Plan(update));
    }

    /// Changes a person of Acme, as the change log's follower would.
    pub fn change(&mut self, person: PersonPlan) {
        self.seq += 1;
        let seq = self.seq;
        self.plan(PlanUpdate::Person { org: ACME, seq, person });
    }

    /// Hands the core a datagram as if it had just come from that address.
    pub fn inject(&mut self, from: SocketAddr, bytes: impl Into<Bytes>) {
        self.input(Input::Message { flow: core_flow(from), bytes: bytes.into() });
    }

    pub fn act<T>(&mut self, phone: usize, action: impl FnOnce(&mut Phone, Instant) -> T) -> T {
        let result = action(&mut self.phones[phone], self.now);
        self.collect();
        result
    }

    /// From now on the phone at this address has a TCP connection.
    pub fn connect(&mut self, addr: SocketAddr) {
        self.sent += 1;
        self.streams.insert(addr, FlowId(self.sent));
    }

    pub fn disconnect(&mut self, addr: SocketAddr) {
        if let Some(id) = self.streams.remove(&addr) {
            self.input(Input::FlowClosed(id));
        }
    }

    fn flow_from(&self, peer: SocketAddr) -> Flow {
        match self.streams.get(&peer) {
            Some(id) => Flow { transport: Transport::Tcp, id: *id, ..core_flow(peer) },
            None => core_flow(peer),
        }
    }

    pub fn run_ms(&mut self, ms: u64) {
        self.run_until(self.now + Duration::from_millis(ms));
    }

    pub fn run_s(&mut self, seconds: u64) {
        self.run_ms(seconds * 1000);
    }

    pub fn run_until(&mut self, end: Instant) {
        self.collect();
        while let Some(at) = self.next_event().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            while let Some(entry) = self.under_way.first_entry().filter(|entry| entry.key().0 <= self.now) {
                match entry.remove() {
                    Packet::ToCore { from, bytes } => {
                        let flow = self.flow_from(from);
                        self.core.handle(Input::Message { flow, bytes }, self.now);
                    }
                    Packet::ToPhone { to, bytes } => {
                        match self.phones.iter_mut().find(|phone| phone.addr == to) {
                            Some(phone) => phone.receive(bytes, self.now),
                            None => self.strays.push((to, bytes)),
                        }
                    }
                }
                self.collect();
            }
            if self.core.next_wake().is_some_and(|wake| wake <= self.now) {
                self.core.timers(self.now);
            }
            for phone in &mut self.phones {
                if phone.next_wake().is_some_and(|wake| wake <= self.now) {
                    phone.tick(self.now);
                }
            }
            self.collect();
        }
        self.now = self.now.max(end);
    }

    fn next_event(&self) -> Option<Instant> {
        let packets = self.under_way.keys().next().map(|(at, _)| *at);
        let phones = self.phones.iter().filter_map(Phone::next_wake).min();
        [packets, phones, self.core.next_wake()].into_iter().flatten().min()
    }

    fn collect(&mut self) {
        self.drain();
        let mut packets = Vec::new();
        for phone in &mut self.phones {
            let from = phone.addr;
            phone.sent.extend(phone.outbox.iter().cloned());
            packets.extend(phone.outbox.drain(..).map(|bytes| Packet::ToCore { from, bytes }));
        }
        for packet in packets {
            self.post(packet);
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.core.next_output() {
            match output {
                Output::Send { flow, bytes } => {
                    let open = self.streams.get(&flow.peer).copied().unwrap_or(FlowId::DATAGRAM);
                    assert_eq!(flow.id, open, "sent on a connection that is not open");
                    self.post(Packet::ToPhone { to: flow.peer, bytes });
                }
                Output::OpenAndSend { addr, bytes, .. } if self.unreachable.contains(&addr) => {
                    self.opened.push(addr);
                    self.core.handle(Input::Unsent { bytes }, self.now);
                }
                Output::OpenAndSend { addr, bytes, .. } => {
                    self.opened.push(addr);
                    self.connect(addr);
                    self.post(Packet::ToPhone { to: addr, bytes });
                }
                Output::Journal(record) => self.journal.push(record),
                Output::CallRecord(record) => self.records.push(record),
                Output::Presence { org, view } => self.presence.push((org, view)),
                Output::PlanReached { org, seq } => self.reached.push((org, seq)),
                Output::TooManyGuesses { from } => self.guessers.push(from),
                Output::Reply { reply, .. } => self.replies.push(reply),
            }
        }
    }

    fn post(&mut self, packet: Packet) {
        let (Packet::ToCore { from: addr, bytes } | Packet::ToPhone { to: addr, bytes }) = &packet;
        let hit = |(of, start): &(SocketAddr, &str)| of == addr && bytes.starts_with(start.as_bytes());
        if let Some(at) = self.lose.iter().position(hit) {
            self.lose.remove(at);
            return;
        }
        let copies = match () {
            () if self.rng.below(1000) < self.weather.loss => 0,
            () if self.rng.below(1000) < self.weather.duplication => 2,
            () => 1,
        };
        for _ in 0..copies {
            let delay = 1 + u64::from(self.rng.below(self.weather.jitter_ms + 1));
            self.sent += 1;
            let copy = match &packet {
                Packet::ToCore { from, bytes } => Packet::ToCore { from: *from, bytes: bytes.clone() },
                Packet::ToPhone { to, bytes } => Packet::ToPhone { to: *to, bytes: bytes.clone() },
            };
            self.under_way.insert((self.now + Duration::from_millis(delay), self.sent), copy);
        }
    }

    pub fn stage(&self, phone: usize, call: usize) -> CallStage {
        self.phones[phone].calls[call].stage
    }

    pub fn ending(&self, phone: usize, call: usize) -> &str {
        self.phones[phone].calls[call].ending.as_deref().unwrap_or("not ended")
    }

    /// After a call that took its course: every phone is idle, none complains, the core remembers
    /// nothing, and nobody has seen a name that is not their own.
    pub fn assert_over(&mut self) {
        self.run_s(200);
        for phone in &self.phones {
            assert_eq!(phone.live_calls(), 0, "{}: {:?}", phone.label, phone.calls);
            assert!(phone.complaints.is_empty(), "{}: {:?}", phone.label, phone.complaints);
        }
        let counters = self.core.counters();
        let kept = (counters.calls, counters.transactions, counters.dialogs - counters.subscriptions);
        assert_eq!(kept, (0, 0, 0), "calls, transactions, dialogs left");
        self.assert_names_hidden();
    }

    pub fn assert_names_hidden(&self) {
        let names: Vec<&str> = self.phones.iter().map(|phone| phone.auth_name.as_str()).collect();
        for phone in &self.phones {
            // What a phone has written itself comes back in answers to it.
            let wrote =
                |name: &str| phone.sent.iter().any(|bytes| String::from_utf8_lossy(bytes).contains(name));
            let foreign: Vec<&str> = names.iter().copied().filter(|name| !wrote(name)).collect();
            for bytes in &phone.received {
                let text = String::from_utf8_lossy(bytes);
                for name in foreign.iter().filter(|name| **name != phone.auth_name) {
                    assert!(!text.contains(name), "{} saw {name} in {text}", phone.label);
                }
            }
        }
    }
}
