//! A data folder that is encrypted whole: it is backed up, restored, and given another key. Needs the feature `sqlcipher`:
//!
//! ```sh
//! cargo run -p opencredits-backup --features sqlcipher --example encrypted -- FOLDER
//! ```

use opencredits_backup::{LEDGER_FILE, Restoring, STORE_FILE, Source, Stop, check, restore, take};
use opencredits_keys::Mode;
use opencredits_ledger::{Floor, Ledger, OpenAccount, Transfer};
use opencredits_sqlite::{FileKey, FileKeyError, Reencrypted, prepare, reencrypt};
use opencredits_store::{SqliteStore, Standing, User, Users as _};
use opencredits_units::{AccountId, EntryId, NanoUsd, Progress, UnixMs, UserId};
use std::error::Error;
use std::path::{Path, PathBuf};

const NOW: UnixMs = UnixMs::new(1_790_000_000_000);
const LABEL: &str = "canary-of-the-store";
const WALLET: AccountId = AccountId::from_bits(7);
const HOUSE: AccountId = AccountId::from_bits(1);

fn main() -> Result<(), Box<dyn Error>> {
    let folder: PathBuf = std::env::args_os().nth(1).ok_or("name an empty folder")?.into();
    let (old, new): (FileKey, FileKey) = ("5".repeat(64).parse()?, "6".repeat(64).parse()?);
    let (data, restored) = (folder.join("data"), folder.join("restored"));
    std::fs::create_dir_all(&data)?;
    let files = |data: &Path| [LEDGER_FILE, STORE_FILE].map(|file| data.join(file));
    prepare(Some(old.clone()), &files(&data))?;

    fill(&data)?;
    expect_encrypted(&files(&data))?;
    let source = open(&data)?;
    let taken = take(source, &folder.join("backups"), NOW, &Stop::default())?;
    expect_encrypted(&files(&taken.path))?;
    check(&taken.path)?;
    let (from, to, progress) = (&taken.path, &restored, &Progress::default());
    let order = Restoring { from, to, replace: false, mode: Mode::Live, at: NOW, progress };
    restore(order)?;
    expect_encrypted(&files(&restored))?;
    expect_whole(&restored)?;

    for path in files(&restored) {
        expect(reencrypt(&path, Some(&old), Some(&new))? == Reencrypted::Done, "a file is written anew")?;
    }
    expect_encrypted(&files(&restored))?;
    let refused = prepare(None, &files(&restored));
    expect(matches!(refused, Err(FileKeyError::WrongKey { .. })), "the old key reads nothing")?;
    for path in files(&restored) {
        expect(reencrypt(&path, Some(&new), Some(&old))? == Reencrypted::Done, "and back")?;
    }
    expect_whole(&restored)
}

fn expect(holds: bool, what: &str) -> Result<(), Box<dyn Error>> {
    if holds { Ok(()) } else { Err(format!("it does not hold that {what}").into()) }
}

fn open(data: &Path) -> Result<Source, Box<dyn Error>> {
    let ledger = Ledger::open(data.join(LEDGER_FILE))?;
    let store = SqliteStore::open(data.join(STORE_FILE))?.of_mode(Mode::Live)?;
    Ok(Source { ledger, store, data: data.to_owned() })
}

fn fill(data: &Path) -> Result<(), Box<dyn Error>> {
    let Source { ledger, store, .. } = open(data)?;
    for (id, floor) in [(HOUSE, Floor::None), (WALLET, Floor::Zero)] {
        ledger.open_account(OpenAccount { id, floor, contra: None }, NOW)?.accepted();
    }
    let (id, amount) = (EntryId::from_bits(1), NanoUsd::new(5_000_000_000));
    ledger.transfer(Transfer { id, from: HOUSE, to: WALLET, amount, memo: LABEL.as_bytes() }, NOW)?.accepted();
    ledger.flush()?;
    let id = UserId::from_bits(2);
    let user = User { id, wallet: WALLET, label: LABEL.to_owned(), created_at: NOW, standing: Standing::Good };
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    Ok(runtime.block_on(store.add_user(&user))?)
}

/// No file, and no log beside one, has a word of what was written.
fn expect_encrypted(files: &[PathBuf]) -> Result<(), Box<dyn Error>> {
    for path in files {
        for ending in ["", "-wal"] {
            let path = PathBuf::from(format!("{}{ending}", path.display()));
            let Ok(bytes) = std::fs::read(&path) else { continue };
            let has = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
            expect(!has("SQLite format 3") && !has(LABEL), &format!("{} is encrypted", path.display()))?;
        }
    }
    Ok(())
}

fn expect_whole(data: &Path) -> Result<(), Box<dyn Error>> {
    let Source { ledger, store, .. } = open(data)?;
    expect(ledger.balance(WALLET)?.posted == NanoUsd::new(5_000_000_000), "the balance is as it was")?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let user = runtime.block_on(store.user_by_label(LABEL))?;
    expect(user.is_some(), "the person is there")
}
