//! The three states of a file in the cache: there, known to be absent, unknown.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use super::super::*;
use super::world::*;
use crate::error::Error;
use crate::kind::ErrorKind;
use crate::model::{Model, load};
use crate::pooling::Pooling;

const TOKENIZER: &str = "tokenizer.json";
const POOLING: &str = "1_Pooling/config.json";
const VOCABULARY: &[u8] = b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\nbank\n##s\n";

/// A cache as Python leaves it, with the config and the weights of a tiny BERT.
struct Cached(World);

impl Cached {
    fn new() -> Self {
        let cached = Self(World::new());
        let bert = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/families/bert");
        for name in ["config.json", WEIGHTS] {
            cached.put(name, &fs::read(bert.join(name)).unwrap());
        }
        let refs = cached.0.repo_folder().join("refs");
        fs::create_dir_all(&refs).unwrap();
        fs::write(refs.join("main"), COMMIT).unwrap();
        cached
    }

    fn write(&self, path: &Path, bytes: &[u8]) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        self.write(&self.0.repo_folder().join("snapshots").join(COMMIT).join(name), bytes);
    }

    /// Python's mark of a file that the commit does not have.
    fn mark_absent(&self, name: &str) {
        self.write(&self.0.repo_folder().join(".no_exist").join(COMMIT).join(name), b"");
    }

    fn load(&self) -> Result<Model, Error> {
        load_from(self.0.offline())
    }
}

fn load_from(settings: HubSettings) -> Result<Model, Error> {
    let source = crate::Source::Hub {
        repo: "org/name".to_owned(),
        revision: None,
        settings: settings.into(),
    };
    load(&source, &mut Silent)
}

