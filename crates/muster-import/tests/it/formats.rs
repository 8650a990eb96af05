//! Whose format a header is, and what single cells become.

use muster_domain::value::Value;
use muster_import::{Column, DeviceWish, Exporter, Format, Layout, Limits, MailboxWish, Source, Taken};

use crate::{FUSIONPBX_HEADER, THREE_CX_HEADER, errors, good_row, open, rows};

#[test]
fn a_header_is_recognized_by_its_own_columns() {
    let check = |header: &str, expect: Option<Format>| {
        let header: Vec<&str> = header.split(',').collect();
        assert_eq!(Format::recognize(&header), expect, "{header:?}");
    };
    check(
        "name,extension,password,username,authname,mobile,phone,company,position,department",
        Some(Format::Ringotel),
    );
    check("Extension,Name,Password", Some(Format::Ringotel));
    check(THREE_CX_HEADER, Some(Format::ThreeCx));
    check("Number,FirstName,LastName", Some(Format::ThreeCx));
    check("Number,FirstName,LastName,EmailAddress,AColumnOfVersion20", Some(Format::ThreeCx));
    check(FUSIONPBX_HEADER, Some(Format::FusionPbx));
    check("extension,effective_caller_id_name,password", Some(Format::FusionPbx));
    check("display_name,extension,department", Some(Format::Muster));
    check("Display-Name,Extension", Some(Format::Muster));
    check("given_name,family_name,extension", Some(Format::Muster));
    for key in ["username", "extension", "email"] {
        check(&format!("{key},department"), Some(Format::Muster));
    }
    check("department,title", None);
    // FreePBX has Ringotel's three columns among others.
    check("extension,password,name,voicemail,ringtimer,outboundcid,tech,dial,secret", Some(Format::FreePbx));
    check("username,password,default_extension,description,fname,lname,displayname", Some(Format::FreePbx));
    check("firstname,lastname,email,exten,username", Some(Format::Wazo));
    check("number,user_username,user_email,mobile_number,sip_secret", Some(Format::MikoPbx));
    check("First Name,Last Name,Display Name,User ID/Email (Required),Calling licence", Some(Format::Webex));
    check("User Type,First Name,Last Name,Email,Ext,Phone #,Temp #,Site,Dept", Some(Format::Conductor));
    check("Nom,Prénom,Courriel,Poste", None);
    check("display_name,extension,favourite_colour", None);
}

#[test]
fn a_format_that_was_said_is_taken_although_the_header_has_more() {
    let file = "name,extension,password,Notes\nAna,1000,x,likes tea\n";
    assert!(open(file.as_bytes()).is_err());
    let source = Source::open(file.as_bytes(), Some(Format::Ringotel), &Limits::default()).unwrap();
    let notes =
        Column { header: "Notes".into(), taken: Taken::Ignored { why: "the format has no such column" } };
    assert_eq!(source.columns().last(), Some(&notes));
    assert_eq!(source.rows().count(), 1);
}

#[test]
fn the_delimiter_is_the_one_that_makes_a_known_header() {
    for (delimiter, line_end) in [(',', "\n"), (';', "\r\n"), ('\t', "\r")] {
        let file = "name|extension|password|company\nAna|0100|a,b;c|\"x\ty, z; w\"\n"
            .replace("a,b;c", "\"a,b;c\"")
            .replace('|', &delimiter.to_string())
            .replace('\n', line_end);
        let source = open(file.as_bytes()).unwrap();
        assert_eq!(source.delimiter(), Some(delimiter));
        let row = source.rows().next().unwrap();
        assert_eq!(row.errors, []);
        assert_eq!(
            (row.person.text("extension"), row.person.text("company")),
            (Some("0100"), Some("x\ty, z; w"))
        );
        assert_eq!(row.person.sip_password.unwrap().reveal(), "a,b;c");
    }
}

#[test]
fn a_line_that_names_the_delimiter_is_not_the_header() {
    let source = open(b"sep=;\r\nname;extension;password\r\nAna, B.;100;x\r\n").unwrap();
    assert_eq!((source.delimiter(), source.rows().next().unwrap().line), (Some(';'), 3));
}

#[test]
fn a_title_above_the_table_is_not_the_header() {
    let text =
        "Staff of the Lisbon office,,\r\n\r\nprinted on Monday,,\nname,extension,password\nAna,100,p\n";
    let source = open(text.as_bytes()).unwrap();
    let row = source.rows().next().unwrap();
    assert_eq!((source.rows_total(), row.line, row.errors.len()), (1, 5, 0));
    // A person who is called like a column is a person.
    let all = rows("name,extension,password\nExtension,100,p\nName,101,p\n");
    assert_eq!(all.len(), 2);
}

