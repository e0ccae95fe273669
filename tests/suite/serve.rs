//! `stratoscope serve`: which requests it answers, its answers, and that it writes no files.

use crate::command::{Place, tiny};
use crate::lens::with_tokenizer;
use crate::report::report_of_page;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use stratoscope::crates::chart::Drawing;
use stratoscope::crates::report::{EXAMPLE, Report};

/// A server on a free port. It is ended when this value is dropped.
struct Server {
    child: Child,
    address: String,
    models: Vec<String>,
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Server {
    fn start(place: &Place, args: &str) -> Self {
        let line = format!("serve --port 0 --json --quiet {args}");
        let mut command = place.command(line.split_whitespace());
        command.stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        let url = said["url"].as_str().unwrap();
        let address = url.strip_prefix("http://").unwrap().trim_end_matches('/').to_owned();
        let models = said["models"].as_array().unwrap().iter();
        let models = models.map(|m| m.as_str().unwrap().to_owned()).collect();
        Self { child, address, models }
    }

    /// Sends a request with these headers.
    fn ask(&self, target: &str, headers: &str) -> Answer {
        self.send(format!("GET {target} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n"))
    }

    /// Sends these bytes.
    fn send(&self, request: impl AsRef<[u8]>) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        // A server that has refused the request already does not read the rest of it.
        let _ = stream.write_all(request.as_ref());
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_lowercase(), body: body.to_owned() }
    }

    /// Sends the request of a browser whose user typed the address.
    fn get(&self, target: &str) -> Answer {
        self.ask(target, &format!("Host: {}\r\nSec-Fetch-Site: none\r\n", self.address))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// A text with percent encoding.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn pages_equal_those_of_explore() {
    let place = Place::with_tiny();
    let server = Server::start(&place, "--model tiny");
    assert_eq!(server.models, ["tiny"]);
    let before = place.files(".");

    let empty = server.get("/");
    assert_eq!(empty.status, 200);
    assert!(empty.head.contains("content-type: text/html"), "{}", empty.head);
    assert!(empty.head.contains("cache-control: no-store"), "{}", empty.head);
    assert!(empty.body.contains("<option selected>tiny</option>"));
    // It starts with an example, which the box has too.
    let example = report_of_page(empty.body.as_bytes());
    assert_eq!(example.explorations[0].texts, [EXAMPLE]);
    assert!(empty.body.contains(&format!(">{EXAMPLE}</textarea>")), "{}", empty.body);
    assert_eq!(report_of_page(server.get("/").body.as_bytes()), example);

    let (first, second) = ("</textarea><b> the \"river\" & a loan", "walking home");
    let query = format!("?model=tiny&text={}", encoded(&format!("{first}\r\n{second}\r\n")));
    let page = server.get(&format!("/{query}"));
    assert_eq!(page.status, 200);
    assert!(page.body.contains("&#60;/textarea&#62;&#60;b&#62; the &#34;river&#34; &#38; a loan"));
    let report = report_of_page(page.body.as_bytes());
    assert_eq!(report.explorations[0].texts, [first, second]);
    let kept = server.get(&format!("/report.html{query}"));
    assert!(kept.head.contains("content-disposition: attachment"), "{}", kept.head);
    assert!(!kept.body.contains("<form"));
    assert_eq!(report_of_page(kept.body.as_bytes()), report);

    let numbers = server.get(&format!("/report.json{query}"));
    assert!(numbers.head.contains("content-type: application/json"), "{}", numbers.head);
    let explored = place.run(["explore", "--model", "tiny", "--json", first, second]).done();
    assert_eq!(numbers.body, explored.stdout);
    // The parameter `model` is optional.
    let without = server.get(&format!("/report.json?text={}", encoded("walking home")));
    assert_eq!(without.status, 200);

    assert_eq!(place.files("."), before, "a server writes no files");
}

