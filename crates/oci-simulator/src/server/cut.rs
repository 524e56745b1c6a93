//! A body that breaks off.

use bytes::Bytes;
use hyper::body::{Body, Frame};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Yields some bytes and then an error, which makes the server drop the connection.
#[derive(Debug)]
pub(super) struct CutBody {
    bytes: Option<Bytes>,
    flushed: bool,
}

impl CutBody {
    pub fn new(bytes: Bytes) -> Self {
        let bytes = Some(bytes).filter(|bytes| !bytes.is_empty());
        Self { flushed: bytes.is_none(), bytes }
    }
}

impl Body for CutBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(bytes) = self.bytes.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if !self.flushed {
            // The server flushes when the body makes it wait; without this pause the bytes would be lost with the connection.
            self.flushed = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let error = io::Error::new(io::ErrorKind::ConnectionReset, "the simulated region cut the connection");
        Poll::Ready(Some(Err(error)))
    }
}
