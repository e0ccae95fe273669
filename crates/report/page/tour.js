// A tour of five steps, the keys, and finding a token.

/** @type {[string, string, string][]} panel, title, text */
const TOUR = [
  [
    'depth',
    'One layer after another',
    'A model processes a text layer by layer. Each layer gives every token a new list of numbers. Move the slider, press Play, or use the arrow keys: all panels follow.',
  ],
  [
    'map',
    'The map',
    'Each point is a token. Points that are close have similar numbers, as far as a plane can show it. Watch which tokens move together, and note how little of the variance the two axes show.',
  ],
  [
    'sentence',
    'Choose a token',
    'Click a word here or on the map. It is marked in all panels, and the text is shaded by similarity to it. Press p to pin it and compare it with another word.',
  ],
  [
    'similarity',
    'Similarity in the full space',
    'The map loses information; this panel does not. Find the baseline on the colour bar: below it, two words are no more similar than two random words. Try the centred cosine.',
  ],
  [
    'charts',
    'By layer',
    'The curves show what changes from layer to layer, with intervals. Each panel explains what it shows and what it cannot show. You can save each panel, or read it as a table.',
  ],
];

/** @type {[string, string][]} */
const KEYS = [
  ['← →', 'previous layer, next layer'],
  ['Home, End', 'first and last layer'],
  ['space', 'play or pause'],
  ['Tab', 'from token to token; Enter chooses'],
  ['p', 'pin or unpin the chosen token'],
  ['/', 'find a token'],
  ['w', 'tokens or whole words'],
  ['m', 'next map'],
  ['Esc', 'clear the choice'],
  ['?', 'this help'],
];

class Tour {
  constructor() {
    this.step = 0;
    this.steps = TOUR.filter(([id]) => document.getElementById(id));
    this.title = el('h2', { id: 'tour-title' });
    this.text = el('p');
    this.count = el('span', { class: 'count' });
    this.next = el(
      'button',
      { type: 'button', class: 'primary', click: () => this.go(this.step + 1) },
      'Next',
    );
    this.back = el('button', { type: 'button', click: () => this.go(this.step - 1) }, 'Back');
    this.root = el(
      'dialog',
      { class: 'tour', 'aria-labelledby': 'tour-title', close: () => this.mark('') },
      this.title,
      this.text,
      el(
        'div',
        { class: 'row' },
        this.count,
        this.back,
        this.next,
        el('button', { type: 'button', click: () => this.root.close() }, 'Close'),
      ),
    );
    document.body.append(this.root);
  }

  start() {
    this.go(0);
    this.root.show();
    this.next.focus();
  }

  /** @param {number} step */
  go(step) {
    if (step >= this.steps.length) {
      this.root.close();
      return;
    }
    this.step = Math.max(0, step);
    const [id, title, text] = this.steps[this.step];
    this.title.textContent = title;
    this.text.textContent = text;
    this.count.textContent = `${this.step + 1} of ${this.steps.length}`;
    this.back.disabled = this.step === 0;
    this.next.textContent = this.step === this.steps.length - 1 ? 'Done' : 'Next';
    this.mark(id);
  }

  /** @param {string} id */
  mark(id) {
    document.querySelectorAll('.toured').forEach((e) => e.classList.remove('toured'));
    const panel = document.getElementById(id);
    if (!panel) return;
    panel.classList.add('toured');
    panel.scrollIntoView({ block: 'center', behavior: calm.matches ? 'auto' : 'smooth' });
  }
}

function helpDialog() {
  const root = el(
    'dialog',
    { 'aria-labelledby': 'help-title' },
    el('h2', { id: 'help-title' }, 'Keys'),
    el(
      'dl',
      { class: 'keys' },
      ...KEYS.flatMap(([key, what]) => [el('dt', {}, el('kbd', {}, key)), el('dd', {}, what)]),
    ),
    el(
      'p',
      {},
      'Click a token, a point or a cell to choose it; shift-click to pin it. The address of the page contains the current view: copy it to return to this view.',
    ),
    el('button', { type: 'button', class: 'primary', click: () => root.close() }, 'Close'),
  );
  document.body.append(root);
  return root;
}

function findDialog() {
  const field = el('input', {
    type: 'search',
    'aria-label': 'A token',
    placeholder: 'a token',
    autocomplete: 'off',
    input: () => fill(),
  });
  const found = el('div', { class: 'ribbon' });
  const root = el(
    'dialog',
    { 'aria-labelledby': 'find-title' },
    el('h2', { id: 'find-title' }, 'Find a token'),
    field,
    found,
    el('button', { type: 'button', click: () => root.close() }, 'Close'),
  );
  const choose = (/** @type {Place} */ place) => {
    root.close();
    set({ selected: place, hover: null });
  };
  /** @returns {{place: Place, name: string}[]} */
  const matches = () => {
    const wanted = field.value.trim().toLowerCase();
    if (!wanted) return [];
    return sides
      .flatMap((side) =>
        side.now.units
          .filter((u) => u.name.toLowerCase().includes(wanted))
          .map((u) => ({
            place: { side: side.index, token: u.tokens[0] },
            name: `${u.name}${sides.length > 1 ? `, ${'AB'[side.index]}` : ''}`,
          })),
      )
      .slice(0, 30);
  };
  const fill = () =>
    found.replaceChildren(
      ...matches().map(({ place, name }) =>
        el(
          'button',
          { type: 'button', class: 'token', click: () => choose(place) },
          el('bdi', {}, name),
        ),
      ),
    );
  field.addEventListener('keydown', (event) => {
    const [first] = matches();
    if (event.key === 'Enter' && first) {
      event.preventDefault();
      choose(first.place);
    }
  });
  document.body.append(root);
  return () => {
    field.value = '';
    fill();
    root.showModal();
    field.focus();
  };
}
