//! Lines of the log, which wait in memory for a thread of their own.
//!
//! A line for each request is too often for a system call or a wake-up each: the thread writes what came in some
//! milliseconds at once, and sleeps where nothing comes. Where whoever reads standard error is slower, lines are lost and
//! counted: no request waits for a line. Lines of the access log leave room for the others.

use parking_lot::Mutex;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::Thread;
use std::time::Duration;
use tracing_subscriber::fmt::MakeWriter;

/// Bytes that wait at most while there is room for another line of the access log, and for any other line.
const ACCESS_BYTES_MAX: usize = 8 << 20;
const WAITING_BYTES_MAX: usize = 9 << 20;
/// How long lines gather.
const GATHER: Duration = Duration::from_millis(20);
/// How long the end of the process waits for a reader of standard error.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// Where the lines wait. A clone is another handle to the same.
#[derive(Clone)]
pub(crate) struct WaitingLines {
    waiting: Arc<Waiting>,
    bytes_max: usize,
}

struct Waiting {
    lines: Mutex<Vec<u8>>,
    /// Lines that there was no room for, and of which nobody was told.
    lost: AtomicU64,
    /// Whether the thread sleeps until it is told that there is a line.
    is_asleep: AtomicBool,
    is_over: AtomicBool,
    thread: Mutex<Option<Thread>>,
}

/// Dropping it writes what still waits.
pub(crate) struct LastLines {
    waiting: Arc<Waiting>,
    written: Receiver<()>,
}

impl WaitingLines {
    /// Lines that are written to `out` by a thread.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub(crate) fn to(mut out: impl Write + Send + 'static) -> io::Result<(Self, LastLines)> {
        let shared = Arc::new(Waiting {
            lines: Mutex::default(),
            lost: AtomicU64::new(0),
            is_asleep: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            thread: Mutex::default(),
        });
        let (tell, written) = channel();
        let ours = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("log".to_owned()).spawn(move || {
            ours.write_all_to(&mut out);
            let _nobody_waits = tell.send(());
        })?;
        *shared.thread.lock() = Some(thread.thread().clone());
        let lines = Self { waiting: Arc::clone(&shared), bytes_max: WAITING_BYTES_MAX };
        Ok((lines, LastLines { waiting: shared, written }))
    }

    /// The same for lines of the access log.
    pub(crate) fn of_access(&self) -> Self {
        Self { bytes_max: ACCESS_BYTES_MAX, ..self.clone() }
    }
}

impl Waiting {
    fn write_all_to(&self, out: &mut impl Write) {
        let mut taken = Vec::new();
        loop {
            let is_over = self.is_over.load(Ordering::Acquire);
            std::mem::swap(&mut *self.lines.lock(), &mut taken);
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
            self.tell_lost();
            if !is_over {
                std::thread::park_timeout(GATHER);
            }
        }
    }

    /// Whoever reads standard error does so again: this line waits like any other.
    fn tell_lost(&self) {
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::warn!(lost, "lines of the log were lost: standard error was not read for some time");
        }
    }

    /// Until there is a line, or the end.
    fn sleep(&self) {
        self.is_asleep.store(true, Ordering::SeqCst);
        // A line that came before this was known is seen here.
        let is_needed = || !self.lines.lock().is_empty() || self.is_over.load(Ordering::SeqCst);
        while !is_needed() && self.is_asleep.load(Ordering::SeqCst) {
            std::thread::park();
        }
        self.is_asleep.store(false, Ordering::SeqCst);
    }

    /// Whether the thread that writes asks: what it says of lost lines is not lost.
    fn is_own_thread(&self) -> bool {
        self.thread.lock().as_ref().is_some_and(|thread| thread.id() == std::thread::current().id())
    }

    fn wake(&self) {
        if let Some(thread) = &*self.thread.lock() {
            thread.unpark();
        }
    }
}

/// A line that is being written.
pub(crate) struct Line<'a>(&'a WaitingLines);

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let WaitingLines { waiting, bytes_max } = self.0;
        {
            let mut lines = waiting.lines.lock();
            if lines.len().saturating_add(line.len()) <= *bytes_max || waiting.is_own_thread() {
                lines.extend_from_slice(line);
            } else {
                waiting.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
        if waiting.is_asleep.swap(false, Ordering::SeqCst) {
            waiting.wake();
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
        self.waiting.is_over.store(true, Ordering::SeqCst);
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
    fn who_writes_does_not_wait_for_a_reader_and_the_rest_is_lost_and_counted() {
        let ((pieces, seen), (go_on, told)) = (channel(), channel());
        let (waiting, last) = WaitingLines::to(Reader { pieces, go_on: told }).unwrap();
        line(&waiting, "first\n");
        seen.recv().unwrap();
        let long = "x".repeat(1 << 20);
        (0..20).for_each(|_| line(&waiting.of_access(), &long));
        let state = || (waiting.waiting.lines.lock().len(), waiting.waiting.lost.load(Ordering::SeqCst));
        assert_eq!(state(), (ACCESS_BYTES_MAX, 12));
        line(&waiting, "there is room for other lines\n");
        assert_eq!(state().1, 12);
        go_on.send(()).unwrap();
        seen.recv().unwrap();
        go_on.send(()).unwrap();
        drop(last);
        assert_eq!(state(), (0, 0), "nobody is told twice");
    }
}
