//! Accepting an invite: what the link shows, and what the person fills in.

use muster_domain::capabilities::capabilities;
use muster_domain::change::Refusal;
use muster_domain::credentials::{Required, required_credentials};
use muster_domain::emergency::{missing, policy_of};
use muster_domain::field::{Entity, EntityKind};
use muster_domain::locations::EmergencyLocation;
use muster_domain::organization::{ConnectionKind, EmergencyPolicy, Organization, Site};
use muster_domain::signing::{Invite, InviteState};
use muster_domain::types::{Name, Text};
use muster_domain::user::{Record, Service, SetupWizard, User};
use muster_domain::value::{FieldError, Value};
use muster_mail::Language;
use muster_store::Reader;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::credentials::{NewCredentials, put_credentials};
use super::invites::{Token, language_of, read_token};
use super::sessions::{MadeSession, begin_session};
use crate::apply::{Allow, Session};
use crate::records::set;
use crate::users::enable;
use crate::{App, AppError};

/// Why a link does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkRefusal {
    /// Altered, or nobody's.
    #[error("this link is not one of ours: open the newest mail, or ask for another invite")]
    Unknown,
    #[error("this link has expired: ask for another invite")]
    Expired,
    #[error("this link has been used: sign in with the password that was chosen")]
    Used,
    #[error("this link has been replaced or withdrawn: open the newest mail, or ask for another invite")]
    Ended,
    #[error("this link cannot be used at the moment: ask your administrator")]
    NotNow,
}

/// What the page of a link shows and asks.
#[derive(Clone, Debug)]
pub struct Welcome {
    pub organization: String,
    pub person: String,
    pub username: String,
    pub email: Option<String>,
    /// `None` where the person has none that is known.
    pub language: Option<Language>,
    pub needs: Required,
    /// An emergency location is to be named: `Some` where they have none and one is wanted.
    pub location: Option<WantedLocation>,
}

/// What is asked about an emergency location.
#[derive(Clone, Debug)]
pub struct WantedLocation {
    pub required: bool,
    /// The company's, by nickname.
    pub known: Vec<String>,
    pub country: Option<String>,
}

/// What the person filled in.
#[derive(Clone, Debug, Default)]
pub struct Acceptance {
    pub credentials: NewCredentials,
    pub place: Option<Place>,
}

#[derive(Clone, Debug)]
pub enum Place {
    /// One of the company's, by its nickname.
    Known(Name),
    New(NewPlace),
}

/// A private location: the fields of an emergency location as they were written.
#[derive(Clone, Debug, Default)]
pub struct NewPlace {
    pub values: Vec<(&'static str, Value)>,
}

/// The person is in.
#[derive(Clone, Debug)]
pub struct Accepted {
    pub user: User,
    /// `None` of a type that does not sign in.
    pub session: Option<MadeSession>,
    /// What phones register with, where it was made now: shown this once.
    pub sip_secret: Option<Zeroizing<String>>,
    pub domain: String,
    /// Their calls wait for an emergency location.
    pub held_back: bool,
}

impl App {
    /// What a link is about, or why it does nothing. Whoever has the link may see this much.
    pub fn welcome(&self, token: &str) -> Result<Welcome, AppError> {
        let token = read_token(token).ok_or(LinkRefusal::Unknown)?;
        let now = self.now();
        self.store().read(|r| {
            let found = open(r, &token, now)?;
            let location = wanted_location(r, &found)?;
            let Found { organization, user, .. } = found;
            Ok(Welcome {
                organization: organization.name.to_string(),
                person: user.display_name.to_string(),
                username: user.username.to_string(),
                email: user.email.as_ref().map(ToString::to_string),
                language: user.language.as_ref().map(|_| language_of(&user)),
                needs: needs(&user, &organization),
                location,
            })
        })
    }

