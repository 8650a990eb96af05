//! What a person signs in with: checked, hashed, kept.

use muster_domain::credentials::{Required, folded_answer, is_simple_pin};
use muster_domain::field::Entity;
use muster_domain::ids::{OrgId, UserId};
use muster_domain::signing::SignIn;
use muster_domain::types::Text;
use muster_domain::user::User;
use muster_domain::value::FieldError;
use muster_store::{Reader, SecretKind};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::password;
use crate::apply::Session;
use crate::users::keep_secret;
use crate::{App, AppError};

/// Credentials as somebody gives them. What is left out stays as it is.
#[derive(Clone, Default)]
pub struct NewCredentials {
    pub password: Option<Zeroizing<String>>,
    /// It must be changed at first sign-in.
    pub temporary: bool,
    pub pin: Option<Zeroizing<String>>,
    pub question: Option<Text>,
    pub answer: Option<Zeroizing<String>>,
}

impl std::fmt::Debug for NewCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewCredentials").field("temporary", &self.temporary).finish_non_exhaustive()
    }
}

/// The same, with the password hashed: what a transaction takes.
#[derive(Clone)]
pub(crate) struct Prepared {
    given: NewCredentials,
    hash: Option<Zeroizing<String>>,
}

impl NewCredentials {
    /// Takes as long as a hash takes: before the transaction.
    pub(crate) fn prepared(&self, app: &App) -> Result<Prepared, AppError> {
        let hash = self.password.as_ref().map(|password| app.hashing().hash(password)).transpose()?;
        Ok(Prepared { given: self.clone(), hash })
    }

    /// Everything that is wrong with what is given, for this user.
    pub(crate) fn wrong(&self, user: &User) -> Vec<FieldError> {
        let password = self.password.as_ref().and_then(|text| password::wrong("password", text, user));
        let pin = self.pin.as_ref().and_then(|pin| wrong_pin(pin));
        let answer = match (&self.question, &self.answer) {
            (Some(_), None) => {
                Some(FieldError::new("security_answer", "is missing", "give the answer to the question"))
            }
            (None, Some(_)) => {
                Some(FieldError::new("security_question", "is missing", "give the question of the answer"))
            }
            (Some(question), Some(answer)) => wrong_answer(question.as_str(), answer),
            (None, None) => None,
        };
        password.into_iter().chain(pin).chain(answer).collect()
    }

    /// What is asked for and neither given nor there.
    pub(crate) fn missing(&self, required: Required, there: Option<&SignIn>) -> Vec<FieldError> {
        let has = |of: fn(&SignIn) -> bool| there.is_some_and(of);
        let wanted = [
            ("password", required.password, self.password.is_some() || has(|s| s.password.is_some())),
            ("sign_in_pin", required.pin, self.pin.is_some() || has(|s| s.sign_in_pin.is_some())),
            (
                "security_question",
                required.question,
                self.question.is_some() || has(|s| s.security_question.is_some()),
            ),
        ];
        let missing = wanted.into_iter().filter(|(_, required, there)| *required && !there);
        let error = |field| FieldError::new(field, "is missing", "users of this type need it: give it");
        missing.map(|(field, ..)| error(field)).collect()
    }
}

impl Prepared {
    pub(crate) fn given(&self) -> &NewCredentials {
        &self.given
    }
}

/// A sign-in PIN: 4 to 10 digits that are not in a row and not all the same.
fn wrong_pin(pin: &str) -> Option<FieldError> {
    if !(4..=10).contains(&pin.len()) || !pin.bytes().all(|b| b.is_ascii_digit()) {
        return Some(FieldError::new("sign_in_pin", "is not a sign-in PIN", "give 4 to 10 digits"));
    }
    let mend = "choose digits that are neither all the same nor in a row";
    is_simple_pin(pin).then(|| FieldError::new("sign_in_pin", "is one that everybody tries first", mend))
}

fn wrong_answer(question: &str, answer: &str) -> Option<FieldError> {
    let folded = folded_answer(answer);
    if folded.chars().count() < 2 || answer.len() > 255 {
        return Some(FieldError::new("security_answer", "is not an answer", "write 2 to 255 characters"));
    }
    let same = folded == folded_answer(question);
    same.then(|| FieldError::new("security_answer", "is the question itself", "write the answer"))
}

/// What somebody signs in with, if they do.
pub(crate) fn sign_in_of(r: &mut Reader, org: OrgId, user: UserId) -> Result<Option<SignIn>, AppError> {
    Ok(r.referring::<SignIn>(org, "user", &[user.0])?.pop())
}

/// Keeps what was given; what was there before is replaced.
pub(crate) fn put_credentials(
    session: &mut Session<'_>,
    user: &User,
    set: &Prepared,
) -> Result<SignIn, AppError> {
    let before = sign_in_of(session.tx, user.org, user.id)?;
    let mut after = before.clone().unwrap_or_else(|| {
        let mut sign_in = SignIn::blank(user.org, Uuid::now_v7());
        sign_in.user = Some(user.id);
        sign_in
    });
    let Prepared { given, hash } = set;
    if let Some(hash) = hash {
        after.password = Some(keep_secret(session, user.org, SecretKind::Password, hash)?);
        after.password_temporary = given.temporary;
    }
    if let Some(pin) = &given.pin {
        after.sign_in_pin = Some(keep_secret(session, user.org, SecretKind::SignInPin, pin)?);
    }
    if let (Some(question), Some(answer)) = (&given.question, &given.answer) {
        let answer = Zeroizing::new(folded_answer(answer));
        after.security_question = Some(question.clone());
        after.security_answer = Some(keep_secret(session, user.org, SecretKind::SecurityAnswer, &answer)?);
    }
    match before {
        Some(before) => {
            session.update(&before, &after)?;
        }
        None => session.create(&after)?,
    }
    Ok(after)
}
