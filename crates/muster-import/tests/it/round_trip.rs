//! What is exported and imported again is the same, whatever people write into it.

use muster_domain::field::Entity;
use muster_domain::organization::Device;
use muster_domain::types::{Mac, Name, Username};
use muster_domain::user::User;
use muster_domain::value::{FieldType, Value};
use muster_import::{
    DeviceWish, ExportMailbox, ExportRow, ExportSecrets, Exporter, Format, Layout, MailboxWish, PersonRow,
    Secret, Source,
};
use proptest::prelude::*;

use crate::{FUSIONPBX, RINGOTEL, THREE_CX, blank_user, open};

/// A user and what an organization keeps beside it.
#[derive(Clone, Debug, PartialEq)]
struct Person {
    user: User,
    site: String,
    mailbox: MailboxWish,
    devices: Vec<DeviceWish>,
    sip_password: Option<String>,
    on_call_pin: Option<String>,
}

pub fn row_of(user: &User) -> ExportRow<'_> {
    ExportRow {
        user,
        site: "Main",
        connection: "builtin",
        mailbox: ExportMailbox::Own,
        has_voicemail_pin: false,
        devices: &[],
        secrets: ExportSecrets::default(),
    }
}

fn built(row: &PersonRow) -> Person {
    let mut user = blank_user();
    for (name, value) in &row.values {
        (User::field(name).unwrap().set)(&mut user, value).unwrap();
    }
    Person {
        user,
        site: row.site_name.as_deref().unwrap_or("Main").to_owned(),
        mailbox: row.mailbox.clone(),
        devices: row.devices.clone(),
        sip_password: row.sip_password.as_ref().map(|s| s.reveal().to_owned()),
        on_call_pin: row.on_call_pin.as_ref().map(|s| s.reveal().to_owned()),
    }
}

fn imported(source: &Source<'_>) -> Vec<Person> {
    let person = |row: muster_import::Row| {
        assert_eq!(row.errors, []);
        built(&row.person)
    };
    source.rows().map(person).collect()
}

fn exported(people: &[Person], with_secrets: bool) -> Vec<u8> {
    let mut exporter = Exporter::new(Vec::new(), Layout { with_secrets, devices: 3 }).unwrap();
    for person in people {
        let devices: Vec<Device> = person.devices.iter().map(device).collect();
        let (mailbox, voicemail_pin) = match &person.mailbox {
            MailboxWish::Keep => (ExportMailbox::Own, None),
            MailboxWish::None => (ExportMailbox::None, None),
            MailboxWish::Own { pin } => (ExportMailbox::Own, pin.as_ref().map(|p| p.reveal())),
            MailboxWish::OfUser(username) => (ExportMailbox::OfUser(username.as_str()), None),
            MailboxWish::Named(name) => (ExportMailbox::Named(name.as_str()), None),
        };
        let passwords: Vec<Option<&str>> =
            person.devices.iter().map(|d| d.sip_password.as_ref().map(|s| s.reveal())).collect();
        let row = ExportRow {
            site: &person.site,
            mailbox,
            devices: &devices,
            secrets: ExportSecrets {
                sip_password: person.sip_password.as_deref(),
                voicemail_pin,
                on_call_pin: person.on_call_pin.as_deref(),
                devices: &passwords,
            },
            ..row_of(&person.user)
        };
        exporter.push(&row).unwrap();
    }
    exporter.finish().unwrap()
}

fn device(wish: &DeviceWish) -> Device {
    let mut device = Device::blank(blank_user().org, uuid::Uuid::nil());
    device.name = wish.name.clone().unwrap_or_else(|| Name::parse("Phone").unwrap());
    device.mac = wish.mac.clone();
    device.model = wish.model.clone();
    device.serial = wish.serial.clone();
    device.auth_name = wish.auth_name.clone();
    device
}

