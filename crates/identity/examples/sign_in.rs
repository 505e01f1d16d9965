//! Signs a person in with a code: `cargo run -p opencredits-identity --example sign_in`

use opencredits_identity::keys::{HashKey, Secret};
use opencredits_identity::units::{UnixMs, UserId};
use opencredits_identity::{
    Challenge, ChallengeId, CodeAnswer, OneTimeCode, Purpose, Session, SessionLifetimes, Verdict, browser_name,
};
use std::time::{SystemTime, UNIX_EPOCH};

#[expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a program speaks, and has a clock")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let now = UnixMs::new(u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?);
    let key = HashKey::new(random()?);
    let code = OneTimeCode::draw(random()?).ok_or("draw again")?;
    let id = ChallengeId::at(now, [0; 10]);
    let mut challenge = Challenge::new(id, Purpose::SignIn, &code, &key, now);
    println!("the mail says {}; type it:", code.reveal());
    loop {
        let mut line = String::new();
        if std::io::stdin().read_line(&mut line)? == 0 {
            return Ok(());
        }
        let answer = CodeAnswer { id, purpose: Purpose::SignIn, typed: &Secret::new(line.trim()) };
        if challenge.check(&answer, &key, now) == Verdict::Accepted {
            let browser = browser_name("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0");
            let signed_in = Session::begin(UserId::at(now, [1; 10]), browser, None, random()?, now);
            println!("signed in on {browser}: {}", signed_in.token.reveal());
            println!("{:?}", signed_in.session.standing(&SessionLifetimes::default(), now));
            return Ok(());
        }
        println!("wrong, too late or used up");
    }
}

fn random() -> Result<[u8; 32], &'static str> {
    ring::rand::generate(&ring::rand::SystemRandom::new()).map(|random| random.expose()).map_err(|_| "no randomness")
}
