//! `muster changes`.

use std::time::Duration;

use serde_json::Value;

use crate::args::ChangesArgs;
use crate::client::Request;
use crate::failure::Failure;
use crate::session::Session;
use crate::value::{list_of, text_of, time_of};

pub(crate) fn run(session: &mut Session<'_, '_>, args: &ChangesArgs) -> Result<(), Failure> {
    let _ = (session, args, Duration::ZERO, Value::Null, list_of, text_of, time_of, Request::get(""));
    Ok(())
}
