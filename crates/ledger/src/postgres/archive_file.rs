//! The file of an archived part.
//!
//! It is text: a heading, a line for each entry in the order of commits and ids, the sum of each account, and a digest of everything
//! before. The lines of entries are the columns of their table as PostgreSQL's `COPY` writes and reads them, so that they can be read
//! without this program as well.

use super::month::EntriesPart;
use super::rows::{EntryRecord, kind_number, leg_bytes, legs_of};
use crate::codec::Number;
use crate::error::StorageError;
use crate::types::EntryKind;
use opencredits_units::{AccountId, EntryId, NanoUsd, UnixMs};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::path::Path;

/// The first line.
const FORM: &str = "opencredits ledger archive 1";
const COLUMNS: &str = "columns id commit kind at fingerprint charged legs memo";
/// Begins the line of an entry.
const ROW: &str = "\\\\x";
/// No line of ours is longer: a memo and its legs have some thousand bytes.
const LINE_MAX: u64 = 1 << 20;
/// Only the owner may read it.
#[cfg(unix)]
const FILE_MODE: u32 = 0o600;

/// What is wrong with a file.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It cannot be read or written.
    File(io::Error),
    /// It is not what was written.
    Damaged(&'static str),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

impl From<Fault> for StorageError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::File(error) => error.into(),
            Fault::Damaged(_) => Self::Damaged { table: "an archive" },
        }
    }
}

/// What the entries of a file amount to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) entries: i64,
    /// The last commit of an entry, and the time of the last decision; zero where there is none.
    pub(crate) last_commit: i64,
    pub(crate) last_at: UnixMs,
    pub(crate) sums: BTreeMap<Number, NanoUsd>,
}

impl Totals {
    /// Counts an entry; `None` where a sum does not fit.
    pub(crate) fn add(&mut self, entry: &EntryRecord) -> Option<()> {
        self.entries = self.entries.checked_add(1)?;
        self.last_commit = self.last_commit.max(entry.commit);
        self.last_at = self.last_at.max(entry.at);
        for (number, amount) in &entry.legs {
            let sum = self.sums.entry(*number).or_default();
            *sum = sum.checked_add(*amount)?;
        }
        Some(())
    }

    /// The lines that say so.
    fn lines(&self, names: &BTreeMap<Number, AccountId>) -> String {
        let mut text = String::new();
        for (number, sum) in &self.sums {
            let name = names.get(number).copied().unwrap_or_default();
            let _infallible = writeln!(text, "sum {number} {name} {}", sum.get());
        }
        let (entries, commit, at) = (self.entries, self.last_commit, self.last_at.get());
        let _infallible = writeln!(text, "entries {entries} last-commit {commit} last-at {at}");
        text
    }
}

/// A file that is written.
pub(crate) struct Writer {
    out: BufWriter<File>,
    digest: Sha256,
    line: String,
}

impl Writer {
    /// Begins a file that is not there yet.
    pub(crate) fn create(path: &Path, part: EntriesPart) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, FILE_MODE);
        let out = BufWriter::new(options.open(path)?);
        let mut writer = Self { out, digest: Sha256::new(), line: String::new() };
        writer.put(&format!("{FORM}\npart {part}\n{COLUMNS}\n"))?;
        Ok(writer)
    }

    fn put(&mut self, text: &str) -> io::Result<()> {
        self.digest.update(text);
        self.out.write_all(text.as_bytes())
    }

    pub(crate) fn entry(&mut self, entry: &EntryRecord) -> io::Result<()> {
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        put_entry(&mut line, entry);
        self.put(&line)?;
        self.line = line;
        Ok(())
    }

    /// Ends the file, flushes it and its name, and gives its digest.
    pub(crate) fn finish(
        mut self,
        path: &Path,
        totals: &Totals,
        names: &BTreeMap<Number, AccountId>,
    ) -> io::Result<[u8; 32]> {
        self.put(&totals.lines(names))?;
        let digest: [u8; 32] = self.digest.clone().finalize().into();
        let mut last = String::from("sha256 ");
        put_hex(&mut last, &digest);
        last.push('\n');
        self.out.write_all(last.as_bytes())?;
        self.out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()?;
        Ok(digest)
    }
}

fn put_entry(line: &mut String, entry: &EntryRecord) {
    let EntryRecord { id, commit, kind, at, fingerprint, charged, legs, memo } = entry;
    let (kind, at, fingerprint) = (kind_number(*kind), at.get().cast_signed(), fingerprint.cast_signed());
    let _infallible =
        write!(line, "{ROW}{:032x}\t{commit}\t{kind}\t{at}\t{fingerprint}\t{}\t{ROW}", id.bits(), charged.get());
    put_hex(line, &leg_bytes(legs));
    line.push('\t');
    line.push_str(ROW);
    put_hex(line, memo);
    line.push('\n');
}

