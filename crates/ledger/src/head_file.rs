//! The record of the last commit that was acknowledged, in a file of its own beside the ledger.
//!
//! SQLite ends the replay of its log at the first damaged frame, and says nothing of the frames behind it. This file
//! shows that they are missing: it names a later commit than the ledger then has.
//!
//! It is written after each commit and flushed at no commit, so it costs a write of 512 bytes into memory. The end of
//! a process (`kill -9`) loses nothing of it. A power failure may undo the writes that the kernel has not flushed yet,
//! usually those of the last 30 seconds; then the file names an older commit, and a loss after that is not noticed. It
//! never names a commit that was not flushed, so it causes no false alarm.
//!
//! There are two slots, written in turns, each of one sector with a checksum. So a torn write leaves the other slot.

use crate::chain::ChainHead;
use std::fs::File;
use std::io::{ErrorKind, Read, Result, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The bytes of a slot: a sector, which no disk tears.
const SLOT_BYTES: usize = 512;

/// What the file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recorded {
    /// There is no file, or no commit was recorded in it.
    Nothing,
    /// The last commit.
    Head(ChainHead),
    /// It has content, and none of it is a head.
    Unreadable,
}

/// The file, open for writing.
pub(crate) struct HeadFile {
    file: File,
    /// Whether the next head goes to the second slot.
    second: bool,
}

/// What follows the ledger's name in that of the file with its head.
pub const HEAD_ENDING: &str = ".head";

/// The name of the file.
pub(crate) fn beside(ledger: &Path) -> PathBuf {
    named(ledger, HEAD_ENDING)
}

/// The name that the file gets when its loss is accepted.
pub(crate) fn set_aside(ledger: &Path) -> PathBuf {
    named(ledger, ".head.lost")
}

pub(crate) fn named(ledger: &Path, ending: &str) -> PathBuf {
    let mut name = ledger.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Reads what the file says.
pub(crate) fn read(path: &Path) -> Result<Recorded> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Recorded::Nothing),
        Err(error) => return Err(error),
    };
    let slots = bytes.chunks(SLOT_BYTES).map(String::from_utf8_lossy);
    let last = slots.filter_map(|slot| slot.parse::<ChainHead>().ok()).max_by_key(|head| head.commit);
    let is_blank = bytes.iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0);
    Ok(match last {
        Some(head) => Recorded::Head(head),
        None if is_blank => Recorded::Nothing,
        None => Recorded::Unreadable,
    })
}

impl HeadFile {
    /// Opens the file, which exists; a new one gets its size, so that later writes change bytes only.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let slots = SLOT_BYTES.saturating_mul(2);
        let mut file = File::options().read(true).write(true).open(path)?;
        if file.metadata()?.len() < u64::try_from(slots).unwrap_or(u64::MAX) {
            file.write_all(&vec![b' '; slots])?;
            file.sync_all()?;
            file.rewind()?;
        }
        // The slot with the older head is the next one.
        let mut first = [0; SLOT_BYTES];
        file.read_exact(&mut first)?;
        let first = String::from_utf8_lossy(&first).parse::<ChainHead>().ok();
        let second = match (first, read(path)?) {
            (Some(first), Recorded::Head(last)) => first == last,
            _ => false,
        };
        Ok(Self { file, second })
    }

    /// Records the head of a commit that was flushed.
    pub(crate) fn record(&mut self, head: &ChainHead) -> Result<()> {
        let mut slot = head.to_string().into_bytes();
        slot.resize(SLOT_BYTES.saturating_sub(1), b' ');
        slot.push(b'\n');
        let at = if self.second { SLOT_BYTES } else { 0 };
        self.file.seek(SeekFrom::Start(u64::try_from(at).unwrap_or_default()))?;
        self.file.write_all(&slot)?;
        self.second = !self.second;
        Ok(())
    }

    /// Flushes the file.
    pub(crate) fn flush(&self) -> Result<()> {
        self.file.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(commit: u64) -> ChainHead {
        ChainHead { commit, entries: commit, hash: [7; 32] }
    }

    #[test]
    fn the_last_head_is_read_and_a_torn_write_leaves_the_one_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.db.head");
        assert_eq!(read(&path).unwrap(), Recorded::Nothing);
        File::create(&path).unwrap();
        for commit in 1..10 {
            // Opening it again in between changes no slot.
            let mut file = HeadFile::open(&path).unwrap();
            file.record(&head(commit)).unwrap();
            assert_eq!(read(&path).unwrap(), Recorded::Head(head(commit)));
            let mut torn = std::fs::read(&path).unwrap();
            let slot = if file.second { 0 } else { SLOT_BYTES };
            torn[slot + 20..slot + 40].fill(b'x');
            std::fs::write(&path, &torn).unwrap();
            let before = if commit == 1 { Recorded::Unreadable } else { Recorded::Head(head(commit - 1)) };
            assert_eq!(read(&path).unwrap(), before);
            file.second = !file.second;
            file.record(&head(commit)).unwrap();
        }
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 1_024);
    }

    #[test]
    fn a_file_without_a_head_is_blank_or_unreadable() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.db.head");
        let cases: [(&[u8], Recorded); 4] = [
            (b"", Recorded::Nothing),
            (&[0; 1_024], Recorded::Nothing),
            (b" \n", Recorded::Nothing),
            (b"head_1_2", Recorded::Unreadable),
        ];
        for (bytes, recorded) in cases {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(read(&path).unwrap(), recorded, "{bytes:?}");
        }
    }
}
