//! What the core itself costs, without sockets: CPU per registration, call and NOTIFY, and memory.
//!
//! `cargo bench -p muster-phone`. Messages are made and read by the tests' phones outside of the
//! measured time.

#![allow(dead_code, reason = "the tests' phone can do more than is asked of it here")]

#[path = "../tests/it/digest.rs"]
mod digest;
#[path = "../tests/it/phone/mod.rs"]
mod phone;

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use muster_domain::capabilities::capabilities;
use muster_domain::dial_plan::{CredentialPlan, PersonPlan, PlanUpdate, Service};
use muster_domain::ids::{CredentialId, OrgId, SecretId, UserId};
use muster_domain::organization::ConnectionKind;
use muster_domain::user::UserType;
use muster_phone::{Core, CoreConfig, Flow, FlowId, Input, Output, Transport};
use muster_sip::{Instant, Rng};
use phone::{Manners, Phone, Then};
use uuid::Uuid;

const PEOPLE: usize = 100_000;
const BATCH: usize = 1_000;
const CALLS: usize = 5_000;
const WATCHERS: usize = 1_000;

struct Counting;

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are the same.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Bench {
    core: Core,
    now: Instant,
    spent: Duration,
}

impl Bench {
    /// Hands the core a batch of inputs; gives what it wants done.
    fn handle(&mut self, inputs: Vec<Input>) -> Vec<Output> {
        let mut outputs = Vec::with_capacity(2 * inputs.len());
        let before = cpu_time();
        for input in inputs {
            self.core.handle(input, self.now);
            outputs.extend(std::iter::from_fn(|| self.core.next_output()));
        }
        self.spent += cpu_time() - before;
        outputs
    }

    /// Carries messages between the core and these phones, in rounds, until nobody has anything to say.
    fn exchange(&mut self, phones: &mut HashMap<SocketAddr, Phone>) {
        loop {
            let mut inputs = Vec::new();
            for (addr, phone) in &mut *phones {
                phone.tick(self.now);
                let messages = phone.outbox.drain(..);
                inputs.extend(messages.map(|bytes| Input::Message { flow: flow(*addr), bytes }));
            }
            if inputs.is_empty() {
                return;
            }
            for output in self.handle(inputs) {
                if let Output::Send { flow, bytes } = output
                    && let Some(phone) = phones.get_mut(&flow.peer)
                {
                    phone.receive(bytes, self.now);
                    phone.received.clear();
                }
            }
            self.now += Duration::from_micros(100);
        }
    }

    fn timers(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        let before = cpu_time();
        while let Some(wake) = self.core.next_wake().filter(|wake| *wake <= end) {
            self.now = self.now.max(wake);
            self.core.timers(self.now);
            while self.core.next_output().is_some() {}
        }
        self.spent += cpu_time() - before;
        self.now = end;
    }

    fn take_spent(&mut self) -> Duration {
        std::mem::take(&mut self.spent)
    }
}

fn flow(peer: SocketAddr) -> Flow {
    let local = SocketAddr::from(([127, 0, 0, 1], 5060));
    Flow { transport: Transport::Udp, peer, id: FlowId::DATAGRAM, local }
}

fn addr(n: usize) -> SocketAddr {
    SocketAddr::from(([10, (n >> 16) as u8, (n >> 8) as u8, n as u8], 5060))
}

fn person(n: usize) -> PersonPlan {
    let name = format!("user{n}");
    PersonPlan {
        user: UserId(Uuid::from_u128(n as u128 + 1)),
        extension: Some(format!("{}", 100_000 + n).into()),
        display_name: format!("Person Number {n}").into(),
        service: Service::Enabled,
        capabilities: capabilities(UserType::User, ConnectionKind::Builtin),
        max_bindings: 5,
        call_timeout_s: 20,
        held_but_for: None,
        credentials: Box::new([CredentialPlan {
            id: CredentialId(Uuid::from_u128(n as u128 + 1)),
            secret: SecretId(Uuid::from_u128(n as u128 + 1)),
            ha1_md5: digest::ha1_md5(&name, "acme.example", &format!("secret-of-{name}")),
            ha1_sha256: digest::ha1_sha256(&name, "acme.example", &format!("secret-of-{name}")),
            auth_name: name.into(),
        }]),
    }
}

fn new_phone(n: usize) -> Phone {
    let extension = format!("{}", 100_000 + n);
    let mut phone = Phone::new("bench", &extension, &format!("user{n}"), addr(n), n as u64);
    let at_once = Duration::from_micros(50);
    phone.manners = Manners { ring_after: Some(Duration::ZERO), then: Then::Answer(at_once) };
    phone
}

fn per(spent: Duration, count: usize) -> f64 {
    spent.as_secs_f64() * 1e6 / count as f64
}

