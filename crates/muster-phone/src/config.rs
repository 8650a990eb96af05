//! Limits and names of a core. The defaults are what the program ships with.

use core::time::Duration;

use smol_str::SmolStr;

/// How a core behaves. Every limit is a bound on memory or on what one peer can ask for.
#[derive(Clone, Debug)]
pub struct CoreConfig {
    /// The name or address phones reach us by, if it is not the address of the socket they came to.
    pub public_host: Option<SmolStr>,
    /// The realm of a challenge to a request that belongs to no organization we know.
    pub fallback_realm: SmolStr,
    /// Keys the digest nonces. Random and secret; a new key makes phones authenticate once more.
    pub nonce_key: [u8; 32],

    pub registration_expires_min_s: u32,
    pub registration_expires_default_s: u32,
    pub registration_expires_max_s: u32,
    pub bindings_max: usize,
    /// Contacts in one REGISTER.
    pub contacts_per_request_max: usize,

    pub subscription_expires_min_s: u32,
    pub subscription_expires_default_s: u32,
    pub subscription_expires_max_s: u32,
    pub subscriptions_max: usize,
    pub subscriptions_per_person_max: usize,

    pub transactions_max: usize,
    /// Nonces in use at once whose counts are remembered (16 octets each).
    pub nonces_max: usize,
    /// Wrong digests from one address for one name before the next of them is refused.
    pub wrong_digests_max: u32,
    pub wrong_digests_window: Duration,
    /// Addresses and names whose wrong digests are counted (24 octets each).
    pub guessers_max: usize,
    pub calls_max: usize,
    /// Calls that one person has placed and that have not ended.
    pub calls_per_person_max: usize,
    /// A call that lasts longer is ended: a phone that vanished must not stay busy for ever.
    pub call_duration_max: Duration,
    /// How often each side of an answered call is asked whether it is still there (in-dialog OPTIONS):
    /// a phone that lost its power must not stay busy.
    pub call_check_interval: Duration,
    /// Rows in the reply to a command.
    pub reply_rows_max: usize,
    /// Bytes of a header value that we keep (contact, call id, user agent); longer ones are refused
    /// or, where they are only information, cut.
    pub kept_value_bytes_max: usize,
}

impl Default for CoreConfig {
    fn default() -> Self {
        CoreConfig {
            public_host: None,
            fallback_realm: SmolStr::new_static("muster"),
            nonce_key: [0; 32],
            registration_expires_min_s: 30,
            registration_expires_default_s: 600,
            registration_expires_max_s: 7200,
            bindings_max: 1_000_000,
            contacts_per_request_max: 10,
            subscription_expires_min_s: 30,
            subscription_expires_default_s: 600,
            subscription_expires_max_s: 7200,
            subscriptions_max: 1_000_000,
            subscriptions_per_person_max: 250,
            transactions_max: 500_000,
            nonces_max: 262_144,
            wrong_digests_max: 10,
            wrong_digests_window: Duration::from_secs(300),
            guessers_max: 65_536,
            calls_max: 50_000,
            calls_per_person_max: 20,
            call_duration_max: Duration::from_secs(12 * 3600),
            call_check_interval: Duration::from_secs(600),
            reply_rows_max: 200_000,
            kept_value_bytes_max: 512,
        }
    }
}
