//! Groups, menus and other records: all are typed alike.

use super::Which;

#[derive(Clone, Debug, clap::Subcommand)]
pub enum RecordCommand {
    /// All of them
    List(Which),
    /// Everything about one
    Show {
        /// Its name or its id
        which: String,
    },
    /// Make one; a field is given as key=value, a list has commas between its values
    Add {
        /// Fields of it, such as name=Sales; people are named by extension, username or email
        #[arg(required = true, value_name = "KEY=VALUE")]
        fields: Vec<String>,
    },
    /// Change fields of one; a field is emptied by giving it no value
    Set {
        /// Its name or its id
        which: String,

        /// Fields to change
        #[arg(required = true, value_name = "KEY=VALUE")]
        fields: Vec<String>,
    },
    /// Remove one that nothing refers to
    Remove {
        /// Its name or its id
        which: String,
    },
}
