//! The stream of events.

use std::time::Duration;

use muster_app::phones::{Presence, PresenceState};
use serde_json::Value;
use tokio_stream::StreamExt;

use crate::common::{Call, run};

/// A stream that is read event by event.
struct Events {
    chunks: axum::body::BodyDataStream,
    text: String,
}

#[derive(Debug, Default)]
struct Event {
    name: String,
    id: String,
    data: Value,
}

impl Events {
    async fn open(call: Call<'_>) -> Events {
        let response = call.response().await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Events { chunks: response.into_body().into_data_stream(), text: String::new() }
    }

    /// The next event; `None` at the end of the stream.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                let event = parsed(&block);
                if !event.name.is_empty() {
                    return Some(event);
                }
                continue;
            }
            let chunk = tokio::time::timeout(Duration::from_secs(10), self.chunks.next()).await.unwrap();
            self.text.push_str(std::str::from_utf8(&chunk?.unwrap()).unwrap());
        }
    }

    async fn next_named(&mut self, name: &str) -> Event {
        loop {
            let event = self.next().await.unwrap();
            if event.name == name {
                return event;
            }
        }
    }
}

fn parsed(block: &str) -> Event {
    let mut event = Event::default();
    for line in block.lines() {
        match line.split_once(": ") {
            Some(("event", name)) => event.name = name.into(),
            Some(("id", id)) => event.id = id.into(),
            Some(("data", data)) => event.data = serde_json::from_str(data).unwrap(),
            _ => {}
        }
    }
    event
}

#[test]
fn a_change_is_told_at_once_and_missed_ones_after_coming_back() {
    run(async |i| {
        let mut live = Events::open(i.call("GET", "/events").by(&i.reader)).await;
        let hello = live.next().await.unwrap();
        assert_eq!(hello.name, "hello");
        i.user("1001", "Ana").await;
        let created = live.next_named("change").await;
        assert_eq!(created.data["kind"], "user.created");
        assert_eq!(created.id, created.data["seq"].to_string());
        i.user("1002", "Bo").await;
        let call = i.call("GET", "/events").by(&i.reader).header("last-event-id", &created.id);
        let mut back = Events::open(call).await;
        let mut seqs = Vec::new();
        while seqs.len() < 3 {
            seqs.push(back.next_named("change").await.data["seq"].as_u64().unwrap());
        }
        let first = created.data["seq"].as_u64().unwrap() + 1;
        assert_eq!(seqs, [first, first + 1, first + 2], "nothing missed, nothing twice");
    });
}

#[test]
fn presence_is_told_to_the_own_organization_only() {
    run(async |i| {
        let id = i.user("1001", "Ana").await["id"].as_str().unwrap().parse().unwrap();
        let mut own = Events::open(i.call("GET", "/events").by(&i.reader)).await;
        let mut others = Events::open(i.call("GET", "/events").by(&i.stranger)).await;
        let (_, _) = (own.next().await, others.next().await);
        let (org, other) =
            (i.app.authenticate(&i.reader).unwrap().home, i.app.authenticate(&i.stranger).unwrap().home);
        let ringing = Presence { state: PresenceState::Ringing, registered: true };
        i.app.phones().set_presence(org, id, ringing);
        i.app.phones().set_presence(other, id, Presence { state: PresenceState::OnCall, registered: true });
        let told = own.next_named("presence").await;
        assert_eq!((told.data["state"].as_str(), told.id.as_str()), (Some("ringing"), ""));
        assert_eq!(others.next_named("presence").await.data["state"], "on_call");
    });
}

#[test]
fn an_operator_names_the_organization_and_a_wrong_id_is_refused() {
    run(async |i| {
        let mut events =
            Events::open(i.call("GET", "/events?organization=acme&since=0").by(&i.operator)).await;
        assert_eq!(events.next_named("change").await.data["kind"], "organization.created");
        let wrong = i.call("GET", "/events?since=x").by(&i.reader).send().await;
        assert_eq!(wrong.wrong_fields(), ["since"]);
        let wrong = i.call("GET", "/events").by(&i.reader).header("last-event-id", "x").send().await;
        assert_eq!(wrong.wrong_fields(), ["Last-Event-ID"]);
    });
}

#[test]
fn streams_end_when_the_program_does() {
    run(async |i| {
        let mut events = Events::open(i.call("GET", "/events").by(&i.reader)).await;
        events.next().await;
        i.state.shut_down();
        assert!(events.next().await.is_none());
    });
}

#[test]
fn a_job_is_told_when_it_is_new() {
    run(async |i| {
        let mut events = Events::open(i.call("GET", "/events").by(&i.reader)).await;
        events.next().await;
        let csv = "display_name,extension,username\nAna,1001,ana\n";
        i.admin("POST", "/imports").text("text/csv", csv).send().await.expect(202);
        assert_eq!(events.next_named("job").await.data["state"], "queued");
    });
}

#[test]
fn one_token_does_not_take_all_streams() {
    run(async |i| {
        let mut open = Vec::new();
        for _ in 0..32 {
            open.push(i.call("GET", "/events").by(&i.reader).response().await);
        }
        assert!(open.iter().all(|response| response.status() == 200));
        i.call("GET", "/events").by(&i.reader).send().await.problem(503, "busy");
        assert_eq!(i.call("GET", "/events").by(&i.stranger).response().await.status(), 200);
    });
}
