//! Programs that a task starts, watches and ends.

use crate::outcome::Outcome;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

/// Clock ticks a second, in which the kernel tells CPU time; fixed in its interface on Linux.
const TICKS_A_SECOND: f64 = 100.0;
/// How long a program that is not needed any more may take to end by itself.
const END_MAX: Duration = Duration::from_secs(3);
/// The interval of polling.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// A program that is ended when this is dropped.
pub(crate) struct Running {
    child: Child,
    name: String,
}

impl Running {
    /// Starts it.
    pub(crate) fn start(command: &mut Command) -> Outcome<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().map_err(|error| format!("cannot start {name}: {error}"))?;
        Ok(Self { child, name })
    }

    /// The process's id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its standard output, where it was piped and not taken before.
    pub(crate) fn stdout(&mut self) -> Outcome<std::process::ChildStdout> {
        let taken = || format!("{} has no output to read", self.name);
        Ok(self.child.stdout.take().ok_or_else(taken)?)
    }

    /// Asks it to end, and waits for that.
    pub(crate) fn stop(&mut self, patience: Duration) -> Outcome<ExitStatus> {
        if let Some(status) = self.child.try_wait()? {
            return Ok(status);
        }
        // A shell has it built in; a program of that name is not on every machine.
        let kill = format!("kill -TERM {}", self.id());
        Command::new("sh").args(["-c", &kill]).status()?;
        self.wait(patience)
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self, patience: Duration) -> Outcome<ExitStatus> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if start.elapsed() > patience {
                return Err(format!("{} does not end within {patience:?}", self.name).into());
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// Fails when it has ended already.
    pub(crate) fn check(&mut self) -> Outcome {
        match self.child.try_wait()? {
            Some(status) => Err(format!("{} has ended with {status}", self.name).into()),
            None => Ok(()),
        }
    }

    /// User and system time of the process and of its children that live, in seconds.
    pub(crate) fn cpu_s(&self) -> Outcome<f64> {
        let mut all = own_cpu_s(self.id())?;
        for child in children(self.id())? {
            all += own_cpu_s(child)?;
        }
        Ok(all)
    }

    /// The most memory it ever held, in millions of bytes.
    pub(crate) fn peak_rss_mb(&self) -> Outcome<f64> {
        self.memory_mb("VmHWM:")
    }

    /// The memory that it holds, in millions of bytes.
    pub(crate) fn rss_mb(&self) -> Outcome<f64> {
        self.memory_mb("VmRSS:")
    }

    fn memory_mb(&self, field: &str) -> Outcome<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let kib: f64 = line
            .and_then(|line| line.trim().strip_suffix("kB"))
            .ok_or("the kernel does not tell the memory of the process")?
            .trim()
            .parse()?;
        Ok(kib * 1024.0 / 1e6)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already. SIGTERM first, so that it ends its own children, too.
        let _ = self.stop(END_MAX);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn own_cpu_s(id: u32) -> Outcome<f64> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    // The name in parentheses may hold anything; what follows it is the third field.
    let (_, rest) = stat.rsplit_once(')').ok_or("no process table entry")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |field: usize| -> Outcome<f64> {
        let text = fields.get(field - 3).ok_or("a short process table entry")?;
        Ok(text.parse()?)
    };
    Ok((ticks(14)? + ticks(15)?) / TICKS_A_SECOND)
}

fn children(id: u32) -> Outcome<Vec<u32>> {
    let text = fs::read_to_string(format!("/proc/{id}/task/{id}/children"))?;
    let ids: Result<Vec<u32>, _> = text.split_whitespace().map(str::parse).collect();
    Ok(ids?)
}

/// A port of 127.0.0.1 that is free now.
pub(crate) fn free_port() -> Outcome<u16> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    Ok(listener.local_addr()?.port())
}

/// Waits until something listens there.
pub(crate) fn wait_for_port(port: u16, running: &mut Running, patience: Duration) -> Outcome {
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        running.check()?;
        if start.elapsed() > patience {
            return Err(format!("nothing listens on port {port} after {patience:?}").into());
        }
        std::thread::sleep(LOOK_AGAIN);
    }
    Ok(())
}

/// Waits for an answer of a gateway: its port is taken before data folder and admin socket are there.
pub(crate) fn wait_until_ready(port: u16, patience: Duration) -> Outcome {
    let answer = exchange(port, "GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n", patience)?;
    if answer.starts_with("HTTP/1.1 200") { Ok(()) } else { Err(format!("the gateway is not ready: {answer}").into()) }
}

/// Sends a request as it stands, which must ask for the connection to be closed, and reads the whole answer.
pub(crate) fn exchange(port: u16, request: &str, patience: Duration) -> Outcome<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(patience))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Runs a command that must succeed.
pub(crate) fn succeed(command: &mut Command) -> Outcome {
    let status = command.status().map_err(|error| format!("cannot start {command:?}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} failed").into()) }
}

/// Whether a program of that name lies on the path.
pub(crate) fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).chain([Path::new("/usr/sbin").to_owned()]).any(|folder| folder.join(program).is_file())
}

/// Whether this process may do everything.
pub(crate) fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|of_us| std::os::unix::fs::MetadataExt::uid(&of_us) == 0)
}

/// Takes the settings of a gateway out of what a program inherits: who runs a task may have variables set for one of their own.
pub(crate) fn without_settings(command: &mut Command) -> &mut Command {
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("OPENCREDITS_") {
            command.env_remove(variable);
        }
    }
    command
}
