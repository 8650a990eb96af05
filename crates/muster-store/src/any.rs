use muster_domain::change::{self, EntityChange};
use muster_domain::claims::{self, Claim};
use muster_domain::field::{Entity, EntityKind};
use muster_domain::ids::OrgId;
use muster_domain::organization::{Connection, Device, Mailbox, Organization, PhoneNumber, Site, Token};
use muster_domain::user::User;
use muster_domain::value::Value;
use uuid::Uuid;

/// A thing of any kind that the change log speaks of. Boxed: a user takes about a kilobyte.
#[derive(Clone, Debug, PartialEq)]
pub enum AnyEntity {
    Organization(Box<Organization>),
    Site(Box<Site>),
    Connection(Box<Connection>),
    User(Box<User>),
    Device(Box<Device>),
    Mailbox(Box<Mailbox>),
    Token(Box<Token>),
    PhoneNumber(Box<PhoneNumber>),
}

/// What can be stored: every entity of the domain.
pub trait Stored: Entity {
    fn into_any(self) -> AnyEntity;
    fn from_any(any: AnyEntity) -> Option<Self>;
}

/// Runs one expression for whichever kind it is.
macro_rules! each_kind {
    ($any:expr, $entity:ident => $body:expr) => {
        match $any {
            $crate::any::AnyEntity::Organization($entity) => $body,
            $crate::any::AnyEntity::Site($entity) => $body,
            $crate::any::AnyEntity::Connection($entity) => $body,
            $crate::any::AnyEntity::User($entity) => $body,
            $crate::any::AnyEntity::Device($entity) => $body,
            $crate::any::AnyEntity::Mailbox($entity) => $body,
            $crate::any::AnyEntity::Token($entity) => $body,
            $crate::any::AnyEntity::PhoneNumber($entity) => $body,
        }
    };
}
pub(crate) use each_kind;

macro_rules! stored {
    ($($kind:ident),*) => {$(
        impl Stored for $kind {
            fn into_any(self) -> AnyEntity { AnyEntity::$kind(Box::new(self)) }
            fn from_any(any: AnyEntity) -> Option<Self> {
                match any {
                    AnyEntity::$kind(entity) => Some(*entity),
                    _ => None,
                }
            }
        }

        impl From<$kind> for AnyEntity {
            fn from(entity: $kind) -> AnyEntity { entity.into_any() }
        }
    )*};
}
stored!(Organization, Site, Connection, User, Device, Mailbox, Token, PhoneNumber);

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

    /// What it has that only one can have.
    pub fn claims(&self) -> Vec<Claim> {
        match self {
            AnyEntity::User(user) => claims::of_user(user),
            AnyEntity::Device(device) => claims::of_device(device),
            AnyEntity::PhoneNumber(number) => claims::of_number(number),
            _ => Vec::new(),
        }
    }

    pub fn as_user(&self) -> Option<&User> {
        match self {
            AnyEntity::User(user) => Some(user),
            _ => None,
        }
    }
}
