//! `stratoscope profile`: the model's own profile of sense and role.

use crate::args::{ModelArgs, ProfileArgs};
use crate::cache::Cached;
use crate::outcome::{Failure, Result, hold_interrupts, print};
use crate::output::Output;
use crate::progress::Progress;
use crate::{input, model};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use stratoscope::extractor::Origin;
use stratoscope::probing::{Estimate, Partition};
use stratoscope::{NamedStimuli, Profile, ProfileCurve, ProfileStates, slug, write_profiles};

/// The seed of the bootstrap and the permutations: one profile a model and stimuli.
const SEED: u64 = 0;

pub(crate) fn run(args: &ProfileArgs) -> Result<()> {
    let mut progress = Progress::new(&args.common);
    let output = Output::new(&args.output, &args.common)?;
    let models = model::each(&args.models)?;
    if let Some(path) = &args.save_states {
        if models.len() > 1 {
            return Err(Failure::usage("--save-states is for a single model"));
        }
        crate::extract::check_output(path, args.output.overwrite)?;
    }
    let stimuli = stimuli(args)?;
    let mut profiles = Vec::new();
    for model in &models {
        profiles.push(profiled(args, model, stimuli.clone(), &mut progress)?);
    }
    let line = std::env::args().collect();
    let written = output.write(
        &mut progress,
        || Ok(default_folder(&models, &profiles)),
        |folder, overwrite| Ok(write_profiles(folder, &profiles, line, overwrite)?),
    )?;
    progress.finish();
    if args.common.json {
        let value = match &profiles[..] {
            [one] => serde_json::json!(one),
            several => serde_json::json!({ "models": several }),
        };
        return print(&format!("{value}\n"));
    }
    if args.common.quiet {
        return Ok(());
    }
    let mut text = String::new();
    for profile in &profiles {
        text += &summary(profile);
        text += "\n";
    }
    text +=
        &places(written.as_ref().map(|(folder, _)| folder.as_path()), args.save_states.as_deref());
    print(&format!("{}\n", text.trim_end_matches('\n')))
}

/// The profile of a model: the stored one, or a new one, which is stored.
fn profiled(
    args: &ProfileArgs,
    model: &ModelArgs,
    stimuli: NamedStimuli,
    progress: &mut Progress,
) -> Result<Profile> {
    let explorer = model::open(model, progress)?;
    let origin = explorer.origin();
    let all = stimuli.stimuli.contexts().len();
    let stimuli = stimuli
        .for_model(&origin)
        .map_err(|error| Failure::input(format!("{}: {error}", args.stimuli)))?;
    let kept = stimuli.stimuli.contexts().len();
    if kept < all {
        progress.note(&format!(
            "a causal model: only the {kept} of {all} contexts whose cues stand before the target"
        ));
    }
    // A stored profile is not computed again, unless the vectors behind it are asked for.
    if args.save_states.is_none()
        && let Some(stored) = find(model, &origin, &stimuli)?
    {
        return Ok(stored);
    }
    let cached = cached(model, &origin, &stimuli)?;
    let mut step = |s: stratoscope::Step| progress.at(s.what, s.done as u64, s.total as u64);
    let states = ProfileStates::extract(&explorer, stimuli, &mut step)?;
    let profile = Profile::compute(&states, SEED, &mut step)?;
    if let Some(path) = &args.save_states {
        progress.at("writing", 0, 1);
        let _guard = hold_interrupts();
        states.write(path)?;
    }
    cached.keep(&serde_json::json!(profile).to_string(), progress);
    Ok(profile)
}

/// The stored profile of a model over these stimuli: the one that ships, or the one that is cached.
pub(crate) fn find(
    args: &ModelArgs,
    origin: &Origin,
    stimuli: &NamedStimuli,
) -> Result<Option<Profile>> {
    // One that is damaged, or of other weights, stimuli or version, is as good as none.
    let stored = [shipped().map(str::to_owned), cached(args, origin, stimuli)?.read()];
    let known = |json: String| Profile::parse(&json, origin).ok().filter(|p| p.is_of(stimuli));
    Ok(stored.into_iter().flatten().find_map(known))
}

fn cached(args: &ModelArgs, origin: &Origin, stimuli: &NamedStimuli) -> Result<Cached> {
    let cues = if stimuli.cues_first { "-cues-first" } else { "" };
    Cached::new(args, origin, "profiles", &format!("-{}{cues}", stimuli.sha256))
}

#[cfg(feature = "bundled")]
fn shipped() -> Option<&'static str> {
    Some(stratoscope_bundled::PROFILE)
}

#[cfg(not(feature = "bundled"))]
fn shipped() -> Option<&'static str> {
    None
}

