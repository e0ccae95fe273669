//! For the tests: an HTTP server on the loopback address whose every answer the test decides.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// A running server. It stops when it is dropped.
pub(super) struct Loopback {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// A request as it came in.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) method: String,
    pub(super) path: String,
    /// The start of the range asked for.
    pub(super) range: Option<usize>,
    pub(super) authorization: Option<String>,
    pub(super) accept_encoding: Option<String>,
}

/// An answer. `Content-Length` is that of the body unless a header says otherwise.
#[derive(Clone, Debug, Default)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    /// The connection is cut after so many bytes of the body.
    pub(super) cut_after: Option<usize>,
    /// The connection stays open after the body, until the client closes it.
    pub(super) hold: bool,
}

impl Reply {
    pub(super) fn status(status: u16) -> Self {
        Reply { status, ..Reply::default() }
    }

    /// The connection is closed without a word.
    pub(super) fn silence() -> Self {
        Reply::status(0)
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }
}

impl Loopback {
    /// Serves on a free port of 127.0.0.1, one connection after the other.
    pub(super) fn start(mut answer: impl FnMut(&Received) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (received, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (log, stopping) = (received.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopping.load(Ordering::SeqCst) {
                    return;
                }
                let mut stream = stream.unwrap();
                let Some(request) = read_request(&mut stream) else {
                    continue;
                };
                log.lock().unwrap().push(request.clone());
                let reply = answer(&request);
                // The client may have gone away: that is its business.
                drop(write_reply(&mut stream, &request, &reply));
            }
        });
        Loopback { address, received, stop, thread: Some(thread) }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What came in since the last call, as `METHOD path`.
    pub(super) fn requests(&self) -> Vec<String> {
        self.take().iter().map(|request| format!("{} {}", request.method, request.path)).collect()
    }

    /// What came in since the last call.
    pub(super) fn take(&self) -> Vec<Received> {
        std::mem::take(&mut *self.received.lock().unwrap())
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn read_request(stream: &mut TcpStream) -> Option<Received> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let header = |name: &str| {
        head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let range = header("range")
        .map(|range| range.strip_prefix("bytes=").unwrap().trim_end_matches('-').parse().unwrap());
    let (authorization, accept_encoding) = (header("authorization"), header("accept-encoding"));
    Some(Received { method, path, range, authorization, accept_encoding })
}

fn write_reply(stream: &mut TcpStream, request: &Received, reply: &Reply) -> std::io::Result<()> {
    if reply.status == 0 {
        return Ok(());
    }
    let mut head = format!("HTTP/1.1 {} Test\r\nConnection: close\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !reply.headers.iter().any(|(name, _)| *name == "Content-Length") {
        head.push_str(&format!("Content-Length: {}\r\n", reply.body.len()));
    }
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    if request.method != "HEAD" {
        let until = reply.cut_after.unwrap_or(reply.body.len()).min(reply.body.len());
        stream.write_all(&reply.body[..until])?;
    }
    stream.flush()?;
    if reply.hold {
        while stream.read(&mut [0; 64])? > 0 {}
    }
    Ok(())
}
