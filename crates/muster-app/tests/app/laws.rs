//! The ten invariants, each as a look at what is stored: an organization that keeps them passes, whatever
//! was done in it.

use std::collections::{BTreeMap, BTreeSet};

use muster_app::{App, Scope, Stored};
use muster_domain::claims::of_user;
use muster_domain::field::Entity;
use muster_domain::ids::{OrgId, UserId};
use muster_domain::orders::{Order, OrderState};
use muster_domain::organization::{Mailbox, PhoneNumber};
use muster_domain::stock::{StockNumber, StockState, UnassignedExtension};
use muster_domain::types::UnixMillis;
use muster_domain::user::{Record, Service, User};
use muster_store::{Reader, StoreError};
use uuid::Uuid;

use crate::money::parsed;
use crate::world::World;

/// What no answer and no line of the log may contain.
pub const SECRETS: [&str; 2] = ["Kx7-pL2-qR9-vT4", "correct horse battery"];

/// All that the laws look at, read at one moment.
#[derive(Clone, Debug)]
pub struct Seen {
    pub users: Vec<User>,
    pub mailboxes: Vec<Mailbox>,
    pub numbers: Vec<PhoneNumber>,
    pub pool: Vec<UnassignedExtension>,
    pub orders: Vec<Order>,
    /// The operator's.
    pub stock: Vec<StockNumber>,
    /// What names what is not there.
    pub dangling: Vec<String>,
    /// Who counts, by the log.
    pub counted: BTreeSet<UserId>,
    /// Who may administer, and may act.
    pub administrators: BTreeSet<UserId>,
    pub now: UnixMillis,
}

fn all<E: Stored>(r: &mut Reader, org: OrgId) -> Result<Vec<E>, StoreError> {
    r.all::<E>(org)
}

impl Seen {
    pub fn of(app: &App, scope: &Scope, operator: &Scope) -> Seen {
        let org = scope.org();
        let head = app.head_seq(scope).unwrap();
        let now = app.changes(scope, head.saturating_sub(1), 1).unwrap().last().map(|line| line.envelope.at);
        let counted: BTreeSet<UserId> =
            app.seats(scope, None, 1000).unwrap().seats.iter().map(|seat| seat.user).collect();
        let seen = app.store().read(|r| {
            let users = all::<User>(r, org)?;
            Ok::<_, StoreError>(Seen {
                administrators: users.iter().filter(|user| administers(user)).map(|user| user.id).collect(),
                users,
                mailboxes: all(r, org)?,
                numbers: all(r, org)?,
                pool: all(r, org)?,
                orders: all(r, org)?,
                stock: all(r, operator.org())?,
                dangling: r.dangling(org)?.iter().map(|reference| format!("{reference:?}")).collect(),
                counted: counted.clone(),
                now: now.unwrap_or_default(),
            })
        });
        seen.unwrap()
    }

    /// What is broken of what one look shows: laws 1, 2, 4, 6, 7 and 10.
    pub fn broken(&self, org: OrgId, slug: &str) -> Vec<String> {
        let mut broken: Vec<String> = self.dangling.iter().map(|what| format!("2: {what}")).collect();
        self.one_owner(&mut broken);
        self.derived(&mut broken);
        self.pool_is_whole(&mut broken);
        self.numbers_are_at_one_place(slug, &mut broken);
        let foreign = |other: OrgId| other != org;
        if self.users.iter().any(|user| foreign(user.org)) || self.numbers.iter().any(|n| foreign(n.org)) {
            broken.push("10: something is of another organization".into());
        }
        broken
    }

    fn one_owner(&self, broken: &mut Vec<String>) {
        let mut owners: BTreeMap<(String, String), UserId> = BTreeMap::new();
        for user in &self.users {
            for claim in of_user(user) {
                let key = (claim.space.to_string(), claim.key.to_string());
                if let Some(other) = owners.insert(key.clone(), user.id) {
                    broken.push(format!("1: {key:?} is {other}'s and {}'s", user.id));
                }
            }
        }
    }

    fn derived(&self, broken: &mut Vec<String>) {
        let is_counted = |user: &&User| muster_domain::log::counts(user);
        let live: BTreeSet<UserId> = self.users.iter().filter(is_counted).map(|user| user.id).collect();
        if live != self.counted {
            broken.push(format!("4: the log counts {:?}, who are live are {live:?}", self.counted));
        }
    }

    fn pool_is_whole(&self, broken: &mut Vec<String>) {
        let live: BTreeSet<UserId> =
            self.users.iter().filter(|user| user.record == Record::Live).map(|user| user.id).collect();
        let mut holders = BTreeSet::new();
        for seat in &self.pool {
            let Some(holder) = seat.user else { continue };
            if !live.contains(&holder) {
                broken.push(format!("6: the seat {} is kept by {holder}, who is removed", seat.id));
            }
            if !holders.insert(holder) {
                broken.push(format!("6: {holder} has two seats"));
            }
        }
    }

