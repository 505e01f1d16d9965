//! A terminal: a session of tmux in which a program runs, its screen and its keys.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// A screen that does not show what it should within so many looks never will.
const LOOKS: usize = 3_000;
const BETWEEN: Duration = Duration::from_millis(20);
const WIDTH: &str = "110";
const HEIGHT: &str = "30";

/// A terminal of 110 by 30 characters, whose program ends with it.
pub struct Terminal {
    socket: String,
    variables: Vec<(OsString, OsString)>,
}

impl Terminal {
    /// Runs a program, with the variables that it is given and no others, and says in the last line how it ended. `folder` is
    /// for the terminal's own files. `None`, and a word on standard error, where there is no tmux.
    #[must_use]
    pub fn of(program: &Command, folder: &Path) -> Option<Self> {
        if Command::new("tmux").arg("-V").output().is_err() {
            eprintln!("skipped: tmux is not there, so {} was not tried at a terminal", name(program));
            return None;
        }
        let of_program = program.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
        let of_terminal = [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("TERM", "xterm"), ("LANG", "C.UTF-8")];
        let of_terminal = of_terminal.map(|(name, value)| (name.into(), value.into()));
        let terminal = Self {
            socket: folder.join("tmux").to_string_lossy().into_owned(),
            variables: of_program.chain(of_terminal).collect(),
        };
        let words = std::iter::once(program.get_program()).chain(program.get_args());
        let quoted: Vec<String> = words.map(|word| format!("'{}'", word.to_string_lossy())).collect();
        // The shell shows afterwards that the terminal is as it was.
        let line = format!("{}; echo it ended with $?; cat", quoted.join(" "));
        terminal.tmux(&["new-session", "-d", "-s", "tried", "-x", WIDTH, "-y", HEIGHT, "sh", "-c", &line]);
        Some(terminal)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut tmux = Command::new("tmux");
        tmux.env_clear().envs(self.variables.iter().cloned());
        tmux.args(["-u", "-f", "/dev/null", "-S", &self.socket]).args(arguments);
        tmux
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().expect("tmux runs");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What the screen shows, without the space at the ends of lines.
    #[must_use]
    pub fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-t", "tried"])
    }

    /// Presses a key, by the name that tmux has for it.
    pub fn press(&self, key: &str) {
        self.tmux(&["send-keys", "-t", "tried", key]);
    }

    /// Types a text, and presses Enter.
    pub fn enter(&self, text: &str) {
        self.tmux(&["send-keys", "-t", "tried", "-l", text]);
        self.press("Enter");
    }

    /// Waits until the screen shows a text.
    pub fn shows(&self, what: &str) {
        self.until(what, || self.screen().contains(what));
    }

    /// Waits until something is so.
    pub fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let came = (0..LOOKS).any(|look| {
            if look > 0 {
                std::thread::sleep(BETWEEN);
            }
            is_so()
        });
        assert!(came, "not within its time: {what}; the screen: {}", self.screen());
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _killed = self.command(&["kill-server"]).status();
    }
}

fn name(program: &Command) -> String {
    Path::new(program.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned()
}
