//! Lists that no system wrote: guesses at their columns, and what a person makes of them.

use muster_domain::value::Value;
use muster_import::{FileError, Format, Limits, Mapping, Source, Taken};
use serde_json::Value as Json;

use crate::vertical::ON_ITS_SIDE;
use crate::{FOREIGN, PEOPLE, VERTICAL, open};

fn guesses(header: &str) -> Vec<String> {
    let header: Vec<&str> = header.split(',').collect();
    let shown = |s: muster_import::Suggestion| match s.target {
        Some((target, likeness)) => format!("{}: {target} ({likeness:?})", s.header),
        None => format!("{}: not taken", s.header),
    };
    Mapping::suggest(&header).into_iter().map(shown).collect()
}

#[test]
fn columns_are_guessed_by_their_own_name_before_an_alias_before_what_is_alike() {
    let header = "Nom,Prénom,Courriel,Poste,Téléphone,Service,Agence,Email consent";
    insta::assert_snapshot!("french", guesses(header).join("\n"));
    let header =
        "Display Name,E-Mail,Extention,Mobile #,Name*,Departement,Titel,Start date,Pass,Active,Phone Model";
    insta::assert_snapshot!("english", guesses(header).join("\n"));
    // Each target once: the better name has it.
    let header = "mail,Email,Courriel";
    assert_eq!(guesses(header), ["mail: not taken", "Email: email (Exact)", "Courriel: not taken"]);
}

const MAPPING: &str = r#"
[columns]
"Nom" = "family_name"
"Prénom" = "given_name"
"Courriel" = "email"
"Poste" = "extension"
"Téléphone" = "direct_number"
"Service" = "department"
"Agence" = "site"
"Email consent" = ""

[values."Agence"]
"lisbon" = "Lisboa"

[prefix]
"Poste" = "9"
"#;

#[test]
fn a_mapped_file_gives_its_people_with_every_correction() {
    let people: Vec<Json> = serde_json::from_str(PEOPLE).unwrap();
    let mapping = Mapping::parse(MAPPING).unwrap();
    let source = Source::open_mapped(FOREIGN, &mapping, &Limits::default()).unwrap();
    assert_eq!((source.format(), source.rows_total(), source.encoding()), (Format::Mapped, 60, "UTF-16LE"));
    assert_eq!(source.columns()[7].taken, Taken::Ignored { why: "the mapping leaves it out" });
    for (row, person) in source.rows().zip(&people) {
        assert_eq!(row.errors, []);
        let text = |key: &str| person[key].as_str();
        let found = &row.person;
        assert_eq!(found.text("family_name"), text("last_name"));
        assert_eq!(found.text("email"), text("email"));
        assert_eq!(found.text("direct_number"), text("phone"));
        assert_eq!(found.text("department"), text("department"));
        let extension = text("extension").unwrap();
        assert_eq!(found.value("extension"), Some(&Value::text(format!("9{extension}"))));
        let site = text("site").map(|site| if site == "Lisbon" { "Lisboa" } else { site });
        assert_eq!(found.site_name.as_deref(), site);
    }
}

#[test]
fn what_was_guessed_of_a_file_opens_it() {
    assert!(matches!(open(FOREIGN), Err(FileError::Unrecognized { .. })));
    let header = Source::header_of(FOREIGN, &Limits::default()).unwrap().unwrap();
    let names: Vec<&str> = header.iter().map(|name| name.as_str()).collect();
    let mapping = Mapping::of_suggestions(&Mapping::suggest(&names));
    let again = Mapping::parse(&mapping.to_toml()).unwrap();
    assert_eq!(Mapping::parse(&again.to_toml()).unwrap(), again);
    let source = Source::open_mapped(FOREIGN, &again, &Limits::default()).unwrap();
    assert!(source.rows().all(|row| row.errors.is_empty()));
}

#[test]
fn a_mapping_is_kept_as_it_is_written() {
    let mapping = Mapping::parse(MAPPING).unwrap();
    assert_eq!(Mapping::parse(&mapping.to_toml()).unwrap(), mapping);
    let odd = "[columns]\n\"A \\\"B\\\"\\\\\" = \"title\"\n\"x\\u0009y\" = \"company\"\n";
    let mapping = Mapping::parse(odd).unwrap();
    assert_eq!(Mapping::parse(&mapping.to_toml()).unwrap(), mapping);
}

#[test]
fn a_mapping_that_says_nonsense_is_refused_in_words() {
    let check = |text: &str, said: &str| {
        let error = Mapping::parse(text).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    };
    check("columns", "is not TOML");
    check("[colums]\nA = \"email\"", "`colums`, which is none of");
    check("[columns]\nA = 3", "`A` something that is not a text");
    check("columns = 3", "`columns` something that is not a text");
    check("[columns]\nA = \"mail\"", "`A` to `mail`, which is no field; there are user_type, display_name");
    check("[columns]\nA = \"email\"\nB = \"email\"", "both `A` and `B` to `email`");
    check("[columns]\nA = \"email\"\n[prefix]\nC = \"+\"", "corrects `C`");
    check(&format!("#{}", "x".repeat(300_000)), "larger than");
}