#[test]
fn a_table_on_its_side_is_read_upright_and_counts_columns() {
    let text = "User Type;User;User;User\nFirst Name;Ana;\"Bo;\"\"B\"\"\";Cy\nLast Name;P;\"Q\nR\";S\nExt;0100;101;x\n";
    let source = open(text.as_bytes()).unwrap();
    assert!(source.is_turned());
    assert_eq!((source.format(), source.rows_total()), (Format::Conductor, 3));
    let all: Vec<_> = source.rows().collect();
    assert_eq!(all.iter().map(|r| (r.number, r.line)).collect::<Vec<_>>(), [(1, 2), (2, 3), (3, 4)]);
    assert_eq!(all[0].person.text("extension"), Some("0100"));
    assert_eq!(all[1].person.text("given_name"), Some("Bo;\"B\""));
    assert_eq!(
        all[2].errors[0].to_string(),
        "row 3 (line 4), Ext: x is not an extension: write 1 to 15 digits, such as 1001"
    );
    let uneven = open(b"User Type,User,User\nFirst Name,Ana\nLast Name,P,Q\nExt,1,2\n").unwrap_err();
    assert_eq!(uneven.to_string(), "line 2 has 2 cells where the first has 3");
    // More than a sheet of Excel has: all cells of it would be in memory at once.
    let line = |name: &str| format!("{name}{}\n", ",".repeat(20_000));
    let wide = ["User Type", "First Name", "Last Name", "Ext"].map(line).concat();
    let wide = open(wide.as_bytes()).unwrap_err();
    assert_eq!(wide.to_string(), "the file has 20001 columns, more than 16384");
}

#[test]
fn a_file_without_a_header_is_read_by_its_positions_and_an_empty_cell_is_empty() {
    let text =
        "Ana,P,ana@example.com,ana,secret,T54W,001565000000,100,PT,+351800000001,\nBo,Q,,bo,,,,101,,,\n";
    let source = open(text.as_bytes()).unwrap();
    assert_eq!((source.format(), source.rows_total()), (Format::IvozProvider, 2));
    let bo = source.rows().nth(1).unwrap();
    assert_eq!((bo.line, bo.person.text("email"), &bo.person.sip_password), (2, None, &None));
    assert!(bo.person.devices.is_empty());
    // Said, it may have wrong rows, and a header too.
    let ivoz = |text: &str| {
        let source = Source::open(text.as_bytes(), Some(Format::IvozProvider), &Limits::default()).unwrap();
        source.rows().map(|row| (row.number, row.errors.len())).collect::<Vec<_>>()
    };
    assert_eq!(ivoz("Ana,P,,ana,s,,,1x0,PT,,\nBo,Q\n"), [(1, 1), (2, 1)]);
    let header = "name,lastname,email,terminal,password,model,mac,extension,country,ddi,ddiProvider";
    assert_eq!(ivoz(&format!("{header}\nAna,P,,ana,s,,,100,PT,,\n")), [(1, 0)]);
}

#[test]
fn every_encoding_gives_the_same_person() {
    let text = "name;extension;password\r\nFrançois Müller;0100;pässword\r\nSøren Björk;0101;x\r\n";
    let le: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked = [&[0xff, 0xfe][..], &le].concat();
    let windows: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let utf_8 = open(text.as_bytes()).unwrap().rows().collect::<Vec<_>>();
    for (bytes, encoding) in [(le, "UTF-16LE"), (marked, "UTF-16LE"), (windows, "windows-1252")] {
        let source = open(&bytes).unwrap();
        assert_eq!(source.encoding(), encoding);
        assert_eq!(source.rows().collect::<Vec<_>>(), utf_8);
    }
    assert_eq!(utf_8[0].person.sip_password.as_ref().unwrap().reveal(), "pässword");
}

#[test]
fn a_row_knows_its_number_and_its_line() {
    let all = rows("name,extension,password\n\n\"A\nB\",x,p\n,,\r\nC,101,p\n");
    let places: Vec<(u64, u64)> = all.iter().map(|row| (row.number, row.line)).collect();
    assert_eq!(places, [(1, 3), (2, 6)]);
}

