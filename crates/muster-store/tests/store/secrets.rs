//! Secrets at rest.

use muster_domain::ids::SecretId;
use muster_store::{KeyRing, SecretKind, Store, StoreError, Tx};

use crate::common::{Database, Tenant, on_both};

on_both!(
    a_secret_comes_back_and_is_not_in_the_database_as_text,
    a_ciphertext_moved_to_another_row_does_not_decrypt,
    a_pin_is_compared_and_never_read,
    a_rotated_key_leaves_old_secrets_readable,
    another_key_file_decrypts_nothing,
    a_key_made_by_a_write_that_failed_is_not_used_afterwards,
);

fn put(store: &Store, tenant: &Tenant, n: u128, kind: SecretKind, plaintext: &str) {
    store.write(|tx: &mut Tx| tx.put_secret(tenant.org, tenant.secret_id(n), kind, plaintext)).unwrap();
}

fn a_secret_comes_back_and_is_not_in_the_database_as_text(database: &Database) {
    let store = &database.store;
    let tenant = Tenant::create(store, 1);
    put(store, &tenant, 1, SecretKind::SipSecret, "geheim-äö");
    put(store, &tenant, 2, SecretKind::VoicemailPin, "4711");
    let secret = |n| store.read(|r| r.secret(tenant.org, tenant.secret_id(n))).unwrap();
    assert_eq!(secret(1).unwrap().as_str(), "geheim-äö");
    assert_eq!(secret(3), None);
    let ids: Vec<SecretId> = (1..=3).map(|n| tenant.secret_id(n)).collect();
    let mut many = store.read(|r| r.secrets_of(tenant.org, &ids)).unwrap();
    many.sort_by_key(|(id, _)| *id);
    let texts: Vec<&str> = many.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, vec!["geheim-äö", "4711"]);
    if let Some(path) = database.url.strip_prefix("sqlite:") {
        let mut bytes = std::fs::read(path).unwrap();
        bytes.extend(std::fs::read(format!("{path}-wal")).unwrap());
        assert!(!bytes.windows(6).any(|w| w == b"geheim"), "the secret is in the file as it is");
        assert!(bytes.windows(12).any(|w| w == b"Example Sons"), "the file was not looked at");
    }
}

fn a_ciphertext_moved_to_another_row_does_not_decrypt(database: &Database) {
    let store = &database.store;
    let tenant = Tenant::create(store, 1);
    put(store, &tenant, 1, SecretKind::SipSecret, "first");
    put(store, &tenant, 2, SecretKind::SipSecret, "second");
    let swap = "CREATE TABLE copies AS SELECT id, ciphertext FROM secrets; \
                UPDATE secrets SET ciphertext = \
                (SELECT other.ciphertext FROM copies other WHERE other.id <> secrets.id); \
                DROP TABLE copies";
    store.raw(swap).unwrap();
    for n in [1, 2] {
        let error = store.read(|r| r.secret(tenant.org, tenant.secret_id(n))).unwrap_err();
        assert!(matches!(error, StoreError::Undecryptable(_)), "{error:?}");
    }
    store.raw(swap).unwrap();
    let secret = store.read(|r| r.secret(tenant.org, tenant.secret_id(1))).unwrap();
    assert_eq!(secret.unwrap().as_str(), "first");
}

fn a_pin_is_compared_and_never_read(database: &Database) {
    let store = &database.store;
    let tenant = Tenant::create(store, 1);
    put(store, &tenant, 1, SecretKind::OnCallPin, "1234");
    put(store, &tenant, 2, SecretKind::SipSecret, "abc");
    let matches = |n, text| store.read(|r| r.secret_matches(tenant.org, tenant.secret_id(n), text)).unwrap();
    assert!(matches(1, "1234") && !matches(1, "1235") && !matches(1, ""));
    assert!(matches(2, "abc") && !matches(2, "abd"));
    assert!(!matches(3, ""), "what is not there matches nothing");
    let error = store.read(|r| r.secret(tenant.org, tenant.secret_id(1))).unwrap_err();
    assert_eq!(error, StoreError::NotReadable);
}

