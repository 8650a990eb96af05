//! The program: reads the configuration and wires.

fn main() {}
