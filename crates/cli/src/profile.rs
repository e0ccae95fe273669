//! `stratoscope profile`: what the layers of a model show of words.

use crate::args::ProfileArgs;
use crate::exit::{Failure, Result};
use crate::progress::Progress;
use crate::run::Run;
use crate::{input, model, states};
use std::path::Path;
use stratoscope::bank::Bank;
use stratoscope::crates::extractor::FileKind;
use stratoscope::crates::extractor::files::write_file;
use stratoscope::crates::loader::path_text;
use stratoscope::profile::{
    self, CrossedStates, FIGURES, NamedStimuli, Options, Profile, Profiles,
};
use stratoscope::{Explorer, Text};

pub(crate) fn run(args: &ProfileArgs) -> Result<()> {
    let run = Run::new(&args.output, &args.common, &FIGURES)?;
    let models = model::each(&args.models)?;
    if let Some(path) = &args.save_states {
        if models.len() > 1 {
            return Err(Failure::usage("--save-states is for a single model"));
        }
        crate::extract::check_output(path, args.output.overwrite)?;
    }
    let stimuli = stimuli(args)?;
    let bank = match &args.bank[..] {
        [] => Bank::reference()?,
        files => Bank::read(files)?,
    };
    let of_texts = Options { bank: Some(bank.clone()), stimuli: Some(stimuli.clone()) };
    if let Some(path) = &args.write_texts {
        return write_texts(path, args, &of_texts, &run.progress);
    }
    let texts = || -> Result<Option<Vec<Text>>> {
        let texts = profile::texts(&of_texts)?.into_iter();
        Ok(Some(texts.map(|(_, text)| Text::from(text)).collect()))
    };
    if let Some(given) = states::given(&args.states, texts, &run.progress)? {
        if args.save_states.is_some() {
            return Err(Failure::usage("--save-states needs a model; --from has states already"));
        }
        return run.finish(&given.profile(&of_texts)?, &[]);
    }
    let mut profiles = Vec::new();
    for model in &models {
        let explorer = model::open_of(&models, model, &run.progress)?;
        profiles.push(profile(args, &explorer, &bank, &stimuli)?);
    }
    let also = args.save_states.as_deref();
    match &profiles[..] {
        [one] => run.finish(one, also.as_slice()),
        _ => run.finish(&Profiles(profiles), also.as_slice()),
    }
}

/// Writes the texts that a profile needs, with their ids.
fn write_texts(
    path: &Path,
    args: &ProfileArgs,
    options: &Options,
    progress: &Progress,
) -> Result<()> {
    let lines: fn(&str, &str) -> String = match FileKind::of(path)? {
        FileKind::Tsv => |id, text| format!("{id}\t{text}\n"),
        FileKind::Jsonl => |id, text| format!("{}\n", serde_json::json!({"id": id, "text": text})),
        FileKind::Lines => |_, text| format!("{text}\n"),
        _ => {
            let said = "--write-texts writes a .tsv, .jsonl or .txt file";
            return Err(Failure::usage(said));
        }
    };
    crate::extract::check_place(path, args.output.overwrite)?;
    let kind = FileKind::of(path)?;
    let texts = profile::texts(options)?;
    let broken =
        |text: &str| text.contains(['\n', '\r']) || kind == FileKind::Tsv && text.contains('\t');
    if let Some((id, _)) = texts.iter().find(|(_, text)| kind != FileKind::Jsonl && broken(text)) {
        let said = format!("{id} has a tab or a line end, which only a .jsonl file can hold");
        return Err(Failure::input(said));
    }
    let mut all = if kind == FileKind::Tsv { "id\ttext\n".to_owned() } else { String::new() };
    all.extend(texts.iter().map(|(id, text)| lines(id, text)));
    write_file(path, |file| file.write_all(all.as_bytes())).map_err(|error| {
        Failure::from(stratoscope::Error::Write { path: path.to_owned(), source: error })
    })?;
    progress.note(&format!("{}: {} texts", path_text(path), texts.len()));
    Ok(())
}

fn profile(
    args: &ProfileArgs,
    explorer: &Explorer,
    bank: &Bank,
    stimuli: &NamedStimuli,
) -> Result<Profile> {
    // Put the name of the file before the error.
    let fits = stimuli.clone().for_model(&explorer.origin());
    fits.map_err(|error| Failure::input(format!("{}: {error}", args.stimuli)))?;
    let Some(path) = &args.save_states else {
        let (bank, stimuli) = (Some(bank.clone()), Some(stimuli.clone()));
        return Ok(explorer.profile(&Options { bank, stimuli })?);
    };
    // A stored result has no vectors.
    let states = CrossedStates::extract(explorer, stimuli.clone())?;
    let profile = Profile {
        curves: explorer.curves(bank)?,
        crossed: explorer.crossed_of(&states)?,
        files: Vec::new(),
    };
    states.write(path)?;
    Ok(profile)
}

/// The stimuli that the arguments name. A file has priority over a built-in name, as a folder has
/// over the id of a model.
fn stimuli(args: &ProfileArgs) -> Result<NamedStimuli> {
    let name = args.stimuli.as_str();
    let stimuli = match name {
        _ if Path::new(name).is_file() => {
            let bytes = input::read(Path::new(name))?;
            let text = String::from_utf8(bytes)
                .map_err(|_| Failure::input(format!("{name}: not valid UTF-8")))?;
            NamedStimuli::parse(name, &text)
        }
        "homographs" => NamedStimuli::homographs(),
        "noun-verb" => NamedStimuli::noun_verb(),
        _ => {
            return Err(Failure::input(format!(
                "there is no file {name}; the built-in stimuli are homographs and noun-verb"
            )));
        }
    };
    let stimuli = match stimuli {
        Ok(stimuli) if args.cues_first => stimuli.cues_first(),
        other => other,
    };
    // Put the name of the file before the line number.
    stimuli.map_err(|error| Failure::input(format!("{name}: {error}")))
}
