/** The plugin that draws results with controls, where a notebook holds what it needs. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';

import { RESULT_MIME, ResultRenderer } from './renderer';

/** Before HTML, which has 50, and after a live widget. */
const RANK = 40;

const plugin: JupyterFrontEndPlugin<void> = {
  id: 'exp-jupyter:result',
  description: 'Draws the results of exp_jupyter with values on hover, sorting and copying.',
  autoStart: true,
  requires: [IRenderMimeRegistry],
  activate: (_: JupyterFrontEnd, registry: IRenderMimeRegistry) => {
    registry.addFactory(
      {
        // Nothing in a result is markup or runs, so an untrusted notebook shows it too.
        safe: true,
        mimeTypes: [RESULT_MIME],
        defaultRank: RANK,
        createRenderer: () => new ResultRenderer(registry)
      },
      RANK
    );
  }
};

export default plugin;
