//! Runs that are killed, asked to end, doubled, or whose input changes, at random moments: afterwards
//! the output is whole, or it is refused, and the same command completes it to the same bytes.

#![cfg(unix)]

use crate::command::{Generator, Place};
use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

type Files = BTreeMap<String, Option<Vec<u8>>>;

/// What happens to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Signal(&'static str, Option<i32>),
    TwoWriters,
    ChangedInput,
    KilledReplacement,
}

const EVENTS: [Event; 7] = [
    Event::Signal("KILL", None),
    Event::Signal("TERM", Some(143)),
    Event::Signal("HUP", Some(129)),
    Event::Signal("INT", Some(130)),
    Event::TwoWriters,
    Event::ChangedInput,
    Event::KilledReplacement,
];

/// A place with a corpus, its extraction, and the time that it takes; and the extraction of the text
/// that takes the place of the corpus for a moment.
struct Scene {
    place: Place,
    text: String,
    whole: Files,
    other: String,
    whole_of_other: Files,
    explored: Files,
    time: Duration,
    random: Generator,
}

impl Scene {
    fn new(seed: u64) -> Self {
        let place = Place::with_tiny();
        let text: String = (0..300)
            .map(|i| format!("{} the riverbank refused loans\n", "seal ".repeat(i % 9)))
            .collect();
        place.write("corpus.txt", &text);
        let begin = Instant::now();
        assert!(Self::extract(&place, "whole").status().unwrap().success());
        let time = begin.elapsed();
        let whole = place.files("whole");
        assert!(whole.len() > 3, "{:?}", whole.keys());
        assert!(Self::explore(&place, "explored").status().unwrap().success());
        let explored = place.files("explored");
        let other = text.replace("loans", "bread");
        assert_eq!(other.len(), text.len());
        place.write("corpus.txt", &other);
        assert!(Self::extract(&place, "other").status().unwrap().success());
        let whole_of_other = place.files("other");
        place.write("corpus.txt", &text);
        let random = Generator::new(seed);
        Self { place, text, whole, other, whole_of_other, explored, time, random }
    }

    fn extract(place: &Place, folder: &str) -> Command {
        let hooks = "blocks.*.hook_resid_pre,blocks.*.hook_mlp_out,blocks.*.hook_attn_out,blocks.*.attn.hook_v";
        let line = "extract --model tiny --file corpus.txt --shard-mib 1 --quiet --resume --hooks";
        let mut command = place.command(line.split(' ').chain([hooks, "--output", folder]));
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    fn explore(place: &Place, folder: &str) -> Command {
        let line = "explore --model tiny river --quiet --overwrite --output";
        let mut command = place.command(line.split(' ').chain([folder]));
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    /// Waits a random part of the time of a whole run.
    fn wait(&mut self) {
        let most = usize::try_from(self.time.as_micros()).unwrap();
        std::thread::sleep(Duration::from_micros(self.random.below(most) as u64));
    }

    fn round(&mut self, event: Event) -> &'static str {
        let outcome = match event {
            Event::Signal(name, code) => self.signal(name, code),
            Event::TwoWriters => self.two_writers(),
            Event::ChangedInput => self.changed_input(),
            Event::KilledReplacement => return self.killed_replacement(),
        };
        let mut last = Self::extract(&self.place, "out").output().unwrap();
        if String::from_utf8_lossy(&last.stderr).contains("the input is different") {
            // The run began with the other text, and the journal says so.
            assert_eq!((event, last.status.code()), (Event::ChangedInput, Some(2)));
            std::fs::remove_dir_all(self.place.path("out")).unwrap();
            last = Self::extract(&self.place, "out").output().unwrap();
        }
        assert!(last.status.success(), "{event:?}: {}", String::from_utf8_lossy(&last.stderr));
        assert!(
            self.place.files("out") == self.whole,
            "{event:?}: {:?}",
            self.place.files("out").keys()
        );
        std::fs::remove_dir_all(self.place.path("out")).unwrap();
        outcome
    }

    fn signal(&mut self, name: &str, code: Option<i32>) -> &'static str {
        let child = Self::extract(&self.place, "out").spawn().unwrap();
        self.wait();
        send(&child, name);
        let output = child.wait_with_output().unwrap();
        if output.status.success() {
            return "ended before";
        }
        // Before the program listens, a signal ends it in the default way.
        assert!(output.status.code() == code || output.status.code().is_none(), "{output:?}");
        let half = |name: &String| name.ends_with(".part");
        if output.status.code().is_some() {
            assert!(
                !self.place.files("out").keys().any(half),
                "{name} left a file: {:?}",
                self.place.files("out").keys()
            );
        }
        "interrupted"
    }

