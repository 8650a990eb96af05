//! The HTTP surface on a real database, called in process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod authorization;
mod back;
mod billing;
mod choosing;
mod clashes;
mod common;
mod description;
mod emergency;
mod events;
mod files;
mod import_again;
mod import_files;
mod imports;
mod lists;
mod numbers;
mod pages;
mod phones;
mod records;
mod taken_back;
mod users;
mod writes;
