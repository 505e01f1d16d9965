//! nginx in front of the gateways, with the servers of `ops/compose`.

use crate::outcome::Outcome;
use crate::process::{Running, free_port, is_on_path, is_root, wait_for_port};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// What an operator has.
const SERVERS: &str = include_str!("../../../ops/compose/nginx.conf");
/// What is another address here: both gateways, and nginx itself.
const ADDRESSES: [&str; 3] = ["10.87.0.11:8787", "10.87.0.12:8787", "listen 8080;"];
/// Where it writes bodies that are too large for its memory.
const TEMPORARY: [&str; 5] = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
const PATIENCE: Duration = Duration::from_secs(5);

/// Starts it before the gateways of these ports; its own port. `None`, and a word on standard error, where it is not installed.
pub(super) fn start(folder: &Path, gateways: [u16; 2]) -> Outcome<Option<(Running, u16)>> {
    if !is_on_path("nginx") {
        eprintln!("skipped: nginx is not installed (Debian: nginx), so requests go to the gateways directly");
        return Ok(None);
    }
    let (folder, port) = (folder.join("nginx"), free_port()?);
    fs::create_dir_all(&folder)?;
    let file = folder.join("nginx.conf");
    fs::write(&file, config(&folder, gateways, port))?;
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
pub(super) fn config(folder: &Path, [one, two]: [u16; 2], port: u16) -> String {
    let here = [format!("127.0.0.1:{one}"), format!("127.0.0.1:{two}"), format!("listen 127.0.0.1:{port};")];
    let mut servers = SERVERS.to_owned();
    for (address, here) in ADDRESSES.into_iter().zip(&here) {
        servers = servers.replace(address, here);
    }
    let folder = folder.display();
    // As root it would give its workers to a user who may not read the folder.
    let user = if is_root() { "user root;\n" } else { "" };
    let temporary: String = TEMPORARY.iter().map(|name| format!("{name}_temp_path {folder}/{name};\n")).collect();
    format!(
        "{user}daemon off;\npid {folder}/nginx.pid;\nevents {{ worker_connections 4096; }}\nhttp {{\naccess_log off;\n{temporary}{servers}}}\n"
    )
}
