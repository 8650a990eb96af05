//! The table of `domain.md`, *User types, and what each can do*, line by line.

use muster_domain::capabilities::capabilities;
use muster_domain::organization::ConnectionKind;
use muster_domain::user::UserType;

/// signs in, places calls, receives calls on a phone, messages, desk phones, mailbox, number, licensed
const TABLE: [(UserType, [bool; 8]); 8] = {
    const Y: bool = true;
    const N: bool = false;
    [
        (UserType::User, [Y, Y, Y, Y, Y, Y, Y, Y]),
        (UserType::VirtualUser, [Y, Y, Y, Y, N, Y, Y, Y]),
        (UserType::VideoPro, [Y, N, N, Y, N, N, N, Y]),
        (UserType::Mobile, [Y, N, N, Y, N, N, N, N]),
        (UserType::Limited, [N, Y, Y, N, Y, N, Y, Y]),
        (UserType::MessageOnly, [N, N, N, N, N, Y, Y, N]),
        (UserType::AnnouncementOnly, [N, N, N, N, N, N, Y, N]),
        (UserType::Fax, [N, Y, Y, N, Y, N, Y, Y]),
    ]
};

#[test]
fn every_type_can_do_what_the_table_says_and_no_more() {
    for (user_type, expect) in TABLE {
        let can = capabilities(user_type, ConnectionKind::Builtin);
        let found = [
            can.signs_in,
            can.places_calls,
            can.receives_calls,
            can.messages,
            can.desk_phones,
            can.mailbox,
            can.number,
            can.licensed,
        ];
        assert_eq!(found, expect, "{user_type}");
        assert_eq!(can.registers, can.places_calls, "{user_type}: whoever calls by phone registers one");
    }
    assert_eq!(TABLE.len(), UserType::ALL.len());
}

#[test]
fn phones_of_another_platform_do_not_register_here() {
    for kind in [ConnectionKind::Asterisk, ConnectionKind::Sip, ConnectionKind::Ringcentral] {
        assert!(!capabilities(UserType::User, kind).registers);
    }
}
