//! The data folder, its disk, and backups.

use super::finding::Finding;
use opencredits_api::admin::SOCKET_FILE;
use opencredits_units::UnixMs;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// What others may do with a folder, as bits of its mode.
const OTHERS: u32 = 0o077;
/// Free space that is little, and too little, in bytes and in hundredths of the disk.
const FREE_LITTLE: (u64, u64) = (2_000_000_000, 10);
const FREE_TOO_LITTLE: (u64, u64) = (200_000_000, 2);
/// Writes that are timed, and the bytes of each.
const WRITES: usize = 20;
const WRITE_BYTES: usize = 4_096;
/// A median above which each durable charge waits long, and too long.
const FLUSH_SLOW: Duration = Duration::from_millis(10);
const FLUSH_TOO_SLOW: Duration = Duration::from_millis(100);
/// The age of a backup that should have been followed by another, and one that is no help.
const BACKUP_OLD_H: u64 = 26;
const BACKUP_TOO_OLD_H: u64 = 7 * 24;
const HOUR_MS: u64 = 3_600_000;
const BACKUP_PREFIX: &str = "opencredits-";
/// How a backup's name goes on.
const BACKUP_TIME: &str = "%Y%m%dT%H%M%SZ";

/// What there is to say of the data folder.
pub(super) fn findings(dir: &Path) -> Vec<Finding> {
    let mode = match fs::metadata(dir) {
        Ok(found) => found.permissions().mode(),
        Err(error) => {
            let remedy = "name it with --data or --config, start the gateway once, or run this as the gateway's user";
            return vec![Finding::bad("data folder", format!("{}: {error}", dir.display()), remedy)];
        }
    };
    let shown = dir.display();
    let open = mode & OTHERS != 0;
    let folder = match open {
        true => Finding::warning(
            "data folder",
            format!("{shown} is open to other users (mode {:o})", mode & 0o777),
            format!("chmod 700 {shown}"),
        ),
        false => Finding::good("data folder", format!("{shown} is its owner's alone")),
    };
    vec![folder, gateway(dir), disk(dir), flushes(dir)]
}

fn gateway(dir: &Path) -> Finding {
    match UnixStream::connect(dir.join(SOCKET_FILE)) {
        Ok(_) => Finding::good("gateway", "it runs, and its admin socket answers"),
        Err(error) => Finding::warning(
            "gateway",
            format!("its admin socket does not answer: {error}"),
            "start it, or run this as a user who may use the socket",
        ),
    }
}

fn disk(dir: &Path) -> Finding {
    let found = match rustix::fs::statvfs(dir) {
        Ok(found) => found,
        Err(error) => return Finding::bad("disk", error.to_string(), "check that the disk is mounted"),
    };
    let of_blocks = |blocks: u64| blocks.saturating_mul(found.f_frsize);
    let (free, all) = (of_blocks(found.f_bavail), of_blocks(found.f_blocks));
    let percent = free.saturating_mul(100).checked_div(all).unwrap_or_default();
    let is_below = |(bytes, hundredths): (u64, u64)| free < bytes || percent < hundredths;
    let said = format!("{:.1} GB free, {percent}%", free as f64 / 1e9);
    let remedy = "free space: a full disk stops all charges";
    match (is_below(FREE_TOO_LITTLE), is_below(FREE_LITTLE)) {
        (true, _) => Finding::bad("disk", said, remedy),
        (_, true) => Finding::warning("disk", said, remedy),
        _ => Finding::good("disk", said),
    }
}

fn flushes(dir: &Path) -> Finding {
    let mut times = match timed(dir) {
        Ok(times) => times,
        Err(error) => {
            let remedy = "run this as the gateway's user, and check that the disk takes writes";
            return Finding::bad("flush", format!("cannot write to {}: {error}", dir.display()), remedy);
        }
    };
    times.sort_unstable();
    let at = |place: usize| times.get(place).copied().unwrap_or_default();
    let (median, worst) = (at(WRITES / 2), at(WRITES - 1));
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let said = format!("{:.2} ms to the disk (median of {WRITES} writes, the slowest {:.2} ms)", ms(median), ms(worst));
    let remedy = "put the data folder on a local SSD: every durable charge waits for it";
    match median {
        slow if slow > FLUSH_TOO_SLOW => Finding::bad("flush", said, remedy),
        slow if slow > FLUSH_SLOW => Finding::warning("flush", said, remedy),
        _ => Finding::good("flush", said),
    }
}

/// How long writes take until they are on the disk.
#[expect(clippy::disallowed_methods, reason = "it measures the disk")]
fn timed(dir: &Path) -> io::Result<Vec<Duration>> {
    let path = dir.join(format!("doctor-{}.tmp", std::process::id()));
    let mut file = File::options().write(true).create_new(true).open(&path)?;
    let mut write = || {
        let begun = Instant::now();
        file.write_all(&[7; WRITE_BYTES])?;
        file.sync_data()?;
        Ok(begun.elapsed())
    };
    let times = (0..WRITES).map(|_| write()).collect();
    fs::remove_file(&path)?;
    times
}

/// How old the newest backup of a folder is.
pub(super) fn backups(dir: Option<&Path>, now: UnixMs) -> Finding {
    let how = "run `opencredits-admin backup DIR` each night, and keep copies elsewhere";
    let Some(dir) = dir else {
        return Finding::warning("backups", "not looked at", "name their folder with --backups");
    };
    let names = match fs::read_dir(dir) {
        Ok(entries) => entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()),
        Err(error) => return Finding::bad("backups", format!("{}: {error}", dir.display()), how),
    };
    let Some((at, name)) = names.filter_map(|name| Some((made_at(&name)?, name))).max() else {
        return Finding::bad("backups", format!("there is none in {}", dir.display()), how);
    };
    let hours = now.ms_since(at).checked_div(HOUR_MS).unwrap_or_default();
    let said = format!("{name} is the newest, {hours} h old");
    match hours {
        BACKUP_TOO_OLD_H.. => Finding::bad("backups", said, how),
        BACKUP_OLD_H.. => Finding::warning("backups", said, how),
        _ => Finding::good("backups", said),
    }
}

/// When a backup of this name was made.
fn made_at(name: &str) -> Option<UnixMs> {
    let time = jiff::civil::DateTime::strptime(BACKUP_TIME, name.strip_prefix(BACKUP_PREFIX)?).ok()?;
    let at = jiff::tz::Offset::UTC.to_timestamp(time).ok()?.as_millisecond();
    Some(UnixMs::new(u64::try_from(at).ok()?))
}