#[test]
fn two_boxes_give_the_page_of_compare() {
    let place = Place::with_tiny();
    let server = Server::start(&place, "--model tiny");
    let (first, second) = ("the bank by the river", "the old bank refused the loan");
    let query = format!("?text={}&against={}", encoded(first), encoded(second));
    let page = server.get(&format!("/{query}"));
    assert_eq!(page.status, 200, "{}", page.body);
    for text in [first, second] {
        assert!(page.body.contains(&format!(">{text}</textarea>")), "{text}");
    }
    let report = report_of_page(page.body.as_bytes());
    assert_eq!(report.kind, "compare");
    let texts: Vec<&str> = report.explorations.iter().map(|e| e.texts[0].as_str()).collect();
    assert_eq!(texts, [first, second]);
    let overlay = report.overlay.as_ref().unwrap();
    let words = |side: usize| {
        let words = overlay.steps.iter().filter_map(|step| step.words[side].as_deref());
        words.collect::<Vec<_>>().join(" ")
    };
    assert_eq!([words(0), words(1)], [first, second]);
    for step in &overlay.steps {
        for (side, word) in step.words.iter().enumerate() {
            let token = step.tokens[side].map(|token| &report.explorations[side].tokens[token]);
            // A token is a word, or how it begins.
            let begins =
                token.zip(word.as_deref()).is_some_and(|(t, word)| word.starts_with(&t.text));
            assert!(begins || (token.is_none() && word.is_none()), "{word:?} {token:?}");
        }
    }
    assert_eq!(report_of_page(server.get(&format!("/report.html{query}")).body.as_bytes()), report);
    let compared = place.run(["compare", "--model", "tiny", "--json", first, second]).done();
    assert_eq!(server.get(&format!("/report.json{query}")).body, compared.stdout);
    let numbers: Value = serde_json::from_str(&compared.stdout).unwrap();
    assert_eq!(numbers["verdict"], serde_json::json!(report.verdict));
    assert!(!report.verdict.is_empty());
    // A blank second box is no comparison.
    let blank = server.get(&format!("/?text={}&against=%20%0A", encoded(first)));
    assert_eq!(report_of_page(blank.body.as_bytes()).kind, "explore");
}

/// The reasons why a page has no lens.
fn without_lens(report: &Report) -> Vec<&str> {
    assert!(report.charts.iter().all(|chart| chart.id != "lens"));
    let omitted = report.explorations.iter().flat_map(|e| &e.omitted);
    omitted.filter(|omitted| omitted.what == "lens").map(|omitted| omitted.why.as_str()).collect()
}

#[test]
fn a_model_with_a_head_has_a_lens_below_its_page() {
    let place = Place::with_tiny();
    with_tokenizer(&place, "gpt2", "n_positions");
    let server = Server::start(&place, "--model model --model tiny");
    let text = "the bank by the river";
    let page = |query: &str| report_of_page(server.get(&format!("/?text={query}")).body.as_bytes());
    let report = page(&encoded(text));
    let chart = report.charts.iter().find(|chart| chart.id == "lens").unwrap();
    let Drawing::Grid(grid) = &chart.drawing else { panic!("a grid") };
    let lens = place.run(["lens", "--model", "model", text, "--json"]).json();
    let layers = lens["layers"].as_array().unwrap();
    assert_eq!(grid.cells.len(), layers.len());
    for (cells, layer) in grid.cells.iter().zip(layers) {
        let best = layer["cells"].as_array().unwrap().iter().map(|cell| &cell["top"][0]["text"]);
        assert!(cells.iter().map(|cell| cell.text.as_str()).eq(best.map(|t| t.as_str().unwrap())));
    }
    // Its columns are the tokens of the page.
    assert_eq!(chart.exploration, Some(0));
    let tokens: Vec<usize> = (0..report.explorations[0].tokens.len()).collect();
    assert_eq!(grid.columns.numbers, tokens);
    let two = page(&encoded("the bank\nthe river"));
    assert_eq!(without_lens(&two), ["the lens reads one text"]);
    let none = page(&format!("{}&model=tiny", encoded(text)));
    assert_eq!(without_lens(&none), ["this model has no language-model head"]);
}