    fn numbers_are_at_one_place(&self, slug: &str, broken: &mut Vec<String>) {
        let mut rows = BTreeSet::new();
        for row in &self.numbers {
            if !rows.insert(row.number.to_string()) {
                broken.push(format!("7: {} is there twice", row.number));
            }
        }
        let open: BTreeSet<String> = self
            .orders
            .iter()
            .filter(|order| matches!(order.state, OrderState::Reserved | OrderState::AwaitingApproval))
            .map(|order| order.id.to_string())
            .collect();
        for number in &self.stock {
            let ours = number.organization.as_ref().is_some_and(|of| of.as_str() == slug);
            let order = number.order.as_ref().map(ToString::to_string).unwrap_or_default();
            let is_held = number.reserved_until.is_some_and(|until| until > self.now);
            match number.state {
                StockState::Reserved if ours && is_held && !open.contains(&order) => {
                    broken.push(format!("7: {} is held by {order}, which has ended", number.number));
                }
                StockState::Assigned if ours && !rows.contains(number.number.as_str()) => {
                    broken.push(format!("7: {} was sold and is not there", number.number));
                }
                StockState::Free if rows.contains(number.number.as_str()) => {
                    broken.push(format!("7: {} is free and somebody's", number.number));
                }
                _ => {}
            }
        }
    }

    /// What is broken of a step from `before`: laws 3 and 8. `chose` says whether a person chose that
    /// mailboxes go.
    pub fn broken_since(&self, before: &Seen, chose: bool) -> Vec<String> {
        let ids = |seen: &Seen| -> BTreeSet<Uuid> { seen.mailboxes.iter().map(Entity::id).collect() };
        let (had, has) = (ids(before), ids(self));
        let mut broken = Vec::new();
        if let (false, Some(lost)) = (chose, had.difference(&has).next()) {
            broken.push(format!("3: the mailbox {lost} went with its owner"));
        }
        if !before.administrators.is_empty() && self.administrators.is_empty() {
            broken.push("8: nobody may administer any more".into());
        }
        broken
    }
}

fn administers(user: &User) -> bool {
    let may_act = user.record == Record::Live && user.service != Service::Disabled;
    may_act && user.roles.iter().any(|role| role.as_str() == "administrator")
}

/// Law 5: no line of the log has a secret in it.
pub fn leaks(app: &App, scope: &Scope, since: u64) -> Vec<String> {
    let lines = app.changes(scope, since, 1000).unwrap();
    let told = lines.iter().map(|line| (line.envelope.seq, format!("{line:?}")));
    let leaked = told.filter(|(_, text)| SECRETS.iter().any(|secret| text.contains(secret)));
    leaked.map(|(seq, _)| format!("5: change {seq} says a secret")).collect()
}

/// The laws are no better than what they find: each of them, broken by hand.
#[test]
fn each_law_names_what_breaks_it() {
    let world = World::on_sqlite();
    let (scope, other) = (world.organization("acme"), world.organization("other"));
    let ana = world.person(&scope, 1001, &[("roles", "administrator")]);
    world.person(&scope, 1002, &[]);
    world.app.activate_users(&scope, &[ana]).unwrap();
    let whole = Seen::of(&world.app, &scope, &world.operator());
    let (org, foreign) = (scope.org(), other.org());
    assert_eq!(whole.broken(org, "acme"), Vec::<String>::new());
    assert_eq!(whole.broken_since(&whole, false), Vec::<String>::new());
    let row = || PhoneNumber { number: parsed("+12125550001"), ..PhoneNumber::blank(org, Uuid::now_v7()) };
    let stock = |state| StockNumber {
        state,
        number: parsed("+12125550001"),
        organization: Some(parsed("acme")),
        reserved_until: Some(UnixMillis(i64::MAX)),
        ..StockNumber::blank(org, Uuid::now_v7())
    };
    let seat =
        |user| UnassignedExtension { user: Some(user), ..UnassignedExtension::blank(org, Uuid::now_v7()) };
    type Damage<'a> = (&'static str, Box<dyn Fn(&mut Seen) + 'a>);
    let damages: Vec<Damage<'_>> = vec![
        ("1", Box::new(|seen| seen.users[1].extension = seen.users[0].extension.clone())),
        ("2", Box::new(|seen| seen.dangling.push("group members".into()))),
        ("3", Box::new(|seen| drop(seen.mailboxes.pop()))),
        ("4", Box::new(|seen| seen.counted.clear())),
        ("6", Box::new(|seen| seen.pool.push(seat(UserId(Uuid::now_v7()))))),
        ("6", Box::new(|seen| seen.pool.extend([seat(ana), seat(ana)]))),
        ("7", Box::new(|seen| seen.numbers.extend([row(), row()]))),
        ("7", Box::new(|seen| seen.stock.push(stock(StockState::Assigned)))),
        ("7", Box::new(|seen| seen.stock.push(stock(StockState::Reserved)))),
        ("7", Box::new(|seen| (seen.numbers.push(row()), seen.stock.push(stock(StockState::Free))).1)),
        ("8", Box::new(|seen| seen.administrators.clear())),
        ("10", Box::new(|seen| seen.users[0].org = foreign)),
    ];
    for (at, (law, damage)) in damages.iter().enumerate() {
        let mut seen = whole.clone();
        damage(&mut seen);
        let mut broken = seen.broken(org, "acme");
        broken.extend(seen.broken_since(&whole, false));
        let named = broken.iter().any(|what| what.starts_with(&format!("{law}: ")));
        assert!(named, "damage {at}, of law {law}: {broken:?}");
    }
    let title = [muster_app::users::parse_field("title", SECRETS[0]).unwrap()];
    world.app.edit_user(&scope, ana, None, &title, muster_app::Allow::default()).unwrap();
    assert_ne!(leaks(&world.app, &scope, 0), Vec::<String>::new());
}
