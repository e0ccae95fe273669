//! `cargo xtask bench peers`: Stratoscope and other tools in turns, on the same input.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value, json};

use super::options::Options;
use super::peer::Peer;
use super::rounds::{interleaved, numbers};
use super::table::{Line, median, render, thousands};
use super::{agreement, folder, machine, python};
use crate::failure::Failure;
use crate::program;

/// The largest number of rows, and the number of components of the PCA.
const PCA: (usize, usize) = (35_000, 50);
/// The largest number of rounds of t-SNE: it is slow, and its times vary little.
const TSNE_ROUNDS: usize = 3;
/// The job that measures the peak speed of the machine.
const PEAK: &str = "sgemm";

/// Runs the wanted benches, prints their table, and writes every round to `peers.json`.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let folder = folder()?;
    let ours = program::build("stratoscope-peer", "stratoscope-peer")?;
    let python = python::environment(&folder)?;
    eprintln!("preparing the text and the checkpoints");
    let mut arguments = vec![folder.clone(), options.model.clone()];
    arguments.extend(options.file.clone());
    let text = python::last_line(&python, "prepare.py", &arguments)?;
    let text: Value = serde_json::from_str(&text)
        .map_err(|error| Failure::Check(format!("prepare.py: {error} in `{text}`")))?;
    let (lines, raw) = (Vec::new(), Map::new());
    let mut bench =
        Bench { options, folder, ours, python, text, versions: Vec::new(), peak: 0.0, lines, raw };
    let outcome = bench.parts();
    // After an error, the results before it are kept.
    if !bench.lines.is_empty() {
        bench.keep()?;
        println!("{}", bench.shown());
    }
    outcome
}

/// A run of the benches.
struct Bench<'a> {
    options: &'a Options,
    folder: PathBuf,
    /// The program of our peer.
    ours: PathBuf,
    /// The Python of the environment.
    python: PathBuf,
    /// The description of the text from `prepare.py`.
    text: Value,
    /// The names and versions of the measured libraries.
    versions: Vec<String>,
    /// The best sgemm of all measurements, in FLOP per second.
    peak: f64,
    lines: Vec<Line>,
    /// All answers that count.
    raw: Map<String, Value>,
}

/// A turn in each round: the index of the peer, its job, and its label in the table.
type Turn = (usize, &'static str, &'static str);

const SORTED: &str = "PyTorch, sorted by length, batches of 32";

