//! Work on several threads whose results are joined in order.

use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::thread;

use crate::error::ExportError;

/// Works on parts on up to `threads` threads, and passes the results to `join` on this thread, in the order of the
/// parts.
///
/// # Errors
///
/// The first error in the order of the parts.
pub(crate) fn in_order<P: Send, R: Send>(
    parts: Vec<P>,
    threads: usize,
    work: impl Fn(P) -> Result<R, ExportError> + Sync,
    mut join: impl FnMut(R) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    if threads <= 1 || parts.len() <= 1 {
        return parts.into_iter().try_for_each(|part| join(work(part)?));
    }
    thread::scope(|scope| {
        let (senders, receivers): (Vec<_>, Vec<_>) = parts.iter().map(|_| sync_channel(1)).unzip();
        let threads = threads.min(parts.len());
        let next = Arc::new(Mutex::new(parts.into_iter().zip(senders)));
        for _ in 0..threads {
            let (next, work) = (next.clone(), &work);
            scope.spawn(move || {
                let next = || next.lock().ok().and_then(|mut next| next.next());
                while let Some((part, sender)) = next() {
                    let result = work(part);
                    let failed = result.is_err();
                    // If the receiver is gone, it has returned an error of an earlier part.
                    if sender.send(result).is_err() || failed {
                        return;
                    }
                }
            });
        }
        drop(next);
        receivers.into_iter().flatten().try_for_each(|result| join(result?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_joined_in_order_up_to_the_first_error() {
        for threads in [1, 2, 7] {
            let mut joined = Vec::new();
            let work = |part: u32| match part {
                70.. => Err(ExportError::NoTable(part.to_string())),
                _ => Ok(part * 2),
            };
            let mut join = |result| {
                joined.push(result);
                Ok(())
            };
            let result = in_order((0..100).collect(), threads, work, &mut join);
            assert!(matches!(result, Err(ExportError::NoTable(part)) if part == "70"), "{threads} threads");
            assert!(joined.iter().copied().eq((0..70).map(|part| part * 2)), "{threads} threads");
        }
    }
}
