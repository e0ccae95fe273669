//! A peer that `cargo xtask bench peers` times: ours, or candle-transformers.
//!
//! `stratoscope-peer '{"kind": …, "model": …, "ids": …, "out": …}'` loads, prints a line that says
//! what it is, then does a round of a job for each line with a job's name, and prints how long it
//! took. `xtask/bench/peers.py` has the same for the other libraries: only what a job is named for
//! is inside the clock, and what is reported to compare the peers by is computed after it has
//! stopped. The number of threads is that of `RAYON_NUM_THREADS`.

// It talks to the chore that started it.
#![allow(clippy::print_stdout)]

mod candle;
mod clock;
mod reducers;
mod states;

use serde_json::{Value, json};
use std::error::Error;
use std::io::BufRead;
use std::path::PathBuf;

/// What can go wrong ends the process: the chore that started it shows it.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A library with what it needs for its jobs.
trait Peer {
    /// Its name and its version.
    fn name(&self) -> [&str; 2];

    /// One round of a job.
    fn round(&mut self, job: &str) -> Result<Value>;
}

/// What the chore asks for.
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
    let argument = std::env::args().nth(1).ok_or("it is started by `cargo xtask bench peers`")?;
    let settings = Settings(serde_json::from_str(&argument)?);
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

/// Refuses a job that a peer does not have.
fn unknown(job: &str) -> Box<dyn Error> {
    format!("there is no job {job}").into()
}