#[test]
fn only_requests_from_this_machine_are_answered() {
    let place = Place::with_tiny();
    let server = Server::start(&place, "--model tiny");
    let port = server.address.rsplit_once(':').unwrap().1;
    for host in ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "", "[::1"]
    {
        let answer = server.ask("/?text=loan", &format!("Host: {host}\r\n"));
        assert_eq!(answer.status, 403, "{host}");
        assert!(!answer.body.contains("report"), "{host}");
    }
    for from in ["cross-site", "same-site"] {
        let headers = format!("Host: 127.0.0.1:{port}\r\nSec-Fetch-Site: {from}\r\n");
        assert_eq!(server.ask("/", &headers).status, 403, "{from}");
    }
    for host in ["localhost", "127.0.0.1", "localhost:1"] {
        assert_eq!(server.ask("/", &format!("Host: {host}\r\n")).status, 200, "{host}");
    }
    assert_eq!(server.get("/../../etc/passwd").status, 404);

    // Browsers without Sec-Fetch-Site have Origin.
    let own = format!("Host: {}\r\n", server.address);
    for (origin, status) in [
        (format!("http://{}", server.address), 200),
        ("http://evil.example".to_owned(), 403),
        ("null".to_owned(), 403),
        (format!("http://localhost:{port}"), 403),
    ] {
        assert_eq!(
            server.ask("/", &format!("{own}Origin: {origin}\r\n")).status,
            status,
            "{origin}"
        );
    }
    // Two hosts, or none: which of them is meant is not known.
    for headers in [format!("{own}{own}"), format!("{own}Host: evil.example\r\n"), String::new()] {
        let refused = server.ask("/?text=loan", &headers);
        assert_eq!(refused.status, 400, "{headers}");
        assert!(refused.body.contains(&format!("Host: {}", server.address)), "{}", refused.body);
    }
    assert_eq!(server.ask("http://evil.example/", &own).status, 400);
    // The answer names the real port.
    let refused = server.ask("/", "Host: evil.example\r\n").body;
    assert!(refused.contains(&format!("open http://127.0.0.1:{port}/ there")), "{refused}");

    // A second server cannot use the port of the first server.
    let taken = place.line(&format!("serve --model tiny --port {port}"));
    assert_eq!(taken.code, Some(2));
    assert!(taken.stderr.contains("--port 0 takes a port that is free"), "{}", taken.stderr);
}

#[test]
fn wrong_requests_get_an_error() {
    let place = Place::with_tiny();
    let server = Server::start(&place, "--model tiny");
    let long = encoded(&"word ".repeat(1_001));
    let many = encoded(&"word ".repeat(60));
    let lines = encoded(&"a\n".repeat(201));
    let tokens = encoded(&"a a a a a a a a a a\n".repeat(200));
    for (target, said) in [
        ("/?text=", "no input text: the text box has only blank lines"),
        (&format!("/?text={long}"), "5005 characters are more than 5000"),
        (&format!("/?text={many}"), "the model reads at most 37"),
        (&format!("/?text={lines}"), "201 lines are more than 200"),
        (&format!("/?text={tokens}"), "2400 tokens are more than 2000"),
        ("/?text=loan&model=/etc", "/etc is not among the models of this machine"),
        ("/?text=loan&model=org/name", "org/name is not among the models of this machine"),
        (
            "/?text=a%0Ab&against=c",
            "one sentence in each box; there are 2 in the first and 1 in the",
        ),
        ("/?text=a&against=b%0Ac%0Ad", "there are 1 in the first and 3 in the second"),
        (&format!("/?text={many}&against=loan"), "the model reads at most 37"),
        (&format!("/?text=loan&against={long}"), "5009 characters are more than 5000"),
    ] {
        let answer = server.get(target);
        assert_eq!(answer.status, 400, "{said}");
        let trouble =
            answer.body.split_once("role=\"alert\">").and_then(|(_, rest)| rest.split_once("</p>"));
        let trouble = trouble.unwrap_or_else(|| panic!("{said}: {}", answer.body)).0;
        assert!(trouble.contains(said), "{said}: {trouble}");
        // The user of a browser has no options and no commands.
        assert!(!trouble.contains("--") && !trouble.contains("stratoscope "), "{trouble}");
        // The typed text is not lost.
        assert!(answer.body.contains("<textarea"), "{said}");
        let numbers = server.get(&target.replace("/?", "/report.json?"));
        assert_eq!((numbers.status, numbers.body.contains(said)), (400, true), "{said}");
    }
    assert_eq!(server.get("/report.json").status, 400);
    assert_eq!(server.get("/?text=a&text=b").status, 400);
    let nowhere = server.get("/nowhere");
    assert_eq!(
        (nowhere.status, nowhere.body.contains("The page of this server is /.")),
        (404, true)
    );
    assert_eq!(server.get("/?text=%FF").status, 400);
    assert_eq!(server.get(&format!("/?text={}", "a".repeat(70_000))).status, 414);
    let head = format!("Host: {}\r\nConnection: close\r\n\r\n", server.address);
    for target in ["/?text=loan", "/report.json?text=loan"] {
        let post = server.send(format!("POST {target} HTTP/1.1\r\n{head}"));
        assert_eq!((post.status, post.body.contains("only answers GET requests")), (405, true));
        // HTTP wants the methods that are allowed.
        assert!(post.head.contains("allow: get"), "{}", post.head);
    }
    assert_eq!(server.send(format!("nonsense\r\n{head}")).status, 400);
    assert_eq!(server.send("\u{16}\u{3}\u{1}\u{2}\r\n\r\n").status, 400);
    let many = format!("Host: {}\r\n{}", server.address, "X: x\r\n".repeat(200));
    assert_eq!(server.ask("/", &many).status, 431);
    // The server still answers. What a page does not have is explained without commands too.
    let page = server.get("/?text=loan");
    assert_eq!(page.status, 200);
    let report = report_of_page(page.body.as_bytes());
    let [exploration] = &report.explorations[..] else { panic!("one exploration") };
    let story = exploration.story.as_ref().unwrap();
    assert_eq!(
        story.not_measured.as_deref(),
        Some("what changes with depth is not measured for this model")
    );
    for omitted in &exploration.omitted {
        assert!(!omitted.why.contains("--") && !omitted.why.contains('`'), "{}", omitted.why);
    }
}

