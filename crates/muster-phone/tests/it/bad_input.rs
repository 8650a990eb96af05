//! Whatever arrives: no panic, nothing kept, and the next good request is answered.

use bytes::Bytes;
use muster_sip::Rng;
use std::time::Duration;

use crate::phone::{Manners, Then};
use crate::world::{ANNA, BERT, CARLA, World, address};

const SEEDS: u64 = 60;

/// Real messages of a call, a registration and a subscription, in both directions.
fn conversation() -> Vec<Bytes> {
    let mut world = World::ready(1);
    world.phones[BERT].manners =
        Manners { ring_after: Some(Duration::from_millis(20)), then: Then::Answer(Duration::from_secs(1)) };
    world.act(CARLA, |phone, now| phone.subscribe(now, "102", 600));
    let call = world.act(ANNA, |phone, now| phone.call(now, "102"));
    world.run_s(3);
    world.act(ANNA, |phone, now| phone.reinvite(now, call, crate::phone::SDP));
    world.run_s(1);
    world.act(ANNA, |phone, now| phone.hang_up(now, call));
    world.run_s(1);
    world.phones.iter().flat_map(|phone| phone.sent.iter().chain(&phone.received).cloned()).collect()
}

fn mangle(message: &Bytes, dice: &mut Rng) -> Bytes {
    let mut bytes = message.to_vec();
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len() as u32) as usize;
        match dice.below(6) {
            0 => bytes[at] = dice.below(256) as u8,
            1 => bytes.truncate(at.max(1)),
            2 => drop(bytes.remove(at)),
            3 => bytes.insert(at, b",;<>\"\r\n:@= "[dice.below(11) as usize]),
            4 => {
                let piece: Vec<u8> = bytes[at..bytes.len().min(at + 40)].to_vec();
                let to = dice.below(bytes.len() as u32) as usize;
                bytes.splice(to..to, piece);
            }
            _ => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let mut lines: Vec<&str> = text.split("\r\n").collect();
                let line = dice.below(lines.len() as u32) as usize;
                match dice.below(2) {
                    0 => drop(lines.remove(line)),
                    _ => lines.insert(line, lines[line]),
                }
                bytes = lines.join("\r\n").into_bytes();
            }
        }
        if bytes.is_empty() {
            break;
        }
    }
    bytes.into()
}

#[test]
fn mangled_messages_harm_nobody() {
    let messages = conversation();
    for seed in 0..SEEDS {
        let mut dice = Rng::from_u64(seed);
        let mut world = World::ready(seed);
        world.phones[BERT].manners = Manners {
            ring_after: Some(Duration::from_millis(20)),
            then: Then::Answer(Duration::from_secs(2)),
        };
        let call = world.act(ANNA, |phone, now| phone.call(now, "102"));
        for _ in 0..150 {
            // Messages of this world's own dialogs, too.
            let phone = &world.phones[dice.below(3) as usize];
            let own: Vec<&Bytes> = phone.sent.iter().chain(&phone.received).collect();
            let message = match dice.below(2) {
                0 => messages[dice.below(messages.len() as u32) as usize].clone(),
                _ => own[dice.below(own.len() as u32) as usize].clone(),
            };
            let mangled = mangle(&message, &mut dice);
            world.inject(address(1 + dice.below(4) as u8, 5060), mangled);
            world.run_ms(u64::from(dice.below(40)));
        }
        for phone in &mut world.phones {
            phone.complaints.clear();
            phone.answers.clear();
        }
        world.act(ANNA, |phone, now| phone.hang_up(now, call));
        world.act(CARLA, |phone, now| phone.register(now, 600));
        world.run_s(200);
        assert_eq!(world.phones[CARLA].answers.last().map(|a| a.1), Some(200), "seed {seed}");
        let counters = world.core.counters();
        let kept = (counters.calls, counters.transactions, counters.dialogs);
        assert_eq!(kept, (0, 0, counters.subscriptions), "seed {seed}");
    }
}

/// The messages of RFC 4475 and RFC 5118: read, answered or dropped, and forgotten.
#[test]
fn the_torture_messages_are_survived() {
    let mut world = World::ready(3);
    let mut files = Vec::new();
    for folder in ["rfc4475", "rfc5118"] {
        let path = format!("{}/../muster-sip/tests/it/{folder}", env!("CARGO_MANIFEST_DIR"));
        files.extend(
            std::fs::read_dir(path).expect("the messages").map(|entry| entry.expect("a file").path()),
        );
    }
    files.sort();
    let mut answered = 0;
    let responses = |world: &World| world.core.counters().responses_sent.values().sum::<u64>();
    for file in &files {
        let before = responses(&world);
        world.inject(address(1, 5060), std::fs::read(file).expect("a message"));
        world.run_ms(100);
        answered += usize::from(responses(&world) > before);
    }
    assert!(files.len() > 55 && answered > 30, "{answered} of {} answered", files.len());
    world.run_s(100);
    world.act(CARLA, |phone, now| phone.register(now, 600));
    world.run_s(1);
    assert_eq!(world.phones[CARLA].answers.last().map(|a| a.1), Some(200));
    let counters = world.core.counters();
    assert_eq!((counters.calls, counters.transactions, counters.dialogs), (0, 0, 0));
}
