//! People, extensions and the rules about them: pure, without I/O, clock or randomness.
