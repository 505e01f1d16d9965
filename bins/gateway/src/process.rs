//! What the process takes of its machine.

use opencredits_service::telemetry::Samples;
use opencredits_service::telemetry::families::{
    BUILD, DISK_FREE, DISK_SIZE, PROCESS_CPU, PROCESS_DESCRIPTORS, PROCESS_DESCRIPTORS_MAX, PROCESS_MEMORY,
    PROCESS_START, PROCESS_THREADS,
};
use opencredits_units::UnixMs;
use rustix::fs::statvfs;
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};
use std::path::{Path, PathBuf};

/// The figures of the process, and its open files (proc(5)).
const STATUS: &str = "/proc/self/status";
const DESCRIPTORS: &str = "/proc/self/fd";

/// The process, and the folder whose disk it fills.
pub(crate) struct Process {
    started: UnixMs,
    data: PathBuf,
}

impl Process {
    pub(crate) fn new(started: UnixMs, data: &Path) -> Self {
        Self { started, data: data.to_owned() }
    }

    /// Adds what the process takes now. What the system does not tell is left out.
    pub(crate) fn sample(&self, samples: &mut Samples) {
        samples.count(&BUILD, &[env!("CARGO_PKG_VERSION")], 1_u64);
        samples.ms(&PROCESS_START, &[], self.started.get());
        let status = std::fs::read_to_string(STATUS).unwrap_or_default();
        if let Some(kib) = field(&status, "VmRSS:") {
            samples.count(&PROCESS_MEMORY, &[], kib.saturating_mul(1_024));
        }
        if let Some(threads) = field(&status, "Threads:") {
            samples.count(&PROCESS_THREADS, &[], threads);
        }
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let [seconds, ns] = [cpu.tv_sec, cpu.tv_nsec].map(|part| u64::try_from(part).unwrap_or_default());
        samples.ms(&PROCESS_CPU, &[], seconds.saturating_mul(1_000).saturating_add(ns.div_euclid(1_000_000)));
        if let Ok(open) = std::fs::read_dir(DESCRIPTORS) {
            samples.count(&PROCESS_DESCRIPTORS, &[], open.count());
        }
        if let Some(most) = getrlimit(Resource::Nofile).current {
            samples.count(&PROCESS_DESCRIPTORS_MAX, &[], most);
        }
        if let Ok(disk) = statvfs(&self.data) {
            // What is kept for the system's administrator is not free for us.
            samples.count(&DISK_FREE, &[], disk.f_bavail.saturating_mul(disk.f_frsize));
            samples.count(&DISK_SIZE, &[], disk.f_blocks.saturating_mul(disk.f_frsize));
        }
    }
}

/// The first number after a name at the beginning of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_the_process_is_its_first_number() {
        let text = "Name:\tgateway\nVmRSS:\t    1234 kB\nThreads:\t7\n";
        assert_eq!((field(text, "VmRSS:"), field(text, "Threads:")), (Some(1_234), Some(7)));
        assert_eq!((field(text, "Name:"), field(text, "VmSwap:")), (None, None));
    }

    #[test]
    fn this_process_tells_everything_of_itself() {
        let mut samples = Samples::default();
        Process::new(UnixMs::new(5_000), Path::new("/")).sample(&mut samples);
        for family in [&PROCESS_MEMORY, &PROCESS_THREADS, &PROCESS_DESCRIPTORS, &DISK_SIZE] {
            assert!(samples.value(family, &[]).unwrap() >= 1.0, "{}", family.name);
        }
        assert_eq!(samples.value(&PROCESS_START, &[]), Some(5.0));
    }
}