#[test]
fn a_pooling_that_is_not_cached_is_not_the_mean() {
    let cached = Cached::new();
    let pooler = |cached: &Cached| cached.load().unwrap().info.sentence_pooler;
    let error = pooler(&cached).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    for part in [POOLING, "org/name", COMMIT, "--pooling"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    cached.mark_absent(POOLING);
    // The list of modules may name another folder.
    assert!(pooler(&cached).unwrap_err().to_string().contains("modules.json"));
    cached.mark_absent("modules.json");
    assert_eq!(pooler(&cached).unwrap(), None);
    cached.put(POOLING, br#"{"pooling_mode_cls_token": true}"#);
    assert_eq!(pooler(&cached).unwrap(), Some(Pooling::First.into()));
    let warnings = cached.load().unwrap().warnings;
    assert!(
        warnings[0].to_string().contains("`config_sentence_transformers.json`"),
        "{warnings:?}"
    );
    cached.mark_absent("config_sentence_transformers.json");
    // It may have the number of tokens that are read.
    let warnings = cached.load().unwrap().warnings;
    assert!(warnings[0].to_string().contains("`sentence_bert_config.json`"), "{warnings:?}");
    cached.mark_absent("sentence_bert_config.json");
    assert!(cached.load().unwrap().warnings.is_empty());

    // A pooling without the list of modules is used, with a warning.
    let cached = Cached::new();
    cached.put(POOLING, br#"{"pooling_mode_cls_token": true}"#);
    assert_eq!(pooler(&cached).unwrap(), Some(Pooling::First.into()));
    let warnings = cached.load().unwrap().warnings;
    let [HubWarning::Without { tokenizer, sentences }] = &warnings[..] else {
        panic!("{warnings:?}")
    };
    assert_eq!((tokenizer.len(), &*sentences[0].file), (0, "modules.json"));

    // A hub that cannot be reached leaves the file as unknown as an offline run.
    let cached = Cached::new();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = HubSettings { endpoint: format!("http://{nobody}"), ..cached.0.settings() };
    let model = load_from(settings).unwrap();
    assert!(model.info.sentence_pooler.is_err());
    let unreachable = |warning: &&HubWarning| matches!(warning, HubWarning::UsedCachedCopy { .. });
    assert_eq!(model.warnings.iter().filter(unreachable).count(), 1, "{:?}", model.warnings);
    // A hub that answers makes it known.
    let world = World::new();
    let snapshot = world.fetch(&config()).unwrap();
    assert!(snapshot.unknown.is_empty());
}

#[test]
fn a_tokenizer_that_is_not_cached_is_named() {
    let cached = Cached::new();
    let named = |model: &Model| match model.info.check_tokenizer() {
        Err(Error::Hub(HubError::NotCached(found))) => Some(found.file),
        other => other.map(|()| None).unwrap(),
    };
    let model = cached.load().unwrap();
    assert!(model.tokenizer.is_none() && model.warnings.is_empty());
    let mut asked = Vec::new();
    while let Some(file) = named(&cached.load().unwrap()) {
        cached.mark_absent(&file);
        asked.push(file);
    }
    assert_eq!(asked[0], TOKENIZER);
    assert!(asked.contains(&"vocab.txt".to_owned()), "{asked:?}");
}

#[test]
fn a_tokenizer_that_is_made_without_a_file_says_so() {
    let cached = Cached::new();
    cached.put("vocab.txt", VOCABULARY);
    let without = |model: &Model| match &model.warnings[..] {
        [HubWarning::Without { tokenizer, .. }] => {
            tokenizer.iter().map(|it| it.file.clone()).collect()
        }
        [] => Vec::new(),
        other => panic!("{other:?}"),
    };
    let model = cached.load().unwrap();
    assert!(model.tokenizer.is_some());
    let files: Vec<String> = without(&model);
    assert_eq!(files[0], TOKENIZER);
    assert!(files.contains(&"tokenizer_config.json".to_owned()), "{files:?}");
    // One line for all files: the commit and the cache are in it once.
    let text = model.warnings[0].to_string();
    assert!(files.len() > 1 && files.iter().all(|file| text.contains(&format!("`{file}`"))));
    for once in ["`org/name`", COMMIT, cached.0.offline().cache_dir.to_str().unwrap()] {
        assert_eq!(text.matches(once).count(), 1, "{text}");
    }
    files.iter().for_each(|file| cached.mark_absent(file));
    cached.put("tokenizer_config.json", b"{}");
    assert_eq!(without(&cached.load().unwrap()), Vec::<String>::new());
}

#[test]
fn weights_are_missing_only_where_that_is_known() {
    let cached = Cached::new();
    let snapshot = cached.0.repo_folder().join("snapshots").join(COMMIT);
    fs::remove_file(snapshot.join(WEIGHTS)).unwrap();
    let not_cached = |error: &Error| match error {
        Error::Hub(HubError::NotCached(found)) => Some(found.file.clone()),
        _ => None,
    };
    let error = cached.load().unwrap_err();
    assert_eq!(not_cached(&error).as_deref(), Some(WEIGHTS), "{error}");
    cached.mark_absent(WEIGHTS);
    let error = cached.load().unwrap_err();
    assert_eq!(not_cached(&error).as_deref(), Some("model.safetensors.index.json"), "{error}");
    cached.mark_absent("model.safetensors.index.json");
    let error = cached.load().unwrap_err();
    assert!(error.to_string().contains("org/name has no model.safetensors and no"), "{error}");

    // A config that the commit does not have is not merely out of the cache.
    fs::remove_file(snapshot.join("config.json")).unwrap();
    assert_eq!(not_cached(&cached.load().unwrap_err()).as_deref(), Some("config.json"));
    cached.mark_absent("config.json");
    let error = cached.load().unwrap_err();
    assert!(matches!(&error, Error::Hub(HubError::FileNotFound { .. })), "{error}");
    let online = fetch(cached.0.settings(), Some(COMMIT), &config()).unwrap_err();
    assert!(matches!(online, HubError::FileNotFound { .. }), "{online}");
    assert!(cached.0.hub.requests().is_empty(), "a commit does not change");
}

#[test]
fn a_revision_whose_commit_is_unknown_lists_the_commits_at_hand() {
    let cached = Cached::new();
    fs::remove_dir_all(cached.0.repo_folder().join("refs")).unwrap();
    let later = cached.0.repo_folder().join("snapshots").join(LATER);
    cached.write(&later.join("README.md"), b"");
    let snapshots = cached.0.repo_folder().join("snapshots");
    cached.write(&snapshots.join("not-a-commit/README.md"), b"");
    fs::create_dir_all(snapshots.join("0".repeat(40))).unwrap();
    let error = cached.load().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let text = error.to_string();
    let list = format!("{COMMIT}, {LATER}: name a commit, as in org/name@{LATER}");
    assert!(text.contains("`main`") && text.contains(&list), "{text}");
    assert!(!text.contains("not-a-commit"), "{text}");
    let at = format!("org/name@{COMMIT}");
    let source =
        crate::Source::Hub { repo: at, revision: None, settings: cached.0.offline().into() };
    assert!(load(&source, &mut Silent).is_ok());

    // A hub that cannot be reached gives the list too, after the reason.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = HubSettings { endpoint: format!("http://{nobody}"), ..cached.0.settings() };
    let error = load_from(settings.clone()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    let text = error.to_string();
    assert!(text.contains("cannot be reached") && text.contains(&list), "{text}");
    fs::remove_dir_all(cached.0.repo_folder()).unwrap();
    let text = load_from(settings).unwrap_err().to_string();
    assert!(text.contains("cannot be reached") && !text.contains("name a commit"), "{text}");

    // A branch may have a commit of which the cache has no files, and so may the user.
    let cached = Cached::new();
    let snapshots = cached.0.repo_folder().join("snapshots");
    fs::rename(snapshots.join(COMMIT), snapshots.join(LATER)).unwrap();
    let list = format!("It has {LATER}: name a commit, as in org/name@{LATER}");
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let unreachable = HubSettings { endpoint: format!("http://{nobody}"), ..cached.0.settings() };
    for settings in [cached.0.offline(), unreachable] {
        for (at, missing) in [
            ("", format!("commit {COMMIT}, which is revision `main` of `org/name`")),
            (&format!("@{COMMIT}"), format!("commit {COMMIT} of `org/name`")),
        ] {
            let (repo, settings) = (format!("org/name{at}"), settings.clone().into());
            let source = crate::Source::Hub { repo, revision: None, settings };
            let text = load(&source, &mut Silent).unwrap_err().to_string();
            assert!(text.contains(&format!("has no files of {missing}. {list}")), "{text}");
        }
    }

    // Nothing at all of a repository, which no path has as its name either.
    let (repo, settings) = ("org/nothing".to_owned(), cached.0.offline());
    let source = crate::Source::Hub { repo, revision: None, settings: settings.into() };
    let text = load(&source, &mut Silent).unwrap_err().to_string();
    assert!(text.starts_with("there is no file or folder org/nothing; offline, and"), "{text}");
    assert!(text.contains("has no files of `org/nothing`"), "{text}");
}
