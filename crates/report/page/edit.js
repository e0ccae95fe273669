// Under `serve`, a word of the page is edited in place: by a double click, by the button beside the
// text, or by the key e. Enter compares the original with the edited text; in a comparison, the other
// sentence stays.
{
  /** The text of a word, and where the word is in it. @typedef {{side: number, text: string, from: number,
   * to: number, tokens: number[]}} Editable */

  /** The word of a token; none for tokens without letters of the text. @param {Place | null} place
   * @returns {Editable | null} */
  const editable = (place) => {
    if (!place) return null;
    const { e } = sides[place.side];
    const tokens = wordOf(sides[place.side], place.token);
    const all = tokens.map((t) => e.tokens[t]);
    const [from, to] = [
      Math.min(...all.map((t) => t.char_offsets[0])),
      Math.max(...all.map((t) => t.char_offsets[1])),
    ];
    if (all[0].special || to <= from) return null;
    return { side: place.side, text: e.texts[all[0].sentence], from, to, tokens };
  };

  /** The letters of a word. @param {Editable} word */
  const lettersOf = ({ text, from, to }) => [...text].slice(from, to).join('');

  /** The text with another word; without the word and its space where that is empty.
   * @param {Editable} word @param {string} other */
  const edited = ({ text, from, to }, other) => {
    const letters = [...text];
    const [before, after] = [letters.slice(0, from).join(''), letters.slice(to).join('')];
    return other ? before + other + after : `${before.trimEnd()} ${after.trimStart()}`.trim();
  };

  /** Compares the original with the edited text. @param {Editable} word @param {string} other */
  const submit = (word, other) => {
    const now = edited(word, other);
    // In a comparison, the edited sentence takes the place of its own.
    const pair = report.overlay ? sides.map(({ e }) => e.texts[0]) : [word.text, word.text];
    pair[report.overlay ? word.side : 1] = now;
    // The model that made the page, not one that is chosen for the next.
    const models = /** @type {HTMLSelectElement} */ (document.getElementById('ask-model'));
    const model = [...models.options].find((o) => o.defaultSelected)?.value ?? models.value;
    sessionStorage.setItem('theme', document.documentElement.dataset.theme || '');
    const query = new URLSearchParams({ text: pair[0], against: pair[1], model });
    location.assign(`/?${query}`);
  };

  /** Ends the edit that is open. */
  let ending = () => {};

  /** Shows a box in the place of a word. @param {Editable} word @param {HTMLElement} shown */
  const edit = (word, shown) => {
    ending();
    const old = lettersOf(word);
    const box = el('input', {
      type: 'text',
      value: old,
      size: Math.max(6, old.length + 2),
      'aria-label': `Another word for “${visible(old)}”; Enter compares, Escape keeps it`,
      autocomplete: 'off',
      spellcheck: 'false',
    });
    // A word of several tokens has several buttons.
    const hidden = [
      ...(shown.parentElement?.querySelectorAll(':scope > [data-token]') || []),
    ].filter(
      (one) => one instanceof HTMLElement && word.tokens.includes(Number(one.dataset.token)),
    );
    const hide = (/** @type {boolean} */ on) => {
      for (const one of [shown, ...hidden]) /** @type {HTMLElement} */ (one).hidden = on;
    };
    let ended = false;
    const end = () => {
      // Removing the box takes the focus from it, which ends it again.
      if (ended) return;
      ended = true;
      ending = () => {};
      form.remove();
      hide(false);
      if (shown instanceof HTMLButtonElement) shown.focus();
    };
    const form = el(
      'form',
      {
        class: 'edit',
        submit: (/** @type {Event} */ event) => {
          event.preventDefault();
          const other = box.value.trim().replace(/\s+/g, ' ');
          if (other === old) end();
          else submit(word, other);
        },
        keydown: (/** @type {KeyboardEvent} */ event) => {
          event.stopPropagation();
          if (event.key === 'Escape') end();
        },
        focusout: (/** @type {FocusEvent} */ event) => {
          const to = /** @type {Node | null} */ (event.relatedTarget);
          if (!form.contains(to) && box.value === old) end();
        },
      },
      box,
      el('button', { class: 'primary' }, 'Compare'),
    );
    ending = end;
    set({ playing: false });
    shown.after(form);
    hide(true);
    box.focus();
    box.select();
  };

  /** The element of a word that is shown, the first of the page. @param {Editable} word */
  const elementOf = ({ side, tokens }) =>
    [
      ...document.querySelectorAll('.overlay .part, .reading [data-token], .ribbon [data-token]'),
    ].find(
      (one) =>
        one instanceof HTMLElement &&
        one.checkVisibility() &&
        sideOf(one) === side &&
        tokens.includes(Number(one.dataset.token)),
    );

  /** @param {HTMLElement} one */
  const sideOf = (one) => Number(one.dataset.side ?? (one.closest('[id$="-b"]') ? 1 : 0));

  /** Edits the word of a place, where it is shown. @param {Place | null} place @param {Element | null} [at] */
  const begin = (place, at) => {
    const word = editable(place);
    const one = word && (at || elementOf(word));
    if (word && one instanceof HTMLElement) edit(word, one.closest('button') || one);
  };

  const start = () => {
    if (!sides.length) return;
    const text = document.querySelector('.overlay, .reading, .ribbon');
    const panel = text?.closest('.panel')?.querySelector('.controls');
    const button = el('button', { type: 'button', click: () => begin(state.selected) });
    panel?.append(button);
    const follow = () => {
      const word = editable(state.selected);
      const name = word ? `Edit “${shortText(lettersOf(word))}”` : 'Edit a word';
      if (button.textContent !== name) button.textContent = name;
      button.disabled = !word;
    };
    panels.push(/** @type {Panel} */ (/** @type {unknown} */ ({ update: follow })));
    button.title = 'or double-click a word, or press e';
    wake();
    document.addEventListener('dblclick', (event) => {
      const one = /** @type {Element} */ (event.target).closest('[data-token]');
      if (!(one instanceof HTMLElement) || !one.closest('.overlay, .reading, .ribbon')) return;
      event.preventDefault();
      begin({ side: sideOf(one), token: Number(one.dataset.token) }, one);
    });
    document.addEventListener('keydown', (event) => {
      const target = /** @type {HTMLElement} */ (event.target);
      const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName) && target.id !== 'layer';
      const other = event.ctrlKey || event.metaKey || event.altKey;
      if (event.key !== 'e' || typing || other || document.querySelector('dialog[open]')) return;
      event.preventDefault();
      begin(state.selected);
    });
  };
  document.addEventListener('DOMContentLoaded', () => {
    if (document.getElementById('app')) start();
  });
}