#[test]
fn models_of_the_cache_can_be_chosen() {
    let place = Place::with_tiny();
    // The layout of the hub's cache; one model has an unknown family.
    for (repo, config) in [("org--other", None), ("org--odd", Some(r#"{"model_type": "odd"}"#))] {
        let commit = "0123456789012345678901234567890123456789";
        let folder = place.path(&format!("cache/models--{repo}"));
        std::fs::create_dir_all(folder.join("refs")).unwrap();
        std::fs::write(folder.join("refs/main"), commit).unwrap();
        let snapshot = folder.join("snapshots").join(commit);
        std::fs::create_dir_all(&snapshot).unwrap();
        match config {
            None => tiny().write(&snapshot),
            Some(config) => std::fs::write(snapshot.join("config.json"), config).unwrap(),
        }
    }
    let server = Server::start(&place, "--model tiny --cache-dir cache");
    assert_eq!(server.models, ["tiny", "org/other"]);
    let answer = server.get("/report.json?text=loan&model=org/other");
    assert_eq!(answer.status, 200, "{}", answer.body);
    let numbers: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(numbers["model"], "org/other");
    assert!(server.get("/").body.contains("<option>org/other</option>"));
    assert_eq!(server.get("/report.json?text=loan&model=org/odd").status, 400);
    // A model that cannot be loaded is an error at the start.
    let wrong = place.line("serve --port 0 --model tiny --model nowhere --offline");
    assert_eq!((wrong.code, wrong.stdout.as_str()), (Some(3), ""));
}

#[test]
fn simultaneous_requests_are_answered_in_turn() {
    let place = Place::with_tiny();
    let server = Server::start(&place, "--model tiny");
    let alone = server.get("/report.json?text=loan").body;
    std::thread::scope(|scope| {
        let asked: Vec<_> =
            (0..8).map(|_| scope.spawn(|| server.get("/report.json?text=loan"))).collect();
        for answer in asked {
            let answer = answer.join().unwrap();
            assert_eq!((answer.status, answer.body == alone), (200, true));
        }
    });
}

/// A request whose client leaves while the states are computed ends between two stages, and the next
/// request is answered.
#[test]
fn a_client_that_leaves_ends_its_request() {
    let place = Place::with_tiny();
    let mut command = place.command(["serve", "--port", "0", "--json", "--model", "tiny"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url: Value = serde_json::from_str(&line).unwrap();
    let address = url["url"].as_str().unwrap().trim_start_matches("http://").trim_end_matches('/');
    let server = Server { child, address: address.to_owned(), models: Vec::new() };

    // Unknown tokens are a warning, which is printed when the computation begins.
    let line = "☃ ".repeat(12);
    let text = vec![line.as_str(); 130].join("\n");
    let mut stream = TcpStream::connect(&server.address).unwrap();
    let target = format!("/report.json?text={}", encoded(&text));
    let request = format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", server.address);
    stream.write_all(request.as_bytes()).unwrap();
    let begun = said.next().unwrap().unwrap();
    assert!(begun.contains("tokens are unknown"), "{begun}");
    drop(stream);
    // A request that is computed to its end prints its rows and its time.
    assert_eq!(said.next().unwrap().unwrap(), "a request ended: its client has gone");
    assert_eq!(server.get("/report.json?text=the%20river").status, 200);
    assert!(said.next().unwrap().unwrap().starts_with("tiny: 4 rows, "));
}
