//! Gives the answers to requests that are no HTTP the form of our errors.
//!
//! hyper answers these itself, with a status and no body, and has no hook for that. So the connection's writer replaces
//! such an answer: it is the only one without `x-request-id`.

use crate::errors::{ApiSurface, ErrorType, Problem};
use crate::head::too_large;
use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What every answer of ours has, besides the form of its errors.
pub(crate) trait Answers: Send {
    /// The id of an answer.
    fn fresh_id(&self) -> String;

    /// Header lines for browsers.
    fn cors_lines(&self) -> String;
}

/// A connection whose automatic answers are replaced.
pub(crate) struct WithErrors<T> {
    inner: T,
    header_bytes_max: usize,
    answers: Box<dyn Answers>,
    /// The part of a replacement that is not written yet.
    left: Vec<u8>,
}

impl<T: AsyncWrite + Unpin> WithErrors<T> {
    pub(crate) const fn new(inner: T, header_bytes_max: usize, answers: Box<dyn Answers>) -> Self {
        Self { inner, header_bytes_max, answers, left: Vec::new() }
    }

    /// Replaces these bytes where they are an automatic answer.
    fn replace(&mut self, bytes: &[u8]) -> bool {
        let Some(problem) = problem_of(bytes, self.header_bytes_max) else { return false };
        self.left = whole_answer(problem, &*self.answers);
        true
    }

    fn poll_left(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        while !self.left.is_empty() {
            let written = ready!(Pin::new(&mut self.inner).poll_write(context, &self.left))?;
            if written == 0 {
                return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into()));
            }
            self.left.drain(..written);
        }
        Poll::Ready(Ok(()))
    }
}

/// The bytes of an answer to what is no request.
pub(crate) fn whole_answer(problem: Problem, answers: &dyn Answers) -> Vec<u8> {
    let (id, cors) = (answers.fresh_id(), answers.cors_lines());
    let status = problem.kind().row().status;
    let body = problem.into_json(ApiSurface::OpenaiChat, &id);
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nx-should-retry: false\r\nx-request-id: {id}\r\nrequest-id: {id}\r\n{cors}content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    (head + &body).into_bytes()
}

/// The problem that hyper's own answer stands for; `None` where the bytes are an answer of ours, or a part of one.
fn problem_of(bytes: &[u8], header_bytes_max: usize) -> Option<Problem> {
    let status = bytes.strip_prefix(b"HTTP/1.1 ").or_else(|| bytes.strip_prefix(b"HTTP/1.0 "))?.get(..3)?;
    let is_ours = || bytes.windows(ID_HEADER.len()).any(|window| window == ID_HEADER);
    match status {
        b"400" | b"414" | b"431" if is_ours() => None,
        b"400" => {
            let message = "this is no HTTP/1.1 request; look at its first line, its headers and its Content-Length";
            Some(Problem::new(ErrorType::InvalidRequest, message))
        }
        b"414" => Some(too_large(header_bytes_max.min(u16::MAX.into()))),
        b"431" => Some(too_large(header_bytes_max)),
        _ => None,
    }
}

const ID_HEADER: &[u8] = b"x-request-id";

impl<T: AsyncRead + Unpin> AsyncRead for WithErrors<T> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for WithErrors<T> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        ready!(self.poll_left(context))?;
        if self.replace(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        ready!(self.poll_left(context))?;
        // An automatic answer has no body, so its head is all there is.
        if let Some(first) = slices.first()
            && self.replace(first)
        {
            return Poll::Ready(Ok(first.len()));
        }
        Pin::new(&mut self.inner).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        ready!(self.poll_left(context))?;
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        ready!(self.poll_left(context))?;
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
