//! Sign-in sheets: one page each, to be printed.

use axum::http::StatusCode;
use axum::response::Response;
use muster_app::signing::{Language, Sheet};

use super::card::{self, Card};
use super::words::words;
use super::{escaped, page};
use crate::state::SipServer;

pub fn sheets(sheets: &[Sheet], servers: &[SipServer]) -> Response {
    let language = sheets.first().map_or(Language::English, |sheet| sheet.language);
    let mut body = String::new();
    for sheet in sheets {
        let words = words(sheet.language);
        let card = card::html(
            &Card {
                servers,
                domain: &sheet.domain,
                extension: sheet.user.extension.as_ref().map(|extension| extension.as_str()),
                auth_name: sheet.user.username.as_str(),
                secret: sheet.secret.as_ref().map(|secret| secret.as_str()),
            },
            words,
        );
        body.push_str(&format!(
            "<section class=\"sheet\" lang=\"{}\">\n<h2>{}</h2>\n<p class=\"quiet\">{}</p>\n<p>{}</p>\n{card}</section>\n",
            sheet.language.tag(),
            escaped(sheet.user.display_name.as_str()),
            escaped(&sheet.organization),
            escaped(words.type_this),
        ));
    }
    let title = sheets.first().map_or("", |sheet| sheet.organization.as_str());
    page(StatusCode::OK, language, title, &body)
}
