//! The caller's INVITE: who calls whom, and the INVITEs to the callee's phones.

use muster_domain::dial_plan::PersonPlan;
use muster_sip::dialog::Dialog;
use muster_sip::transaction;
use muster_sip::{Contacts, Instant, LocalVia, Message, Method, Name, Writer};
use smol_str::SmolStr;

use crate::auth::{Challenger, Identity, refusal};
use crate::call::message::{is_passable, party, passable_types, with_body};
use crate::call::{Branch, Call, CallTimer, Cancel, Leg, Party, Side, Stage, timer_at};
use crate::core::{Core, DialogUse, Wake};
use crate::io::{BindingState, CallEnding, CallId, CallState, Flow};
use crate::ledger::Entry;
use crate::location::Binding;
use crate::pool::Key;
use crate::respond::{ALLOW, compact, transport_name, way_back};
use crate::transactions::User;

const MAX_FORWARDS: u8 = 70;

/// A phone of the callee that is to ring.
struct Phone {
    contact: Box<str>,
    state: BindingState,
}

/// A call that nothing stands in the way of.
struct Admitted {
    identity: Identity,
    caller: Party,
    callee: Party,
    realm: SmolStr,
    dialled: SmolStr,
    ring_s: u16,
    hops: u8,
    phones: Vec<Phone>,
    dialog: Dialog,
}

