//! The lines of a log: sequence, chain, bodies, head.

use std::collections::BTreeMap;

use muster_domain::ids::OrgId;
use muster_domain::log::{GENESIS, Hash, body_hash, chain_hash};

use super::Verification;
use crate::log::{LINE, LINES_MAX, line_from};
use crate::sql::Param;
use crate::{RawChange, Reader, StoreError};

/// A line, or where it stands and why it cannot be read: a value of a wrong type, which SQLite lets stand.
type Read = Result<RawChange, (Option<u64>, String)>;

impl Reader {
    /// Ends at the first line that is not right.
    pub(super) fn check_chain(
        &mut self,
        org: OrgId,
        anchors: &BTreeMap<u64, Hash>,
        found: &mut Verification,
    ) -> Result<(), StoreError> {
        let head = self.head(org)?.ok_or(StoreError::NoOrganization(org))?;
        let mut last: (u64, Hash) = (0, GENESIS);
        loop {
            let lines = self.lines_as_they_are(org, last.0)?;
            if lines.is_empty() {
                break;
            }
            for line in lines {
                found.checked += 1;
                let line = match line {
                    Ok(line) => line,
                    Err((seq, why)) => {
                        found.broken = Some((seq.unwrap_or(last.0 + 1), format!("it is damaged: {why}")));
                        return Ok(());
                    }
                };
                found.erased += u64::from(line.body.is_none());
                if let Some(why) = check_line(&last, &line) {
                    found.broken = Some((line.envelope.seq, why.into()));
                    return Ok(());
                }
                last = (line.envelope.seq, line.envelope.hash);
                if anchors.get(&last.0).is_some_and(|written| *written != last.1) {
                    let why = "the head that was written down at the time is another";
                    found.broken = Some((last.0, why.into()));
                    return Ok(());
                }
            }
        }
        if let Some((seq, _)) = anchors.last_key_value().filter(|(seq, _)| **seq > last.0) {
            let why = "it was written down at the time, and is not there any more";
            found.broken = Some((*seq, why.into()));
        } else if last != (head.head_seq, head.head_hash) {
            found.broken = Some((head.head_seq, "the head is not the end of the log".into()));
        }
        Ok(())
    }

    fn lines_as_they_are(&mut self, org: OrgId, since: u64) -> Result<Vec<Read>, StoreError> {
        let sql = format!("{LINE} WHERE c.org_id = ?1 AND c.seq > ?2 ORDER BY c.seq LIMIT ?3");
        let params = [Param::Id(org.0), Param::uint(since), Param::uint(LINES_MAX as u64)];
        self.conn.collect(&sql, &params, |row| match line_from(org, row) {
            Ok(line) => Ok(Ok(line)),
            Err(StoreError::Corrupt(why)) => Ok(Err((row.uint(0).ok(), why))),
            Err(other) => Err(other),
        })
    }
}

/// Why a line cannot be the one after `last` as it was written; `None` if it can.
fn check_line(last: &(u64, Hash), line: &RawChange) -> Option<&'static str> {
    let envelope = &line.envelope;
    if envelope.seq != last.0 + 1 {
        return Some("a line before it is missing");
    }
    if envelope.hash != chain_hash(&last.1, envelope) {
        return Some("it does not follow from the line before it");
    }
    match &line.body {
        Some(body) if body_hash(&body.salt, &body.json) != envelope.body_hash => {
            Some("its body is not the one that was written")
        }
        _ => None,
    }
}
