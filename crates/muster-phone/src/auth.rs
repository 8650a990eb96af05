//! Who sends a request: digest against the dial plan.

use muster_domain::dial_plan::{PersonPlan, Service};
use muster_domain::ids::{CredentialId, OrgId, SecretId, UserId};
use muster_sip::digest::{Attempt, Credentials, Ha1, Verdict};
use muster_sip::{Instant, Message, Name, NameAddr, Uri};
use smol_str::SmolStr;

use crate::core::Core;
use crate::guesses::Guess;
use crate::io::{Flow, Output};
use crate::location::PersonKey;
use crate::offer::{Offer, offer_for};

/// Somebody whose digest is right. What they may do is another question.
#[derive(Clone, Debug)]
pub struct Identity {
    pub org: OrgId,
    pub user: UserId,
    pub credential: CredentialId,
    pub secret: SecretId,
    pub auth_name: SmolStr,
    pub extension: Option<SmolStr>,
}

impl Identity {
    pub fn person(&self) -> PersonKey {
        (self.org, self.user)
    }
}

/// Which of the two challenges a request gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenger {
    /// 401: for what is addressed to us, REGISTER and SUBSCRIBE.
    Server,
    /// 407: for what is addressed to others.
    Proxy,
}

impl Core {
    /// Finds out who sent a request, or challenges; None if it was answered.
    ///
    /// An unknown name and a wrong secret get the same answer after the same work. Nothing is kept
    /// of a request that was challenged.
    pub(crate) fn authenticate(
        &mut self,
        request: &Message,
        claimed: &NameAddr<'_>,
        challenger: Challenger,
        flow: Flow,
        now: Instant,
    ) -> Option<Identity> {
        let offered = offers(request);
        let Some(org) = self.organization_of(claimed, &offered) else {
            let realm = self.config.fallback_realm.clone();
            self.challenge(request, &realm, false, challenger, flow, now);
            return None;
        };
        let realm = self.plan.realm(org).cloned().unwrap_or_default();
        let Some(credentials) = offered.iter().find(|credentials| credentials.realm == realm.as_str()) else {
            self.challenge(request, &realm, false, challenger, flow, now);
            return None;
        };
        let known = self.plan.credential(org, &credentials.username);
        let ha1 = known.map(|(_, credential)| Ha1 { md5: credential.ha1_md5, sha256: credential.ha1_sha256 });
        let method = request.method().map_or("", |method| method.as_str());
        let source = flow.peer.ip();
        let attempt = Attempt { method, realm: &realm, body: request.body(), source };
        let verdict = self.nonces.verify(credentials, &attempt, ha1.as_ref(), &mut self.used_nonces, now);
        match (verdict, known) {
            (Verdict::Ok, Some((person, credential))) => {
                let identity = Identity {
                    org,
                    user: person.user,
                    credential: credential.id,
                    secret: credential.secret,
                    auth_name: credential.auth_name.clone(),
                    extension: person.extension.clone(),
                };
                self.guesses.right(source, &credentials.username);
                if !self.is_digest_for(credentials, request, org, flow) {
                    self.counters.digest_misdirected += 1;
                    self.answer_because(request, 400, "Digest for another address", flow);
                    return None;
                }
                Some(identity)
            }
            (Verdict::Wrong | Verdict::Ok, _) => {
                self.counters.digest_wrong += 1;
                match self.guesses.wrong(source, &credentials.username, now) {
                    Guess::Allowed => self.challenge(request, &realm, false, challenger, flow, now),
                    guess => self.refuse_guess(request, guess, flow),
                }
                None
            }
            (verdict, _) => {
                self.counters.digest_replayed += u64::from(verdict == Verdict::Replayed);
                self.challenge(request, &realm, true, challenger, flow, now);
                None
            }
        }
    }

    fn refuse_guess(&mut self, request: &Message, guess: Guess, flow: Flow) {
        self.counters.digest_limited += 1;
        if guess == Guess::FirstTooMany {
            self.put(Output::TooManyGuesses { from: flow.peer.ip() });
        }
        self.answer_because(request, 403, "Too many wrong passwords", flow);
    }

