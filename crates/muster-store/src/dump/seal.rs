//! Encryption of a stream under a passphrase.
//!
//! The passphrase gives a key (Argon2id, RFC 9106) that wraps a random one of the file's own. With that one the
//! stream is sealed in pieces of 64 KiB (the STREAM construction: the nonce of a piece is seven random bytes of
//! the file, its number, and whether it is the last), so that a byte that was changed, a piece that was moved or
//! left out, and an end that is missing are all found, each before anything of that piece is used.
//!
//! ```text
//! magic      16 bytes   "muster-backup-1\n"
//! cost       12 bytes   KiB of memory, passes, lanes: 4 bytes each, big-endian
//! salt       16 bytes
//! prefix      7 bytes   of the pieces' nonces
//! wrapped    60 bytes   nonce (12), the file's key (32) and its tag (16); all before it is associated data
//! check       8 bytes   of SHA-256 over all before it: tells damage from a wrong passphrase
//! pieces     …          up to 65,536 bytes and a tag of 16 each
//! ```

use std::io::{self, Read, Write};

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::BackupError;
use crate::StoreError;
use crate::keys::random;

const MAGIC: &[u8; 16] = b"muster-backup-1\n";
const MAGIC_NAME: &[u8] = b"muster-backup-";
const FORMAT: u64 = 1;
const SALT: std::ops::Range<usize> = 28..44;
const PREFIX: std::ops::Range<usize> = 44..51;
const WRAPPED: std::ops::Range<usize> = 51..111;
const CHECK: std::ops::Range<usize> = 111..119;
const HEADER_BYTES: usize = 119;

pub(super) const PIECE_BYTES: usize = 64 * 1024;
const TAG_BYTES: usize = 16;

/// What a passphrase is worth.
const CHARACTERS_MIN: usize = 12;
const DIFFERENT_MIN: usize = 5;
/// Longer ones are no passphrase but a file that was given by mistake.
const BYTES_MAX: usize = 1024;

/// What a backup is encrypted under.
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// A new one, for a backup to be made. `Err` says why it will not do.
    pub fn new(text: &str) -> Result<Passphrase, String> {
        let different = text.chars().collect::<std::collections::BTreeSet<char>>().len();
        let characters = text.chars().count();
        if text.trim().is_empty() {
            return Err("is empty".into());
        }
        if characters < CHARACTERS_MIN {
            return Err(format!("has only {characters} characters, which can be guessed"));
        }
        if different < DIFFERENT_MIN {
            return Err(format!("is made of only {different} different characters, which can be guessed"));
        }
        if text.chars().all(|c| c.is_ascii_digit()) {
            return Err("is made of digits alone, which can be guessed".into());
        }
        if text.len() > BYTES_MAX {
            return Err(format!("is longer than {BYTES_MAX} bytes"));
        }
        Ok(Passphrase::of_old(text))
    }

    /// One that a backup was made with: it is right or it is not.
    pub fn of_old(text: &str) -> Passphrase {
        Passphrase(Zeroizing::new(text.to_string()))
    }

    fn key(&self, cost: Cost, salt: &[u8]) -> Result<Zeroizing<[u8; 32]>, BackupError> {
        let refused = |_| BackupError::Unreadable("its key cannot be made");
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).map_err(refused)?;
        let mut key = Zeroizing::new([0; 32]);
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        argon2.hash_password_into(self.0.as_bytes(), salt, &mut *key).map_err(refused)?;
        Ok(key)
    }
}

/// What trying one passphrase costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    pub memory_kib: u32,
    pub passes: u32,
    pub lanes: u32,
}

impl Cost {
    /// Twice as many passes as a password at a sign-in has: a file can be tried in peace.
    pub const STANDARD: Cost = Cost { memory_kib: 19 * 1024, passes: 4, lanes: 1 };
    /// What a file may ask for before the passphrase has been tried: we never ask for so much, and more is a
    /// trap.
    const MAX: Cost = Cost { memory_kib: 256 * 1024, passes: 10, lanes: 4 };

    fn is_sane(self) -> bool {
        self.memory_kib <= Cost::MAX.memory_kib
            && self.passes <= Cost::MAX.passes
            && self.lanes <= Cost::MAX.lanes
    }

    fn bytes(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        for (part, n) in bytes.chunks_mut(4).zip([self.memory_kib, self.passes, self.lanes]) {
            part.copy_from_slice(&n.to_be_bytes());
        }
        bytes
    }

    fn of(bytes: &[u8]) -> Cost {
        let n = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        Cost { memory_kib: n(0), passes: n(4), lanes: n(8) }
    }
}

