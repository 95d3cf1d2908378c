//! The persistent threads, and the division of work among them.
//!
//! A thread waits for its next job by spinning for a bounded time, then it parks, so an idle
//! program uses no CPU. A job takes as many of the free threads as it may use; one that finds none
//! runs on its caller's thread alone, with the same bits. After a fork the child starts threads of
//! its own.

use std::cell::Cell;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Thread, ThreadId};

/// Rounds of spinning before a thread parks: some tens of microseconds.
const SPINS: usize = if cfg!(miri) { 10 } else { 4_000 };

/// Rounds after these in which a thread that waits within a job yields its processor before it
/// sleeps: longer than a wake-up takes. Otherwise a late thread would find the others asleep, sleep
/// while they wake up, and so on at each barrier.
const YIELDS: usize = if cfg!(miri) { 10 } else { 2_000 };

/// The most threads of a job: the memory that each needs would add up.
const MAX_THREADS: usize = 1024;

/// Threads that a job may use; 0 means [`default_threads`].
static THREADS: AtomicUsize = AtomicUsize::new(0);

/// Set the number of threads of later jobs.
pub fn set_threads(threads: usize) {
    THREADS.store(threads.min(MAX_THREADS), Relaxed);
}

thread_local! {
    /// Threads that a job of this thread may use; 0 means the number of the process.
    static LIMIT: Cell<usize> = const { Cell::new(0) };

    /// The caller of the job that this thread works for.
    static CALLER: Cell<Option<ThreadId>> = const { Cell::new(None) };
}

/// Return the thread that this one works for, which may be itself.
#[cfg(any(feature = "python", test))]
pub fn caller() -> ThreadId {
    CALLER.get().unwrap_or_else(|| std::thread::current().id())
}

/// Set the number of threads of jobs started from this thread, or 0 for that of the process; return
/// the previous number.
pub fn limit_threads(threads: usize) -> usize {
    LIMIT.replace(threads.min(MAX_THREADS))
}

/// Return the number of threads that a job may use.
pub fn threads() -> usize {
    match LIMIT.get() {
        0 => threads_of_process(),
        threads => threads,
    }
}

fn threads_of_process() -> usize {
    match THREADS.load(Relaxed) {
        0 => {
            let threads = default_threads().min(MAX_THREADS);
            THREADS.store(threads, Relaxed);
            threads
        }
        threads => threads,
    }
}

/// Return `BACKPROP_RS_NUM_THREADS`, otherwise `OMP_NUM_THREADS` (which joblib sets for its
/// workers), otherwise the processors that the process may use (its affinity and the quota of its
/// control group).
fn default_threads() -> usize {
    let named = |name| std::env::var(name).ok()?.parse().ok().filter(|&n: &usize| n > 0);
    named("BACKPROP_RS_NUM_THREADS")
        .or_else(|| named("OMP_NUM_THREADS"))
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// A range of rows or tiles that one worker owns.
#[derive(Debug)]
#[allow(clippy::len_without_is_empty)]
pub struct Share(Range<usize>);

impl Share {
    #[inline(always)]
    pub fn start(&self) -> usize {
        self.0.start
    }

    #[inline(always)]
    pub fn len(&self) -> usize {
        self.0.end - self.0.start
    }

    #[inline(always)]
    pub fn range(&self) -> Range<usize> {
        self.0.clone()
    }

    /// Return the share in the fewest blocks of at most `size`, as equal as possible.
    #[inline(always)]
    pub fn blocks(&self, size: usize) -> impl Iterator<Item = Share> {
        let Range { start, end } = self.0;
        let size =
            if end - start <= size { size } else { self.len().div_ceil(self.len().div_ceil(size)) };
        (start..end).step_by(size).map(move |start| Self(start..(start + size).min(end)))
    }

    /// Return the first `length` items of the share.
    #[inline(always)]
    pub fn first(&self, length: usize) -> Share {
        Self(self.0.start..(self.0.start + length).min(self.0.end))
    }
}

/// One thread of a job.
pub struct Worker<'a> {
    pub index: usize,
    pub count: usize,
    barrier: Option<&'a Barrier>,
}

