//! Keys: the key file outside the database, and a data key per tenant wrapped by it.
//!
//! A ciphertext is the id of the tenant's key (4 bytes, big-endian), a nonce (12 bytes) and what
//! ChaCha20-Poly1305 makes of the text, with `table|row|column` as associated data: a ciphertext moved to
//! another row does not decrypt there.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};
use hmac::{Hmac, Mac};
use muster_domain::ids::OrgId;
use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::StoreError;

/// What a secret is for, and with that how it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretKind {
    SipSecret,
    VoicemailPin,
    OnCallPin,
    SignInPin,
    /// An Argon2id hash; what is kept and read again is the hash.
    Password,
    SecurityAnswer,
    /// What the link of an invite carries.
    InviteToken,
    /// What the mail server is told.
    MailPassword,
}

impl SecretKind {
    pub const ALL: &'static [SecretKind] = &[
        SecretKind::SipSecret,
        SecretKind::VoicemailPin,
        SecretKind::OnCallPin,
        SecretKind::SignInPin,
        SecretKind::Password,
        SecretKind::SecurityAnswer,
        SecretKind::InviteToken,
        SecretKind::MailPassword,
    ];

    /// Encrypted and readable again; otherwise a keyed hash that can only be compared.
    pub fn readable(self) -> bool {
        use SecretKind::{MailPassword, Password, SipSecret, VoicemailPin};
        matches!(self, SipSecret | VoicemailPin | Password | MailPassword)
    }

    pub fn word(self) -> &'static str {
        match self {
            SecretKind::SipSecret => "sip_secret",
            SecretKind::VoicemailPin => "voicemail_pin",
            SecretKind::OnCallPin => "on_call_pin",
            SecretKind::SignInPin => "sign_in_pin",
            SecretKind::Password => "password",
            SecretKind::SecurityAnswer => "security_answer",
            SecretKind::InviteToken => "invite_token",
            SecretKind::MailPassword => "mail_password",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<SecretKind> {
        Self::ALL.iter().copied().find(|kind| kind.word() == word)
    }
}

/// The keys of the key file: they wrap the tenants' keys, and are not in the database. New tenants' keys
/// are wrapped by the last one.
#[derive(Clone)]
pub struct KeyRing {
    keys: Vec<Zeroizing<[u8; 32]>>,
}

const FILE_HEADER: &str = "muster-key-file-1";
const FILE_BYTES_MAX: u64 = 64 * 1024;

impl KeyRing {
    /// Reads the key file, or makes one (mode 0600) if there is none. A file that others can read is refused.
    ///
    /// The file is a header line and one key per line, 64 hexadecimal digits.
    pub fn load_or_create(path: &Path) -> Result<KeyRing, StoreError> {
        match Self::create(path) {
            Ok(ring) => Ok(ring),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Self::load(path),
            Err(e) => Err(StoreError::Open(format!("cannot make the key file {}: {e}", path.display()))),
        }
    }

    /// A ring of one key, the same every time: for tests and for keys that are kept elsewhere.
    pub fn from_bytes(key: [u8; 32]) -> KeyRing {
        KeyRing { keys: vec![Zeroizing::new(key)] }
    }

    fn create(path: &Path) -> std::io::Result<KeyRing> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *key).map_err(|e| std::io::Error::other(e.to_string()))?;
        let text = Zeroizing::new(format!("{FILE_HEADER}\n{}\n", hex::encode(*key)));
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        Ok(KeyRing { keys: vec![key] })
    }

    fn load(path: &Path) -> Result<KeyRing, StoreError> {
        let wrong = |why: String| StoreError::Open(format!("the key file {} {why}", path.display()));
        let file = std::fs::File::open(path).map_err(|e| wrong(format!("cannot be read: {e}")))?;
        #[cfg(unix)]
        {
            let meta = file.metadata().map_err(|e| wrong(format!("cannot be read: {e}")))?;
            if std::os::unix::fs::MetadataExt::mode(&meta) & 0o077 != 0 {
                return Err(wrong("can be read by others: chmod 600 it".into()));
            }
        }
        let mut text = Zeroizing::new(String::new());
        file.take(FILE_BYTES_MAX)
            .read_to_string(&mut text)
            .map_err(|e| wrong(format!("cannot be read: {e}")))?;
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        if lines.next() != Some(FILE_HEADER) {
            return Err(wrong(format!("does not begin with the line {FILE_HEADER}")));
        }
        let mut keys = Vec::new();
        for line in lines {
            let mut key = Zeroizing::new([0; 32]);
            hex::decode_to_slice(line.trim(), &mut *key)
                .map_err(|_| wrong("has a line that is not 64 hexadecimal digits".into()))?;
            keys.push(key);
        }
        if keys.is_empty() {
            return Err(wrong("has no key in it".into()));
        }
        Ok(KeyRing { keys })
    }

    /// A new key for a tenant, and its wrapped form for the database.
    pub(crate) fn new_tenant_key(&self, org: OrgId, id: u32) -> Result<(TenantKey, Vec<u8>), StoreError> {
        let mut key = Zeroizing::new([0; 32]);
        random(&mut *key)?;
        let master = self.keys.last().ok_or(StoreError::Undecryptable("there is no key"))?;
        let mut wrapped = key_name(master).to_vec();
        wrapped.extend(seal(&cipher(master), &key[..], wrap_aad(org, id).as_bytes())?);
        Ok((TenantKey::new(id, &key), wrapped))
    }

    pub(crate) fn unwrap_tenant_key(
        &self,
        org: OrgId,
        id: u32,
        wrapped: &[u8],
    ) -> Result<TenantKey, StoreError> {
        let (name, sealed) =
            wrapped.split_at_checked(8).ok_or(StoreError::Undecryptable("a tenant's key is cut short"))?;
        let master = self
            .keys
            .iter()
            .find(|key| key_name(key) == name)
            .ok_or(StoreError::Undecryptable("the key file has no key for this organization"))?;
        let key = Zeroizing::new(open(&cipher(master), sealed, wrap_aad(org, id).as_bytes())?);
        let key: [u8; 32] =
            key[..].try_into().map_err(|_| StoreError::Undecryptable("a tenant's key is cut short"))?;
        Ok(TenantKey::new(id, &Zeroizing::new(key)))
    }
}