#[test]
fn sixty_people_of_each_system_are_the_same_after_two_exports() {
    for bytes in [RINGOTEL, THREE_CX, FUSIONPBX] {
        let people = imported(&open(bytes).unwrap());
        let first = exported(&people, true);
        let source = open(&first).unwrap();
        assert_eq!((source.format(), source.rows_total()), (Format::Muster, 60));
        let again = imported(&source);
        for (person, again) in people.iter().zip(&again) {
            assert_eq!((&person.user, &person.sip_password), (&again.user, &again.sip_password));
        }
        assert_eq!(String::from_utf8(exported(&again, true)), String::from_utf8(first));
        let public = String::from_utf8(exported(&people, false)).unwrap();
        let shown = people.iter().filter_map(|p| p.sip_password.as_ref()).find(|p| public.contains(*p));
        assert_eq!(shown, None, "an export without secrets has none");
    }
}

#[test]
fn no_cell_of_an_export_is_a_formula() {
    let mut user = blank_user();
    let mut set = |name: &str, value: Value| (User::field(name).unwrap().set)(&mut user, &value).unwrap();
    set("display_name", Value::text("=HYPERLINK(\"http://x\")"));
    set("username", Value::text("-ana"));
    set("direct_number", Value::text("+12125550123"));
    set("department", Value::text("@SUM(A1:A9)"));
    set("title", Value::text("'=1+1"));
    let mut exporter = Exporter::new(Vec::new(), Layout { with_secrets: true, devices: 1 }).unwrap();
    let secrets = ExportSecrets { sip_password: Some("+pass"), ..ExportSecrets::default() };
    exporter.push(&ExportRow { secrets, site: "=Main", ..row_of(&user) }).unwrap();
    let bytes = exporter.finish().unwrap();
    // As a spreadsheet would read it.
    let mut reader = csv::ReaderBuilder::new().from_reader(bytes.as_slice());
    let cells = reader.records().next().unwrap().unwrap();
    for wanted in
        ["'=HYPERLINK(\"http://x\")", "'-ana", "'+12125550123", "'@SUM(A1:A9)", "''=1+1", "'+pass", "'=Main"]
    {
        assert!(cells.iter().any(|cell| cell == wanted), "{wanted} in {cells:?}");
    }
    let row = open(&bytes).unwrap().rows().next().unwrap();
    assert_eq!(row.errors, []);
    assert_eq!((row.person.text("title"), row.person.site_name.as_deref()), (Some("'=1+1"), Some("=Main")));
    assert_eq!(row.person.sip_password.unwrap().reveal(), "+pass");
}

/// Texts that have gone wrong somewhere, and any others.
fn awkward() -> impl Strategy<Value = String> {
    let known = [
        "=1+1",
        "+12125550123",
        "-5",
        "@x",
        "'=1",
        "''+2",
        "'quoted'",
        "a,b;c\\d",
        "\"quote\"",
        "line\nbreak",
        "tab\there",
        "\u{200f}עברית\u{200e}",
        "\u{202e}right to left",
        "👩‍👩‍👧 family",
        "Zoë Ünal",
        "山田 美咲",
        "e\u{301}",
        "0042",
        "own",
        "none",
        "name:x",
        "user:y",
        "\u{feff}mark",
        "ana@example.com",
        "PT",
        "Europe/Lisbon",
        "pt-PT",
        "floor:2;3",
        "212",
        "a\u{a0}b",
        "＝1",
        "null",
        "NULL",
        "TRUE",
        "1e10",
        "1/2",
    ];
    prop_oneof![prop::sample::select(known.to_vec()).prop_map(str::to_owned), "\\PC{1,12}", "[ -~]{1,8}"]
}

