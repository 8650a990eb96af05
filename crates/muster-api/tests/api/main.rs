//! The HTTP surface on a real database, called in process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod authorization;
mod back;
mod billing;
mod bulk;
mod choosing;
mod clashes;
mod common;
mod description;
mod emergency;
mod events;
mod expected;
mod files;
mod filters;
mod import_again;
mod import_files;
mod import_told;
mod imports;
mod leaving;
mod lists;
mod numbers;
mod pages;
mod phones;
mod records;
mod rights;
mod roles;
mod sessions;
mod signing;
mod tags;
mod taken_back;
mod users;
mod warnings;
mod writes;
