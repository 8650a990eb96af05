//! Passwords: what one may be, and its Argon2id hash.
//!
//! A hash takes 19 MiB and some tens of milliseconds on purpose: so many are made at once as there are processors
//! for them, and whoever comes when too many wait is told to come again.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Params, Version};
use muster_domain::types::fold;
use muster_domain::user::User;
use muster_domain::value::FieldError;
use muster_store::StoreError;
use zeroize::Zeroizing;

use crate::AppError;

const MEMORY_KIB: u32 = 19 * 1024;
const ROUNDS: u32 = 2;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

const CHARACTERS_MIN: usize = 8;
const BYTES_MAX: usize = 512;

/// Whoever waits longer for a place is told that the server is busy.
const WAIT_MAX: Duration = Duration::from_secs(10);
const WAITING_MAX: usize = 64;

/// What everybody tries first.
const COMMON: &[&str] = &[
    "12345678",
    "123456789",
    "1234567890",
    "password",
    "password1",
    "passw0rd",
    "qwertyui",
    "qwerty123",
    "qwertyuiop",
    "qwertzui",
    "iloveyou",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "superman",
    "trustno1",
    "letmein1",
    "welcome1",
    "administrator",
    "changeme",
    "passwort",
    "passwort1",
    "hallo123",
    "11111111",
    "00000000",
    "87654321",
    "abcdefgh",
    "abcd1234",
    "1q2w3e4r",
    "1qaz2wsx",
    "asdfghjk",
];

/// The places where hashes are made.
pub struct Hashing {
    free: Mutex<Places>,
    freed: Condvar,
}

#[derive(Clone, Copy)]
struct Places {
    free: usize,
    waiting: usize,
}

impl Default for Hashing {
    fn default() -> Hashing {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Hashing {
            free: Mutex::new(Places { free: processors.div_ceil(2).min(8), waiting: 0 }),
            freed: Condvar::new(),
        }
    }
}

struct Place<'a>(&'a Hashing);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.free.lock().unwrap_or_else(PoisonError::into_inner).free += 1;
        self.0.freed.notify_one();
    }
}

impl Hashing {
    fn place(&self) -> Result<Place<'_>, AppError> {
        let busy = || Err(AppError::Store(StoreError::Busy));
        let until = Instant::now() + WAIT_MAX;
        let mut places = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if places.free == 0 && places.waiting >= WAITING_MAX {
            return busy();
        }
        while places.free == 0 {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return busy();
            }
            places.waiting += 1;
            places = self.freed.wait_timeout(places, left).unwrap_or_else(PoisonError::into_inner).0;
            places.waiting -= 1;
        }
        places.free -= 1;
        drop(places);
        Ok(Place(self))
    }

    /// `argon2id:KIB:ROUNDS:LANES:SALT:HASH`, the last two hexadecimal.
    pub(crate) fn hash(&self, password: &str) -> Result<Zeroizing<String>, AppError> {
        let mut salt = [0; SALT_BYTES];
        crate::secrets::fill(&mut salt)?;
        let hash = self.derive(password, &salt, (MEMORY_KIB, ROUNDS, LANES))?;
        let (salt, hash) = (hex::encode(salt), hex::encode(*hash));
        Ok(Zeroizing::new(format!("argon2id:{MEMORY_KIB}:{ROUNDS}:{LANES}:{salt}:{hash}")))
    }

    /// Whether the password is the one of the hash; with `None` it takes as long, and is not.
    pub(crate) fn matches(&self, password: &str, stored: Option<&str>) -> Result<bool, AppError> {
        let Some((cost, salt, expected)) = stored.and_then(read) else {
            self.derive(password, &[0; SALT_BYTES], (MEMORY_KIB, ROUNDS, LANES))?;
            return Ok(false);
        };
        let hash = self.derive(password, &salt, cost)?;
        Ok(subtle::ConstantTimeEq::ct_eq(&hash[..], &expected[..]).into())
    }

    fn derive(
        &self,
        password: &str,
        salt: &[u8],
        (memory, rounds, lanes): (u32, u32, u32),
    ) -> Result<Zeroizing<[u8; HASH_BYTES]>, AppError> {
        let refused = |e: argon2::Error| AppError::Limit(format!("a password cannot be hashed: {e}"));
        let params = Params::new(memory, rounds, lanes, Some(HASH_BYTES)).map_err(refused)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut hash = Zeroizing::new([0; HASH_BYTES]);
        let _place = self.place()?;
        argon2.hash_password_into(password.as_bytes(), salt, &mut *hash).map_err(refused)?;
        Ok(hash)
    }
}