/// The entry of a line; `None` where the line is none.
fn entry_of(line: &str) -> Option<EntryRecord> {
    let mut columns = line.split('\t');
    let bytes = |column: &str| hex(column.strip_prefix(ROW)?);
    let entry = EntryRecord {
        id: EntryId::from_bits(u128::from_be_bytes(bytes(columns.next()?)?.try_into().ok()?)),
        commit: columns.next()?.parse().ok()?,
        kind: match columns.next()? {
            "1" => EntryKind::Capture,
            "2" => EntryKind::Void,
            _ => return None,
        },
        at: UnixMs::new(columns.next()?.parse::<i64>().ok()?.cast_unsigned()),
        fingerprint: columns.next()?.parse::<i64>().ok()?.cast_unsigned(),
        charged: NanoUsd::new(columns.next()?.parse().ok()?),
        legs: legs_of(&bytes(columns.next()?)?)?,
        memo: bytes(columns.next()?)?,
    };
    columns.next().is_none().then_some(entry)
}

pub(crate) fn put_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        for half in [byte.wrapping_shr(4), byte & 15] {
            text.push(char::from_digit(u32::from(half), 16).unwrap_or('0'));
        }
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let byte = |[high, low]: &[u8; 2]| Some(digit(high)?.wrapping_shl(4) | digit(low)?);
    rest.is_empty().then(|| pairs.iter().map(byte).collect()).flatten()
}

/// A file that is read, line by line.
pub(crate) struct Reader {
    lines: BufReader<File>,
    line: String,
    pub(crate) part: EntriesPart,
}

impl Reader {
    /// Opens a file and reads its heading.
    pub(crate) fn open(path: &Path) -> Result<Self, Fault> {
        let mut lines = BufReader::new(File::open(path)?);
        let mut line = String::new();
        let mut heading = |expect: &'static str| {
            next_line(&mut lines, &mut line)?;
            Ok::<_, Fault>(line.strip_prefix(expect).map(str::to_owned))
        };
        let no_archive = Fault::Damaged("it is no archive of a ledger, or one of a newer program");
        if heading(FORM)?.as_deref() != Some("\n") {
            return Err(no_archive);
        }
        let part = heading("part ")?.and_then(|part| part.trim_end().parse().ok());
        let (Some(part), Some("\n")) = (part, heading(COLUMNS)?.as_deref()) else { return Err(no_archive) };
        Ok(Self { lines, line, part })
    }

    /// The next entry; `None` after the last one.
    pub(crate) fn next(&mut self) -> Result<Option<EntryRecord>, Fault> {
        next_line(&mut self.lines, &mut self.line)?;
        if !self.line.starts_with(ROW) {
            return Ok(None);
        }
        let entry = entry_of(self.line.trim_end_matches('\n'));
        entry.map(Some).ok_or(Fault::Damaged("a line of it is no entry"))
    }
}

/// Reads a line with its end; an empty one at the end of the file.
fn next_line(lines: &mut BufReader<File>, line: &mut String) -> Result<(), Fault> {
    line.clear();
    let read = lines.take(LINE_MAX).read_line(line);
    match read {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(Fault::Damaged("it is no text")),
        read => Ok(read.map(drop)?),
    }
}

/// What a file contains, and its digest. The whole file is read.
pub(crate) fn check(path: &Path, advance: impl Fn(u64)) -> Result<(EntriesPart, Totals, [u8; 32]), Fault> {
    let mut reader = Reader::open(path)?;
    let (part, mut totals, mut last) = (reader.part, Totals::default(), (0, EntryId::default()));
    let mut digest = Sha256::new_with_prefix(format!("{FORM}\npart {part}\n{COLUMNS}\n"));
    let (low, high) = part.range();
    while let Some(entry) = reader.next()? {
        digest.update(&reader.line);
        let place = (entry.commit, entry.id);
        if place <= last || entry.id < low || entry.id >= high {
            return Err(Fault::Damaged("an entry of it is not in its place"));
        }
        last = place;
        totals.add(&entry).ok_or(Fault::Damaged("its sums are too large"))?;
        advance(1);
    }
    // The line that ended the entries is the first of the rest.
    let mut rest = String::new();
    while !reader.line.is_empty() && !reader.line.starts_with("sha256 ") {
        rest.push_str(&reader.line);
        next_line(&mut reader.lines, &mut reader.line)?;
    }
    digest.update(&rest);
    let digest: [u8; 32] = digest.finalize().into();
    let mut expect = String::from("sha256 ");
    put_hex(&mut expect, &digest);
    if reader.line.trim_end() != expect {
        return Err(Fault::Damaged("it is not whole, or was changed: its digest is another one"));
    }
    if stated(&rest) != Some(totals.clone()) {
        return Err(Fault::Damaged("its sums are not those of its entries"));
    }
    Ok((part, totals, digest))
}

