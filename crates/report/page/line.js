// A panel whose curves are the slider of the page.

/** A panel of curves by layer, with the layer of the page as a line that is dragged. A kind of it has
 * `frame` and `values`. */
class LinePanel extends Panel {
  /** @param {{id: string, title: string, shows: string, side: Side, wide?: boolean}} about */
  constructor(about) {
    super(about);
    this.play = el('button', { type: 'button', class: 'primary play', click: play }, 'Play');
    this.controls.append(this.play);
    this.dragging = false;
    this.listen();
  }

  /** The curves. @param {number} _width @param {number} _height @returns {CurvesFrame} */
  frame(_width, _height) {
    throw new Error('a kind of panel has its own frame');
  }

  /** The frame of curves, with room for the name of the layer above its line.
   * @param {CurvesOf} curves @param {number} w @param {number} h */
  framed(curves, w, h) {
    const frame = new CurvesFrame({ x: 0, y: 0, w, h }, curves);
    frame.top += 22;
    return frame;
  }

  /** The values of a layer of the model, in words. @param {number} _layer */
  values(_layer) {
    return '';
  }

  /** What lies under the pointer: nothing while the line is dragged, which says it. @param {number} x */
  hit(x) {
    const height = this.height(this.width);
    if (this.dragging || !height) return null;
    const frame = this.frame(this.width, height);
    const place = frame.nearest(x);
    if (place === null) return null;
    const layer = placesOf(frame.panel.x)[place];
    const at = placeOfLayer(this.side, layer);
    return { text: this.values(layer), ...(at < 0 ? {} : { layer: at }) };
  }

  /** The canvas is a slider: it is dragged, and the keys of the page move it. */
  listen() {
    const { canvas, side } = this;
    canvas.setAttribute('role', 'slider');
    canvas.tabIndex = 0;
    canvas.classList.add('strip');
    canvas.setAttribute('aria-valuemin', String(side.e.layers[0].layer));
    canvas.setAttribute('aria-valuemax', String(side.e.layers[side.last].layer));
    const move = (/** @type {PointerEvent} */ event) => {
      const share = this.depthAt(event.offsetX / this.zoom);
      set({ depth: side.last > 0 ? (share * sides[0].last) / side.last : 0, playing: false });
    };
    canvas.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      this.dragging = true;
      canvas.setPointerCapture(event.pointerId);
      move(event);
    });
    canvas.addEventListener('pointermove', (event) => {
      if (this.dragging) move(event);
    });
    const end = () => {
      if (!this.dragging) return;
      this.dragging = false;
      // Released between two layers, the line moves to the nearer one.
      goTo(side, layerAt(side));
    };
    for (const name of ['pointerup', 'pointercancel', 'lostpointercapture'])
      canvas.addEventListener(name, end);
    canvas.addEventListener('keydown', (event) => {
      const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      goTo(side, Math.max(0, Math.min(side.last, layerAt(side) + step)));
    });
  }

  /** The layer of the model at the depth of the page, between layers too. */
  layerNow() {
    const { e } = this.side;
    const depth = depthOf(this.side);
    const [from, to] = [e.layers[Math.floor(depth)].layer, e.layers[Math.ceil(depth)].layer];
    return from + (to - from) * (depth % 1);
  }

  /** The depth of the side under a place of the picture. @param {number} x */
  depthAt(x) {
    const frame = this.frame(this.width, this.height(this.width));
    const share = (x - frame.left) / (frame.right - frame.left || 1);
    const layer = frame.from + share * (frame.to - frame.from);
    const numbers = this.side.e.layers.map((l) => l.layer);
    const after = numbers.findIndex((n) => n >= layer);
    if (after === 0) return 0;
    if (after < 0) return this.side.last;
    return after - (numbers[after] - layer) / (numbers[after] - numbers[after - 1]);
  }

  /** The line, with the name of its layer, and what it goes through.
   * @param {Pen} pen @param {CurvesFrame} frame @param {number} width */
  drawLine(pen, frame, width) {
    const now = this.layerNow();
    const x = Math.min(frame.right, Math.max(frame.left, frame.px(now)));
    pen.line(x, frame.top - 8, x, frame.bottom, theme.ink, 2);
    const name = `layer ${Math.round(now)}`;
    const style = { size: 12, bold: true };
    const half = textWidth(name, style) / 2 + 7;
    const middle = Math.max(half, Math.min(width - half, x));
    pen.rect(middle - half, frame.top - 27, 2 * half, 20, theme.ink);
    pen.text(middle, frame.top - 16.5, name, {
      ...style,
      fill: theme.paper,
      align: 'center',
      middle: true,
    });
    // What the line goes through.
    for (const s of frame.panel.series) {
      const i = placesOf(frame.panel.x).indexOf(now);
      const value = s.values[i] ?? null;
      if (value !== null) pen.marker(x, frame.py(value), 5, 0, lookOf(s).colour, theme.paper);
    }
  }

  changed() {
    const { side, canvas } = this;
    const name = state.playing ? 'Pause' : 'Play';
    if (this.play.textContent !== name) this.play.textContent = name;
    const { layer } = side.e.layers[layerAt(side)];
    canvas.setAttribute('aria-valuenow', String(layer));
    canvas.setAttribute('aria-valuetext', `${layerName(layer)}. ${this.values(layer)}`);
  }

  rest() {
    return this.values(this.side.e.layers[layerAt(this.side)].layer);
  }

  label() {
    return 'Layer';
  }
}
