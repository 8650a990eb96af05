//! Tags as an organization lists them: how each looks. A person carries the text alone.

use crate::types::Tag;
use crate::{choice, entity};

choice! {
    Colour { Grey = "grey", Red = "red", Orange = "orange", Yellow = "yellow", Green = "green", Teal = "teal",
        Blue = "blue", Purple = "purple", Pink = "pink" }
}

/// At most this many in one organization (`domain.md`, *Tag*): they are shown as colours, and more than these
/// nobody tells apart. A person carries as many as a list has entries.
pub const TAGS_MAX: usize = 20;

entity! {
    /// A word of the organization's own, `key:value`, case-sensitive, and its colour.
    pub struct TagDefinition(TagId): TagDefinition {
        name: Tag = Tag::default() => Meta { label: "Tag", required: true, key: Key::Plain,
            help: "key:value, case-sensitive. Changing it changes it on everybody who carries it.", ..Meta::PLAIN };
        colour: Colour = Colour::Grey => Meta { label: "Colour",
            help: "grey, red, orange, yellow, green, teal, blue, purple or pink.", ..Meta::PLAIN };
    }
    check(_tag) { Vec::new() }
}
