//! What is wrong with a person's phones: whether anybody can reach them, and whether they can call. What other
//! things are wrong is found by what names what ([`crate::references`]).

use crate::capabilities::capabilities;
use crate::organization::ConnectionKind;
use crate::types::UnixMillis;
use crate::user::{ForwardBehaviour, Service, User};

/// What is known of a person beside their own fields.
#[derive(Clone, Copy, Debug)]
pub struct Observed {
    pub connection: ConnectionKind,
    /// A phone of theirs has been seen registered, or could not have been: nobody has watched for long enough.
    pub has_phone: bool,
}

/// Why whoever dials them reaches nobody and leaves no message; `None` if somebody or something answers.
///
/// Where another system decides ([`ConnectionKind`] is not `builtin`), nothing is said.
pub fn why_not_reached(user: &User, observed: &Observed) -> Option<String> {
    let can = capabilities(user.user_type, observed.connection);
    let answers = can.receives_calls || can.mailbox || can.number;
    if observed.connection != ConnectionKind::Builtin || !answers {
        return None;
    }
    if user.extension.is_none() {
        return Some("has no extension: nobody can dial them".into());
    }
    let takes_messages = can.mailbox && user.mailbox.is_some();
    let forwards = user.forward_behaviour != ForwardBehaviour::RingMyPhone && user.alternate_number.is_some();
    if takes_messages || forwards {
        return None;
    }
    if !can.receives_calls {
        // An announcement plays by itself.
        return can.mailbox.then(|| "is reached by messages alone, and has no mailbox".into());
    }
    match user.service {
        Service::Enabled if observed.has_phone => None,
        Service::Enabled => Some("has no phone, no mailbox and no number that calls are forwarded to".into()),
        Service::ContactOnly | Service::NotActivated | Service::Disabled | Service::Frozen => Some(format!(
            "is {}, without a mailbox or a number that calls are forwarded to",
            user.service.word().replace('_', " ")
        )),
    }
}

/// The time that is in an id which was made by time (RFC 9562, version 7); `None` of another.
pub fn made_at(id: uuid::Uuid) -> Option<UnixMillis> {
    (id.get_version_num() == 7).then(|| UnixMillis((id.as_u128() >> 80) as i64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Entity;
    use crate::ids::{MailboxId, OrgId};
    use crate::types::{AlternateNumber, ExtensionNumber};
    use crate::user::UserType;
    use uuid::Uuid;

    fn user() -> User {
        let mut user = User::blank(OrgId(Uuid::nil()), Uuid::from_u128(1));
        user.extension = Some(ExtensionNumber::parse("1001").unwrap());
        user.service = Service::Enabled;
        user
    }

    #[test]
    fn somebody_is_reached_by_a_phone_a_mailbox_or_a_number_that_calls_are_forwarded_to() {
        let check = |change: &dyn Fn(&mut User), has_phone: bool, said: Option<&str>| {
            let mut user = user();
            change(&mut user);
            let why = why_not_reached(&user, &Observed { connection: ConnectionKind::Builtin, has_phone });
            assert_eq!(why.is_some(), said.is_some(), "{why:?}");
            assert!(why.unwrap_or_default().contains(said.unwrap_or_default()));
        };
        check(&|_| {}, true, None);
        check(&|_| {}, false, Some("has no phone"));
        check(&|user| user.mailbox = Some(MailboxId(Uuid::nil())), false, None);
        check(&|user| user.extension = None, true, Some("nobody can dial them"));
        check(&|user| user.service = Service::ContactOnly, true, Some("is contact only"));
        let forwards = |user: &mut User| {
            user.service = Service::ContactOnly;
            user.alternate_number = Some(AlternateNumber::parse("1002").unwrap());
            user.forward_behaviour = ForwardBehaviour::Forward;
        };
        check(&forwards, false, None);
        check(&|user| user.user_type = UserType::MessageOnly, true, Some("has no mailbox"));
        check(&|user| user.user_type = UserType::AnnouncementOnly, false, None);
        check(&|user| user.user_type = UserType::VideoPro, false, None);
        let elsewhere = Observed { connection: ConnectionKind::Asterisk, has_phone: false };
        assert_eq!(why_not_reached(&user(), &elsewhere), None);
    }

    #[test]
    fn an_id_of_version_seven_says_when_it_was_made() {
        let id = Uuid::parse_str("01900000-0000-7000-8000-000000000001").unwrap();
        assert_eq!(made_at(id), Some(UnixMillis(0x0190_0000_0000)));
        assert_eq!(made_at(Uuid::nil()), None);
    }
}
