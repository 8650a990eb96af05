//! Secrets that Muster makes itself.

use crate::AppError;

/// Letters and digits that nobody mistakes for each other when reading them off a sheet.
const ALPHABET: &[u8; 54] = b"abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789";

/// A SIP secret of 24 letters and digits: 138 bits (at least 128 are asked for).
pub(crate) fn generate_sip_secret() -> Result<String, AppError> {
    let mut secret = String::with_capacity(24);
    while secret.len() < 24 {
        let mut bytes = [0u8; 32];
        fill(&mut bytes)?;
        // Bytes from 216 on would make the first letters likelier than the others.
        let letters = bytes.iter().filter(|b| **b < 216).map(|b| ALPHABET[usize::from(*b % 54)] as char);
        secret.extend(letters.take(24 - secret.len()));
    }
    Ok(secret)
}

/// A bearer token: `mst_` and 256 random bits, hexadecimal.
pub(crate) fn generate_token() -> Result<String, AppError> {
    let mut bytes = [0u8; 32];
    fill(&mut bytes)?;
    Ok(format!("mst_{}", hex::encode(bytes)))
}

/// The token of a session: `mss_` and 256 random bits, hexadecimal.
pub(crate) fn generate_session() -> Result<String, AppError> {
    let mut bytes = [0u8; 32];
    fill(&mut bytes)?;
    Ok(format!("{}{}", crate::signing::SESSION_PREFIX, hex::encode(bytes)))
}

pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), AppError> {
    getrandom::fill(bytes).map_err(|e| AppError::Limit(format!("the system gives no random bytes: {e}")))
}
