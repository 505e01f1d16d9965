//! What the machine has.

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

/// `MemTotal`, which is in KiB.
fn total(text: &str) -> Option<usize> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<usize>().ok()?.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_the_machine_is_read_in_bytes() {
        assert_eq!(total("MemTotal:       24 kB\nMemFree: 1 kB\n"), Some(24 << 10));
        assert_eq!(total("MemFree: 1 kB\n"), None);
        assert!(memory_bytes() > 1 << 20);
    }
}
