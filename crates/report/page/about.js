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

/** Names of parts that are not shown. @type {{[what: string]: string}} */
const PARTS = {
  cka: 'Similarity of layers by CKA',
  neighbour_change: 'Share of new nearest neighbours by layer',
  neighbours: 'Nearest neighbours',
  trajectory: 'Map of all layers in one basis',
  tsne: 't-SNE map',
  profile: 'Profile of the model',
  'attention on the page': 'Attention of a token',
  'attention on the page, by head': 'Attention of a token by head (the page has the mean of heads)',
  'attention on the page of the last texts': 'Attention of a token in the last texts',
  baseline: 'Baseline: the mean cosine of unrelated words',
};

/** What is not shown on the page, and why. @param {Side} side */
function omittedPanel(side) {
  return side.e.omitted.length > 0 ? new OmittedPanel(side) : null;
}

class OmittedPanel extends Panel {
  /** @param {Side} side */
  constructor(side) {
    super({
      id: 'omitted',
      side,
      title: `Not shown${sides.length > 1 ? `, ${'AB'[side.index]}` : ''}`,
      shows: 'What this page does not have for this text, and the reason.',
    });
    this.box.replaceChildren(...table(this.rows(), this.about.title));
    this.details.hidden = true;
  }

  height() {
    return 0;
  }

  /** @returns {Rows} */
  rows() {
    return {
      columns: ['what', 'why'],
      rows: this.side.e.omitted.map(({ what, why }) => [
        Object.hasOwn(PARTS, what) ? PARTS[what] : what,
        why,
      ]),
    };
  }
}
