//! The phone core: registrar, calls and presence as one pure machine.
