/** A new notebook from the analysis template, opened. */

import type { JupyterFrontEnd } from '@jupyterlab/application';

const NAME = 'experiment-analysis';

/**
 * Write a copy of the template into the folder `cwd` and open it.
 *
 * The template comes with the extension but not with its first bytes: it is loaded now.
 */
export async function openAnalysis(app: JupyterFrontEnd, cwd: string): Promise<unknown> {
  const { default: content } = await import('./template.json');
  const contents = app.serviceManager.contents;
  const taken = new Set(await listed(contents, cwd));
  const name = freeName(taken);
  const path = cwd ? `${cwd}/${name}` : name;
  await contents.save(path, { type: 'notebook', format: 'json', content });
  return app.commands.execute('docmanager:open', { path, factory: 'Notebook' });
}

async function listed(
  contents: JupyterFrontEnd['serviceManager']['contents'],
  cwd: string
): Promise<string[]> {
  const folder = await contents.get(cwd);
  const inside: unknown = folder.content;
  return Array.isArray(inside) ? inside.map(item => String((item as { name: unknown }).name)) : [];
}

function freeName(taken: ReadonlySet<string>): string {
  let name = `${NAME}.ipynb`;
  for (let number = 2; taken.has(name); number += 1) {
    name = `${NAME}-${number}.ipynb`;
  }
  return name;
}
