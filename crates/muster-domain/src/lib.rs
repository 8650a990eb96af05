//! People, extensions and the rules about them: pure, without I/O, clock or randomness.
//!
//! Time and ids come in as arguments. A use case loads what it needs, asks a function of this crate
//! for a decision, and saves what comes back; nothing here knows how.
//!
//! - [`user`], [`organization`], [`handling`], [`locations`], [`roles`], [`tags`], [`signing`]: the things, each written together
//!   with its table of fields ([`field`]); [`kinds!`] lists them, [`references`] says what names what.
//! - [`money`], [`calendar`], [`billing`], [`orders`], [`stock`], [`ports`]: what things cost, what was ordered, and
//!   what there is to have.
//! - [`change`]: one shape for every change, applying and undoing it; [`compose`]: several as one; [`log`]:
//!   what is kept of it; [`replay`]: what a log says that there is, or was.
//! - [`leaving`]: what becomes of what depends on a person who goes; [`doctor`]: what is wrong with whom.
//! - [`filter`]: the language by which things of a list are picked.
//! - [`capabilities`], [`credentials`]: what each type of user can do, and needs; [`permission`], [`roles`], [`grants`]:
//!   what somebody may do, and where.
//! - [`dial_plan`]: what the phone core knows of people.

pub mod billing;
pub mod calendar;
pub mod capabilities;
pub mod change;
pub mod claims;
pub mod compose;
pub mod credentials;
pub mod dial_plan;
pub mod doctor;
pub mod emergency;
pub mod field;
pub mod filter;
pub mod fold;
pub mod grants;
pub mod handling;
pub mod ids;
pub mod kinds;
pub mod leaving;
pub mod locations;
pub mod log;
pub mod money;
pub mod national;
pub mod near;
pub mod numbers;
pub mod orders;
pub mod organization;
pub mod permission;
pub mod ports;
pub mod references;
pub mod replay;
pub mod roles;
pub mod signing;
pub mod stock;
pub mod tags;
mod time_zones;
pub mod types;
pub mod user;
pub mod value;
