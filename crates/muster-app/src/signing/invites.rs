//! Invites: a welcome with a link that works once, now or at a time.
//!
//! The link carries the organization's and the invite's ids and 192 random bits, of which only a keyed hash is
//! kept. A mail with it is put into the spool in the same transaction.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use muster_domain::capabilities::capabilities;
use muster_domain::change::Refusal;
use muster_domain::credentials::is_asked;
use muster_domain::field::{Entity, EntityKind};
use muster_domain::ids::{InviteId, MailId, OrgId, UserId};
use muster_domain::organization::{ConnectionKind, Organization, Site};
use muster_domain::permission::Permission;
use muster_domain::signing::{Invite, InviteState, invite_word};
use muster_domain::types::{Text, UnixMillis, fold};
use muster_domain::user::{Record, Service, SetupWizard, User};
use muster_domain::value::{FieldError, Value};
use muster_mail::Language;
use muster_mail::words::{Invitation, invitation};
use muster_store::{ChangeFilter, MailContent, NewMail, Reader, SecretKind};
use smol_str::SmolStr;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::schedule::When;
use super::setup::{asked_for_nothing, is_open};
use crate::apply::{Allow, Session};
use crate::users::{frozen, keep_secret, live_users};
use crate::{App, AppError, Done, Scope};

/// The kind of job that invites many.
pub const INVITE_JOB: &str = "invite";

/// How many are invited in one request; more is a job.
pub const INVITED_AT_ONCE_MAX: usize = 1000;

const DAY_MS: i64 = 24 * 3_600_000;
const SECRET_BYTES: usize = 24;

/// How the link comes to the person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    #[default]
    Mail,
    /// It is answered, to be handed over by whoever asked.
    Link,
}

#[derive(Clone, Debug, Default)]
pub struct NewInvite {
    /// `None`: now.
    pub when: Option<When>,
    pub by: Delivery,
}

/// Somebody who was invited.
#[derive(Clone, Debug)]
pub struct Invited {
    pub user: UserId,
    pub invite: InviteId,
    /// Shown this once; `None` of one that leaves later, and of a request that is repeated.
    pub link: Option<Zeroizing<String>>,
}

/// An invite, and what it is called at the moment.
#[derive(Clone, Debug)]
pub struct InviteView {
    pub invite: Invite,
    /// `scheduled`, `sent`, `expired`, `accepted` or `ended`.
    pub word: &'static str,
}

impl App {
    /// All or none: somebody who cannot be invited stops it, with the reason.
    pub fn invite_users(
        &self,
        scope: &Scope,
        ids: &[UserId],
        new: &NewInvite,
    ) -> Result<(Done, Vec<Invited>), AppError> {
        scope.require(Permission::PeopleActivate)?;
        if ids.is_empty() || ids.len() > INVITED_AT_ONCE_MAX {
            let reason = format!("are {}, not 1 to {INVITED_AT_ONCE_MAX}", ids.len());
            return Err(AppError::invalid("users", reason, "name fewer in one request, or give a filter"));
        }
        let mut invited = Vec::new();
        let done = self.change(scope, Allow::default(), |session| {
            invited.clear();
            for user in live_users(session, scope, ids)? {
                invited.push(invite(self, session, scope, &user, new)?);
            }
            Ok(ids.first().map_or(Uuid::nil(), |id| id.0))
        })?;
        if done.replayed {
            invited.clear();
        }
        Ok((done, invited))
    }

    /// Newest first.
    pub fn invites_of(&self, scope: &Scope, user: UserId) -> Result<Vec<InviteView>, AppError> {
        self.user(scope, user)?;
        let now = self.now();
        let mut found = self
            .store()
            .read(|r| r.referring::<Invite>(scope.org(), "user", &[user.0]).map_err(AppError::from))?;
        found.sort_unstable_by_key(|invite| std::cmp::Reverse(invite.id));
        Ok(found.into_iter().map(|invite| InviteView { word: invite_word(&invite, now), invite }).collect())
    }

