// One word in two contexts: both sentences, and how many of its nearest words are the same in both, by
// layer. The line of the curve is the slider of the page.

class ContextsPanel extends LinePanel {
  /** @param {Schema.Contexts} contexts */
  constructor(contexts) {
    super({
      id: 'contexts',
      side: sides[0],
      wide: true,
      title: 'One word in two contexts',
      shows:
        'The curve: how many of the nearest words in other sentences are the same in both contexts. The contexts part where fewer than half are, from there to the last layer; the triangle marks that layer. Layer 0 has not read the contexts: only the place of the word can differ there. One pair of contexts gives no interval.',
    });
    this.contexts = contexts;
    this.words = el('div', { class: 'contexts' }, ...sides.map((side) => this.line(side)));
    this.note = el('p', { class: 'note', 'aria-live': 'polite' });
    this.box.prepend(this.words);
    this.box.append(this.note);
  }

  /** A sentence with its word marked. @param {Side} side */
  line({ e, index }) {
    const [text = ''] = e.texts;
    const letters = [...text];
    const [from, to] = this.contexts.places[index];
    const part = (/** @type {string[]} */ some) => visible(some.join(''));
    return el(
      'p',
      {},
      el('b', { class: 'name' }, 'AB'[index]),
      el(
        'bdi',
        { class: 'text' },
        part(letters.slice(0, from)),
        el(
          'mark',
          { 'data-side': index, 'data-token': this.contexts.tokens[index] },
          part(letters.slice(from, to)),
        ),
        part(letters.slice(to)),
      ),
    );
  }

  /** The share of the nearest words that are the same. @returns {CurvesOf | null} */
  get curves() {
    const chart = report.charts.find(({ id }) => id === 'compare');
    const panel = chart?.type === 'curves' ? chart.rows[1]?.[0] : null;
    return panel ? { ...panel, title: '' } : null;
  }

  height(/** @type {number} */ width) {
    return this.curves ? (width < 560 ? 200 : 170) : 0;
  }

  deps() {
    return [depthOf(this.side), state.selected, this.dragging];
  }

  /** @param {number} width @param {number} height */
  frame(width, height) {
    return this.framed(/** @type {CurvesOf} */ (this.curves), width, height);
  }

  draw(/** @type {Pen} */ pen, /** @type {number} */ width, /** @type {number} */ height) {
    const frame = this.frame(width, height);
    frame.draw(pen);
    const { parts } = this.contexts;
    if (parts !== null) pen.marker(frame.px(parts), frame.bottom, 4, 2, theme.muted);
    this.drawLine(pen, frame, width);
  }

  changed() {
    super.changed();
    const text = this.told();
    if (this.note.textContent !== text) this.note.textContent = text;
  }

  /** Where the contexts part, seen from the layer of the page. */
  told() {
    const { parts } = this.contexts;
    const { layer } = this.side.e.layers[layerAt(this.side)];
    if (parts === null)
      return 'The contexts do not part: at the last layer, at least half of the nearest words are the same.';
    if (layer < parts) return `The contexts part later, at layer ${parts}.`;
    return layer === parts
      ? 'Here the contexts part: from here to the last layer, fewer than half are the same.'
      : `The contexts parted at layer ${parts}.`;
  }

  /** How many are the same at a layer of the model. @param {number} layer */
  values(layer) {
    const at = this.side.e.layers.findIndex((l) => l.layer === layer);
    const found = this.contexts.in_common[at];
    if (!found) return '';
    return `Layer ${layer}: ${found[0]} of the ${found[1]} nearest are the same in both contexts.`;
  }

  finding() {
    const [word] = this.contexts.words;
    return `How many nearest words of ${quoted(shortText(word))} both contexts share`;
  }

  rows() {
    return {
      columns: ['layer', 'the same in both', 'of the nearest'],
      rows: this.contexts.in_common.map(([count, of], i) => [
        this.side.e.layers[i].layer,
        count,
        of,
      ]),
    };
  }

  json() {
    return this.contexts;
  }
}
