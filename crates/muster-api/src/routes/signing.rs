//! Inviting and assigning, for one, for many, and for everybody whom a filter finds.

use axum::Json;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use muster_app::signing::{Assignment, Delivery, Identity, InviteView, Invited};
use muster_app::users::not_trashed;
use muster_domain::credentials::required_credentials;
use muster_domain::organization::ConnectionKind;
use muster_domain::signing::Invite;
use muster_domain::user::{SetupWizard, User, UserType};
use muster_domain::value::Reason;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::commands::{resolve, users};
use super::lists::{entity, page};
use super::setup_body;
use super::{user_id, with_header, with_remark, written};
use crate::body::{Incoming, Object};
use crate::caller::Caller;
use crate::filter;
use crate::parameters::{AsOf, Listing, Once};
use crate::params::Pairs;
use crate::problem::Problem;
use crate::wire::{self, described, page_of};

described! {
    InviteBody = wire::schema::<Invite>("A welcome with a single-use link.");
}

page_of! {
    Invites of InviteBody = "A page of invites.";
}

/// Whom to invite, and when.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = InviteUsers)]
pub struct InviteUsersBody {
    /// Usernames, extensions, emails or ids.
    #[schema(min_items = 1, max_items = 1000)]
    users: Option<Vec<String>>,
    /// Instead of `users`: everybody whom it finds, as a job.
    filter: Option<String>,
    /// When the invite leaves: in the zone's own time, such as 2027-03-28T09:30, or with its offset; now without it.
    at: Option<String>,
    /// The time zone of `at` [the organization's].
    zone: Option<String>,
    /// `mail` [default], or `link`: it is answered, to be handed over by hand.
    #[schema(pattern = "^(mail|link)$")]
    by: Option<String>,
}

/// Somebody who was invited.
#[derive(Serialize, ToSchema)]
pub struct InvitedUser {
    #[schema(format = Uuid)]
    id: String,
    display_name: String,
    extension: Option<String>,
    email: Option<String>,
    service: &'static str,
    #[schema(format = Uuid)]
    invite: String,
    /// The link; shown this once. Null of an invite that leaves later.
    link: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct InvitedUsers {
    users: Vec<InvitedUser>,
    /// The newest change of the log.
    seq: u64,
}

/// Invite users
///
/// All or none of those who are named. A new invite ends the one before. Contacts wait to be activated from here
/// on. With `filter` it is a job, which leaves out whom it cannot invite and says why.
#[utoipa::path(post, path = "/api/v1/organizations/{org}/users/invite", tag = "signing-in",
    params(("org" = String, Path, description = "Slug or id."), Once),
    request_body = InviteUsersBody,
    responses((status = 200, body = InvitedUsers, headers(("Muster-Seq" = u64, description = "The newest change of the log."))),
        (status = 202, description = "It was taken on; the job says how far it is.", headers(("Location", description = "Where the job is.")))))]
pub async fn invite(
    caller: Caller,
    Path(org): Path<String>,
    mut incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let (mut object, bytes) = incoming.object().await?;
    let by_filter = object.peek("filter").is_some();
    let filter = object.text("filter");
    let named = match by_filter && object.peek("users").is_none() {
        true => Vec::new(),
        false => users(&mut object),
    };
    let new = setup_body::invite(&mut object, &scope);
    if by_filter && !named.is_empty() {
        object.wrong("filter", Reason::new("goes instead of users", "give one of them"));
    }
    if by_filter && new.by == Delivery::Link {
        object.wrong("by", Reason::new("cannot be link for many", "leave it out, or name the people"));
    }
    object.finish()?;
    let scope = incoming.once(scope, &bytes)?;
    if let Some(filter) = filter {
        let terms = filter::parse::<User>(&filter).map_err(|mistake| Problem::invalid(vec![mistake]))?;
        let query = muster_app::Query { filter: not_trashed(terms), ..Default::default() };
        let done = caller.run(move |app| app.start_invites(&scope, &query, new.when.as_ref())).await?;
        let location = format!("/api/v1/organizations/{org}/jobs/{}", done.id);
        let response = (StatusCode::ACCEPTED, Json(serde_json::json!({ "job": done.id }))).into_response();
        return Ok(written(&done, with_header(LOCATION, &location, response)));
    }
    let ids = resolve(&caller, &scope, named).await?;
    let (done, invited, people, problem) = caller
        .run(move |app| {
            let (done, invited) = app.invite_users(&scope, &ids, &new)?;
            let people = ids.iter().map(|id| app.user(&scope, *id)).collect::<Result<Vec<_>, _>>()?;
            Ok((done, invited, people, app.mail_problem()?))
        })
        .await?;
    let shown = people.iter().map(|user| invited_user(user, invited.iter().find(|i| i.user == user.id)));
    let body = InvitedUsers { users: shown.collect(), seq: done.seq };
    let by_mail = body.users.iter().any(|user| user.email.is_some());
    let remark = problem.as_deref().filter(|_| by_mail);
    Ok(written(&done, with_remark(remark, Json(body).into_response())))
}

