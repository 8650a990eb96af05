//! The language of filters: what is read, and what is said of what cannot be.

use muster_domain::filter::{Filter, Op, Term, names, parse};
use muster_domain::handling::Group;
use muster_domain::user::{Service, User};
use proptest::prelude::*;

/// What it is read as, in the form in which everything stands in quotes.
fn check(text: &str, expect: &str) {
    let filter = parse::<User>(text).unwrap_or_else(|wrong| panic!("{text}: {wrong}"));
    assert_eq!(filter.to_string(), expect, "{text}");
}

fn refused(text: &str, at: usize, reason: &str) {
    let wrong = parse::<User>(text).expect_err(text);
    assert_eq!((wrong.at, wrong.reason.as_str()), (at, reason), "{text}");
    assert!(!wrong.mend.is_empty(), "{text}");
}

#[test]
fn terms_are_joined_by_and_and_or_turned_round_by_not_and_put_in_brackets() {
    check("", "");
    check("  ", "");
    check("extension=1001", r#"extension="1001""#);
    check("department=R&D and sms=no", r#"department="R&D" and sms="no""#);
    check("title=a or title=b and title=c", r#"title="a" or (title="b" and title="c")"#);
    check("(title=a or title=b) and title=c", r#"(title="a" or title="b") and title="c""#);
    check("not title=a and title=b", r#"not title="a" and title="b""#);
    check("not (title=a AND title=b)", r#"not (title="a" and title="b")"#);
    check("NOT(title=a)Or(title=b)", r#"not title="a" or title="b""#);
    check("title!=a or title!^b or title!~c", r#"not title="a" or not title^"b" or not title~"c""#);
    check(
        "call_timeout_s<30 and call_timeout_s<=30 and call_timeout_s>5 and call_timeout_s>=5",
        r#"call_timeout_s<"30" and call_timeout_s<="30" and call_timeout_s>"5" and call_timeout_s>="5""#,
    );
    check("created_at>=2026-01-31 and version>1", r#"created_at>="2026-01-31" and version>"1""#);
    check("has_sip_secret=yes", r#"has_sip_secret="yes""#);
}

#[test]
fn a_value_goes_up_to_what_joins_terms_and_stands_in_quotes_if_that_is_in_it() {
    check("display_name= Ana  Silva  and sms=no", r#"display_name="Ana  Silva" and sms="no""#);
    check(
        r#"department="Research and \"Development\"" and display_name^An AND title~x=y"#,
        r#"department="Research and \"Development\"" and display_name^"An" and title~"x=y""#,
    );
    check("title=Head (acting) and sms=no", r#"title="Head (acting)" and sms="no""#);
    check("(title=Head (acting) or title=(x))", r#"title="Head (acting)" or title="(x)""#);
    check("title=a)", r#"title="a)""#);
    check("title=Andorra and title=orb", r#"title="Andorra" and title="orb""#);
    check(r#"(title="a)") and title=b"#, r#"title="a)" and title="b""#);
    check("title=a<b", r#"title="a<b""#);
}

#[test]
fn nothing_after_the_sign_asks_for_what_has_none() {
    check("email=", r#"email="""#);
    check("email= and title=x", r#"email="" and title="x""#);
    check("(email= or email!=)", r#"email="" or not email="""#);
    check(r#"email="""#, r#"email="""#);
}

#[test]
fn a_choice_is_asked_for_by_its_word_however_it_is_typed() {
    for word in Service::WORDS {
        check(&format!("service={word}"), &format!("service=\"{word}\""));
    }
    check("service=Contact-Only", r#"service="Contact-Only""#);
    let wrong = parse::<User>("service=active").unwrap_err();
    assert_eq!(wrong.reason, "has a value for service that is not one of the choices");
    assert_eq!(wrong.mend, "write one of: contact_only, not_activated, enabled, disabled, frozen");
}

#[test]
fn what_is_not_a_filter_is_refused_where_it_goes_wrong() {
    refused("x", 1, "has no sign such as = behind `x`");
    refused("=", 1, "has no field before its sign");
    refused("extensoin=1", 1, "names `extensoin`, which is not a field");
    refused("sms=no and  extensoin=1", 13, "names `extensoin`, which is not a field");
    refused("sip_secret=1", 1, "names `sip_secret`, which is not a field");
    refused(
        "department=\"Zürich\" and extension=abc",
        35,
        "has a value for extension that is not an extension",
    );
    refused("department=\"a", 12, "has a quote that is never closed");
    refused("department=\"\\", 12, "has a quote that is never closed");
    refused("department=\"a\" b", 16, "goes on with `b` without a joiner");
    refused("(sms=no) b", 10, "goes on with `b` without a joiner");
    refused("(sms=no", 1, "opens a bracket that is never closed");
    refused("sms=no and (sms=no or (sms=no)", 12, "opens a bracket that is never closed");
    refused("(sms=no))", 9, "closes a bracket that was not opened");
    refused("()", 2, "has `)` where a field should be");
    refused("sms~t", 4, "asks sms by ~, which does not go with it");
    refused("max_bindings^1", 13, "asks max_bindings by ^, which does not go with it");
    refused("title<a", 6, "asks title by <, which does not go with it");
    refused("site~Po", 5, "asks site by ~, which does not go with it");
    refused("sms!no", 4, "has a `!` without a sign behind it");
    refused("max_bindings>many", 14, "has a value for max_bindings that is not a whole number");
    refused("created_at>yesterday", 12, "has a value for created_at that is not a time");
    refused("has_sip_secret=", 16, "has a value for has_sip_secret that is neither yes nor no");
    refused("email=a@b.example and", 22, "ends where a term should be");
    refused("and", 1, "has no sign such as = behind `and`");
    refused("not", 1, "has no sign such as = behind `not`");
    refused("not ", 5, "ends where a term should be");
    refused("department=Research and Development", 25, "has no sign such as = behind `Development`");
    refused("é", 1, "has `é` where a field should be");
    refused("title=a\0b", 8, "has a character that no text has");
}

#[test]
fn what_can_be_written_is_named() {
    let mend = |text: &str| parse::<User>(text).unwrap_err().mend;
    assert!(mend("extensoin=1").starts_with("did you mean extension? use one of: user_type, display_name, "));
    assert!(mend("extensoin=1").ends_with(", id, version, created_at"));
    assert!(mend("shoe_size=1").starts_with("use one of: user_type, "));
    assert_eq!(mend("sms~t"), "use = or !=");
    assert_eq!(mend("title<a"), "use =, !=, ^ or ~");
    assert_eq!(mend("version^1"), "use =, !=, <, <=, > or >=");
}

#[test]
fn every_field_of_a_thing_can_be_asked_for() {
    for name in names::<User>() {
        let filter = parse::<User>(&format!("{name}=")).or_else(|_| parse::<User>(&format!("{name}=yes")));
        assert!(filter.is_ok_and(|filter| filter.names(&name)), "{name}");
    }
    assert!(parse::<Group>("members=1001 and name~sup").is_ok());
}

#[test]
fn what_is_too_much_is_refused_before_it_costs_anything() {
    let many = |count: usize| vec!["sms=no"; count].join(" or ");
    assert!(parse::<User>(&many(Filter::TERMS_MAX)).is_ok());
    assert!(parse::<User>(&many(Filter::TERMS_MAX + 1)).unwrap_err().reason.starts_with("has more than 64"));
    let deep = |depth: usize| format!("{}sms=no{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse::<User>(&deep(Filter::DEPTH_MAX)).is_ok());
    assert!(parse::<User>(&deep(Filter::DEPTH_MAX + 1)).is_err());
    assert!(parse::<User>(&"not ".repeat(2000)).is_err());
    assert!(parse::<User>(&"(".repeat(8000)).is_err());
    assert!(parse::<User>(&format!("title={}", "x".repeat(Filter::TEXT_MAX))).is_err());
}

fn terms() -> impl Strategy<Value = Filter> {
    let term = (0..3usize, prop_oneof![Just(Op::Eq), Just(Op::Prefix), Just(Op::Contains)], "[^\0]{0,12}");
    term.prop_map(|(field, op, value)| {
        let field = ["title", "department", "company"][field].to_string();
        // What no such text can be is refused.
        let value = if muster_domain::types::Text::parse(&value).is_ok() { value } else { "x".into() };
        Filter::Term(Term { field, op, value })
    })
}

fn filters() -> impl Strategy<Value = Filter> {
    terms().prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|filter| Filter::Not(Box::new(filter))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Filter::All),
            prop::collection::vec(inner, 2..4).prop_map(Filter::Any),
        ]
    })
}

proptest! {
    #[test]
    fn a_filter_that_is_written_down_is_read_back_as_it_was(filter in filters()) {
        let text = filter.to_string();
        prop_assert_eq!(parse::<User>(&text).map_err(|wrong| wrong.to_string()), Ok(filter), "{}", text);
    }

    #[test]
    fn no_text_brings_the_parser_down(text in "[ ()\"\\\\=!~^<>a-z_é]{0,60}( (and|or|not) ?|title=|sms=no){0,4}") {
        match parse::<User>(&text) {
            Ok(filter) => prop_assert!(filter.check::<User>().is_ok()),
            Err(wrong) => prop_assert!(wrong.at >= 1 && wrong.at <= text.chars().count() + 1),
        }
    }
}
