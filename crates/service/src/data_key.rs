//! The key of the data files: where it is found.

use crate::config::{Data, SecretText};
use std::path::{Path, PathBuf};

/// The name of the systemd credential with the key.
const CREDENTIAL: &str = "opencredits-data-key";
/// The folder of credentials, which systemd sets for a service.
const CREDENTIALS_VARIABLE: &str = "CREDENTIALS_DIRECTORY";

/// The file with the key cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the key of the data files in {}: {source}", path.display())]
pub struct DataKeyError {
    /// The file.
    pub path: PathBuf,
    /// The reason.
    pub source: std::io::Error,
}

/// The text of the key that the settings name; else that of the systemd credential; else none.
///
/// # Errors
/// When a file cannot be read.
pub fn data_key(settings: &Data, variables: &[(String, String)]) -> Result<Option<SecretText>, DataKeyError> {
    if let Some(key) = &settings.key {
        return Ok(Some(key.clone()));
    }
    if let Some(path) = &settings.key_file {
        return key_in(Path::new(path)).map(Some);
    }
    let folder = variables.iter().find(|(name, _)| name == CREDENTIALS_VARIABLE).map(|(_, folder)| Path::new(folder));
    let credential = folder.map(|folder| folder.join(CREDENTIAL)).filter(|path| path.is_file());
    credential.map(|path| key_in(&path)).transpose()
}

/// The text in a file with a key.
///
/// # Errors
/// When the file cannot be read, or is blank.
pub fn key_in(path: &Path) -> Result<SecretText, DataKeyError> {
    let wrong = |source| DataKeyError { path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(wrong)?;
    SecretText::try_from(text).map_err(|problem| wrong(std::io::Error::other(problem)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_comes_before_the_file_and_the_file_before_the_credential() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("key", "from-file\n");
        write(CREDENTIAL, "from-credential\n");
        let path = |name: &str| Some(folder.path().join(name).display().to_string());
        let variables = [(CREDENTIALS_VARIABLE.to_owned(), folder.path().display().to_string())];
        let check = |key: Option<&str>, key_file: Option<String>, expect: Option<&str>| {
            let key = key.map(|text| SecretText::try_from(text.to_owned()).unwrap());
            let found = data_key(&Data { key, key_file, ..Data::default() }, &variables);
            assert_eq!(found.ok().flatten().as_ref().map(SecretText::reveal), expect);
        };
        check(Some("set"), path("key"), Some("set"));
        check(None, path("key"), Some("from-file"));
        check(None, None, Some("from-credential"));
        check(None, path("absent"), None);
        write("blank", " \n");
        assert!(
            data_key(&Data { key_file: path("blank"), ..Data::default() }, &[]).is_err(),
            "a blank file is a mistake"
        );
        assert!(data_key(&Data::default(), &[]).unwrap().is_none());
    }
}
