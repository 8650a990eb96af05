//! What the phone core knows of people: a snapshot per organization, changed by updates in order.
