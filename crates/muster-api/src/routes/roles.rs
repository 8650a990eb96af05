//! Roles: the catalogue of permissions, what roles there are and who holds them, an organization's own, and
//! giving them to many.

use axum::Json;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::http::header::{ETAG, LOCATION};
use axum::response::{IntoResponse, Response};
use muster_app::Scope;
use muster_app::roles::{NewRole, RoleChange, RoleView, Whom};
use muster_domain::grants::Extent;
use muster_domain::ids::UserId;
use muster_domain::permission::PermissionSet;
use muster_domain::roles::Role;
use muster_domain::user::User;
use muster_domain::value::Reason;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::commands;
use super::records::read_values;
use super::users::{matching, people_query};
use super::{with_header, written};
use crate::body::{Incoming, Object};
use crate::caller::Caller;
use crate::filter;
use crate::parameters::{Once, Paging};
use crate::params::{Pairs, Params};
use crate::problem::Problem;

/// Something that can be allowed.
#[derive(Serialize, ToSchema)]
#[schema(as = Permission)]
pub struct PermissionBody {
    /// Such as `people.edit`.
    permission: &'static str,
    /// What it allows, in a line.
    allows: &'static str,
    /// `site`: can be held for the people of single sites; `organization`: for the whole or not at all; `own`: about
    /// oneself; `installation`: the operator's alone.
    reach: &'static str,
    /// What comes with it.
    includes: Vec<&'static str>,
    /// For whom the caller holds it: `everybody`, `sites` or `nobody`.
    held: &'static str,
    /// The sites, where it is held for some.
    sites: Vec<String>,
}

/// The catalogue of permissions.
#[derive(Serialize, ToSchema)]
pub struct Permissions {
    items: Vec<PermissionBody>,
    next_cursor: Option<String>,
}

/// A role.
#[derive(Serialize, ToSchema)]
#[schema(as = Role)]
pub struct RoleBody {
    /// Null of a built-in role.
    #[schema(format = Uuid)]
    id: Option<String>,
    /// What people hold it by.
    name: String,
    label: String,
    /// Neither changed nor removed.
    built_in: bool,
    /// The built-in role that it began as.
    copied_from: Option<String>,
    description: String,
    permissions: Vec<&'static str>,
    /// What it has beyond the role that it began as.
    more: Vec<&'static str>,
    /// What that has and it has not.
    less: Vec<&'static str>,
    /// People who hold it, for the whole organization or for sites.
    people: u64,
    /// Tokens that have it.
    tokens: u64,
    /// Of an own role.
    version: Option<u64>,
}

/// The roles that there are.
#[derive(Serialize, ToSchema)]
pub struct Roles {
    items: Vec<RoleBody>,
    next_cursor: Option<String>,
}

/// A role that begins as a copy.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = NewRole)]
pub struct NewRoleBody {
    /// Stays as it is: people hold it by its name.
    #[schema(
        min_length = 1,
        max_length = 64,
        pattern = "^[^\\x00-\\x1f\\x7f-\\x9f@,;]*\\S[^\\x00-\\x1f\\x7f-\\x9f@,;]*$"
    )]
    name: String,
    /// The role that it is copied from: built in or own.
    copied_from: String,
    /// In place of those of the role that it is copied from.
    permissions: Option<Vec<String>>,
    #[schema(min_length = 1, max_length = 255)]
    description: Option<String>,
}

/// What of an own role is changed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = RoleChange)]
pub struct RoleChangeBody {
    permissions: Option<Vec<String>>,
    #[schema(min_length = 1, max_length = 255)]
    description: Option<String>,
}

/// Whose roles become what. Either `users` or `filter` says whose; `roles` gives all that they hold from then on,
/// `add` and `remove` change what they hold.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = AssignRoles)]
pub struct AssignBody {
    /// Usernames, extensions, emails or ids.
    #[schema(min_items = 1, max_items = 1000)]
    users: Option<Vec<String>>,
    /// As in the list of users: everybody whom it finds.
    filter: Option<String>,
    /// Such as `user_manager`, or `user_manager@Leeds` for the people of a site only.
    roles: Option<Vec<String>>,
    add: Option<Vec<String>>,
    remove: Option<Vec<String>>,
}

/// What came of giving roles.
#[derive(Serialize, ToSchema)]
pub struct AssignedRoles {
    /// Whom it was about.
    people: u64,
    /// Who held something else before.
    changed: u64,
    /// The newest change of the log.
    seq: u64,
}

/// What came of removing a role.
#[derive(Serialize, ToSchema)]
#[schema(as = RemovedRole)]
pub struct RemovedRoleBody {
    /// People and tokens that hold the replacement now.
    people: u64,
    tokens: u64,
    /// The newest change of the log.
    seq: u64,
}

