// Files that a panel can be saved as.

/** A cell of CSV. Text that a spreadsheet would compute is defused with a leading apostrophe.
 * @param {number | string | null} cell */
function csvCell(cell) {
  if (cell === null) return '';
  if (typeof cell === 'number') return String(cell);
  const text =
    /^[\s\u0000-\u001f]*[=+\-@|%]/u.test(cell) || /^[\t\r\n]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n\u0000-\u001f]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

/** @param {Rows} table */
function csv(table) {
  return (
    [table.columns, ...table.rows].map((row) => row.map(csvCell).join(',')).join('\r\n') + '\r\n'
  );
}

/** Hands a file to the reader. @param {string} name @param {Blob} content */
function save(name, content) {
  const link = el('a', { href: URL.createObjectURL(content), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/** @param {string} name @param {string} type @param {string} text */
function saveText(name, type, text) {
  save(name, new Blob([text], { type: `${type};charset=utf-8` }));
}
