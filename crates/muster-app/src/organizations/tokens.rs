//! Bearer tokens: made, listed, taken back.

use muster_domain::change::Refusal;
use muster_domain::field::Entity;
use muster_domain::ids::{OrgId, TokenId};
use muster_domain::organization::Token;
use muster_domain::permission::Permission;
use muster_domain::roles::{OPERATOR, RoleBook, entries_in};
use muster_domain::types::{FieldValue, Name, Text, UnixMillis, fold};
use muster_domain::user::Record;
use muster_domain::value::Reason;
use uuid::Uuid;

use crate::apply::Allow;
use crate::authorize::token_hash;
use crate::{App, AppError, Scope};

#[derive(Clone, Debug)]
pub struct NewToken {
    pub name: Name,
    /// A role, or several with commas between; each with `@` and a site where it is for that site's people only.
    pub role: String,
    pub expires_at: Option<UnixMillis>,
}

/// A token that was just made: the only time that its text is seen.
#[derive(Clone, Debug)]
pub struct MadeToken {
    pub token: Token,
    /// `None` when the request was a repeated one: it was shown the first time.
    pub bearer: Option<String>,
}

impl App {
    /// Nobody grants more than they hold: an administrator makes no operator.
    pub fn create_token(&self, scope: &Scope, new: &NewToken) -> Result<MadeToken, AppError> {
        scope.require(Permission::TokensEdit)?;
        let operator = new.role.split(',').any(|role| fold(role.trim()) == OPERATOR);
        if operator && !scope.grants.has(Permission::OrganizationsManage) {
            return Err(AppError::NotPermitted(Permission::OrganizationsManage));
        }
        if operator && scope.organization.slug.as_str() != crate::OPERATOR_SLUG {
            return Err(AppError::invalid(
                "role",
                "is only for tokens of the operator's organization",
                "make an administrator, or make the token in the organization `operator`",
            ));
        }
        let bearer = crate::secrets::generate_token()?;
        let mut token = token(scope.org(), new.name.as_str(), &bearer);
        token.expires_at = new.expires_at;
        let done = self.change(scope, Allow::default(), |session| {
            token.role = settled(session.role_book()?, &new.role)?;
            session.create(&token)?;
            Ok(token.id.0)
        })?;
        let made = self.store().read(|r| r.get::<Token>(scope.org(), done.id).map_err(AppError::from))?;
        let token = made.ok_or(AppError::NotFound("token"))?;
        Ok(MadeToken { token, bearer: (!done.replayed).then_some(bearer) })
    }

    pub fn tokens(&self, scope: &Scope) -> Result<Vec<Token>, AppError> {
        scope.require(Permission::TokensEdit)?;
        let tokens = self.store().read(|r| r.all::<Token>(scope.org()).map_err(AppError::from))?;
        Ok(tokens.into_iter().filter(|t| t.record == Record::Live).collect())
    }

    /// Takes a token back: it is refused from here on.
    pub fn revoke_token(&self, scope: &Scope, id: TokenId) -> Result<(), AppError> {
        scope.require(Permission::TokensEdit)?;
        self.change(scope, Allow::default(), |session| {
            let before = session.tx.get::<Token>(scope.org(), id.0)?;
            let before = before.filter(|t| t.record == Record::Live).ok_or(AppError::NotFound("token"))?;
            let is_operator = |t: &Token| {
                let held = scope.organization.slug.as_str() == crate::OPERATOR_SLUG
                    && entries_in(&t.role.to_value()).iter().any(|entry| entry == OPERATOR);
                held && t.record == Record::Live
            };
            let lasts = |t: &Token| t.expires_at.is_none_or(|at| at > self.now());
            if is_operator(&before) {
                let all = session.tx.all::<Token>(scope.org())?;
                if !all.iter().any(|t| t.id != id && is_operator(t) && lasts(t)) {
                    let why = "is the last token of the operator: nobody could make another after it; make that one first";
                    return Err(AppError::Refused(Refusal::NotAllowed(why.to_owned())));
                }
            }
            let mut after = before.clone();
            after.record = Record::Trashed;
            session.update(&before, &after)?;
            Ok(id.0)
        })?;
        Ok(())
    }
}

/// The roles of a token as they are kept.
fn settled(book: &RoleBook, text: &str) -> Result<Text, AppError> {
    let wrong = |reason: Reason| AppError::invalid("role", reason.reason, reason.mend);
    let mut entries: Vec<String> = Vec::new();
    for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let entry = book.resolve(entry).map_err(wrong)?.to_string();
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    Text::parse(&entries.join(", ")).map_err(wrong)
}

/// With the role of a reader, until another is set.
pub(super) fn token(org: OrgId, name: &str, bearer: &str) -> Token {
    let mut token = Token::blank(org, Uuid::now_v7());
    token.name = Name::parse(name).unwrap_or_default();
    token.token_hash = Text::parse(&token_hash(bearer)).unwrap_or_default();
    token
}
