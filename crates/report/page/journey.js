// One word's journey: the nearest words in context at every layer, and the text to choose a word in.

/** The kinds of meaning that have a mark of their own; others share the last mark. */
const KINDS = 4;

/** Of more layers, only the one of the page shows three lines; the others show one. */
const BRIEF = 7;

/** Scrolls a box, and not the page, until a part of it is seen. @param {HTMLElement} box
 * @param {HTMLElement} part @param {number} head the height of what covers the top of the box */
function scrollWithin(box, part, head) {
  const top = part.offsetTop - head;
  if (top < box.scrollTop) box.scrollTop = top;
  const below = part.offsetTop + part.offsetHeight - box.clientHeight;
  if (below > box.scrollTop) box.scrollTop = below;
}

class JourneyPanel extends Panel {
  /** @param {Side} side */
  constructor(side) {
    super({
      id: 'journey',
      side,
      title: `One word, layer by layer${sides.length > 1 ? `, ${'AB'[side.index]}` : ''}`,
      shows:
        'Nearest in the full space of the layer, among the reference sentences. Point at a line, or tap it, for more.',
    });
    this.text = el('div', { class: 'reading' });
    this.grid = el('table', { class: 'journey' });
    this.caption = el('p', { class: 'key' });
    this.lines = el(
      'div',
      { class: 'lines', tabindex: '0', role: 'region', 'aria-label': this.about.title },
      this.grid,
    );
    this.box.replaceChildren(this.text, this.lines, this.caption);
    this.box.classList.add('free');
    /** The journeys that the marks are about. @type {(Schema.Journey | null)[]} */
    this.together = [];
    /** The element that the readout is about. @type {HTMLElement | null} */
    this.pointed = null;
    for (const name of ['pointerover', 'click'])
      this.grid.addEventListener(name, (event) => this.tell(/** @type {Element} */ (event.target)));
    this.grid.addEventListener('pointerleave', () => this.tell(null));
    // Both sentences stand above already.
    this.text.hidden = hasPair();
    this.write();
  }

  height() {
    return 0;
  }

  deps() {
    return [layerAt(this.side), onSide(state.selected, this.side.index)];
  }

  /** The text with its words: those with a journey are buttons, unknown tokens are marked. */
  write() {
    const { e } = this.side;
    const words = journeysOf(this.side);
    /** @type {Map<Schema.Journey, HTMLButtonElement>} */
    this.buttons = new Map();
    const used = new Set(words.flatMap((j) => j.tokens));
    const others = this.side
      .view(true, false)
      .units.filter((unit) => !unit.tokens.some((t) => used.has(t)))
      .flatMap((unit) => (unit.unknown ? unit.tokens.map((t) => [t]) : [unit.tokens]));
    const parts = [
      ...words.map((journey) => ({ tokens: journey.tokens, journey })),
      ...others.map((tokens) => ({ tokens, journey: null })),
    ].map((part) => {
      const tokens = part.tokens.map((t) => e.tokens[t]);
      return {
        ...part,
        sentence: tokens[0].sentence,
        from: Math.min(...tokens.map((t) => t.char_offsets[0])),
        to: Math.max(...tokens.map((t) => t.char_offsets[1])),
        unknown: tokens.some((t) => t.unknown),
      };
    });
    parts.sort((a, b) => a.sentence - b.sentence || a.from - b.from);
    const lines = e.texts.map((text, sentence) => {
      const letters = [...text];
      const line = el('p', { dir: directionOf(text) });
      let at = 0;
      for (const part of parts) {
        if (part.sentence !== sentence || part.from < at || part.to <= part.from) continue;
        line.append(visible(letters.slice(at, part.from).join('')));
        // The tokens of some models begin with the space before the word.
        const word = letters.slice(part.from, part.to).join('');
        const [, before = '', own = '', after = ''] = /^(\s*)(.*?)(\s*)$/su.exec(word) || [];
        line.append(visible(before), own ? this.piece(visible(own), part) : '', visible(after));
        at = part.to;
      }
      line.append(visible(letters.slice(at).join('')));
      return line;
    });
    this.text.replaceChildren(...lines);
  }

  /** @param {string} word
   * @param {{journey: Schema.Journey | null, tokens: number[], unknown: boolean}} part */
  piece(word, { journey, tokens, unknown }) {
    const mark = unknown ? { class: 'unknown', title: UNKNOWN_TITLE } : {};
    const [token] = tokens;
    if (!journey) return el('span', { ...mark, 'data-token': token }, word);
    const button = el(
      'button',
      {
        ...mark,
        type: 'button',
        'data-token': token,
        click: () => set({ selected: { side: this.side.index, token }, hover: null }),
      },
      word,
    );
    this.buttons?.set(journey, button);
    return button;
  }

  /** Says more of the occurrence under the pointer. @param {Element | null} target */
  tell(target) {
    const found = target?.closest('[data-text]');
    this.readout.textContent = (found instanceof HTMLElement && found.dataset.text) || this.rest();
  }

