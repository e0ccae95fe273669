//! The hub against a server on the loopback address that speaks its protocol: what goes well.

mod faults;
mod limits;
mod load;
mod shared;
mod states;
mod world;

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use super::*;
use world::*;

#[test]
fn a_fresh_fetch_fills_the_cache_as_python_lays_it_out() {
    let world = World::new();
    let snapshot = world.fetch(&usual()).unwrap();
    assert_eq!((snapshot.repo.as_str(), snapshot.commit.as_str()), ("org/name", COMMIT));
    assert!(snapshot.warnings.is_empty());
    assert_eq!(
        snapshot.files.keys().collect::<Vec<_>>(),
        ["1_Pooling/config.json", "config.json", WEIGHTS]
    );
    assert_eq!(fs::read(&snapshot.files[WEIGHTS]).unwrap(), weights());
    assert_eq!(snapshot.sha256[WEIGHTS], sha256(&weights()));
    assert_eq!(snapshot.sha256["config.json"], sha256(CONFIG));

    let repo = world.repo_folder();
    assert_eq!(fs::read_to_string(repo.join("refs/main")).unwrap(), COMMIT);
    assert!(repo.join(".no_exist").join(COMMIT).join("vocab.txt").is_file());
    assert_eq!(snapshot.folder, repo.join("snapshots").join(COMMIT));
    let target = |file: &str| fs::read_link(snapshot.folder.join(file)).unwrap();
    assert_eq!(target("config.json"), Path::new("../../blobs").join(git_blob(CONFIG)));
    assert_eq!(target("1_Pooling/config.json"), Path::new("../../../blobs").join(git_blob(b"{}")));
    let mut blobs: Vec<_> =
        fs::read_dir(repo.join("blobs")).unwrap().map(|it| it.unwrap().file_name()).collect();
    blobs.sort();
    let mut expected = [git_blob(CONFIG), git_blob(b"{}"), sha256(&weights())];
    expected.sort();
    assert_eq!(blobs, expected.map(OsString::from), "nothing else lies among the blobs");
}

#[test]
fn the_token_goes_to_the_hub_and_to_no_other_server() {
    let world = World::new();
    world.fetch(&usual()).unwrap();
    let (hub, storage) = (world.hub.take(), world.storage.take());
    assert!(hub.iter().all(|it| it.authorization.as_deref() == Some("Bearer hf_secret")));
    assert_eq!(storage.len(), 1);
    assert_eq!(storage[0].authorization, None);

    let other = World::new();
    fetch(HubSettings { token: None, ..other.settings() }, None, &config()).unwrap();
    assert!(other.hub.take().iter().all(|it| it.authorization.is_none()));
}

#[test]
fn a_warm_run_asks_once_and_a_commit_or_offline_run_never() {
    let world = World::new();
    world.fetch(&usual()).unwrap();
    assert_eq!(world.hub.requests().len(), 1 + 2 + 2 + 2);
    world.storage.take();
    let check = |settings: HubSettings, revision: Option<&str>, expected: &[&str]| {
        let snapshot = fetch(settings, revision, &usual()).unwrap();
        assert_eq!((snapshot.commit.as_str(), snapshot.files.len()), (COMMIT, 3));
        assert!(snapshot.warnings.is_empty());
        assert_eq!(world.hub.requests(), expected);
        assert!(world.storage.requests().is_empty());
    };
    check(world.settings(), None, &[API]);
    check(world.settings(), Some(COMMIT), &[]);
    check(world.offline(), None, &[]);
    check(world.offline(), Some(COMMIT), &[]);
}

#[test]
fn more_files_come_from_the_same_commit() {
    let world = World::new();
    let first = world.fetch(&config()).unwrap();
    *world.head.lock().unwrap() = LATER.to_owned();
    world.fault(|it| {
        // The commit still has its files although `main` has moved.
        let of_commit = it.path.contains(&format!("/resolve/{COMMIT}/empty.txt"));
        of_commit.then(|| {
            let etag = format!("W/\"{}\"", git_blob(b""));
            send_range(b"", it).header("ETag", etag).header("X-Repo-Commit", COMMIT)
        })
    });
    world.hub.take();
    let wanted = [FileSpec::required("empty.txt"), FileSpec::optional("absent.txt")];
    let second = fetch(world.settings(), Some(&first.commit), &wanted).unwrap();
    assert_eq!(second.commit, COMMIT);
    assert_eq!(fs::read(&second.files["empty.txt"]).unwrap(), b"");
    // No list is asked for, an empty file needs no transfer, and what is absent is asked once.
    let asked = |file: &str| format!("HEAD /org/name/resolve/{COMMIT}/{file}");
    assert_eq!(world.hub.requests(), [asked("empty.txt"), asked("absent.txt")]);
    fetch(world.settings(), Some(&first.commit), &wanted).unwrap();
    assert!(world.hub.requests().is_empty());
}

#[test]
fn a_branch_that_moved_is_followed_and_shares_what_did_not_change() {
    let world = World::new();
    let old = world.fetch(&usual()).unwrap();
    *world.head.lock().unwrap() = LATER.to_owned();
    world.files.lock().unwrap().insert("config.json".into(), b"{}\n".to_vec());
    world.storage.take();
    let new = world.fetch(&usual()).unwrap();
    assert_eq!(new.commit, LATER);
    assert_eq!(fs::read(&new.files["config.json"]).unwrap(), b"{}\n");
    assert_eq!(fs::read(&old.files["config.json"]).unwrap(), CONFIG);
    assert!(world.storage.requests().is_empty(), "the weights are the same blob");
    assert_eq!(fs::read_to_string(world.repo_folder().join("refs/main")).unwrap(), LATER);
    assert_eq!(fetch(world.offline(), None, &usual()).unwrap().commit, LATER);
}

