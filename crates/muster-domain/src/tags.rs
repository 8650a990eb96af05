//! Tags as an organization lists them: how each looks. A person carries the text alone.

use crate::types::Tag;
use crate::{choice, entity};

choice! {
    Colour { Grey = "grey", Red = "red", Orange = "orange", Yellow = "yellow", Green = "green", Teal = "teal",
        Blue = "blue", Purple = "purple", Pink = "pink" }
}

entity! {
    /// A word of the organization's own, `key:value`, case-sensitive, and its colour.
    pub struct TagDefinition(TagId): TagDefinition {
        name: Tag = Tag::default() => Meta { label: "Tag", required: true, edit: Edit::AtCreation, key: Key::Plain,
            help: "key:value, case-sensitive.", ..Meta::PLAIN };
        colour: Colour = Colour::Grey => Meta { label: "Colour",
            help: "grey, red, orange, yellow, green, teal, blue, purple or pink.", ..Meta::PLAIN };
    }
    check(_tag) { Vec::new() }
}