impl Worker<'_> {
    /// Return the only worker of a job on one thread.
    pub fn alone() -> Self {
        Self { index: 0, count: 1, barrier: None }
    }

    /// Return one of `count` workers, to compute its shares alone: it waits for nobody.
    pub fn numbered(index: usize, count: usize) -> Self {
        Self { index, count, barrier: None }
    }

    /// Return this worker's share of 0..n; shares are as equal as possible.
    #[inline(always)]
    pub fn share(&self, n: usize) -> Share {
        let cut = |i: usize| n * i / self.count;
        Share(cut(self.index)..cut(self.index + 1))
    }

    /// Return this worker's slot of `size` among slots of that size.
    #[inline(always)]
    pub fn slot(&self, size: usize) -> Share {
        Share(self.index * size..(self.index + 1) * size)
    }

    /// Return this worker's share of items whose running total of weights is `totals`.
    pub fn weighted_share(&self, totals: &[usize]) -> Share {
        let all = totals.last().copied().unwrap_or(0);
        let cut = |i: usize| totals.partition_point(|&total| total <= all * i / self.count);
        let end = if self.index + 1 == self.count { totals.len() } else { cut(self.index + 1) };
        Share(cut(self.index)..end)
    }

    /// Wait until every worker of the job has arrived.
    #[inline(always)]
    pub fn wait(&self) {
        if let Some(barrier) = self.barrier {
            barrier.wait(self.index);
        }
    }
}

/// The arrivals of one worker at a barrier, on a cache line of its own: the others poll it.
#[derive(Default)]
#[repr(align(128))]
struct Arrivals(AtomicUsize);

/// A barrier that spins for a bounded time and then sleeps.
///
/// A worker writes its own count of arrivals and reads those of the others, so synchronizing two
/// workers moves one cache line each way. A common counter would move back and forth, and so would
/// a flag that all have arrived.
struct Barrier {
    arrivals: Vec<Arrivals>,
    sleepers: AtomicUsize,
    broken: AtomicBool,
    lock: Mutex<()>,
    woken: Condvar,
}

impl Barrier {
    fn new(count: usize) -> Self {
        Self {
            arrivals: (0..count).map(|_| Arrivals::default()).collect(),
            sleepers: AtomicUsize::new(0),
            broken: AtomicBool::new(false),
            lock: Mutex::new(()),
            woken: Condvar::new(),
        }
    }

    /// Record that worker `index` has arrived, and wait until all others have.
    fn wait(&self, index: usize) {
        let own = &self.arrivals[index].0;
        let turn = own.load(Relaxed).wrapping_add(1);
        own.store(turn, SeqCst);
        // No worker is more than one round ahead or behind.
        let here = |arrivals: &Arrivals| arrivals.0.load(SeqCst).wrapping_sub(turn) <= 1;
        let passed = || self.arrivals.iter().all(here);
        if passed() {
            return self.wake(); // the last one to arrive sees all others
        }
        if !yield_until(|| passed() || self.broken.load(Relaxed)) {
            self.sleepers.fetch_add(1, SeqCst);
            let mut guard = self.lock.lock().unwrap();
            while !passed() && !self.broken.load(SeqCst) {
                guard = self.woken.wait(guard).unwrap();
            }
            self.sleepers.fetch_sub(1, SeqCst);
        }
        assert!(passed(), "another worker of this job panicked");
    }

    fn wake(&self) {
        if self.sleepers.load(SeqCst) > 0 {
            let _guard = self.lock.lock().unwrap();
            self.woken.notify_all();
        }
    }

    /// Release the workers that wait for one that will never arrive.
    fn release(&self) {
        self.broken.store(true, SeqCst);
        self.wake();
    }
}