    /// RFC 7616 §3.4.6: a digest that was made for another request is not good for this one.
    fn is_digest_for(
        &self,
        credentials: &Credentials<'_>,
        request: &Message,
        org: OrgId,
        flow: Flow,
    ) -> bool {
        let is_ours = |uri: &Uri<'_>| {
            self.plan.organization_by_domain(uri.host) == Some(org) || self.is_own_host(uri, flow)
        };
        request.parsed_uri().is_ok_and(|uri| credentials.is_for(&uri, is_ours))
    }

    /// The organization of an address. For a domain that nobody has it is the only one there is, that
    /// whose realm the credentials are for, or that of the auth name if just one has it.
    ///
    /// A name that nobody or several have gets a stand-in, always the same: with the challenge of an
    /// organization for some names and none for others, a stranger would learn who has which name.
    fn organization_of(&self, claimed: &NameAddr<'_>, offered: &[Credentials<'_>]) -> Option<OrgId> {
        let uri = claimed.parsed_uri().ok()?;
        if let Some(org) = self.plan.organization_by_domain(uri.host) {
            return Some(org);
        }
        let mut all = self.plan.organizations();
        if let (Some(only), None) = (all.next(), all.next()) {
            return Some(only);
        }
        let of_realm = |realm: &str| {
            let org = self.plan.organization_by_domain(realm)?;
            self.plan.realm(org).is_some_and(|own| own.as_str() == realm).then_some(org)
        };
        if let Some(org) = offered.iter().find_map(|credentials| of_realm(&credentials.realm)) {
            return Some(org);
        }
        let name = match offered.first() {
            Some(credentials) => credentials.username.clone(),
            None => uri.user_unescaped().unwrap_or_default(),
        };
        let stand_in = || self.plan.organizations().max_by_key(|org| self.hash.fingerprint(&(org, &name)));
        self.plan.organization_by_auth_name(&name).or_else(stand_in)
    }

    fn challenge(
        &mut self,
        request: &Message,
        realm: &str,
        stale: bool,
        challenger: Challenger,
        flow: Flow,
        now: Instant,
    ) {
        let (status, name) = match challenger {
            Challenger::Server => (401, Name::WwwAuthenticate),
            Challenger::Proxy => (407, Name::ProxyAuthenticate),
        };
        let mut answer = self.answer_to(request, status, flow);
        let [sha256, md5] = self.nonces.challenge(now, realm, flow.peer.ip(), stale);
        let offered = match offer_for(request, &offers(request)) {
            Offer::Sha256ThenMd5 => [Some(&sha256), Some(&md5)],
            Offer::Md5ThenSha256 => [Some(&md5), Some(&sha256)],
            Offer::Md5 => [Some(&md5), None],
        };
        for challenge in offered.into_iter().flatten() {
            answer.header_ref(name, challenge);
        }
        self.send_answer(request, flow, answer.finish());
    }

    /// Whether an address is the identity's own: its extension or the auth name of that same
    /// credential, in its own organization's domain or one that nobody has.
    pub(crate) fn is_own_address(&self, address: &NameAddr<'_>, identity: &Identity) -> bool {
        let Ok(uri) = address.parsed_uri() else { return false };
        let user = uri.user_unescaped().unwrap_or_default();
        let own_user =
            user == identity.auth_name.as_str() || Some(user.as_ref()) == identity.extension.as_deref();
        let org = self.plan.organization_by_domain(uri.host);
        own_user && org.is_none_or(|org| org == identity.org)
    }
}

/// Why somebody whose digest is right may not use their phone: the reason phrase of the 403.
pub fn refusal(person: &PersonPlan) -> &'static str {
    match person.service {
        Service::ContactOnly | Service::NotActivated => "Not activated",
        Service::Disabled => "Disabled",
        Service::Frozen => "Frozen",
        Service::Enabled => "Not allowed for this type of user",
    }
}

/// Credentials may come under either name: some phones keep to the one they used first.
fn offers(request: &Message) -> Vec<Credentials<'_>> {
    let lines = request.headers(Name::Authorization).chain(request.headers(Name::ProxyAuthorization));
    lines.take(8).filter_map(|line| Credentials::parse(line).ok()).collect()
}
