//! A future that goes on by itself when its caller stops waiting.
//!
//! The caller of an API hangs up whenever it likes; what has been begun for it must still come to
//! its end. Spawning everything would do, at the price of a task and a wake-up each.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

/// Polled in place while somebody waits; handed to the runtime when dropped before its end.
pub(crate) struct Outlives<T: Send + 'static>(
    Option<Pin<Box<dyn Future<Output = T> + Send + 'static>>>,
);

impl<T: Send + 'static> Outlives<T> {
    pub(crate) fn new(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Some(Box::pin(future)))
    }
}

impl<T: Send + 'static> Future for Outlives<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Some(future) = self.0.as_mut() else {
            return Poll::Pending;
        };
        let polled = future.as_mut().poll(context);
        if polled.is_ready() {
            self.0 = None;
        }
        polled
    }
}

impl<T: Send + 'static> Drop for Outlives<T> {
    fn drop(&mut self) {
        // Without a runtime the process is ending; the next start recovers what is durable.
        if let Some(future) = self.0.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(future);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn goes_on_after_its_caller_has_gone() {
        let (begin, begun) = oneshot::channel::<()>();
        let (done, finished) = oneshot::channel();
        let mut waiting = Outlives::new(async move {
            let _ = begun.await;
            let _ = done.send(7);
        });
        let mut context = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut waiting).poll(&mut context).is_pending());
        drop(waiting);
        begin.send(()).unwrap();
        assert_eq!(finished.await, Ok(7));
    }

    #[tokio::test]
    async fn answers_the_caller_who_waits() {
        assert_eq!(Outlives::new(async { 7 }).await, 7);
    }
}
