//! A client's connection, and how long the server waits for the client.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How long, at the end, a client may go on sending what nobody reads. Closing at once would reset the connection, and the
/// answer (that the body is too large, say) could be lost on its way.
const LINGER: Duration = Duration::from_secs(1);

/// What a client must take of its answer within the time that the server waits, in bytes. One that takes a byte now and then would
/// hold its connection, and what it reads, for as long as it likes.
const LEAST_TAKEN: usize = 16 * 1024;

/// `inner`, except that a write fails once the client has taken less than [`LEAST_TAKEN`] for `patience`, and that closing hears the
/// client out.
pub(super) struct Patient<S> {
    inner: S,
    patience: Duration,
    /// Runs while a write waits.
    until: Option<Pin<Box<Sleep>>>,
    /// Bytes that the client has taken since then.
    taken: usize,
    /// Set while something written has yet to be taken by the system.
    unread: Arc<AtomicBool>,
    /// Runs once our side is closed.
    farewell: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    pub fn new(inner: S, patience: Duration, unread: Arc<AtomicBool>) -> Self {
        Self {
            inner,
            patience,
            until: None,
            taken: 0,
            unread,
            farewell: None,
        }
    }

    /// How a write ended, unless it has waited too long.
    fn waited<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            return written;
        }
        let until = self.until.get_or_insert_with(|| Box::pin(sleep(self.patience)));
        ready!(until.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// The same of a write of some bytes.
    fn wrote(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.unread.store(true, Ordering::Release);
        if let Poll::Ready(Ok(bytes)) = written {
            self.taken = self.taken.saturating_add(bytes);
            if self.taken >= LEAST_TAKEN {
                (self.until, self.taken) = (None, 0);
            }
        }
        self.waited(cx, written)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.wrote(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, parts);
        self.wrote(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The server flushes when all of what it has was written.
        ready!(Pin::new(&mut self.inner).poll_flush(cx))?;
        (self.until, self.taken) = (None, 0);
        self.unread.store(false, Ordering::Release);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let me = &mut *self;
        if me.farewell.is_none() {
            let shut = Pin::new(&mut me.inner).poll_shutdown(cx);
            ready!(me.waited(cx, shut))?;
        }
        let farewell = me.farewell.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        let mut dropped = [0; 4096];
        while farewell.as_mut().poll(cx).is_pending() {
            let mut buffer = ReadBuf::new(&mut dropped);
            match ready!(Pin::new(&mut me.inner).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                // The client is done, or gone.
                _ => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::task::Waker;

    use super::*;

    /// A client that takes so many bytes of each write; none: it takes nothing for now.
    struct Scripted(VecDeque<Option<usize>>);

    impl AsyncWrite for Scripted {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            match self.0.pop_front().flatten() {
                Some(taken) => Poll::Ready(Ok(taken)),
                None => Poll::Pending,
            }
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncRead for Scripted {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn the_time_of_a_client_goes_on_until_it_has_taken_16_kib_or_everything() {
        let script = [None, Some(1), None, Some(LEAST_TAKEN - 2), None, Some(1), None, Some(1)];
        let hour = Duration::from_secs(3600);
        let mut patient = Patient::new(Scripted(script.into()), hour, Arc::default());
        let mut cx = Context::from_waker(Waker::noop());
        let mut waits_after_a_write = || {
            let written = Pin::new(&mut patient).poll_write(&mut cx, b"x");
            (written.is_ready(), patient.until.is_some())
        };
        let seen: Vec<_> = (0..7).map(|_| waits_after_a_write()).collect();
        assert_eq!(
            seen,
            [
                (false, true),
                (true, true),
                (false, true),
                (true, true),
                (false, true),
                // The last byte of 16 KiB.
                (true, false),
                (false, true),
            ]
        );
        assert!(patient.unread.load(Ordering::Acquire));
        assert!(Pin::new(&mut patient).poll_flush(&mut cx).is_ready());
        assert!(patient.until.is_none() && !patient.unread.load(Ordering::Acquire));
    }
}
