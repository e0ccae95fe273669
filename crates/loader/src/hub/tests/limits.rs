//! The limits of patience: encoded bodies, waits that a server asks for, slow servers, wrong ports.

use std::sync::Arc;
use std::time::Duration;

use super::super::loopback::{Received, Reply};
use super::super::*;
use super::world::*;

fn fetch_at(
    world: &World,
    clock: Arc<TestClock>,
    files: &[FileSpec],
) -> Result<Snapshot, HubError> {
    let hub = Hub::with_clock(world.settings(), clock)?;
    hub.fetch("org/name", None, files, &mut Silent)
}

#[test]
fn no_encoding_is_asked_for_and_none_is_accepted() {
    let world = World::new();
    world.fetch(&usual()).unwrap();
    let asked = [world.hub.take(), world.storage.take()].concat();
    assert!(asked.iter().all(|it| it.accept_encoding.as_deref() == Some("identity")), "{asked:?}");

    type Is = fn(&Received) -> bool;
    let requests: [Is; 3] = [
        |it| it.path.starts_with("/api/"),
        |it| it.method == "HEAD",
        |it| it.method == "GET" && it.path.ends_with("/config.json"),
    ];
    for is in requests {
        for encoding in ["gzip", "br", "identity, gzip"] {
            let world = World::new();
            world.fault(move |it| {
                // A bomb: a decoder would make much more of it than was announced.
                let body = vec![0x1f; CONFIG.len()];
                is(it).then(|| {
                    let reply = Reply::status(200).header("Content-Encoding", encoding);
                    reply.header("ETag", format!("\"{}\"", git_blob(CONFIG))).body(body)
                })
            });
            let error = world.fetch(&config()).unwrap_err();
            assert!(matches!(&error, HubError::Protocol { .. }), "{error:?}");
            assert!(error.to_string().contains(encoding), "{error}");
            assert!(!world.repo_folder().join("snapshots").exists());
        }
    }
    let world = World::new();
    world.fault(|it| {
        (it.method == "GET" && it.path.ends_with("/config.json"))
            .then(|| Reply::status(200).header("Content-Encoding", "Identity").body(CONFIG))
    });
    assert!(world.fetch(&config()).is_ok());
}

#[test]
fn the_wait_that_a_server_asks_for_is_kept_within_bounds() {
    let check = |status: u16, value: &str, times: u32| {
        let world = World::new();
        let (value, mut left) = (value.to_owned(), times);
        world.fault(move |it| {
            let now = left > 0 && it.path.starts_with("/api/");
            left -= u32::from(now);
            now.then(|| Reply::status(status).header("Retry-After", value.clone()))
        });
        let clock = TestClock::new(Duration::ZERO);
        let outcome = fetch_at(&world, clock.clone(), &config());
        let pauses = clock.pauses.lock().unwrap().clone();
        (outcome.map(|_| ()), pauses)
    };
    let (outcome, pauses) = check(429, "7", 2);
    assert_eq!((outcome.is_ok(), pauses), (true, vec![Duration::from_secs(7); 2]));
    let (outcome, pauses) = check(503, "Thu, 01 Jan 1970 00:00:01 GMT", 1);
    assert_eq!((outcome.is_ok(), pauses), (true, vec![Duration::ZERO]));
    let (outcome, pauses) = check(503, "soon", 1);
    assert_eq!((outcome.is_ok(), pauses), (true, vec![Duration::ZERO]));

    // A wait that is too long is an error, which names it, instead of a hanging program.
    for (value, longest) in [("3600", 3600), ("Fri, 31 Dec 9999 23:59:59 GMT", u64::MAX)] {
        let (outcome, pauses) = check(429, value, 9);
        let error = outcome.unwrap_err();
        let HubError::Server { attempts: 1, wait: Some(wait), .. } = &error else {
            panic!("{error:?}")
        };
        assert!(wait.as_secs() > 60 && wait.as_secs() <= longest);
        assert!(error.to_string().contains(&format!("in {} s", wait.as_secs())), "{error}");
        assert_eq!(pauses, []);
    }
}

