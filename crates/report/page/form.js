// The form above the page of `serve`. It works without this script, which adds: Enter submits, the
// button says that the text is being read, the view (layer, map, measure, theme) is kept, and an example
// is shown by the model that is chosen.
{
  const form = /** @type {HTMLFormElement} */ (document.getElementById('ask'));
  const field = (/** @type {string} */ name) =>
    /** @type {HTMLTextAreaElement} */ (document.getElementById(`ask-${name}`));
  const [text, against, model] = ['text', 'against', 'model'].map(field);
  const button = /** @type {HTMLButtonElement} */ (form.querySelector('.primary'));
  const said = button.textContent;

  const theme = sessionStorage.getItem('theme');
  if (theme) document.documentElement.dataset.theme = theme;
  const keepTheme = () =>
    sessionStorage.setItem('theme', document.documentElement.dataset.theme || '');

  for (const box of [text, against])
    box.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      form.requestSubmit(button);
    });

  form.addEventListener('submit', (event) => {
    const compares = against.value.trim() !== '';
    // An empty second box is not part of the address.
    against.disabled = !compares;
    setTimeout(() => {
      against.disabled = false;
    });
    const view = new URLSearchParams(location.hash.slice(1));
    // Tokens belong to the previous text, and a layer to the same kind of page.
    for (const name of ['token', 'pin']) view.delete(name);
    if (compares !== !!document.getElementById('overlay')) view.delete('layer');
    form.action = `/${view.size ? `#${view}` : ''}`;
    keepTheme();
    // Saving a file does not reload the page.
    if (event.submitter !== button) return;
    button.textContent = 'Reading…';
    setTimeout(() => {
      button.disabled = true;
    });
  });

  for (const one of document.querySelectorAll('.tries form'))
    one.addEventListener('submit', () => {
      const chosen = one.querySelector('[name="model"]');
      if (chosen instanceof HTMLInputElement) chosen.value = model.value;
      keepTheme();
    });

  // The browser may restore the page from its cache as it was left.
  window.addEventListener('pageshow', () => {
    button.textContent = said;
    button.disabled = false;
  });

  if (!document.getElementById('app') && !text.value) text.focus();
}
