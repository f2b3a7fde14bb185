//! The server: first bound to its address, so that the caller can tell it, then run until it is told to stop.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use actix_session::{SessionMiddleware, config::CookieContentSecurity, storage::CookieSessionStore};
use actix_web::{
    App, HttpServer,
    body::MessageBody,
    cookie::{Key, SameSite},
    dev::{ServerHandle, ServiceRequest, ServiceResponse},
    middleware::from_fn,
    web,
};
use btcedu_models::ChangeCounter;
use btcedu_pipeline::{Desk, DeskError};

use crate::{
    access::Access,
    assets::Assets,
    cache::PageCache,
    config::DashboardConfig,
    forms,
    hashes::PictureHashes,
    hub::Hub,
    metrics::Metrics,
    middleware,
    pages::events,
    random::{random_key, random_word},
    routes,
    state::AppState,
    templates::Templates,
    thumbnails::Thumbnails,
};

/// Async threads that answer requests.
const WORKERS: usize = 2;
/// Blocking threads per worker: more than the places for files, rows and passwords together.
const BLOCKING: usize = 24;
/// How long a browser may take to send the head of a request.
const MAX_HEAD_WAIT: Duration = Duration::from_secs(5);
/// How long an idle connection is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Connections at once, per worker: an open page holds one for its events.
const MAX_CONNECTIONS: usize = 1024;
/// How long answers may go on after the server was told to stop.
const SHUTDOWN_SECONDS: u64 = 2;

/// Why the dashboard can't serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Without a password, everybody on the network could decide reviews.
    #[error(
        "{listen} can be reached from other machines, so DASHBOARD_AUTH has to say who may sign in: `btcedu web hash-password --user NAME` makes the line for .env; without it, only 127.0.0.1 is served"
    )]
    NeedsPassword {
        /// The address asked for.
        listen: SocketAddr,
    },
    /// The address is taken, or is none of this machine.
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
    /// The system gives no random numbers, so there is no key for sessions.
    #[error("can't get random numbers from the system")]
    NoRandomNumbers(#[source] getrandom::Error),
    /// Serving came to an end by itself.
    #[error("the dashboard has stopped serving")]
    Stopped(#[source] io::Error),
}

impl btcedu_domain::Kinded for ServeError {
    fn kind(&self) -> btcedu_domain::ErrorKind {
        match self {
            Self::NeedsPassword { .. } => btcedu_domain::ErrorKind::Usage,
            _ => btcedu_domain::ErrorKind::Failed,
        }
    }
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
    let state = prepare(desk, config).await?;
    Ok(Dashboard { listener, address, state: web::Data::new(state) })
}

/// Puts together what every handler is given.
///
/// # Errors
/// As [`bind`], but for the address.
pub(crate) async fn prepare(desk: Desk, config: DashboardConfig) -> Result<AppState, ServeError> {
    desk.register_prompts().await?;
    Ok(AppState {
        started: random_word::<4>().map_err(ServeError::NoRandomNumbers)?,
        base: config.base_path,
        access: Access::new(config.credentials, config.hosts),
        templates: Templates::load().map_err(|error| ServeError::Template(error.into()))?,
        assets: Assets::load(),
        changes: ChangeCounter::new(desk.db()),
        cache: PageCache::new(),
        hashes: PictureHashes::new(),
        thumbnails: Thumbnails::new(),
        hub: Hub::default(),
        metrics: Metrics::new(),
        desk,
    })
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
        // Made anew for each start, so sessions end with the program, and no file holds what makes one.
        let key = random_key().map_err(ServeError::NoRandomNumbers)?;
        let server = HttpServer::new(move || app(state.clone(), key.clone(), address.port()))
            .workers(WORKERS)
            .worker_max_blocking_threads(BLOCKING)
            .max_connections(MAX_CONNECTIONS)
            .client_request_timeout(MAX_HEAD_WAIT)
            .keep_alive(KEEP_ALIVE)
            .shutdown_timeout(SHUTDOWN_SECONDS)
            .disable_signals()
            .listen(listener)
            .map_err(|source| ServeError::Listen { listen: address, source })?
            .run();
        let handle: ServerHandle = server.handle();
        let serving = async { server.await.map_err(ServeError::Stopped) };
        tokio::pin!(serving);
        tokio::select! {
            ended = &mut serving => return ended,
            () = events::watch(watched) => {}
            () = stop => {}
        }
        // The server must be polled while it stops.
        let ((), ended) = tokio::join!(handle.stop(true), serving);
        ended
    }
}

/// Puts one worker's app together; a request passes the layers from the last to the first.
pub(crate) fn app(
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
    let base = state.base.as_str().to_owned();
    let path = if base.is_empty() { "/" } else { &base };
    let sessions = SessionMiddleware::builder(CookieSessionStore::default(), key)
        // Browsers send a cookie to all ports of a host, so each port has its own.
        .cookie_name(format!("btcedu-{port}"))
        .cookie_path(path.to_owned())
        .cookie_same_site(SameSite::Strict)
        .cookie_content_security(CookieContentSecurity::Private)
        // Behind a proxy the browser's connection is encrypted, and the proxy's to us is not.
        .cookie_secure(false)
        .build();
    let mut app = App::new().app_data(state).app_data(forms::limits());
    if !base.is_empty() {
        let first_page = web::redirect(base.clone(), format!("{base}/")).permanent();
        app = app.service(first_page).service(web::scope(&base).configure(routes::configure));
    }
    app.configure(routes::configure)
        .wrap(from_fn(middleware::admit))
        .wrap(sessions)
        .wrap(from_fn(middleware::finish))
}
