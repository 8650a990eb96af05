//! Load generator and simulated network, for tests and benchmarks only.
