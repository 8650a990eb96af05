//! Bytes to rows and back: encodings, tables and the formats of other phone systems.
