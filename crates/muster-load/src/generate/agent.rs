//! One thread's phones: two sockets, a state each, and the time at which each does what.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt::Write as _;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use super::scan::{Scan, uri_of};
use super::write::{Request, response};
use super::{Kind, Load, Report, User, sys};
use crate::digest::{Challenge, Identity};

const T1_US: u64 = 500_000;
const T2_US: u64 = 4_000_000;
/// How fast phones register before calls are measured.
const PREPARING_RATE: f64 = 2_000.0;

pub(super) struct Agent {
    load: Load,
    users: Vec<User>,
    slots: Vec<Slot>,
    /// Of the phones that call, and of those that are called: they are not the same machine.
    lines: [Line; 2],
    sdp: String,
    /// Makes Call-IDs and branches of this thread and run unlike any other's.
    seed: u64,
    next_branch: u64,
    started: Instant,
    timers: BinaryHeap<Reverse<(u64, usize, u32)>>,
    report: Report,
    in_flight: usize,
    out: Vec<u8>,
}

struct Line {
    socket: UdpSocket,
    /// Its address and port, as text.
    local: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle,
    Registering,
    Inviting,
    Talking,
    HangingUp,
}

/// A phone's state. Buffers are kept from operation to operation.
struct Slot {
    phase: Phase,
    /// Goes up with every message sent: a timer of an older one means nothing.
    epoch: u32,
    cseq: u32,
    due_us: u64,
    interval_us: u64,
    /// What to send again; for an established call the ACK.
    sent: Vec<u8>,
    call_id: String,
    branch: String,
    from: String,
    to: Vec<u8>,
    target: Vec<u8>,
    routes: Vec<Vec<u8>>,
    challenge: Option<Challenge>,
    nonce_count: u32,
    was_challenged: bool,
    /// The header that answers the last challenge.
    answer_in: &'static str,
    authorization: String,
}

impl Agent {
    pub(super) fn new(load: &Load, users: &[User], number: usize) -> std::io::Result<Agent> {
        let lines = [Line::open(load.target)?, Line::open(load.target)?];
        let ip = lines[0].socket.local_addr()?.ip();
        let family = if ip.is_ipv4() { "IP4" } else { "IP6" };
        let sdp = format!(
            "v=0\r\no=- 1 1 IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
             m=audio 30000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n\
             a=rtpmap:101 telephone-event/8000\r\n"
        );
        let since_epoch = std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos() as u64;
        Ok(Agent {
            load: load.clone(),
            users: users.to_vec(),
            slots: users.iter().map(|_| Slot::new()).collect(),
            lines,
            sdp,
            seed: since_epoch.rotate_left(8) ^ number as u64,
            next_branch: 0,
            started: Instant::now(),
            timers: BinaryHeap::new(),
            report: Report::default(),
            in_flight: 0,
            out: Vec::with_capacity(2048),
        })
    }

    /// Registers the first `count` users once, without measuring.
    pub(super) fn register(&mut self, count: usize) -> Report {
        self.drive(Kind::Register, count.min(self.users.len()), PREPARING_RATE)
    }

    pub(super) fn run(&mut self, count: usize, rate: f64) -> Report {
        self.drive(self.load.kind, count, rate)
    }

    fn drive(&mut self, kind: Kind, count: usize, rate: f64) -> Report {
        self.started = Instant::now();
        self.report = Report::default();
        self.timers.clear();
        let period_us = 1e6 / rate.max(0.001);
        let mut begun = 0;
        let mut buffer = vec![0; 65_536];
        while begun < count || self.in_flight > 0 {
            let now_us = self.now_us();
            while begun < count && (begun as f64 * period_us) as u64 <= now_us {
                self.begin(kind, begun, (begun as f64 * period_us) as u64);
                begun += 1;
            }
            for line in 0..self.lines.len() {
                while let Ok(length) = self.lines[line].socket.recv(&mut buffer) {
                    self.on_message(line, &buffer[..length]);
                }
            }
            self.on_time();
            let next_begin = if begun < count { (begun as f64 * period_us) as u64 } else { u64::MAX };
            let next_timer = self.timers.peek().map_or(u64::MAX, |Reverse((due, ..))| *due);
            let next_us = next_begin.min(next_timer).min(self.now_us() + 100_000);
            let wait_us = next_us.saturating_sub(self.now_us());
            match self.load.quantum {
                Duration::ZERO if wait_us == 0 => {}
                Duration::ZERO => {
                    let sockets = [0, 1].map(|line: usize| self.lines[line].socket.as_raw_fd());
                    sys::wait_readable(sockets, Duration::from_micros(wait_us));
                }
                quantum => std::thread::sleep(quantum),
            }
        }
        self.report.elapsed = self.started.elapsed();
        std::mem::take(&mut self.report)
    }

