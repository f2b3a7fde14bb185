//! The simulator itself: listens, gives requests to the routes, and stops when it is dropped.

use std::{convert::Infallible, error::Error as _, future::poll_fn, net::Ipv4Addr, sync::Arc};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

use crate::{
    RecordedRequest, Rule, SimulatorConfig, SimulatorError, Stats,
    routes::{self, NoAnswer},
    shared::Shared,
};

/// A running simulator; ends when it is dropped or stopped.
#[derive(Debug)]
pub struct Simulator {
    shared: Arc<Shared>,
    listening: JoinHandle<Infallible>,
}

impl Simulator {
    /// Listens on 127.0.0.1.
    ///
    /// # Errors
    /// [`SimulatorError::Listen`] if the port can't be opened.
    pub async fn start(config: SimulatorConfig) -> Result<Self, SimulatorError> {
        let port = config.port;
        let refuse = |source| SimulatorError::Listen { port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(refuse)?;
        let base_url = format!("http://{}", listener.local_addr().map_err(refuse)?);
        let shared = Arc::new(Shared::new(config, base_url));
        let listening = tokio::spawn(listen(listener, Arc::clone(&shared)));
        Ok(Self { shared, listening })
    }

    /// Returns `http://127.0.0.1:PORT`; the providers' paths (`/v1/…`) come after it.
    pub fn base_url(&self) -> &str {
        &self.shared.base_url
    }

    /// Adds a rule after those that are there.
    pub fn script(&self, rule: Rule) {
        self.shared.state().rules.push(rule);
    }

    /// Forgets all rules.
    pub fn clear_rules(&self) {
        self.shared.state().rules.clear();
    }

    /// Returns the counts since the start or the last reset.
    pub fn stats(&self) -> Stats {
        self.shared.state().stats.clone()
    }

    /// Returns what was asked since the start or the last reset, in order of arrival.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.state().requests.clone()
    }

    /// Clears counts, recordings and the prompt cache; rules stay.
    pub fn reset_stats(&self) {
        self.shared.state().reset_stats();
    }

    /// Closes the port and every connection, and waits until that is done.
    pub async fn stop(mut self) {
        self.listening.abort();
        // The task ends only by the abort, so its result tells nothing.
        let _ = (&mut self.listening).await;
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) -> Infallible {
    // Aborting this task drops the set, and with it every connection.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                connections.spawn(serve(stream, Arc::clone(&shared)));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    // Without this the last part of an answer may wait for the client's acknowledgment.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| Box::pin(routes::route(request, &shared)));
    let mut connection =
        http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
    // An error means that the client disconnected, or that a rule asked for a fault.
    let ended = poll_fn(|context| connection.poll_without_shutdown(context)).await;
    let cause = ended.as_ref().err().and_then(|error| error.source());
    if cause.and_then(|cause| cause.downcast_ref::<NoAnswer>()).is_some() {
        // Makes the system send RST when the connection is dropped. If that fails, the connection is
        // closed normally, which is a failure for the client too.
        let _ = connection.into_parts().io.into_inner().set_zero_linger();
    }
}
