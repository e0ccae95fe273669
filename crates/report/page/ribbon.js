// The text: its tokens as buttons, shaded by similarity to the chosen token.

class RibbonPanel extends Panel {
  /** @param {Side} side */
  constructor(side) {
    super({
      id: 'sentence',
      side,
      wide: sides.length < 2,
      title:
        sides.length > 1
          ? `Text ${'AB'[side.index]}`
          : hasStory()
            ? 'Tokens'
            : side.e.texts.length > 1
              ? 'Texts'
              : 'Text',
      shows: RibbonPanel.shows(side),
    });
    this.switches = [
      ...(side.hasSubWords ? [toggle('whole words', 'words')] : []),
      ...(side.hasSpecial ? [toggle('special tokens', 'special')] : []),
    ];
    if (labelsOf(side).length) this.switches.unshift(colourChoice(side));
    this.controls.append(...this.switches.map((s) => s.root));
    this.list = el('div', { class: 'ribbon' });
    this.box.replaceChildren(this.list);
    /** @type {HTMLButtonElement[]} */
    this.buttons = [];
    this.built = '';
  }

  /** What the panel shows, of the kinds of tokens that there are. @param {Side} side */
  static shows(side) {
    const shaded = side.metrics.length > 0;
    const parts = [
      `The text as the model reads it. Choose a token, and every panel shows it${shaded ? '; the shade of the other tokens is their similarity to it at this layer' : ''}.`,
    ];
    if (side.hasSpecial) parts.push('The tokenizer adds special tokens.');
    if (side.e.tokens.some((token) => token.text.startsWith('##')))
      parts.push('## marks the continuation of a word.');
    if (side.hasSubWords)
      parts.push(
        `A word is the mean of its sub-words${shaded ? ', and its similarity is the mean of theirs' : ''}.`,
      );
    return parts.join(' ');
  }

  height() {
    return 0;
  }

  deps() {
    return [...super.deps(), state.selected, state.colour];
  }

  build() {
    const { e, now, index } = this.side;
    const label = shownLabel(this.side);
    this.buttons = now.units.map((unit) => {
      const token = unit.tokens[0];
      const place = { side: index, token };
      return el(
        'button',
        {
          type: 'button',
          class: `token${unit.special ? ' special' : ''}${unit.unknown ? ' unknown' : ''}`,
          title: unit.unknown ? UNKNOWN_TITLE : null,
          'data-token': token,
          click: (/** @type {MouseEvent} */ event) => (event.shiftKey ? pin : select)(index, token),
          pointerenter: () => set({ hover: place }),
          pointerleave: () => set({ hover: null }),
          focus: () => set({ hover: place }),
          blur: () => set({ hover: null }),
        },
        el('bdi', {}, unit.name),
        ...(label ? [this.gloss(label, unit)] : []),
      );
    });
    const lines = new Map();
    now.units.forEach((unit, i) => {
      const dir = directionOf(e.texts[unit.sentence] || '');
      if (!lines.has(unit.sentence)) lines.set(unit.sentence, el('p', { class: 'line', dir }));
      const line = lines.get(unit.sentence);
      if (e.texts.length > 1 && line.childNodes.length === 0)
        line.append(this.count(unit.sentence));
      line.append(this.buttons[i]);
    });
    this.list.replaceChildren(...lines.values());
  }

  /** The value of a label below its token, in its colour on the map. @param {Schema.Label} label
   * @param {Unit} unit */
  gloss(label, unit) {
    const value = valueOf(label, unit);
    const gloss = el('small', {}, value === null ? '\u00a0' : shortText(value, 16));
    gloss.style.borderColor = lookOfRank(rankOf(label, unit)).colour || 'transparent';
    return gloss;
  }

  /** The number of a text, in its colour on the map. @param {number} sentence */
  count(sentence) {
    const count = el('span', { class: 'count' }, String(sentence + 1));
    count.style.borderColor = OKABE_ITO[sentence % OKABE_ITO.length];
    return count;
  }

  changed() {
    const { side } = this;
    const label = shownLabel(side);
    const key = `${state.words}${state.special}${label?.name}${state.theme}`;
    if (key !== this.built) {
      this.build();
      this.built = key;
    }
    this.switches.forEach((s) => s.follow());
    const focus = focusOf(side);
    const chosen = focus === null ? null : side.unitOf(focus);
    const selected = onSide(state.selected, side.index);
    const own = selected === null ? null : side.unitOf(selected);
    const pinned = new Set(pinnedOf(side).map((t) => side.unitOf(t)));
    const tinted = chosen && side.metrics.length > 0 && this.buttons.length <= MANY;
    side.now.units.forEach((unit, i) => {
      const button = this.buttons[i];
      button.classList.toggle('focus', unit === chosen);
      button.classList.toggle('pinned', pinned.has(unit));
      button.setAttribute('aria-pressed', String(unit === own));
      if (!tinted && !button.style.background) return;
      const colour =
        tinted && unit !== chosen
          ? colourOf(
              side.similarity(layerAt(side), state.metric, chosen, unit),
              side.scale(state.metric),
            )
          : '';
      button.style.background = colour;
      button.style.color = colour ? inkOn(colour) : '';
    });
  }

  rest() {
    const { sampled } = this.side.e;
    const chosen = chosenUnit(this.side);
    const sample = sampled
      ? `A sample: ${this.side.n} of ${sampled.of} tokens are on this page (seed ${sampled.seed}).`
      : '';
    return [chosen && labelText(this.side, chosen), sample].filter(Boolean).join(' ');
  }

  rows() {
    return {
      columns: [
        ...['place', 'token', 'text', 'id', 'from', 'to', 'word', 'special'],
        ...labelsOf(this.side).map(({ name }) => name),
      ],
      rows: this.side.e.tokens.map((t, i) => [
        i,
        t.text,
        t.sentence + 1,
        t.token_id,
        ...t.char_offsets,
        t.word_id,
        t.special ? 'yes' : 'no',
        ...labelsOf(this.side).map(({ of_tokens, values }) => {
          const rank = of_tokens[i];
          return rank === null ? null : values[rank];
        }),
      ]),
    };
  }

  json() {
    const { texts, tokens, labels } = this.side.e;
    return { texts, tokens, labels };
  }
}
