//! What a caught panic said, without printing each one: a message that makes the core panic can
//! be sent a thousand times a second.

use std::cell::{Cell, RefCell};
use std::sync::Once;

thread_local! {
    static IS_WATCHED: Cell<bool> = const { Cell::new(false) };
    static LAST: RefCell<String> = const { RefCell::new(String::new()) };
}

/// From now on, panics of this thread are kept for [`last_panic`] instead of being printed; those
/// of other threads go where they went before.
pub(crate) fn watch_this_thread() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if IS_WATCHED.get() {
                LAST.with_borrow_mut(|last| *last = info.to_string());
            } else {
                before(info);
            }
        }));
    });
    IS_WATCHED.set(true);
}

/// Where and with what words this thread panicked last.
pub(crate) fn last_panic() -> String {
    LAST.with_borrow(String::clone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watched_thread_keeps_what_its_last_panic_said() {
        let said = std::thread::spawn(|| {
            watch_this_thread();
            let caught = std::panic::catch_unwind(|| panic!("no such dialog"));
            (caught.is_err(), last_panic())
        });
        let (was_caught, text) = said.join().unwrap();
        assert!(was_caught && text.contains("no such dialog") && text.contains("panic_guard.rs"), "{text}");
    }
}
