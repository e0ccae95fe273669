//! The hub when something is wrong: refusals, trouble, cuts, wrong bytes.

use std::fs;
use std::time::Duration;

use super::super::loopback::{Received, Reply};
use super::super::*;
use super::world::*;

#[test]
fn refusals_say_what_they_are() {
    let check = |status: u16, code: &'static str, exit: u8, fits: fn(&HubError) -> bool| {
        let world = World::new();
        world.fault(move |_| {
            let reply = Reply::status(status);
            Some(if code.is_empty() { reply } else { reply.header("X-Error-Code", code) })
        });
        let error = world.fetch(&usual()).unwrap_err();
        assert!(fits(&error), "{status} {code}: {error:?}");
        assert_eq!(class(&error), exit, "{status} {code}");
        assert_eq!(world.hub.requests(), [API], "{status} {code}: refused once and for all");
        assert!(!format!("{error} {error:?}").contains("hf_secret"));
    };
    check(401, "RepoNotFound", 3, |it| {
        matches!(it, HubError::RepoNotFound { with_token: true, .. })
    });
    check(401, "", 3, |it| it.to_string().contains("or it is private"));
    check(404, "RepoNotFound", 3, |it| matches!(it, HubError::RepoNotFound { .. }));
    check(404, "RevisionNotFound", 3, |it| matches!(it, HubError::RevisionNotFound { .. }));
    check(403, "GatedRepo", 5, |it| matches!(it, HubError::Gated { .. }));
    check(401, "GatedRepo", 5, |it| matches!(it, HubError::Gated { .. }));
    check(403, "", 5, |it| matches!(it, HubError::Refused { status: 403, .. }));
    check(418, "", 5, |it| matches!(it, HubError::Refused { status: 418, .. }));
}

#[test]
fn a_missing_revision_or_file_is_named() {
    let world = World::new();
    let error = fetch(world.settings(), Some("v9"), &usual()).unwrap_err();
    assert!(matches!(&error, HubError::RevisionNotFound { revision, .. } if revision == "v9"));
    let error = world.fetch(&[FileSpec::required("vocab.txt")]).unwrap_err();
    assert!(matches!(&error, HubError::FileNotFound { file, .. } if file == "vocab.txt"));
    assert_eq!(class(&error), 3);
    // A gated repository lists its files and refuses to send them.
    world.fault(|it| {
        it.path
            .contains("/resolve/")
            .then(|| Reply::status(403).header("X-Error-Code", "GatedRepo"))
    });
    assert!(matches!(world.fetch(&config()), Err(HubError::Gated { .. })));
    let error = Hub::new(world.settings()).unwrap().fetch(
        "org/other",
        None,
        &config(),
        &mut |_: &str, _, _| {},
    );
    assert!(matches!(error, Err(HubError::RepoNotFound { repo, .. }) if repo == "org/other"));
}

#[test]
fn a_server_in_trouble_is_asked_a_bounded_number_of_times() {
    for status in [500, 503, 429] {
        let world = World::new();
        world.fault(move |_| Some(Reply::status(status)));
        let error = world.fetch(&config()).unwrap_err();
        assert!(
            matches!(error, HubError::Server { status: found, attempts: 3, .. } if found == status)
        );
        assert_eq!(class(&error), 5);
        assert_eq!(world.hub.requests().len(), 3);
    }
    // Trouble that passes is not noticed: a status, a connection closed without an answer.
    for trouble in [|| Reply::status(502), Reply::silence] {
        let world = World::new();
        let mut left = 2;
        world.fault(move |it| {
            let now = left > 0 && it.method == "HEAD";
            left -= u32::from(now);
            now.then(trouble)
        });
        assert!(world.fetch(&config()).unwrap().warnings.is_empty());
        assert_eq!(world.hub.requests().len(), 1 + 3 + 1);
    }
}

#[test]
fn without_the_hub_the_cached_copy_is_used_with_a_warning() {
    let world = World::new();
    let nobody = { TcpAddress::free() };
    let unreachable = HubSettings { endpoint: nobody.0.clone(), ..world.settings() };
    let error = fetch(unreachable.clone(), None, &usual()).unwrap_err();
    assert!(
        matches!(&error, HubError::Network { url, .. } if url.starts_with(&nobody.0)),
        "{error}"
    );
    assert_eq!(class(&error), 5);

    world.fetch(&usual()).unwrap();
    let check = |settings: HubSettings| {
        let snapshot = fetch(settings, None, &usual()).unwrap();
        assert_eq!((snapshot.commit.as_str(), snapshot.files.len()), (COMMIT, 3));
        let [HubWarning::UsedCachedCopy { commit, cause }] = &snapshot.warnings[..] else {
            panic!("{:?}", snapshot.warnings)
        };
        assert_eq!(commit, COMMIT);
        assert!(cause.is_unreachable());
    };
    check(unreachable.clone());
    world.hub.take();
    world.fault(|_| Some(Reply::status(500)));
    check(world.settings());
    assert_eq!(world.hub.requests(), [API], "no retries where there is a copy");

    // A known commit whose optional files were never asked for.
    let wanted = [FileSpec::required("config.json"), FileSpec::optional("new.txt")];
    let snapshot = fetch(unreachable.clone(), Some(COMMIT), &wanted).unwrap();
    assert_eq!((snapshot.files.len(), snapshot.warnings.len()), (1, 1));
    // What must be there and is not is an error.
    let error = fetch(unreachable, None, &[FileSpec::required("empty.txt")]).unwrap_err();
    assert!(matches!(error, HubError::Network { .. }));
    // A refusal is an answer: the copy does not hide it.
    world.heal();
    world.fault(|_| Some(Reply::status(401)));
    assert!(matches!(world.fetch(&usual()), Err(HubError::RepoNotFound { .. })));
}

