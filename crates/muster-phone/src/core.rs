//! The core itself: takes an input to the subject it belongs to.

use std::collections::VecDeque;

use muster_domain::dial_plan::DialPlan;
use muster_sip::rng::Rng;
use muster_sip::time::Instant;

use crate::config::CoreConfig;
use crate::counters::Counters;
use crate::io::{Input, Output};

/// The phones of some organizations: one of these per thread, nothing shared.
pub struct Core {
    config: CoreConfig,
    rng: Rng,
    plan: DialPlan,
    counters: Counters,
    outputs: VecDeque<Output>,
}

impl Core {
    pub fn new(config: CoreConfig, rng: Rng) -> Self {
        Core { config, rng, plan: DialPlan::new(), counters: Counters::default(), outputs: VecDeque::new() }
    }

    /// Takes in what has happened. Drain [`Core::next_output`] afterwards.
    pub fn handle(&mut self, input: Input, now: Instant) {
        let _ = (input, now, &self.config, &self.rng, &self.plan);
    }

    /// Does what is due. Call it when [`Core::next_wake`] has come; drain the outputs afterwards.
    pub fn timers(&mut self, now: Instant) {
        let _ = now;
    }

    pub fn next_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub fn next_wake(&self) -> Option<Instant> {
        None
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }
}
