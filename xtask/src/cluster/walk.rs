//! The walk of `--try`: load goes on while a gateway is killed, all programs of ours are restarted, and the primary is killed. Then the
//! books are compared with what clients were told.

use super::books::{Tally, charges, tally, without_bill};
use super::load::{Asked, End, Load};
use super::stage::Cluster;
use crate::bench::Report;
use crate::outcome::Outcome;
use std::thread;
use std::time::{Duration, Instant};

/// How long the load goes on by itself between two events.
const QUIET: Duration = Duration::from_secs(4);
/// The wait before a gateway that was killed is started again.
const AWAY: Duration = Duration::from_secs(3);
/// The wait from one restart to the next: nginx asks a gateway that refused a connection again after a second.
const BETWEEN: Duration = Duration::from_secs(2);
/// How long the database has no primary: whoever decides that the standby takes over needs some time.
const UNTIL_PROMOTED: Duration = Duration::from_secs(2);
/// A request that began so shortly before a gateway was killed may have been sent to it.
const MARGIN: Duration = Duration::from_millis(100);
/// How long gateways may take to serve once there is a primary again, and each of them without any failure.
const ANSWERED_MAX: Duration = Duration::from_secs(10);
const STEADY_AFTER: Duration = Duration::from_secs(5);
/// How long anything is waited for before the walk is given up.
const PATIENCE: Duration = Duration::from_secs(60);
/// Holds of a gateway that is gone end within a minute, and later where the database was away meanwhile: then nobody was seen.
const HOLDS_MAX: Duration = Duration::from_secs(90);
const HOLDS_PATIENCE: Duration = Duration::from_secs(150);
/// Failures that are shown one by one.
const SHOWN_MAX: usize = 20;
/// The text of the report where a bound is not kept.
const MISSED: &str = "MISSED";

/// When what happened.
struct Times {
    killed: Instant,
    restarting: Instant,
    restarted: Instant,
    lost: Instant,
    promoted: Instant,
    answered: Instant,
}

/// Walks, prints the figures, and fails where something was lost or a bound is not kept.
pub(super) fn walk(cluster: &mut Cluster) -> Outcome {
    let load = Load::start(&cluster.front, &cluster.keys);
    let times = drive(cluster, &load)?;
    let asked = load.end()?;
    step("the load is over; the books are compared with the answers");
    let holds_s = wait_for_holds(cluster, times.killed)?;
    cluster.verify()?;
    let tally = tally(&asked, &charges(&cluster.entries()?)?);
    let without_bill = without_bill(&cluster.front, &asked)?;
    let mut report = Report::new();
    report.heading("the cluster");
    report.figure("gateways", number(cluster.gateways.len()));
    report.figure("workers", number(cluster.workers.len()));
    of_requests(&asked, &times, &mut report);
    of_books(&tally, (without_bill, holds_s), &mut report);
    let table = report.table();
    println!("{table}");
    let is_shown = |asked: &&Asked| !asked.is_answered() && asked.end != End::Refused(503);
    for asked in asked.iter().filter(is_shown).take(SHOWN_MAX) {
        let at = asked.began.saturating_duration_since(times.killed);
        eprintln!("{:>7.2} s after the gateway was killed: {:?}", at.as_secs_f64(), asked.end);
    }
    let folder = cluster.folder.display();
    if table.contains(MISSED) { Err(format!("a bound is not kept; logs are in {folder}").into()) } else { Ok(()) }
}

/// Everything that happens under load.
fn drive(cluster: &mut Cluster, load: &Load) -> Outcome<Times> {
    step("requests go to all gateways");
    thread::sleep(QUIET);
    let killed = step("a gateway is killed, and started again");
    // The admin tool speaks to the first one.
    let second = cluster.gateways.get_mut(1).ok_or("there is no second gateway")?;
    second.kill()?;
    thread::sleep(AWAY);
    second.start_again()?;
    thread::sleep(QUIET);
    let restarting = step("gateways and workers are restarted, one after the other");
    for member in cluster.members() {
        member.restart()?;
        thread::sleep(BETWEEN);
    }
    let restarted = Instant::now();
    thread::sleep(QUIET);
    let lost = step("the primary is killed");
    cluster.servers.kill_primary();
    thread::sleep(UNTIL_PROMOTED);
    let promoted = step("the standby is promoted");
    cluster.servers.promote();
    let answered = load.answered_after(promoted, PATIENCE)?;
    thread::sleep(STEADY_AFTER + QUIET);
    step("the former primary becomes the standby, and each durable commit waits for it");
    cluster.servers.rejoin();
    thread::sleep(QUIET);
    Ok(Times { killed, restarting, restarted, lost, promoted, answered })
}

