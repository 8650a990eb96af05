//! What a command works with: the client, the organization that is meant, and the console.

use std::collections::HashMap;

use serde_json::Value;

use crate::client::{Client, Request, escape};
use crate::console::Console;
use crate::failure::Failure;
use crate::globals::Globals;
use crate::hints::Hints;
use crate::stream::Events;
use crate::value::{list_of, text_of};

const ORGANIZATIONS: &str = "/api/v1/organizations";

/// So many are named when it is not clear which is meant.
const NAMED_MAX: usize = 10;

/// The phones know within a moment, of a large import within a few; after this something else is wrong.
const REACHED_TIMEOUT_S: u64 = 30;

pub(crate) struct Session<'a, 'c> {
    pub client: Client,
    pub console: &'a mut Console<'c>,
    pub json: bool,
    /// Commands that are told name the server and the organization as they were named to us.
    pub hints: Hints,
    org: Option<String>,
}

impl<'a, 'c> Session<'a, 'c> {
    /// The organization that holds what operators do, their tokens too.
    pub const OPERATOR: &'static str = "operator";

    pub fn new(globals: &Globals, console: &'a mut Console<'c>) -> Result<Session<'a, 'c>, Failure> {
        let client = Client::new(globals, console)?;
        let org = globals.org().map(ToOwned::to_owned);
        Ok(Session { client, console, json: globals.json, hints: Hints::of(globals), org })
    }

    /// The path of something in the organization that is meant: `path` begins with a slash.
    pub fn path(&mut self, path: &str) -> Result<String, Failure> {
        Ok(format!("{ORGANIZATIONS}/{}{path}", escape(&self.org()?)))
    }

    fn org(&mut self) -> Result<String, Failure> {
        if let Some(org) = &self.org {
            return Ok(org.clone());
        }
        Ok(self.org.insert(self.only_organization()?).clone())
    }

    pub fn organizations_path() -> &'static str {
        ORGANIZATIONS
    }

    pub fn name_organization(&mut self, org: &str) {
        self.org = Some(org.to_owned());
        self.client.name_organization(org);
    }

    fn only_organization(&self) -> Result<String, Failure> {
        let limit = (NAMED_MAX + 1).to_string();
        let answer = self.client.send(&Request::get(ORGANIZATIONS).query("limit", &limit))?;
        let items = answer.value["items"].as_array().cloned().unwrap_or_default();
        let slugs: Vec<String> = items.iter().map(|item| text_of(&item["slug"])).collect();
        match slugs.as_slice() {
            [] => Err(Failure::refused(
                "There is no organization yet.",
                "Make one: muster org create NAME --domain DOMAIN",
            )),
            [only] => Ok(only.clone()),
            several => {
                let more = if several.len() > NAMED_MAX { ", …" } else { "" };
                let named = several.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join(", ");
                Err(Failure::usage(
                    format!("There are several organizations: {named}{more}."),
                    "Say which one with --org or MUSTER_ORG.",
                ))
            }
        }
    }

    /// Waits until the phones know of the change `seq`, so that what was promised holds when the command
    /// has ended. That they do not, or cannot be asked, is a warning: it is written all the same.
    pub fn wait_for_phones(&mut self, seq: Option<u64>) -> Result<(), Failure> {
        let Some(seq) = seq else { return Ok(()) };
        let request = Request::get(self.path("/phones")?)
            .query("reached", &seq.to_string())
            .query("timeout_s", &REACHED_TIMEOUT_S.to_string())
            .may_take_long();
        if let Err(failure) = self.client.send(&request) {
            self.warn_of_phones(&failure);
        }
        Ok(())
    }

    /// The same for the newest change there is.
    pub fn wait_for_phones_at_head(&mut self) -> Result<(), Failure> {
        match self.head_seq() {
            Ok(seq) => self.wait_for_phones(Some(seq)),
            Err(failure) => {
                self.warn_of_phones(&failure);
                Ok(())
            }
        }
    }

    fn warn_of_phones(&mut self, failure: &Failure) {
        let why = failure.words();
        self.console.note(&format!(
            "muster: warning: it is written, but whether the phones know is not certain. {why}"
        ));
    }

    /// The newest change of the organization's log: what a stream of events begins with.
    pub fn head_seq(&mut self) -> Result<u64, Failure> {
        let request = self.events_request()?;
        let mut events = Events::new(self.client.stream(&request)?);
        let hello = events.next().ok().flatten().filter(|event| event.name == "hello");
        hello.and_then(|event| event.id?.parse().ok()).ok_or_else(|| {
            Failure::refused("The server does not say where its change log is.", "Is it of the same version?")
        })
    }

    /// Asks for what happens in the organization from now on.
    pub fn events_request(&mut self) -> Result<Request<'static>, Failure> {
        Ok(Request::get("/events").query("organization", &self.org()?))
    }

    /// Ids and names of a list that is short; nothing where it may not be seen.
    pub fn add_names(&self, path: String, names: &mut HashMap<String, String>) {
        if let Ok(answer) = self.client.send(&Request::get(path).query("limit", "1000")) {
            for item in list_of(&answer.value, "items") {
                names.insert(text_of(&item["id"]), text_of(&item["name"]));
            }
        }
    }

    /// Prints the answer as it is if JSON is wanted, else what `words` makes of it.
    pub fn tell(
        &mut self,
        answer: &Value,
        words: impl FnOnce(&mut Console<'_>, &Value) -> std::io::Result<()>,
    ) -> Result<(), Failure> {
        if self.json {
            self.console.json(answer)?;
        } else {
            words(self.console, answer)?;
        }
        self.console.out.flush()?;
        Ok(())
    }
}
