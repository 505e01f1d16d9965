//! The priority of the thread that makes a backup.

/// The niceness of the thread; 0 is usual and 19 yields the most.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 15;

/// Lets all other threads go first on the calling thread's account, for the rest of its life. Only Linux has priorities
/// of single threads.
pub fn give_way() {
    #[cfg(target_os = "linux")]
    let _where_allowed = rustix::process::setpriority_process(None, NICENESS);
}
