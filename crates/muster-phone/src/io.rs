//! What goes into the core and what comes out of it.

use core::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use muster_domain::dial_plan::PlanUpdate;
use muster_domain::ids::{CredentialId, OrgId, SecretId, UserId};
use muster_sip::time::Instant;
use smol_str::SmolStr;

use crate::counters::Counters;

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// A whole SIP message: one datagram, or one message cut out of a stream.
    Message {
        flow: Flow,
        bytes: Bytes,
    },
    /// What an [`Output`] asked to be sent on a stream could not be: no connection came about, or it
    /// broke first.
    Unsent {
        bytes: Bytes,
    },
    /// A stream connection has ended; nothing can be sent on it any more.
    FlowClosed(FlowId),
    Plan(PlanUpdate),
    /// A binding read from the journal at start, in the order of the journal.
    Restore(BindingRecord),
    Command(Command),
    /// The program is about to end: no more calls begin, and up to so many of those that there are
    /// end now. To be given again, with the timers run as ever, until [`Core::is_at_rest`](crate::Core::is_at_rest).
    EndCalls {
        at_most: usize,
    },
}

/// Something to be done by the driver, in this order.
#[derive(Clone, Debug)]
pub enum Output {
    Send {
        flow: Flow,
        bytes: Bytes,
    },
    /// No connection to this peer is known: open one (or use an open one to it) and send.
    OpenAndSend {
        transport: Transport,
        addr: SocketAddr,
        bytes: Bytes,
    },
    /// To be appended to the journal of bindings; the newest record of a key counts.
    Journal(BindingRecord),
    /// A call has ended.
    CallRecord(CallRecord),
    /// What the contact list shows for a person has changed.
    Presence {
        org: OrgId,
        view: PresenceView,
    },
    /// Somebody there has tried one name with wrong passwords more often than people do.
    TooManyGuesses {
        from: IpAddr,
    },
    /// All plan updates of this organization up to `seq` are in force.
    PlanReached {
        org: OrgId,
        seq: u64,
    },
    Reply {
        id: ReplyId,
        reply: Reply,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    Udp,
    Tcp,
}

/// A number for a stream connection, never used again by the same driver. 0 is for datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FlowId(pub u64);

impl FlowId {
    pub const DATAGRAM: FlowId = FlowId(0);
}

/// Where a message came from, and where the answer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    pub transport: Transport,
    pub peer: SocketAddr,
    pub id: FlowId,
    /// The address of ours that the peer knows: what goes into Via and Contact, unless
    /// [`CoreConfig::public_host`](crate::CoreConfig::public_host) is set. Not the unspecified address.
    pub local: SocketAddr,
}

/// A registered contact is told apart by whose it is and by its address as it was given.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BindingKey {
    pub org: OrgId,
    pub user: UserId,
    pub contact: Box<str>,
}

/// A line of the journal: how a binding is now.
#[derive(Clone, Debug, PartialEq)]
pub struct BindingRecord {
    pub key: BindingKey,
    /// None: the binding has gone.
    pub state: Option<BindingState>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct BindingState {
    pub credential: CredentialId,
    /// The secret that the phone has shown.
    pub secret: SecretId,
    /// Stands for the Call-ID, which is only ever compared.
    pub call_id_hash: u64,
    pub cseq: u32,
    /// Preference, in thousandths: 0–1000.
    pub q_milli: u16,
    /// `+sip.instance` of RFC 5626, if the phone told it.
    pub instance: Option<Box<str>>,
    /// `reg-id` of RFC 5626: which of its connections a phone registers by this; 0 if it did not say.
    pub reg_id: u32,
    pub user_agent: Option<Arc<str>>,
    pub flow: Flow,
    /// On the core's clock; the journal's writer converts it to and from the time of day.
    pub expires_at: Instant,
}

/// A question to the core, or an order. The answer is an [`Output::Reply`] of the same id.
#[derive(Clone, Debug)]
pub enum Command {
    /// Of one person, or of the whole organization.
    Registrations {
        id: ReplyId,
        org: OrgId,
        user: Option<UserId>,
    },
    Calls {
        id: ReplyId,
        org: OrgId,
    },
    /// Everybody of the organization who is registered or in a call; who is not listed is offline.
    Presence {
        id: ReplyId,
        org: OrgId,
    },
    Counters {
        id: ReplyId,
    },
    /// Ends the registration of one contact of a person, or of all. Calls go on, and the phone may
    /// register again.
    SignOff {
        id: ReplyId,
        org: OrgId,
        user: UserId,
        contact: Option<Box<str>>,
    },
    /// Ends a call as if the organization's plan forbade it.
    EndCall {
        id: ReplyId,
        org: OrgId,
        call: CallId,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReplyId(pub u64);

#[derive(Clone, Debug)]
pub enum Reply {
    Registrations(Vec<RegistrationView>),
    /// Those that were ended.
    SignedOff(Vec<RegistrationView>),
    Calls(Vec<CallView>),
    Presence(Vec<PresenceView>),
    Counters(Box<Counters>),
    /// Whether there was such a call.
    CallEnded(bool),
}

#[derive(Clone, Debug)]
pub struct RegistrationView {
    pub user: UserId,
    pub credential: CredentialId,
    pub contact: Box<str>,
    pub user_agent: Option<Arc<str>>,
    pub transport: Transport,
    pub peer: SocketAddr,
    /// When the phone came; of one that was there before a restart, when it was read back.
    pub since: Instant,
    pub expires_at: Instant,
}

/// A call's number, never used again by the same core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallId(pub u64);

#[derive(Clone, Debug)]
pub struct CallView {
    pub call: CallId,
    pub caller: UserId,
    pub callee: UserId,
    /// As it was dialled.
    pub dialled: SmolStr,
    pub state: CallState,
    pub started_at: Instant,
    pub answered_at: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallState {
    /// The caller waits; no phone of the callee rings yet.
    Trying,
    Ringing,
    Answered,
}

/// What remains of a call, once it has ended on all sides.
#[derive(Clone, Debug)]
pub struct CallRecord {
    pub call: CallId,
    pub org: OrgId,
    pub caller: UserId,
    pub callee: UserId,
    pub dialled: SmolStr,
    pub started_at: Instant,
    pub answered_at: Option<Instant>,
    pub ended_at: Instant,
    pub ending: CallEnding,
    /// The SIP status that the caller was given: 200 if the call was answered.
    pub status: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallEnding {
    CallerHungUp,
    CalleeHungUp,
    /// The caller gave up before an answer.
    Cancelled,
    /// A phone of the callee refused, or none could be rung.
    Rejected,
    NoAnswer,
    /// No phone of the callee is registered, or the callee may not be called.
    Unreachable,
    /// The service of the caller or the callee ended, or an administrator ended the call.
    EndedByUs,
    /// A phone stopped answering, or broke the protocol.
    Lost,
    TooLong,
    /// The program was stopped.
    ServerStopped,
}

/// What the contact list and the keys of colleagues show for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PresenceView {
    pub user: UserId,
    pub registered: bool,
    pub state: PhoneState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhoneState {
    /// In no call.
    Idle,
    Ringing,
    /// In a call, or placing one.
    Busy,
}
