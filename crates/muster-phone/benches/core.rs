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
use std::time::{Duration, Instant as Clock};

use muster_domain::dial_plan::{Capabilities, CredentialPlan, PersonPlan, PlanUpdate, Service};
use muster_domain::ids::{CredentialId, OrgId, UserId};
use muster_phone::{Core, CoreConfig, Flow, FlowId, Input, Output, Transport};
use muster_sip::{Instant, Rng};
use phone::{Manners, Phone, Then};
use uuid::Uuid;

const PEOPLE: usize = 100_000;
const CALLS: usize = 5_000;
const WATCHERS: usize = 200;

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
    fn handle(&mut self, input: Input) {
        let clock = Clock::now();
        self.core.handle(input, self.now);
        self.spent += clock.elapsed();
    }

    /// Carries messages between the core and these phones until nobody has anything to say.
    fn exchange(&mut self, phones: &mut HashMap<SocketAddr, Phone>, who: &[SocketAddr]) {
        loop {
            let mut quiet = true;
            for addr in who {
                let Some(phone) = phones.get_mut(addr) else { continue };
                for bytes in std::mem::take(&mut phone.outbox) {
                    quiet = false;
                    self.handle(Input::Message { flow: flow(*addr), bytes });
                }
            }
            while let Some(output) = self.core.next_output() {
                if let Output::Send { flow, bytes } = output
                    && let Some(phone) = phones.get_mut(&flow.peer)
                {
                    quiet = false;
                    phone.receive(bytes, self.now);
                    phone.received.clear();
                }
            }
            if quiet {
                return;
            }
            self.now += Duration::from_micros(100);
            for addr in who {
                if let Some(phone) = phones.get_mut(addr) {
                    phone.tick(self.now);
                }
            }
        }
    }

    fn timers(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        while let Some(wake) = self.core.next_wake().filter(|wake| *wake <= end) {
            self.now = self.now.max(wake);
            let clock = Clock::now();
            self.core.timers(self.now);
            self.spent += clock.elapsed();
            while self.core.next_output().is_some() {}
        }
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
        capabilities: Capabilities::all(),
        max_bindings: 5,
        call_timeout_s: 20,
        credentials: Box::new([CredentialPlan {
            id: CredentialId(Uuid::from_u128(n as u128 + 1)),
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
    let people: Vec<PersonPlan> = (0..PEOPLE).map(person).collect();
    let (id, realm) = (OrgId(Uuid::from_u128(1)), "acme.example".into());
    let update = PlanUpdate::Organization { id, seq: 1, realm, aliases: vec![], people };
    bench.handle(Input::Plan(update));
    let loaded = bench.take_spent();
    println!("dial plan of {PEOPLE} people       {:8.1} ms", loaded.as_secs_f64() * 1e3);

    registrations(&mut bench);
    calls(&mut bench);
    watchers(&mut bench);
}

fn registrations(bench: &mut Bench) {
    let before = ALLOCATED.load(Ordering::Relaxed);
    for n in 0..PEOPLE {
        let mut phones = HashMap::from([(addr(n), new_phone(n))]);
        let now = bench.now;
        phones.get_mut(&addr(n)).expect("the phone").register(now, 7200);
        bench.exchange(&mut phones, &[addr(n)]);
    }
    assert_eq!(bench.core.counters().bindings, PEOPLE);
    println!("challenged REGISTER             {:8.2} us (both requests)", per(bench.take_spent(), PEOPLE));
    bench.timers(40);
    while bench.core.next_output().is_some() {}
    bench.take_spent();
    let used = ALLOCATED.load(Ordering::Relaxed).saturating_sub(before);
    println!("memory per binding              {:8} octets", used / PEOPLE);
}

fn calls(bench: &mut Bench) {
    for n in 0..CALLS {
        let (a, b) = (addr(2 * n), addr(2 * n + 1));
        let mut phones = HashMap::from([(a, new_phone(2 * n)), (b, new_phone(2 * n + 1))]);
        let (now, target) = (bench.now, format!("{}", 100_001 + 2 * n));
        let call = phones.get_mut(&a).expect("the caller").call(now, &target);
        bench.exchange(&mut phones, &[a, b]);
        bench.now += Duration::from_millis(1);
        let caller = phones.get_mut(&a).expect("the caller");
        assert_eq!(caller.calls[call].stage, phone::CallStage::Up);
        caller.hang_up(bench.now, call);
        bench.exchange(&mut phones, &[a, b]);
    }
    bench.timers(40);
    assert_eq!((bench.core.counters().calls, bench.core.counters().transactions), (0, 0));
    println!("call INVITE…BYE with digest     {:8.2} us, timers included", per(bench.take_spent(), CALLS));
}

fn watchers(bench: &mut Bench) {
    let mut phones: HashMap<_, _> = (0..WATCHERS + 2).map(|n| (addr(n), new_phone(n))).collect();
    let who: Vec<SocketAddr> = (0..WATCHERS + 2).map(addr).collect();
    for n in 2..WATCHERS + 2 {
        let now = bench.now;
        phones.get_mut(&addr(n)).expect("a watcher").subscribe(now, "100001", 600);
    }
    bench.exchange(&mut phones, &who);
    assert_eq!(bench.core.counters().subscriptions, WATCHERS);
    println!("SUBSCRIBE with its first NOTIFY {:8.2} us", per(bench.take_spent(), WATCHERS));
    let sent = bench.core.counters().notifies_sent;
    let now = bench.now;
    let call = phones.get_mut(&addr(0)).expect("the caller").call(now, "100001");
    bench.exchange(&mut phones, &who);
    let now = bench.now;
    phones.get_mut(&addr(0)).expect("the caller").hang_up(now, call);
    bench.exchange(&mut phones, &who);
    let told = (bench.core.counters().notifies_sent - sent) as usize;
    println!("NOTIFY and its answer           {:8.2} us ({told} sent)", per(bench.take_spent(), told));
}