/// Spin until `done` or for a bounded time; return true if done.
#[inline(always)]
fn spin_until(done: impl Fn() -> bool) -> bool {
    for _ in 0..SPINS {
        if done() {
            return true;
        }
        std::hint::spin_loop();
    }
    done()
}

/// Spin and yield until `done` or for a bounded time; return true if done.
#[inline(always)]
fn yield_until(done: impl Fn() -> bool) -> bool {
    spin_until(&done)
        || (0..YIELDS).any(|_| {
            std::thread::yield_now();
            done()
        })
}

/// Return the processor that this thread runs on.
#[cfg(all(target_os = "linux", not(miri)))]
fn processor() -> Option<usize> {
    // SAFETY: the call has no preconditions.
    usize::try_from(unsafe { libc::sched_getcpu() }).ok()
}

#[cfg(not(all(target_os = "linux", not(miri))))]
fn processor() -> Option<usize> {
    None
}

/// Move this thread from a processor to another one that it may use, if there is one.
#[cfg(all(target_os = "linux", not(miri)))]
fn migrate_from(processor: usize) {
    let size = size_of::<libc::cpu_set_t>();
    // SAFETY: a set of processors is an array of bits, valid if all are zero; the calls get its
    // size, and 0 means this thread.
    unsafe {
        let mut all: libc::cpu_set_t = std::mem::zeroed();
        if processor >= 8 * size || libc::sched_getaffinity(0, size, &mut all) != 0 {
            return;
        }
        let mut others = all;
        libc::CPU_CLR(processor, &mut others);
        // Without another processor this fails and changes nothing.
        if libc::sched_setaffinity(0, size, &others) == 0 {
            libc::sched_setaffinity(0, size, &all);
        }
    }
}

#[cfg(not(all(target_os = "linux", not(miri))))]
fn migrate_from(_processor: usize) {}

/// The work of all threads: it lives on the caller's stack until all of them have finished.
struct Job<'a> {
    work: &'a (dyn Fn(Worker) + Sync),
    barrier: Barrier,
    running: AtomicUsize,
    caller: Thread,
    /// The processor of the caller at the start.
    processor: Option<usize>,
    panicked: AtomicBool,
}

impl Job<'_> {
    /// Move a thread that was just woken: the system tends to place it on the processor of its
    /// caller, where it would wait for some milliseconds until the scheduler moves it.
    fn avoid_processor_of_caller(&self) {
        if let Some(taken) = self.processor.filter(|&taken| processor() == Some(taken)) {
            migrate_from(taken);
        }
    }

    fn take_part(&self, index: usize) {
        self.avoid_processor_of_caller();
        CALLER.set(Some(self.caller.id()));
        let worker =
            Worker { index, count: self.barrier.arrivals.len(), barrier: Some(&self.barrier) };
        if catch_unwind(AssertUnwindSafe(|| (self.work)(worker))).is_err() {
            self.panicked.store(true, SeqCst);
            self.barrier.release();
        }
        CALLER.set(None);
    }
}

/// The mailbox of one thread for its next job.
struct Mailbox {
    job: AtomicPtr<Job<'static>>,
    /// The number of the thread in that job, from 1.
    index: AtomicUsize,
    parked: AtomicBool,
}

impl Mailbox {
    fn receive(&self) -> *const Job<'static> {
        loop {
            let full = || !self.job.load(Acquire).is_null();
            if !spin_until(full) {
                self.parked.store(true, SeqCst);
                while self.job.load(SeqCst).is_null() {
                    std::thread::park();
                }
                self.parked.store(false, SeqCst);
            }
            let job = self.job.swap(std::ptr::null_mut(), AcqRel);
            if !job.is_null() {
                return job;
            }
        }
    }
}

/// The threads of one process.
struct Pool {
    process: u32,
    helpers: Mutex<Helpers>,
}