/// Somebody who holds a role.
#[derive(Serialize, ToSchema)]
#[schema(as = RoleHolder)]
pub struct HolderBody {
    #[schema(format = Uuid)]
    id: String,
    username: String,
    extension: Option<String>,
    display_name: String,
    /// The sites that they hold it for; null: for the whole organization.
    sites: Option<Vec<String>>,
}

/// A page of those who hold a role.
#[derive(Serialize, ToSchema)]
pub struct RoleHolders {
    items: Vec<HolderBody>,
    next_cursor: Option<String>,
}

fn words(permissions: PermissionSet) -> Vec<&'static str> {
    permissions.iter().map(|permission| permission.word()).collect()
}

fn body(view: &RoleView) -> RoleBody {
    let own = view.own.as_ref();
    RoleBody {
        id: view.id().map(|id| id.to_string()),
        name: view.name.to_string(),
        label: view.label.to_string(),
        built_in: own.is_none(),
        copied_from: own.and_then(|role| role.based_on.as_ref()).map(ToString::to_string),
        description: view.description.clone(),
        permissions: words(view.permissions),
        more: words(view.more),
        less: words(view.less),
        people: view.people,
        tokens: view.tokens,
        version: own.map(|role| role.version),
    }
}

fn with_version(view: &RoleView, response: Response) -> Response {
    match &view.own {
        Some(role) => with_header(ETAG, &format!("\"{}\"", role.version), response),
        None => response,
    }
}

/// List permissions
///
/// All that there are, and where the caller holds each.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/permissions", tag = "roles",
    params(("org" = String, Path, description = "Slug or id."), Paging),
    responses((status = 200, body = Permissions)))]
pub async fn permissions(
    caller: Caller,
    Path(org): Path<String>,
    Query(pairs): Pairs,
) -> Result<Json<Permissions>, Problem> {
    let scope = caller.scope(&org).await?;
    let page = Page::of(Query(pairs))?;
    let held = caller.run(move |app| Ok(app.permissions(&scope))).await?;
    let items = held.into_iter().map(|(permission, extent)| {
        let (held, sites) = match extent {
            Extent::Everybody => ("everybody", Vec::new()),
            Extent::Sites(sites) => ("sites", sites.iter().map(ToString::to_string).collect()),
            Extent::Nobody => ("nobody", Vec::new()),
        };
        PermissionBody {
            permission: permission.word(),
            allows: permission.help(),
            reach: permission.reach().word(),
            includes: permission.includes().iter().map(|included| included.word()).collect(),
            held,
            sites,
        }
    });
    let (items, next_cursor) = page.cut(items.collect(), |item| item.permission);
    Ok(Json(Permissions { items, next_cursor }))
}

/// List roles
///
/// The built-in ones, then the organization's own, with how many hold each and how it differs from the role that
/// it was copied from.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/roles", tag = "roles",
    params(("org" = String, Path, description = "Slug or id."), Paging),
    responses((status = 200, body = Roles)))]
pub async fn list(
    caller: Caller,
    Path(org): Path<String>,
    Query(pairs): Pairs,
) -> Result<Json<Roles>, Problem> {
    let scope = caller.scope(&org).await?;
    let page = Page::of(Query(pairs))?;
    let views = caller.run(move |app| app.roles(&scope)).await?;
    let (items, next_cursor) = page.cut(views.iter().map(body).collect(), |item| item.name.as_str());
    Ok(Json(Roles { items, next_cursor }))
}

/// A page of a list that is short and read whole: the cursor is the name of its last.
struct Page {
    limit: usize,
    after: Option<String>,
}

impl Page {
    fn of(pairs: Pairs) -> Result<Page, Problem> {
        let mut params = Params::of(pairs);
        let limit = params.number("limit", 50, 1, 1000) as usize;
        let after = params.text("cursor").filter(|cursor| !cursor.is_empty());
        params.finish()?;
        Ok(Page { limit, after })
    }

    fn cut<T>(self, mut items: Vec<T>, name: impl Fn(&T) -> &str) -> (Vec<T>, Option<String>) {
        let from = self.after.map_or(0, |after| {
            items.iter().position(|item| name(item) == after).map_or(items.len(), |at| at + 1)
        });
        items.drain(..from);
        let more = items.len() > self.limit;
        items.truncate(self.limit);
        let next = items.last().filter(|_| more).map(|last| name(last).to_string());
        (items, next)
    }
}

