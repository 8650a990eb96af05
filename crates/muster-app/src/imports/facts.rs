//! What of a file's people is worth knowing before and after a move: counts only, kept with the job.

use std::collections::{BTreeMap, HashMap};

use muster_domain::types::fold;
use muster_domain::user::{Service, User};
use muster_import::{Column, FileStatus, MailboxWish, Row};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::plan::Plan;
use super::remarks::sip_password_remark;

/// Sites that are counted by name.
const SITES_MAX: usize = 200;

/// Of the rows that are taken, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    pub people: u64,
    /// People who are activated and whose phones keep signing in as they are, because the file has their
    /// password.
    pub sip_passwords: u64,
    /// Of the passwords that the file has, people with one that can be guessed.
    pub weak_sip_passwords: u64,
    /// Desk phones, by their hardware addresses.
    pub desk_phones: u64,
    /// Devices with a login of their own.
    pub device_logins: u64,
    pub mailboxes: u64,
    pub direct_numbers: u64,
    pub mobile_numbers: u64,
    pub without_email: u64,
    /// Addresses that more than one person has, and the people who have one of them.
    pub shared_emails: u64,
    pub people_sharing_emails: u64,
    /// As the file says of people, whatever was chosen.
    pub active_in_file: u64,
    pub inactive_in_file: u64,
    /// People by their site in the file.
    pub sites: BTreeMap<String, u64>,
    /// In how many rows each column says something, refused ones too, in the order of the file.
    pub columns: Vec<ColumnFact>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnFact {
    pub rows: u64,
    /// It is not taken, and somebody may have to set up by hand what it holds.
    pub by_hand: bool,
}

/// How many people have each address: only of a file in which that is allowed.
#[derive(Default)]
pub(super) struct SharedEmails(HashMap<SmolStr, u32>);

impl Facts {
    pub(super) fn person(
        &mut self,
        plan: &Plan,
        existing: Option<&User>,
        row: &Row,
        shared: Option<&mut SharedEmails>,
    ) {
        let (user, person) = (&plan.user, &row.person);
        let one = u64::from;
        self.people += 1;
        if let Some(password) = &person.sip_password {
            self.sip_passwords += one(user.service == Service::Enabled);
            self.weak_sip_passwords += one(sip_password_remark(password.reveal(), user).is_some());
        }
        self.desk_phones += person.devices.iter().filter(|device| device.mac.is_some()).count() as u64;
        self.device_logins +=
            person.devices.iter().filter(|device| device.auth_name.is_some()).count() as u64;
        self.mailboxes += one(matches!(person.mailbox, MailboxWish::Own { .. }));
        self.direct_numbers += one(person.text("direct_number").is_some());
        self.mobile_numbers += one(person.text("mobile_number").is_some());
        self.active_in_file += one(person.status == Some(FileStatus::Active));
        self.inactive_in_file += one(person.status == Some(FileStatus::Inactive));
        match (&user.email, shared) {
            (None, _) => self.without_email += 1,
            (Some(_), None) => {}
            (Some(email), Some(shared)) => {
                let count = shared.0.entry(fold(email.as_str()).into()).or_default();
                *count += 1;
                self.shared_emails += one(*count == 2);
                self.people_sharing_emails += match *count {
                    1 => 0,
                    2 => 2,
                    _ => 1,
                };
            }
        }
        if let Some(site) = person.site_name.as_ref().filter(|_| existing.is_none()) {
            let known = self.sites.contains_key(site.as_str());
            if known || self.sites.len() < SITES_MAX {
                *self.sites.entry(site.to_string()).or_default() += 1;
            }
        }
    }

    pub(super) fn columns(&mut self, columns: &[Column], rows: &[u64]) {
        let fact =
            |(column, rows): (&Column, &u64)| ColumnFact { rows: *rows, by_hand: column.leaves_work() };
        self.columns = columns.iter().zip(rows).map(fact).collect();
    }
}
