//! The write-ahead log of a database server: one flush at a time, and each takes everything that was written before it began.

/// Who has to be told that a flush is done.
pub(super) type Lanes = Vec<usize>;

/// Commands whose records fill a file of 16 MiB: 530 bytes each, as `pg_stat_wal` has counted them.
const COMMANDS_A_FILE: u64 = 31_656;

/// The disk of a server.
#[derive(Default)]
pub(super) struct Disk {
    is_busy: bool,
    /// The lanes that the running flush is for, and those that came too late for it.
    served: Lanes,
    waiting: Lanes,
    /// Whether the WAL writer waits, too, and whether its next look is on the agenda.
    has_writer: bool,
    pub(super) is_watched: bool,
    /// Charges that were accepted, those that the running flush takes, and those on disk.
    accepted: u64,
    flushing: u64,
    flushed: u64,
    /// Commands that were written, and those that a flush has taken.
    written: u64,
    taken: u64,
    /// The most that was not on disk.
    unflushed_max: u64,
}

impl Disk {
    /// A batch of so many commands is written.
    pub(super) fn write(&mut self, commands: u64) {
        self.written = self.written.saturating_add(commands);
    }

    /// The files that the flush has to create which has just begun.
    pub(super) fn files(&mut self) -> u64 {
        let files = |commands: u64| commands.checked_div(COMMANDS_A_FILE).unwrap_or_default();
        let created = files(self.written).saturating_sub(files(self.taken));
        self.taken = self.written;
        created
    }

    /// A durable commit waits for the disk. Whether a flush begins with it.
    pub(super) fn commit(&mut self, lane: usize) -> bool {
        self.waiting.push(lane);
        self.begin()
    }

    /// A commit that nobody waits for has so many charges.
    pub(super) fn accept(&mut self, charges: u64) {
        self.accepted = self.accepted.saturating_add(charges);
        self.unflushed_max = self.unflushed_max.max(self.unflushed());
    }

    /// The WAL writer looks. Whether a flush begins with it.
    pub(super) fn look(&mut self) -> bool {
        self.is_watched = false;
        self.has_writer = self.unflushed() > 0;
        self.has_writer && self.begin()
    }

    /// A flush is done: for whom, and whether the next one begins.
    pub(super) fn done(&mut self) -> (Lanes, bool) {
        self.is_busy = false;
        self.flushed = self.flushing;
        let served = std::mem::take(&mut self.served);
        let goes_on = (!self.waiting.is_empty() || self.has_writer) && self.begin();
        (served, goes_on)
    }

    fn begin(&mut self) -> bool {
        if self.is_busy {
            return false;
        }
        self.is_busy = true;
        self.has_writer = false;
        self.served = std::mem::take(&mut self.waiting);
        self.flushing = self.accepted;
        true
    }

    /// Charges that a crash would undo.
    pub(super) fn unflushed(&self) -> u64 {
        self.accepted.saturating_sub(self.flushed)
    }

    pub(super) fn unflushed_max(&self) -> u64 {
        self.unflushed_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_share_the_next_flush() {
        let mut disk = Disk::default();
        assert!(disk.commit(1));
        assert!(!disk.commit(2), "one flush at a time");
        assert!(!disk.commit(3));
        assert_eq!(disk.done(), (vec![1], true));
        assert_eq!(disk.done(), (vec![2, 3], false));
        assert!(disk.commit(4));
    }

    #[test]
    fn a_full_file_is_followed_by_a_new_one() {
        let mut disk = Disk::default();
        disk.write(COMMANDS_A_FILE - 1);
        assert_eq!(disk.files(), 0);
        disk.write(1);
        assert_eq!((disk.files(), disk.files()), (1, 0));
        disk.write(COMMANDS_A_FILE * 2);
        assert_eq!(disk.files(), 2);
    }

    #[test]
    fn accepted_charges_are_on_disk_with_the_next_flush_that_begins() {
        let mut disk = Disk::default();
        disk.accept(5);
        assert!(disk.look());
        disk.accept(2);
        assert_eq!(disk.done(), (vec![], false));
        assert_eq!((disk.unflushed(), disk.unflushed_max()), (2, 7));
        assert!(disk.commit(1), "a durable commit takes them along");
        assert_eq!(disk.done(), (vec![1], false));
        assert_eq!(disk.unflushed(), 0);
        assert!(!disk.look(), "there is nothing to write");
    }
}