fn main() {
    let mut bench = Bench {
        core: Core::new(CoreConfig::default(), Rng::from_u64(1)),
        now: Instant(1_000_000),
        spent: Duration::ZERO,
    };
    let empty = ALLOCATED.load(Ordering::Relaxed);
    let people: Vec<PersonPlan> = (0..PEOPLE).map(person).collect();
    let (id, realm) = (OrgId(Uuid::from_u128(1)), "acme.example".into());
    let update = PlanUpdate::Organization { id, seq: 1, realm, aliases: vec![], people };
    bench.handle(vec![Input::Plan(update)]);
    let people = ALLOCATED.load(Ordering::Relaxed) - empty;
    println!("memory per person of the plan   {:8} octets", people / PEOPLE);
    let loaded = bench.take_spent();
    println!("dial plan of {PEOPLE} people       {:8.1} ms", loaded.as_secs_f64() * 1e3);

    registrations(&mut bench);
    calls(&mut bench);
    watchers(&mut bench);
}

fn registrations(bench: &mut Bench) {
    let before = ALLOCATED.load(Ordering::Relaxed);
    for batch in 0..PEOPLE / BATCH {
        let mut phones: HashMap<_, _> =
            (batch * BATCH..(batch + 1) * BATCH).map(|n| (addr(n), new_phone(n))).collect();
        for phone in phones.values_mut() {
            phone.register(bench.now, 7200);
        }
        bench.exchange(&mut phones);
    }
    assert_eq!(bench.core.counters().bindings, PEOPLE);
    println!("challenged REGISTER             {:8.2} us (both requests)", per(bench.take_spent(), PEOPLE));
    bench.timers(40);
    println!("  and 40 s of timers            {:8.2} us", per(bench.take_spent(), PEOPLE));
    let used = ALLOCATED.load(Ordering::Relaxed).saturating_sub(before);
    println!("memory per binding              {:8} octets", used / PEOPLE);
}

fn calls(bench: &mut Bench) {
    let before = ALLOCATED.load(Ordering::Relaxed);
    for batch in 0..CALLS / BATCH {
        let first = 2 * batch * BATCH;
        let mut phones: HashMap<_, _> = (first..first + 2 * BATCH).map(|n| (addr(n), new_phone(n))).collect();
        let callers: Vec<usize> = (first..first + 2 * BATCH).step_by(2).collect();
        for n in &callers {
            let caller = phones.get_mut(&addr(*n)).expect("the caller");
            caller.call(bench.now, &format!("{}", 100_001 + n));
        }
        bench.exchange(&mut phones);
        bench.now += Duration::from_millis(1);
        bench.exchange(&mut phones);
        for n in &callers {
            let caller = phones.get_mut(&addr(*n)).expect("the caller");
            assert_eq!(caller.calls[0].stage, phone::CallStage::Up);
            caller.hang_up(bench.now, 0);
        }
        bench.exchange(&mut phones);
    }
    println!("call INVITE…BYE with digest     {:8.2} us", per(bench.take_spent(), CALLS));
    let used = ALLOCATED.load(Ordering::Relaxed).saturating_sub(before);
    println!("  kept of it for 32 s           {:8} octets", used / CALLS);
    bench.timers(40);
    assert_eq!((bench.core.counters().calls, bench.core.counters().transactions), (0, 0));
    println!("  and 40 s of timers            {:8.2} us", per(bench.take_spent(), CALLS));
}

fn watchers(bench: &mut Bench) {
    let mut phones: HashMap<_, _> = (0..WATCHERS + 2).map(|n| (addr(n), new_phone(n))).collect();
    for n in 2..WATCHERS + 2 {
        phones.get_mut(&addr(n)).expect("a watcher").subscribe(bench.now, "100001", 600);
    }
    bench.exchange(&mut phones);
    assert_eq!(bench.core.counters().subscriptions, WATCHERS);
    println!("SUBSCRIBE with its first NOTIFY {:8.2} us", per(bench.take_spent(), WATCHERS));
    let sent = bench.core.counters().notifies_sent;
    for _ in 0..5 {
        let call = phones.get_mut(&addr(0)).expect("the caller").call(bench.now, "100001");
        bench.exchange(&mut phones);
        bench.now += Duration::from_millis(1);
        bench.exchange(&mut phones);
        phones.get_mut(&addr(0)).expect("the caller").hang_up(bench.now, call);
        bench.exchange(&mut phones);
    }
    let told = (bench.core.counters().notifies_sent - sent) as usize;
    println!("NOTIFY and its answer           {:8.2} us ({told} sent)", per(bench.take_spent(), told));
}

/// Time that this thread has had a processor: others on the machine do not count.
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    Duration::from_nanos(text.split(' ').next().and_then(|word| word.parse().ok()).expect("nanoseconds"))
}