fn a_rotated_key_leaves_old_secrets_readable(database: &Database) {
    let store = &database.store;
    let tenant = Tenant::create(store, 1);
    put(store, &tenant, 1, SecretKind::SipSecret, "old");
    store.write(|tx: &mut Tx| tx.rotate_key(tenant.org)).unwrap();
    put(store, &tenant, 2, SecretKind::SipSecret, "new");
    for store in [store, &database.open_again()] {
        let secret = |n| store.read(|r| r.secret(tenant.org, tenant.secret_id(n))).unwrap().unwrap();
        assert_eq!((secret(1).as_str(), secret(2).as_str()), ("old", "new"));
    }
}

fn another_key_file_decrypts_nothing(database: &Database) {
    let store = &database.store;
    let tenant = Tenant::create(store, 1);
    put(store, &tenant, 1, SecretKind::SipSecret, "old");
    let mut config = database.config();
    config.keys = KeyRing::from_bytes([8; 32]);
    let other = Store::open(&config).unwrap();
    let error = other.read(|r| r.secret(tenant.org, tenant.secret_id(1))).unwrap_err();
    assert!(matches!(error, StoreError::Undecryptable(_)), "{error:?}");
    let error = other
        .write(|tx: &mut Tx| tx.put_secret(tenant.org, tenant.secret_id(2), SecretKind::SipSecret, "x"))
        .unwrap_err();
    assert!(matches!(error, StoreError::Undecryptable(_)), "{error:?}");
}

fn a_key_made_by_a_write_that_failed_is_not_used_afterwards(database: &Database) {
    let store = &database.store;
    let tenant = Tenant::create(store, 1);
    let refused: Result<(), StoreError> = store.write(|tx: &mut Tx| {
        tx.put_secret(tenant.org, tenant.secret_id(1), SecretKind::SipSecret, "x")?;
        // Reading it inside the write must not make its key known outside.
        tx.secret(tenant.org, tenant.secret_id(1))?;
        Err(StoreError::Misuse("no"))
    });
    assert!(refused.is_err());
    put(store, &tenant, 2, SecretKind::SipSecret, "kept");
    let fresh = database.open_again();
    let secret = fresh.read(|r| r.secret(tenant.org, tenant.secret_id(2))).unwrap();
    assert_eq!(secret.unwrap().as_str(), "kept");
}

#[test]
fn the_key_file_is_made_once_for_the_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys");
    let open = || {
        let keys = KeyRing::load_or_create(&path).unwrap();
        let url = format!("sqlite:{}", directory.path().join("muster.db").display());
        Store::open(&muster_store::Config { url, keys, readers: 1, writers: 1 }).unwrap()
    };
    let store = open();
    let tenant = Tenant::create(&store, 1);
    put(&store, &tenant, 1, SecretKind::SipSecret, "kept");
    drop(store);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let secret = open().read(|r| r.secret(tenant.org, tenant.secret_id(1))).unwrap();
    assert_eq!(secret.unwrap().as_str(), "kept");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = KeyRing::load_or_create(&path).err().unwrap();
    assert!(error.to_string().contains("chmod 600"), "{error}");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    for wrong in ["", "something else", "muster-key-file-1\n", "muster-key-file-1\nabc\n"] {
        std::fs::write(&path, wrong).unwrap();
        assert!(KeyRing::load_or_create(&path).is_err(), "{wrong:?} was taken for a key file");
    }
}

/// A key that somebody read inside a shared commit that failed was never there.
#[test]
fn a_key_of_a_commit_that_failed_is_forgotten() {
    use std::time::Duration;
    let database = Database::sqlite();
    let store = &database.store;
    let tenant = Tenant::create(store, 1);
    store.fail_commits(true).unwrap();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| {
            store.write(|tx: &mut Tx| {
                tx.put_secret(tenant.org, tenant.secret_id(1), SecretKind::SipSecret, "lost")?;
                std::thread::sleep(Duration::from_millis(300));
                Ok::<_, StoreError>(())
            })
        });
        std::thread::sleep(Duration::from_millis(100));
        let second = scope.spawn(|| {
            store.write(|tx: &mut Tx| {
                let secret = tx.secret(tenant.org, tenant.secret_id(1))?;
                assert_eq!(secret.unwrap().as_str(), "lost", "both are in one commit");
                Ok::<_, StoreError>(())
            })
        });
        assert!(first.join().unwrap().is_err() && second.join().unwrap().is_err());
    });
    store.fail_commits(false).unwrap();
    put(store, &tenant, 2, SecretKind::SipSecret, "kept");
    let secret = store.read(|r| r.secret(tenant.org, tenant.secret_id(2))).unwrap();
    assert_eq!(secret.unwrap().as_str(), "kept");
}
