//! Use cases: authorize, load, decide, save; jobs and followers.
