//! Client and server machines joined by a link that loses, doubles and reorders, on a virtual clock
//! and from a seed.

use crate::corpus::{INVITE, REGISTER, message};
use bytes::Bytes;
use muster_sip::time::Duration;
use muster_sip::transaction::{
    Action, Event, InviteClient, InviteServer, Key, NonInviteClient, NonInviteServer, Timer,
};
use muster_sip::{Instant, Message, Method, Rng, Writer};
use std::collections::BTreeMap;

#[derive(Clone, Copy, PartialEq)]
enum End {
    Client,
    Server,
}

enum Step {
    Arrive(End, Bytes),
    Fire(End, Timer),
    /// The user at the server answers with this status.
    Answer(u16),
    /// The user at the client waits no longer.
    GiveUp,
}

enum Client {
    Invite(InviteClient),
    Other(NonInviteClient),
}

enum Server {
    Invite(InviteServer),
    Other(NonInviteServer),
}

/// How one transaction went.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    /// Final status at the client, 408 when it gave up.
    client: Vec<u16>,
    server_asked: usize,
    client_ended: bool,
    server_ended: bool,
}

struct World {
    rng: Rng,
    loss_percent: u32,
    now: Instant,
    steps: BTreeMap<(Instant, u64), Step>,
    count: u64,
    request: Message,
    client: Option<Client>,
    server: Option<Server>,
    outcome: Outcome,
}

impl World {
    fn run(request: &Message, answer: u16, loss_percent: u32, seed: u64) -> Outcome {
        let mut world = World {
            rng: Rng::from_u64(seed),
            loss_percent,
            now: Instant(0),
            steps: BTreeMap::new(),
            count: 0,
            request: request.clone(),
            client: None,
            server: None,
            outcome: Outcome::default(),
        };
        let mut out = Vec::new();
        let client = match request.method() {
            Some(Method::Invite) => Client::Invite(InviteClient::start(request.clone(), false, &mut out)),
            _ => Client::Other(NonInviteClient::start(request.bytes().clone(), false, &mut out)),
        };
        world.client = Some(client);
        world.perform(End::Client, out);
        world.after(Duration::from_secs(120), Step::GiveUp);
        while let Some(((now, _), step)) = world.steps.pop_first() {
            world.now = now;
            world.step(step, answer);
            assert!(world.count < 10_000, "it does not end");
        }
        world.outcome
    }

    fn step(&mut self, step: Step, answer: u16) {
        let mut out = Vec::new();
        match step {
            Step::Arrive(End::Client, bytes) => {
                let response = Message::parse(bytes).unwrap();
                match &mut self.client {
                    Some(Client::Invite(client)) => client.on_response(&response, &mut out),
                    Some(Client::Other(client)) => client.on_response(&response, &mut out),
                    None => {}
                }
                self.perform(End::Client, out);
            }
            Step::Arrive(End::Server, bytes) => self.at_server(Message::parse(bytes).unwrap(), answer),
            Step::Fire(End::Client, timer) => {
                match &mut self.client {
                    Some(Client::Invite(client)) => client.on_timer(timer, &mut out),
                    Some(Client::Other(client)) => client.on_timer(timer, &mut out),
                    None => {}
                }
                self.perform(End::Client, out);
            }
            Step::Fire(End::Server, timer) => {
                match &mut self.server {
                    Some(Server::Invite(server)) => server.on_timer(timer, &mut out),
                    Some(Server::Other(server)) => server.on_timer(timer, &mut out),
                    None => {}
                }
                self.perform(End::Server, out);
            }
            Step::GiveUp => {
                if let Some(Client::Invite(client)) = &mut self.client {
                    client.abandon(&mut out);
                    self.outcome.client.push(408);
                }
                self.perform(End::Client, out);
            }
            Step::Answer(status) => {
                let source = "192.0.2.4:5060".parse().unwrap();
                let bytes = Writer::response_to(&self.request, status, "x", Some("t"), source).finish();
                match &mut self.server {
                    Some(Server::Invite(server)) => server.respond(status, bytes, &mut out),
                    Some(Server::Other(server)) => server.respond(status, bytes, &mut out),
                    None => {}
                }
                self.perform(End::Server, out);
            }
        }
    }