fn invited_user(user: &User, invited: Option<&Invited>) -> InvitedUser {
    InvitedUser {
        id: user.id.to_string(),
        display_name: user.display_name.to_string(),
        extension: user.extension.as_ref().map(ToString::to_string),
        email: user.email.as_ref().map(ToString::to_string),
        service: user.service.word(),
        invite: invited.map(|i| i.invite.to_string()).unwrap_or_default(),
        link: invited.and_then(|i| i.link.as_ref()).map(|link| link.to_string()),
    }
}

/// Whose invites to withdraw.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = WithdrawInvites)]
pub struct WithdrawBody {
    /// Usernames, extensions, emails or ids.
    #[schema(min_items = 1, max_items = 1000)]
    users: Vec<String>,
}

/// Withdraw invites
///
/// Links that wait do nothing from here on.
#[utoipa::path(post, path = "/api/v1/organizations/{org}/users/withdraw-invites", tag = "signing-in",
    params(("org" = String, Path, description = "Slug or id."), Once),
    request_body = WithdrawBody,
    responses((status = 204, description = "Withdrawn.", headers(("Muster-Seq" = u64, description = "The newest change of the log.")))))]
pub async fn withdraw(
    caller: Caller,
    Path(org): Path<String>,
    mut incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let (mut object, bytes) = incoming.object().await?;
    let named = users(&mut object);
    object.finish()?;
    let scope = incoming.once(scope, &bytes)?;
    let ids = resolve(&caller, &scope, named).await?;
    let done = caller.run(move |app| app.withdraw_invites(&scope, &ids)).await?;
    Ok(written(&done, StatusCode::NO_CONTENT))
}

/// What is assigned, and to whom.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = AssignCredentials)]
pub struct AssignBody {
    /// Usernames, extensions, emails or ids.
    #[schema(min_items = 1, max_items = 200)]
    users: Vec<String>,
    /// What they sign in with. Never answered.
    #[schema(min_length = 8, max_length = 512, write_only)]
    password: Option<String>,
    /// A password for each of them is made, and shown once.
    generate_password: Option<bool>,
    /// It must be changed at first sign-in [true].
    password_temporary: Option<bool>,
    /// 4 to 10 digits. Never answered.
    #[schema(pattern = "^[0-9]{4,10}$", write_only)]
    sign_in_pin: Option<String>,
    /// What is asked of somebody who says that it is them.
    #[schema(min_length = 1, max_length = 255)]
    security_question: Option<String>,
    /// Its answer. Never answered.
    #[schema(min_length = 2, max_length = 255, write_only)]
    security_answer: Option<String>,
    /// `completed` [default] or `not_started`: decides what must be given.
    #[schema(pattern = "^(completed|not_started)$")]
    wizard: Option<String>,
}

/// Somebody who was given credentials.
#[derive(Serialize, ToSchema)]
pub struct AssignedUser {
    #[schema(format = Uuid)]
    id: String,
    username: String,
    display_name: String,
    extension: Option<String>,
    service: &'static str,
    /// The password that was made: shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    generated_password: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct AssignedUsers {
    users: Vec<AssignedUser>,
    /// The newest change of the log.
    seq: u64,
}

/// Assign credentials
///
/// All or none. What their types need must be given or be there: a password, a PIN, a question with its answer.
/// They are enabled then; open invites end, and so do their sessions.
#[utoipa::path(post, path = "/api/v1/organizations/{org}/users/assign", tag = "signing-in",
    params(("org" = String, Path, description = "Slug or id."), Once),
    request_body = AssignBody,
    responses((status = 200, body = AssignedUsers, headers(("Muster-Seq" = u64, description = "The newest change of the log.")))))]