    fn now_us(&self) -> u64 {
        self.started.elapsed().as_micros() as u64
    }

    fn begin(&mut self, kind: Kind, number: usize, due_us: u64) {
        let index = match kind {
            Kind::Register => number % self.users.len(),
            Kind::Call => 2 * number % (self.users.len() & !1),
        };
        if self.slots[index].phase != Phase::Idle {
            self.report.skipped += 1;
            return;
        }
        self.in_flight += 1;
        let (seed, domain) = (self.seed, &self.load.domain);
        let User { extension, .. } = &self.users[index];
        let slot = &mut self.slots[index];
        slot.due_us = due_us;
        slot.was_challenged = false;
        slot.authorization.clear();
        slot.routes.clear();
        slot.from.clear();
        slot.call_id.clear();
        slot.to.clear();
        slot.target.clear();
        slot.cseq += 1;
        match kind {
            Kind::Register => {
                slot.phase = Phase::Registering;
                let _ = write!(slot.from, "<sip:{extension}@{domain}>;tag={index:x}");
                let _ = write!(slot.call_id, "{index:x}-0-{seed:x}");
                slot.to.extend_from_slice(format!("<sip:{extension}@{domain}>").as_bytes());
                slot.target.extend_from_slice(format!("sip:{domain}").as_bytes());
            }
            Kind::Call => {
                slot.phase = Phase::Inviting;
                let callee = &self.users[index + 1].extension;
                let _ = write!(slot.from, "<sip:{extension}@{domain}>;tag={number:x}");
                let _ = write!(slot.call_id, "{index:x}-{number:x}-{seed:x}");
                slot.to.extend_from_slice(format!("<sip:{callee}@{domain}>").as_bytes());
                slot.target.extend_from_slice(format!("sip:{callee}@{domain}").as_bytes());
            }
        }
        if self.load.reuse_nonces && self.slots[index].challenge.is_some() {
            self.authorize(index, method_of(kind));
        }
        self.send_request(index, method_of(kind));
    }

    /// A new transaction of the slot, with a timer for its retransmission.
    fn send_request(&mut self, index: usize, method: &str) {
        self.next_branch += 1;
        let (next_branch, seed) = (self.next_branch, self.seed);
        let slot = &mut self.slots[index];
        slot.branch.clear();
        let _ = write!(slot.branch, "z9hG4bK{next_branch:x}.{seed:x}");
        slot.epoch = slot.epoch.wrapping_add(1);
        slot.interval_us = T1_US;
        self.write_request(index, method, true);
        let slot = &self.slots[index];
        let _ = self.lines[line_of(index)].socket.send(&slot.sent);
        let timer = (self.now_us() + T1_US, index, slot.epoch);
        self.timers.push(Reverse(timer));
    }

    /// Writes into the slot's `sent`, or, for what is sent once only, into `out`.
    fn write_request(&mut self, index: usize, method: &str, keep: bool) {
        let slot = &mut self.slots[index];
        let user = &self.users[index].auth_name;
        let begins_dialog = matches!(method, "REGISTER" | "INVITE");
        let mut extra = std::mem::take(&mut slot.authorization);
        let with_auth = extra.len();
        if method == "REGISTER" {
            let _ = write!(extra, "Expires: {}\r\n", self.load.expires_s);
        }
        let request = Request {
            method,
            uri: &slot.target,
            local: &self.lines[line_of(index)].local,
            branch: &slot.branch,
            from: &slot.from,
            to: &slot.to,
            call_id: &slot.call_id,
            cseq: slot.cseq,
            contact_user: begins_dialog.then_some(user),
            routes: &slot.routes,
            extra: if method == "ACK" { "" } else { &extra },
            sdp: (method == "INVITE").then_some(&self.sdp),
        };
        match keep {
            true => request.write(&mut slot.sent),
            false => request.write(&mut self.out),
        }
        extra.truncate(with_auth);
        slot.authorization = extra;
    }