/// Show a role
#[utoipa::path(get, path = "/api/v1/organizations/{org}/roles/{role}", tag = "roles",
    params(("org" = String, Path, description = "Slug or id."), ("role" = String, Path, description = "Its word, its name or its id.")),
    responses((status = 200, body = RoleBody, headers(("ETag", description = "The version, of an own role.")))))]
pub async fn show(caller: Caller, Path((org, role)): Path<(String, String)>) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let view = caller.run(move |app| app.role(&scope, &role)).await?;
    Ok(with_version(&view, Json(body(&view)).into_response()))
}

/// List who holds a role
///
/// People who are not trashed, as far as they may be seen.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/roles/{role}/holders", tag = "roles",
    params(("org" = String, Path, description = "Slug or id."), ("role" = String, Path, description = "Its word, its name or its id."),
        Paging),
    responses((status = 200, body = RoleHolders)))]
pub async fn holders(
    caller: Caller,
    Path((org, role)): Path<(String, String)>,
    Query(pairs): Pairs,
) -> Result<Json<RoleHolders>, Problem> {
    let scope = caller.scope(&org).await?;
    let mut params = Params::of(Query(pairs));
    let limit = params.number("limit", 50, 1, 1000) as usize;
    let after = params.cursor(|text| text.parse::<UserId>().ok());
    params.finish()?;
    let found = caller.run(move |app| {
        let view = app.role(&scope, &role)?;
        app.holders(&scope, &view.name, after, limit)
    });
    let (found, next) = found.await?;
    let items = found.into_iter().map(|holder| HolderBody {
        id: holder.user.id.to_string(),
        username: holder.user.username.to_string(),
        extension: holder.user.extension.as_ref().map(ToString::to_string),
        display_name: holder.user.display_name.to_string(),
        sites: holder.sites.map(|sites| sites.iter().map(ToString::to_string).collect()),
    });
    Ok(Json(RoleHolders { items: items.collect(), next_cursor: next.map(|id| id.to_string()) }))
}

/// Make a role
///
/// A copy of one that there is, with other permissions where they are given. Nobody makes a role that would let
/// its holders do more than they may themselves.
#[utoipa::path(post, path = "/api/v1/organizations/{org}/roles", tag = "roles",
    params(("org" = String, Path, description = "Slug or id."), Once),
    request_body = NewRoleBody,
    responses((status = 201, body = RoleBody, headers(
        ("Location", description = "Where it is."), ("ETag", description = "The version."),
        ("Muster-Seq" = u64, description = "The newest change of the log.")))))]
pub async fn create(
    caller: Caller,
    Path(org): Path<String>,
    mut incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let (mut object, bytes) = incoming.object().await?;
    let name = object.required("name");
    let copied_from = object.text("copied_from");
    if copied_from.is_none() && !object.has_mistakes() {
        object.wrong("copied_from", Reason::new("is missing", "name the role that it begins as"));
    }
    let permissions = names(&mut object, "permissions");
    let description = object.optional("description");
    object.finish()?;
    let (Some(name), Some(copied_from)) = (name, copied_from) else {
        return Err(Problem::internal(&"fields"));
    };
    let new = NewRole { name, copied_from, permissions, description };
    let scope = incoming.once(scope, &bytes)?;
    let made = caller.run(move |app| {
        let done = app.create_role(&scope, &new)?;
        Ok((done, app.role(&scope, &done.id.to_string())?))
    });
    let (done, view) = made.await?;
    let at = format!("/api/v1/organizations/{org}/roles/{}", done.id);
    let response = (StatusCode::CREATED, Json(body(&view))).into_response();
    Ok(written(&done, with_version(&view, with_header(LOCATION, &at, response))))
}

/// A list of texts, if there is one.
fn texts(object: &mut Object, name: &'static str) -> Option<Vec<String>> {
    if object.peek(name).is_none_or(serde_json::Value::is_null) {
        object.take(name);
        return None;
    }
    Some(object.texts(name))
}

fn names(object: &mut Object, name: &'static str) -> Option<Vec<muster_domain::types::Name>> {
    let texts = texts(object, name)?;
    let parsed = texts.iter().map(|text| muster_domain::types::Name::parse(text));
    match parsed.collect() {
        Ok(names) => Some(names),
        Err(reason) => {
            object.wrong(name, reason);
            None
        }
    }
}

