//! An edge that shuts down while its phones speak.

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use muster_edge::EdgeEvent;
use muster_load::phone::{CallState, Ending};
use muster_phone::CallEnding;

use crate::support::*;

const SOON: Duration = Duration::from_secs(5);

#[test]
fn both_phones_hear_the_end_of_their_call_and_one_that_has_vanished_is_not_waited_for_long() {
    for vanishes in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let (sender, events) = channel();
        let edge =
            muster_edge::start(config(directory.path()), move |event| drop(sender.send(event))).unwrap();
        edge.plan(snapshot(9)).unwrap();
        let (anna, bert) = (registered(&edge, 1), registered(&edge, 2));
        let call = anna.invite("102").unwrap();
        let incoming = bert.next_call(SOON).unwrap();
        incoming.answer().unwrap();
        call.wait(CallState::Answered, SOON).unwrap();
        let bert = (!vanishes).then_some(bert);
        let asked = Instant::now();
        edge.shutdown();
        // A transaction would wait for 32 seconds.
        assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
        assert_eq!(call.ending(), Some(Ending::RemoteHungUp));
        if let Some(bert) = bert {
            assert_eq!(incoming.ending(), Some(Ending::RemoteHungUp));
            assert_eq!(bert.faults(), Vec::<String>::new());
            // Bert's to the INVITE, and one of each to the BYE: both were waited for.
            let heard = edge.counters().responses_received;
            assert!(heard.contains(&(200, 3)), "{heard:?}");
        }
        assert_eq!(anna.faults(), Vec::<String>::new());
        let ended = events.into_iter().find_map(|event| match event {
            EdgeEvent::CallEnded { record, .. } => Some(record.ending),
            EdgeEvent::Presence { .. } => None,
        });
        assert_eq!(ended, Some(CallEnding::ServerStopped));
    }
}