/// What the lines after the entries say.
fn stated(text: &str) -> Option<Totals> {
    let mut totals = Totals::default();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["sum", number, _, sum] => {
                totals.sums.insert(number.parse().ok()?, NanoUsd::new(sum.parse().ok()?));
            }
            ["entries", entries, "last-commit", commit, "last-at", at] => {
                totals.entries = entries.parse().ok()?;
                totals.last_commit = commit.parse().ok()?;
                totals.last_at = UnixMs::new(at.parse().ok()?);
            }
            _ => return None,
        }
    }
    Some(totals)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::PathBuf;

    fn part() -> EntriesPart {
        "2026-09".parse().unwrap()
    }

    fn entry(commit: i64, n: u128, amount: i64, memo: &[u8]) -> EntryRecord {
        let (low, _) = part().range();
        EntryRecord {
            id: EntryId::from_bits(low.bits().saturating_add(n)),
            commit,
            kind: if amount == 0 { EntryKind::Void } else { EntryKind::Capture },
            at: UnixMs::new(1_790_000_000_000),
            fingerprint: u64::MAX - 5,
            charged: NanoUsd::new(amount),
            legs: if amount == 0 {
                vec![]
            } else {
                vec![(1, NanoUsd::new(amount.saturating_neg())), (7, NanoUsd::new(amount))]
            },
            memo: memo.to_vec(),
        }
    }

    fn written(folder: &tempfile::TempDir, entries: &[EntryRecord]) -> (PathBuf, Totals, [u8; 32]) {
        let (path, mut totals) = (folder.path().join("archive"), Totals::default());
        let mut writer = Writer::create(&path, part()).unwrap();
        for entry in entries {
            writer.entry(entry).unwrap();
            totals.add(entry).unwrap();
        }
        let digest = writer.finish(&path, &totals, &BTreeMap::new()).unwrap();
        (path, totals, digest)
    }

    fn read(path: &Path) -> Vec<EntryRecord> {
        let mut reader = Reader::open(path).unwrap();
        std::iter::from_fn(|| reader.next().unwrap()).collect()
    }

    #[test]
    fn a_file_gives_back_what_was_written_and_says_what_it_amounts_to() {
        let folder = tempfile::tempdir().unwrap();
        let entries = [entry(1, 5, 10, b"a\tmemo\n\\"), entry(1, 9, 0, b""), entry(4, 2, 3, &[0, 255])];
        let (path, totals, digest) = written(&folder, &entries);
        assert_eq!(read(&path), entries);
        assert_eq!(check(&path, |_| ()).unwrap(), (part(), totals.clone(), digest));
        assert_eq!((totals.entries, totals.last_commit), (3, 4));
        assert_eq!(totals.sums, BTreeMap::from([(1, NanoUsd::new(-13)), (7, NanoUsd::new(13))]));
        assert!(Writer::create(&path, part()).is_err(), "nothing is written over");
    }

    #[test]
    fn a_file_of_nothing_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let (path, totals, digest) = written(&folder, &[]);
        assert_eq!(check(&path, |_| ()).unwrap(), (part(), totals, digest));
    }

    #[test]
    fn entries_out_of_their_order_or_of_another_part_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let far = 1 << 127;
        for entries in [[entry(2, 1, 5, b""), entry(1, 2, 5, b"")], [entry(1, 1, 5, b""), entry(2, far, 5, b"")]] {
            let (path, ..) = written(&folder, &entries);
            assert!(matches!(check(&path, |_| ()), Err(Fault::Damaged("an entry of it is not in its place"))));
            std::fs::remove_file(path).unwrap();
        }
    }

    proptest! {
        #[test]
        fn no_byte_can_be_changed_or_lost(at: prop::sample::Index, with: u8) {
            let folder = tempfile::tempdir().unwrap();
            let (path, ..) = written(&folder, &[entry(1, 5, 10, b"memo"), entry(2, 9, 0, b"")]);
            let bytes = std::fs::read(&path).unwrap();
            let at = at.index(bytes.len().saturating_sub(1));
            let mut changed = bytes.clone();
            changed[at] = with;
            for changed in [&changed[..], &bytes[..at]] {
                std::fs::write(&path, changed).unwrap();
                prop_assert_eq!(check(&path, |_| ()).is_ok(), changed == bytes);
            }
        }
    }
}
