//! Server-sent events (the `text/event-stream` format of the HTML standard), read one by one.

use std::io::{self, BufRead, BufReader, Read};

/// A longer line is no event of ours.
const LINE_BYTES_MAX: u64 = 1024 * 1024;

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    pub name: String,
    pub id: Option<String>,
    pub data: String,
}

pub(crate) struct Events<R: Read> {
    reader: BufReader<R>,
}

impl<R: Read> Events<R> {
    pub fn new(reader: R) -> Events<R> {
        Events { reader: BufReader::new(reader) }
    }

    /// The next event with data; `None` when the stream has ended. Comments and other fields are passed
    /// over.
    pub fn next(&mut self) -> io::Result<Option<Event>> {
        let mut event = Event::default();
        let mut has_data = false;
        loop {
            let Some(line) = self.line()? else { return Ok(None) };
            if line.is_empty() {
                if has_data {
                    return Ok(Some(event));
                }
                event = Event::default();
                continue;
            }
            let (field, value) = line.split_once(':').unwrap_or((&line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => event.name = value.to_owned(),
                "id" => event.id = Some(value.to_owned()),
                "data" => {
                    if has_data {
                        event.data.push('\n');
                    }
                    event.data.push_str(value);
                    has_data = true;
                }
                _ => {}
            }
        }
    }

    fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        let read = (&mut self.reader).take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(None);
        }
        if line.last() != Some(&b'\n') {
            // Cut off in the middle, or longer than any of ours: half an event is none.
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&line);
        Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
    }
}

#[test]
fn events_come_whole_or_not_at_all() {
    let text = ": comment\n\nevent: change\nid: 7\ndata: {\"a\":\ndata:1}\n\r\nretry: 5\n\nevent: x\ndata: y\n\ndata: cut";
    let mut events = Events::new(text.as_bytes());
    let first = events.next().unwrap().unwrap();
    assert_eq!(
        (first.name.as_str(), first.id.as_deref(), first.data.as_str()),
        ("change", Some("7"), "{\"a\":\n1}")
    );
    assert_eq!(events.next().unwrap().unwrap().name, "x");
    assert_eq!(events.next().unwrap(), None);
}
