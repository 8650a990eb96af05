//! A request that is sent again has one effect: what came of it is remembered under its key.

use uuid::Uuid;

use super::{Done, Session};
use crate::{AppError, Scope};

impl Session<'_> {
    pub(super) fn done_before(&mut self, scope: &Scope) -> Result<Option<Done>, AppError> {
        let Some(once) = &scope.once else { return Ok(None) };
        let before = self.tx.recall(self.org, scope.actor, &once.key, self.at)?;
        let Some(before) = before else { return Ok(None) };
        if before.request_hash != once.request_hash {
            return Err(AppError::IdempotencyConflict);
        }
        Ok(effect_of(&before.response).map(|(id, seq)| Done { id, seq, replayed: true }))
    }

    pub(super) fn remember(&mut self, scope: &Scope, id: Uuid) -> Result<(), AppError> {
        let Some(once) = &scope.once else { return Ok(()) };
        let response = [&id.as_bytes()[..], &self.last_seq.to_be_bytes()].concat();
        self.tx.remember(self.org, scope.actor, &once.key, &once.request_hash, &response, self.at)?;
        Ok(())
    }
}

/// The id and sequence number that were remembered for an idempotency key.
fn effect_of(response: &[u8]) -> Option<(Uuid, u64)> {
    let (id, seq) = response.split_at_checked(16)?;
    Some((Uuid::from_slice(id).ok()?, u64::from_be_bytes(seq.try_into().ok()?)))
}