impl Bench<'_> {
    fn parts(&mut self) -> Result<(), Failure> {
        if self.options.wants("model") {
            self.model()?;
        }
        for (part, shape) in [
            ("bert-base", "BERT-base shape"),
            ("decoder", "SmolLM2-135M shape, a decoder"),
            ("deberta", "DeBERTa-v3-base shape"),
        ] {
            if self.options.wants(part) {
                self.random(part, shape)?;
            }
        }
        if self.options.wants("decoder-bf16") {
            self.bf16()?;
        }
        if self.options.wants("pca") || self.options.wants("tsne") {
            self.reducers()?;
        }
        Ok(())
    }

    /// Measures the real model: all states in memory, all states on disk, and one sentence.
    fn model(&mut self) -> Result<(), Failure> {
        let model = self.options.model.clone();
        let ids = self.folder.join("ids.json");
        let settings = json!({ "model": model, "ids": ids });
        let mut peers =
            vec![self.start("stratoscope", &settings)?, self.start("torch", &settings)?];
        let (mut memory, mut disk, mut sentence) = (
            vec![
                (0, "memory", ""),
                (1, "memory", SORTED),
                (1, "unsorted", "PyTorch, in the order of the text, batches of 32"),
            ],
            vec![(0, "disk", ""), (1, "disk", SORTED)],
            vec![(0, "one_sentence", ""), (1, "one_sentence", "PyTorch")],
        );
        if self.text["onnx"] == true {
            let label = "ONNX Runtime, sorted by length, batches of 32";
            memory.push((peers.len(), "memory", label));
            disk.push((peers.len(), "disk", label));
            sentence.push((peers.len(), "one_sentence", "ONNX Runtime"));
            peers.push(self.start("onnxruntime", &settings)?);
        }
        if self.text["family"] == "bert" {
            let label =
                "candle-transformers, sorted by length, batches of 32, only the last hidden state";
            memory.push((peers.len(), "memory", label));
            peers.push(self.start("candle", &settings)?);
        }
        memory.push((1, PEAK, ""));
        let name = self.model_name();
        let count = |key: &str| thousands(self.text[key].as_u64().unwrap_or(0));
        let of_text = format!("{name}, {} sentences", count("sentences"));
        let of_sentence = format!("{name}, one sentence of {} tokens", count("sentence_tokens"));
        let rounds = self.options.rounds;
        let title = format!("{of_text}, all hidden states in memory");
        self.scene(&title, &mut peers, &memory, rounds, true)?;
        let title = format!("{of_text}, all hidden states written to disk");
        self.scene(&title, &mut peers, &disk, rounds, true)?;
        let title = format!("{of_sentence}, only the forward pass");
        self.scene(&title, &mut peers, &sentence, rounds, true)?;
        Ok(())
    }

    /// Measures a checkpoint with random weights; the values do not change the time.
    fn random(&mut self, part: &str, shape: &str) -> Result<(), Failure> {
        let model = self.folder.join(part);
        let settings = json!({ "model": model, "ids": model.join("ids.json") });
        let mut peers = [self.start("stratoscope", &settings)?, self.start("torch", &settings)?];
        let turns = [(0, "memory", ""), (1, "memory", SORTED), (1, PEAK, "")];
        let sentences = thousands(self.text[part].as_u64().unwrap_or(0));
        let title = format!("{shape}, f32, {sentences} sentences, all hidden states in memory");
        self.scene(&title, &mut peers, &turns, self.options.rounds, true)?;
        Ok(())
    }

    /// Measures a decoder whose checkpoint is in bf16: computed in f32, and in bf16.
    fn bf16(&mut self) -> Result<(), Failure> {
        let part = "decoder-bf16";
        let model = self.folder.join(part);
        let settings =
            |dtype: &str| json!({ "model": model, "ids": model.join("ids.json"), "dtype": dtype });
        let (wide, half) = (settings("f32"), settings("bf16"));
        let mut peers = [
            self.start("stratoscope", &wide)?,
            self.start("torch", &wide)?,
            self.start("torch", &half)?,
            self.start("stratoscope", &half)?,
        ];
        let sentences = thousands(self.text[part].as_u64().unwrap_or(0));
        let title = |how: &str| {
            format!(
                "SmolLM2-135M shape, a checkpoint in bf16, computed in {how}, {sentences} sentences, all \
                 hidden states in memory"
            )
        };
        let in_f32 = "PyTorch in f32, sorted by length, batches of 32";
        let in_bf16 = "PyTorch in bf16, sorted by length, batches of 32";
        let turns =
            [(0, "memory", ""), (1, "memory", in_f32), (2, "memory", in_bf16), (1, PEAK, "")];
        self.scene(&title("f32"), &mut peers, &turns, self.options.rounds, true)?;
        let turns = [(3, "memory", ""), (2, "memory", in_bf16), (1, PEAK, "")];
        self.scene(&title("bf16"), &mut peers, &turns, self.options.rounds, true)?;
        Ok(())
    }

    /// Measures PCA and t-SNE of real states.
    fn reducers(&mut self) -> Result<(), Failure> {
        let settings = json!({ "model": self.options.model, "ids": self.folder.join("ids.json") });
        let made = self.start("stratoscope", &settings)?.round("rows")?;
        let components = PCA.1;
        let rows = json!({
            "rows": self.folder.join("rows.f32"),
            "columns": made["columns"],
            "components": components,
        });
        let mut peers = vec![self.start("reducers", &rows)?, self.start("sklearn", &rows)?];
        if self.options.wants("pca") {
            let [n, d] = ["rows", "columns"].map(|key| made[key].as_u64().unwrap_or(0));
            let title = format!("PCA, {} × {d} to {components}", thousands(n));
            let turns = [(0, "fit", ""), (1, "fit", "scikit-learn's default")];
            self.scene(&title, &mut peers, &turns, self.options.rounds, true)?;
        }
        if !self.options.wants("tsne") {
            return Ok(());
        }
        let n = peers[1].round("scores")?["rows"].as_u64().unwrap_or(0);
        let scores = self.folder.join("scores.f32");
        let scores = json!({ "rows": scores, "columns": components, "components": components });
        let mut peers = [self.start("reducers", &scores)?, self.start("opentsne", &scores)?];
        let title = format!("t-SNE, {} × {components} to the plane", thousands(n));
        let turns = [(0, "embed", ""), (1, "embed", "openTSNE's default")];
        let rounds = self.options.rounds.min(TSNE_ROUNDS);
        let line = self.scene(&title, &mut peers, &turns, rounds, false)?;
        let mut divergence = |job: &str| -> Result<f64, Failure> {
            Ok(peers[0].round(job)?["kl"].as_f64().unwrap_or(f64::NAN))
        };
        let (ours, theirs) = (divergence("kl_of_ours")?, divergence("kl_of_other")?);
        self.lines[line].note = format!("exact KL {ours:.3} / {theirs:.3}");
        Ok(())
    }

    /// Starts a peer with its own settings and the settings of all peers.
    fn start(&mut self, kind: &str, settings: &Value) -> Result<Peer, Failure> {
        let mut settings = settings.clone();
        settings["kind"] = kind.into();
        settings["threads"] = self.options.threads.into();
        settings["out"] = json!(self.folder);
        settings["most_rows"] = PCA.0.into();
        settings["onnx"] = json!(self.folder.join("model.onnx"));
        let mut command = match kind {
            "stratoscope" | "candle" | "reducers" => Command::new(&self.ours),
            _ => Command::new(&self.python),
        };
        if command.get_program() == self.python.as_os_str() {
            command.arg(python::script("peers.py"));
        }
        command.arg(settings.to_string());
        let peer = Peer::start(command, kind, self.options.threads)?;
        if !self.versions.contains(&peer.name) {
            self.versions.push(peer.name.clone());
        }
        Ok(peer)
    }

    /// Measures in turns. Adds a line to the table for each turn, except for the first turn (ours)
    /// and the peak of the machine. Returns the index of the first new line.
    fn scene(
        &mut self,
        title: &str,
        peers: &mut [Peer],
        turns: &[Turn],
        rounds: usize,
        warm_up: bool,
    ) -> Result<usize, Failure> {
        eprintln!("{title}");
        let names: Vec<String> =
            turns.iter().map(|(peer, job, _)| format!("{}, {job}", peers[*peer].name)).collect();
        let answers = interleaved(&names, rounds, warm_up, |who| {
            let (peer, job, _) = turns[who];
            peers[peer].round(job)
        })?;
        let compared =
            || (turns.iter().zip(&names).zip(&answers)).filter(|((t, _), _)| t.1 != PEAK);
        for round in 0..rounds {
            let work: Vec<_> =
                compared().map(|((_, name), of)| (name.clone(), of[round].clone())).collect();
            agreement::check(title, &work)?;
        }
        let peak = (turns.iter().zip(&answers))
            .filter(|(turn, _)| turn.1 == PEAK)
            .flat_map(|(_, answers)| answers)
            .filter_map(|answer| Some(answer["flop"].as_f64()? / answer["seconds"].as_f64()?))
            .fold(0.0, f64::max);
        self.peak = self.peak.max(peak);
        let first = self.lines.len();
        let seconds = |answers: &[Value]| median(&numbers(answers, "seconds"));
        let flop = numbers(&answers[0], "flop").first().copied();
        for (((_, _, label), _), theirs) in compared().skip(1) {
            let (ours, theirs) = (seconds(&answers[0]), seconds(theirs));
            let share = |seconds: f64, flop: f64| format!("{:.0} %", 100.0 * flop / seconds / peak);
            let note = match flop.filter(|_| peak > 0.0) {
                Some(flop) => format!("{} / {}", share(ours, flop), share(theirs, flop)),
                None => String::new(),
            };
            let (what, against) = (title.to_owned(), (*label).to_owned());
            self.lines.push(Line { what, against, ours, theirs, note });
        }
        let raw = names.into_iter().zip(answers).map(|(name, of)| (name, Value::from(of)));
        self.raw.insert(title.to_owned(), Value::Object(raw.collect()));
        Ok(first)
    }

    fn model_name(&self) -> String {
        match self.options.model.ends_with("crates/bundled/model") {
            true => "all-MiniLM-L6-v2".to_owned(),
            false => {
                let name = self.options.model.file_name().unwrap_or_default();
                name.to_string_lossy().into_owned()
            }
        }
    }

    /// The description of the measurement: date, machine, text and libraries.
    fn about(&self) -> String {
        let number = |key: &str| thousands(self.text[key].as_u64().unwrap_or(0));
        let source = self.text["source"].as_str().unwrap_or_default();
        let peak = match self.peak > 0.0 {
            true => format!(" The best sgemm (2,048³): {:.0} GFLOP/s.", self.peak / 1e9),
            false => String::new(),
        };
        format!(
            "{}, {}, {} threads, medians of {} rounds in turns (t-SNE: at most {TSNE_ROUNDS}). \
             Text: {source}, {} sentences, {} tokens. {}.{peak} Times are from token ids to \
             states, without tokenization.",
            machine::today(),
            machine::processor(),
            self.options.threads,
            self.options.rounds,
            number("sentences"),
            number("tokens"),
            self.versions.join("; "),
        )
    }

    fn shown(&self) -> String {
        let table = render(&self.lines, "share of sgemm, or exact KL: Stratoscope / other");
        format!("{}\n\n{table}", self.about())
    }

    fn keep(&self) -> Result<(), Failure> {
        let kept = json!({
            "about": self.about(),
            "date": machine::today(),
            "processor": machine::processor(),
            "threads": self.options.threads,
            "rounds": self.options.rounds,
            "text": self.text,
            "peers": self.versions,
            "sgemm_flop_per_second": self.peak,
            "table": self.lines.iter().map(Line::json).collect::<Value>(),
            "every_round": self.raw,
        });
        keep(&self.folder.join("peers.json"), &kept)
    }
}

/// Writes numbers as JSON, and prints the path.
pub(super) fn keep(path: &Path, figures: &Value) -> Result<(), Failure> {
    std::fs::write(path, format!("{figures:#}\n")).map_err(Failure::file(path))?;
    eprintln!("every round is in {}", path.display());
    Ok(())
}
