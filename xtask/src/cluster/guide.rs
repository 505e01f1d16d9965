//! What a newcomer can paste.

use super::member::Member;
use super::stage::{Cluster, MODEL};
use crate::outcome::Outcome;

/// The lines, with the addresses and processes of this cluster.
pub(super) fn text(cluster: &Cluster) -> Outcome<String> {
    let (url, folder) = (cluster.front.url(), cluster.folder.display());
    let key = cluster.keys.first().ok_or("nobody has a key")?;
    let admin = cluster.admin_words().map(|word| word.display().to_string()).join(" ");
    let primary = cluster.servers.primary_process()?;
    let standby = cluster.servers.standby_folder().display();
    let body = format!(
        r#"{{"model": "{MODEL}", "max_tokens": 64, "stream": true, "messages": [{{"role": "user", "content": "Hello"}}]}}"#
    );
    let (gateways, workers) = (cluster.gateways.len(), cluster.workers.len());
    let kills: Vec<String> = cluster.gateways.iter().chain(&cluster.workers).map(kill).collect();
    let kills = kills.join("\n   ");
    Ok(format!(
        r#"
The cluster runs (gateways: {gateways}, workers: {workers}): PostgreSQL has a synchronous standby, and nginx is at {url}.
Config, logs and data folders are in {folder}. Ctrl-C ends everything.

1. Send a request. It goes to the gateway of its key, through nginx; `x-generation-id` names its bill.

   curl -iN {url}/v1/chat/completions -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' -d '{body}'

2. Kill a gateway, and send requests: another one answers. What was killed is started again after 5 s.

   {kills}

3. Kill the primary of PostgreSQL, and send requests: they are refused with 503.

   kill -KILL {primary}

4. Make the standby the primary: requests are answered within seconds.

   psql -h {standby} -U postgres -c 'SELECT pg_promote()'

5. See that nothing is lost: the books verify, and have a charge for each answer.

   {admin} ledger verify
   {admin} ledger entries
"#
    ))
}

/// How a process is killed.
fn kill(member: &Member) -> String {
    let port = member.place.port.map(|port| format!(", port {port}")).unwrap_or_default();
    format!("kill -KILL {}    # {}{port}", member.id(), member.place.name)
}