/// A user with every field of the table set to something that it takes.
fn any_user() -> impl Strategy<Value = User> {
    let choices =
        prop::collection::vec((awkward(), awkward(), any::<u16>(), any::<bool>()), User::fields().len());
    choices.prop_map(|choices| {
        let mut user = blank_user();
        for (field, (one, two, number, yes)) in User::fields().iter().zip(choices) {
            let values = match field.kind {
                FieldType::Int => vec![Value::Int(i64::from(number % 130))],
                FieldType::Time => vec![Value::Int(i64::from(number) * 1_000_000_007)],
                FieldType::Bool => vec![Value::Bool(yes)],
                FieldType::Choice(words) => vec![Value::text(words[usize::from(number) % words.len()])],
                FieldType::List => {
                    vec![Value::List(vec![(&one).into(), (&two).into()]), Value::List(vec![(&one).into()])]
                }
                FieldType::Text => {
                    let plain =
                        ["+351800000001", "0101", "ana@example.com", "PT", "Europe/Lisbon", "pt-PT", "212"];
                    let texts =
                        [one.as_str(), two.as_str()].into_iter().chain(plain.into_iter().filter(|_| yes));
                    // What is stored may be taken although what is written would not be.
                    let zone = field.name == "time_zone";
                    texts.filter(|text| !zone || text.starts_with("Europe/")).map(Value::text).collect()
                }
                FieldType::Reference | FieldType::Secret => continue,
            };
            if field.name == "record" || field.name == "setup_wizard" {
                continue;
            }
            // What a field does not take is nothing to export.
            let _ = values.iter().find(|value| (field.set)(&mut user, value).is_ok());
        }
        for (name, text) in [("display_name", "Ana"), ("username", "ana")] {
            let field = User::field(name).unwrap();
            if (field.get)(&user).is_null() {
                (field.set)(&mut user, &Value::text(text)).unwrap();
            }
        }
        user
    })
}

fn any_mailbox() -> impl Strategy<Value = MailboxWish> {
    prop_oneof![
        Just(MailboxWish::None),
        Just(MailboxWish::Own { pin: None }),
        "[a-z+-]{1,8}".prop_map(|name| MailboxWish::OfUser(Username::parse(&name).unwrap())),
        Just(MailboxWish::OfUser(Username::parse("own").unwrap())),
        awkward().prop_filter_map("no name", |name| Name::parse(&name).ok().map(MailboxWish::Named)),
    ]
}

fn any_device() -> impl Strategy<Value = DeviceWish> {
    let login = prop_oneof![Just(None), ("[a-z-]{1,8}", "[ -~é]{1,12}").prop_map(Some)];
    (awkward(), awkward(), any::<bool>(), login).prop_map(|(name, model, mac, login)| DeviceWish {
        name: Some(Name::parse(&name).unwrap_or_else(|_| Name::parse("Desk").unwrap())),
        mac: mac.then(|| Mac::parse("001565000000").unwrap()),
        model: Name::parse(&model).ok(),
        serial: None,
        auth_name: login.as_ref().map(|(name, _)| Username::parse(name).unwrap()),
        sip_password: login.as_ref().map(|(_, password)| Secret::new(password)),
    })
}

fn any_person() -> impl Strategy<Value = Person> {
    let secret = prop_oneof![Just(None), "[ -~é]{1,12}".prop_map(Some)];
    let devices = prop::collection::vec(any_device(), 0..4);
    (any_user(), awkward(), any_mailbox(), devices, secret, any::<bool>()).prop_map(
        |(user, site, mailbox, devices, sip_password, pin)| Person {
            user,
            site: Name::parse(&site).map_or("Main".to_owned(), |name| name.to_string()),
            mailbox,
            devices,
            sip_password,
            on_call_pin: pin.then(|| "0042".to_owned()),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_people_are_the_same_after_export_and_import(people in prop::collection::vec(any_person(), 1..4)) {
        let bytes = exported(&people, true);
        let again = imported(&open(&bytes).unwrap());
        prop_assert_eq!(&again, &people);
        prop_assert_eq!(exported(&again, true), bytes);
    }

    #[test]
    fn any_bytes_have_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(source) = open(&bytes) {
            prop_assert_eq!(source.rows().count() as u64, source.rows_total());
        }
    }

    #[test]
    fn any_cells_under_a_known_header_have_an_answer(cells in prop::collection::vec(awkward(), 10..40)) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let header = "name,extension,password,username,authname,mobile,phone,company,position,department";
        writer.write_record(header.split(',')).unwrap();
        for row in cells.chunks_exact(10) {
            writer.write_record(row).unwrap();
        }
        let bytes = writer.into_inner().unwrap();
        for row in open(&bytes).unwrap().rows() {
            let named = row.person.text("display_name").is_some() && row.person.text("username").is_some();
            prop_assert!(named || !row.errors.is_empty() || !row.errors_if_new.is_empty());
        }
    }
}