/// Change a role
///
/// One of the organization's own. Whoever holds it may do from then on what it says.
#[utoipa::path(patch, path = "/api/v1/organizations/{org}/roles/{role}", tag = "roles",
    params(("org" = String, Path, description = "Slug or id."), ("role" = String, Path, description = "Its name or its id."),
        ("If-Match" = String, Header, description = "The ETag that was read, such as `\"3\"`."), Once),
    request_body = RoleChangeBody,
    responses((status = 200, body = RoleBody, headers(("ETag", description = "The new version."),
            ("Muster-Seq" = u64, description = "The newest change of the log."))),
        (status = 412, description = "It was changed meanwhile.", body = crate::problem::ProblemBody, content_type = "application/problem+json"),
        (status = 428, description = "If-Match is missing.", body = crate::problem::ProblemBody, content_type = "application/problem+json")))]
pub async fn change(
    caller: Caller,
    Path((org, role)): Path<(String, String)>,
    mut incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let of = scope.clone();
    let current = caller.run(move |app| app.own_role(&of, &role)).await?;
    let version = matching(&incoming.headers, current.version)?;
    let (object, bytes) = incoming.object().await?;
    let of = scope.clone();
    let values = caller.run(move |app| Ok(read_values::<Role>(app, &of, object))).await??;
    let scope = incoming.once(scope, &bytes)?;
    let changed = caller.run(move |app| {
        let done = app.edit_role(&scope, current.id, version, &values)?;
        Ok((done, app.role(&scope, &done.id.to_string())?))
    });
    let (done, view) = changed.await?;
    Ok(written(&done, with_version(&view, Json(body(&view)).into_response())))
}

/// Remove a role
///
/// One of the organization's own. While somebody holds it, only with a role that they hold in its place. It comes
/// back, with all who held it, by taking the change back.
#[utoipa::path(delete, path = "/api/v1/organizations/{org}/roles/{role}", tag = "roles",
    params(("org" = String, Path, description = "Slug or id."), ("role" = String, Path, description = "Its name or its id."),
        ("replacement" = Option<String>, Query, description = "What its holders hold instead, for the same sites."), Once),
    responses((status = 200, body = RemovedRoleBody, headers(("Muster-Seq" = u64, description = "The newest change of the log.")))))]
pub async fn remove(
    caller: Caller,
    Path((org, role)): Path<(String, String)>,
    Query(pairs): Pairs,
    incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let mut params = Params::of(Query(pairs));
    let replacement = params.text("replacement").filter(|text| !text.is_empty());
    params.finish()?;
    let scope = incoming.once(scope, b"")?;
    let removed = caller.run(move |app| {
        let id = app.own_role(&scope, &role)?.id;
        app.remove_role(&scope, id, replacement.as_deref())
    });
    let removed = removed.await?;
    let (people, tokens, seq) = (removed.people, removed.tokens, removed.done.seq);
    Ok(written(&removed.done, Json(RemovedRoleBody { people, tokens, seq }).into_response()))
}

/// Give roles to many
///
/// All or none, as one change set: taking it back `together` gives everybody what they held. Nobody gives or takes
/// away more than they hold.
#[utoipa::path(post, path = "/api/v1/organizations/{org}/roles/assign", tag = "roles",
    params(("org" = String, Path, description = "Slug or id."), Once),
    request_body = AssignBody,
    responses((status = 200, body = AssignedRoles, headers(("Muster-Seq" = u64, description = "The newest change of the log.")))))]
pub async fn assign(
    caller: Caller,
    Path(org): Path<String>,
    mut incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let (mut object, bytes) = incoming.object().await?;
    let filter = object.text("filter");
    let named =
        if filter.is_some() { texts(&mut object, "users") } else { Some(commands::users(&mut object)) };
    if filter.is_some() && named.is_some() {
        object.wrong("users", Reason::new("are there beside a filter", "give the one or the other"));
    }
    let change = RoleChange {
        set: texts(&mut object, "roles"),
        add: texts(&mut object, "add").unwrap_or_default(),
        remove: texts(&mut object, "remove").unwrap_or_default(),
    };
    object.finish()?;
    let scope = incoming.once(scope, &bytes)?;
    let whom = match filter {
        Some(filter) => found(&caller, &scope, &filter).await?,
        None => Whom::These(commands::resolve(&caller, &scope, named.unwrap_or_default()).await?),
    };
    let assigned = caller.run(move |app| app.assign_roles(&scope, &whom, &change)).await?;
    let (people, changed, seq) = (assigned.people, assigned.changed, assigned.done.seq);
    Ok(written(&assigned.done, Json(AssignedRoles { people, changed, seq }).into_response()))
}

async fn found(caller: &Caller, scope: &Scope, filter: &str) -> Result<Whom, Problem> {
    let filter = filter::parse::<User>(filter).map_err(|mistake| Problem::invalid(vec![mistake]))?;
    let query = muster_app::Query { filter, ..muster_app::Query::default() };
    Ok(Whom::Found(people_query(caller, scope, query).await?.filter))
}
