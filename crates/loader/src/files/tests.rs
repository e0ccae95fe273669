//! Files and folders that are written, replaced, locked and left by programs that are killed.

use super::*;

fn names(folder: &Path) -> Vec<String> {
    let name = |e: io::Result<fs::DirEntry>| e.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(name).collect();
    names.sort();
    names
}

#[test]
fn a_file_is_replaced_whole_or_not_at_all() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("x.txt");
    write_file(&path, |out| out.write_all(b"one")).unwrap();
    let failed = write_file(&path, |out| {
        out.write_all(b"tw")?;
        Err(io::ErrorKind::StorageFull.into())
    });
    assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert_eq!(
        (fs::read(&path).unwrap(), names(place.path())),
        (b"one".to_vec(), vec!["x.txt".to_owned()])
    );
    write_file(&path, |out| out.write_all(b"two")).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"two");
    assert!(write_file(&path.join("below"), |_| Ok(())).is_err());
    assert_eq!(sha256_of(&path).unwrap(), (3, sha256(b"two")));
}

#[test]
fn a_folder_is_replaced_whole_or_not_at_all() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("deep/out");
    let write = |name: &'static str| write_folder(&folder, |part| fs::write(part.join(name), name));
    write("one").unwrap();
    let failed = write_folder(&folder, |part| {
        fs::write(part.join("half"), "half")?;
        Err(io::ErrorKind::StorageFull.into())
    });
    assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert_eq!(names(&folder), ["one"]);
    write("two").unwrap();
    assert_eq!(
        (names(&folder), names(&place.path().join("deep"))),
        (vec!["two".to_owned()], vec!["out".to_owned()])
    );
}

/// The folder `out`, with a file that names its version.
fn versioned(folder: &Path, version: &'static str) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join(version), version).unwrap();
}

#[test]
fn a_folder_is_replaced_where_folders_cannot_be_exchanged() {
    let place = tempfile::tempdir().unwrap();
    let (folder, part) = (place.path().join("out"), place.path().join("out.abcdef.part"));
    let cannot = |_: &Path, _: &Path| Err(io::ErrorKind::Unsupported.into());
    versioned(&folder, "one");
    versioned(&part, "two");
    replace(&folder, &part, cannot).unwrap();
    assert_eq!((names(&folder), names(place.path())), (vec!["two".into()], vec!["out".into()]));
    // The second renaming fails: there is no such folder.
    assert!(replace(&folder, &part, cannot).is_err());
    assert_eq!((names(&folder), names(place.path())), (vec!["two".into()], vec!["out".into()]));
}

#[test]
fn what_a_killed_program_leaves_is_restored_or_removed() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("out");
    versioned(&place.path().join("out.abcdef.old"), "one");
    versioned(&place.path().join("out.abcdef.part"), "two");
    fs::write(place.path().join("out.ghijkl.part"), "a file").unwrap();
    // Names of others.
    for name in ["other.abcdef.part", "out.part", "out.abc.part", "out.abc.ef.part"] {
        fs::write(place.path().join(name), "").unwrap();
    }
    let others = ["other.abcdef.part", "out", "out.abc.ef.part", "out.abc.part", "out.part"];
    recover(&folder).unwrap();
    assert_eq!(
        (names(&folder), names(place.path())),
        (vec!["one".into()], others.map(str::to_owned).to_vec())
    );
    // A folder that was replaced before the old one was removed.
    versioned(&place.path().join("out.abcdef.old"), "zero");
    recover(&folder).unwrap();
    assert_eq!(
        (names(&folder), names(place.path())),
        (vec!["one".into()], others.map(str::to_owned).to_vec())
    );
    assert!(recover(&place.path().join("absent/out")).is_ok());
}

#[cfg(unix)]
#[test]
fn unfinished_files_of_a_running_program_stay() {
    let place = tempfile::tempdir().unwrap();
    let (file, folder) = (place.path().join("x"), place.path().join("out"));
    write_file(&file, |out| {
        recover(&file)?;
        out.write_all(b"whole")
    })
    .unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"whole");
    write_folder(&folder, |part| {
        recover(&folder)?;
        fs::write(part.join("a"), "")
    })
    .unwrap();
    assert_eq!(names(&folder), ["a"]);
    let first = lock_folder(&folder).unwrap();
    assert_eq!(lock_folder(&folder).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    drop(first);
    lock_folder(&folder).unwrap();
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_is_never_written_through() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    fs::write(at("mine"), "mine").unwrap();
    symlink(at("mine"), at("x")).unwrap();
    // Names that earlier versions wrote to.
    symlink(at("mine"), at(&format!("y.{}.part", std::process::id()))).unwrap();
    symlink(at("mine"), at("y.part")).unwrap();
    for name in ["x", "y"] {
        write_file(&at(name), |out| out.write_all(b"new")).unwrap();
        assert_eq!(fs::read(at(name)).unwrap(), b"new");
        assert!(!fs::symlink_metadata(at(name)).unwrap().is_symlink());
    }
    assert_eq!(fs::read(at("mine")).unwrap(), b"mine");
    fs::create_dir(at("target")).unwrap();
    symlink(at("target"), at("out")).unwrap();
    symlink(at("gone"), at("dangling")).unwrap();
    for name in ["out", "dangling"] {
        let error = write_folder(&at(name), |_| Ok(())).unwrap_err().to_string();
        assert!(error.starts_with("it is a symbolic link; give the name of its target"), "{error}");
    }
    assert!(names(&at("target")).is_empty() && !at("gone").exists());
    // New files have the usual permissions.
    fs::write(at("usual"), "").unwrap();
    let mode = |name: &str| fs::metadata(at(name)).unwrap().permissions().mode();
    assert_eq!(mode("x"), mode("usual"));
}

#[test]
fn an_unfinished_file_is_known_by_its_name() {
    assert_eq!(finished_name("00001.npz.part"), Some("00001.npz"));
    assert_eq!(finished_name("00001.npz.4711aZ.part"), Some("00001.npz"));
    assert_eq!(finished_name("00001.npz"), None);
    let place = tempfile::tempdir().unwrap();
    let (part, _) = Unfinished::file(&place.path().join("a.b")).unwrap();
    let name = part.0.file_name().unwrap().to_str().unwrap();
    assert!(name.len() == 15 && finished_name(name) == Some("a.b"), "{name}");
}
