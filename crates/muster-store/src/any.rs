use muster_domain::change::{self, EntityChange};
use muster_domain::claims::{self, Claim};
use muster_domain::field::{Entity, EntityKind};
use muster_domain::ids::OrgId;
use muster_domain::user::User;
use muster_domain::value::Value;
use uuid::Uuid;

/// What can be stored: every entity of the domain.
pub trait Stored: Entity {
    fn into_any(self) -> AnyEntity;
    fn from_any(any: AnyEntity) -> Option<Self>;
}

macro_rules! any_entity {
    ([] $($kind:ident $module:ident :: $type:ident $word:literal $table:literal,)*) => {
        /// A thing of any kind that the change log speaks of. Boxed: a user takes about a kilobyte.
        #[derive(Clone, Debug, PartialEq)]
        pub enum AnyEntity { $($kind(Box<muster_domain::$module::$type>),)* }

        $(impl Stored for muster_domain::$module::$type {
            fn into_any(self) -> AnyEntity { AnyEntity::$kind(Box::new(self)) }
            fn from_any(any: AnyEntity) -> Option<Self> {
                match any {
                    AnyEntity::$kind(entity) => Some(*entity),
                    _ => None,
                }
            }
        }

        impl From<muster_domain::$module::$type> for AnyEntity {
            fn from(entity: muster_domain::$module::$type) -> AnyEntity { entity.into_any() }
        })*
    };
}
muster_domain::kinds! { [any_entity] }

/// Runs one expression for whichever kind it is.
macro_rules! each_kind {
    ($any:expr, $entity:ident => $body:expr) => {
        muster_domain::kinds! { [crate::any::each_kind_arms] $any, $entity, $body }
    };
}
pub(crate) use each_kind;

macro_rules! each_kind_arms {
    ([$any:expr, $entity:ident, $body:expr]
     $($kind:ident $module:ident :: $type:ident $word:literal $table:literal,)*) => {
        match $any { $($crate::any::AnyEntity::$kind($entity) => $body,)* }
    };
}
pub(crate) use each_kind_arms;

impl AnyEntity {
    pub fn kind(&self) -> EntityKind {
        fn kind_of<E: Entity>(_: &E) -> EntityKind {
            E::KIND
        }
        each_kind!(self, entity => kind_of(&**entity))
    }

    pub fn org(&self) -> OrgId {
        each_kind!(self, entity => Entity::org(&**entity))
    }

    pub fn id(&self) -> Uuid {
        each_kind!(self, entity => Entity::id(&**entity))
    }

    pub fn version(&self) -> u64 {
        each_kind!(self, entity => entity.version)
    }

    /// What a field holds; `None` if there is no such field.
    pub fn value(&self, field: &str) -> Option<Value> {
        fn value_of<E: Entity>(entity: &E, field: &str) -> Option<Value> {
            E::field(field).map(|f| (f.get)(entity))
        }
        each_kind!(self, entity => value_of(&**entity, field))
    }

    /// Fields that the thing's creation does not name and that hold something now.
    pub fn added_since(&self, creation: &EntityChange) -> Vec<&'static str> {
        fn names<E: Entity>(entity: &E, creation: &EntityChange) -> Vec<&'static str> {
            change::added_since(entity, creation).into_iter().map(|f| f.name).collect()
        }
        each_kind!(self, entity => names(&**entity, creation))
    }

    /// The change that makes such a thing.
    pub fn creation(&self) -> EntityChange {
        each_kind!(self, entity => change::creation_of(&**entity))
    }

    /// What it has that only one can have.
    pub fn claims(&self) -> Vec<Claim> {
        match self {
            AnyEntity::User(user) => claims::of_user(user),
            AnyEntity::Device(device) => claims::of_device(device),
            AnyEntity::PhoneNumber(number) => claims::of_number(number),
            AnyEntity::Group(group) => {
                claims::of_dialled(self.kind(), &group.name, group.connection, group.extension.as_ref())
            }
            AnyEntity::Menu(menu) => {
                claims::of_dialled(self.kind(), &menu.name, menu.connection, menu.extension.as_ref())
            }
            AnyEntity::FaxAccount(fax) => vec![claims::named(self.kind(), fax.name.as_str())],
            AnyEntity::SmsSender(sender) => vec![claims::named(self.kind(), sender.name.as_str())],
            AnyEntity::OnCallSchedule(schedule) => vec![claims::named(self.kind(), schedule.name.as_str())],
            AnyEntity::EmergencyLocation(location) => {
                vec![claims::named(self.kind(), location.name.as_str())]
            }
            AnyEntity::ShippingAddress(address) => vec![claims::named(self.kind(), address.name.as_str())],
            AnyEntity::Role(role) => vec![claims::named(self.kind(), role.name.as_str())],
            AnyEntity::TagDefinition(tag) => claims::of_tag(tag),
            AnyEntity::SignIn(sign_in) => claims::of_sign_in(sign_in),
            AnyEntity::Subscription(terms) => vec![claims::named(self.kind(), terms.name.as_str())],
            AnyEntity::PhoneModel(model) => vec![claims::named(self.kind(), model.name.as_str())],
            AnyEntity::StockNumber(number) => claims::of_stock(number),
            AnyEntity::UnassignedExtension(seat) => claims::of_seat(seat),
            AnyEntity::Invoice(invoice) => claims::of_invoice(invoice),
            AnyEntity::PortOrder(port) => claims::of_port(port),
            // A site's or connection's name is compared by whoever makes one; others may share theirs.
            AnyEntity::Organization(_)
            | AnyEntity::Site(_)
            | AnyEntity::Connection(_)
            | AnyEntity::Mailbox(_)
            | AnyEntity::Token(_)
            | AnyEntity::Invite(_)
            | AnyEntity::MailServer(_)
            | AnyEntity::Order(_)
            | AnyEntity::OrderItem(_)
            | AnyEntity::Licence(_) => Vec::new(),
        }
    }

    pub fn as_user(&self) -> Option<&User> {
        match self {
            AnyEntity::User(user) => Some(user),
            _ => None,
        }
    }
}