    /// The open invites of these people end: their links do nothing from here on.
    pub fn withdraw_invites(&self, scope: &Scope, ids: &[UserId]) -> Result<Done, AppError> {
        scope.require(Permission::PeopleActivate)?;
        self.change(scope, Allow::default(), |session| {
            let ended = end_invites(session, scope.org(), ids, "it was withdrawn")?;
            if ended == 0 {
                return Err(Refusal::NotAllowed("there is no invite that waits".into()).into());
            }
            Ok(ids.first().map_or(Uuid::nil(), |id| id.0))
        })
    }

    pub(crate) fn link_of(&self, token: &str) -> Zeroizing<String> {
        Zeroizing::new(format!("{}/invite/{token}", self.public_url()))
    }
}

/// Invites one person inside a change.
pub(super) fn invite(
    app: &App,
    session: &mut Session<'_>,
    scope: &Scope,
    user: &User,
    new: &NewInvite,
) -> Result<Invited, AppError> {
    let mut after = user.clone();
    not_activated_if_never(session, &mut after)?;
    session.update(user, &after)?;
    end_invites(session, user.org, &[user.id], "a new one took its place")?;
    invite_new(app, session, scope, &after, new)
}

/// The same for somebody who has none.
pub(super) fn invite_new(
    app: &App,
    session: &mut Session<'_>,
    scope: &Scope,
    user: &User,
    new: &NewInvite,
) -> Result<Invited, AppError> {
    check(session.tx, user, new)?;
    let mut invite = Invite::blank(user.org, Uuid::now_v7());
    invite.user = Some(user.id);
    invite.email = user.email.clone().filter(|_| new.by == Delivery::Mail);
    let mut link = None;
    match &new.when {
        Some(when) => {
            if when.at <= app.now() {
                let mend = "give a time to come, or leave it out to invite now";
                return Err(AppError::invalid("invite_at", "has passed", mend));
            }
            invite.state = InviteState::Scheduled;
            invite.send_at = Some(when.at);
            invite.time_zone = Some(when.zone.clone());
        }
        None => link = Some(send(app, session, scope.organization(), user, &mut invite)?),
    }
    let id = invite.id;
    session.create(&invite)?;
    Ok(Invited { user: user.id, invite: id, link })
}

/// Makes the link, and puts the mail with it into the spool.
fn send(
    app: &App,
    session: &mut Session<'_>,
    organization: &Organization,
    user: &User,
    invite: &mut Invite,
) -> Result<Zeroizing<String>, AppError> {
    let now = app.now();
    let mut secret = Zeroizing::new([0; SECRET_BYTES]);
    crate::secrets::fill(&mut *secret)?;
    let text = Zeroizing::new(hex::encode(*secret));
    invite.state = InviteState::Sent;
    invite.sent_at = Some(now);
    invite.expires_at = Some(UnixMillis(now.0 + i64::from(organization.invite_days.0) * DAY_MS));
    invite.token = Some(keep_secret(session, user.org, SecretKind::InviteToken, &text)?);
    let link = app.link_of(&token(user.org, invite.id, &secret));
    if let Some(email) = invite.email.clone() {
        let content = content(session, organization, user, invite, &link)?;
        let id = MailId(Uuid::now_v7());
        let (to, user, invite) = (email.as_str(), Some(user.id), Some(invite.id));
        let mail = NewMail {
            org: organization.id,
            id,
            kind: "invite",
            recipient: to,
            user,
            invite,
            content: &content,
        };
        session.tx.put_mail(&mail, now)?;
    }
    Ok(link)
}

