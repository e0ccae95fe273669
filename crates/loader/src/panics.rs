//! Panics of libraries become errors, and print nothing.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

/// The most characters of a panic's message that are kept.
const MAX_MESSAGE: usize = 200;

thread_local! {
    /// How many calls of [`caught`] this thread is in.
    static CAUGHT: Cell<usize> = const { Cell::new(0) };
}

/// Runs code of a library that may panic at damaged or hostile data. A panic becomes its message, cut
/// if it is long, and prints nothing. The caller answers for state that the panic leaves behind.
///
/// # Errors
/// The message of the panic.
pub fn caught<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if CAUGHT.get() == 0 {
                usual(info);
            }
        }));
    });
    CAUGHT.set(CAUGHT.get() + 1);
    let done = catch_unwind(AssertUnwindSafe(run));
    CAUGHT.set(CAUGHT.get() - 1);
    done.map_err(|panic| {
        let message = panic.downcast_ref::<String>().map(String::as_str);
        let message = message.or_else(|| panic.downcast_ref::<&str>().copied());
        message.unwrap_or("no reason given").chars().take(MAX_MESSAGE).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_message() {
        assert_eq!(caught(|| 7), Ok(7));
        let inner = caught(|| {
            assert_eq!(caught(|| -> u8 { panic!("inner") }), Err("inner".to_owned()));
            // The outer call is still in effect.
            CAUGHT.get()
        });
        assert_eq!((inner, CAUGHT.get()), (Ok(1), 0));
        let long = caught(|| -> u8 { panic!("{}", "x".repeat(1000)) }).unwrap_err();
        assert_eq!(long, "x".repeat(200));
    }
}
