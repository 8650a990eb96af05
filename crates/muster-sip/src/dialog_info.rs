//! Dialog state for watchers (RFC 4235): what makes a busy lamp burn.

use std::fmt::Write as _;

/// A document of `application/dialog-info+xml`.
#[derive(Clone, Debug)]
pub struct DialogInfo<'a> {
    /// Rises by one with each document of a subscription, from 0.
    pub version: u32,
    /// Whether the dialogs listed are all there are.
    pub full: bool,
    /// The URI that is watched.
    pub entity: &'a str,
    pub dialogs: &'a [DialogElement<'a>],
}

/// One dialog of the entity.
#[derive(Clone, Debug)]
pub struct DialogElement<'a> {
    /// Unique within the subscription, stable over the dialog's life.
    pub id: &'a str,
    pub call_id: Option<&'a str>,
    pub local_tag: Option<&'a str>,
    pub remote_tag: Option<&'a str>,
    pub direction: Option<Direction>,
    pub state: DialogState,
    pub local: Option<Party<'a>>,
    pub remote: Option<Party<'a>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Initiator,
    Recipient,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialogState {
    Trying,
    Proceeding,
    Early,
    Confirmed,
    Terminated,
}

#[derive(Clone, Copy, Debug)]
pub struct Party<'a> {
    /// Empty for none.
    pub display: &'a str,
    /// The identity, as others may dial it.
    pub uri: &'a str,
    /// The target, if it is told; phones pick calls up by it.
    pub target: Option<&'a str>,
}

pub const CONTENT_TYPE: &str = "application/dialog-info+xml";

impl DialogState {
    pub fn as_str(self) -> &'static str {
        match self {
            DialogState::Trying => "trying",
            DialogState::Proceeding => "proceeding",
            DialogState::Early => "early",
            DialogState::Confirmed => "confirmed",
            DialogState::Terminated => "terminated",
        }
    }
}

impl DialogInfo<'_> {
    pub fn to_xml(&self) -> String {
        let mut xml = String::with_capacity(256 + self.dialogs.len() * 384);
        xml.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        xml.push_str("<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\"");
        let _ = write!(xml, " version=\"{}\"", self.version);
        attribute(&mut xml, "state", if self.full { "full" } else { "partial" });
        attribute(&mut xml, "entity", self.entity);
        if self.dialogs.is_empty() {
            xml.push_str("/>\n");
            return xml;
        }
        xml.push_str(">\n");
        for dialog in self.dialogs {
            dialog.write(&mut xml);
        }
        xml.push_str("</dialog-info>\n");
        xml
    }
}

impl DialogElement<'_> {
    fn write(&self, xml: &mut String) {
        xml.push_str("<dialog");
        attribute(xml, "id", self.id);
        for (name, value) in
            [("call-id", self.call_id), ("local-tag", self.local_tag), ("remote-tag", self.remote_tag)]
        {
            if let Some(value) = value {
                attribute(xml, name, value);
            }
        }
        match self.direction {
            Some(Direction::Initiator) => attribute(xml, "direction", "initiator"),
            Some(Direction::Recipient) => attribute(xml, "direction", "recipient"),
            None => {}
        }
        let _ = write!(xml, ">\n<state>{}</state>\n", self.state.as_str());
        for (element, party) in [("local", &self.local), ("remote", &self.remote)] {
            if let Some(party) = party {
                party.write(xml, element);
            }
        }
        xml.push_str("</dialog>\n");
    }
}

impl Party<'_> {
    fn write(&self, xml: &mut String, element: &str) {
        let _ = write!(xml, "<{element}><identity");
        if !self.display.is_empty() {
            attribute(xml, "display", self.display);
        }
        xml.push('>');
        escape(xml, self.uri);
        xml.push_str("</identity>");
        if let Some(target) = self.target {
            xml.push_str("<target");
            attribute(xml, "uri", target);
            xml.push_str("/>");
        }
        let _ = writeln!(xml, "</{element}>");
    }
}

fn attribute(xml: &mut String, name: &str, value: &str) {
    let _ = write!(xml, " {name}=\"");
    escape(xml, value);
    xml.push('"');
}

/// Escapes for text and attributes alike. Characters that XML 1.0 cannot carry at all are left out.
fn escape(xml: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\'' => xml.push_str("&apos;"),
            '\t' | '\n' | '\r' => xml.push(' '),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {}
            other => xml.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_says_who_is_busy_with_whom() {
        let remote = Party { display: "Ann & <Bob>", uri: "sip:101@example.org", target: None };
        let dialogs = [DialogElement {
            id: "d1",
            call_id: Some("c\"1"),
            local_tag: Some("l"),
            remote_tag: None,
            direction: Some(Direction::Recipient),
            state: DialogState::Early,
            local: Some(Party {
                display: "",
                uri: "sip:100@example.org",
                target: Some("sip:100@example.org"),
            }),
            remote: Some(remote),
        }];
        let info = DialogInfo { version: 7, full: true, entity: "sip:100@example.org", dialogs: &dialogs };
        assert_eq!(
            info.to_xml(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" version=\"7\" state=\"full\" \
             entity=\"sip:100@example.org\">\n\
             <dialog id=\"d1\" call-id=\"c&quot;1\" local-tag=\"l\" direction=\"recipient\">\n\
             <state>early</state>\n\
             <local><identity>sip:100@example.org</identity><target uri=\"sip:100@example.org\"/></local>\n\
             <remote><identity display=\"Ann &amp; &lt;Bob&gt;\">sip:101@example.org</identity></remote>\n\
             </dialog>\n</dialog-info>\n"
        );
    }

    #[test]
    fn nobody_on_a_call_is_an_empty_list_that_is_full() {
        let info = DialogInfo { version: 0, full: true, entity: "sip:a'b@x\u{1}", dialogs: &[] };
        assert!(info.to_xml().ends_with("version=\"0\" state=\"full\" entity=\"sip:a&apos;b@x\"/>\n"));
    }
}
