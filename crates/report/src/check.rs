//! Checks that the lengths of a report agree and that its numbers are finite: the page relies on it.

mod media;

use crate::{Error, Exploration, Journeys, MapAbout, MapLayer, Report, Result, Story, StoryLayer};
use std::collections::BTreeSet;

pub(crate) fn report(report: &Report) -> Result<()> {
    for (index, exploration) in report.explorations.iter().enumerate() {
        check_exploration(&format!("exploration {index}"), exploration)?;
    }
    if let [first, second] = &report.explorations[..] {
        for pair in &report.aligned {
            for (place, of) in pair.iter().zip([first, second]) {
                below("an aligned token", *place, of.tokens.len())?;
            }
        }
    }
    if let Some(overlay) = &report.overlay {
        let layers = report.explorations.first().map_or(0, |e| e.layers.len());
        length("two sentences: same_word".to_owned(), layers, overlay.same_word.len())?;
        length("two sentences: random".to_owned(), layers, overlay.random.len())?;
        let medians = overlay.same_word.iter().chain(&overlay.random);
        let distances = overlay.steps.iter().flat_map(|step| step.distances.iter().flatten());
        all_finite("two sentences", medians.chain(distances).copied())?;
        let steps = overlay.steps.len();
        let of_steps = overlay.steps.iter().map(|step| &step.distances);
        for distances in of_steps.chain(overlay.displaced.iter().map(|word| &word.distances)) {
            length("two sentences: distances".to_owned(), layers, distances.len())?;
        }
        let distances = overlay.displaced.iter().flat_map(|word| word.distances.iter().flatten());
        all_finite("two sentences", distances.copied())?;
        let moved = overlay.moved.into_iter().map(|[step, _]| step);
        let displaced = overlay.displaced.iter().flat_map(|word| word.steps);
        moved.chain(displaced).try_for_each(|step| below("a step", step, steps))?;
        let ends = overlay.folds.iter().flatten();
        ends.copied().try_for_each(|end| below("the end of a fold", end, steps + 1))?;
    }
    if let Some(contexts) = &report.contexts {
        for (token, of) in contexts.tokens.into_iter().zip(&report.explorations) {
            below("a token of two contexts", token, of.tokens.len())?;
            length("two contexts".to_owned(), of.layers.len(), contexts.in_common.len())?;
        }
    }
    for step in report.overlay.iter().flat_map(|overlay| &overlay.steps) {
        for (side, token) in step.tokens.iter().enumerate() {
            let Some(token) = token else { continue };
            let tokens = report.explorations.get(side).map_or(0, |e| e.tokens.len());
            below("a token of two sentences", *token, tokens)?;
        }
    }
    let mut ids = BTreeSet::new();
    for chart in &report.charts {
        if !ids.insert(&chart.id) {
            return Err(Error::Twice { id: chart.id.clone() });
        }
        if let Some(of) = chart.exploration {
            below(&format!("the exploration of {}", chart.id), of, report.explorations.len())?;
        }
        chart.check()?;
    }
    Ok(())
}

fn check_exploration(name: &str, e: &Exploration) -> Result<()> {
    let n = e.tokens.len();
    for layer in &e.layers {
        let at = format!("{name}, layer {}", layer.layer);
        finite(&format!("{at}: norm"), layer.norm)?;
        for estimate in [layer.to_layer_0, layer.to_sentence, layer.baseline].into_iter().flatten()
        {
            let ends = estimate.interval.into_iter().flatten();
            all_finite(&format!("{at}: a mean"), ends.chain([estimate.value]))?;
        }
        if let Some(cka) = &layer.cka {
            length(format!("{at}: cka"), e.layers.len(), cka.len())?;
            all_finite(&format!("{at}: cka"), cka.iter().copied())?;
        }
        check_map(&format!("{at}: trajectory"), e.trajectory.as_ref(), layer.trajectory.as_ref())?;
        check_map(&format!("{at}: tsne"), e.tsne.as_ref(), layer.tsne.as_ref())?;
        if let Some(s) = &layer.similarity {
            for values in
                [&s.cosine, &s.centred, &s.standardised, &s.euclidean].into_iter().flatten()
            {
                length(format!("{at}: similarity"), n * (n + 1) / 2, values.len())?;
                all_finite(&format!("{at}: similarity"), values.iter().copied())?;
            }
        }
        if let Some(neighbours) = &layer.neighbours {
            length(format!("{at}: neighbours"), n, neighbours.len())?;
            neighbours.iter().flatten().try_for_each(|&t| below("a neighbour", t, n))?;
        }
        if let Some(steps) = &layer.steps {
            length(format!("{at}: steps"), n, steps.len())?;
            all_finite(&format!("{at}: steps"), steps.iter().copied())?;
        }
        for changed in layer.neighbour_change.iter().flatten() {
            below("a token with changed neighbours", changed.token, n)?;
            finite(&format!("{at}: change"), changed.change)?;
        }
        if let Some(experts) = &layer.experts {
            length(format!("{at}: experts"), n, experts.len())?;
            for token in experts {
                length(format!("{at}: weights"), token.experts.len(), token.weights.len())?;
                let numbers = token.weights.iter().copied().chain(token.margin);
                all_finite(&format!("{at}: experts"), numbers)?;
            }
        }
        for head in layer.heads.iter().flatten() {
            let known = [head.relative_entropy, head.distance, head.to_special];
            let all = known.into_iter().flatten().chain(Some(head.entropy));
            all_finite(&format!("{at}: heads"), all)?;
        }
    }
    for map in [&e.trajectory, &e.tsne].into_iter().flatten() {
        map.rows.iter().try_for_each(|&row| below("a token of a map", row, n))?;
    }
    for label in &e.labels {
        let at = format!("{name}, label {}", label.name);
        length(at.clone(), n, label.of_tokens.len())?;
        let values = label.of_tokens.iter().flatten();
        values.copied().try_for_each(|value| below(&at, value, label.values.len()))?;
    }
    check_attention(name, e)?;
    media::check(name, e)?;
    if let Some(story) = &e.story {
        check_story(&format!("{name}, story"), story)?;
    }
    if let Some(journeys) = &e.journeys {
        check_journeys(&format!("{name}, journeys"), journeys, e)?;
    }
    Ok(())
}

