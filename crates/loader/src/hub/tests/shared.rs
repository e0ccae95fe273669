//! One cache that several processes use at once.

use std::fs::{self, File};
use std::sync::Barrier;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::super::*;
use super::world::*;

#[test]
fn simultaneous_first_fetches_all_succeed() {
    const FETCHES: usize = 8;
    for round in 0..6 {
        let world = World::new();
        let symlinks = round % 3 < 2;
        let settings = HubSettings { symlinks, ..world.settings() };
        let begin = Barrier::new(FETCHES);
        std::thread::scope(|scope| {
            let fetches: Vec<_> = (0..FETCHES)
                .map(|_| {
                    scope.spawn(|| {
                        begin.wait();
                        fetch(settings.clone(), None, &usual())
                    })
                })
                .collect();
            for fetched in fetches {
                let snapshot = fetched.join().unwrap().unwrap();
                assert_eq!(fs::read(&snapshot.files[WEIGHTS]).unwrap(), weights());
                assert_eq!(snapshot.files.len(), 3);
            }
        });
        // The weights are downloaded once, by the first that has the lock.
        assert_eq!(world.storage.take().len(), 1, "symbolic links: {symlinks}");
        let left = fs::read_dir(world.repo_folder().join("snapshots").join(COMMIT)).unwrap();
        let left: Vec<_> = left.map(|it| it.unwrap().file_name()).collect();
        assert_eq!(left.len(), 3, "{left:?}");
    }
}

/// Says that it waits, and ends the wait.
struct Waits {
    said: Vec<String>,
    tell: Sender<()>,
}

impl Progress for Waits {
    fn advance(&mut self, _: &str, _: u64, _: u64) {}

    fn waiting(&mut self, file: &str) {
        self.said.push(file.to_owned());
        self.tell.send(()).unwrap();
    }
}

#[test]
fn a_wait_for_another_process_is_announced() {
    let world = World::new();
    let locks = world.folder.path().join("cache/.locks/models--org--name");
    fs::create_dir_all(&locks).unwrap();
    let lock = File::create(locks.join(format!("{}.lock", git_blob(CONFIG)))).unwrap();
    lock.lock().unwrap();
    let (tell, told): (_, Receiver<()>) = channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            told.recv().unwrap();
            lock.unlock().unwrap();
        });
        let mut waits = Waits { said: Vec::new(), tell };
        let hub = Hub::new(world.settings()).unwrap();
        hub.fetch("org/name", None, &usual(), &mut waits).unwrap();
        assert_eq!(waits.said, ["config.json"]);
    });
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_to_the_blob_stays_and_another_one_is_replaced() {
    use std::os::unix::fs::{MetadataExt, symlink};
    let place = tempfile::tempdir().unwrap();
    let cache = RepoCache::new(place.path(), "org/name", true);
    let (blob, snapshot) = (cache.blob("e1"), cache.snapshot(COMMIT));
    fs::create_dir_all(blob.parent().unwrap()).unwrap();
    fs::write(&blob, "one").unwrap();
    cache.link(COMMIT, "a/b", "e1", false).unwrap();
    let link = snapshot.join("a/b");
    let inode = || fs::symlink_metadata(&link).unwrap().ino();
    let first = inode();
    cache.link(COMMIT, "a/b", "e1", false).unwrap();
    assert_eq!(inode(), first);
    fs::write(cache.blob("e2"), "two").unwrap();
    for target in ["nowhere", "../../../blobs/e1"] {
        fs::remove_file(&link).unwrap();
        symlink(target, &link).unwrap();
        cache.link(COMMIT, "a/b", "e2", false).unwrap();
        assert_eq!(fs::read(&link).unwrap(), b"two");
    }
    let names: Vec<_> = fs::read_dir(snapshot.join("a")).unwrap().collect();
    assert_eq!(names.len(), 1, "{names:?}");
}

#[cfg(unix)]
#[test]
fn a_blob_that_python_keeps_in_its_shared_store_is_verified_by_its_name() {
    let world = World::new();
    world.fetch(&usual()).unwrap();
    // The layout of huggingface_hub 2: blobs/ETAG -> ../../blobs/XX/HASH, with another hash.
    let hash = sha256(b"the hash of another kind");
    let store = world.folder.path().join("cache/blobs").join(&hash[..2]);
    fs::create_dir_all(&store).unwrap();
    let blob = world.blob(&weights());
    fs::rename(&blob, store.join(&hash)).unwrap();
    std::os::unix::fs::symlink(format!("../../blobs/{}/{hash}", &hash[..2]), &blob).unwrap();
    let settings = || HubSettings { state_dir: None, ..world.offline() };
    let snapshot = fetch(settings(), None, &usual()).unwrap();
    assert_eq!(snapshot.sha256[WEIGHTS], sha256(&weights()));
    let size = cached_models(&settings().cache_dir).unwrap()[0].bytes;
    assert_eq!(size, (weights().len() + CONFIG.len() + 2) as u64);
    // Damage is still found.
    fs::write(store.join(&hash), vec![0; weights().len()]).unwrap();
    assert!(matches!(fetch(settings(), None, &usual()), Err(HubError::Damaged { .. })));
}
