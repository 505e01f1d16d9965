//! The memory of an open stream: many streams are opened at once, and stay silent after their first event.

use super::mock::HELD_MODEL;
use super::targets::Timing;
use crate::bench::report::Report;
use crate::gateway::Gateway;
use crate::outcome::Outcome;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The model whose streams never end.
pub(super) const MODEL: &str = "bench/held";
/// The time limit for a stream's first event.
const BEGIN_MAX: Duration = Duration::from_secs(60);
/// The most memory that one of them may take, in KB.
const KB_MAX: f64 = 64.0;
/// Streams that are opened before the measurement, so that one-time allocations are done.
const WARM_UP: usize = 20;

/// Opens streams through each API, and reports the memory of each.
pub(super) fn report(gateway: &Gateway, timing: &Timing, report: &mut Report) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    report.heading(format!("{} streams open at once, each silent after its first event", timing.held));
    for (path, key) in [("/v1/chat/completions", "kb_per_stream"), ("/v1/messages", "kb_per_translated_stream")] {
        let kb = runtime.block_on(kb_of_each(gateway, path, timing.held))?;
        report.at_most(format!("{key}_{}", timing.held), kb, KB_MAX);
    }
    debug_assert!(MODEL.ends_with(HELD_MODEL), "the mock knows the model by its name");
    Ok(())
}

async fn kb_of_each(gateway: &Gateway, path: &str, count: usize) -> Outcome<f64> {
    let _warm = open_all(gateway, path, WARM_UP).await?;
    let before = gateway.running.rss_mb()?;
    let _open = open_all(gateway, path, count).await?;
    Ok((gateway.running.rss_mb()? - before) * 1e3 / count as f64)
}

async fn open_all(gateway: &Gateway, path: &str, count: usize) -> Outcome<Vec<TcpStream>> {
    let mut streams = Vec::with_capacity(count);
    for _ in 0..count {
        streams.push(tokio::time::timeout(BEGIN_MAX, begin(gateway, path)).await.map_err(|_| "no stream in time")??);
    }
    // Memory that is freed late must not be counted.
    let quiet = Instant::now() + Duration::from_millis(200);
    tokio::time::sleep_until(quiet.into()).await;
    Ok(streams)
}

/// Asks for a stream, and waits until its first event is there.
async fn begin(gateway: &Gateway, path: &str) -> Outcome<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", gateway.port)).await?;
    let body = format!(
        r#"{{"model":"{MODEL}","max_tokens":16,"stream":true,"messages":[{{"role":"user","content":"Hello"}}]}}"#
    );
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        gateway.key,
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut seen = Vec::new();
    while !seen.windows(6).any(|part| part == b"data: ") {
        if stream.read_buf(&mut seen).await? == 0 {
            return Err(format!("no stream: {}", String::from_utf8_lossy(&seen)).into());
        }
    }
    if !seen.starts_with(b"HTTP/1.1 200") {
        return Err(format!("no stream: {}", String::from_utf8_lossy(&seen)).into());
    }
    Ok(stream)
}