/// An address where nobody listens.
struct TcpAddress(String);

impl TcpAddress {
    fn free() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        TcpAddress(format!("http://{}", listener.local_addr().unwrap()))
    }
}

/// Cuts the transfer of the weights `times` times, each time after so many bytes of what was asked.
fn cut(world: &World, after: usize, mut times: u32, ranges: bool) {
    let content = weights();
    world.fault(move |it| {
        if it.path.starts_with("/org") || it.path.starts_with("/api") {
            return None;
        }
        let whole = Received { range: if ranges { it.range } else { None }, ..it.clone() };
        let mut reply = send_range(&content, &whole);
        if times > 0 {
            times -= 1;
            reply.cut_after = Some(after);
        }
        Some(reply)
    });
}

#[test]
fn a_cut_download_goes_on_where_it_stopped() {
    let world = World::new();
    cut(&world, 100_000, 5, true);
    let mut seen = Vec::new();
    let hub = Hub::new(world.settings()).unwrap();
    let snapshot = hub
        .fetch("org/name", None, &only_weights(), &mut |file: &str, done, total| {
            assert_eq!((file, total), (WEIGHTS, 800_000));
            seen.push(done);
        })
        .unwrap();
    assert_eq!(fs::read(&snapshot.files[WEIGHTS]).unwrap(), weights());
    // Five cuts are more than the retries, but each attempt got further.
    let ranges: Vec<_> = world.storage.take().iter().map(|it| it.range).collect();
    let expected =
        [None, Some(100_000), Some(200_000), Some(300_000), Some(400_000), Some(500_000)];
    assert_eq!(ranges, expected);
    assert!(seen.is_sorted());
    assert_eq!((seen.first(), seen.last()), (Some(&0), Some(&800_000)));
}

#[test]
fn a_server_without_ranges_starts_again() {
    let world = World::new();
    cut(&world, 300_000, 2, false);
    let snapshot = world.fetch(&only_weights()).unwrap();
    assert_eq!(fs::read(&snapshot.files[WEIGHTS]).unwrap(), weights());
}

#[test]
fn an_interrupted_run_leaves_nothing_under_a_final_name_and_the_next_goes_on() {
    let world = World::new();
    cut(&world, 0, u32::MAX, true);
    let part = world.blob(&weights()).with_extension("incomplete");
    fs::create_dir_all(part.parent().unwrap()).unwrap();
    fs::write(&part, &weights()[..123_456]).unwrap();
    let error = world.fetch(&only_weights()).unwrap_err();
    assert!(
        matches!(&error, HubError::Network { url, .. } if !url.contains("signature")),
        "{error}"
    );
    assert_eq!(world.storage.take().len(), 3);
    assert!(!world.blob(&weights()).exists());
    assert!(!world.repo_folder().join("refs/main").exists());
    assert!(!world.repo_folder().join("snapshots").exists());

    world.heal();
    world.fetch(&only_weights()).unwrap();
    assert_eq!(world.storage.take()[0].range, Some(123_456));
    assert!(!part.exists());
}

#[test]
fn an_unfit_part_of_an_earlier_run_is_thrown_away() {
    for unfit in [vec![7; 1000], vec![7; 800_000], vec![7; 900_000]] {
        let world = World::new();
        let part = world.blob(&weights()).with_extension("incomplete");
        fs::create_dir_all(part.parent().unwrap()).unwrap();
        fs::write(&part, &unfit).unwrap();
        let snapshot = world.fetch(&only_weights()).unwrap();
        assert_eq!(fs::read(&snapshot.files[WEIGHTS]).unwrap(), weights(), "{}", unfit.len());
        assert_eq!(world.storage.take().last().unwrap().range, None);
    }
}

