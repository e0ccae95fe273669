// A tour that moves the page, the keys, and finding a token.

/** A step: the panel, its title, what is said, and what the page does meanwhile.
 * @typedef {{id: string, title: string, text: string, act?: () => void}} TourStep */

/** Chooses a word of the text: the nth that has a journey, or else that is not special.
 * @param {number} n */
function chooseWord(n) {
  const [side] = sides;
  const words = journeysOf(side).map((j) => j.tokens[0]);
  const tokens = words.length
    ? words
    : side.now.units.filter((u) => !u.special).map((u) => u.tokens[0]);
  const token = tokens[Math.min(n, tokens.length - 1)];
  if (token !== undefined) set({ selected: { side: 0, token }, hover: null });
}

/** Goes to a place in the list of layers. @param {number | undefined} at */
function showLayer(at) {
  set({ depth: at === undefined || at < 0 ? sides[0].last : at, playing: false });
}

/** The steps for this page. @returns {TourStep[]} */
function tourSteps() {
  const [side] = sides;
  const told = annotationsOf(side);
  const others = journeysOf(side).findIndex((j) => j !== tellingJourney(side));
  const playFromStart = () => {
    set({ depth: 0, playing: false });
    if (!calm.matches) play();
  };
  /** @type {TourStep[]} */
  const all = [
    {
      id: 'overlay',
      title: 'Two sentences',
      text: 'The shade of a word is the distance of its two vectors at this layer. The line of the curves is a slider: drag it, or press ← and →.',
      act: () => showLayer(opening().at),
    },
    {
      id: 'contexts',
      title: 'One word in two contexts',
      text: 'The curve says how many of the nearest words are the same in both contexts. Its line is a slider: drag it, or press ← and →. Below are the nearest words in each context.',
      act: () => showLayer(placeOfLayer(side, report.contexts?.parts ?? -1)),
    },
    {
      id: 'strip',
      title: 'What changes with depth',
      text: 'Layer by layer, the model gives every word a new vector. The curves say what makes words near at each layer: a grammatical role, a kind of meaning, or one sentence. The line is the layer that all panels show.',
      act: playFromStart,
    },
    {
      id: 'strip',
      title: 'The line is a slider',
      text: `Drag it, or press ← and →. ${told.length ? `The page is now at a layer where something happens: ${told[0].text}` : ''}`,
      act: () => showLayer(told[0]?.at),
    },
    {
      id: 'depth',
      title: 'One layer after another',
      text: 'A model processes a text layer by layer. Each layer gives every token a new list of numbers. The page now plays from layer 0: all panels follow.',
      act: playFromStart,
    },
    {
      id: 'journey',
      title: 'One word of the text',
      text: 'These are the words in other sentences that are nearest to the chosen word. Read down the layers: where the lines change, other words have come near.',
      act: () => {
        const telling = tellingJourney(side);
        if (telling) set({ selected: { side: 0, token: telling.tokens[0] }, hover: null });
        showLayer(told[0]?.at);
      },
    },
    ...(others >= 0
      ? [
          {
            id: 'journey',
            title: 'Another word',
            text: 'Click a word of the text, and every panel shows it. The page has chosen another word now.',
            act: () => chooseWord(others),
          },
        ]
      : []),
    {
      id: 'map',
      title: 'The map',
      text: 'Each point is a token. Points that are close have similar numbers, as far as a plane can show it. Watch which tokens move together, and note how little of the variance the two axes show.',
      act: () => showLayer(side.last),
    },
    {
      id: 'media',
      title: 'Choose a part of the picture',
      text: 'Click it, or press the arrow keys on the picture. The colours show how similar every other part is to it, at every layer. “Colours” changes what they show.',
      act: () => {
        const token = openingCell(side);
        if (token !== null) set({ selected: { side: 0, token }, hover: null, shade: 'similar' });
        showLayer(side.last);
      },
    },
    {
      id: 'sentence',
      title: 'Choose a token',
      text: 'Click a token here or on the map. It is marked in all panels, and the text is shaded by similarity to it. Press p to pin it and compare it with another word.',
      act: () => chooseWord(Math.max(0, others)),
    },
    {
      id: 'similarity',
      title: 'Similarity in the full space',
      text: 'The map loses information; this panel does not. The measure is now the centred cosine. With the plain cosine, find the baseline on the colour bar: below it, two words are no more similar than two random words.',
      act: () => {
        if (side.metrics.includes('centred')) set({ metric: 'centred' });
      },
    },
    {
      id: 'charts',
      title: hasFirstScreen() ? 'For researchers' : 'By layer',
      text: 'The curves show what changes from layer to layer, with intervals. Each panel explains what it shows and what it cannot show. You can save each panel, or read it as a table.',
      act: () => unfold(),
    },
  ];
  // A page that measured no curves has its slider in their place.
  const slider =
    ['overlay', 'contexts', 'strip', 'depth'].find((id) => document.getElementById(id)) || 'depth';
  const wanted = hasStory()
    ? [slider, 'journey', 'map', 'similarity', 'charts']
    : [slider, 'media', 'map', 'sentence', 'similarity', 'charts'];
  return all.filter(({ id }) => wanted.includes(id) && document.getElementById(id));
}

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

/** The keys of pictures. @type {[string, string][]} */
const MEDIA_KEYS = [
  ['← → ↑ ↓', 'on an image: choose the next patch'],
  ['← →', 'on a sound: choose the next frame; ↑ ↓ change the layer'],
];

class Tour {
  constructor() {
    this.step = 0;
    /** @type {TourStep[]} */
    this.steps = [];
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
    this.steps = tourSteps();
    this.root.show();
    this.go(0);
    this.next.focus();
  }

  /** @param {number} step */
  go(step) {
    if (step >= this.steps.length) {
      this.root.close();
      return;
    }
    this.step = Math.max(0, step);
    const { id, title, text, act } = this.steps[this.step];
    this.title.textContent = title;
    this.text.textContent = text;
    act?.();
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
    const { top, bottom, height } = panel.getBoundingClientRect();
    if (top >= 0 && bottom <= innerHeight) return;
    // The title of a tall panel is not scrolled out of sight.
    const block = height > innerHeight - 160 ? 'start' : 'center';
    panel.scrollIntoView({ block, behavior: calm.matches ? 'auto' : 'smooth' });
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
      ...(hasMedia() ? [...MEDIA_KEYS, ...KEYS] : KEYS).flatMap(([key, what]) => [
        el('dt', {}, el('kbd', {}, key)),
        el('dd', {}, what),
      ]),
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
