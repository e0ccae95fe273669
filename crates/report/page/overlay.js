// Two sentences of a comparison: one above the other, and the distance of their words by layer, whose
// line is the slider of the page.

/** The words of both sentences; none on other pages. @returns {Schema.OverlayStep[]} */
function overlaySteps() {
  return report.overlay?.steps || [];
}

/** The place of a step on the page: its word in the first sentence, or else in the second.
 * @param {Schema.OverlayStep} step @returns {Place | null} */
function placeOfStep({ tokens }) {
  const side = tokens[0] === null ? 1 : 0;
  const token = tokens[side];
  return token === null ? null : { side, token };
}

/** The step of a place: by any of its tokens. @param {Place | null} place */
function stepOf(place) {
  if (!place) return null;
  const word = wordOf(sides[place.side], place.token);
  return (
    overlaySteps().find(({ tokens }) => {
      const token = tokens[place.side];
      return token !== null && word.includes(token);
    }) || null
  );
}

/** All tokens of the word of a token. @param {Side} side @param {number} token */
function wordOf(side, token) {
  const { units, of } = side.view(true, true);
  return units[of[token]]?.tokens || [token];
}

/** The distance of the words of a step as a share of the median of unrelated words: of one word in two
 * sentences, or of random words where a word is replaced.
 * @param {Schema.OverlayStep} step @param {number} at a place in the list of layers */
function shareOf({ edit, distances }, at) {
  const { same_word: same, random } = /** @type {Schema.Overlay} */ (report.overlay);
  const median = (edit === 'kept' ? same : random)[at];
  const distance = distances[at];
  return distance === null || distance === undefined ? null : median > 0 ? distance / median : 0;
}

/** The words that both sentences have at other places. @returns {Schema.OverlayDisplaced[]} */
function displacedWords() {
  return report.overlay?.displaced || [];
}

/** The distance of a word at two places as a share of the median of one word in two unrelated sentences.
 * @param {Schema.OverlayDisplaced} word @param {number} at a place in the list of layers */
function shareElsewhere({ distances }, at) {
  const median = /** @type {Schema.Overlay} */ (report.overlay).same_word[at];
  const distance = distances[at];
  return distance === null || distance === undefined ? null : median > 0 ? distance / median : 0;
}

/** The step of the content word of both sentences that moves most at a place in the list of layers; −1
 * if none moves. @param {number} at */
function moverAt(at) {
  const shares = overlaySteps().map((step, i) => {
    const elsewhere = displacedWords().find(({ steps: [first] }) => first === i);
    if (elsewhere) return shareElsewhere(elsewhere, at) || 0;
    return step.edit === 'kept' && step.content ? shareOf(step, at) || 0 : 0;
  });
  const most = Math.max(0, ...shares);
  return most > 0 ? shares.indexOf(most) : -1;
}

/** What the page begins with: the word whose contexts part first, at that layer, or else the word that
 * moves most. @returns {{place: Place | null, at: number}} */
function opening() {
  const steps = overlaySteps();
  const parted = [
    ...steps.flatMap(({ parts }, i) => (parts === null ? [] : { parts, i })),
    ...displacedWords().flatMap(({ parts, steps: [i] }) => (parts === null ? [] : { parts, i })),
  ];
  const [first] = parted.sort((a, b) => a.parts - b.parts || a.i - b.i);
  const moved = report.overlay?.moved || null;
  const other = steps.find(({ edit }) => edit === 'replaced') || steps[0];
  const step = first ? steps[first.i] : moved ? steps[moved[0]] : other;
  const layer = first ? first.parts : moved ? moved[1] : null;
  const at = layer === null ? -1 : placeOfLayer(sides[0], layer);
  return { place: step ? placeOfStep(step) : null, at: at < 0 ? sides[0].last : at };
}