/// Why a call does not begin.
pub(crate) struct Refusal(u16, &'static str);

impl Core {
    pub(crate) fn on_invite(&mut self, request: &Message, flow: Flow, now: Instant) {
        if self.is_ending {
            return self.refuse_while_ending(request, flow);
        }
        let hops = request.max_forwards().unwrap_or(MAX_FORWARDS);
        if hops == 0 {
            return self.answer(request, 483, flow);
        }
        let Ok(from) = request.from() else { return self.answer(request, 400, flow) };
        let Some(identity) = self.authenticate(request, &from, Challenger::Proxy, flow, now) else { return };
        if self.refused_for_extensions(request, flow) {
            return;
        }
        match self.admit(request, identity, flow, hops - 1, now) {
            Ok(admitted) => self.start_call(request, admitted, flow, now),
            Err(Refusal(status, reason)) => {
                // From here on the caller is known: the refusal is sent again until the ACK comes.
                let server = self.open_server(request, way_back(request, flow), User::Nobody);
                let mut answer = self.answer_with(request, status, reason, flow);
                if status == 503 {
                    self.counters.limited += 1;
                    answer = answer.header(Name::RetryAfter, "10");
                }
                if status == 415 {
                    answer = answer.header(Name::Accept, &passable_types(request));
                }
                self.respond(server, status, answer.finish(), now);
            }
        }
    }

    /// Everything that a call must pass before anything of it exists. (Calls to emergency numbers
    /// will pass before the limits and the service state are looked at.)
    fn admit(
        &mut self,
        request: &Message,
        identity: Identity,
        flow: Flow,
        hops: u8,
        now: Instant,
    ) -> Result<Admitted, Refusal> {
        let from = request.from().map_err(|_| Refusal(400, "Bad From"))?;
        if !self.is_own_address(&from, &identity) {
            return Err(Refusal(403, "Not your address"));
        }
        let org = identity.org;
        let person = self.plan.person(org, identity.user).ok_or(Refusal(403, "Forbidden"))?;
        if !person.may_place_calls() {
            return Err(Refusal(403, refusal(person)));
        }
        if person.holds_back(&number_of(request)) {
            return Err(Refusal(403, "Emergency location needed: ask your administrator"));
        }
        if !matches!(request.contacts(), Ok(Contacts::List(list)) if list.len() == 1) {
            return Err(Refusal(400, "One Contact is needed"));
        }
        if !is_passable(request) {
            return Err(Refusal(415, "Unsupported Media Type"));
        }
        if self.ledger.len() >= self.config.calls_max
            || self.ledger.placed_by(identity.person()) >= self.config.calls_per_person_max
        {
            return Err(Refusal(503, "Too many calls"));
        }
        let (callee, dialled) = self.dialled(request, &identity)?;
        if callee.held_but_for.is_some() {
            return Err(Refusal(480, "The person called needs an emergency location first"));
        }
        if !callee.may_receive_calls() {
            return Err(Refusal(480, "Temporarily Unavailable"));
        }
        let realm = self.plan.realm(org).cloned().unwrap_or_default();
        let (ring_s, callee_key) = (callee.call_timeout_s, (org, callee.user));
        let (caller, callee) = (party(person, &realm), party(callee, &realm));
        let reachable = self.location.of(callee_key).map(|(_, binding)| binding);
        // Whoever dials themselves reaches their other phones. (Phones of two people may share an address.)
        let own = |binding: &Binding| callee_key == identity.person() && binding.state.flow == flow;
        let ringing = reachable.filter(|binding| binding.state.expires_at > now && !own(binding));
        let phones: Vec<Phone> =
            ringing.map(|b| Phone { contact: b.contact.clone(), state: b.state.clone() }).collect();
        if phones.is_empty() {
            return Err(Refusal(480, "Temporarily Unavailable"));
        }
        let dialog =
            Dialog::uas(request, &self.rng.tag()).map_err(|_| Refusal(400, "Bad Contact or Record-Route"))?;
        Ok(Admitted { identity, caller, callee, realm, dialled, ring_s, hops, phones, dialog })
    }

    /// Who is dialled: an extension of the caller's own organization, never a username.
    pub(crate) fn dialled(
        &self,
        request: &Message,
        identity: &Identity,
    ) -> Result<(&PersonPlan, SmolStr), Refusal> {
        const NOBODY: Refusal = Refusal(404, "Not Found");
        let uri = request.parsed_uri().map_err(|_| Refusal(400, "Bad Request-URI"))?;
        let elsewhere = self.plan.organization_by_domain(uri.host).is_some_and(|org| org != identity.org);
        let dialled = number_of(request);
        let person = self.plan.person_by_extension(identity.org, &dialled);
        match (elsewhere, person) {
            (false, Some(person)) => Ok((person, dialled)),
            _ => Err(NOBODY),
        }
    }

    fn start_call(&mut self, request: &Message, admitted: Admitted, flow: Flow, now: Instant) {
        let Admitted { identity, caller, callee, realm, dialled, ring_s, hops, phones, dialog } = admitted;
        let back = way_back(request, flow);
        let server = self.open_server(request, back, User::Nobody);
        let tag = dialog.id.local_tag.clone();
        let entry = self.ledger.start(Entry {
            id: CallId(0),
            org: identity.org,
            caller: caller.user,
            callee: callee.user,
            dialled,
            caller_extension: caller.extension.clone(),
            state: CallState::Trying,
            started_at: now,
            answered_at: None,
            call: None,
            public_id: self.rng.tag(),
        });
        let call = self.calls.insert(Call {
            entry,
            org: identity.org,
            caller,
            callee,
            stage: Stage::Ringing,
            a: Leg::new(dialog, flow, identity.credential),
            b: None,
            invite: Some(request.clone()),
            invite_server: server,
            offered: !request.body().is_empty(),
            branches: Vec::new(),
            early_media: None,
            failure: None,
            relayed_180: false,
            reinvite: None,
            passed: 0,
        });
        self.ledger.set_call(entry, call);
        self.transactions.set_user(server, User::Caller(call));
        self.dialogs.insert(tag, DialogUse::Call(call, Side::Caller));
        self.counters.calls_started += 1;
        let trying = Writer::response_to(request, 100, "Trying", None, flow.peer).finish();
        self.respond(server, 100, trying, now);
        self.timers.set(timer_at(now, ring_s), Wake::Call(call, CallTimer::NoAnswer));
        for phone in phones {
            self.ring(call, phone, &realm, hops, now);
        }
        if self.calls.get(call).is_some_and(|call| call.branches.is_empty()) {
            self.refuse_call(call, 480, CallEnding::Unreachable, now);
        }
    }

    /// Sends our own INVITE to one phone of the callee.
    fn ring(&mut self, call_key: Key<Call>, phone: Phone, realm: &str, hops: u8, now: Instant) {
        let (branch_id, local_tag, call_id) = (self.rng.branch(), self.rng.tag(), self.rng.call_id());
        let flow = self.live_flow(phone.state.flow, &phone.contact);
        let Some(call) = self.calls.get(call_key) else { return };
        let sent_by = self.our_host(flow);
        let via = LocalVia { transport: transport_name(flow), sent_by: &sent_by, branch: &branch_id };
        let to = crate::call::message::address_of_record(&call.callee.extension, realm);
        let writer = Writer::request(&Method::Invite, &phone.contact)
            .via(&via)
            .header_fmt(Name::MaxForwards, format_args!("{hops}"))
            .header_fmt(Name::From, format_args!("{};tag={local_tag}", call.caller.address))
            .header_fmt(Name::To, format_args!("<{to}>"))
            .header(Name::CallId, &call_id)
            .cseq(1, &Method::Invite)
            .header(Name::Contact, &self.our_contact(&call.caller.extension, flow))
            .header(Name::PAssertedIdentity, &call.caller.address)
            .header(Name::Allow, ALLOW);
        let Some(theirs) = &call.invite else { return };
        let bytes = compact(with_body(writer, theirs, &call.caller));
        let Ok(invite) = Message::parse(bytes) else {
            // A contact that cannot stand in a request line rings nowhere.
            return;
        };
        let branch = self.branches.insert(Branch {
            call: call_key,
            client: None,
            flow,
            credential: phone.state.credential,
            cancel: Cancel::No,
            early: false,
            acks: Vec::new(),
        });
        if let Some(call) = self.calls.get_mut(call_key) {
            call.branches.push(branch);
        }
        let key = transaction::Key::client(&branch_id, "INVITE");
        let client = self.open_invite_client(flow, invite, key, User::Branch(branch), now);
        if let Some(branch) = self.branches.get_mut(branch) {
            branch.client = Some(client);
        }
    }
}

/// What is dialled; empty where the address has no user part.
fn number_of(request: &Message) -> SmolStr {
    let uri = request.parsed_uri().ok();
    SmolStr::new(uri.and_then(|uri| uri.user_unescaped()).unwrap_or_default())
}
