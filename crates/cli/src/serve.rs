//! `stratoscope serve`: the page of `explore` with a text box, for this machine only.

use crate::args::{ModelArgs, ServeArgs};
use crate::engine::{Engine, MAX_CHARACTERS};
use crate::exit::{Failure, Result, print, print_json};
use crate::model;
use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use serde_json::json;
use std::net::Ipv4Addr;
use std::sync::Arc;
use stratoscope::ErrorKind;
use stratoscope::crates::report::Form;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Semaphore};

/// The number of requests that may wait while one is answered.
const WAITING: usize = 16;

/// The state that all requests share.
struct Server {
    named: Vec<ModelArgs>,
    /// It answers one request after another, because each uses all cores. The lock is fair, so that
    /// requests queue.
    engine: Arc<Mutex<Engine>>,
    queue: Semaphore,
}

type Shared = State<Arc<Server>>;

/// The query of a request.
#[derive(Debug, Default, Deserialize)]
struct SearchQuery {
    text: Option<String>,
    model: Option<String>,
}

pub(crate) fn run(args: &ServeArgs) -> Result<()> {
    let named = model::each(&args.models)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    runtime.map_err(|error| Failure::internal(&error))?.block_on(async {
        // Fail early if the port is taken.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port)).await;
        let listener = listener.map_err(|error| {
            Failure::usage(format!(
                "cannot listen on 127.0.0.1:{}: {error}; --port 0 takes a port that is free",
                args.port
            ))
        })?;
        let address = listener.local_addr().map_err(|error| Failure::internal(&error))?;
        let engine = Engine::new(named.clone(), args)?;
        let server = Server {
            named,
            engine: Arc::new(Mutex::new(engine)),
            queue: Semaphore::new(1 + WAITING),
        };
        let url = format!("http://{address}/");
        match args.common.json {
            true => print_json("serve", json!({ "url": url, "models": server.models()? }))?,
            false if args.common.quiet => print(&format!("{url}\n"))?,
            false => print(&format!("{url}  (open it in a browser; Ctrl-C ends the server)\n"))?,
        }
        axum::serve(listener, routes(server)).await.map_err(|error| Failure::internal(&error))
    })
}

fn routes(server: Server) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/report.html", get(report))
        .route("/report.json", get(numbers))
        .layer(middleware::from_fn(guard))
        .with_state(Arc::new(server))
}

/// Answers only pages and programs of this machine.
async fn guard(request: Request, next: Next) -> Response {
    if !is_own(request.headers()) {
        let why = "this server answers only its own machine; open http://127.0.0.1:PORT there\n";
        return (StatusCode::FORBIDDEN, why).into_response();
    }
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, next.run(request).await).into_response()
}

/// Whether a request comes from a page or a program of this machine. A page of another site can
/// make a browser send requests here, also under another host name that resolves to this machine.
/// `Host` has the name, `Sec-Fetch-Site` the relation to the site that sends the request.
fn is_own(headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let from = text(HeaderName::from_static("sec-fetch-site"));
    ["127.0.0.1", "localhost"].contains(&name)
        && from.is_none_or(|from| ["none", "same-origin"].contains(&from))
}

/// The page: the text box, and below it the report of the texts.
async fn page(State(server): Shared, query: Query<SearchQuery>) -> Response {
    let SearchQuery { text, model } = query.0;
    let models = match server.models() {
        Ok(models) => models,
        Err(failure) => return Trouble::from(failure).into_response(),
    };
    let model = model.or_else(|| models.first().cloned()).unwrap_or_default();
    let mut form =
        Form { longest: MAX_CHARACTERS, models, model: model.clone(), ..Form::default() };
    let (status, report) = match text {
        None => (StatusCode::OK, None),
        Some(text) => {
            form.text = text.clone();
            match server.ask(move |engine| engine.report(&text, &model)).await {
                Ok(report) => (StatusCode::OK, Some(report)),
                Err(Trouble { status, message }) => {
                    form.trouble = Some(message);
                    (status, None)
                }
            }
        }
    };
    match form.html(report.as_deref()) {
        Ok(page) => (status, Html(page)).into_response(),
        Err(error) => Trouble::from(Failure::internal(&error)).into_response(),
    }
}