fn content(
    session: &mut Session<'_>,
    organization: &Organization,
    user: &User,
    invite: &Invite,
    link: &str,
) -> Result<MailContent, AppError> {
    let site = session.sites()?.iter().find(|site| Some(site.id) == user.site);
    let zone = zone_of(user, site, organization).or_else(|| invite.time_zone.as_ref().map(|z| z.as_str()));
    let written = invitation(&Invitation {
        language: language_of(user),
        person: user.display_name.as_str(),
        organization: organization.name.as_str(),
        link,
        expires_at_ms: invite.expires_at.map_or(0, |at| at.0),
        time_zone: zone,
    });
    Ok(MailContent { subject: written.subject, text: written.text, html: written.html })
}

/// The person's, else their site's, else the organization's.
fn zone_of<'a>(user: &'a User, site: Option<&'a Site>, organization: &'a Organization) -> Option<&'a str> {
    let of_site = site.and_then(|site| site.time_zone.as_ref());
    user.time_zone.as_ref().or(of_site).or(organization.time_zone.as_ref()).map(|zone| zone.as_str())
}

pub(crate) fn language_of(user: &User) -> Language {
    user.language.as_ref().and_then(|tag| Language::of(tag.as_str())).unwrap_or_default()
}

/// Why somebody cannot be invited.
pub(super) fn check(r: &mut Reader, user: &User, new: &NewInvite) -> Result<(), AppError> {
    match user.service {
        Service::Frozen => return Err(frozen()),
        Service::Disabled => {
            return Err(not_allowed(user, "is disabled, and an invite does not lift that: activate them"));
        }
        Service::ContactOnly | Service::NotActivated | Service::Enabled => {}
    }
    if !is_asked(user.user_type) {
        return Err(asked_for_nothing(user));
    }
    if user.setup_wizard == SetupWizard::Completed {
        let why = "has been through their first sign-in: assign a new password instead";
        return Err(not_allowed(user, why));
    }
    if capabilities(user.user_type, ConnectionKind::Builtin).registers && user.extension.is_none() {
        let mend = "give them an extension first: without one they cannot be enabled when they accept";
        return Err(AppError::invalid("extension", "is missing", mend));
    }
    if new.by == Delivery::Link {
        return Ok(());
    }
    let Some(email) = &user.email else {
        let mend = "give them one, hand over a link, or assign credentials";
        return Err(AppError::invalid("email", "is missing: an invite needs one", mend));
    };
    if is_shared(r, user.org, email.as_str())? {
        return Err(Refusal::Invalid(vec![FieldError::new(
            "email",
            format!("{email} is somebody else's too, and an invite must reach one person"),
            "assign credentials, activate them later, or hand over a link",
        )])
        .into());
    }
    Ok(())
}

fn not_allowed(user: &User, why: &str) -> AppError {
    Refusal::NotAllowed(format!("{} {why}", crate::names::called(user))).into()
}

/// Whether two people have the email: then it neither invites nor signs in.
pub(crate) fn is_shared(r: &mut Reader, org: OrgId, email: &str) -> Result<bool, AppError> {
    let key = SmolStr::from(fold(email));
    Ok(r.emails(org, std::slice::from_ref(&key))?.len() > 1)
}

/// A contact who never waited to be activated waits from here on; `not_activated` is never reached again.
pub(super) fn not_activated_if_never(session: &mut Session<'_>, user: &mut User) -> Result<(), AppError> {
    if user.service != Service::ContactOnly {
        return Ok(());
    }
    if user.version > 0 {
        session.flush()?;
        let filter = ChangeFilter { entity: Some((EntityKind::User, user.id.0)), ..ChangeFilter::default() };
        let waiting = Value::text(Service::NotActivated.word());
        let mut after = 0;
        loop {
            let lines = session.tx.changes(user.org, after, 500, &filter)?;
            let Some(last) = lines.last() else { break };
            after = last.envelope.seq;
            let waited = lines
                .iter()
                .flat_map(|line| line.body.iter().flat_map(|body| &body.fields))
                .any(|field| field.field == "service" && (field.after == waiting || field.before == waiting));
            if waited {
                return Ok(());
            }
        }
    }
    user.service = Service::NotActivated;
    Ok(())
}