#[test]
fn a_cache_that_python_made_is_read_without_network() {
    let world = World::new();
    let (repo, commit) = (world.repo_folder(), COMMIT);
    let snapshot = repo.join("snapshots").join(commit);
    for folder in [repo.join("blobs"), repo.join("refs"), snapshot.clone()] {
        fs::create_dir_all(folder).unwrap();
    }
    fs::write(repo.join("refs/main"), commit).unwrap();
    fs::write(repo.join("blobs").join(git_blob(CONFIG)), CONFIG).unwrap();
    // Without symbolic links Python puts the file itself there: its name is no checksum.
    fs::write(snapshot.join("config.json"), CONFIG).unwrap();
    let found = fetch(world.offline(), None, &config()).unwrap();
    assert_eq!(found.sha256["config.json"], sha256(CONFIG));

    let missing = fetch(world.offline(), None, &usual()).unwrap_err();
    assert!(matches!(&missing, HubError::NotCached(found) if found.file == WEIGHTS), "{missing}");
    assert_eq!(class(&missing), 3);
    let branch = fetch(world.offline(), Some("v2"), &config()).unwrap_err();
    assert!(matches!(&branch, HubError::UnknownCommit(missing) if missing.revision == "v2"));
    assert!(world.hub.requests().is_empty());
}

#[test]
fn without_symbolic_links_the_files_themselves_are_there() {
    let world = World::new();
    let settings = || HubSettings { symlinks: false, ..world.settings() };
    let snapshot = fetch(settings(), None, &usual()).unwrap();
    for (file, path) in &snapshot.files {
        assert!(!path.is_symlink(), "{file}");
    }
    assert_eq!(fs::read(&snapshot.files[WEIGHTS]).unwrap(), weights());
    assert!(!world.blob(&weights()).exists(), "moved, not copied");
    world.hub.take();
    fetch(settings(), None, &usual()).unwrap();
    assert_eq!(world.hub.requests(), [API]);
    // A blob that another snapshot uses is copied.
    fs::write(world.blob(&weights()), weights()).unwrap();
    *world.head.lock().unwrap() = LATER.to_owned();
    let later = fetch(settings(), None, &usual()).unwrap();
    assert!(world.blob(&weights()).exists() && !later.files[WEIGHTS].is_symlink());
    // Their names are no checksums: what was fetched is remembered instead.
    fs::write(&later.files["config.json"], b"changed").unwrap();
    assert!(matches!(fetch(settings(), None, &config()), Err(HubError::Damaged { .. })));
}

#[test]
fn a_cache_that_cannot_be_written_is_named() {
    let world = World::new();
    let file = world.folder.path().join("a-file");
    fs::write(&file, "").unwrap();
    let settings = HubSettings { cache_dir: file.clone(), ..world.settings() };
    let error = fetch(settings, None, &config()).unwrap_err();
    assert!(
        matches!(&error, HubError::DiskWrite { path, .. } if path.starts_with(&file)),
        "{error:?}"
    );
    assert_eq!(class(&error), 1);
    // Where only our own notes cannot be written, nothing is lost but time.
    let settings = HubSettings { state_dir: Some(file.join("state")), ..world.settings() };
    assert!(fetch(settings, None, &config()).is_ok());
}

#[test]
fn names_and_settings_are_checked_before_anything_is_asked() {
    let world = World::new();
    let hub = Hub::new(world.settings()).unwrap();
    let fetch = |repo: &str, file: &str| {
        hub.fetch(repo, None, &[FileSpec::required(file)], &mut |_: &str, _, _| {}).unwrap_err()
    };
    assert!(matches!(fetch("../name", "config.json"), HubError::BadRepo { .. }));
    assert!(matches!(fetch("org/name@..", "config.json"), HubError::BadRepo { .. }));
    for file in ["../config.json", "/etc/passwd", "a/../../b"] {
        assert!(matches!(fetch("org/name", file), HubError::BadFileName { .. }));
    }
    assert_eq!(class(&fetch("org/name", "..")), 2);
    assert!(world.hub.requests().is_empty());
    for endpoint in [
        "",
        "hub",
        "ftp://hub",
        "http://user:password@hub",
        "http://hub/?x=1",
        "http://hub/#x",
        "http://hub#x",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:",
        "https://hub:+443",
    ] {
        let settings = HubSettings { endpoint: endpoint.into(), ..world.settings() };
        assert!(matches!(Hub::new(settings), Err(HubError::BadEndpoint { .. })), "{endpoint}");
    }
    for token in ["hf_\u{1}secret", "hf_secrét", "hf_secret\u{fffd}"] {
        let bad = |settings| HubSettings { token: Token::new(token), ..settings };
        let error = Hub::new(bad(world.settings())).err().unwrap();
        assert!(matches!(error, HubError::BadToken { .. }), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("secr"), "{error:?}");
        assert_eq!(class(&error), 2);
        // It is not sent.
        assert!(Hub::new(bad(world.offline())).is_ok());
    }
}
