//! The boundary around every exported function: it turns errors and panics into a status and the thread's last error.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use crate::log::{DFT_LOG_ERROR, log};
use crate::status::{DFT_OK, DFT_PANIC, Failure, dft_status};

thread_local! {
    static LAST: RefCell<Failure> = RefCell::default();
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Calls a function with the last failure of this thread.
pub(crate) fn with_last<R>(see: impl FnOnce(&Failure) -> R) -> R {
    LAST.with(|last| see(&last.borrow()))
}

/// Runs the body of the exported function `name`. Panics do not leave it.
#[inline]
pub(crate) fn boundary(name: &'static str, run: impl FnOnce() -> Result<(), Failure>) -> dft_status {
    report_panics();
    let run = || {
        injected(name);
        run()
    };
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(())) => DFT_OK,
        Ok(Err(failure)) => fail(failure),
        Err(panic) => fail(panicked(name, &*panic)),
    }
}

/// Makes panics reported, not printed, unless that was done.
#[inline]
pub(crate) fn report_panics() {
    // The library has its own Rust runtime, so the hook affects only its panics.
    static HOOK: Once = Once::new();
    HOOK.call_once(|| std::panic::set_hook(Box::new(note_place)));
}

#[cold]
fn fail(failure: Failure) -> dft_status {
    let status = failure.status;
    let failure = failure.shown();
    log(DFT_LOG_ERROR, &failure.message);
    // The last error of a thread that is ending is already destroyed.
    let _ = LAST.try_with(|last| *last.borrow_mut() = failure);
    status
}

/// Records where this thread panicked, for the message.
fn note_place(info: &std::panic::PanicHookInfo<'_>) {
    let place = info.location().map_or(String::new(), |place| format!(" at {}:{}", place.file(), place.line()));
    let _ = PLACE.try_with(|kept| *kept.borrow_mut() = place);
}

/// Takes the place of this thread's last panic, such as " at src/scan.rs:7"; empty if it is unknown.
pub(crate) fn take_place() -> String {
    PLACE.try_with(RefCell::take).unwrap_or_default()
}

fn panicked(name: &str, panic: &(dyn std::any::Any + Send)) -> Failure {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    let place = take_place();
    Failure::new(DFT_PANIC, format!("{name} panicked{place}; this is a bug in the library: {text}"))
}

/// Panics if a test requests it. Installed libraries are built without the feature.
#[inline(always)]
fn injected(name: &'static str) {
    #[cfg(feature = "panics")]
    if std::env::var_os("DFT_PANIC_IN").is_some_and(|wanted| wanted == name) {
        panic!("requested by a test");
    }
    #[cfg(not(feature = "panics"))]
    let _ = name;
}