#[test]
fn phones_sign_in_with_the_authname_then_the_username_then_the_extension() {
    let header = "name,extension,password,username,authname\n";
    let username = |cells: &str| {
        let row = good_row(&format!("{header}{cells}\n"));
        (
            row.person.text("username").unwrap().to_owned(),
            row.remarks.into_iter().map(|r| format!("{} {}", r.found, r.text)).collect::<Vec<_>>(),
        )
    };
    assert_eq!(username("Ana,100,p,ana,ana"), ("ana".to_owned(), vec![]));
    let said = vec!["ana is not taken: phones sign in with the authname".to_owned()];
    assert_eq!(username("Ana,100,p,ana,a7"), ("a7".to_owned(), said));
    assert_eq!(username("Ana,100,p,ana,"), ("ana".to_owned(), vec![]));
    assert_eq!(username("Ana,0100,p,,"), ("0100".to_owned(), vec![]));
}

#[test]
fn a_person_of_3cx_without_a_name_is_shown_by_the_extension() {
    let header = "Number,FirstName,LastName\n";
    let name =
        |cells: &str| good_row(&format!("{header}{cells}\n")).person.text("display_name").unwrap().to_owned();
    assert_eq!(name("100,Ana, Pereira "), "Ana Pereira");
    assert_eq!(name("100,,Pereira"), "Pereira");
    assert_eq!(name("100,,"), "100");
    let row = good_row(&format!("{header}100,,\n"));
    assert_eq!(row.remarks[0].text, "is empty: the extension is shown as the name");
}

#[test]
fn a_mailbox_is_as_the_file_says() {
    let header = "Number,FirstName,LastName,EnableVoicemail,VMNoPin,PIN\n";
    let mailbox = |cells: &str| {
        let row = good_row(&format!("{header}100,A,B,{cells}\n"));
        let pin = match &row.person.mailbox {
            MailboxWish::Own { pin: Some(pin) } => pin.reveal().to_owned(),
            mailbox => format!("{mailbox:?}"),
        };
        (pin, row.remarks.into_iter().map(|r| r.text).collect::<Vec<_>>().join(""))
    };
    let check = |cells: &str, wish: &str, remark: &str| {
        assert_eq!(mailbox(cells), (wish.to_owned(), remark.to_owned()), "{cells}");
    };
    check("1,0,0042", "0042", "");
    check("1,1,0042", "Own { pin: None }", "is not taken: the mailbox asks for none");
    check("1,,", "Own { pin: None }", "");
    check("0,0,0042", "None", "is not taken: the person has no mailbox");
    check("0,0,junk", "None", "is not taken: the person has no mailbox");
    check(",,0042", "0042", "");
    check(",,", "Keep", "");
}

#[test]
fn a_number_seen_inside_that_is_not_the_extension_is_remarked() {
    let header = "extension,effective_caller_id_name,effective_caller_id_number\n";
    assert_eq!(good_row(&format!("{header}100,Ana,100\n")).remarks, []);
    let remarks = good_row(&format!("{header}100,Ana,+12125550123\n")).remarks;
    assert_eq!(remarks[0].column, "effective_caller_id_number");
    let said = (remarks[0].found.as_str(), remarks[0].text.as_str());
    assert_eq!(said, ("+12125550123", "is not taken: colleagues always see the extension"));
}

#[test]
fn a_model_without_an_address_is_no_device_in_3cx() {
    let header = "Number,FirstName,LastName,MAC_0,PhoneModel14\n";
    let row = good_row(&format!("{header}100,A,B,,Yealink T54W\n"));
    assert_eq!((row.person.devices.len(), row.remarks.len()), (0, 1));
    let row = good_row(&format!("{header}100,A,B,00-15-65-AA-00-01,Yealink T54W\n"));
    assert_eq!(row.person.devices[0].mac.as_ref().unwrap().as_str(), "00:15:65:aa:00:01");
    assert_eq!(row.person.devices[0].model.as_ref().unwrap().as_str(), "Yealink T54W");
}