    fn on_time(&mut self) {
        let now_us = self.now_us();
        while let Some(Reverse((due_us, index, epoch))) = self.timers.peek().copied() {
            if due_us > now_us {
                return;
            }
            self.timers.pop();
            let timeout_us = self.load.timeout.as_micros() as u64;
            let slot = &mut self.slots[index];
            if slot.epoch != epoch {
                continue;
            }
            match slot.phase {
                Phase::Idle => {}
                Phase::Talking => self.hang_up(index),
                _ if now_us > slot.due_us + timeout_us => self.fail(index, 0),
                _ => {
                    self.report.retransmissions += 1;
                    slot.interval_us = (slot.interval_us * 2).min(T2_US);
                    let _ = self.lines[line_of(index)].socket.send(&slot.sent);
                    self.timers.push(Reverse((now_us + slot.interval_us, index, epoch)));
                }
            }
        }
    }

    fn on_message(&mut self, line: usize, message: &[u8]) {
        let Some(scan) = Scan::of(message) else { return };
        if scan.status == 0 {
            return self.on_request(line, &scan);
        }
        let Some(index) = self.slot_of(&scan) else { return };
        let slot = &self.slots[index];
        let is_current = slot.call_id.as_bytes() == scan.call_id && slot.cseq == scan.cseq_number();
        match (slot.phase, scan.cseq_method()) {
            (Phase::Registering, b"REGISTER") if is_current => self.on_final(index, &scan, "REGISTER"),
            (Phase::Inviting, b"INVITE") if is_current => self.on_invite_answer(index, &scan),
            // The 200 again: its ACK was lost (RFC 3261 §13.2.2.4).
            (Phase::Talking, b"INVITE") if is_current && scan.status >= 200 => {
                self.report.retransmissions += 1;
                let _ = self.lines[line_of(index)].socket.send(&self.slots[index].sent);
            }
            (Phase::HangingUp, b"BYE") if is_current => self.on_final(index, &scan, "BYE"),
            _ => {}
        }
    }

    /// Our Call-IDs begin with the slot's number.
    fn slot_of(&self, scan: &Scan<'_>) -> Option<usize> {
        let digits = scan.call_id.split(|byte| *byte == b'-').next()?;
        let index = usize::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        (index < self.slots.len()).then_some(index)
    }

    fn on_final(&mut self, index: usize, scan: &Scan<'_>, method: &'static str) {
        match scan.status {
            100..200 => self.slots[index].interval_us = T2_US,
            200..300 => self.complete(index),
            401 | 407 if self.take_challenge(index, scan, method) => {
                self.slots[index].cseq += 1;
                self.send_request(index, method);
            }
            status => self.fail(index, status),
        }
    }

    fn on_invite_answer(&mut self, index: usize, scan: &Scan<'_>) {
        match scan.status {
            // The INVITE has arrived: no more of it, but the whole must still end in time.
            100..200 => {
                let timeout_us = self.load.timeout.as_micros() as u64;
                let slot = &mut self.slots[index];
                slot.epoch = slot.epoch.wrapping_add(1);
                self.timers.push(Reverse((slot.due_us + timeout_us, index, slot.epoch)));
            }
            200..300 => self.on_answered(index, scan),
            status => {
                let to_before = std::mem::take(&mut self.slots[index].to);
                self.slots[index].to.extend_from_slice(scan.to);
                self.write_request(index, "ACK", false);
                let _ = self.lines[line_of(index)].socket.send(&self.out);
                self.slots[index].to = to_before;
                if matches!(status, 401 | 407) && self.take_challenge(index, scan, "INVITE") {
                    self.slots[index].cseq += 1;
                    self.send_request(index, "INVITE");
                } else {
                    self.fail(index, status);
                }
            }
        }
    }

    fn on_answered(&mut self, index: usize, scan: &Scan<'_>) {
        self.next_branch += 1;
        let (next_branch, seed) = (self.next_branch, self.seed);
        let hold_us = self.load.hold.as_micros() as u64;
        let due_us = self.now_us() + hold_us;
        let slot = &mut self.slots[index];
        slot.to.clear();
        slot.to.extend_from_slice(scan.to);
        slot.target.clear();
        slot.target.extend_from_slice(uri_of(scan.contact));
        let routes = scan.record_routes.iter().filter(|route| !route.is_empty());
        slot.routes = routes.rev().map(|route| route.to_vec()).collect();
        slot.branch.clear();
        let _ = write!(slot.branch, "z9hG4bK{next_branch:x}.{seed:x}");
        slot.phase = Phase::Talking;
        slot.epoch = slot.epoch.wrapping_add(1);
        self.write_request(index, "ACK", true);
        let slot = &self.slots[index];
        let _ = self.lines[line_of(index)].socket.send(&slot.sent);
        match hold_us {
            0 => self.hang_up(index),
            _ => self.timers.push(Reverse((due_us, index, slot.epoch))),
        }
    }