pub async fn assign(
    caller: Caller,
    Path(org): Path<String>,
    mut incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let (mut object, bytes) = incoming.object().await?;
    let named = users(&mut object);
    let assignment = assignment(&mut object);
    object.finish()?;
    let scope = incoming.once(scope, &bytes)?;
    let ids = resolve(&caller, &scope, named).await?;
    let (assigned, people) = caller
        .run(move |app| {
            let assigned = app.assign_credentials(&scope, &ids, &assignment)?;
            let people = ids.iter().map(|id| app.user(&scope, *id)).collect::<Result<Vec<_>, _>>()?;
            Ok((assigned, people))
        })
        .await?;
    let shown = people.iter().map(|user| AssignedUser {
        id: user.id.to_string(),
        username: user.username.to_string(),
        display_name: user.display_name.to_string(),
        extension: user.extension.as_ref().map(ToString::to_string),
        service: user.service.word(),
        generated_password: assigned
            .generated
            .iter()
            .find(|(id, _)| *id == user.id)
            .map(|(_, password)| password.to_string()),
    });
    let body = AssignedUsers { users: shown.collect(), seq: assigned.done.seq };
    Ok(written(&assigned.done, Json(body).into_response()))
}

fn assignment(object: &mut Object) -> Assignment {
    let generate = object.flag("generate_password");
    let (credentials, wizard) = (setup_body::credentials(object), setup_body::wizard(object));
    if generate && credentials.password.is_some() {
        let mend = "give one, or have them made";
        object.wrong("generate_password", Reason::new("goes instead of password", mend));
    }
    Assignment { credentials, generate, wizard }
}

/// What somebody says to prove who they are.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = Identify)]
pub struct IdentifyBody {
    /// Their sign-in PIN.
    #[schema(write_only)]
    sign_in_pin: Option<String>,
    /// Instead of it, the answer to their question.
    #[schema(write_only)]
    security_answer: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Identified {
    /// Whether it is right.
    right: bool,
}

/// Check whether somebody is who they say
///
/// For whoever helps them on the phone. After five wrong tries each further one has to wait, up to an hour.
#[utoipa::path(post, path = "/api/v1/organizations/{org}/users/{user}/identify", tag = "signing-in",
    params(("org" = String, Path, description = "Slug or id."), ("user" = uuid::Uuid, Path, description = "The user's id.")),
    request_body = IdentifyBody,
    responses((status = 200, body = Identified)))]
pub async fn identify(
    caller: Caller,
    Path((org, user)): Path<(String, String)>,
    mut incoming: Incoming,
) -> Result<Json<Identified>, Problem> {
    let scope = caller.scope(&org).await?;
    let id = user_id(&user)?;
    // Whether they may be seen at all, before what was sent is looked at.
    let (whose, of) = (scope.clone(), id);
    caller.run(move |app| app.user(&whose, of)).await?;
    let (mut object, _) = incoming.object().await?;
    let (pin, answer) = (object.text("sign_in_pin"), object.text("security_answer"));
    let said = match (pin, answer) {
        (Some(pin), None) => Some(Identity::Pin(Zeroizing::new(pin))),
        (None, Some(answer)) => Some(Identity::Answer(Zeroizing::new(answer))),
        _ => None,
    };
    if said.is_none() && !object.has_mistakes() {
        object.wrong("sign_in_pin", Reason::new("or security_answer is to be given", "give one of them"));
    }
    object.finish()?;
    let Some(said) = said else { return Err(Problem::internal(&"fields")) };
    let right = caller.run(move |app| app.identify(&scope, id, &said)).await?;
    Ok(Json(Identified { right }))
}

/// List invites
#[utoipa::path(get, path = "/api/v1/organizations/{org}/invites", tag = "signing-in",
    params(("org" = String, Path, description = "Slug or id."), Listing, AsOf),
    responses((status = 200, body = Invites)))]
pub async fn list(
    caller: Caller,
    Path(org): Path<String>,
    Query(pairs): Pairs,
) -> Result<Json<Invites>, Problem> {
    Ok(Invites::new(page::<Invite>(&caller, &org, Query(pairs)).await?, entity))
}

/// A person's invite.
#[derive(Serialize, ToSchema)]
pub struct InviteOfUser {
    #[schema(format = Uuid)]
    id: String,
    /// `scheduled`, `sent`, `expired`, `accepted` or `ended`.
    state: &'static str,
    email: Option<String>,
    #[schema(format = DateTime)]
    send_at: Option<String>,
    time_zone: Option<String>,
    #[schema(format = DateTime)]
    sent_at: Option<String>,
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    #[schema(format = DateTime)]
    accepted_at: Option<String>,
    ended_because: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct InvitesOfUser {
    /// How far they are with the newest: `none`, `scheduled`, `sent`, `expired`, `accepted` or `ended`.
    state: &'static str,
    /// Newest first.
    items: Vec<InviteOfUser>,
}

/// List a user's invites
#[utoipa::path(get, path = "/api/v1/organizations/{org}/users/{user}/invites", tag = "signing-in",
    params(("org" = String, Path, description = "Slug or id."), ("user" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = InvitesOfUser)))]