/// The page without the text box, as a download.
async fn report(State(server): Shared, query: Query<SearchQuery>) -> Result<Response, Trouble> {
    let (text, model) = server.named(query.0)?;
    let report = server.ask(move |engine| engine.report(&text, &model)).await?;
    let page = report.html().map_err(|error| Failure::internal(&error))?;
    Ok((kept("report.html"), Html(page)).into_response())
}

/// The JSON that `explore --json` prints, as a download.
async fn numbers(State(server): Shared, query: Query<SearchQuery>) -> Result<Response, Trouble> {
    let (text, model) = server.named(query.0)?;
    let json = server.ask(move |engine| engine.json(&text, &model)).await?;
    let kind = (header::CONTENT_TYPE, "application/json".to_owned());
    Ok(([kind], kept("report.json"), json).into_response())
}

/// Tells a browser to save the answer as a file.
fn kept(name: &str) -> [(HeaderName, String); 1] {
    [(header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))]
}

impl Server {
    /// The models that a request may choose.
    fn models(&self) -> Result<Vec<String>> {
        Engine::models(&self.named)
    }

    /// The text and the model of a request of a program; the first model is the default.
    fn named(&self, query: SearchQuery) -> Result<(String, String)> {
        let first = self.named.first().map(|m| m.model.clone());
        match (query.text, query.model.or(first)) {
            (Some(text), Some(model)) => Ok((text, model)),
            _ => Err(Failure::input("no input text; write …?text=TEXT&model=MODEL")),
        }
    }

    /// Runs a request on the engine when its turn comes. A request whose browser has gone leaves
    /// the queue.
    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Engine) -> Result<T> + Send + 'static,
    ) -> Result<T, Trouble> {
        let Ok(_place) = self.queue.try_acquire() else {
            let message = format!("{WAITING} requests are waiting already; try again later");
            return Err(Trouble { status: StatusCode::SERVICE_UNAVAILABLE, message });
        };
        let mut engine = self.engine.clone().lock_owned().await;
        let done = tokio::task::spawn_blocking(move || work(&mut engine)).await;
        Ok(done.map_err(|error| Failure::internal(&error))??)
    }
}

/// Why a request has no answer.
#[derive(Debug)]
struct Trouble {
    status: StatusCode,
    message: String,
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        let status = match failure.kind() {
            ErrorKind::Usage | ErrorKind::BadInput => StatusCode::BAD_REQUEST,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self { status, message: failure.to_string() }
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        (self.status, format!("{}\n", self.message)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Args, Command};
    use clap::Parser;

    #[test]
    fn requests_are_answered_in_order_and_a_full_queue_is_an_error() {
        let Command::Serve(args) = Args::parse_from(["stratoscope", "serve"]).command else {
            panic!("serve is a command");
        };
        let engine = Engine::new(Vec::new(), &args).unwrap();
        let server = Arc::new(Server {
            named: Vec::new(),
            engine: Arc::new(Mutex::new(engine)),
            queue: Semaphore::new(1 + WAITING),
        });
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (go, wait) = std::sync::mpsc::channel::<()>();
            let (done, order) = std::sync::mpsc::channel();
            let (shared, first) = (server.clone(), done.clone());
            let mut tasks = vec![tokio::spawn(async move {
                let work = move |_: &mut Engine| {
                    wait.recv().unwrap();
                    first.send(0).unwrap();
                    Ok(())
                };
                shared.ask(work).await.is_ok()
            })];
            for n in 1..=WAITING {
                let (shared, done) = (server.clone(), done.clone());
                let work = move |_: &mut Engine| {
                    done.send(n).unwrap();
                    Ok(())
                };
                tasks.push(tokio::spawn(async move { shared.ask(work).await.is_ok() }));
            }
            while server.queue.available_permits() > 0 {
                tokio::task::yield_now().await;
            }
            let full = server.ask(|_| Ok(())).await.unwrap_err();
            assert_eq!(full.status, StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(full.message, "16 requests are waiting already; try again later");
            go.send(()).unwrap();
            for task in tasks {
                assert!(task.await.unwrap());
            }
            assert_eq!(order.try_iter().collect::<Vec<_>>(), (0..=WAITING).collect::<Vec<_>>());
            assert!(server.ask(|_| Ok(())).await.is_ok());
        });
    }
}