#[test]
fn the_wait_is_kept_during_a_download_too() {
    let world = World::new();
    let mut left = 1;
    world.fault(move |it| {
        let storage = !it.path.starts_with("/org") && !it.path.starts_with("/api");
        let now = storage && left > 0;
        left -= u32::from(now);
        now.then(|| Reply::status(503).header("Retry-After", "11"))
    });
    let clock = TestClock::new(Duration::ZERO);
    fetch_at(&world, clock.clone(), &only_weights()).unwrap();
    assert_eq!(*clock.pauses.lock().unwrap(), [Duration::from_secs(11)]);
}

#[test]
fn a_server_that_sends_a_byte_now_and_then_is_given_up() {
    // Each look at the clock is one window later, so that 100 bytes per read are too few.
    let clock = || TestClock::new(Duration::from_secs(31));
    let trickle = |world: &World, part: &'static str| {
        world.fault(move |it| {
            let wanted = it.method == "GET"
                && match part {
                    "listing" => it.path.starts_with("/api/"),
                    _ => !it.path.starts_with("/org") && !it.path.starts_with("/api"),
                };
            let content = if part == "listing" { vec![b' '; 1000] } else { weights() };
            wanted.then(|| Reply { cut_after: Some(100), hold: true, ..send_range(&content, it) })
        });
    };
    let world = World::new();
    trickle(&world, "weights");
    // At a commit there is no listing, whose many small reads would be too slow for this clock.
    let at_commit = |world: &World, clock: Arc<TestClock>, files: &[FileSpec]| {
        let hub = Hub::with_clock(world.settings(), clock)?;
        hub.fetch("org/name", Some(COMMIT), files, &mut Silent)
    };
    let error = at_commit(&world, clock(), &only_weights()).unwrap_err();
    assert!(matches!(error, HubError::Slow { .. }), "{error:?}");
    assert_eq!(class(&error), 5);
    // The bytes that came are kept, and do not count as progress.
    let starts: Vec<_> = world.storage.take().iter().map(|it| it.range.unwrap_or(0)).collect();
    assert_eq!((starts.len(), starts[0]), (3, 0));
    assert!(starts[0] < starts[1] && starts[1] < starts[2], "{starts:?}");

    let world = World::new();
    trickle(&world, "listing");
    let error = fetch_at(&world, clock(), &config()).unwrap_err();
    assert!(matches!(error, HubError::Slow { .. }), "{error:?}");
    assert_eq!(world.hub.requests(), [API; 3]);

    // A whole file is never too slow.
    let world = World::new();
    let slow = TestClock::new(Duration::from_secs(3600));
    at_commit(&world, slow, &config()).unwrap();
}

#[test]
fn a_wrong_port_is_refused_before_anything_is_sent() {
    let world = World::new();
    let elsewhere = world.storage.url().rsplit_once(':').unwrap().0.to_owned();
    world.fault(move |it| {
        it.path
            .starts_with("/api/")
            .then(|| Reply::status(307).header("Location", format!("{elsewhere}:99999{}", it.path)))
    });
    let error = world.fetch(&config()).unwrap_err();
    assert!(matches!(&error, HubError::Protocol { .. }), "{error:?}");
    assert_eq!(world.hub.requests(), [API]);

    let proxy = |endpoint: &str, offline| {
        let (endpoint, bad_proxy) = (endpoint.to_owned(), Some("HTTPS_PROXY"));
        Hub::new(HubSettings { endpoint, bad_proxy, offline, ..world.settings() }).err()
    };
    let error = proxy("https://hub.invalid", false).unwrap();
    assert!(matches!(error, HubError::BadProxy { variable: "HTTPS_PROXY" }), "{error:?}");
    assert_eq!(class(&error), 2);
    // Requests to this machine take no proxy, and offline there are none.
    assert!(proxy(&world.hub.url(), false).is_none());
    assert!(proxy("https://hub.invalid", true).is_none());
}

#[test]
fn requests_before_a_transfer_have_their_own_timeout() {
    type Is = fn(&Received) -> bool;
    let metadata: [Is; 2] = [|it| it.path.starts_with("/api/"), |it| it.method == "HEAD"];
    for is in metadata {
        let world = World::new();
        world.fault(move |it| {
            if is(it) {
                std::thread::sleep(Duration::from_millis(300));
            }
            None
        });
        let settings =
            HubSettings { etag_timeout: Duration::from_millis(1), retries: 0, ..world.settings() };
        let error = fetch(settings, None, &config()).unwrap_err();
        assert!(matches!(error, HubError::Network { .. }), "{error}");
        assert!(fetch(world.settings(), None, &config()).is_ok());
    }
}