    fn two_writers(&mut self) -> &'static str {
        let first = Self::extract(&self.place, "out").spawn().unwrap();
        if self.random.below(2) == 0 {
            self.wait();
        }
        let second = Self::extract(&self.place, "out").spawn().unwrap();
        let outputs = [first, second].map(|child| child.wait_with_output().unwrap());
        let done = outputs.iter().filter(|output| output.status.success()).count();
        assert!(done > 0, "{outputs:?}");
        assert!(self.place.files("out") == self.whole);
        for output in outputs.iter().filter(|output| !output.status.success()) {
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(
                said.trim_end(),
                "error: out is being written by another run; wait for it, or choose another folder"
            );
            assert_eq!(output.status.code(), Some(2));
        }
        if done == 2 { "one after the other" } else { "second refused" }
    }

    fn changed_input(&mut self) -> &'static str {
        let child = Self::extract(&self.place, "out").spawn().unwrap();
        self.wait();
        self.place.write("corpus.txt", &self.other);
        self.wait();
        self.place.write("corpus.txt", &self.text);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        match output.status.success() {
            // A run may begin and end while the other text is there.
            true if self.place.files("out") == self.whole_of_other => "computed, other text",
            true => {
                assert!(self.place.files("out") == self.whole, "a mixture was computed");
                "computed"
            }
            false => {
                // A file that is cut while it is written has fewer texts.
                let fits = ["changed while it was read", "has no texts"]
                    .iter()
                    .any(|what| said.contains(what));
                assert!(fits, "{said}");
                "refused"
            }
        }
    }

    fn killed_replacement(&mut self) -> &'static str {
        assert!(Self::explore(&self.place, "page").status().unwrap().success());
        let mut child = Self::explore(&self.place, "page").spawn().unwrap();
        self.wait();
        let name = ["KILL", "TERM"][self.random.below(2)];
        send(&child, name);
        let ended = child.wait().unwrap().success();
        assert!(
            self.settled("page") == self.settled("explored"),
            "{name}: {:?}",
            self.place.files("page").keys()
        );
        assert!(Self::explore(&self.place, "page").status().unwrap().success());
        assert!(self.settled("page") == self.settled("explored"));
        let beside: Vec<String> =
            self.place.files("").into_keys().filter(|name| name.starts_with("page.")).collect();
        assert!(beside.is_empty(), "{beside:?}");
        std::fs::remove_dir_all(self.place.path("page")).unwrap();
        if ended { "ended before" } else { "interrupted" }
    }

    /// The files of a folder without the manifest, which has the command line.
    fn settled(&self, folder: &str) -> Files {
        let mut files =
            if folder == "explored" { self.explored.clone() } else { self.place.files(folder) };
        assert!(files.remove("manifest.json").is_some(), "{folder}: {:?}", files.keys());
        files
    }
}

/// Sends a signal to a process, which may have ended.
fn send(child: &Child, name: &str) {
    let script = format!("kill -{name} {}", child.id());
    let _ = Command::new("sh").args(["-c", &script]).stderr(Stdio::null()).status().unwrap();
}

fn rounds(n: usize, seed: u64) -> BTreeMap<(Event, &'static str), usize> {
    let mut scene = Scene::new(seed);
    let mut counts = BTreeMap::new();
    for round in 0..n {
        let event = EVENTS[round % EVENTS.len()];
        *counts.entry((event, scene.round(event))).or_insert(0) += 1;
    }
    for ((event, outcome), n) in &counts {
        println!("{event:?}: {outcome}: {n}");
    }
    counts
}

#[test]
fn a_few_interrupted_runs_are_whole_or_refused() {
    let counts = rounds(EVENTS.len(), u64::from(std::process::id()));
    assert_eq!(counts.values().sum::<usize>(), EVENTS.len());
}

/// `cargo test -p stratoscope-tests --test suite -- --ignored --nocapture hundreds`.
#[test]
#[ignore = "it takes minutes"]
fn hundreds_of_interrupted_runs_are_whole_or_refused() {
    let counts = rounds(100 * EVENTS.len(), 1);
    assert_eq!(counts.values().sum::<usize>(), 100 * EVENTS.len());
}
