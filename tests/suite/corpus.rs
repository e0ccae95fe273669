//! The seeds of the fuzz targets, and the inputs that the fuzzer found, cause no panic. (The fuzz
//! targets themselves check memory with a counting allocator.)

#[path = "../fuzz/src/targets.rs"]
#[allow(unreachable_pub)]
mod targets;

#[test]
fn no_input_of_the_corpus_causes_a_panic() {
    let corpus = crate::fixtures::path("../fuzz/corpus");
    let mut folders: Vec<_> =
        std::fs::read_dir(&corpus).unwrap().map(|f| f.unwrap().file_name()).collect();
    folders.sort();
    let mut names: Vec<_> = targets::TARGETS.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    assert_eq!(folders, names, "every target has seeds");
    for (name, target) in targets::TARGETS {
        let mut count = 0;
        for input in std::fs::read_dir(corpus.join(name)).unwrap() {
            let path = input.unwrap().path();
            // Printed first, so that the output names the input that causes a panic.
            println!("{}", path.display());
            target(&std::fs::read(path).unwrap());
            count += 1;
        }
        assert!(count > 0, "{name}");
    }
}
