//! A small disk of a test's own, which can be filled.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Mounts a file system in memory, on which everybody may write, and tells where. At the end of its input, as when the test is killed,
/// it is gone.
const KEEPER: &str = r#"
folder=$(mktemp -d /tmp/disk-XXXXXX) || exit 1
if ! mount -t tmpfs -o "size=$1m,mode=1777" tmpfs "$folder"; then rmdir "$folder"; exit 1; fi
echo "$folder"
cat >/dev/null
umount -l "$folder"; rmdir "$folder"
"#;
/// What takes the room.
const FILLER: &str = "filler";

/// A disk. It ends with this value, or with the test.
pub struct Disk {
    keeper: Child,
    folder: PathBuf,
}

impl Disk {
    /// Makes one of this size. `None`, and a word on standard error, where this user may mount nothing.
    #[must_use]
    pub fn of_megabytes(size: u32) -> Option<Self> {
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "sh", &size.to_string()]).current_dir("/");
        keeper.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        let mut keeper = keeper.spawn().expect("a shell starts");
        let mut folder = String::new();
        BufReader::new(keeper.stdout.take().expect("it is piped")).read_line(&mut folder).expect("it can be read");
        if folder.is_empty() {
            let _ended = keeper.wait();
            eprintln!("skipped: this user may not mount a tmpfs");
            return None;
        }
        Some(Self { keeper, folder: PathBuf::from(folder.trim_end()) })
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Fills it to the last byte.
    pub fn fill(&self) {
        let mut file = std::fs::File::create(self.folder.join(FILLER)).expect("a file can be made");
        let block = vec![7; 4_096];
        while file.write_all(&block).is_ok() {}
    }

    /// Gives the room back.
    pub fn free(&self) {
        std::fs::remove_file(self.folder.join(FILLER)).expect("it was filled");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ended = self.keeper.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::Disk;

    #[test]
    fn a_disk_that_was_filled_takes_nothing_until_there_is_room_and_is_gone_with_its_value() {
        let Some(disk) = Disk::of_megabytes(1) else { return };
        let folder = disk.folder().to_owned();
        let write = || std::fs::write(folder.join("some"), vec![1; 100_000]);
        disk.fill();
        assert!(write().is_err());
        disk.free();
        write().unwrap();
        drop(disk);
        assert!(!folder.exists());
    }
}
