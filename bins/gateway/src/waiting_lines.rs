//! Lines of the access log, which wait in memory for a thread of their own.
//!
//! A line for each request is too often for a system call or a wake-up each: the thread writes what came in some
//! milliseconds at once, and sleeps where nothing comes. Where whoever reads standard error is slower, lines are lost: a
//! request never waits for its line.

use parking_lot::Mutex;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::Thread;
use std::time::Duration;
use tracing_subscriber::fmt::MakeWriter;

/// Bytes that wait at most.
const WAITING_BYTES_MAX: usize = 8 << 20;
/// How long lines gather.
const GATHER: Duration = Duration::from_millis(20);
/// How long the end of the process waits for a reader of standard error.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// Where the lines wait. A clone is another handle to the same.
#[derive(Clone)]
pub(crate) struct WaitingLines(Arc<Waiting>);

struct Waiting {
    lines: Mutex<Vec<u8>>,
    /// Whether the thread sleeps until it is told that there is a line.
    is_asleep: AtomicBool,
    is_over: AtomicBool,
    thread: Mutex<Option<Thread>>,
}

/// Dropping it writes what still waits.
pub(crate) struct LastLines {
    waiting: WaitingLines,
    written: Receiver<()>,
}

impl WaitingLines {
    /// Lines that are written to `out` by a thread.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub(crate) fn to(mut out: impl Write + Send + 'static) -> io::Result<(Self, LastLines)> {
        let waiting = Self(Arc::new(Waiting {
            lines: Mutex::default(),
            is_asleep: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            thread: Mutex::default(),
        }));
        let (tell, written) = channel();
        let ours = waiting.clone();
        let thread = std::thread::Builder::new().name("access log".to_owned()).spawn(move || {
            ours.write_all_to(&mut out);
            let _nobody_waits = tell.send(());
        })?;
        *waiting.0.thread.lock() = Some(thread.thread().clone());
        Ok((waiting.clone(), LastLines { waiting, written }))
    }

    fn write_all_to(&self, out: &mut impl Write) {
        let mut taken = Vec::new();
        loop {
            let is_over = self.0.is_over.load(Ordering::Acquire);
            std::mem::swap(&mut *self.0.lines.lock(), &mut taken);
            if taken.is_empty() {
                if is_over {
                    return;
                }
                self.sleep();
                continue;
            }
            // Who has closed standard error wants no lines.
            let _closed = out.write_all(&taken).and_then(|()| out.flush());
            taken.clear();
            if !is_over {
                std::thread::park_timeout(GATHER);
            }
        }
    }

    /// Until there is a line, or the end.
    fn sleep(&self) {
        self.0.is_asleep.store(true, Ordering::SeqCst);
        // A line that came before this was known is seen here.
        let is_needed = || !self.0.lines.lock().is_empty() || self.0.is_over.load(Ordering::SeqCst);
        while !is_needed() && self.0.is_asleep.load(Ordering::SeqCst) {
            std::thread::park();
        }
        self.0.is_asleep.store(false, Ordering::SeqCst);
    }

    fn wake(&self) {
        if let Some(thread) = &*self.0.thread.lock() {
            thread.unpark();
        }
    }
}

/// A line that is being written.
pub(crate) struct Line<'a>(&'a WaitingLines);

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        {
            let mut lines = self.0.0.lines.lock();
            if lines.len().saturating_add(line.len()) <= WAITING_BYTES_MAX {
                lines.extend_from_slice(line);
            }
        }
        if self.0.0.is_asleep.swap(false, Ordering::SeqCst) {
            self.0.wake();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for WaitingLines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(self)
    }
}

impl Drop for LastLines {
    fn drop(&mut self) {
        self.waiting.0.is_over.store(true, Ordering::SeqCst);
        self.waiting.wake();
        // Where nobody reads standard error, the thread ends with the process.
        let _nobody_reads = self.written.recv_timeout(LAST_WAIT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::Sender;

    /// Standard error, whose reader takes a piece when it is told to.
    struct Reader {
        pieces: Sender<Vec<u8>>,
        go_on: Receiver<()>,
    }

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.pieces.send(bytes.to_vec()).map_err(io::Error::other)?;
            self.go_on.recv().map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn line(waiting: &WaitingLines, text: &str) {
        waiting.make_writer().write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn lines_are_written_in_their_order_and_those_that_came_meanwhile_at_once() {
        let ((pieces, seen), (go_on, told)) = (channel(), channel());
        let (waiting, last) = WaitingLines::to(Reader { pieces, go_on: told }).unwrap();
        line(&waiting, "a\n");
        assert_eq!(seen.recv().unwrap(), b"a\n");
        line(&waiting, "b\n");
        line(&waiting, "c\n");
        go_on.send(()).unwrap();
        assert_eq!(seen.recv().unwrap(), b"b\nc\n");
        line(&waiting, "d\n");
        go_on.send(()).unwrap();
        go_on.send(()).unwrap();
        drop(last);
        assert_eq!(seen.recv().unwrap(), b"d\n");
    }

    #[test]
    fn who_writes_does_not_wait_for_a_reader_and_the_rest_is_lost() {
        let ((pieces, seen), (_go_on, told)) = (channel(), channel::<()>());
        let (waiting, last) = WaitingLines::to(Reader { pieces, go_on: told }).unwrap();
        line(&waiting, "first\n");
        seen.recv().unwrap();
        let long = "x".repeat(1 << 20);
        for _ in 0..20 {
            line(&waiting, &long);
        }
        assert_eq!(waiting.0.lines.lock().len(), WAITING_BYTES_MAX);
        drop(last);
    }
}
