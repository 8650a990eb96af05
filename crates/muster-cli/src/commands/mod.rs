//! One file for each thing that can be typed.

mod back;
mod backup;
mod changes;
mod connection;
mod contacts;
mod device;
mod doctor;
mod emergency;
mod export;
mod extension;
mod fields;
mod import;
mod import_history;
mod invoice;
mod job;
mod mail;
mod number;
mod order;
mod org;
mod port;
mod record;
mod role;
mod seats;
mod site;
mod subscription;
mod token;
mod undo;
mod user;

pub(crate) use import::job_of;

use crate::args::Command;
use crate::console::Console;
use crate::failure::Failure;
use crate::globals::Globals;
use crate::session::Session;

pub(crate) fn run(globals: &Globals, command: &Command, console: &mut Console<'_>) -> Result<(), Failure> {
    let mut session = Session::new(globals, console)?;
    let session = &mut session;
    match command {
        Command::Org(command) => org::run(session, command),
        Command::Import(args) => import::run(session, args),
        Command::ImportHistory { limit } => import_history::run(session, *limit),
        Command::Export(args) => export::run(session, args),
        Command::Extension(command) => extension::run(session, command),
        Command::User(command) => user::run(session, command),
        Command::Contacts(args) => contacts::run(session, args),
        Command::Seats => seats::run(session),
        Command::Subscription(command) => subscription::run(session, command),
        Command::Invoice(command) => invoice::run(session, command),
        Command::Order(command) => order::run(session, command),
        Command::PhoneModel(command) => record::run(session, &record::PHONE_MODEL, command),
        Command::Pool(command) => record::run(session, &record::UNASSIGNED_EXTENSION, command),
        Command::Port(command) => port::run(session, command),
        Command::Site(command) => site::run(session, command),
        Command::Connection(command) => connection::run(session, command),
        Command::Device(command) => device::run(session, command),
        Command::Number(command) => number::run(session, command),
        Command::Group(command) => record::run(session, &record::GROUP, command),
        Command::Menu(command) => record::run(session, &record::MENU, command),
        Command::FaxAccount(command) => record::run(session, &record::FAX_ACCOUNT, command),
        Command::SmsSender(command) => record::run(session, &record::SMS_SENDER, command),
        Command::OnCall(command) => record::run(session, &record::ON_CALL, command),
        Command::EmergencyLocation(command) => record::run(session, &record::EMERGENCY_LOCATION, command),
        Command::EmergencyAffected => emergency::affected(session),
        Command::ShippingAddress(command) => record::run(session, &record::SHIPPING_ADDRESS, command),
        Command::Tag(command) => record::run(session, &record::TAG, command),
        Command::Mail(command) => mail::run(session, command),
        Command::Role(command) => role::run(session, command),
        Command::Changes(args) => changes::run(session, args),
        Command::Undo(args) => undo::run(session, args),
        Command::Job(command) => job::run(session, command),
        Command::Token(command) => token::run(session, command),
        Command::Doctor(args) => doctor::run(session, args),
        Command::Backup(args) => backup::run(session, args),
    }?;
    session.console.out.flush()?;
    Ok(())
}