pub async fn of_user(
    caller: Caller,
    Path((org, user)): Path<(String, String)>,
) -> Result<Json<InvitesOfUser>, Problem> {
    let scope = caller.scope(&org).await?;
    let id = user_id(&user)?;
    let found = caller.run(move |app| app.invites_of(&scope, id)).await?;
    let state = found.first().map_or("none", |view| view.word);
    Ok(Json(InvitesOfUser { state, items: found.iter().map(invite_of_user).collect() }))
}

fn invite_of_user(view: &InviteView) -> InviteOfUser {
    let invite = &view.invite;
    let time = |at: Option<muster_domain::types::UnixMillis>| at.map(wire::time);
    InviteOfUser {
        id: invite.id.to_string(),
        state: view.word,
        email: invite.email.as_ref().map(ToString::to_string),
        send_at: time(invite.send_at),
        time_zone: invite.time_zone.as_ref().map(ToString::to_string),
        sent_at: time(invite.sent_at),
        expires_at: time(invite.expires_at),
        accepted_at: time(invite.accepted_at),
        ended_because: invite.ended_because.as_ref().map(ToString::to_string),
    }
}

/// What a type of user can do, and needs.
#[derive(Serialize, ToSchema)]
pub struct UserTypeBody {
    user_type: &'static str,
    signs_in: bool,
    /// `yes`, `no`, `ringout` or `fax`.
    places_calls: &'static str,
    /// `yes`, `no`, `menu_only`, `to_mailbox`, `announcement` or `fax`.
    receives_calls: &'static str,
    messages_video: bool,
    /// `any`, `softphone`, `fax_machine` or `none`.
    devices: &'static str,
    mailbox: bool,
    number: bool,
    /// `user`, `limited` or `no`.
    unassigned_extension: &'static str,
    /// `yes`, `no`, `meeting` or `free_metered`.
    licence: &'static str,
    /// What must be there, by whether first sign-in is over.
    credentials: Vec<RequiredBody>,
}

/// What a user needs.
#[derive(Serialize, ToSchema)]
pub struct RequiredBody {
    /// `not_started` or `completed`.
    wizard: &'static str,
    /// `sign_in_pin`, `password`, `security_question`.
    required: Vec<&'static str>,
    /// What the user is then: `not_activated` or `enabled`.
    service: &'static str,
}

#[derive(Serialize, ToSchema)]
pub struct UserTypes {
    items: Vec<UserTypeBody>,
}

/// List what the types of user can do and need
///
/// In this organization: people who sign in elsewhere need less.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/user-types", tag = "signing-in",
    params(("org" = String, Path, description = "Slug or id.")),
    responses((status = 200, body = UserTypes)))]
pub async fn types(caller: Caller, Path(org): Path<String>) -> Result<Json<UserTypes>, Problem> {
    let scope = caller.scope(&org).await?;
    let sso = scope.organization().single_sign_on;
    Ok(Json(UserTypes { items: UserType::ALL.iter().map(|user_type| type_body(*user_type, sso)).collect() }))
}

fn type_body(user_type: UserType, sso: bool) -> UserTypeBody {
    let can = muster_domain::capabilities::capabilities(user_type, ConnectionKind::Builtin);
    let credentials = SetupWizard::ALL.iter().map(|wizard| {
        let needs = required_credentials(user_type, sso, *wizard);
        let all =
            [("sign_in_pin", needs.pin), ("password", needs.password), ("security_question", needs.question)];
        let required = all.into_iter().filter(|(_, needed)| *needed).map(|(name, _)| name).collect();
        RequiredBody { wizard: wizard.word(), required, service: needs.service.word() }
    });
    UserTypeBody {
        user_type: user_type.word(),
        signs_in: can.signs_in,
        places_calls: can.calls_out.word(),
        receives_calls: can.calls_in.word(),
        messages_video: can.messages,
        devices: can.devices.word(),
        mailbox: can.mailbox,
        number: can.number,
        unassigned_extension: can.pool.word(),
        licence: can.licence.word(),
        credentials: credentials.collect(),
    }
}

/// What was written, for whoever set a person up.
pub(super) fn setup_json(mut user: Value, invited: Option<&Invited>) -> Value {
    if let (Some(invited), Value::Object(fields)) = (invited, &mut user) {
        fields.insert("invite".into(), invited.invite.to_string().into());
        fields.insert("invite_link".into(), invited.link.as_ref().map(|link| link.to_string()).into());
    }
    user
}
