//! Sockets, timers and journals: what drives the phone core.