/// The stimuli that the arguments name: a file beats a name, as a folder beats a model's id.
fn stimuli(args: &ProfileArgs) -> Result<NamedStimuli> {
    let name = args.stimuli.as_str();
    let stimuli = match name {
        _ if Path::new(name).exists() => {
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
    // The file's name belongs before its lines.
    stimuli.map_err(|error| Failure::input(format!("{name}: {error}")))
}

/// `stratoscope-out/<models>--profile--<stimuli>--<hashes>`.
fn default_folder(models: &[ModelArgs], profiles: &[Profile]) -> PathBuf {
    let models = models.iter().map(|model| slug(model::short_name(model)));
    let models: String = models.collect::<Vec<_>>().join("-").chars().take(60).collect();
    let start = |hash: &str| hash.chars().take(8).collect::<String>();
    let mut name = format!("{}--profile", models.trim_matches('-'));
    if let Some(first) = profiles.first() {
        let stimuli = Path::new(&first.stimuli.name).file_stem().unwrap_or_default();
        let cues = if first.stimuli.cues_first { "-cues-first" } else { "" };
        name += &format!("--{}{cues}--", slug(&stimuli.to_string_lossy()));
        let weights = profiles.iter().filter_map(|p| p.model.weights.first());
        weights.for_each(|hash| name += &start(hash));
        name += &start(&first.stimuli.sha256);
    }
    PathBuf::from("stratoscope-out").join(name.trim_end_matches('-'))
}

/// What is said on the terminal of one profile.
fn summary(profile: &Profile) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut text, profile);
    text
}

/// Where things were written.
fn places(folder: Option<&Path>, states: Option<&Path>) -> String {
    let folder = folder.map(|folder| {
        format!("{}\n  profile (.svg .png .json) report.html manifest.json\n", folder.display())
    });
    let states = states.map(|states| format!("{}\n", states.display()));
    folder.into_iter().chain(states).collect()
}

fn write(text: &mut String, profile: &Profile) -> std::fmt::Result {
    let (model, s) = (&profile.model, &profile.stimuli);
    writeln!(text, "{}, {}, {} layers", model.model, model.family, model.n_layers)?;
    writeln!(
        text,
        "{}: {} words, {} senses, {} roles ({}), {} contexts, {} texts",
        s.name,
        s.words,
        s.senses,
        s.roles.len(),
        s.roles.join(", "),
        s.contexts,
        s.texts,
    )?;
    let told = |what: &str, t: stratoscope::probing::Told| {
        format!("{what} {:.0} % (chance {:.0} %)", 100.0 * t.accuracy, 100.0 * t.chance)
    };
    writeln!(
        text,
        "targets at tokens {} to {}, {}; neighbours alone tell {}, {}",
        profile.balance.positions[0],
        profile.balance.positions[1],
        match profile.position_removed {
            true => "not the same in every cell: position is removed",
            false => "the same in every cell",
        },
        told("the role", profile.balance.role_from_neighbours),
        told("the sense", profile.balance.sense_from_neighbours),
    )?;
    for (name, curve) in profile.curves() {
        writeln!(text)?;
        table(text, &name, curve)?;
    }
    writeln!(text)?;
    for line in wrapped(&profile.in_words(), 96) {
        writeln!(text, "{line}")?;
    }
    Ok(())
}

/// One row a layer: ω² of the effects with their intervals, the shares.
fn table(text: &mut String, name: &str, curve: &ProfileCurve) -> std::fmt::Result {
    type Pick = fn(&Partition) -> Option<Estimate>;
    let columns: [(&str, Pick); 5] = [
        ("sense", |p| p.sense),
        ("role", |p| p.role),
        ("word × role", |p| p.word_role),
        ("semantic share", |p| p.semantic_share),
        ("share, any role", |p| p.semantic_share_any_role),
    ];
    writeln!(text, "{name}: ω² of what varies within a word [95 % interval]")?;
    write!(text, "layer  within")?;
    for (title, _) in columns {
        write!(text, "  {title:<18}")?;
    }
    writeln!(text)?;
    for layer in &curve.layers {
        let within = layer.partition.within_word;
        let within = within.map_or("–".to_owned(), |w| format!("{:.0} %", 100.0 * w.value));
        write!(text, "{:>5}  {within:>6}", layer.layer)?;
        for (_, pick) in columns {
            let cell = pick(&layer.partition).map_or("–".to_owned(), |e| {
                format!("{} [{}, {}]", short(e.value), short(e.low), short(e.high))
            });
            write!(text, "  {cell:<18}")?;
        }
        // Spaces at the end of a line help nobody.
        text.truncate(text.trim_end_matches(' ').len());
        writeln!(text)?;
    }
    Ok(())
}

/// Two decimals without the leading 0, as papers print it.
pub(crate) fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    match text.strip_prefix("-0").or(text.strip_prefix('0')) {
        Some(rest) if text.starts_with('-') && rest != ".00" => format!("−{rest}"),
        Some(rest) => rest.to_owned(),
        None => text,
    }
}

/// Lines of at most `width` characters, cut at spaces.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            [0.254, 1.0, -0.004, -0.05, 0.0].map(short),
            [".25", "1.00", ".00", "−.05", ".00"]
        );
        assert_eq!(wrapped("a bb ccc", 4), ["a bb", "ccc"]);
    }
}
