/** Put the analysis template, without its outputs, where the extension can load it. */

import { readFile, writeFile } from 'node:fs/promises';

const source = new URL('../notebooks/analysis_template.ipynb', import.meta.url);
const target = new URL('src/analysis/template.json', import.meta.url);

const notebook = JSON.parse(await readFile(source, 'utf8'));
const cells = notebook.cells.map(({ cell_type, id, metadata, source: lines }) => ({
  cell_type,
  id,
  metadata: metadata.tags ? { tags: metadata.tags } : {},
  source: Array.isArray(lines) ? lines.join('') : lines,
  ...(cell_type === 'code' ? { execution_count: null, outputs: [] } : {})
}));
const metadata = { kernelspec: notebook.metadata.kernelspec };
const { nbformat, nbformat_minor } = notebook;
await writeFile(target, `${JSON.stringify({ cells, metadata, nbformat, nbformat_minor })}\n`);