    fn hang_up(&mut self, index: usize) {
        let slot = &mut self.slots[index];
        slot.phase = Phase::HangingUp;
        slot.cseq += 1;
        slot.authorization.clear();
        self.send_request(index, "BYE");
    }

    /// `false`: there is no challenge that we can answer, or it was answered already.
    fn take_challenge(&mut self, index: usize, scan: &Scan<'_>, method: &str) -> bool {
        let wanted = self.load.algorithm;
        let challenge = scan
            .challenges
            .iter()
            .filter_map(|value| Challenge::parse(std::str::from_utf8(value).ok()?))
            .find(|challenge| challenge.algorithm == wanted);
        let slot = &mut self.slots[index];
        let Some(challenge) = challenge.filter(|found| !slot.was_challenged || found.stale) else {
            return false;
        };
        slot.was_challenged = true;
        slot.answer_in = if scan.status == 407 { "Proxy-Authorization" } else { "Authorization" };
        slot.challenge = Some(challenge);
        slot.nonce_count = 0;
        self.authorize(index, method);
        true
    }

    fn authorize(&mut self, index: usize, method: &str) {
        let slot = &mut self.slots[index];
        let user = &self.users[index];
        let Some(challenge) = &slot.challenge else { return };
        slot.nonce_count += 1;
        let who =
            Identity { auth_name: &user.auth_name, secret: &user.secret, algorithm: self.load.algorithm };
        let uri = std::str::from_utf8(&slot.target).unwrap_or("");
        let answer = challenge.answer(who, method, uri, slot.nonce_count, "c0ffee");
        slot.authorization.clear();
        let _ = write!(slot.authorization, "{}: {answer}\r\n", slot.answer_in);
    }

    /// The called end has no state: what comes again is answered again.
    fn on_request(&mut self, line: usize, scan: &Scan<'_>) {
        let mut out = std::mem::take(&mut self.out);
        let Line { socket, local } = &self.lines[line];
        let contact = format!("sip:callee@{local}");
        match scan.method {
            b"INVITE" => {
                response(scan, "180 Ringing", "callee", Some(&contact), None, &mut out);
                let _ = socket.send(&out);
                response(scan, "200 OK", "callee", Some(&contact), Some(&self.sdp), &mut out);
                let _ = socket.send(&out);
            }
            b"ACK" => {}
            _ => {
                response(scan, "200 OK", "callee", None, None, &mut out);
                let _ = socket.send(&out);
            }
        }
        self.out = out;
    }

    fn complete(&mut self, index: usize) {
        let latency_us = self.now_us().saturating_sub(self.slots[index].due_us);
        self.report.completed += 1;
        self.report.latencies_us.push(latency_us.min(u64::from(u32::MAX)) as u32);
        self.finish(index);
    }

    fn fail(&mut self, index: usize, status: u16) {
        self.report.failed += 1;
        *self.report.refusals.entry(status).or_default() += 1;
        self.finish(index);
    }

    fn finish(&mut self, index: usize) {
        let slot = &mut self.slots[index];
        slot.phase = Phase::Idle;
        slot.epoch = slot.epoch.wrapping_add(1);
        self.in_flight -= 1;
    }
}

impl Slot {
    fn new() -> Slot {
        Slot {
            phase: Phase::Idle,
            epoch: 0,
            cseq: 0,
            due_us: 0,
            interval_us: T1_US,
            sent: Vec::new(),
            call_id: String::new(),
            branch: String::new(),
            from: String::new(),
            to: Vec::new(),
            target: Vec::new(),
            routes: Vec::new(),
            challenge: None,
            nonce_count: 0,
            was_challenged: false,
            answer_in: "Authorization",
            authorization: String::new(),
        }
    }
}

impl Line {
    fn open(target: SocketAddr) -> std::io::Result<Line> {
        let any = if target.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(any)?;
        socket.connect(target)?;
        socket.set_nonblocking(true)?;
        let local = socket.local_addr()?.to_string();
        Ok(Line { socket, local })
    }
}

/// Users 0, 2, 4 … call, those between are called.
fn line_of(index: usize) -> usize {
    index % 2
}

fn method_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Register => "REGISTER",
        Kind::Call => "INVITE",
    }
}
