//! The commands of a script, as far as the snippets of the book need a shell's rules.

/// The name by which the book calls the admin tool once it has defined an alias.
const ALIAS: (&str, &str) = ("credits", "opencredits-admin");
/// Words before a program's name that make it the argument of another program.
const OTHERS: [&str; 8] = ["apt-get", "dpkg", "install", "journalctl", "man", "psql", "systemctl", "useradd"];

/// The arguments of each call of a program.
pub(super) fn calls(script: &str, program: &str) -> Vec<Vec<String>> {
    commands(script).iter().filter_map(|words| arguments(words, program)).collect()
}

/// The words of each simple command: what stands between separators, without comments and without redirections.
fn commands(script: &str) -> Vec<Vec<String>> {
    let mut reader = Reader::default();
    let script = script.replace("\\\n", " ");
    let mut letters = script.chars().peekable();
    while let Some(letter) = letters.next() {
        match (reader.quote, letter) {
            (Some(mark), letter) if letter == mark => reader.quote = None,
            (Some(_), letter) => reader.add(letter),
            (None, '\'' | '"') => {
                reader.quote = Some(letter);
                reader.has_word = true;
            }
            (None, '#') if !reader.has_word => while letters.next_if(|next| *next != '\n').is_some() {},
            (None, '>' | '<') => {
                reader.end_word();
                reader.skips = true;
            }
            (None, '\n' | '|' | ';' | '&') => reader.end_command(),
            (None, letter) if letter.is_whitespace() => reader.end_word(),
            (None, letter) => reader.add(letter),
        }
    }
    reader.end_command();
    reader.commands
}

#[derive(Default)]
struct Reader {
    commands: Vec<Vec<String>>,
    words: Vec<String>,
    word: String,
    has_word: bool,
    quote: Option<char>,
    /// Whether the words that follow are of a redirection.
    skips: bool,
}

impl Reader {
    fn add(&mut self, letter: char) {
        self.word.push(letter);
        self.has_word = true;
    }

    fn end_word(&mut self) {
        let word = std::mem::take(&mut self.word);
        if std::mem::take(&mut self.has_word) && !self.skips {
            self.words.push(word);
        }
    }

    fn end_command(&mut self) {
        self.end_word();
        self.skips = false;
        let words = std::mem::take(&mut self.words);
        if !words.is_empty() {
            self.commands.push(words);
        }
    }
}

/// What a command gives to a program, where it calls it: also behind `sudo -u NAME`, in a container, and by cargo.
fn arguments(words: &[String], program: &str) -> Option<Vec<String>> {
    let (alias, aliased) = ALIAS;
    if program == aliased && words.first().is_some_and(|word| word == alias) {
        return Some(words.iter().skip(1).cloned().collect());
    }
    let is_name = |word: &String| {
        let name = word.rsplit('/').next().unwrap_or(word);
        name == program || name.strip_prefix(program).is_some_and(|rest| rest.starts_with(':'))
    };
    let at = words.iter().position(is_name)?;
    let (before, after) = (words.get(..at)?, words.get(at + 1..)?);
    if before.iter().any(|word| OTHERS.contains(&word.as_str())) {
        return None;
    }
    if before.last().is_some_and(|word| word == "-p") {
        let is_run = before.iter().any(|word| word == "run");
        let at = after.iter().position(|word| word == "--")?;
        return is_run.then(|| after.iter().skip(at + 1).cloned().collect());
    }
    Some(after.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_found_wherever_a_shell_would_make_it() {
        let check = |script: &str, expect: &[&[&str]]| {
            assert_eq!(calls(script, "opencredits-admin"), expect, "{script}");
        };
        check("opencredits-admin user add 'Ada Lovelace' # a comment", &[&["user", "add", "Ada Lovelace"]]);
        check("opencredits-admin backup /b && find /b -delete", &[&["backup", "/b"]]);
        check("a; A=b sudo -u x opencredits-admin --json \\\n  job list > file", &[&["--json", "job", "list"]]);
        check("17 3 * * * /usr/bin/opencredits-admin doctor", &[&["doctor"]]);
        check("cargo run --release -p opencredits-admin -- partner list", &[&["partner", "list"]]);
        check("credits user list\ncredits audit", &[&["user", "list"], &["audit"]]);
        check("docker exec c opencredits-admin user list", &[&["user", "list"]]);
        check("cargo build -p opencredits-admin\nsudo install x/opencredits-admin /usr/bin", &[]);
        check("echo '# opencredits' | cat", &[]);
    }

    #[test]
    fn an_image_takes_the_arguments_of_its_program() {
        let found = calls("docker run --rm opencredits-gateway:0.1.0 init --unattended", "opencredits-gateway");
        assert_eq!(found, [["init", "--unattended"]]);
    }
}
