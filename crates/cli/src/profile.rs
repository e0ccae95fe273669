//! `stratoscope profile`: what the layers of a model show of words.

use crate::args::ProfileArgs;
use crate::exit::{Failure, Result};
use crate::run::Run;
use crate::{input, model};
use std::path::Path;
use stratoscope::Explorer;
use stratoscope::bank::Bank;
use stratoscope::profile::{CrossedStates, FIGURES, NamedStimuli, Options, Profile, Profiles};

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
    let profile =
        Profile { curves: explorer.curves(bank)?, crossed: explorer.crossed_of(&states)? };
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
