/** A result in an output area: its page with controls, or its HTML where that cannot be drawn. */

import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { Panel } from '@lumino/widgets';

export const RESULT_MIME = 'application/vnd.exp-jupyter.result+json';

export class ResultRenderer extends Panel implements IRenderMime.IRenderer {
  constructor(private readonly _registry: IRenderMimeRegistry) {
    super();
    this.addClass('jp-ExpResult-output');
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const view = await drawn(model.data[RESULT_MIME]);
    if (this.isDisposed) {
      return;
    }
    // After the wait: a result that is shown and at once updated comes by here twice.
    for (const widget of [...this.widgets]) {
      widget.dispose();
    }
    this.node.replaceChildren();
    if (view) {
      this.node.append(view);
      return;
    }
    const type = model.data['text/html'] === undefined ? 'text/plain' : 'text/html';
    const html = this._registry.createRenderer(type);
    this.addWidget(html);
    await html.renderModel(model);
  }
}

/** The result's view; null where it has no page, one of a later form, or cannot be drawn. */
async function drawn(data: unknown): Promise<HTMLElement | null> {
  try {
    // Only a notebook that has a result loads what draws it.
    const { viewOf } = await import('./view');
    return viewOf(data);
  } catch {
    return null;
  }
}
