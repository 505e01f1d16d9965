//! Lists the vendor files, so that a new vendor is a new file and nothing else.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Where the vendors are, in this crate.
const VENDORS: &str = "vendors";

#[expect(clippy::disallowed_methods, reason = "cargo names the folder for what is generated in a variable only")]
fn main() -> io::Result<()> {
    writeln!(io::stdout(), "cargo::rerun-if-changed={VENDORS}")?;
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo has set no OUT_DIR"))?;
    fs::write(Path::new(&out).join("vendors.rs"), list(&names()?))
}

/// The names of the vendor files, in order.
fn names() -> io::Result<Vec<String>> {
    let paths: Vec<PathBuf> = fs::read_dir(VENDORS)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    let files = paths.iter().filter(|path| path.extension() == Some(OsStr::new("toml")));
    let mut names: Vec<String> = files.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect();
    names.sort();
    Ok(names)
}

/// A Rust expression: the texts of the files.
fn list(names: &[String]) -> String {
    let texts = names.iter().map(|name| {
        let path = format!("/{VENDORS}/{name}");
        format!("    include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {path:?})),\n")
    });
    format!("&[\n{}]\n", texts.collect::<String>())
}
