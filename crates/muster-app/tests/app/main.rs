//! Use cases over a store of their own, without a server.

mod dial_plan;