#[test]
fn a_wrong_size_or_checksum_is_found_and_leaves_nothing() {
    type Fits = fn(&HubError) -> bool;
    let checks: [(Vec<u8>, Fits); 3] = [
        (weights()[..799_999].to_vec(), |it| {
            matches!(it, HubError::WrongSize { expected: 800_000, found: 799_999, .. })
        }),
        ([weights(), vec![0]].concat(), |it| {
            matches!(it, HubError::WrongSize { expected: 800_000, found: 800_001, .. })
        }),
        (weights().into_iter().rev().collect(), |it| matches!(it, HubError::WrongChecksum { .. })),
    ];
    for (content, fits) in checks {
        let world = World::new();
        world.fault(move |it| {
            let storage = !it.path.starts_with("/org") && !it.path.starts_with("/api");
            storage.then(|| Reply::status(200).body(content.clone()))
        });
        let error = world.fetch(&only_weights()).unwrap_err();
        assert!(fits(&error), "{error:?}");
        assert_eq!(class(&error), 5);
        assert_eq!(world.storage.take().len(), 1);
        assert_eq!(fs::read_dir(world.repo_folder().join("blobs")).unwrap().count(), 0);
    }
    // Small files are checked too, by git's name of them.
    let world = World::new();
    world.fault(|it| {
        let config = it.method == "GET" && it.path.ends_with("/config.json");
        config.then(|| Reply::status(200).body(vec![b' '; CONFIG.len()]))
    });
    assert!(matches!(world.fetch(&config()), Err(HubError::WrongChecksum { .. })));
}

#[test]
fn a_damaged_blob_is_named_and_fetched_again_once_deleted() {
    let world = World::new();
    world.fetch(&usual()).unwrap();
    let blob = world.blob(&weights());
    let mut damaged = weights();
    damaged[400_000] ^= 1;
    fs::write(&blob, damaged).unwrap();
    let time = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    fs::File::options().write(true).open(&blob).unwrap().set_modified(time).unwrap();
    for settings in [world.settings(), world.offline()] {
        let error = fetch(settings, None, &usual()).unwrap_err();
        let HubError::Damaged { file, path, expected, .. } = &error else { panic!("{error:?}") };
        assert_eq!((file.as_str(), expected), (WEIGHTS, &sha256(&weights())));
        assert_eq!(path, &fs::canonicalize(&blob).unwrap());
        assert!(error.to_string().contains("delete that file"));
        assert_eq!(class(&error), 1);
    }
    fs::remove_file(&blob).unwrap();
    assert_eq!(fs::read(&world.fetch(&usual()).unwrap().files[WEIGHTS]).unwrap(), weights());
}

#[test]
fn redirects_within_the_hub_are_followed_and_endless_ones_are_not() {
    let world = World::new();
    // A repository that was renamed.
    world.fault(|it| {
        it.path
            .contains("org/old")
            .then(|| Reply::status(307).header("Location", it.path.replace("org/old", "org/name")))
    });
    let hub = Hub::new(world.settings()).unwrap();
    let snapshot = hub.fetch("org/old", None, &usual(), &mut |_: &str, _, _| {}).unwrap();
    assert_eq!(snapshot.files.len(), 3);
    assert!(world.hub.take().iter().all(|it| it.authorization.is_some()));

    for location in ["/again", "ftp://x/y", ""] {
        world.heal();
        world.fault(move |_| Some(Reply::status(302).header("Location", location)));
        let error = fetch(world.settings(), Some("other"), &config()).unwrap_err();
        assert!(matches!(error, HubError::Protocol { .. }), "{location:?}: {error:?}");
    }
}

#[test]
fn answers_that_no_hub_gives_are_refused() {
    let answers: [fn() -> Reply; 4] = [
        || Reply::status(200).body("<html>"),
        || Reply::status(200).body(r#"{"sha": "../../x", "siblings": []}"#),
        || Reply::status(200).body(r#"{"siblings": []}"#),
        || Reply::status(302),
    ];
    for (number, reply) in answers.into_iter().enumerate() {
        let world = World::new();
        world.fault(move |_| Some(reply()));
        let error = world.fetch(&config()).unwrap_err();
        assert!(matches!(error, HubError::Protocol { .. }), "{number}: {error:?}");
    }
    let heads: [fn() -> Reply; 5] = [
        || Reply::status(200),
        || Reply::status(200).header("ETag", "\"../../evil\""),
        || Reply::status(200).header("ETag", "\"..\""),
        || Reply::status(302).header("X-Linked-Etag", "\"a\""),
        || Reply::status(200).header("ETag", "\"a\"").header("X-Repo-Commit", LATER),
    ];
    for (number, reply) in heads.into_iter().enumerate() {
        let world = World::new();
        world.fault(move |it| (it.method == "HEAD").then(reply));
        let error = world.fetch(&config()).unwrap_err();
        assert!(matches!(error, HubError::Protocol { .. }), "{number}: {error:?}");
    }
}
