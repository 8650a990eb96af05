//! Keys: the key file outside the database, and a data key per tenant wrapped by it.

use std::path::Path;

use zeroize::Zeroizing;

use crate::StoreError;

/// What a secret is for, and with that how it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretKind {
    SipSecret,
    VoicemailPin,
    OnCallPin,
    SignInPin,
}

impl SecretKind {
    /// Encrypted and readable again; otherwise a keyed hash that can only be compared.
    pub fn readable(self) -> bool {
        matches!(self, SecretKind::SipSecret | SecretKind::VoicemailPin)
    }
}

/// The keys of the key file: they wrap the tenants' keys, and are not in the database.
#[derive(Clone)]
pub struct KeyRing {
    #[allow(dead_code)]
    keys: Vec<Zeroizing<[u8; 32]>>,
}

impl KeyRing {
    /// Reads the key file, or makes one (mode 0600) if there is none.
    pub fn load_or_create(_path: &Path) -> Result<KeyRing, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    /// For tests: always the same keys.
    pub fn from_bytes(key: [u8; 32]) -> KeyRing {
        KeyRing { keys: vec![Zeroizing::new(key)] }
    }
}
