//! As a page: one file with its style in it, and nothing that runs.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use muster_app::imports::{Cause, MoveInReport};
use sha2::{Digest, Sha256};

use super::{figures, found, grouped, heading, outcome, rows, when, where_it_is};

pub(super) const STYLE: &str = include_str!("../page/report.css");

/// What a browser may load for it: its own style, known by its hash, and nothing else.
pub fn policy() -> &'static str {
    static POLICY: OnceLock<String> = OnceLock::new();
    POLICY.get_or_init(|| {
        let hash = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
        format!(
            "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'"
        )
    })
}

pub fn html(report: &MoveInReport) -> String {
    let title = escaped(&heading(report));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<header>\n<h1>{title}</h1>\n\
         <p class=\"quiet\">{}, by {}, {}</p>\n<p class=\"outcome\">{}</p>\n</header>\n",
        escaped(&when(report)),
        escaped(&report.by),
        escaped(&report.encoding),
        escaped(&outcome(report)),
    );
    page.push_str("<ul class=\"figures\">\n");
    for (name, count) in figures(report) {
        page.push_str(&format!("<li><b>{}</b> {name}</li>\n", grouped(count)));
    }
    page.push_str("</ul>\n<section>\n<h2>To be done by hand</h2>\n");
    if report.steps.is_empty() {
        page.push_str("<p>Nothing.</p>\n");
    } else {
        page.push_str("<ol class=\"steps\">\n");
        for step in &report.steps {
            let (what, how) = (escaped(&step.what), with_code(&step.how));
            page.push_str(&format!("<li><b>{what}</b><p>{how}</p></li>\n"));
        }
        page.push_str("</ol>\n");
    }
    page.push_str("</section>\n");
    causes(&mut page, "Problems: these rows are not taken", &report.problems);
    causes(&mut page, "Remarks: these rows are taken", &report.remarks);
    if report.not_listed > 0 {
        page.push_str(&format!("<p>{} more causes are not listed.</p>\n", grouped(report.not_listed)));
    }
    columns(&mut page, report);
    if !report.notes.is_empty() {
        let items: String = report.notes.iter().map(|note| format!("<li>{}</li>\n", escaped(note))).collect();
        page.push_str(&format!("<section>\n<h2>Read of the file</h2>\n<ul>\n{items}</ul>\n</section>\n"));
    }
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn causes(page: &mut String, title: &str, causes: &[Cause]) {
    if causes.is_empty() {
        return;
    }
    page.push_str(&format!(
        "<section>\n<h2>{title}</h2>\n<table>\n<thead><tr><th>Column</th><th>What is the matter</th>\
         <th>What mends it</th><th>Where</th></tr></thead>\n<tbody>\n"
    ));
    for cause in causes {
        let column = cause.column.as_deref().unwrap_or("the row");
        let found = found(cause).map(|found| format!("<p>{}</p>", with_code(&found))).unwrap_or_default();
        page.push_str(&format!(
            "<tr><th scope=\"row\">{}</th><td>{}{found}</td><td>{}</td><td class=\"where\">{}</td></tr>\n",
            escaped(column),
            escaped(&cause.reason),
            escaped(&cause.mend),
            escaped(&where_it_is(cause))
        ));
    }
    page.push_str("</tbody>\n</table>\n</section>\n");
}

fn columns(page: &mut String, report: &MoveInReport) {
    page.push_str(
        "<section>\n<h2>Columns that are taken</h2>\n<table>\n<thead><tr><th>In the file</th><th>Becomes</th>\
         <th>Says something in</th></tr></thead>\n<tbody>\n",
    );
    for column in &report.taken {
        page.push_str(&row(&column.header, &column.field, column.rows));
    }
    page.push_str("</tbody>\n</table>\n</section>\n");
    if report.not_taken.is_empty() {
        return;
    }
    page.push_str(
        "<section>\n<h2>Columns that are not taken</h2>\n<table>\n<thead><tr><th>In the file</th><th>Why</th>\
         <th>Says something in</th></tr></thead>\n<tbody>\n",
    );
    for column in &report.not_taken {
        page.push_str(&row(&column.header, &column.why, column.rows));
    }
    page.push_str("</tbody>\n</table>\n</section>\n");
}

fn row(header: &str, text: &str, count: u64) -> String {
    let header = if header.is_empty() { "(no name)" } else { header };
    let (header, text) = (escaped(header), escaped(text));
    format!(
        "<tr><th scope=\"row\">{header}</th><td>{text}</td><td class=\"where\">{}</td></tr>\n",
        rows(count)
    )
}

/// Everything that comes of a file goes through here. What turns the direction of writing stays within its
/// own cell by the style.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c if c.is_control() && c != '\n' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// What stands between backticks is typed as it is.
fn with_code(text: &str) -> String {
    let mut out = String::new();
    for (at, piece) in text.split('`').enumerate() {
        let piece = escaped(piece);
        out.push_str(&if at % 2 == 1 { format!("<code>{piece}</code>") } else { piece });
    }
    out
}