/// The key of a file, its nonces, and how far it has come.
struct Pieces {
    cipher: ChaCha20Poly1305,
    prefix: [u8; 7],
    number: u32,
}

impl Pieces {
    fn new(key: &[u8; 32], prefix: &[u8]) -> Pieces {
        let mut own = [0; 7];
        own.copy_from_slice(prefix);
        Pieces { cipher: ChaCha20Poly1305::new(key.into()), prefix: own, number: 0 }
    }

    fn nonce(&self, last: bool) -> [u8; 12] {
        let mut nonce = [0; 12];
        nonce[..7].copy_from_slice(&self.prefix);
        nonce[7..11].copy_from_slice(&self.number.to_be_bytes());
        nonce[11] = u8::from(last);
        nonce
    }

    fn next(&mut self) -> io::Result<()> {
        let next = self.number.checked_add(1);
        self.number = next.ok_or_else(|| io::Error::other("a backup cannot be larger than 256 TiB"))?;
        Ok(())
    }
}

/// Seals what is written to it. Without [`Sealer::finish`] the end is missing, which opening it finds.
pub(super) struct Sealer<W: Write> {
    out: W,
    pieces: Pieces,
    plain: Zeroizing<Vec<u8>>,
}

impl<W: Write> Sealer<W> {
    /// Writes the header.
    pub fn new(mut out: W, passphrase: &Passphrase, cost: Cost) -> Result<Sealer<W>, BackupError> {
        let mut header = [0; HEADER_BYTES];
        header[..16].copy_from_slice(MAGIC);
        header[16..28].copy_from_slice(&cost.bytes());
        random(&mut header[SALT.start..PREFIX.end])?;
        let mut key = Zeroizing::new([0; 32]);
        random(&mut *key)?;
        let mut nonce = [0; 12];
        random(&mut nonce)?;
        let wrapping = ChaCha20Poly1305::new((&*passphrase.key(cost, &header[SALT])?).into());
        let payload = Payload { msg: &key[..], aad: &header[..WRAPPED.start] };
        let wrapped = wrapping
            .encrypt(&nonce.into(), payload)
            .map_err(|_| StoreError::Misuse("a key cannot be wrapped"))?;
        header[WRAPPED.start..WRAPPED.start + 12].copy_from_slice(&nonce);
        header[WRAPPED.start + 12..WRAPPED.end].copy_from_slice(&wrapped);
        let check = Sha256::digest(&header[..CHECK.start]);
        header[CHECK].copy_from_slice(&check[..8]);
        out.write_all(&header).map_err(BackupError::Write)?;
        let pieces = Pieces::new(&key, &header[PREFIX]);
        Ok(Sealer { out, pieces, plain: Zeroizing::new(Vec::with_capacity(PIECE_BYTES)) })
    }

