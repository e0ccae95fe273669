//! `stratoscope serve`: the pages of `explore` and `compare` with a text box, for this machine only.

mod deadline;
mod guard;

use crate::args::{ModelArgs, ServeArgs};
use crate::engine::{Ask, Engine, MAX_CHARACTERS, without_commands};
use crate::exit::{Failure, Result, print, print_json};
use crate::model;
use crate::serve::deadline::Deadline;
use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde::Deserialize;
use serde_json::json;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use stratoscope::ErrorKind;
use stratoscope::crates::report::Form;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Semaphore};

/// The number of requests that may wait while one is answered.
const WAITING: usize = 16;

/// The number of connections that are open at the same time.
const MAX_CONNECTIONS: usize = 128;

/// The time in which a client has to send the header of a request.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(10);

/// The time in which a client has to take a part of an answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// The pause after a connection that could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The state that all requests share.
struct Server {
    /// The address of the server, without `http://`.
    address: String,
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
    /// The sentence to compare the text with.
    against: Option<String>,
    model: Option<String>,
}

pub(crate) fn run(args: &ServeArgs) -> Result<()> {
    let named = model::each(&args.models)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
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
            address: address.to_string(),
            named,
            engine: Arc::new(Mutex::new(engine)),
            queue: Semaphore::new(1 + WAITING),
        };
        let url = format!("http://{address}/");
        match args.common.json {
            true => print_json("serve", json!({ "url": url, "models": server.models() }))?,
            false if args.common.quiet => print(&format!("{url}\n"))?,
            false => print(&format!("{url}  (open it in a browser; Ctrl-C ends the server)\n"))?,
        }
        accept(listener, routes(Arc::new(server)), HEADERS_TIMEOUT).await;
        Ok(())
    })
}

/// Answers every connection, until the program ends.
async fn accept(listener: TcpListener, routes: Router, headers_timeout: Duration) {
    let service = TowerToHyperService::new(routes);
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        // The semaphore is never closed.
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // No more files can be opened, or the client has gone.
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let service = service.clone();
        tokio::spawn(async move {
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(headers_timeout);
            // An error ends this connection alone.
            let _ = http
                .serve_connection(TokioIo::new(Deadline::new(stream, WRITE_TIMEOUT)), service)
                .await;
            drop(place);
        });
    }
}

fn routes(server: Arc<Server>) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/report.html", get(report))
        .route("/report.json", get(numbers))
        .fallback(nothing_here)
        .method_not_allowed_fallback(only_get)
        .layer(middleware::from_fn_with_state(server.clone(), answer_own))
        .with_state(server)
}

/// Answers only pages and programs of this machine.
async fn answer_own(State(server): Shared, request: Request, next: Next) -> Response {
    if let Err(refusal) = guard::check(&request) {
        return (refusal.status(), refusal.message(&server.address)).into_response();
    }
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, next.run(request).await).into_response()
}

/// The answer to an address that does not exist.
async fn nothing_here() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "There is no such page here. The page of this server is /.\n")
}

/// The answer to a request that would change something.
async fn only_get() -> (StatusCode, &'static str) {
    (StatusCode::METHOD_NOT_ALLOWED, "This server only answers GET requests: it shows pages.\n")
}

/// The page: the text box, and below it the report of the texts, or of an example if there are none.
async fn page(State(server): Shared, query: Query<SearchQuery>) -> Response {
    let SearchQuery { text, against, model } = query.0;
    let models = server.models();
    let model = model.or_else(|| models.first().cloned()).unwrap_or_default();
    let ask = match text {
        None => Ask::example(model),
        Some(text) => Ask { text, against: against.unwrap_or_default(), model },
    };
    let mut form = Form {
        text: ask.text.clone(),
        against: ask.against.clone(),
        longest: MAX_CHARACTERS,
        models,
        model: ask.model.clone(),
        trouble: None,
    };
    let (status, report) = match server.ask(move |engine| engine.report(&ask)).await {
        Ok(report) => (StatusCode::OK, Some(report)),
        Err(Trouble { status, message }) => {
            form.trouble = Some(message);
            (status, None)
        }
    };
    match form.html(report.as_deref()) {
        Ok(page) => (status, Html(page)).into_response(),
        Err(error) => Trouble::from(Failure::internal(&error)).into_response(),
    }
}

/// The page without the text box, as a download.
async fn report(State(server): Shared, query: Query<SearchQuery>) -> Result<Response, Trouble> {
    let ask = server.named(query.0)?;
    let report = server.ask(move |engine| engine.report(&ask)).await?;
    let page = report.html().map_err(|error| Failure::internal(&error))?;
    Ok((kept("report.html"), Html(page)).into_response())
}