  changed() {
    const { side } = this;
    const journey = shownJourney(side);
    // Two sentences have one key of marks, which depends on both journeys.
    const together = hasPair() ? sides.map(shownJourney) : [journey];
    if (
      together.length !== this.together.length ||
      together.some((j, i) => j !== this.together[i])
    ) {
      this.together = together;
      if (journey) this.build(journey);
    }
    this.buttons?.forEach((button, of) => {
      button.setAttribute('aria-pressed', String(of === journey));
    });
    const now = layerAt(side);
    [...(this.grid.tBodies[0]?.rows || [])].forEach((row, i) => {
      row.classList.toggle('here', i === now);
      if (i === now) row.setAttribute('aria-current', 'true');
      else row.removeAttribute('aria-current');
    });
    const row = this.grid.tBodies[0]?.rows[now];
    if (row) scrollWithin(this.lines, row, this.grid.tHead?.offsetHeight || 0);
    const button = journey && this.buttons?.get(journey);
    if (button) scrollWithin(this.text, button, 0);
  }

  finding() {
    const journey = shownJourney(this.side);
    if (!journey) return '';
    const found = journeyFinding(journey);
    const word = journeyName(journey);
    const side = sides.length > 1 ? `${'AB'[this.side.index]}: ` : '';
    return found ? `${side}Nearest to ${word}: ${found}` : `${side}${word}, layer by layer`;
  }

  /** @param {Schema.Journey} journey */
  build(journey) {
    const { side } = this;
    const same = hasSameWord(journey);
    /** How often each kind of meaning is among the shown neighbours. @type {Map<string, number>} */
    const counts = new Map();
    this.together.forEach((of, i) => {
      for (const near of of?.layers.flatMap((layer) => leadingNeighbours(of, layer)) || []) {
        const sense = occurrenceOf(hasPair() ? sides[i] : side, near).supersense;
        if (sense) counts.set(sense, (counts.get(sense) || 0) + 1);
      }
    });
    // A kind of most of ten may be none of the three that are shown.
    this.together.forEach((of) => {
      for (const layer of of?.layers || []) {
        const label = of && leadingLabels(of, layer).supersense?.label;
        if (label && !counts.has(label)) counts.set(label, 0);
      }
    });
    const kinds = [...counts].sort((a, b) => b[1] - a[1]).map(([sense]) => sense);
    const word = journeyName(journey);
    const parts = report.contexts?.parts ?? null;
    const brief = journey.layers.length > BRIEF;
    const hasKinds = journey.layers.some((layer) => leadingLabels(journey, layer).supersense);
    const heads = same
      ? ['layer', 'kind', `${word} in other sentences: the nearest`, 'nearest other words']
      : ['layer', 'kind', `words nearest to ${word}, in their sentences`];
    const rows = journey.layers.map((layer, at) => {
      const leading = leadingNeighbours(journey, layer);
      const labels = leadingLabels(journey, layer);
      return el(
        'tr',
        layer.layer === parts ? { class: 'parting', title: 'The contexts part here.' } : {},
        el(
          'th',
          { scope: 'row' },
          el(
            'button',
            { type: 'button', 'aria-label': layerName(layer.layer), click: () => goTo(side, at) },
            String(layer.layer),
          ),
        ),
        ...(hasKinds ? [this.most(labels.supersense, kinds)] : []),
        el('td', {}, el('ul', {}, ...leading.map((near) => this.line(near, labels, kinds)))),
        ...(same ? [el('td', {}, ...layer.other_words.map((near) => this.chip(near)))] : []),
      );
    });
    this.grid.replaceChildren(
      el('caption', { class: 'away' }, `${word}, layer by layer`),
      el(
        'thead',
        {},
        el(
          'tr',
          {},
          ...heads
            .filter((head) => head !== 'kind' || hasKinds)
            .map((head) => el('th', { scope: 'col', class: head === 'kind' ? 'most' : '' }, head)),
        ),
      ),
      el('tbody', {}, ...rows),
    );
    this.grid.classList.toggle('brief', brief);
    this.grid.classList.toggle('alone', !same);
    this.caption.replaceChildren(...this.key(journey, kinds));
  }

  /** The most frequent kind of meaning of the nearest, and how many have it.
   * @param {Schema.Majority | null | undefined} majority @param {string[]} kinds */
  most(majority, kinds) {
    if (!majority) return el('td', { class: 'most' });
    const { label, count, of } = majority;
    const name = senseName(label);
    return el(
      'td',
      { class: 'most', 'data-text': `${count} of the ${of} nearest: kind of meaning “${name}”` },
      this.mark(label, kinds, true),
      el('span', { 'aria-label': `${count} of ${of}: ${name}` }, `${count}/${of}`),
    );
  }

  /** The mark of a kind of meaning. @param {string | null | undefined} sense @param {string[]} kinds
   * @param {boolean} inMost */
  mark(sense, kinds, inMost) {
    const at = sense ? kinds.indexOf(sense) : KINDS;
    const kind = at < 0 ? KINDS : Math.min(at, KINDS);
    const more = `${inMost ? ' most' : ''}${sense ? '' : ' none'}`;
    return el('i', { class: `mark kind${kind}${more}`, 'aria-hidden': 'true' });
  }

