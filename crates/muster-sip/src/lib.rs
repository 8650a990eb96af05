//! SIP messages, digest, transactions and dialogs as pure machines.