#[test]
fn a_mapping_holds_no_passwords_but_may_empty_them_all() {
    let limits = Limits::default();
    let file = b"N,E,P\nAna,100,x\n";
    let columns =
        |target: &str| format!("[columns]\nN = \"display_name\"\nE = \"extension\"\nP = \"{target}\"\n");
    let targets = Mapping::targets();
    let secrets: Vec<_> =
        targets.iter().filter(|t| t.ends_with("sip_password") || t.ends_with("_pin")).collect();
    assert_eq!(secrets.len(), 4, "{secrets:?}");
    for target in secrets {
        let refused = |fixes: &str| {
            let mapping = Mapping::parse(&format!("{}{fixes}", columns(target))).unwrap();
            let upright = Source::open_mapped(file, &mapping, &limits).map(|_| ());
            // The column need not be there for the mapping to be kept.
            assert_eq!(upright, Source::open_mapped(b"N,E\nAna,100\n", &mapping, &limits).map(|_| ()));
            assert_eq!(
                upright,
                Source::open_mapped_as(b"N,Ana\nE,100\n", &mapping, ON_ITS_SIDE, &limits).map(|_| ())
            );
            upright.map_err(|error| error.to_string())
        };
        let said = "`P` holds passwords, which are not corrected by rule: the rule would be kept in clear";
        let prefixed =
            "`p` holds passwords, which are not corrected by rule: the rule would be kept in clear";
        assert_eq!(refused("[values.P]\nx = \"SuperSecret\"\n"), Err(said.into()));
        assert_eq!(refused("[values.P]\n\"*\" = \"SuperSecret\"\n"), Err(said.into()));
        // What is found is a password too.
        assert_eq!(refused("[values.P]\nSuperSecret = \"\"\n"), Err(said.into()));
        assert_eq!(refused("[prefix]\np = \"Super\"\n"), Err(prefixed.into()));
        assert_eq!(refused("[values.P]\n\"*\" = \"\"\n"), Ok(()));
    }
    assert_eq!(
        Mapping::parse(&format!("{}[prefix]\nP = \"x\"\n", columns("department")))
            .map(|m| { Source::open_mapped(file, &m, &limits).map(|_| ()) }),
        Ok(Ok(()))
    );
    let known = b"name,extension,password\nAna,100,x\n";
    let fixed = |text: &str| {
        let source = Source::open(known, None, &limits).unwrap().fixed(&Mapping::parse(text).unwrap());
        source.map(|source| source.rows().next().unwrap().person.sip_password.is_some())
    };
    assert!(matches!(fixed("[prefix]\nPassword = \"x\"\n"), Err(FileError::SecretCorrected { .. })));
    assert_eq!(fixed("[values.password]\n\"*\" = \"\"\n"), Ok(false), "as a correction that was saved");
}

#[test]
fn a_file_that_the_mapping_was_not_made_for_is_refused_and_a_turned_one_is_read() {
    let mapping = Mapping::parse(MAPPING).unwrap();
    let error = Source::open_mapped(b"a,b,c\n1,2,3\n", &mapping, &Limits::default()).unwrap_err();
    assert!(matches!(error, FileError::NotAsMapped { .. }), "{error}");
    let turned = "[columns]\n\"First Name\" = \"given_name\"\n\"Last Name\" = \"family_name\"\n\"Ext\" = \"extension\"\n";
    let mapping = Mapping::parse(turned).unwrap();
    let mapped = Source::open_mapped(VERTICAL, &mapping, &Limits::default());
    // Half of the template's names are in the mapping at least: three of eight are not.
    assert!(mapped.is_err());
    let more = format!("{turned}\"Dept\" = \"department\"\n\"Site\" = \"\"\n");
    let mapping = Mapping::parse(&more).unwrap();
    let source = Source::open_mapped(VERTICAL, &mapping, &Limits::default()).unwrap();
    assert_eq!((source.rows_total(), source.is_turned()), (60, true));
}

#[test]
fn nothing_is_guessed_of_a_file_in_which_two_columns_have_one_name() {
    let said = |file: &[u8]| Source::header_of(file, &Limits::default()).map_err(|e| e.to_string());
    let twice = "the columns `Nom` and `nom` have the same name".to_owned();
    assert_eq!(said(b"Nom,nom,Poste\nSilva,Ana,1001\n"), Err(twice.clone()));
    assert_eq!(
        Source::header_as(b"Nom,Ana\nnom,Silva\nPoste,1001\n", ON_ITS_SIDE, &Limits::default())
            .map_err(|e| e.to_string()),
        Err(twice)
    );
    assert!(said(b"Nom,,,Poste\nSilva,,,1001\n").is_ok_and(|header| header.is_some()));
}
