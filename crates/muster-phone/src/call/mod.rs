//! Calls: two dialogs joined by a call object, so that we can end, show and limit it (B2BUA).
//!
//! A call begins with the caller's INVITE and has one [`Branch`] for each phone of the callee. The
//! first to answer becomes the other side; every other branch lives on alone until its transaction
//! is over, and knows what to do with an answer that comes too late. When a call has ended nothing
//! of it stays but what a transaction still needs, except where the caller owes us an ACK
//! (RFC 3261 §15: no BYE before it).

mod branch;
mod end;
mod invite;
pub(crate) mod message;
mod relay;
mod stop;
mod success;

use core::time::Duration;

use bytes::Bytes;
use muster_domain::ids::{CredentialId, OrgId, UserId};
use muster_sip::dialog::Dialog;
use muster_sip::transaction::SuccessRetransmission;
use muster_sip::{Instant, Message, Uri};
use smol_str::SmolStr;

use crate::contact::reachable_by;
use crate::io::Flow;
use crate::ledger::Entry;
use crate::location::PersonKey;
use crate::pool::Key;
use crate::transactions::Transaction;

/// The two sides of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Caller,
    Callee,
}

impl Side {
    pub fn other(self) -> Side {
        match self {
            Side::Caller => Side::Callee,
            Side::Callee => Side::Caller,
        }
    }
}

pub struct Call {
    pub entry: Key<Entry>,
    pub org: OrgId,
    pub caller: Party,
    pub callee: Party,
    pub stage: Stage,
    /// The dialog with the caller's phone.
    pub a: Leg,
    /// The dialog with the phone that answered.
    pub b: Option<Leg>,
    /// The caller's INVITE until it has its final answer, and its transaction.
    pub invite: Option<Message>,
    pub invite_server: Key<Transaction>,
    /// Whether the INVITE carried the offer; else the answer comes with the ACK (RFC 3264, RFC 3261 §13.2.1).
    pub offered: bool,
    /// The INVITEs to the callee's phones that have not failed.
    pub branches: Vec<Key<Branch>>,
    /// The branch whose media the caller hears before the answer.
    pub early_media: Option<Key<Branch>>,
    /// The best failure so far.
    pub failure: Option<u16>,
    pub relayed_180: bool,
    pub reinvite: Option<Reinvite>,
    /// UPDATE and INFO under way.
    pub passed: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// No phone has answered.
    Ringing,
    /// A phone has answered; the caller has not acknowledged.
    Answered,
    Up,
    /// Over for everybody but the caller's phone, which gets its BYE when it has sent its ACK.
    Closing,
}

/// Who takes part, as the other side may see it.
#[derive(Clone, Debug)]
pub struct Party {
    pub user: UserId,
    pub extension: SmolStr,
    /// `"Name" <sip:EXTENSION@DOMAIN>`
    pub address: SmolStr,
    /// Names that authenticate and that nobody else may see.
    pub secret_names: Box<[SmolStr]>,
}

/// A dialog with one phone.
pub struct Leg {
    pub dialog: Dialog,
    /// Where this phone was last heard.
    pub flow: Flow,
    pub credential: CredentialId,
    /// A 2xx of ours that the phone has not acknowledged.
    pub unacked: Option<Unacked>,
    /// The ACK to the last INVITE of ours, for repetitions of its 2xx.
    pub last_ack: Option<(u32, Bytes)>,
}

pub struct Unacked {
    pub cseq: u32,
    pub success: SuccessRetransmission,
}

/// A re-INVITE on its way from one side to the other.
pub struct Reinvite {
    pub from: Side,
    pub request: Message,
    pub server: Key<Transaction>,
    pub client: Key<Transaction>,
    /// Number of ours to the other side.
    pub cseq: u32,
    pub offered: bool,
    /// The other side has answered 2xx and waits for the ACK with the SDP.
    pub accepted: bool,
    pub cancel: Cancel,
}

/// Where the cancelling of an INVITE of ours stands (RFC 3261 §9.1: not before a 1xx).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancel {
    No,
    Wanted(CancelReason),
    Sent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelReason {
    /// Another phone answered: this one shows no missed call (RFC 3326).
    Elsewhere,
    GivenUp,
}

/// One INVITE of ours to one phone. It lives as long as its transaction.
pub struct Branch {
    /// The call, while it may still be answered by this phone or was.
    pub call: Key<Call>,
    pub client: Option<Key<Transaction>>,
    pub flow: Flow,
    pub credential: CredentialId,
    pub cancel: Cancel,
    pub early: bool,
    /// For each To tag that answered 2xx, our ACK, for repetitions of the 2xx.
    pub acks: Vec<(SmolStr, Bytes)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallTimer {
    /// The callee's phones have rung long enough.
    NoAnswer,
    /// A 2xx must be sent again to that side, or given up.
    Unacked(Side),
    TooLong,
    /// Both sides are asked whether they are still there.
    Check,
    /// The program ends, and the caller's ACK has had its time.
    LastAck,
}

/// Phones behind one branch that may answer at once (a proxy of the customer's own).
const ACKS_PER_BRANCH: usize = 4;

/// UPDATE and INFO under way in one call.
const PASSED_MAX: u8 = 8;

/// How long a cancelled INVITE waits for its final answer (RFC 3261 §9.1).
const CANCEL_PATIENCE: Duration = Duration::from_secs(32);

impl Call {
    pub fn leg(&self, side: Side) -> Option<&Leg> {
        match side {
            Side::Caller => Some(&self.a),
            Side::Callee => self.b.as_ref(),
        }
    }

    pub fn leg_mut(&mut self, side: Side) -> Option<&mut Leg> {
        match side {
            Side::Caller => Some(&mut self.a),
            Side::Callee => self.b.as_mut(),
        }
    }

    pub fn party(&self, side: Side) -> &Party {
        match side {
            Side::Caller => &self.caller,
            Side::Callee => &self.callee,
        }
    }

    pub fn person(&self, side: Side) -> PersonKey {
        (self.org, self.party(side).user)
    }
}

impl Leg {
    pub fn new(dialog: Dialog, flow: Flow, credential: CredentialId) -> Leg {
        let mut leg = Leg { dialog, flow, credential, unacked: None, last_ack: None };
        leg.heard_on(flow);
        leg
    }

    /// Takes over the flow of the phone's last request, or its target after a refresh.
    pub fn heard_on(&mut self, flow: Flow) {
        let uri = Uri::parse(&self.dialog.remote_target).ok().filter(|_| self.dialog.routes.is_empty());
        self.flow = uri.map_or(flow, |uri| reachable_by(&uri, flow));
    }

    /// Whether a message is of this dialog: our tag found it, the rest must fit as well.
    pub fn owns(&self, request: &Message) -> bool {
        let tag = request.from().ok().and_then(|from| from.tag()).unwrap_or("");
        self.dialog.id.call_id == request.call_id() && self.dialog.id.remote_tag == tag
    }
}

pub(crate) fn timer_at(now: Instant, seconds: u16) -> Instant {
    now + Duration::from_secs(u64::from(seconds))
}
