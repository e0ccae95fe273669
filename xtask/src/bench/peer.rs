//! A peer: a process that loads a library and runs a round of a job on request.
//!
//! It answers with lines of JSON: first `{"ready": true, "name": …, "version": …, "threads": …}`,
//! and then, for every line with the name of a job, an object with `seconds` and further values.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::failure::Failure;

/// A running peer.
pub(crate) struct Peer {
    child: Child,
    jobs: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    /// The name in error messages.
    shown: String,
    /// The name and the version of the library.
    pub(crate) name: String,
}

impl Peer {
    /// Starts a peer and waits until it has loaded. It must use this number of threads.
    pub(crate) fn start(
        mut command: Command,
        shown: &str,
        threads: usize,
    ) -> Result<Self, Failure> {
        for name in
            ["RAYON_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]
        {
            command.env(name, threads.to_string());
        }
        let mut child = command
            .env("HF_HUB_OFFLINE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|source| Failure::Start { command: shown.to_owned(), source })?;
        let (Some(jobs), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Failure::Check(format!("{shown} has no pipes")));
        };
        let answers = BufReader::new(answers).lines();
        let mut peer =
            Self { child, jobs, answers, shown: shown.to_owned(), name: shown.to_owned() };
        let ready = peer.answer("loading")?;
        if ready["threads"].as_u64() != Some(threads as u64) {
            let found = &ready["threads"];
            return Err(Failure::Check(format!("{shown} has {found} threads, not {threads}")));
        }
        peer.name = [&ready["name"], &ready["version"]]
            .map(|part| part.as_str().unwrap_or("?").to_owned())
            .join(" ");
        Ok(peer)
    }

    /// Runs one round of a job.
    pub(crate) fn round(&mut self, job: &str) -> Result<Value, Failure> {
        // If the process has ended, reading the answer gives the error.
        let _ = writeln!(self.jobs, "{}", Value::from(job)).and_then(|()| self.jobs.flush());
        self.answer(job)
    }

    fn answer(&mut self, job: &str) -> Result<Value, Failure> {
        match self.answers.next() {
            Some(Ok(line)) => parse(&line).ok_or_else(|| {
                let (shown, line) = (&self.shown, line.chars().take(200).collect::<String>());
                Failure::Check(format!("{shown}, {job}: `{line}` is not an answer"))
            }),
            _ => {
                let status = self.child.wait();
                let command = format!("{}, {job}", self.shown);
                Err(match status {
                    Ok(status) => Failure::Status { command, status },
                    Err(source) => Failure::Start { command, source },
                })
            }
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // The process may already have ended, so errors are ignored.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Parses an answer: a JSON object.
fn parse(line: &str) -> Option<Value> {
    serde_json::from_str(line).ok().filter(Value::is_object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_objects() {
        assert_eq!(parse(r#"{"seconds": 1.5}"#).unwrap()["seconds"], 1.5);
        assert!(parse("[1]").is_none() && parse("warning: slow").is_none() && parse("").is_none());
    }

    #[cfg(unix)]
    #[test]
    fn a_process_is_asked_line_by_line() {
        let start = |script: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            Peer::start(command, "the peer", 2)
        };
        let mut peer = start(
            r#"echo '{"ready": true, "name": "it", "version": "1.0", "threads": 2}'
            while read job; do echo "{\"job\": $job, \"threads\": $RAYON_NUM_THREADS}"; done"#,
        )
        .unwrap();
        assert_eq!(peer.name, "it 1.0");
        let answer = peer.round("memory").unwrap();
        assert_eq!((&answer["job"], &answer["threads"]), (&"memory".into(), &2.into()));

        let message = |script| start(script).err().unwrap().to_string();
        assert!(message("exit 3").contains("the peer, loading"));
        assert!(message("echo hello").contains("`hello` is not an answer"));
        assert!(message(r#"echo '{"threads": 1}'"#).contains("1 threads, not 2"));
        let mut dies = start(r#"echo '{"threads": 2}'; read job"#).unwrap();
        assert!(dies.round("memory").unwrap_err().to_string().contains("the peer, memory"));
    }
}