    fn at_server(&mut self, request: Message, answer: u16) {
        assert_eq!(Key::of_request(&request), Key::of_request(&self.request));
        let mut out = Vec::new();
        match (&mut self.server, request.method()) {
            (Some(Server::Invite(server)), _) => server.on_request(&request, &mut out),
            (Some(Server::Other(server)), _) => server.on_request(&mut out),
            (None, Some(Method::Ack)) => {}
            (None, _) if self.outcome.server_ended => {}
            (None, method) => {
                self.server = Some(match method {
                    Some(Method::Invite) => Server::Invite(InviteServer::new(false)),
                    _ => Server::Other(NonInviteServer::new(false)),
                });
                self.outcome.server_asked += 1;
                self.after(Duration::from_millis(1), Step::Answer(100));
                self.after(Duration::from_millis(900), Step::Answer(answer));
            }
        }
        self.perform(End::Server, out);
    }

    fn perform(&mut self, end: End, out: Vec<Action>) {
        for action in out {
            match action {
                Action::Send(bytes) => self.send(end, bytes),
                Action::SetTimer(timer, after) => self.after(after, Step::Fire(end, timer)),
                Action::ToUser(Event::Response(response)) if response.status() >= Some(200) => {
                    self.outcome.client.push(response.status().unwrap());
                }
                Action::ToUser(Event::TimedOut) if end == End::Client => self.outcome.client.push(408),
                Action::ToUser(_) => {}
                Action::Terminated if end == End::Client => {
                    self.client = None;
                    self.outcome.client_ended = true;
                }
                Action::Terminated => {
                    self.server = None;
                    self.outcome.server_ended = true;
                }
            }
        }
    }

    fn send(&mut self, from: End, bytes: Bytes) {
        let to = if from == End::Client { End::Server } else { End::Client };
        let copies = 1 + usize::from(self.rng.below(100) < self.loss_percent);
        for _ in 0..copies {
            if self.rng.below(100) >= self.loss_percent {
                let delay = Duration::from_millis(u64::from(1 + self.rng.below(150)));
                self.after(delay, Step::Arrive(to, bytes.clone()));
            }
        }
    }

    fn after(&mut self, after: Duration, step: Step) {
        self.count += 1;
        self.steps.insert((self.now + after, self.count), step);
    }
}

fn check(request: &str, answer: u16, loss_percent: u32, share_percent: usize) {
    let request = message(request);
    let (mut right, rounds) = (0, 200);
    for seed in 0..rounds {
        let outcome = World::run(&request, answer, loss_percent, seed);
        assert!(outcome.client_ended, "seed {seed}: {outcome:?}");
        assert!(outcome.server_ended || outcome.server_asked == 0, "seed {seed}: {outcome:?}");
        assert!(outcome.server_asked <= 1, "seed {seed}: the user is asked once, {outcome:?}");
        assert!(outcome.client == [answer] || outcome.client == [408], "seed {seed}: {outcome:?}");
        right += usize::from(outcome.client == [answer]);
    }
    assert!(right * 100 >= share_percent * rounds as usize, "{right} of {rounds} at {loss_percent} % loss");
}

#[test]
fn without_loss_every_transaction_ends_with_its_answer() {
    check(REGISTER, 200, 0, 100);
    check(INVITE, 486, 0, 100);
}

#[test]
fn at_twenty_percent_loss_nearly_all_end_with_their_answer() {
    check(REGISTER, 200, 20, 100);
    check(INVITE, 486, 20, 99);
}

#[test]
fn at_ninety_percent_loss_both_ends_still_end() {
    check(REGISTER, 200, 90, 1);
    check(INVITE, 486, 90, 1);
}
