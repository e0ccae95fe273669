// How the page was made, and what it does not show.

class AboutPanel extends Panel {
  constructor() {
    super({
      id: 'about',
      title: 'Made with',
      wide: true,
      shows:
        'Everything that determines the numbers of this page. Numbers are rounded to 5 significant digits here; manifest.json beside the page has the command line and the sha256 of every file that was read.',
    });
    this.box.classList.add('scroll');
    this.box.tabIndex = 0;
    this.box.setAttribute('role', 'region');
    this.box.setAttribute('aria-label', 'The manifest');
    this.box.replaceChildren(...table(this.rows(), 'The manifest'));
    this.details.hidden = true;
  }

  height() {
    return 0;
  }

  /** @returns {Rows} */
  rows() {
    /** @type {(number | string | null)[][]} */
    const rows = [];
    const add = (/** @type {string} */ name, /** @type {unknown} */ value) => {
      if (value !== null && typeof value === 'object') {
        for (const [key, inner] of Object.entries(value)) add(name ? `${name}.${key}` : key, inner);
      } else {
        rows.push([
          name,
          typeof value === 'number'
            ? String(value)
            : value === null || value === undefined
              ? null
              : String(value),
        ]);
      }
    };
    add('', {
      tool: report.tool,
      schema: `${report.schema} ${report.version}`,
      .../** @type {object} */ (report.manifest),
    });
    sides.forEach((side, s) => {
      const of = sides.length > 1 ? `${'AB'[s]}: ` : '';
      for (const { what, why } of side.e.omitted) rows.push([`${of}not shown: ${what}`, why]);
      if (side.e.sampled)
        rows.push([
          `${of}sampled`,
          `${side.n} of ${side.e.sampled.of} tokens, seed ${side.e.sampled.seed}`,
        ]);
    });
    return { columns: ['what', 'value'], rows };
  }

  json() {
    return report.manifest;
  }
}
