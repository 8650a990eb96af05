//! Organizations, their sites and connections, and the tokens that open them.

mod bootstrap;
mod create;
mod edit;
mod list;
mod note;
mod sites;
mod tokens;

pub use create::NewOrganization;
pub use sites::NewSite;
pub use tokens::{MadeToken, NewToken};