/** A share in words. @param {number} share */
function inPercent(share) {
  return `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
}

class OverlayPanel extends LinePanel {
  constructor() {
    super({
      id: 'overlay',
      side: sides[0],
      wide: true,
      title: 'Both sentences, word by word',
      shows:
        'The shade of a word is the distance of its two vectors at the layer of the line, as a share of the median distance of one word in two unrelated sentences (of a replaced word: of two random words). The curves are mean distances; dashed are the medians of unrelated words, dotted is the chosen word. At layer 0 only the place of a word can differ. A distance does not say whether the meaning differs: position and length change vectors too.',
    });
    this.words = el('div', { class: 'overlay', role: 'group', 'aria-label': 'Both sentences' });
    this.key = el('p', { class: 'key' });
    this.note = el('p', { class: 'note', 'aria-live': 'polite' });
    this.box.prepend(this.words, this.key);
    this.box.append(this.note);
    this.buttons = overlaySteps().map((step, i) => this.button(step, i));
    const names = el(
      'span',
      { class: 'names', 'aria-hidden': 'true' },
      el('b', {}, 'A'),
      el('b', {}, 'B'),
    );
    const [text = ''] = sides[0].e.texts;
    this.words.dir = directionOf(text);
    this.words.append(names, ...this.folded());
    this.key.append(...this.legend());
  }

  /** The words, with long runs behind a button that shows them. */
  folded() {
    const folds = report.overlay?.folds || [];
    return this.buttons.flatMap((button, i) => {
      const run = folds.find(([from, to]) => i >= from && i < to);
      if (!run) return button;
      button.hidden = true;
      if (run[0] !== i) return button;
      const { words } = overlaySteps()[i];
      const count = `… ${run[1] - run[0]} words …`;
      const part = (/** @type {string | null} */ word) =>
        el('bdi', { class: 'part' }, word === null ? '–' : count);
      const fold = el(
        'button',
        {
          type: 'button',
          class: 'step folded',
          title: 'Show these words',
          click: () => {
            this.buttons.slice(...run).forEach((one) => {
              one.hidden = false;
            });
            this.buttons[i].focus();
            fold.remove();
          },
        },
        part(words[0]),
        part(words[1]),
      );
      return [fold, button];
    });
  }

  /** @param {Schema.OverlayStep} step @param {number} index */
  button(step, index) {
    const { edit, words, tokens, content } = step;
    const place = placeOfStep(step);
    const elsewhere = (/** @type {number} */ side) =>
      displacedWords().some(({ steps }) => steps[side] === index);
    const part = (/** @type {number} */ side) =>
      el(
        'bdi',
        {
          class: elsewhere(side) ? 'part elsewhere' : 'part',
          ...(tokens[side] === null ? {} : { 'data-side': side, 'data-token': tokens[side] }),
        },
        visible(words[side] ?? '–'),
      );
    return el(
      'button',
      {
        type: 'button',
        class: `step ${edit}${content ? ' content' : ''}`,
        disabled: !place,
        click: () => place && set({ selected: place, hover: null }),
        pointerenter: () => set({ hover: place }),
        pointerleave: () => set({ hover: null }),
      },
      part(0),
      part(1),
    );
  }

  /** What shades and borders mean. */
  legend() {
    const shades = [0, 25, 50, 75, 100].map((value) => {
      const shade = el('i', { class: 'shade', 'aria-hidden': 'true' });
      shade.style.setProperty('--share', `${value}%`);
      return shade;
    });
    const has = (/** @type {string} */ edit) => overlaySteps().some((step) => step.edit === edit);
    return [
      'Shade: distance, from 0 ',
      ...shades,
      ' to that of unrelated words. Framed: the content word that moves most at this layer.',
      has('replaced') ? ' Dashed: replaced.' : '',
      has('deleted') || has('inserted') ? ' Dotted: in one sentence only.' : '',
      displacedWords().length ? ' Underlined: in the other sentence too, at another place.' : '',
    ];
  }

  /** The distances of the chart `compare`, without those of whole sentences. @returns {CurvesOf | null} */
  get curves() {
    const chart = report.charts.find(({ id }) => id === 'compare');
    const panel = chart?.type === 'curves' ? chart.rows[0][0] : null;
    if (!panel) return null;
    const series = panel.series.filter(
      (s) => (s.kind === 'baseline' || s.colour < 2) && s.values.some((v) => v !== null),
    );
    return { ...panel, title: '', series };
  }

  height(/** @type {number} */ width) {
    return this.curves ? (width < 560 ? 200 : 160) : 0;
  }

  deps() {
    const { side } = this;
    return [depthOf(side), state.selected, state.hover, this.dragging];
  }

  /** @param {number} width @param {number} height */
  frame(width, height) {
    return this.framed(/** @type {CurvesOf} */ (this.curves), width, height);
  }

  draw(/** @type {Pen} */ pen, /** @type {number} */ width, /** @type {number} */ height) {
    const frame = this.frame(width, height);
    frame.draw(pen);
    const step = this.chosen();
    if (step)
      for (const run of frame.runs(step.distances, placesOf(frame.panel.x)))
        pen.path(run, theme.ink, 1.6, [2, 3]);
    this.drawLine(pen, frame, width);
  }

  /** The step that the panel is about: under the pointer, or else chosen. */
  chosen() {
    return stepOf(state.hover) || stepOf(state.selected);
  }

  changed() {
    super.changed();
    const at = layerAt(this.side);
    const most = moverAt(at);
    const chosen = stepOf(state.selected);
    overlaySteps().forEach((step, i) => {
      const button = this.buttons[i];
      const share = shareOf(step, at);
      if (share === null) button.style.removeProperty('--share');
      else button.style.setProperty('--share', `${Math.min(100, 100 * share)}%`);
      button.classList.toggle('most', i === most);
      button.setAttribute('aria-pressed', String(step === chosen));
    });
    const text = chosen ? this.told(chosen) : 'Choose a word: its two journeys are shown below.';
    if (this.note.textContent !== text) this.note.textContent = text;
  }

  /** The two words of a step. @param {Schema.OverlayStep} step */
  name({ words: [a, b] }) {
    if (a === null || b === null) return `“${shortText(a ?? b ?? '')}”`;
    return a === b ? `“${shortText(a)}”` : `“${shortText(a)}” and “${shortText(b)}”`;
  }

  /** What is known of a step at the layer of the page. @param {Schema.OverlayStep} step */
  told(step) {
    const { edit, parts, tokens, distances, content } = step;
    const at = layerAt(this.side);
    const share = shareOf(step, at);
    const name = this.name(step);
    const elsewhere = this.toldElsewhere(step);
    if (share === null) {
      const why = { deleted: 'only A has it', inserted: 'only B has it' }[edit];
      if (elsewhere) return elsewhere;
      return `${name}: ${why || 'the tokenizer has no token for it'}.`;
    }
    const pairs = edit === 'kept' ? 'one word in unrelated sentences' : 'random words';
    const said = `${elsewhere ? `${elsewhere} ` : ''}${name} at layer ${this.side.e.layers[at].layer}: distance ${number(distances[at])}, ${inPercent(share)} of the median of ${pairs}.`;
    const journeys = tokens.every((token, side) => token !== null && journeyOf(sides[side], token));
    if (edit !== 'kept' || !content || !journeys) return said;
    return `${said} ${parts === null ? 'Its nearest words in other sentences do not part.' : `Its nearest words in other sentences part at layer ${parts}.`}`;
  }

  /** What is known of the words of a step that stand at another place too. @param {Schema.OverlayStep} step */
  toldElsewhere(step) {
    const index = overlaySteps().indexOf(step);
    const at = layerAt(this.side);
    return displacedWords()
      .filter(({ steps }) => steps.includes(index))
      .sort((a, b) => Number(b.steps[0] === index) - Number(a.steps[0] === index))
      .map((word) => {
        const share = shareElsewhere(word, at);
        const far =
          share === null
            ? 'no distance'
            : `distance ${number(word.distances[at])}, ${inPercent(share)}`;
        const parts = word.parts === null ? 'do not part' : `part at layer ${word.parts}`;
        return `“${shortText(word.word)}” is in both sentences: at layer ${this.side.e.layers[at].layer}, ${far} of the median of one word in unrelated sentences; its nearest words ${parts}.`;
      })
      .join(' ');
  }

  /** The means of a layer. @param {number} layer */
  values(layer) {
    const panel = this.curves;
    if (!panel) return '';
    const at = placesOf(panel.x).indexOf(layer);
    const means = panel.series.flatMap((s) => {
      const value = s.values[at];
      return value === null || value === undefined ? [] : [`${s.name} ${number(value)}`];
    });
    return `Layer ${layer}: ${means.join(', ') || 'no distance'}.`;
  }

  rows() {
    return {
      columns: [
        'A',
        'B',
        'edit',
        'parts',
        ...this.side.e.layers.map(({ layer }) => `distance, layer ${layer}`),
      ],
      rows: overlaySteps().map(({ words, edit, parts, distances }) => [
        ...words,
        edit,
        parts,
        ...distances,
      ]),
    };
  }

  json() {
    return report.overlay;
  }
}
