// The form above a page that a server shows. It works without this, which adds the habits: Enter
// asks, the wait is told, and the view (layer, map, measure, theme) is kept from text to text.
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
    // Tokens are those of the text before.
    for (const name of ['token', 'pin']) view.delete(name);
    form.action = `/${view.size ? `#${view}` : ''}`;
    sessionStorage.setItem('theme', document.documentElement.dataset.theme || '');
    // A file that is saved leaves the page as it is.
    if (event.submitter !== button) return;
    button.textContent = 'Reading…';
    setTimeout(() => {
      button.disabled = true;
    });
  });

  // The page comes back from the browser's memory as it was left.
  window.addEventListener('pageshow', () => {
    button.textContent = said;
    button.disabled = false;
  });

  if (!document.getElementById('app') && !text.value) text.focus();
}