/// The JSON that `explore --json` or `compare --json` prints, as a download.
async fn numbers(State(server): Shared, query: Query<SearchQuery>) -> Result<Response, Trouble> {
    let ask = server.named(query.0)?;
    let json = server.ask(move |engine| engine.json(&ask)).await?;
    let kind = (header::CONTENT_TYPE, "application/json".to_owned());
    Ok(([kind], kept("report.json"), json).into_response())
}

/// Tells a browser to save the answer as a file.
fn kept(name: &str) -> [(HeaderName, String); 1] {
    [(header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))]
}

impl Server {
    /// The models that a request may choose.
    fn models(&self) -> Vec<String> {
        Engine::models(&self.named)
    }

    /// The request of a program; the first model is the default.
    fn named(&self, query: SearchQuery) -> Result<Ask> {
        let first = self.named.first().map(|m| m.model.text());
        match (query.text, query.model.or(first)) {
            (Some(text), Some(model)) => {
                Ok(Ask { text, against: query.against.unwrap_or_default(), model })
            }
            _ => Err(Failure::input("no input text; write …?text=TEXT&model=MODEL")),
        }
    }

    /// Runs a request on the engine when its turn comes. A request whose browser has gone leaves
    /// the queue, or ends between two stages of its work.
    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Engine) -> Result<T> + Send + 'static,
    ) -> Result<T, Trouble> {
        let Ok(_place) = self.queue.try_acquire() else {
            let message = format!("{WAITING} requests are waiting already; try again later");
            return Err(Trouble { status: StatusCode::SERVICE_UNAVAILABLE, message });
        };
        // Set when this future is dropped: at its end, or because the client has gone.
        let unwanted = Unwanted::default();
        let mut engine = self.engine.clone().lock_owned().await;
        engine.watch(unwanted.0.clone());
        let run = move || {
            let done = work(&mut engine);
            if engine.go_on().is_err() {
                engine.note("a request ended: its client has gone");
            }
            done
        };
        let done = tokio::task::spawn_blocking(run).await;
        Ok(done.map_err(|error| Failure::internal(&error))??)
    }
}

/// Tells the work of a request, when it is dropped, that nobody wants the result.
#[derive(Default)]
struct Unwanted(Arc<AtomicBool>);

impl Drop for Unwanted {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
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
        Self { status, message: without_commands(&failure.to_string()).into_owned() }
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let text = format!("{}\n", self.message);
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            return (self.status, [(header::RETRY_AFTER, "1")], text).into_response();
        }
        (self.status, text).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Args, Command};
    use clap::Parser;
    use std::io::{Read, Write};

    fn server() -> Arc<Server> {
        let Command::Serve(args) = Args::parse_from(["stratoscope", "serve"]).command else {
            panic!("serve is a command");
        };
        Arc::new(Server {
            address: "127.0.0.1:1".to_owned(),
            named: Vec::new(),
            engine: Arc::new(Mutex::new(Engine::new(Vec::new(), &args).unwrap())),
            queue: Semaphore::new(1 + WAITING),
        })
    }

    #[test]
    fn a_connection_without_the_end_of_its_headers_is_closed() {
        let server = server();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let address = listener.local_addr().unwrap();
            tokio::spawn(accept(listener, routes(server), Duration::from_millis(1)));
            for begin in ["", "GET / HTTP/1.1\r\nHost: localhost\r\nX: "] {
                let client = move || {
                    let mut stream = std::net::TcpStream::connect(address).unwrap();
                    stream.write_all(begin.as_bytes()).unwrap();
                    let mut bytes = Vec::new();
                    // The end, or a reset: in either way the connection is closed.
                    let _ = stream.read_to_end(&mut bytes);
                    bytes
                };
                let answer = tokio::task::spawn_blocking(client).await.unwrap();
                assert!(!answer.starts_with(b"HTTP/1.1 200"), "{begin}");
            }
        });
    }

    #[test]
    fn the_work_of_a_request_whose_client_has_gone_learns_it() {
        let server = server();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            for gone in [true, false] {
                let (begun, begins) = tokio::sync::oneshot::channel();
                let (go, wait) = std::sync::mpsc::channel::<()>();
                let (done, found) = std::sync::mpsc::channel();
                let shared = server.clone();
                let work = move |engine: &mut Engine| {
                    begun.send(()).unwrap();
                    wait.recv().unwrap();
                    done.send(engine.go_on().is_err()).unwrap();
                    Ok(())
                };
                let task = tokio::spawn(async move { shared.ask(work).await.is_ok() });
                begins.await.unwrap();
                if gone {
                    task.abort();
                    assert!(task.await.unwrap_err().is_cancelled());
                    go.send(()).unwrap();
                } else {
                    go.send(()).unwrap();
                    assert!(task.await.unwrap());
                }
                assert_eq!(found.recv().unwrap(), gone);
            }
        });
    }

    #[test]
    fn requests_are_answered_in_order_and_a_full_queue_is_an_error() {
        let server = server();
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