/// Says what happens next; the moment in which it does.
fn step(what: &str) -> Instant {
    println!("{what}");
    Instant::now()
}

/// Waits until no hold is open; how long that is after a gateway was killed, in seconds.
fn wait_for_holds(cluster: &Cluster, killed: Instant) -> Outcome<f64> {
    let start = Instant::now();
    while cluster.holds()? > 0 {
        if start.elapsed() > HOLDS_PATIENCE {
            return Err("holds are left that nothing ends".into());
        }
        thread::sleep(Duration::from_millis(500));
    }
    Ok(killed.elapsed().as_secs_f64())
}

/// What became of the requests, by what happened meanwhile.
fn of_requests(asked: &[Asked], times: &Times, report: &mut Report) {
    let Times { killed, restarting, restarted, lost, promoted, answered } = *times;
    let count = |which: &dyn Fn(&Asked) -> bool| number(asked.iter().filter(|&asked| which(asked)).count());
    let failed = |which: &dyn Fn(&Asked) -> bool| count(&|asked: &Asked| !asked.is_answered() && which(asked));
    let begun = |from: Instant, until: Instant| failed(&|asked: &Asked| asked.began >= from && asked.began < until);
    let away = |asked: &Asked| asked.ended >= lost && asked.began < answered + STEADY_AFTER;
    report.heading("requests, half of them streams");
    report.figure("requests_per_s", Load::rate());
    report.figure("requests", number(asked.len()));
    report.figure("answered", count(&Asked::is_answered));
    report.at_most("failed_before_anything_happens", failed(&|asked: &Asked| asked.ended < killed), 0.0);
    report.heading("a gateway is killed");
    let on_their_way = |asked: &Asked| asked.began < killed + MARGIN && asked.ended >= killed;
    report.figure("cut_on_their_way", failed(&on_their_way));
    report.at_most("failed_after_the_kill", begun(killed + MARGIN, restarting), 0.0);
    report.heading("gateways and workers are restarted");
    report.at_most("failed_while_restarting", begun(restarting, restarted), 0.0);
    report.at_most(
        "failed_after_the_restart",
        failed(&|asked: &Asked| asked.began >= restarted && asked.ended < lost),
        0.0,
    );
    report.heading("the primary is killed, and the standby takes over");
    report.figure("refused_with_503", failed(&|asked: &Asked| away(asked) && asked.end == End::Refused(503)));
    report.at_most("failed_otherwise", failed(&|asked: &Asked| away(asked) && asked.end != End::Refused(503)), 0.0);
    let waited_s = answered.saturating_duration_since(promoted).as_secs_f64();
    report.at_most("s_from_promotion_to_an_answer", waited_s, ANSWERED_MAX.as_secs_f64());
    report.at_most("failed_afterwards", failed(&|asked: &Asked| asked.began >= answered + STEADY_AFTER), 0.0);
}

/// What the books have of them.
fn of_books(tally: &Tally, (without_bill, holds_s): (usize, f64), report: &mut Report) {
    report.heading("the books, which verify");
    report.figure("charges", number(tally.charges));
    report.at_most("answers_without_charge", number(tally.without_charge), 0.0);
    report.at_most("answers_charged_twice", number(tally.charged_twice), 0.0);
    report.at_most("answers_without_bill", number(without_bill), 0.0);
    report.at_least("answers", number(tally.answered), 300.0);
    report.figure("charges_without_whole_answer", number(tally.without_answer));
    report.at_most("s_from_kill_to_no_open_hold", holds_s, HOLDS_MAX.as_secs_f64());
}

/// No walk reaches counts that a float cannot represent.
fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}
