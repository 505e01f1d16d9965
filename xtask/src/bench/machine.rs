//! What the figures were measured on.

use super::effort::scratch;
use super::report::Report;
use crate::outcome::Outcome;
use std::fs::{self, File};
use std::io::Write as _;
use std::time::Instant;

/// How many flushes the probe takes the median of.
const FSYNC_PROBES: usize = 64;

/// Adds the machine's name and an fsync probe.
pub(crate) fn describe(report: &mut Report) -> Outcome {
    report.heading("machine");
    report.fact("cpu", cpu_model());
    report.fact("kernel", read_trimmed("/proc/sys/kernel/osrelease"));
    let cores = std::thread::available_parallelism()?.get();
    report.figure("cores", u32::try_from(cores)?.into());
    report.figure("fsync_p50_us", fsync_probe_us()?);
    Ok(())
}

fn cpu_model() -> String {
    read_trimmed("/proc/cpuinfo")
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or_else(|| "unknown".to_owned(), |(_, name)| name.to_owned())
}

fn read_trimmed(path: &str) -> String {
    fs::read_to_string(path).map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}

/// Median time to append 4 KiB and have them on disk, in the folder where the benchmarks keep their files.
fn fsync_probe_us() -> Outcome<f64> {
    let folder = scratch()?;
    let mut file = File::create(folder.path().join("probe"))?;
    let mut times_us = Vec::with_capacity(FSYNC_PROBES);
    for _ in 0..FSYNC_PROBES {
        let start = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        times_us.push(start.elapsed().as_secs_f64() * 1e6);
    }
    Ok(median(&mut times_us))
}

/// The middle value; of an even count the lower of the two.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}
