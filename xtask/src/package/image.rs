//! An image for containers: the C library of a Debian without its tools, both programs and the worker's link, as nobody.

use super::parts::{GATEWAY, PROGRAMS, WORKER, expect_worker, megabytes, suite};
use crate::outcome::Outcome;
use crate::process::{Running, free_port, is_on_path, is_root, succeed, wait_for_port, wait_until_ready};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const TOOLS: [&str; 2] = ["buildah", "mmdebstrap"];
/// What the programs are linked against.
const LIBRARIES: &str = "libc6,libgcc-s1";
/// Debian's user without rights, as a number, so that an orchestrator sees that it is not root.
const NOBODY: u32 = 65_534;
const DATA: &str = "/var/lib/opencredits";
/// Where `init` writes the config and the keys.
const CONFIG_FOLDER: &str = "/etc/opencredits";
const CONFIG: &str = "/etc/opencredits/gateway.toml";
const PORT: &str = "8787";
const START_MAX: Duration = Duration::from_secs(60);
const END_MAX: Duration = Duration::from_secs(60);

/// An archive, and the programs that make it.
struct Image<'a> {
    /// Where the programs and the licences are.
    release: &'a Path,
    archive: PathBuf,
    /// What `buildah` keeps.
    folder: tempfile::TempDir,
}

/// Makes `opencredits-gateway-image.tar` in `out`, and tries it where that was asked for.
pub(super) fn run(release: &Path, out: &Path, try_it: bool) -> Outcome {
    if !is_root() || !TOOLS.into_iter().all(is_on_path) {
        println!("skipped: the image is not made, which takes root and {}", TOOLS.join(" and "));
        return Ok(());
    }
    let image = Image { release, archive: out.join("opencredits-gateway-image.tar"), folder: tempfile::tempdir()? };
    image.make()?;
    println!("{}: {:.1} MB", image.archive.display(), megabytes(&image.archive)?);
    if try_it { image.try_it() } else { Ok(()) }
}