type Stored = ((u32, u32, u32), Vec<u8>, Vec<u8>);

fn read(stored: &str) -> Option<Stored> {
    let mut parts = stored.strip_prefix("argon2id:")?.split(':');
    let mut number = || parts.next()?.parse().ok();
    let cost = (number()?, number()?, number()?);
    let (salt, hash) = (hex::decode(parts.next()?).ok()?, hex::decode(parts.next()?).ok()?);
    (hash.len() == HASH_BYTES).then_some((cost, salt, hash))
}

/// Why a text is no password for somebody (NIST SP 800-63B §3.1.1.2: length and what is known, no rules of
/// composition).
pub(crate) fn wrong(field: &'static str, password: &str, user: &User) -> Option<FieldError> {
    let says = |reason: &str, mend: &str| Some(FieldError::new(field, reason, mend));
    if password.chars().count() < CHARACTERS_MIN {
        return says(
            "is shorter than 8 characters",
            "choose 8 characters or more; several words are easy to remember",
        );
    }
    if password.len() > BYTES_MAX || password.chars().any(char::is_control) {
        return says("is not a password", "choose 8 to 128 visible characters");
    }
    let folded = fold(password);
    let names = [user.username.as_str(), user.display_name.as_str()];
    let emails = user.email.iter().map(|email| email.as_str());
    if names.into_iter().chain(emails).any(|name| fold(name) == folded) {
        return says("is a name of theirs", "choose something that nobody knows");
    }
    let first = folded.chars().next();
    if COMMON.contains(&folded.as_str()) || folded.chars().all(|c| Some(c) == first) {
        return says(
            "is one that everybody tries first",
            "choose another; several words are easy to remember",
        );
    }
    None
}

/// A password to be told to somebody and changed by them: 12 letters and digits that are not mistaken for others.
pub(crate) fn generate() -> Result<String, AppError> {
    let secret = crate::secrets::generate_sip_secret()?;
    Ok(secret.chars().take(12).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use muster_domain::field::Entity;
    use muster_domain::ids::OrgId;
    use muster_domain::types::Username;
    use uuid::Uuid;

    #[test]
    fn a_hash_matches_its_password_and_no_other_and_never_twice_the_same() {
        let hashing = Hashing::default();
        let (one, two) = (hashing.hash("korrekt pferd").unwrap(), hashing.hash("korrekt pferd").unwrap());
        assert_ne!(*one, *two);
        assert!(hashing.matches("korrekt pferd", Some(&one)).unwrap());
        assert!(!hashing.matches("korrekt Pferd", Some(&one)).unwrap());
        assert!(!hashing.matches("korrekt pferd", None).unwrap());
        assert!(!hashing.matches("", Some("argon2id:19456:2:1:00:")).unwrap());
    }

    #[test]
    fn short_known_and_own_names_are_no_passwords() {
        let mut user = User::blank(OrgId(Uuid::nil()), Uuid::nil());
        user.username = Username::parse("anasilva").unwrap();
        for password in ["short", "Password1", "aaaaaaaaaa", "AnaSilva", "with\nbreak in it"] {
            assert!(wrong("password", password, &user).is_some(), "{password}");
        }
        assert_eq!(wrong("password", "quiet blue kettle", &user), None);
    }
}
