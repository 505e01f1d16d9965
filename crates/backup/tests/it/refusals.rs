//! What is no sound backup, or must not be replaced, is refused by name.

use crate::fixture::{Installation, NOW, names, restore};
use opencredits_backup::{FORMAT, LEDGER_FILE, Restoring, STORE_FILE};
use opencredits_keys::Mode;
use opencredits_ledger::Ledger;
use opencredits_store::SqliteStore;
use opencredits_units::Progress;
use std::path::Path;

/// Neither the check nor the restoration takes the backup, both say why, and nothing is made.
fn check(backup: &Path, expect: &str) {
    let to = backup.with_file_name("refused");
    let checked = opencredits_backup::check(backup).unwrap_err().to_string();
    let restored = restore(backup, &to, false).unwrap_err().to_string();
    for error in [&checked, &restored] {
        assert!(error.contains(expect), "{expect}: {error}");
    }
    assert!(!to.exists(), "{expect}");
}

#[test]
fn a_byte_that_differs_anywhere_in_any_file_is_noticed() {
    let (_installation, backup) = Installation::backed_up();
    for name in names(&backup) {
        let path = backup.join(&name);
        let sound = std::fs::read(&path).unwrap();
        let step = sound.len().div_ceil(13);
        for at in (0..sound.len()).step_by(step).filter(|at| !sound[*at].is_ascii_whitespace()) {
            let mut damaged = sound.clone();
            damaged[at] ^= 1;
            std::fs::write(&path, &damaged).unwrap();
            check(&backup, &name);
        }
        std::fs::write(&path, &sound[..sound.len() - 2]).unwrap();
        check(&backup, &name);
        std::fs::remove_file(&path).unwrap();
        check(&backup, &name);
        std::fs::write(&path, &sound).unwrap();
        opencredits_backup::check(&backup).unwrap();
    }
}

#[test]
fn what_is_no_backup_is_told_with_what_may_have_been_meant() {
    let (installation, backup) = Installation::backed_up();
    check(&installation.path("nowhere"), "look whether the path is right");
    check(&backup.join(LEDGER_FILE), "is no backup");
    check(&installation.path("backups"), backup.to_str().unwrap());
    check(&installation.source.data, "name a folder opencredits-…Z that `backup` made");
}

#[test]
fn a_manifest_that_was_written_by_somebody_else_leads_nowhere() {
    let (_installation, backup) = Installation::backed_up();
    let path = backup.join("manifest.json");
    let sound = std::fs::read_to_string(&path).unwrap();
    let newer = sound.replace(&format!("\"format\": {FORMAT}"), &format!("\"format\": {}", FORMAT + 1));
    std::fs::write(&path, newer).unwrap();
    check(&backup, "use the program that made it, or a newer one");
    std::fs::write(&path, "{\"format\": 99}").unwrap();
    check(&backup, "has format 99 and this program knows");
    std::fs::write(&path, sound.replace("store.db", "../store.db")).unwrap();
    check(&backup, "manifest.json: its text is not the one that was written");
    std::fs::write(&path, "").unwrap();
    check(&backup, "manifest.json");
}

#[test]
fn a_data_folder_in_use_is_left_alone() {
    let (installation, backup) = Installation::backed_up();
    let to = installation.path("used");
    std::fs::create_dir(&to).unwrap();
    let open = Ledger::open(to.join(LEDGER_FILE)).unwrap();
    let before = names(&to);
    for (replace, expect) in [(true, "stop it, then restore"), (false, "has data: ledger.db")] {
        let error = restore(&backup, &to, replace).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    }
    assert_eq!(names(&to), before);
    drop(open);
    restore(&backup, &to, true).unwrap();
}

#[test]
fn a_backup_is_kept_out_of_the_data_folder_and_the_data_folder_out_of_a_backup() {
    let (installation, backup) = Installation::backed_up();
    let into = installation.source.data.join("backups");
    let error = installation.back_up(&into, crate::fixture::NOW).unwrap_err().to_string();
    assert!(error.contains("would be lost with it; choose another folder"), "{error}");
    assert!(!into.exists());
    let error = restore(&backup, &backup.join("data"), true).unwrap_err().to_string();
    assert!(error.contains("name another one with --to"), "{error}");
    let file = installation.path("file");
    std::fs::write(&file, "").unwrap();
    let error = installation.back_up(&file.join("x"), crate::fixture::NOW).unwrap_err().to_string();
    assert!(error.contains("name a folder"), "{error}");
}

#[test]
fn a_backup_of_one_mode_is_not_restored_into_a_folder_of_the_other() {
    for (made, restored) in [(Mode::Test, Mode::Live), (Mode::Live, Mode::Test)] {
        let installation = Installation::new();
        drop(SqliteStore::open(installation.source.data.join(STORE_FILE)).unwrap().of_mode(made).unwrap());
        let backup = installation.back_up(&installation.path("backups"), NOW).unwrap();
        assert_eq!(backup.checked.mode, Some(made));
        let to = installation.path("restored");
        let progress = &Progress::default();
        let order = |mode| Restoring { from: &backup.path, to: &to, replace: false, mode, at: NOW, progress };
        let refused = opencredits_backup::restore(order(restored)).unwrap_err().to_string();
        assert!(refused.contains(&format!("{} mode, not of {} mode", made.name(), restored.name())), "{refused}");
        assert!(!to.exists());
        assert_eq!(opencredits_backup::restore(order(made)).unwrap().checked.mode, Some(made));
    }
}