#[test]
fn our_own_format_takes_what_people_write_by_hand() {
    let row = good_row(
        "Display Name;Extension;Tags;Mailbox;Site;Connection;Service;Disabled_until;device_mac;device_2_name;title\n\
         Ana;0100;floor:2, team:red;bruno;Lisbon;Main office;not activated;2026-07-01T09:00:00Z;001565000000;Lobby;\n",
    );
    let person = row.person;
    assert_eq!(person.text("username"), Some("0100"));
    assert_eq!(person.value("tags"), Some(&Value::List(vec!["floor:2".into(), "team:red".into()])));
    assert_eq!(person.text("service"), Some("not_activated"));
    assert_eq!(person.value("disabled_until"), Some(&Value::Int(1_782_896_400_000)));
    assert_eq!(
        (person.site_name.as_deref(), person.connection_name.as_deref()),
        (Some("Lisbon"), Some("Main office"))
    );
    assert!(matches!(person.mailbox, MailboxWish::OfUser(name) if name.as_str() == "bruno"));
    assert_eq!(person.devices.len(), 2);
    assert_eq!(
        person.devices[1],
        DeviceWish { name: person.devices[1].name.clone(), ..DeviceWish::default() }
    );
    assert_eq!(person.values.iter().find(|(n, _)| *n == "title"), Some(&("title", Value::Null)), "emptied");
}

#[test]
fn in_other_systems_files_an_empty_cell_says_nothing_and_an_apostrophe_is_one() {
    let row = good_row("name,extension,password,company,position\n'+Ana,100,'=x,,\n");
    assert_eq!(row.person.text("display_name"), Some("'+Ana"));
    assert_eq!(row.person.sip_password.unwrap().reveal(), "'=x");
    assert!(row.person.values.iter().all(|(_, value)| !value.is_null()));
}

#[test]
fn the_header_of_our_own_format_grows_with_the_table_of_fields() {
    let bytes =
        Exporter::new(Vec::new(), Layout { with_secrets: true, devices: 2 }).unwrap().finish().unwrap();
    insta::assert_snapshot!("own_header", String::from_utf8(bytes).unwrap().trim().replace(',', "\n"));
}

#[test]
fn every_error_of_every_cell_is_given_at_once() {
    insta::assert_snapshot!(
        "cell_errors",
        errors(
            "Number,FirstName,LastName,EmailAddress,MobileNumber,AuthID,AuthPassword,EnableVoicemail,PIN,Disabled,MAC_0\n\
         10x,Ana,Pereira,ana@,0912,Ana Pereira,\"se\ncret\",maybe,12a4,perhaps,00:15\n\
         ,,,,,,,,,,\n\
         ,Bruno,,,,,,,,,\n\
         101,Carla,,,,,,1,,0,\n"
        )
    );
}

#[test]
fn a_device_has_a_login_of_its_own_and_its_password_is_never_without_a_name() {
    let header =
        "display_name,username,device_name,device_auth_name,device_2_auth_name,device_2_sip_password";
    let row = good_row(&format!("{header}\nAna,ana,Kitchen,ana-kitchen,ana-den,p+-=1\n"));
    let logins: Vec<(Option<&str>, Option<&str>)> = row
        .person
        .devices
        .iter()
        .map(|d| (d.auth_name.as_ref().map(|n| n.as_str()), d.sip_password.as_ref().map(|s| s.reveal())))
        .collect();
    assert_eq!(logins, [(Some("ana-kitchen"), None), (Some("ana-den"), Some("p+-=1"))]);
    assert_eq!(
        errors(&format!("{header}\nAna,ana,Kitchen,,,hidden\n")),
        "row 1 (line 2), device_2_auth_name: is missing for a device with a password: \
         write the name that the device signs in with, or take its password out"
    );
}

#[test]
fn an_export_without_secrets_has_no_column_for_the_passwords_of_devices() {
    let headers = |with_secrets| Layout { with_secrets, devices: 2 }.headers();
    assert!(headers(true).contains(&"device_2_sip_password".into()));
    let public = headers(false);
    assert!(public.contains(&"device_2_auth_name".into()), "{public:?}");
    assert!(!public.iter().any(|h| h.ends_with("_password") || h.ends_with("_pin")), "{public:?}");
}

#[test]
fn in_our_own_format_a_name_is_joined_from_its_parts_and_only_somebody_new_must_have_one() {
    let row = good_row("given_name,family_name,extension\nAna,Silva,1001\n");
    assert_eq!(row.person.text("display_name"), Some("Ana Silva"));
    assert_eq!(row.person.defaulted, ["username", "display_name"]);
    let row = rows("extension,department\n1001,Sales\n").remove(0);
    assert_eq!(row.errors, []);
    let lacks: Vec<String> = row.errors_if_new.iter().map(|error| error.to_string()).collect();
    let expect = "row 1 (line 2), display_name: is missing: write the name that others shall see";
    assert_eq!(lacks, [expect]);
    assert_eq!(row.person.text("display_name"), None, "the extension is no name here");
}
