//! nginx as a reverse proxy in front of the mock: the baseline for the cost of a proxy.

use crate::outcome::Outcome;
use crate::process::{Running, free_port, is_on_path, wait_for_port};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(5);

/// nginx, running.
pub(super) struct Nginx {
    pub(super) running: Running,
    /// Buffers answers, as by default.
    pub(super) port: u16,
    /// Passes each piece on at once, as streams need it.
    pub(super) stream_port: u16,
}

/// Starts it in a folder of its own; `None` where it is not installed.
pub(super) fn start(folder: &Path, upstream_port: u16) -> Outcome<Option<Nginx>> {
    if !is_on_path("nginx") {
        eprintln!("skipped: nginx is not installed, so there is nothing to compare with");
        return Ok(None);
    }
    let (port, stream_port) = (free_port()?, free_port()?);
    let file = folder.join("nginx.conf");
    fs::write(&file, config(folder, upstream_port, port, stream_port)?)?;
    let program = if Path::new("/usr/sbin/nginx").is_file() { "/usr/sbin/nginx" } else { "nginx" };
    let mut running = Running::start(
        Command::new(program)
            .arg("-p")
            .arg(folder)
            .arg("-e")
            .arg(folder.join("error.log"))
            .arg("-c")
            .arg(&file)
            .stdin(Stdio::null())
            // Its workers must not hold the caller's pipe open.
            .stdout(Stdio::null())
            .stderr(Stdio::null()),
    )?;
    wait_for_port(port, &mut running, PATIENCE)?;
    Ok(Some(Nginx { running, port, stream_port }))
}

/// A worker for each core, connections kept alive on both sides, no log: the settings of a fast proxy.
fn config(folder: &Path, upstream: u16, port: u16, stream_port: u16) -> Outcome<String> {
    let folder = folder.display();
    // As root it would give its workers to a user who may not read the folder.
    let is_root = fs::metadata("/proc/self")?.uid() == 0;
    let user = if is_root { "user root;" } else { "" };
    let pass = "proxy_pass http://mock; proxy_http_version 1.1; proxy_set_header Connection \"\";";
    Ok(format!(
        "{user}
worker_processes auto;
daemon off;
pid {folder}/nginx.pid;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 1000000000;
    upstream mock {{
        server 127.0.0.1:{upstream};
        keepalive 128;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{ {pass} }}
    }}
    server {{
        listen 127.0.0.1:{stream_port};
        location / {{ {pass} proxy_buffering off; }}
    }}
}}
"
    ))
}
