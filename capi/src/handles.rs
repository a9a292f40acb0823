//! Handles: numbers of slots, not addresses.
//!
//! ```text
//! handle    generation, 47 bits │ slot, 16 bits      as a pointer that is never dereferenced
//! slot      generation and kind │ uses │ the object
//! ```
//!
//! A handle is looked up, never dereferenced. A freed handle has another generation than its slot, a handle of another
//! type has another kind, and a number that never was a handle has no slot: each is an error. Every use is counted
//! while it lasts, so an object that is in use is not freed, and not changed by two threads.
//!
//! A child process cannot use what its parent opened, because the threads and locks that it needs are the parent's. A
//! child may free its copy of the handle; that frees nothing. Objects whose state belongs to each process are the
//! exception ([`Object::SURVIVES_FORK`]).

use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

use dft_io::ForkMutex;
use dft_io::fork::Maker;

use crate::status::{DFT_BUSY, DFT_FORKED, DFT_INVALID_HANDLE, DFT_TOO_LARGE, Failure};

const PAGE: usize = 256;
const PAGES: usize = 256;
const SLOT_BITS: u32 = 16;

/// Added to the uses of a slot whose object is being removed. Uses that are counted meanwhile see it and give up.
const TAKEN: u32 = 1 << 31;

/// An object that C code refers to by a handle.
pub(crate) trait Object: Send + Sized + 'static {
    /// The number of the type. It is unique and not 0.
    const KIND: u8;
    /// The name of the type in messages.
    const NAME: &'static str;
    /// Whether several threads may use an object at once.
    const SHARED: bool;
    /// Whether a child of the process that made an object can use it.
    const SURVIVES_FORK: bool = false;
}

#[derive(Default)]
struct Slot {
    /// The generation, and the kind in the low byte. The kind of a free slot is 0.
    state: AtomicU64,
    uses: AtomicU32,
    /// The number of the process that stored the object.
    maker: AtomicU64,
    object: AtomicPtr<()>,
}

static SLOTS: [OnceLock<Box<[Slot]>>; PAGES] = [const { OnceLock::new() }; PAGES];

/// The slots that are free again, and the number of slots that were ever used.
static FREE: ForkMutex<(Vec<usize>, usize)> = ForkMutex::new((Vec::new(), 0));

fn slot(at: usize) -> Option<&'static Slot> {
    SLOTS.get(at / PAGE)?.get()?.get(at % PAGE)
}

/// Stores an object and returns its handle.
pub(crate) fn put<T: Object, H>(object: T) -> Result<*mut H, Failure> {
    let mut free = FREE.lock();
    let at = match free.0.pop() {
        Some(at) => at,
        None if free.1 < PAGE * PAGES => {
            free.1 += 1;
            free.1 - 1
        }
        None => return Err(Failure::new(DFT_TOO_LARGE, "65,536 handles are open, which is the maximum: free some")),
    };
    SLOTS[at / PAGE].get_or_init(|| (0..PAGE).map(|_| Slot::default()).collect());
    let Some(slot) = slot(at) else { unreachable!("the page exists") };
    let generation = (slot.state.load(Ordering::SeqCst) >> 8) + 1;
    slot.object.store(Box::into_raw(Box::new(object)).cast(), Ordering::SeqCst);
    slot.maker.store(Maker::this_process().number(), Ordering::SeqCst);
    slot.state.store(generation << 8 | u64::from(T::KIND), Ordering::SeqCst);
    Ok(ptr::without_provenance_mut((generation << SLOT_BITS) as usize | at))
}

/// A counted use of an object, shared or exclusive.
struct Use {
    slot: &'static Slot,
}

