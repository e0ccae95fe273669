//! Which names are paths.

use super::*;

#[test]
fn names_of_files_and_folders_are_not_those_of_repositories() {
    let no_settings = || Err(HubError::NoHome);
    for path in [
        "nope.gguf",
        "Nope-Q4_0.GGUF",
        "org/model.safetensors",
        "pytorch_model.bin",
        "./nope",
        "../nope",
        "~/models/nope",
        "/nope/nope",
        "models/org/name",
        "nope/",
        "models\\nope",
        ".",
    ] {
        let source = Source::of(path, None, no_settings).unwrap();
        let Source::Folder(folder) = &source else { panic!("{path}: {source:?}") };
        assert_eq!(folder, Path::new(path));
        if path != "." {
            let error = Files::open(&source, &[], &mut crate::hub::Silent).err().unwrap();
            assert!(matches!(&error, Error::NoSuchModel { name } if name == path), "{error}");
            assert!(error.to_string().starts_with("there is no file or folder "), "{error}");
        }
    }
    // Only these need the hub's settings.
    for repo in ["gpt2", "org/name", "org/name-v1.5", "org/name@refs/pr/1", "a/b@v1.0.bin"] {
        let error = Source::of(repo, None, no_settings).unwrap_err();
        assert!(matches!(error, Error::Hub(HubError::NoHome)), "{repo}");
    }
}