impl Image<'_> {
    fn make(&self) -> Outcome {
        let container = self.told(&["from", "--format", "docker", "scratch"])?;
        let root = PathBuf::from(self.told(&["mount", &container])?);
        let mut make = Command::new("mmdebstrap");
        make.args(["--quiet", "--variant=extract", "--include", LIBRARIES, &suite()?]);
        succeed(make.arg(&root))?;
        self.fill(&root)?;
        self.configure(&container)?;
        if self.archive.exists() {
            fs::remove_file(&self.archive)?;
        }
        // Docker's form of an image, since the OCI's has no health check.
        let target = format!("docker-archive:{}:opencredits-gateway:{}", self.archive.display(), version());
        self.buildah(&["commit", "--quiet", "--format", "docker", &container, &target])?;
        self.buildah(&["rm", &container])
    }

    /// Puts programs, licences and the folders of an installation in place.
    fn fill(&self, root: &Path) -> Outcome {
        let inside = |path: &str| root.join(path.trim_start_matches('/'));
        for of_apt in ["etc/apt", "var/lib/apt", "var/cache/apt", "var/lib/dpkg", "var/log"] {
            let folder = inside(of_apt);
            if folder.exists() {
                fs::remove_dir_all(folder)?;
            }
        }
        for folder in ["usr/bin", "usr/share/doc/opencredits-gateway"] {
            fs::create_dir_all(inside(folder))?;
        }
        for program in PROGRAMS {
            let to = inside("usr/bin").join(program);
            fs::copy(self.release.join(program), &to)?;
            fs::set_permissions(&to, fs::Permissions::from_mode(0o755))?;
        }
        symlink(GATEWAY, inside("usr/bin").join(WORKER))?;
        let licences = self.release.join("package-files/licences.txt.gz");
        fs::copy(licences, inside("usr/share/doc/opencredits-gateway/licences.txt.gz"))?;
        fs::write(inside("etc/passwd"), format!("nobody:x:{NOBODY}:{NOBODY}:nobody:{DATA}:/usr/sbin/nologin\n"))?;
        fs::write(inside("etc/group"), format!("nogroup:x:{NOBODY}:\n"))?;
        for own in [DATA, CONFIG_FOLDER] {
            fs::DirBuilder::new().mode(0o700).recursive(true).create(inside(own))?;
            chown(inside(own), Some(NOBODY), Some(NOBODY))?;
        }
        Ok(())
    }

    fn configure(&self, container: &str) -> Outcome {
        let entry = "[\"/usr/bin/opencredits-gateway\"]";
        let variables = [
            ("OPENCREDITS_SERVER_LISTEN", format!("0.0.0.0:{PORT}")),
            ("OPENCREDITS_CONFIG", CONFIG.to_owned()),
            ("OPENCREDITS_DATA_DIR", DATA.to_owned()),
            ("OPENCREDITS_LOG_FORMAT", "json".to_owned()),
        ];
        let mut words: Vec<String> = ["config", "--user", &format!("{NOBODY}:{NOBODY}"), "--entrypoint", entry]
            .into_iter()
            .chain(["--cmd", "", "--workingdir", DATA, "--volume", DATA])
            .chain(["--volume", CONFIG_FOLDER, "--port", PORT, "--stop-signal", "SIGTERM"])
            .chain(["--healthcheck", "CMD /usr/bin/opencredits-gateway --health"])
            .chain(["--healthcheck-interval", "10s", "--healthcheck-timeout", "5s"])
            .chain(["--label", "org.opencontainers.image.title=opencredits-gateway"])
            .map(str::to_owned)
            .collect();
        words.extend(["--label".to_owned(), format!("org.opencontainers.image.version={}", version())]);
        for (name, value) in variables {
            words.extend(["--env".to_owned(), format!("{name}={value}")]);
        }
        words.push(container.to_owned());
        self.buildah(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Starts it from the archive as its own config says: with its user, its variables, its program and its check of health.
    fn try_it(&self) -> Outcome {
        let container = self.told(&["from", &format!("docker-archive:{}", self.archive.display())])?;
        let root = PathBuf::from(self.told(&["mount", &container])?);
        let told: Value = serde_json::from_str(&self.told(&["inspect", &container])?)?;
        let terms = Terms::read(&told["Docker"]["config"])?;
        let port = free_port()?;
        let started = terms.serve(&root, port);
        let owner = fs::metadata(root.join(DATA.trim_start_matches('/')).join("ledger.db")).map(|file| file.uid());
        self.buildah(&["rm", &container])?;
        started?;
        match owner? {
            NOBODY => println!("the image was started: as nobody it serves, is healthy, and ends in order"),
            other => return Err(format!("the data belong to user {other} in place of nobody").into()),
        }
        Ok(())
    }

    fn command(&self) -> Command {
        let mut command = Command::new("buildah");
        let kept = |name: &str| self.folder.path().join(name);
        command.arg("--root").arg(kept("images")).arg("--runroot").arg(kept("running"));
        command.args(["--storage-driver", "vfs"]);
        command
    }

    fn buildah(&self, words: &[&str]) -> Outcome {
        succeed(self.command().args(words).stdout(Stdio::null()))
    }

    /// The one line that it prints.
    fn told(&self, words: &[&str]) -> Outcome<String> {
        let told = self.command().args(words).stderr(Stdio::inherit()).output()?;
        if told.status.success() {
            return Ok(String::from_utf8(told.stdout)?.trim().to_owned());
        }
        Err(format!("buildah {words:?} ended with {}", told.status).into())
    }
}

/// What an image says of its process.
struct Terms {
    user: String,
    variables: Vec<String>,
    program: Vec<String>,
    health: Vec<String>,
}

impl Terms {
    fn read(config: &Value) -> Outcome<Self> {
        let words = |value: &Value| -> Vec<String> {
            value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let health = match words(&config["Healthcheck"]["Test"]).split_first() {
            Some((kind, words)) if kind == "CMD" => words.to_vec(),
            _ => return Err("the image has no check of health".into()),
        };
        let user = config["User"].as_str().ok_or("the image has no user")?.to_owned();
        Ok(Self { user, variables: words(&config["Env"]), program: words(&config["Entrypoint"]), health })
    }

    fn command(&self, root: &Path, port: u16, words: &[String]) -> Command {
        let mut command = Command::new("/usr/sbin/chroot");
        // Its own variables are those of the image, so no path leads to it.
        command.env_clear().envs(self.variables.iter().filter_map(|variable| variable.split_once('=')));
        command.env("OPENCREDITS_SERVER_LISTEN", format!("127.0.0.1:{port}"));
        command.arg(format!("--userspec={}", self.user)).arg(root).args(words).stdout(Stdio::null());
        command
    }

    fn serve(&self, root: &Path, port: u16) -> Outcome {
        let init = ["init", "--unattended", "--to", CONFIG_FOLDER].map(str::to_owned);
        succeed(&mut self.command(root, port, &[self.program.as_slice(), &init].concat()))?;
        let mut gateway = Running::start(self.command(root, port, &self.program).stderr(Stdio::null()))?;
        wait_for_port(port, &mut gateway, START_MAX)?;
        wait_until_ready(port, START_MAX)?;
        succeed(&mut self.command(root, port, &self.health))?;
        let worker = [format!("/usr/bin/{WORKER}"), "--version".to_owned()];
        expect_worker(&self.command(root, port, &worker).stdout(Stdio::piped()).output()?)?;
        if !gateway.stop(END_MAX)?.success() {
            return Err("the gateway of the image does not end in order".into());
        }
        Ok(())
    }
}

const fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
