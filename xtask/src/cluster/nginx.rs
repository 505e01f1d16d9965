//! nginx in front of the gateways, with the servers of `ops/compose`.

use crate::outcome::Outcome;
use crate::process::{Running, free_port, is_on_path, is_root, wait_for_port};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// What an operator has.
const SERVERS: &str = include_str!("../../../ops/compose/nginx.conf");
/// What is another address here: nginx's own, and those of two gateways, a line each.
const LISTEN: &str = "listen 8080;";
const GATEWAYS: [&str; 2] = ["10.87.0.11:8787", "10.87.0.12:8787"];
/// How the line begins that keeps requests of one key at one gateway.
const BY_KEY: &str = "hash ";
/// Where it writes bodies that are too large for its memory.
const TEMPORARY: [&str; 5] = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
const PATIENCE: Duration = Duration::from_secs(5);

/// Which gateway a request goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spread {
    /// That of its key, as operators have it.
    ByKey,
    /// The next one, whoever sends it.
    InTurn,
}

/// Starts it before the gateways of these ports; its own port. `None` where it is not installed.
pub(crate) fn start(folder: &Path, gateways: &[u16], spread: Spread) -> Outcome<Option<(Running, u16)>> {
    if !is_on_path("nginx") {
        return Ok(None);
    }
    let (folder, port) = (folder.join("nginx"), free_port()?);
    fs::create_dir_all(&folder)?;
    let file = folder.join("nginx.conf");
    fs::write(&file, config(&folder, (gateways, spread), port))?;
    let mut nginx = Command::new(program());
    nginx.arg("-p").arg(&folder).arg("-e").arg(folder.join("error.log")).arg("-c").arg(&file);
    // Its workers must not hold the caller's pipe open.
    nginx.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut running = Running::start(&mut nginx)?;
    wait_for_port(port, &mut running, PATIENCE)?;
    Ok(Some((running, port)))
}

/// Debian has it outside of the path of people who are not root.
pub(super) fn program() -> &'static str {
    if Path::new("/usr/sbin/nginx").is_file() { "/usr/sbin/nginx" } else { "nginx" }
}

/// A whole config around the servers, with addresses of this machine.
pub(super) fn config(folder: &Path, (gateways, spread): (&[u16], Spread), port: u16) -> String {
    let servers: String = SERVERS.lines().map(|line| here(line, (gateways, spread), port)).collect();
    let folder = folder.display();
    // As root it would give its workers to a user who may not read the folder.
    let user = if is_root() { "user root;\n" } else { "" };
    let temporary: String = TEMPORARY.iter().map(|name| format!("{name}_temp_path {folder}/{name};\n")).collect();
    format!(
        "{user}daemon off;\npid {folder}/nginx.pid;\nevents {{ worker_connections 4096; }}\nhttp {{\naccess_log off;\n{temporary}{servers}}}\n"
    )
}

/// What stands for a line of the servers: that of the first gateway is there for each of these, and that of the second for none.
fn here(line: &str, (gateways, spread): (&[u16], Spread), port: u16) -> String {
    let [first, second] = GATEWAYS;
    if line.contains(first) {
        return gateways.iter().map(|gateway| line.replace(first, &format!("127.0.0.1:{gateway}")) + "\n").collect();
    }
    if line.contains(second) || (spread == Spread::InTurn && line.trim_start().starts_with(BY_KEY)) {
        return String::new();
    }
    line.replace(LISTEN, &format!("listen 127.0.0.1:{port};")) + "\n"
}