  /** An occurrence in its few words of context. @param {Schema.Neighbour} near
   * @param {ReturnType<typeof leadingLabels>} labels @param {string[]} kinds */
  line(near, labels, kinds) {
    const o = occurrenceOf(this.side, near);
    const inMost = !!o.supersense && o.supersense === labels.supersense?.label;
    const related = !!o.relation && o.relation === labels.relation?.label;
    return el(
      'li',
      { class: 'kwic', dir: directionOf(o.word), 'data-text': this.describe(near) },
      this.mark(o.supersense, kinds, inMost),
      el('span', { class: 'before' }, visible(o.before)),
      el('b', { class: related ? 'related' : '' }, visible(o.word)),
      el('span', { class: 'after' }, visible(o.after)),
    );
  }

  /** Another word. @param {Schema.Neighbour} near */
  chip(near) {
    const o = occurrenceOf(this.side, near);
    return el(
      'span',
      { class: 'chip', dir: directionOf(o.word), 'data-text': this.describe(near) },
      visible(o.word),
    );
  }

  /** All that is known of a neighbour. @param {Schema.Neighbour} near */
  describe(near) {
    const o = occurrenceOf(this.side, near);
    const known = [
      `similarity ${number(near.similarity)}`,
      ...(o.supersense ? [`kind of meaning: ${senseName(o.supersense)}`] : []),
      ...(o.relation ? [`relation: ${relationName(o.relation)}`] : []),
    ];
    return `${[o.before, o.word, o.after].map(visible).join('')} (${known.join('; ')})`;
  }

  /** What most of the nearest at the layer of the page have in common. @param {Schema.Journey} journey */
  majority(journey) {
    const layer = journey.layers[layerAt(this.side)];
    const { supersense, relation } = leadingLabels(journey, layer);
    const said = [
      ...(supersense
        ? [
            `${supersense.count} of ${supersense.of} have the kind of meaning “${senseName(supersense.label)}”`,
          ]
        : []),
      ...(relation
        ? [
            `${relation.count} of ${relation.of} have the relation “${relationName(relation.label)}”`,
          ]
        : []),
    ];
    if (!said.length) return '';
    const most = Math.max(supersense?.of ?? 0, relation?.of ?? 0);
    const ties = most > ENOUGH ? ` More than ${ENOUGH}: several are as near as the tenth.` : '';
    return `Of the nearest at layer ${layer.layer}, ${said.join(' and ')}.${ties}`;
  }

  /** What the marks mean. @param {Schema.Journey} journey @param {string[]} kinds */
  key(journey, kinds) {
    const shown = kinds
      .slice(0, KINDS)
      .flatMap((sense, i) => [
        el('i', { class: `mark most kind${i}`, 'aria-hidden': 'true' }),
        `${senseName(sense)} `,
      ]);
    const rest =
      kinds.length > KINDS
        ? [el('i', { class: `mark most kind${KINDS}`, 'aria-hidden': 'true' }), 'other ']
        : [];
    const times = journey.occurrences_of_word;
    const word = quoted(shortText(journey.word));
    const found =
      times === 0
        ? `do not have ${word}`
        : `have ${word} ${times === 1 ? 'once' : `${times} times`}, too few to search`;
    const few =
      times < ENOUGH ? `The reference sentences ${found}: only other words are shown. ` : '';
    const marks = kinds.length
      ? '— kinds of meaning. Filled mark and “kind”: the most frequent of the ten; hollow: another. Underlined: the most frequent relation. '
      : '';
    const apart = hasSameWord(journey)
      ? `Other words leave out ${word}: they can point to another meaning.`
      : '';
    return [few, ...shown, ...rest, marks, apart].filter(Boolean);
  }

  rest() {
    const chosen = onSide(state.selected, this.side.index);
    const journey = shownJourney(this.side);
    if (!journey) return '';
    const other =
      chosen === null || journeyOf(this.side, chosen)
        ? ''
        : `“${this.side.tokenNames[chosen]}” has no journey: content words have one, and of a long text only the first. Shown: ${journeyName(journey)}. `;
    return other + this.majority(journey);
  }

  rows() {
    const journey = shownJourney(this.side);
    const columns = [
      'layer',
      'of',
      'rank',
      'before',
      'word',
      'after',
      'similarity',
      'lemma',
      'upos',
      'relation',
      'supersense',
    ];
    if (!journey) return { columns, rows: [] };
    /** @type {[string, 'same_word' | 'other_words'][]} */
    const lists = [
      ['the same word', 'same_word'],
      ['other words', 'other_words'],
    ];
    return {
      columns,
      rows: journey.layers.flatMap((layer) =>
        lists.flatMap(([name, list]) =>
          layer[list].map((near, i) => {
            const o = occurrenceOf(this.side, near);
            return [
              layer.layer,
              name,
              i + 1,
              o.before,
              o.word,
              o.after,
              near.similarity,
              o.lemma,
              o.upos ?? null,
              o.relation ?? null,
              o.supersense ?? null,
            ];
          }),
        ),
      ),
    };
  }

  json() {
    return { journey: shownJourney(this.side), occurrences: this.side.e.journeys?.occurrences };
  }
}