    /// The credentials are kept, the person is enabled, the link is used up and they are signed in: together.
    pub fn accept_invite(&self, token: &str, acceptance: &Acceptance) -> Result<Accepted, AppError> {
        let token = read_token(token).ok_or(LinkRefusal::Unknown)?;
        let now = self.now();
        // Whoever has no link makes nobody hash.
        let found = self.store().read(|r| open(r, &token, now))?;
        let errors = wrong(&found, acceptance);
        if !errors.is_empty() {
            return Err(Refusal::Invalid(errors).into());
        }
        let prepared = acceptance.credentials.prepared(self)?;
        let sip_secret = crate::secrets::generate_sip_secret()?;
        let bearer = crate::secrets::generate_session()?;
        let scope = self.own_scope(token.org, found.user.id.0)?;
        let mut accepted = None;
        self.change(&scope, Allow::default(), |session| {
            let found = open(session.tx, &token, now)?;
            let (before, invite) = (&found.user.clone(), &found.invite.clone());
            let mut user = before.clone();
            locate(session, &found, &mut user, acceptance.place.as_ref())?;
            user.setup_wizard = SetupWizard::Completed;
            enable(session, &mut user, &sip_secret)?;
            session.update(before, &user)?;
            let sign_in = put_credentials(session, &user, &prepared)?;
            let mut used = invite.clone();
            used.state = InviteState::Accepted;
            used.accepted_at = Some(now);
            session.update(invite, &used)?;
            let signs_in = capabilities(user.user_type, ConnectionKind::Builtin).signs_in;
            let made = match signs_in && sign_in.password.is_some() {
                true => Some(begin_session(session.tx, &user, &sign_in, &bearer, now)?),
                false => None,
            };
            let made_secret =
                (user.sip_secret != before.sip_secret).then(|| Zeroizing::new(sip_secret.clone()));
            let without = wanted_location(session.tx, &Found { user: user.clone(), ..found })?;
            accepted = Some(Accepted {
                session: made,
                sip_secret: made_secret,
                domain: scope.organization().domain.to_string(),
                held_back: without.is_some_and(|wanted| wanted.required),
                user,
            });
            Ok(before.id.0)
        })?;
        accepted.ok_or(AppError::NotFound("invite"))
    }
}

struct Found {
    organization: Organization,
    site: Option<Site>,
    user: User,
    invite: Invite,
}

/// The invite of a link that may be accepted now. What is not right about the token is said in one way.
fn open(r: &mut Reader, token: &Token, now: muster_domain::types::UnixMillis) -> Result<Found, AppError> {
    let unknown = || AppError::Link(LinkRefusal::Unknown);
    let organization = r.organization(token.org)?.ok_or_else(unknown)?;
    let invite = r.get::<Invite>(token.org, token.invite.0)?.ok_or_else(unknown)?;
    let secret = invite.token.ok_or_else(unknown)?;
    if !r.secret_matches(token.org, secret, &token.secret)? {
        return Err(unknown());
    }
    match invite.state {
        InviteState::Sent => {}
        InviteState::Accepted => return Err(LinkRefusal::Used.into()),
        InviteState::Ended | InviteState::Scheduled => return Err(LinkRefusal::Ended.into()),
    }
    if invite.expires_at.is_none_or(|at| at <= now) {
        return Err(LinkRefusal::Expired.into());
    }
    let user = match invite.user {
        Some(user) => r.get::<User>(token.org, user.0)?,
        None => None,
    };
    let user = user.filter(|user| user.record == Record::Live).ok_or(LinkRefusal::Ended)?;
    if matches!(user.service, Service::Disabled | Service::Frozen) {
        return Err(LinkRefusal::NotNow.into());
    }
    let site = match user.site {
        Some(site) => r.get::<Site>(token.org, site.0)?,
        None => None,
    };
    Ok(Found { organization, site, user, invite })
}

fn needs(user: &User, organization: &Organization) -> Required {
    required_credentials(user.user_type, organization.single_sign_on, SetupWizard::Completed)
}

fn wrong(found: &Found, acceptance: &Acceptance) -> Vec<FieldError> {
    let given = &acceptance.credentials;
    let mut errors = given.wrong(&found.user);
    errors.extend(given.missing(needs(&found.user, &found.organization), None));
    errors
}

fn wanted_location(r: &mut Reader, found: &Found) -> Result<Option<WantedLocation>, AppError> {
    let Some(site) = &found.site else { return Ok(None) };
    let policy = policy_of(site, &found.organization);
    let places_calls = capabilities(found.user.user_type, ConnectionKind::Builtin).places_calls;
    if policy == EmergencyPolicy::Off || !places_calls {
        return Ok(None);
    }
    let locations = r.all::<EmergencyLocation>(found.organization.id)?;
    let own = found.user.emergency_location.as_ref().map(|text| text.as_str());
    if missing(own, Some(site), &locations).is_none() {
        return Ok(None);
    }
    let known = locations.iter().filter(|location| location.owner.is_none());
    Ok(Some(WantedLocation {
        required: policy == EmergencyPolicy::Require,
        known: known.map(|location| location.name.to_string()).collect(),
        country: site.country.as_ref().or(found.organization.country.as_ref()).map(ToString::to_string),
    }))
}

/// The emergency location that was named, or made: asked for only where one is wanted. Who names none where one
/// is required goes on without: their calls are held back and the page says so.
fn locate(
    session: &mut Session<'_>,
    found: &Found,
    user: &mut User,
    place: Option<&Place>,
) -> Result<(), AppError> {
    let Some(place) = place else { return Ok(()) };
    if wanted_location(session.tx, found)?.is_none() {
        return Ok(());
    }
    let name = match place {
        Place::Known(name) => name.clone(),
        Place::New(new) => private_location(session, user, new)?,
    };
    user.emergency_location = Text::parse(name.as_str()).ok();
    session.flush()?;
    crate::emergency::check_of_user(session.tx, user)
}

/// Named after its owner, so that two people may both write where they live.
fn private_location(session: &mut Session<'_>, user: &User, new: &NewPlace) -> Result<Name, AppError> {
    let mut location = EmergencyLocation::blank(user.org, Uuid::now_v7());
    set(&mut location, &new.values, |_| true)?;
    location.owner = Some(user.id);
    let claim = |name: &str| muster_domain::claims::named(EntityKind::EmergencyLocation, name);
    let base: String = user.display_name.as_str().chars().take(110).collect();
    for n in 1..1000 {
        let name = if n == 1 { base.clone() } else { format!("{base} {n}") };
        let claim = claim(&name);
        if session.tx.claimed(user.org, &claim.space, std::slice::from_ref(&claim.key))?.is_empty() {
            location.name = Name::parse(&name).unwrap_or_default();
            break;
        }
    }
    session.create(&location)?;
    Ok(location.name)
}