    pub fn finish(mut self) -> io::Result<W> {
        self.piece(true)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn piece(&mut self, last: bool) -> io::Result<()> {
        let nonce = self.pieces.nonce(last);
        let sealed = self.pieces.cipher.encrypt(&nonce.into(), self.plain.as_slice());
        self.out.write_all(&sealed.map_err(|_| io::Error::other("a piece cannot be sealed"))?)?;
        self.plain.clear();
        self.pieces.next()
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full piece waits until it is known whether it is the last.
        if self.plain.len() == PIECE_BYTES && !bytes.is_empty() {
            self.piece(false)?;
        }
        let taken = bytes.len().min(PIECE_BYTES - self.plain.len());
        self.plain.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens what a [`Sealer`] wrote. Its errors are [`BackupError`]s inside of [`io::Error`]s.
pub(super) struct Opener<R: Read> {
    sealed: R,
    pieces: Pieces,
    plain: Zeroizing<Vec<u8>>,
    given: usize,
    /// The piece after this one, read to know whether there is one.
    ahead: Vec<u8>,
    /// Where the piece ahead begins in the file.
    ahead_at: u64,
    ended: bool,
}

impl<R: Read> Opener<R> {
    /// Reads the header and tries the passphrase. Gives what the file is known by, too.
    pub fn new(mut sealed: R, passphrase: &Passphrase) -> Result<(Opener<R>, String), BackupError> {
        let header = read_up_to(&mut sealed, HEADER_BYTES).map_err(BackupError::Read)?;
        check_magic(&header)?;
        if header.len() < HEADER_BYTES {
            return Err(BackupError::Cut { at: header.len() as u64 });
        }
        let cost = Cost::of(&header[16..28]);
        if Sha256::digest(&header[..CHECK.start])[..8] != header[CHECK] {
            return Err(BackupError::DamagedHeader);
        }
        if !cost.is_sane() {
            return Err(BackupError::Foreign(cost));
        }
        let wrapping = ChaCha20Poly1305::new((&*passphrase.key(cost, &header[SALT])?).into());
        let (nonce, msg) = header[WRAPPED].split_first_chunk::<12>().ok_or(BackupError::DamagedHeader)?;
        let payload = Payload { msg, aad: &header[..WRAPPED.start] };
        let key = wrapping.decrypt(nonce.into(), payload).map_err(|_| BackupError::WrongPassphrase)?;
        let key = Zeroizing::new(key);
        let key: &[u8; 32] = key[..].try_into().map_err(|_| BackupError::DamagedHeader)?;
        let pieces = Pieces::new(key, &header[PREFIX]);
        let ahead = read_up_to(&mut sealed, PIECE_BYTES + TAG_BYTES).map_err(BackupError::Read)?;
        let opener = Opener {
            sealed,
            pieces,
            plain: Zeroizing::default(),
            given: 0,
            ahead,
            ahead_at: HEADER_BYTES as u64,
            ended: false,
        };
        Ok((opener, hex::encode(&header[SALT])))
    }

    fn next_piece(&mut self) -> Result<(), BackupError> {
        let next = read_up_to(&mut self.sealed, PIECE_BYTES + TAG_BYTES).map_err(BackupError::Read)?;
        let (piece, at) = (std::mem::replace(&mut self.ahead, next), self.ahead_at);
        let (until, last) = (at + piece.len() as u64, self.ahead.is_empty());
        self.ahead_at = until;
        let open = |last| self.pieces.cipher.decrypt(&self.pieces.nonce(last).into(), piece.as_slice());
        match open(last) {
            Ok(plain) => self.plain = Zeroizing::new(plain),
            // The file ends where a piece does, and that one was not the last.
            Err(_) if last && (piece.is_empty() || open(false).is_ok()) => {
                return Err(BackupError::Cut { at: until });
            }
            Err(_) if !last && open(true).is_ok() => return Err(BackupError::Trailing("something")),
            Err(_) if last && piece.len() < TAG_BYTES => return Err(BackupError::Cut { at: until }),
            // Whether the last piece is cut or changed cannot be told apart.
            Err(_) => return Err(BackupError::Damaged { at, until }),
        }
        self.given = 0;
        self.ended = last;
        self.pieces.next().map_err(BackupError::Read)
    }
}

impl<R: Read> Read for Opener<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.given == self.plain.len() {
            if self.ended {
                return Ok(0);
            }
            self.next_piece()?;
        }
        let n = out.len().min(self.plain.len() - self.given);
        out[..n].copy_from_slice(&self.plain[self.given..self.given + n]);
        self.given += n;
        Ok(n)
    }
}

fn check_magic(header: &[u8]) -> Result<(), BackupError> {
    if header.starts_with(MAGIC) {
        return Ok(());
    }
    if header.is_empty() || !MAGIC_NAME.starts_with(&header[..header.len().min(MAGIC_NAME.len())]) {
        return Err(BackupError::NotABackup);
    }
    let number: String = header[MAGIC_NAME.len().min(header.len())..]
        .iter()
        .take_while(|b| b.is_ascii_digit())
        .map(|b| char::from(*b))
        .collect();
    match number.parse() {
        Ok(found) if found > FORMAT => Err(BackupError::NewerFormat { found, known: FORMAT }),
        _ if header.len() < MAGIC.len() => Err(BackupError::Cut { at: header.len() as u64 }),
        _ => Err(BackupError::NotABackup),
    }
}

fn read_up_to(from: &mut impl Read, bytes: usize) -> io::Result<Vec<u8>> {
    let mut read = Vec::with_capacity(bytes);
    from.by_ref().take(bytes as u64).read_to_end(&mut read)?;
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };

    fn sealed(plain: &[u8]) -> Vec<u8> {
        let mut sealer = Sealer::new(Vec::new(), &Passphrase::of_old("p"), CHEAP).unwrap();
        sealer.write_all(plain).unwrap();
        sealer.finish().unwrap()
    }

    fn opened(sealed: &[u8], passphrase: &str) -> Result<Vec<u8>, BackupError> {
        let (mut opener, _) = Opener::new(sealed, &Passphrase::of_old(passphrase))?;
        let mut plain = Vec::new();
        opener.read_to_end(&mut plain).map_err(BackupError::of_read)?;
        Ok(plain)
    }

    fn some(bytes: usize) -> Vec<u8> {
        (0..bytes).map(|i| (i * 7 + i / 251) as u8).collect()
    }

    #[test]
    fn what_was_sealed_opens_whatever_its_length() {
        for bytes in [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES] {
            assert_eq!(opened(&sealed(&some(bytes)), "p").unwrap(), some(bytes), "{bytes}");
        }
    }

