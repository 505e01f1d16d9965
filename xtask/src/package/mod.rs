//! `cargo xtask package`: a package for Debian with both programs, a link by which one of them is the worker, units, config, manual
//! pages, completions and licences, and an image for containers.

mod debian;
mod first_hour;
mod image;
mod licences;
mod parts;
mod trial;

use crate::outcome::Outcome;
use crate::process::{is_on_path, succeed};
use crate::workspace;
use parts::{GATEWAY, PROGRAMS, WORKER, megabytes};
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

const UNIT: &str = "ops/systemd/opencredits-gateway.service";
/// The exposure of the unit by `systemd-analyze security`, in tenths, stays below this.
const EXPOSURE_MAX_TENTHS: &str = "20";

/// What to do besides making the package.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Install it in a fresh Debian, use it, upgrade and remove it, and start the image; as root, with mmdebstrap
    #[arg(long = "try")]
    try_it: bool,
    /// Where the package goes; by default `package` in the folder of the release build
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Makes the package, and tries it where that was asked for.
pub(crate) fn run(args: &Args) -> Outcome {
    let release = workspace::target_dir().join("release");
    let out = args.out.clone().unwrap_or_else(|| release.join("package"));
    check_unit()?;
    let packages = make(&release, &out, if args.try_it { &["1", "2"] } else { &["1"] })?;
    for package in &packages {
        println!("{}: {:.1} MB", package.display(), megabytes(package)?);
    }
    if let [first, second] = packages.as_slice() {
        trial::run(first, second)?;
    }
    image::run(&release, &out, args.try_it)
}

/// Builds, and packs one package for each revision.
fn make(release: &Path, out: &Path, revisions: &[&str]) -> Outcome<Vec<PathBuf>> {
    if !is_on_path("cargo-deb") {
        return Err("cargo-deb is missing; install it with: cargo install --locked cargo-deb".into());
    }
    let mut build = workspace::cargo();
    build.args(["build", "--release", "--quiet"]);
    succeed(build.args(PROGRAMS.iter().flat_map(|program| ["-p", program])))?;
    let staged = release.join("package-files");
    if staged.exists() {
        fs::remove_dir_all(&staged)?;
    }
    for (program, name) in PROGRAMS.map(|program| (program, program)).into_iter().chain([(GATEWAY, WORKER)]) {
        succeed(Command::new(release.join(program)).arg0(name).arg("manual").arg(&staged))?;
    }
    fs::write(staged.join("licences.txt"), licences::of_dependencies(&PROGRAMS)?)?;
    // As Debian wants manual pages and long documents.
    let is_long = |file: &PathBuf| file.extension().is_some_and(|ending| ending == "1" || ending == "txt");
    succeed(Command::new("gzip").args(["-9", "--no-name"]).args(files(&staged)?.into_iter().filter(is_long)))?;
    fs::create_dir_all(out)?;
    let mut packages = Vec::new();
    for revision in revisions {
        let before = files(out)?;
        let mut pack = workspace::cargo();
        pack.args(["deb", "--quiet", "--no-build", "--no-strip", "-p", GATEWAY, "--deb-revision", revision]);
        succeed(pack.arg("--output").arg(out))?;
        let made =
            files(out)?.into_iter().find(|file| file.to_string_lossy().ends_with(&format!("-{revision}_amd64.deb")));
        packages.push(made.ok_or_else(|| format!("no package of revision {revision} among {before:?}"))?);
    }
    Ok(packages)
}

/// The service manager's own judgement of what the unit may do.
fn check_unit() -> Outcome {
    if !is_on_path("systemd-analyze") {
        println!("skipped: the unit's exposure is not checked, as systemd-analyze is missing");
        return Ok(());
    }
    let mut analyze = Command::new("systemd-analyze");
    analyze.args(["security", "--offline=true", "--no-pager", "--threshold", EXPOSURE_MAX_TENTHS, UNIT]);
    let told = analyze.current_dir(workspace::root()).output()?;
    let text = String::from_utf8_lossy(&told.stdout);
    let verdict = text.lines().rev().find(|line| line.contains("Overall exposure")).unwrap_or("no verdict");
    println!("{}", verdict.trim_start_matches(['→', ' ']));
    if told.status.success() { Ok(()) } else { Err(format!("{UNIT} is too exposed").into()) }
}

fn files(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        files.push(entry?.path());
    }
    Ok(files)
}
