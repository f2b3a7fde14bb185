//! The server: bound to its address first, so that the caller can say where it is, then run until told to stop.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::{Duration, Instant},
};

use actix_session::{SessionMiddleware, config::CookieContentSecurity, storage::CookieSessionStore};
use actix_web::{
    App, HttpServer,
    body::{BoxBody, EitherBody, MessageBody},
    cookie::{Key, SameSite},
    dev::{ServerHandle, ServiceRequest, ServiceResponse},
    middleware::{self, Next},
    web,
};
use btcedu_models::ChangeCounter;
use btcedu_pipeline::{Desk, DeskError};

use crate::{
    DashboardConfig,
    access::{Access, gate, random_word},
    answer,
    assets::Assets,
    cache::PageCache,
    forms,
    live::Hub,
    metrics::Metrics,
    pictures::Hashes,
    routes,
    state::AppState,
    templates::Templates,
};

/// Threads that answer; what waits for a disk has threads of its own.
const WORKERS: usize = 2;
/// Threads for that, per worker.
const BLOCKING: usize = 4;
/// How long a browser may take to send the head of a request.
const HEAD_PATIENCE: Duration = Duration::from_secs(5);
/// How long an idle connection is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Connections at once, per worker: enough for everybody with a page open.
const MAX_CONNECTIONS: usize = 1024;
/// How long answers may go on after the server was told to stop, in seconds.
const LAST_WORDS: u64 = 2;

/// Why the dashboard can't serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Anybody on the network could decide reviews.
    #[error(
        "{listen} can be reached from other machines, so DASHBOARD_AUTH has to say who may sign in: `btcedu web hash-password --user NAME` makes the line for .env; without it, only 127.0.0.1 is served"
    )]
    NeedsPassword {
        /// The address asked for.
        listen: SocketAddr,
    },
    /// The address is taken, or not ours.
    #[error("can't listen on {listen}; another program may: `--listen 127.0.0.1:0` takes a free port")]
    Listen {
        /// The address asked for.
        listen: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A template doesn't parse.
    #[error("a template of the dashboard can't be used")]
    Template(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The prompt templates can't be registered.
    #[error(transparent)]
    Prompts(#[from] DeskError),
    /// Serving came to an end by itself.
    #[error("the dashboard has stopped serving")]
    Stopped(#[source] io::Error),
}

/// A dashboard that has its address, and doesn't answer yet.
pub struct Dashboard {
    listener: TcpListener,
    address: SocketAddr,
    state: web::Data<AppState>,
}

/// Takes the address and prepares everything.
///
/// # Errors
/// [`ServeError`] says what is in the way.
pub async fn bind(desk: Desk, config: DashboardConfig) -> Result<Dashboard, ServeError> {
    let listen = config.listen;
    if !listen.ip().is_loopback() && config.credentials.is_none() {
        return Err(ServeError::NeedsPassword { listen });
    }
    let failed = |source| ServeError::Listen { listen, source };
    let listener = TcpListener::bind(listen).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    desk.register_prompts().await?;
    let state = AppState {
        started: random_word(8),
        base: config.base_path.as_str().to_owned(),
        access: Access::new(config.credentials, config.hosts),
        templates: Templates::load().map_err(|error| ServeError::Template(error.into()))?,
        assets: Assets::load(),
        changes: ChangeCounter::new(desk.db()),
        cache: PageCache::default(),
        hashes: Hashes::default(),
        hub: Hub::default(),
        metrics: Metrics::new(),
        desk,
    };
    Ok(Dashboard { listener, address, state: web::Data::from(Arc::new(state)) })
}

impl Dashboard {
    /// Returns the address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the address of its first page, for a person.
    pub fn url(&self) -> String {
        format!("http://{}{}/", self.address, self.state.base)
    }

    /// Serves until `stop` is done.
    ///
    /// # Errors
    /// [`ServeError`] where serving ends by itself.
    pub async fn serve(self, stop: impl Future<Output = ()>) -> Result<(), ServeError> {
        let Self { listener, address, state } = self;
        let watched = state.clone();
        // Sessions end with the program: who reads .env can't make one.
        let key = Key::generate();
        let server = HttpServer::new(move || app(state.clone(), key.clone(), address.port()))
            .workers(WORKERS)
            .worker_max_blocking_threads(BLOCKING)
            .max_connections(MAX_CONNECTIONS)
            .client_request_timeout(HEAD_PATIENCE)
            .keep_alive(KEEP_ALIVE)
            .shutdown_timeout(LAST_WORDS)
            .disable_signals()
            .listen(listener)
            .map_err(|source| ServeError::Listen { listen: address, source })?
            .run();
        let handle: ServerHandle = server.handle();
        let serving = async { server.await.map_err(ServeError::Stopped) };
        tokio::pin!(serving);
        tokio::select! {
            ended = &mut serving => return ended,
            () = Hub::watch(watched) => {}
            () = stop => {}
        }
        // The server has to go on to see that it is to stop.
        let ((), ended) = tokio::join!(handle.stop(true), serving);
        ended
    }
}

/// Puts one worker's app together; the last layer is the first that a request meets.
fn app(
    state: web::Data<AppState>,
    key: Key,
    port: u16,
) -> App<
    impl actix_web::dev::ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    let path = if state.base.is_empty() { "/" } else { &state.base };
    let sessions = SessionMiddleware::builder(CookieSessionStore::default(), key)
        // Browsers send a cookie to all ports of a host.
        .cookie_name(format!("btcedu-{port}"))
        .cookie_path(path.to_owned())
        .cookie_same_site(SameSite::Strict)
        .cookie_content_security(CookieContentSecurity::Private)
        // Behind a proxy the browser's connection is safe, and ours to the proxy is not.
        .cookie_secure(false)
        .build();
    let base = state.base.clone();
    let mut app = App::new().app_data(state).app_data(forms::limits());
    if !base.is_empty() {
        let first_page = web::redirect(base.clone(), format!("{base}/")).permanent();
        app = app.service(first_page).service(web::scope(&base).configure(routes::configure));
    }
    app.configure(routes::configure)
        .wrap(middleware::from_fn(gate))
        .wrap(sessions)
        .wrap(middleware::from_fn(finish))
}

/// Counts every answer, gives it its safe headers, and makes a page of an error.
async fn finish<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, actix_web::Error> {
    #[expect(clippy::disallowed_methods, reason = "a measurement for /metrics; nothing depends on it")]
    let started = Instant::now();
    let Some(state) = request.app_data::<web::Data<AppState>>().cloned() else {
        return Err(crate::error::WebError::internal("the dashboard has no state").into());
    };
    let response = next.call(request).await?;
    state.metrics.count(response.status().as_u16(), started.elapsed());
    Ok(answer::finish(&state, response))
}

#[cfg(test)]
mod tests;