/// Ends what waits. Returns how many ended.
pub(crate) fn end_invites(
    session: &mut Session<'_>,
    org: OrgId,
    ids: &[UserId],
    why: &str,
) -> Result<usize, AppError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let open: Vec<Invite> =
        session.tx.referring::<Invite>(org, "user", &ids)?.into_iter().filter(is_open).collect();
    for before in &open {
        let mut after = before.clone();
        after.state = InviteState::Ended;
        after.ended_because = Text::parse(why).ok();
        session.update(before, &after)?;
    }
    Ok(open.len())
}

/// Sends an invite whose time has come; one that cannot be sent any more ends with the reason.
pub(crate) fn send_scheduled(app: &App, org: OrgId, id: InviteId) -> Result<(), AppError> {
    let scope = app.own_scope(org, Uuid::nil())?;
    app.change(&scope, Allow::default(), |session| {
        let before = session.tx.get::<Invite>(org, id.0)?;
        let Some(before) = before.filter(|invite| invite.state == InviteState::Scheduled) else {
            return Ok(id.0);
        };
        let user = match before.user {
            Some(user) => session.tx.get::<User>(org, user.0)?.filter(|user| user.record == Record::Live),
            None => None,
        };
        let mut after = before.clone();
        let refused = match &user {
            None => Some("the person is gone".to_string()),
            Some(user) => match check(session.tx, user, &NewInvite::default()) {
                Ok(()) => None,
                Err(AppError::Refused(refusal)) => Some(reason_of(&refusal)),
                Err(other) => return Err(other),
            },
        };
        match (&user, refused) {
            (Some(user), None) => {
                after.email = user.email.clone();
                send(app, session, scope.organization(), user, &mut after)?;
            }
            (_, why) => {
                after.state = InviteState::Ended;
                after.ended_because = why.and_then(|why| Text::parse(&why).ok());
            }
        }
        session.update(&before, &after)?;
        Ok(id.0)
    })?;
    Ok(())
}

pub(super) fn reason_of(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Invalid(errors) => {
            let said: Vec<String> = errors.iter().map(|e| format!("{} {}", e.field, e.reason)).collect();
            said.join("; ")
        }
        other => other.to_string(),
    }
}

/// What a link carries.
pub(super) struct Token {
    pub org: OrgId,
    pub invite: InviteId,
    /// As its keyed hash was made of it.
    pub secret: Zeroizing<String>,
}

fn token(org: OrgId, invite: InviteId, secret: &[u8; SECRET_BYTES]) -> String {
    let bytes = Zeroizing::new([&org.0.as_bytes()[..], &invite.0.as_bytes()[..], &secret[..]].concat());
    URL_SAFE_NO_PAD.encode(&*bytes)
}

pub(super) fn read_token(text: &str) -> Option<Token> {
    let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).ok().filter(|b| b.len() == 32 + SECRET_BYTES)?);
    Some(Token {
        org: OrgId(Uuid::from_slice(&bytes[..16]).ok()?),
        invite: InviteId(Uuid::from_slice(&bytes[16..32]).ok()?),
        secret: Zeroizing::new(hex::encode(&bytes[32..])),
    })
}

#[test]
fn a_link_carries_what_was_put_in_and_nothing_shorter_is_read() {
    let (org, invite) = (OrgId(Uuid::from_u128(1)), InviteId(Uuid::from_u128(2)));
    let text = token(org, invite, &[7; SECRET_BYTES]);
    let read = read_token(&text).unwrap();
    assert_eq!((read.org, read.invite, read.secret.as_str()), (org, invite, "07".repeat(24).as_str()));
    assert!(
        read_token(&text[..text.len() - 4]).is_none()
            && read_token("").is_none()
            && read_token("ä").is_none()
    );
}
