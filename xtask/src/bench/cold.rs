//! `cargo xtask bench cold`: times the program from process start to written files, and a typical
//! Python script for the same task.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use super::options::Options;
use super::peers::keep;
use super::rounds::{interleaved, numbers};
use super::table::{Line, median, render};
use super::{folder, machine, python};
use crate::failure::Failure;
use crate::program;

/// A sentence of 15 tokens for MiniLM.
const SENTENCE: &str = "The old bank by the river refused the loan to her brother.";

/// Runs both programs in turns, prints the table, and writes every round to `cold.json`. The first
/// round brings files into memory and does not count.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let folder = folder()?;
    let program = program::build("stratoscope-cli", "stratoscope")?;
    let python = python::environment(&folder)?;
    let out = folder.join("cold");
    let names = ["stratoscope explore".to_owned(), "usual.py".to_owned()];
    eprintln!("one sentence, from process start to files written");
    let answers = interleaved(&names, options.rounds, true, |who| {
        let command = match who {
            0 => {
                let mut command = Command::new(&program);
                command.args(["explore", SENTENCE, "--quiet", "--output"]).arg(&out);
                command
            }
            _ => {
                let mut command = Command::new(&python);
                command.arg(python::script("usual.py")).arg(&options.model).arg(&out);
                command.arg(SENTENCE).env("HF_HUB_OFFLINE", "1");
                command
            }
        };
        whole_process(command, &names[who], &out)
    })?;
    let [ours, theirs] = [0, 1].map(|who| median(&numbers(&answers[who], "seconds")));
    let [our_cpu, their_cpu] = [0, 1].map(|who| median(&numbers(&answers[who], "cpu_seconds")));
    let line = Line {
        what: "one sentence, from process start to files written".to_owned(),
        against: "the usual Python script (PyTorch, scikit-learn, matplotlib; three figures)"
            .to_owned(),
        ours,
        theirs,
        note: format!("{our_cpu:.2} s / {their_cpu:.2} s"),
    };
    let about = format!(
        "{}, {}, medians of {} rounds in turns, after a round that brings all files into memory. \
         `stratoscope explore` uses the bundled model and writes its figures as SVG and PNG, their \
         numbers and the states; the script loads the model from a folder.",
        machine::today(),
        machine::processor(),
        options.rounds
    );
    let kept = json!({
        "about": about,
        "table": [line.json()],
        "every_round": { &names[0]: answers[0], &names[1]: answers[1] },
    });
    keep(&folder.join("cold.json"), &kept)?;
    println!("{about}\n\n{}", render(&[line], "processor time: Stratoscope / other"));
    Ok(())
}

/// Runs a process and returns its times. The process must write files to the folder, which is then
/// removed.
fn whole_process(mut command: Command, name: &str, out: &Path) -> Result<Value, Failure> {
    remove(out)?;
    let cpu = machine::cpu_seconds_of_children();
    let begin = Instant::now();
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .map_err(|source| Failure::Start { command: name.to_owned(), source })?;
    let seconds = begin.elapsed().as_secs_f64();
    let cpu = cpu.zip(machine::cpu_seconds_of_children()).map(|(before, after)| after - before);
    if !status.success() {
        return Err(Failure::Status { command: name.to_owned(), status });
    }
    let files = std::fs::read_dir(out).map_err(Failure::file(out))?.count();
    if files == 0 {
        return Err(Failure::Check(format!("{name} wrote nothing to {}", out.display())));
    }
    remove(out)?;
    Ok(json!({ "seconds": seconds, "cpu_seconds": cpu, "files": files }))
}

fn remove(folder: &Path) -> Result<(), Failure> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::file(folder)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_process_must_write_files() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let run = |script: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", script, "sh"]).arg(&out);
            whole_process(command, "it", &out)
        };
        let answer = run("mkdir \"$1\"; touch \"$1/a\" \"$1/b\"").unwrap();
        assert!(answer["files"] == 2 && answer["seconds"].as_f64().unwrap() > 0.0);
        assert!(!out.exists());
        assert!(run("mkdir \"$1\"").unwrap_err().to_string().contains("it wrote nothing"));
        assert!(matches!(run("exit 4"), Err(Failure::Status { .. })));
        assert!(matches!(run("true"), Err(Failure::File { .. })));
    }
}