impl Drop for Use {
    fn drop(&mut self) {
        // Subtracts instead of setting 0, because a thread with a freed handle may briefly count a use.
        self.slot.uses.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cold]
fn invalid<T: Object>() -> Failure {
    let name = T::NAME;
    Failure::new(
        DFT_INVALID_HANDLE,
        format!("this is not a valid {name}: it was freed, has another type, or never was a handle"),
    )
}

#[cold]
fn busy<T: Object>() -> Failure {
    Failure::new(DFT_BUSY, format!("this {} is in use by another thread", T::NAME))
}

#[cold]
fn forked<T: Object>() -> Failure {
    let name = T::NAME;
    Failure::new(DFT_FORKED, format!("this {name} was opened before fork(); open it again in this process"))
}

/// Returns whether a process that this one was forked from stored the object.
#[inline]
fn is_inherited(slot: &Slot) -> bool {
    Maker::numbered(slot.maker.load(Ordering::Relaxed)).is_parent()
}

/// Returns the slot of a handle, and the state that the slot has while the handle is valid.
#[inline]
fn find<T: Object, H>(handle: *const H) -> Result<(&'static Slot, u64), Failure> {
    let number = handle.addr() as u64;
    let (at, generation) = ((number as usize) & ((1 << SLOT_BITS) - 1), number >> SLOT_BITS);
    let state = generation << 8 | u64::from(T::KIND);
    match slot(at) {
        Some(slot) if generation > 0 && slot.state.load(Ordering::SeqCst) == state => {
            if !T::SURVIVES_FORK && is_inherited(slot) { Err(forked::<T>()) } else { Ok((slot, state)) }
        }
        _ => Err(invalid::<T>()),
    }
}

/// Checks that a handle is valid, without counting a use.
#[inline]
pub(crate) fn check<T: Object, H>(handle: *const H) -> Result<(), Failure> {
    find::<T, H>(handle).map(drop)
}

/// Uses an object that several threads may use at once.
#[inline]
pub(crate) fn with<T: Object + Sync, H, R>(
    handle: *const H,
    run: impl FnOnce(&T) -> Result<R, Failure>,
) -> Result<R, Failure> {
    const { assert!(T::SHARED) };
    let (slot, state) = find::<T, H>(handle)?;
    let before = slot.uses.fetch_add(1, Ordering::SeqCst);
    let in_use = Use { slot };
    if before >= TAKEN || slot.state.load(Ordering::SeqCst) != state {
        return Err(invalid::<T>());
    }
    // SAFETY: the state shows that the slot holds a `T`, and the counted use prevents that it is freed. Shared objects
    // are never used exclusively.
    let result = run(unsafe { &*slot.object.load(Ordering::SeqCst).cast::<T>() });
    drop(in_use);
    result
}

/// Uses an object that allows one thread at a time.
#[inline]
pub(crate) fn with_mut<T: Object, H, R>(
    handle: *mut H,
    run: impl FnOnce(&mut T) -> Result<R, Failure>,
) -> Result<R, Failure> {
    const { assert!(!T::SHARED) };
    let (slot, state) = find::<T, H>(handle)?;
    if slot.uses.compare_exchange(0, 1, Ordering::SeqCst, Ordering::SeqCst).is_err() {
        return Err(busy::<T>());
    }
    let in_use = Use { slot };
    if slot.state.load(Ordering::SeqCst) != state {
        return Err(invalid::<T>());
    }
    // SAFETY: the state shows that the slot holds a `T`. This is its only use, and it prevents that the object is
    // freed.
    let result = run(unsafe { &mut *slot.object.load(Ordering::SeqCst).cast::<T>() });
    drop(in_use);
    result
}

/// Removes an object from its slot and makes the handle invalid. If the object is in use, the handle stays valid.
pub(crate) fn take<T: Object, H>(handle: *mut H) -> Result<T, Failure> {
    let (slot, state) = find::<T, H>(handle)?;
    if slot.uses.compare_exchange(0, TAKEN, Ordering::SeqCst, Ordering::SeqCst).is_err() {
        return Err(busy::<T>());
    }
    let freed = state & !0xff;
    let is_ours = slot.state.compare_exchange(state, freed, Ordering::SeqCst, Ordering::SeqCst).is_ok();
    let object = is_ours.then(|| slot.object.swap(ptr::null_mut(), Ordering::SeqCst).cast::<T>());
    slot.uses.fetch_sub(TAKEN, Ordering::SeqCst);
    let Some(object) = object else { return Err(invalid::<T>()) };
    let at = (handle.addr()) & ((1 << SLOT_BITS) - 1);
    FREE.lock().0.push(at);
    // SAFETY: the state shows that the pointer came from a box of a `T`, and only this call changed the state. No use
    // was counted when `TAKEN` was set; later uses see it, or the changed state.
    Ok(*unsafe { Box::from_raw(object) })
}

/// Frees an object. NULL does nothing. An object of a parent process is leaked, unchanged.
pub(crate) fn free<T: Object, H>(handle: *mut H) -> Result<(), Failure> {
    if handle.is_null() {
        return Ok(());
    }
    match take::<T, H>(handle) {
        Err(failure) if failure.status == DFT_FORKED => {
            let number = handle.addr() as u64;
            if let Some(slot) = slot((number as usize) & ((1 << SLOT_BITS) - 1)) {
                // The slot is not reused: another thread of the parent may have been changing the free list.
                slot.state.store((number >> SLOT_BITS) << 8, Ordering::SeqCst);
            }
            Ok(())
        }
        taken => taken.map(drop),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::status::dft_status;

    struct Counted(Arc<()>);
    struct Other;
    struct Opaque;

    impl Object for Counted {
        const KIND: u8 = 200;
        const NAME: &'static str = "counted thing";
        const SHARED: bool = false;
    }

    impl Object for Other {
        const KIND: u8 = 201;
        const NAME: &'static str = "other thing";
        const SHARED: bool = true;
    }

    fn status<R>(result: Result<R, Failure>) -> dft_status {
        result.err().map_or(0, |failure| failure.status)
    }

    #[test]
    fn a_handle_is_valid_until_it_is_freed_and_only_for_its_type() {
        let counted = Arc::new(());
        let handle: *mut Opaque = put(Counted(counted.clone())).expect("a handle");
        assert_eq!(Arc::strong_count(&counted), 2);
        assert_eq!(with_mut::<Counted, _, _>(handle, |it| Ok(Arc::strong_count(&it.0))).expect("good"), 2);
        assert_eq!(status(with::<Other, _, _>(handle, |_| Ok(()))), DFT_INVALID_HANDLE);
        // An object in use is busy, also for the thread that uses it. A refused free leaves the handle valid.
        let within = with_mut::<Counted, _, _>(handle, |_| {
            assert_eq!(status(with_mut::<Counted, _, _>(handle, |_| Ok(()))), DFT_BUSY);
            assert_eq!(status(free::<Counted, _>(handle)), DFT_BUSY);
            assert_eq!(status(free::<Counted, _>(handle)), DFT_BUSY);
            Ok(())
        });
        assert_eq!(status(within), 0);
        free::<Counted, _>(handle).expect("freed");
        assert_eq!(Arc::strong_count(&counted), 1);
        assert_eq!(status(free::<Counted, _>(handle)), DFT_INVALID_HANDLE);
        assert_eq!(status(with_mut::<Counted, _, _>(handle, |_| Ok(()))), DFT_INVALID_HANDLE);
        // The slot is reused, under another handle.
        let next: *mut Opaque = put(Counted(counted.clone())).expect("a handle");
        assert_ne!(next, handle);
        assert_eq!(status(with_mut::<Counted, _, _>(handle, |_| Ok(()))), DFT_INVALID_HANDLE);
        free::<Counted, _>(next).expect("freed");
    }

    #[test]
    fn a_number_that_never_was_a_handle_is_invalid() {
        // Slots and generations that no other test of this process reaches: a test must not free another's handle.
        for address in [1_usize, 8, 0xffff, 0x1_ffff, 0xdead_beef, usize::MAX] {
            let handle: *mut Opaque = ptr::without_provenance_mut(address);
            assert_eq!(status(with::<Other, _, _>(handle, |_| Ok(()))), DFT_INVALID_HANDLE, "{address:x}");
            assert_eq!(status(free::<Counted, _>(handle)), DFT_INVALID_HANDLE);
        }
        assert_eq!(status(free::<Counted, Opaque>(ptr::null_mut())), 0);
    }

    #[test]
    fn a_refused_free_leaves_the_handle_valid_for_other_threads() {
        let handle: *mut Opaque = put(Other).expect("a handle");
        let address = handle.addr();
        let in_use = AtomicU32::new(0);
        std::thread::scope(|scope| {
            let free = || {
                while in_use.load(Ordering::SeqCst) == 0 {}
                while in_use.load(Ordering::SeqCst) == 1 {
                    assert_eq!(status(free::<Other, Opaque>(ptr::without_provenance_mut(address))), DFT_BUSY);
                }
            };
            let thread = scope.spawn(free);
            with::<Other, _, _>(handle, |_| {
                in_use.store(1, Ordering::SeqCst);
                for _ in 0..20_000 {
                    assert_eq!(status(with::<Other, _, _>(handle, |_| Ok(()))), 0);
                }
                in_use.store(2, Ordering::SeqCst);
                // The last attempt of the other thread is refused as well.
                while !thread.is_finished() {
                    std::thread::yield_now();
                }
                Ok(())
            })
            .expect("good");
        });
        free::<Other, Opaque>(handle).expect("freed");
    }

    #[test]
    fn concurrent_frees_of_one_handle_free_it_once() {
        for _ in 0..200 {
            let counted = Arc::new(());
            let handle: *mut Opaque = put(Counted(counted.clone())).expect("a handle");
            let address = handle.addr();
            let freed: usize = std::thread::scope(|scope| {
                let free = move || usize::from(free::<Counted, Opaque>(ptr::without_provenance_mut(address)).is_ok());
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(free)).collect();
                threads.into_iter().map(|thread| thread.join().expect("a thread")).sum()
            });
            assert_eq!((freed, Arc::strong_count(&counted)), (1, 1));
        }
    }
}
