// The form above the page of `serve`. It works without this script, which adds: Enter submits, the
// button says that the text is being read, and the view (layer, map, measure, theme) is kept.
{
  const form = /** @type {HTMLFormElement} */ (document.getElementById('ask'));
  const text = /** @type {HTMLTextAreaElement} */ (document.getElementById('ask-text'));
  const button = /** @type {HTMLButtonElement} */ (form.querySelector('.primary'));
  const said = button.textContent;

  const theme = sessionStorage.getItem('theme');
  if (theme) document.documentElement.dataset.theme = theme;

  text.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit(button);
  });

  form.addEventListener('submit', (event) => {
    const view = new URLSearchParams(location.hash.slice(1));
    // Tokens belong to the previous text.
    for (const name of ['token', 'pin']) view.delete(name);
    form.action = `/${view.size ? `#${view}` : ''}`;
    sessionStorage.setItem('theme', document.documentElement.dataset.theme || '');
    // Saving a file does not reload the page.
    if (event.submitter !== button) return;
    button.textContent = 'Reading…';
    setTimeout(() => {
      button.disabled = true;
    });
  });

  // The browser may restore the page from its cache as it was left.
  window.addEventListener('pageshow', () => {
    button.textContent = said;
    button.disabled = false;
  });

  if (!document.getElementById('app') && !text.value) text.focus();
}