/// What a master key is called in the ciphertexts it made; says nothing about it.
fn key_name(key: &[u8; 32]) -> [u8; 8] {
    let hash = Sha256::new().chain_update(b"muster-key-name").chain_update(key).finalize();
    let mut name = [0; 8];
    name.copy_from_slice(&hash[..8]);
    name
}

fn wrap_aad(org: OrgId, id: u32) -> String {
    format!("tenant_keys|{org}|{id}")
}

/// A tenant's data key.
pub(crate) struct TenantKey {
    pub id: u32,
    cipher: ChaCha20Poly1305,
    mac: Zeroizing<[u8; 32]>,
}

impl TenantKey {
    fn new(id: u32, key: &[u8; 32]) -> TenantKey {
        let mac = Sha256::new().chain_update(b"muster-pin-key").chain_update(key).finalize();
        TenantKey { id, cipher: cipher(key), mac: Zeroizing::new(mac.into()) }
    }

    pub fn seal(&self, plaintext: &[u8], aad: &str) -> Result<Vec<u8>, StoreError> {
        let mut out = self.id.to_be_bytes().to_vec();
        out.extend(seal(&self.cipher, plaintext, aad.as_bytes())?);
        Ok(out)
    }

    pub fn open(&self, sealed: &[u8], aad: &str) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let sealed = sealed.get(4..).ok_or(StoreError::Undecryptable("it is cut short"))?;
        open(&self.cipher, sealed, aad.as_bytes()).map(Zeroizing::new)
    }

    /// A keyed hash of what is only compared.
    pub fn hash(&self, plaintext: &[u8], aad: &str) -> Result<Vec<u8>, StoreError> {
        let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&*self.mac)
            .map_err(|_| StoreError::Undecryptable("its key has a wrong length"))?;
        mac.update(&(aad.len() as u32).to_be_bytes());
        mac.update(aad.as_bytes());
        mac.update(plaintext);
        let mut out = self.id.to_be_bytes().to_vec();
        out.extend(mac.finalize().into_bytes());
        Ok(out)
    }
}

/// What [`TenantKey::hash`] gives: the id of the key and a SHA-256.
pub(crate) const HASHED_BYTES: usize = 4 + 32;

/// The id of the tenant's key that made a ciphertext.
pub(crate) fn key_id(sealed: &[u8]) -> Result<u32, StoreError> {
    let id = sealed.first_chunk::<4>().ok_or(StoreError::Undecryptable("it is cut short"))?;
    Ok(u32::from_be_bytes(*id))
}

/// The place of a ciphertext: its associated data.
pub(crate) fn aad(table: &str, row: Uuid, column: &str) -> String {
    format!("{table}|{row}|{column}")
}

pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

pub(crate) fn random(bytes: &mut [u8]) -> Result<(), StoreError> {
    getrandom::fill(bytes).map_err(|e| StoreError::unavailable(format!("no random numbers: {e}")))
}

fn cipher(key: &[u8; 32]) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new(key.into())
}

fn seal(cipher: &ChaCha20Poly1305, plaintext: &[u8], aad: &[u8]) -> Result<Vec<u8>, StoreError> {
    let mut nonce = [0; 12];
    random(&mut nonce)?;
    let sealed = cipher
        .encrypt(&nonce.into(), Payload { msg: plaintext, aad })
        .map_err(|_| StoreError::Misuse("a secret is too long"))?;
    let mut out = nonce.to_vec();
    out.extend(sealed);
    Ok(out)
}

fn open(cipher: &ChaCha20Poly1305, sealed: &[u8], aad: &[u8]) -> Result<Vec<u8>, StoreError> {
    let (nonce, msg) =
        sealed.split_first_chunk::<12>().ok_or(StoreError::Undecryptable("it is cut short"))?;
    cipher
        .decrypt(nonce.into(), Payload { msg, aad })
        .map_err(|_| StoreError::Undecryptable("it belongs to another key or place"))
}

/// Tenants' keys that are in the database for certain. A key made by a write that has not been committed
/// must never get in here: if that commit failed, later secrets would be encrypted with a key nobody has.
pub(crate) struct KeyCache {
    ring: KeyRing,
    known: Mutex<FxHashMap<(OrgId, u32), Arc<TenantKey>>>,
}

impl KeyCache {
    pub fn new(ring: KeyRing) -> KeyCache {
        KeyCache { ring, known: Mutex::default() }
    }

    pub fn ring(&self) -> &KeyRing {
        &self.ring
    }

    pub fn get(&self, org: OrgId, id: u32) -> Option<Arc<TenantKey>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&(org, id)).cloned()
    }

    pub fn put(&self, org: OrgId, key: Arc<TenantKey>) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert((org, key.id), key);
    }
}
