//! The seeds of the fuzz targets and what the fuzzer found: none of them may make a panic. (What
//! memory they take is held by the fuzz targets themselves, whose allocator counts.)

#[path = "../fuzz/src/targets.rs"]
#[allow(unreachable_pub)]
mod targets;

#[test]
fn every_input_of_the_corpus_is_an_answer_or_an_error() {
    let corpus = crate::fixtures::path("../fuzz/corpus");
    let mut folders: Vec<_> =
        std::fs::read_dir(&corpus).unwrap().map(|f| f.unwrap().file_name()).collect();
    folders.sort();
    let mut names: Vec<_> = targets::TARGETS.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    assert_eq!(folders, names, "every target has its seeds");
    for (name, target) in targets::TARGETS {
        let mut count = 0;
        for input in std::fs::read_dir(corpus.join(name)).unwrap() {
            let path = input.unwrap().path();
            // Said before, so that a panic is known by its input.
            println!("{}", path.display());
            target(&std::fs::read(path).unwrap());
            count += 1;
        }
        assert!(count > 0, "{name}");
    }
}