type Helper = (Arc<Mailbox>, Thread);

/// The threads that no job uses, and the number of all.
#[derive(Default)]
struct Helpers {
    free: Vec<Helper>,
    count: usize,
}

impl Pool {
    fn helpers(&self) -> MutexGuard<'_, Helpers> {
        self.helpers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Take up to `wanted` free threads; start new ones while there are fewer than the process or
    /// this job may use.
    fn take(&self, wanted: usize) -> Vec<Helper> {
        let mut helpers = self.helpers();
        let most = wanted.max(threads_of_process() - 1);
        while helpers.free.len() < wanted && helpers.count < most {
            match spawn(helpers.count + 1) {
                Ok(helper) => helpers.free.push(helper),
                Err(_) => break, // the system has no more threads: continue with these
            }
            helpers.count += 1;
        }
        let left = helpers.free.len().saturating_sub(wanted);
        helpers.free.split_off(left)
    }

    /// Return threads that a job no longer uses.
    fn put_back(&self, helpers: Vec<Helper>) {
        self.helpers().free.extend(helpers);
    }
}

static POOL: AtomicPtr<Pool> = AtomicPtr::new(std::ptr::null_mut());

/// Return the pool of this process; a forked child does not have the threads of its parent's pool.
fn pool() -> &'static Pool {
    let current = POOL.load(Acquire);
    let process = std::process::id();
    // SAFETY: a published pool is never freed.
    if let Some(pool) = unsafe { current.as_ref() }.filter(|pool| pool.process == process) {
        return pool;
    }
    let fresh = Box::into_raw(Box::new(Pool { process, helpers: Mutex::default() }));
    match POOL.compare_exchange(current, fresh, AcqRel, Acquire) {
        // SAFETY: just created and published, never freed.
        Ok(_) => unsafe { &*fresh },
        Err(other) => {
            // SAFETY: `fresh` was not published; another thread of this process published `other`.
            unsafe {
                drop(Box::from_raw(fresh));
                &*other
            }
        }
    }
}

fn spawn(number: usize) -> std::io::Result<Helper> {
    let (job, index) = (AtomicPtr::new(std::ptr::null_mut()), AtomicUsize::new(0));
    let mailbox = Arc::new(Mailbox { job, index, parked: AtomicBool::new(false) });
    let own = Arc::clone(&mailbox);
    let name = format!("backprop-rs-{number}");
    let handle = std::thread::Builder::new().name(name).spawn(move || {
        loop {
            // SAFETY: the caller keeps the job alive until `running` shows that all threads have
            // left it.
            let job = unsafe { &*own.receive() };
            job.take_part(own.index.load(Relaxed)); // stored before the job
            let caller = job.caller.clone();
            if job.running.fetch_sub(1, AcqRel) == 1 {
                caller.unpark();
            }
        }
    })?;
    Ok((mailbox, handle.thread().clone()))
}

/// Run `work` with each of `items` on up to `threads` threads: a free thread takes the next item.
#[cfg(any(feature = "python", feature = "csv", test))]
pub fn for_each<I>(threads: usize, items: impl Iterator<Item = I> + Send, work: impl Fn(I) + Sync) {
    let items = Mutex::new(items);
    run(threads, |_| {
        loop {
            let next = items.lock().unwrap().next();
            let Some(item) = next else { return };
            work(item);
        }
    });
}

