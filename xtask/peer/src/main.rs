//! A peer that `cargo xtask bench peers` times: Stratoscope, or candle-transformers.
//!
//! `stratoscope-peer '{"kind": …, "model": …, "ids": …, "out": …}'` loads the library and prints a
//! line with its name and version. For each line with the name of a job, it runs one round of this
//! job and prints the times. `xtask/bench/peers.py` does this for the other libraries. Only the job
//! is timed; the numbers that are compared between peers are computed afterwards.
//! `RAYON_NUM_THREADS` sets the number of threads.

// The output is the protocol with the chore that started this process.
#![allow(clippy::print_stdout)]

mod candle;
mod clock;
mod reducers;
mod states;

use serde_json::{Value, json};
use std::error::Error;
use std::io::BufRead;
use std::path::PathBuf;

/// An error ends the process, and the chore that started it shows the error.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A library with the input of its jobs.
trait Peer {
    /// The name and the version of the library.
    fn name(&self) -> [&str; 2];

    /// Runs one round of a job.
    fn round(&mut self, job: &str) -> Result<Value>;
}

/// The settings from the chore.
struct Settings(Value);

impl Settings {
    fn text(&self, key: &str) -> Result<&str> {
        self.0[key].as_str().ok_or_else(|| format!("the settings have no {key}").into())
    }

    fn path(&self, key: &str) -> Result<PathBuf> {
        self.text(key).map(PathBuf::from)
    }

    fn size(&self, key: &str) -> Result<usize> {
        let size = self.0[key].as_u64().and_then(|size| usize::try_from(size).ok());
        size.ok_or_else(|| format!("the settings have no {key}").into())
    }

    /// The sequences of token ids, and the single sentence.
    fn ids(&self) -> Result<(Vec<Vec<u32>>, Vec<u32>)> {
        let read: Value = serde_json::from_slice(&std::fs::read(self.path("ids")?)?)?;
        let sequences = serde_json::from_value(read["sequences"].clone())?;
        Ok((sequences, serde_json::from_value(read["sentence"].clone())?))
    }
}

fn main() -> Result<()> {
    let argument =
        std::env::args_os().nth(1).ok_or("this program is started by `cargo xtask bench peers`")?;
    let settings = Settings(serde_json::from_slice(argument.as_encoded_bytes())?);
    let mut peer: Box<dyn Peer> = match settings.text("kind")? {
        "stratoscope" => Box::new(states::States::load(&settings)?),
        "candle" => Box::new(candle::Candle::load(&settings)?),
        "reducers" => Box::new(reducers::Reducers::load(&settings)?),
        other => return Err(format!("there is no kind {other}").into()),
    };
    let [name, version] = peer.name();
    let threads = candle_core::utils::get_num_threads();
    println!("{}", json!({ "ready": true, "name": name, "version": version, "threads": threads }));
    for line in std::io::stdin().lock().lines() {
        let job: String = serde_json::from_str(&line?)?;
        println!("{}", peer.round(&job)?);
    }
    Ok(())
}

/// The error for a job that a peer does not have.
fn unknown(job: &str) -> Box<dyn Error> {
    format!("there is no job {job}").into()
}
