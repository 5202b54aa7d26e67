//! SIGTERM and Ctrl-C.

use tokio_util::sync::CancellationToken;

/// Cancels `stop` at the first signal.
pub fn stop_on_signal(stop: CancellationToken) {
    tokio::spawn(async move {
        let mut term = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(term) => term,
            Err(e) => return tracing::error!(error = %e, "signals cannot be handled"),
        };
        tokio::select! {
            _ = term.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        stop.cancel();
    });
}
