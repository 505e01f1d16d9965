//! What the machine has.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::sync::OnceLock;

/// The name of the machine (proc(5)).
const HOST: &str = "/proc/sys/kernel/hostname";

/// What this process is; a gateway where nothing else is said.
static ROLE: OnceLock<&str> = OnceLock::new();

/// Says once, before anything is built, what this process is.
pub(crate) fn set_role(role: &'static str) {
    // Whoever says it twice says the same.
    let _said_before = ROLE.set(role);
}

/// The name of this process among those of all machines.
pub(crate) fn process_name() -> String {
    let host = std::fs::read_to_string(HOST).unwrap_or_default();
    let role = ROLE.get_or_init(|| "gateway");
    format!("{role} {} at {}", std::process::id(), if host.trim().is_empty() { "this machine" } else { host.trim() })
}

/// Where nothing tells how much memory there is.
const MEMORY_BYTES: usize = 2 << 30;
/// The memory of the machine (proc(5)), and the limit of the process's control group, in both versions of these.
const MACHINE: &str = "/proc/meminfo";
const GROUPS: [&str; 2] = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];

/// The memory that the process can have, in bytes.
pub(crate) fn memory_bytes() -> usize {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let groups = GROUPS.into_iter().filter_map(|path| read(path)?.trim().parse::<usize>().ok());
    let machine = read(MACHINE).and_then(|text| total(&text));
    groups.chain(machine).min().unwrap_or(MEMORY_BYTES)
}

/// Large bodies that are worked on at once: on half of the cores, so that the rest is free to serve.
pub(crate) fn large_at_once() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().div_euclid(2).max(1))
}

/// Descriptors that are no connections: the data files, the listeners, the log, the threads' own.
const DESCRIPTORS_APART: u64 = 128;
/// A connection from a client needs one descriptor, and its request upstream another.
const DESCRIPTORS_EACH: u64 = 2;

/// The connections that the process has descriptors for, at most `wanted`. It may open as many files as its hard limit
/// allows: the soft one is there for programs that use `select`.
pub(crate) fn connections(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let current = if setrlimit(Resource::Nofile, raised).is_ok() { limit.maximum } else { limit.current };
    let most = connections_of(current);
    // A few less are nothing that an operator must act on.
    if most < wanted.div_euclid(2) {
        tracing::warn!(
            connections = most,
            wanted,
            descriptors = current,
            "fewer connections than server.connections_max: the process may not open enough files; raise its limit (ulimit -n, LimitNOFILE)"
        );
    }
    wanted.min(most)
}

/// The connections that a limit of descriptors allows; `None` is without limit.
fn connections_of(limit: Option<u64>) -> usize {
    let most = limit.map(|limit| limit.saturating_sub(DESCRIPTORS_APART).div_euclid(DESCRIPTORS_EACH).max(1));
    most.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX))
}

/// `MemTotal`, which is in KiB.
fn total(text: &str) -> Option<usize> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<usize>().ok()?.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_everything_else() {
        let check = |limit, expect| assert_eq!(connections_of(limit), expect, "{limit:?}");
        check(Some(1_024), 448);
        check(Some(256), 64);
        check(Some(10), 1);
        check(None, usize::MAX);
        assert_eq!(connections(1), 1);
    }

    #[test]
    fn the_memory_of_the_machine_is_read_in_bytes() {
        assert_eq!(total("MemTotal:       24 kB\nMemFree: 1 kB\n"), Some(24 << 10));
        assert_eq!(total("MemFree: 1 kB\n"), None);
        assert!(memory_bytes() > 1 << 20);
    }
}
