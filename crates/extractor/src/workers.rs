//! One thread a core, each computing by itself: how groups of sequences are run side by side.

use crate::{Error, Result};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What all workers share: where jobs come from, and the first failure by the jobs' order.
struct Jobs<N> {
    next: N,
    taken: usize,
    failure: Option<(usize, Error)>,
}

/// Takes a lock, whatever became of the thread that held it last.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does every job that `next` gives, in order, as many at a time as this pool has threads. What a
/// job runs in rayon runs on its own thread alone, so that cores never wait for each other within
/// an operation. `work` says how much was done, of which `progress` is told on this thread.
///
/// # Errors
/// The first failure by the order of the jobs; no job is begun after one.
pub(crate) fn run<J: Send>(
    next: impl FnMut() -> Result<Option<J>> + Send,
    work: impl Fn(J) -> Result<usize> + Sync,
    progress: &mut dyn FnMut(usize),
) -> Result<()> {
    let mut pools = Vec::new();
    for _ in 0..rayon::current_num_threads() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
        pools.push(pool.map_err(|e| Error::Thread { source: std::io::Error::other(e) })?);
    }
    let jobs = Mutex::new(Jobs { next, taken: 0, failure: None });
    std::thread::scope(|scope| {
        let (tell, told) = channel();
        for pool in &pools {
            let (jobs, work, tell) = (&jobs, &work, tell.clone());
            let worker = move || pool.install(|| take_jobs(jobs, work, &tell));
            if let Err(source) = std::thread::Builder::new().spawn_scoped(scope, worker) {
                lock(jobs).failure = Some((0, Error::Thread { source }));
                break;
            }
        }
        drop(tell);
        told.into_iter().for_each(progress);
    });
    match jobs.into_inner().unwrap_or_else(PoisonError::into_inner).failure {
        Some((_, error)) => Err(error),
        None => Ok(()),
    }
}

/// What one worker does.
fn take_jobs<J, N: FnMut() -> Result<Option<J>>>(
    jobs: &Mutex<Jobs<N>>,
    work: &impl Fn(J) -> Result<usize>,
    tell: &Sender<usize>,
) {
    loop {
        let (index, job) = {
            let mut jobs = lock(jobs);
            if jobs.failure.is_some() {
                return;
            }
            let index = jobs.taken;
            jobs.taken += 1;
            (index, (jobs.next)())
        };
        let done = match job {
            Ok(Some(job)) => work(job),
            Ok(None) => return,
            Err(error) => Err(error),
        };
        match done {
            // Whoever no longer listens needs no telling.
            Ok(done) => drop(tell.send(done)),
            Err(error) => {
                let failure = &mut lock(jobs).failure;
                if failure.as_ref().is_none_or(|(first, _)| index < *first) {
                    *failure = Some((index, error));
                }
                return;
            }
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

    #[test]
    fn every_job_is_done_once_on_a_thread_of_its_own() {
        for threads in [1, 3] {
            let sum = AtomicUsize::new(0);
            let mut told = 0;
            with_threads(threads, || {
                let mut jobs = 0..100;
                let work = |job: usize| {
                    assert_eq!(rayon::current_num_threads(), 1);
                    sum.fetch_add(job, Ordering::Relaxed);
                    Ok(1)
                };
                run(|| Ok(jobs.next()), work, &mut |done| told += done).unwrap();
            });
            assert_eq!((sum.into_inner(), told), (4950, 100));
        }
    }

    #[test]
    fn the_first_failure_by_order_is_told() {
        for _ in 0..20 {
            let mut jobs = 0..100;
            let work = |job: usize| match job {
                // The later one fails sooner.
                30 => Err(Error::NoTokens { place: job.to_string() }),
                29 => {
                    std::thread::sleep(std::time::Duration::from_millis(1));
                    Err(Error::NoTokens { place: job.to_string() })
                }
                _ => Ok(1),
            };
            let error = with_threads(4, || run(|| Ok(jobs.next()), work, &mut |_| {}).unwrap_err());
            assert!(matches!(error, Error::NoTokens { place } if place == "29"));
        }
    }
}