    #[test]
    fn a_wrong_passphrase_is_told_from_a_damaged_header() {
        let file = sealed(b"people");
        assert!(matches!(opened(&file, "q"), Err(BackupError::WrongPassphrase)));
        for at in MAGIC.len()..HEADER_BYTES {
            let mut file = file.clone();
            file[at] ^= 1;
            assert!(matches!(opened(&file, "p"), Err(BackupError::DamagedHeader)), "byte {at}");
        }
    }

    #[test]
    fn every_end_but_the_right_one_is_found() {
        let file = sealed(&some(3 * PIECE_BYTES + 10));
        let piece = PIECE_BYTES + TAG_BYTES;
        let borders = (0..=3).map(|n| HEADER_BYTES + n * piece);
        for end in borders.chain((1..file.len()).step_by(19_997)) {
            let error = opened(&file[..end], "p").err().unwrap();
            let is_border = end >= HEADER_BYTES && (end - HEADER_BYTES).is_multiple_of(piece);
            let cut = matches!(&error, BackupError::Cut { at } if *at == end as u64);
            assert!(cut || !is_border && matches!(error, BackupError::Damaged { .. }), "{end}: {error:?}");
        }
        let mut longer = file.clone();
        longer.push(0);
        assert!(opened(&longer, "p").is_err());
        let twice = [&file[..], &file[HEADER_BYTES..]].concat();
        assert!(opened(&twice, "p").is_err());
    }

    #[test]
    fn pieces_that_changed_places_or_bytes_are_found() {
        let file = sealed(&some(4 * PIECE_BYTES));
        let piece = PIECE_BYTES + TAG_BYTES;
        let mut swapped = file.clone();
        let (first, second) = swapped[HEADER_BYTES..].split_at_mut(piece);
        first.swap_with_slice(&mut second[..piece]);
        assert!(matches!(opened(&swapped, "p"), Err(BackupError::Damaged { at: 119, .. })));
        for at in (HEADER_BYTES..file.len()).step_by(9973) {
            let mut changed = file.clone();
            changed[at] ^= 0x20;
            let found = opened(&changed, "p");
            let around = |from: &u64, until: &u64| (*from..*until).contains(&(at as u64));
            assert!(matches!(&found, Err(BackupError::Damaged { at, until }) if around(at, until)), "{at}");
        }
    }

    #[test]
    fn what_is_no_backup_or_a_newer_one_is_said() {
        assert!(matches!(opened(b"", "p"), Err(BackupError::NotABackup)));
        assert!(matches!(opened(b"SQLite format 3\0 and so on", "p"), Err(BackupError::NotABackup)));
        assert!(matches!(opened(b"muster-ba", "p"), Err(BackupError::Cut { at: 9 })));
        let newer = [&b"muster-backup-2\n"[..], &[0; 200]].concat();
        assert!(matches!(opened(&newer, "p"), Err(BackupError::NewerFormat { found: 2, known: 1 })));
    }

    #[test]
    fn a_passphrase_that_can_be_guessed_will_not_do() {
        for (text, why) in [
            ("", "empty"),
            ("   ", "empty"),
            ("short", "5 characters"),
            ("aaaaaaaaaaaaaaaa", "1 different"),
            ("12345678901234", "digits"),
        ] {
            let said = Passphrase::new(text).err().unwrap();
            assert!(said.contains(why), "{text}: {said}");
        }
        assert!(Passphrase::new("correct horse battery staple").is_ok());
    }

    #[test]
    fn a_file_that_asks_for_all_memory_is_refused() {
        let asking = |cost: Cost| {
            let mut file = sealed(b"x");
            file[16..28].copy_from_slice(&cost.bytes());
            let check = Sha256::digest(&file[..CHECK.start]);
            file[CHECK].copy_from_slice(&check[..8]);
            opened(&file, "p").err().unwrap()
        };
        for cost in [
            Cost { memory_kib: u32::MAX, ..CHEAP },
            Cost { memory_kib: 256 * 1024 + 1, ..CHEAP },
            Cost { passes: 11, ..CHEAP },
            Cost { lanes: 5, memory_kib: 64, ..CHEAP },
        ] {
            let error = asking(cost);
            assert!(matches!(error, BackupError::Foreign(_)), "{cost:?}: {error:?}");
            assert!(error.to_string().starts_with("was made by something else"), "{error}");
        }
        // What may be asked for is tried.
        let dearer = asking(Cost { memory_kib: 64, passes: 10, lanes: 4 });
        assert!(matches!(dearer, BackupError::WrongPassphrase), "{dearer:?}");
    }
}