/// Run `work` on up to `threads` threads at once, including the caller's.
pub fn run(threads: usize, work: impl Fn(Worker) + Sync) {
    if threads <= 1 {
        return work(Worker::alone());
    }
    let pool = pool();
    let helpers = pool.take(threads - 1);
    if helpers.is_empty() {
        return work(Worker::alone());
    }
    let count = helpers.len() + 1;
    let job = Job {
        work: &work,
        barrier: Barrier::new(count),
        running: AtomicUsize::new(count - 1),
        caller: std::thread::current(),
        processor: processor(),
        panicked: AtomicBool::new(false),
    };
    for (i, (mailbox, thread)) in helpers.iter().enumerate() {
        mailbox.index.store(i + 1, Relaxed);
        mailbox.job.store(std::ptr::from_ref(&job).cast_mut().cast(), SeqCst);
        if mailbox.parked.load(SeqCst) {
            thread.unpark();
        }
    }
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        work(Worker { index: 0, count, barrier: Some(&job.barrier) });
    }));
    if outcome.is_err() {
        job.barrier.release();
    }
    let finished = || job.running.load(Acquire) == 0;
    if !yield_until(finished) {
        while !finished() {
            std::thread::park();
        }
    }
    pool.put_back(helpers);
    match outcome {
        Err(panic) => resume_unwind(panic),
        Ok(()) => assert!(!job.panicked.load(SeqCst), "a worker of this job panicked"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_has_one_owner() {
        for threads in 1..6 {
            let met: Vec<AtomicUsize> = (0..101).map(|_| AtomicUsize::new(0)).collect();
            run(threads, |worker| {
                for i in worker.share(met.len()).range() {
                    met[i].fetch_add(1, Relaxed);
                }
            });
            assert!(met.iter().all(|n| n.load(Relaxed) == 1));
        }
    }

    #[test]
    fn weighted_shares_cover_everything_once() {
        let totals: Vec<usize> = [5, 1, 1, 9, 2, 2]
            .iter()
            .scan(0, |t, w| {
                *t += w;
                Some(*t)
            })
            .collect();
        for count in 1..9 {
            let mut next = 0;
            for index in 0..count {
                let share = Worker { index, count, barrier: None }.weighted_share(&totals);
                assert_eq!(share.start(), next);
                next = share.range().end;
            }
            assert_eq!(next, totals.len());
        }
    }

    #[test]
    fn nobody_passes_the_barrier_before_all_have_come() {
        let arrived = AtomicUsize::new(0);
        run(4, |worker| {
            for round in 1..if cfg!(miri) { 5 } else { 200 } {
                arrived.fetch_add(1, SeqCst);
                worker.wait();
                assert!(arrived.load(SeqCst) >= round * worker.count);
                worker.wait();
            }
        });
    }

    #[test]
    fn helpers_know_their_caller() {
        let me = std::thread::current().id();
        run(3, |_| assert_eq!(caller(), me));
        run(1, |_| assert_eq!(caller(), me));
    }

    #[test]
    fn two_jobs_at_once_both_finish() {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..if cfg!(miri) { 3 } else { 100 } {
                        let sum = AtomicUsize::new(0);
                        run(3, |worker| {
                            sum.fetch_add(worker.share(1000).len(), Relaxed);
                        });
                        assert_eq!(sum.load(Relaxed), 1000);
                    }
                });
            }
        });
    }

    #[test]
    fn jobs_share_the_threads() {
        let (here, counts) = (Barrier::new(2), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for index in 0..2 {
                let (here, counts) = (&here, &counts);
                scope.spawn(move || {
                    assert_eq!(limit_threads(3), 0);
                    assert_eq!(threads(), 3);
                    run(3, |worker| {
                        if worker.index == 0 {
                            here.wait(index); // both jobs run now
                            counts.lock().unwrap().push(worker.count);
                        }
                    });
                    assert_eq!(limit_threads(0), 3);
                });
            }
        });
        assert!(counts.into_inner().unwrap().iter().all(|count| (1..=3).contains(count)));
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_lives_on() {
        for guilty in 0..3 {
            let outcome = catch_unwind(|| {
                run(3, |worker| {
                    assert!(worker.index != guilty.min(worker.count - 1), "as planned");
                    worker.wait();
                });
            });
            assert!(outcome.is_err());
        }
        run(3, |worker| worker.wait());
    }
}
