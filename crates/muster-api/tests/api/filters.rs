//! The examples of `docs/filters.md`, tried on the people of that page.

use serde_json::{Value, json};

use crate::common::{Installation, run};

const PAGE: &str = include_str!("../../../../docs/filters.md");

/// The cells of every line of a table, without its head.
fn rows(page: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| {
        let line = line.trim().trim_start_matches('|').trim_end_matches('|');
        line.split('|').map(|cell| cell.trim().to_string()).collect::<Vec<_>>()
    };
    let lines: Vec<&str> = page.lines().collect();
    let mut rows = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let is_head = lines.get(at + 1).is_some_and(|next| next.starts_with("|---"));
        if line.starts_with("| ") && !is_head {
            rows.push(cells(line));
        }
    }
    rows
}

async fn people(i: &Installation, rows: &[Vec<String>]) -> Vec<String> {
    i.admin("POST", "/sites").json(&json!({ "name": "Porto" })).send().await.expect(201);
    let mut names = Vec::new();
    for row in rows {
        let [name, extension, department, title, email, site, tags, max_bindings, active] = row.as_slice()
        else {
            panic!("{row:?}")
        };
        let text = |text: &String| if text.is_empty() { Value::Null } else { json!(text) };
        let tags: Vec<&str> = tags.split(", ").filter(|tag| !tag.is_empty()).collect();
        let body = json!({
            "display_name": name, "extension": text(extension), "department": text(department),
            "title": text(title), "email": text(email), "site": site, "tags": tags,
            "max_bindings": max_bindings.parse::<u64>().unwrap(), "activated": active == "yes",
            "username": format!("u{}", names.len()),
        });
        i.admin("POST", "/users").json(&body).send().await.expect(201);
        names.push(name.clone());
    }
    names
}

#[test]
fn each_example_finds_whom_the_page_says() {
    run(async |i| {
        let (first, rest) = PAGE.split_once("## Terms").unwrap();
        let names = people(i, &rows(first)).await;
        let mut tried = 0;
        for row in rows(rest) {
            let [.., example, finds] = row.as_slice() else { panic!("{row:?}") };
            let filter = example.strip_prefix('`').and_then(|text| text.strip_suffix('`')).unwrap();
            let encoded: String = filter.bytes().map(|b| format!("%{b:02X}")).collect();
            let page = i.admin("GET", &format!("/users?filter={encoded}")).send().await.expect(200).json();
            let found =
                page["items"].as_array().unwrap().iter().map(|user| user["display_name"].as_str().unwrap());
            let found: Vec<&str> = found.collect();
            let expect: Vec<&str> =
                names.iter().map(String::as_str).filter(|name| finds.contains(*name)).collect();
            assert_eq!(found, expect, "{filter}");
            assert!(!expect.is_empty() || finds == "nobody", "{filter}: {finds}");
            tried += 1;
        }
        assert!(tried > 30, "{tried}");
    });
}
