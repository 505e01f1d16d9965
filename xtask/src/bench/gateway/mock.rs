//! An upstream that answers at once and always the same, as cheaply as possible: `xtask mock-upstream`.

use crate::outcome::Outcome;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Either, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::io::Write as _;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

/// Events of a stream with text; a finish, a usage and an end follow.
const TEXT_EVENTS: usize = 200;
/// The mark of a request for a stream, with and without the space that some clients write.
const STREAM_MARKS: [&[u8]; 2] = [b"\"stream\":true", b"\"stream\": true"];

/// A model of this name begins a stream and never ends it.
pub(crate) const HELD_MODEL: &str = "held";

/// All of its answers.
struct Answers {
    whole: Bytes,
    events: Rc<[Bytes]>,
}

/// Serves until it is killed, and prints its port first.
pub(crate) fn run() -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        println!("{}", listener.local_addr()?.port());
        std::io::stdout().flush()?;
        let answers = Rc::new(Answers { whole: whole(), events: events().into() });
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::task::spawn_local(serve(stream, Rc::clone(&answers)));
        }
    })
}

async fn serve(stream: TcpStream, answers: Rc<Answers>) {
    let service = service_fn(move |request| {
        let answers = Rc::clone(&answers);
        async move { Ok::<_, Infallible>(answer(request, &answers).await) }
    });
    // A client that hangs up ends its own connection only.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(request: Request<Incoming>, answers: &Answers) -> Response<Either<Full<Bytes>, Burst>> {
    let body = request.into_body().collect().await;
    let body = body.map_or_else(|_| Bytes::new(), http_body_util::Collected::to_bytes);
    let streams = STREAM_MARKS.iter().any(|mark| holds(&body, mark));
    let (kind, body) = if streams {
        let held = holds(&body, format!("\"model\":\"{HELD_MODEL}\"").as_bytes());
        let burst = Burst { events: Rc::clone(&answers.events), next: 0, flushed: true, held };
        ("text/event-stream; charset=utf-8", Either::Right(burst))
    } else {
        let whole = Full::new(answers.whole.clone());
        ("application/json", Either::Left(whole))
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert("x-request-id", HeaderValue::from_static("req_0123456789"));
    response
}

fn holds(body: &[u8], mark: &[u8]) -> bool {
    body.windows(mark.len()).any(|part| part == mark)
}

/// A stream whose events leave in a write each, like a model's tokens, but without pauses.
struct Burst {
    events: Rc<[Bytes]>,
    next: usize,
    flushed: bool,
    /// Whether nothing comes after the first event.
    held: bool,
}

impl Body for Burst {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if !self.flushed {
            self.flushed = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.held && self.next > 0 {
            return Poll::Pending;
        }
        let event = self.events.get(self.next).cloned();
        self.next += 1;
        self.flushed = false;
        Poll::Ready(event.map(|event| Ok(Frame::data(event))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

const ID: &str = "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT";
const USAGE: &str = concat!(
    r#"{"prompt_tokens":412,"completion_tokens":97,"total_tokens":509,"#,
    r#""prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"#,
    r#""completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"#,
    r#""accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}"#
);

/// About a kilobyte.
fn whole() -> Bytes {
    let text = "The quick brown fox jumps over the lazy dog. ".repeat(9);
    Bytes::from(format!(
        r#"{{"id":"{ID}","object":"chat.completion","created":1741569952,"model":"bench","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}","refusal":null,"annotations":[]}},"logprobs":null,"finish_reason":"stop"}}],"usage":{USAGE},"service_tier":"default","system_fingerprint":"fp_44709d6fcb"}}"#
    ))
}

fn events() -> Vec<Bytes> {
    let chunk = |choices: &str, usage: &str| {
        Bytes::from(format!(
            "data: {{\"id\":\"{ID}\",\"object\":\"chat.completion.chunk\",\"created\":1741569952,\"model\":\"bench\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_44709d6fcb\",\"choices\":[{choices}],\"usage\":{usage}}}\n\n"
        ))
    };
    let choice = |delta: &str, finish: &str| {
        format!(r#"{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish}}}"#)
    };
    let mut events: Vec<Bytes> = (0..TEXT_EVENTS)
        .map(|word| chunk(&choice(&format!(r#"{{"content":" word{word}"}}"#), "null"), "null"))
        .collect();
    events.push(chunk(&choice("{}", "\"stop\""), "null"));
    events.push(chunk("", USAGE));
    events.push(Bytes::from_static(b"data: [DONE]\n\n"));
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answers_are_what_the_dialect_says() {
        let parsed: serde_json::Value = serde_json::from_slice(&whole()).unwrap();
        assert_eq!(parsed["usage"]["total_tokens"], 509);
        assert!((900..1_300).contains(&whole().len()), "{}", whole().len());
        let events = events();
        assert_eq!(events.len(), TEXT_EVENTS + 3);
        for event in &events[..TEXT_EVENTS + 2] {
            let data = event.strip_prefix(b"data: ").unwrap();
            serde_json::from_slice::<serde_json::Value>(data).unwrap();
        }
    }
}
