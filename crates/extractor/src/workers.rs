//! Jobs on one thread per core, and their results in the order of the jobs.

use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Jobs that may be started before the result of the first of them is taken, per worker.
const AHEAD: usize = 2;

/// What the workers and the calling thread share.
struct Shared<N> {
    state: Mutex<State<N>>,
    changed: Condvar,
    /// Jobs that may be started and not yet taken.
    ahead: usize,
}

struct State<N> {
    next: N,
    started: usize,
    taken: usize,
    /// No further job is started.
    ended: bool,
}

impl<N> Shared<N> {
    /// Takes the lock, even if a thread panicked while it held it.
    fn lock(&self) -> MutexGuard<'_, State<N>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }
}

/// Ends the jobs when it is dropped.
struct AtEnd<'a, N>(&'a Shared<N>);

impl<N> Drop for AtEnd<'_, N> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Runs every job that `next` gives, as many at a time as the current rayon pool has threads. Each
/// worker has a rayon pool of a single thread, so that workers never wait for each other within an
/// operation. `take` receives the results on the calling thread, in the order of the jobs. Memory is
/// bounded: jobs wait until earlier results are taken.
///
/// # Errors
/// The first failure in the order of the jobs. No job starts after a failure.
pub(crate) fn in_order<J: Send, R: Send, E: From<Error>>(
    next: impl FnMut() -> Result<Option<J>> + Send,
    work: impl Fn(J) -> Result<R> + Sync,
    take: &mut dyn FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    let workers = rayon::current_num_threads();
    let mut pools = Vec::with_capacity(workers);
    for _ in 0..workers {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
        pools.push(pool.map_err(|e| Error::Thread { source: std::io::Error::other(e) })?);
    }
    let shared = Shared {
        state: Mutex::new(State { next, started: 0, taken: 0, ended: false }),
        changed: Condvar::new(),
        ahead: AHEAD * workers,
    };
    std::thread::scope(|scope| {
        // Also where `take` unwinds: the scope waits for all workers.
        let _end = AtEnd(&shared);
        let (done, results) = channel();
        for pool in &pools {
            let (shared, work, done) = (&shared, &work, done.clone());
            let worker = move || pool.install(|| run_jobs(shared, work, &done));
            let spawned = std::thread::Builder::new().spawn_scoped(scope, worker);
            spawned.map_err(|source| Error::Thread { source })?;
        }
        drop(done);
        take_in_order(&shared, results, take)
    })
}

/// Hands results to `take` in the order of the jobs.
fn take_in_order<N, R, E: From<Error>>(
    shared: &Shared<N>,
    results: Receiver<(usize, Result<R>)>,
    take: &mut dyn FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    let (mut taken, mut early) = (0, BTreeMap::new());
    for (index, result) in results {
        early.insert(index, result);
        while let Some(result) = early.remove(&taken) {
            take(result?)?;
            taken += 1;
            shared.lock().taken = taken;
            shared.changed.notify_all();
        }
    }
    Ok(())
}

/// The loop of one worker.
fn run_jobs<J, R, N: FnMut() -> Result<Option<J>>>(
    shared: &Shared<N>,
    work: &impl Fn(J) -> Result<R>,
    done: &Sender<(usize, Result<R>)>,
) {
    loop {
        let (index, job) = {
            let mut state = shared.lock();
            while !state.ended && state.started >= state.taken + shared.ahead {
                state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.ended {
                return;
            }
            let index = state.started;
            state.started += 1;
            (index, (state.next)())
        };
        let result = match job {
            Ok(Some(job)) => work(job),
            Ok(None) => return shared.end(),
            Err(error) => Err(error),
        };
        if result.is_err() {
            shared.end();
        }
        if done.send((index, result)).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn with_threads<T: Send>(threads: usize, run: impl FnOnce() -> T + Send) -> T {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(run)
    }

    fn failure(job: usize) -> Error {
        Error::NoTokens { place: job.to_string() }
    }

    #[test]
    fn results_come_in_the_order_of_the_jobs() {
        for threads in [1, 3] {
            let mut taken = Vec::new();
            with_threads(threads, || {
                let mut jobs = 0..100;
                let work = |job: usize| {
                    assert_eq!(rayon::current_num_threads(), 1);
                    Ok(job)
                };
                let mut take = |job| {
                    taken.push(job);
                    Ok::<_, Error>(())
                };
                in_order(|| Ok(jobs.next()), work, &mut take).unwrap();
            });
            assert_eq!(taken, (0..100).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_first_failure_in_order_is_returned() {
        for _ in 0..20 {
            let mut jobs = 0..100;
            let work = |job: usize| match job {
                // The later one fails sooner.
                30 => Err(failure(30)),
                29 => {
                    std::thread::sleep(std::time::Duration::from_millis(1));
                    Err(failure(29))
                }
                _ => Ok(1),
            };
            let run = || in_order(|| Ok(jobs.next()), work, &mut |_| Ok::<_, Error>(()));
            let error = with_threads(4, run).unwrap_err();
            assert!(matches!(error, Error::NoTokens { place } if place == "29"));
        }
    }

    #[test]
    fn a_failure_ends_workers_that_wait() {
        // The first job fails when all others wait for its result to be taken.
        let started = AtomicUsize::new(0);
        let mut jobs = 0..100;
        let work = |job: usize| {
            started.fetch_add(1, Ordering::SeqCst);
            while job == 0 && started.load(Ordering::SeqCst) < AHEAD * 3 {
                std::thread::yield_now();
            }
            if job == 0 { Err(failure(0)) } else { Ok(job) }
        };
        let run = || in_order(|| Ok(jobs.next()), work, &mut |_| Ok::<_, Error>(()));
        assert!(with_threads(3, run).is_err());
        assert_eq!(started.into_inner(), AHEAD * 3);
    }

    #[test]
    fn a_receiver_that_unwinds_ends_the_jobs() {
        let mut jobs = 0..1000;
        let run = || {
            let mut take = |_| -> Result<()> { std::panic::resume_unwind(Box::new("stopped")) };
            in_order(|| Ok(jobs.next()), Ok, &mut take)
        };
        let run = std::panic::AssertUnwindSafe(|| with_threads(2, run));
        assert!(std::panic::catch_unwind(run).is_err());
        assert!(jobs.start <= 1 + AHEAD * 2);
    }

    #[test]
    fn the_receiver_can_end_the_jobs() {
        let started = AtomicUsize::new(0);
        let mut jobs = 0..1000;
        let work = |job: usize| Ok(started.fetch_add(1, Ordering::SeqCst) + job);
        let mut taken = 0;
        let mut take = |_| {
            taken += 1;
            if taken == 5 { Err(failure(5)) } else { Ok(()) }
        };
        assert!(with_threads(2, || in_order(|| Ok(jobs.next()), work, &mut take)).is_err());
        assert_eq!(taken, 5);
        assert!(started.into_inner() <= 5 + AHEAD * 2);
    }
}