/// The sum of a row of attention weights, which are thousandths.
const WHOLE: usize = 1_000;

fn check_attention(name: &str, e: &Exploration) -> Result<()> {
    let texts = e.attention.map_or(0, |about| about.texts);
    let lengths: Vec<usize> =
        (0..texts).map(|text| e.tokens.iter().filter(|t| t.sentence == text).count()).collect();
    for layer in &e.layers {
        let at = format!("{name}, layer {}: attention", layer.layer);
        for mut weights in layer.attention.iter().flatten().map(Vec::as_slice) {
            length(at.clone(), lengths.iter().map(|n| n * n).sum(), weights.len())?;
            for &n in &lengths {
                let (of_text, rest) = weights.split_at(n * n);
                for row in of_text.chunks(n) {
                    let sum = row.iter().map(|&weight| weight as usize).sum();
                    length(format!("{at}: the sum of a row"), WHOLE, sum)?;
                }
                weights = rest;
            }
        }
    }
    Ok(())
}

fn check_story(at: &str, story: &Story) -> Result<()> {
    let (own, random) = (&story.layers, &story.random_weights);
    if !random.is_empty() {
        length(format!("{at}: random weights"), own.len(), random.len())?;
        same_layers(&format!("{at}: random weights"), own.iter().map(|l| l.layer), random, |l| {
            l.layer
        })?;
    }
    own.iter().chain(random).try_for_each(|layer| check_story_layer(at, layer))
}

fn check_story_layer(at: &str, layer: &StoryLayer) -> Result<()> {
    let classes = [&layer.grammar, &layer.word_meaning].into_iter().flatten();
    let means = classes.clone().map(|class| (class.value, class.interval));
    let estimates = classes.flat_map(|class| [class.nouns, class.verbs]).chain([layer.sentence]);
    let estimates = estimates.flatten().map(|estimate| (estimate.value, estimate.interval));
    for (value, interval) in means.chain(estimates) {
        let ends = interval.into_iter().flatten();
        all_finite(&format!("{at}, layer {}", layer.layer), ends.chain([value]))?;
    }
    Ok(())
}

fn check_journeys(at: &str, journeys: &Journeys, e: &Exploration) -> Result<()> {
    if let Some(telling) = journeys.telling {
        below(&format!("{at}: the most telling word"), telling, journeys.words.len())?;
    }
    for journey in &journeys.words {
        let at = format!("{at}, “{}”", journey.word);
        journey
            .tokens
            .iter()
            .try_for_each(|&t| below(&format!("{at}: a token"), t, e.tokens.len()))?;
        length(format!("{at}: layers"), e.layers.len(), journey.layers.len())?;
        same_layers(&at, e.layers.iter().map(|l| l.layer), &journey.layers, |l| l.layer)?;
        for neighbour in
            journey.layers.iter().flat_map(|l| l.same_word.iter().chain(&l.other_words))
        {
            below(
                &format!("{at}: an occurrence"),
                neighbour.occurrence,
                journeys.occurrences.len(),
            )?;
            finite(&format!("{at}: a similarity"), neighbour.similarity)?;
        }
    }
    Ok(())
}

/// Whether a list has the layers that it should have.
fn same_layers<T>(
    at: &str,
    wanted: impl Iterator<Item = usize>,
    found: &[T],
    layer: impl Fn(&T) -> usize,
) -> Result<()> {
    wanted.zip(found).try_for_each(|(expected, one)| {
        length(format!("{at}: the number of a layer"), expected, layer(one))
    })
}

fn check_map(at: &str, about: Option<&MapAbout>, layer: Option<&MapLayer>) -> Result<()> {
    let Some(layer) = layer else { return Ok(()) };
    let rows = about.map_or(0, |a| a.rows.len());
    length(at.to_owned(), rows, layer.points.len())?;
    all_finite(at, layer.points.iter().flatten().copied())?;
    if let Some(third) = &layer.third {
        length(format!("{at}: third component"), rows, third.len())?;
        all_finite(at, third.iter().copied())?;
    }
    Ok(())
}

fn length(what: String, expected: usize, found: usize) -> Result<()> {
    if expected == found { Ok(()) } else { Err(Error::Shape { what, expected, found }) }
}

fn below(what: &str, found: usize, count: usize) -> Result<()> {
    let shape = || Error::Shape { what: format!("{what}, below"), expected: count, found };
    if found < count { Ok(()) } else { Err(shape()) }
}

fn all_finite(what: &str, mut values: impl Iterator<Item = f64>) -> Result<()> {
    values.try_for_each(|value| finite(what, value))
}

fn finite(what: &str, value: f64) -> Result<()> {
    // JSON would hold null in its place, which says that there is no value.
    if value.is_finite() { Ok(()) } else { Err(Error::NotFinite { what: what.to_owned(), value }) }
}
