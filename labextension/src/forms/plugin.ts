/**
 * What the forms of a notebook need of the page: saved records are brought up to date, controls
 * whose kernel is gone make room for what was saved beside them, and lines can be inserted.
 */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import type { Cell, ICodeCellModel } from '@jupyterlab/cells';
import { INotebookTracker, NotebookActions, type NotebookPanel } from '@jupyterlab/notebook';
import type { Kernel, KernelMessage } from '@jupyterlab/services';
import type { PartialJSONObject } from '@lumino/coreutils';

import { isPlain } from '../line';
import { CellWriter } from '../panel/writer';

const WIDGET = 'application/vnd.jupyter.widget-view+json';
const KEY = 'exp_jupyter';
const OUR_LINE = /^%exp\w*( |$)/;

type IOutput = ReturnType<ReturnType<ICodeCellModel['outputs']['get']>['toJSON']>;

interface IPlace {
  cell: Cell;
  outputs: ICodeCellModel['outputs'];
  index: number;
  output: IOutput;
}

/** Every output of a notebook that a form of ours made. */
function* places(panel: NotebookPanel): Generator<IPlace> {
  for (const cell of panel.content.widgets) {
    if (cell.model.type === 'code' && !cell.isDisposed) {
      const { outputs } = cell.model as ICodeCellModel;
      for (let index = 0; index < outputs.length; index++) {
        const model = outputs.get(index);
        // Only ours is copied: another library's progress comes by here many times a second.
        if (model.metadata[KEY]) {
          yield { cell, outputs, index, output: model.toJSON() };
        }
      }
    }
  }
}

function displayId(output: IOutput): unknown {
  const ours = (output['metadata'] as PartialJSONObject)[KEY] as PartialJSONObject;
  return ours['display_id'];
}

function modelId(output: IOutput): string {
  const view = (output['data'] as PartialJSONObject | undefined)?.[WIDGET];
  const id = view ? (view as PartialJSONObject)['model_id'] : '';
  return typeof id === 'string' ? id : '';
}

/** Leave of these controls what stands in their place without a kernel. */
function putDown(place: IPlace): void {
  const kept = Object.entries(place.output['data'] as PartialJSONObject);
  const data = Object.fromEntries(kept.filter(([mime]) => mime !== WIDGET));
  place.outputs.set(place.index, { ...place.output, data });
}

/** The ids of the widgets that the kernel still has; none without a kernel. */
async function liveModels(kernel: Kernel.IKernelConnection | null): Promise<Set<string>> {
  if (!kernel || kernel.isDisposed || kernel.status === 'dead') {
    return new Set();
  }
  await kernel.info;
  const reply = await kernel.requestCommInfo({ target_name: 'jupyter.widget' });
  return new Set(reply.content.status === 'ok' ? Object.keys(reply.content.comms) : []);
}

class FormOutputs {
  constructor(private readonly _panel: NotebookPanel) {
    const session = _panel.sessionContext;
    session.kernelChanged.connect(() => {
      void this._putDownTheDead();
    });
    session.statusChanged.connect((_, status) => {
      if (status === 'restarting' || status === 'autorestarting' || status === 'dead') {
        this._putDown(new Set());
      }
    });
    session.iopubMessage.connect((_, message) => {
      this._update(message as KernelMessage.IIOPubMessage);
    });
    const added = new MutationObserver(() => {
      nameSliders(_panel.content.node);
    });
    added.observe(_panel.content.node, { childList: true, subtree: true });
    _panel.disposed.connect(() => {
      added.disconnect();
    });
    void Promise.all([_panel.context.ready, session.ready])
      .catch(() => undefined)
      .then(() => this._putDownTheDead());
  }

  private async _putDownTheDead(): Promise<void> {
    const kernel = this._panel.sessionContext.session?.kernel ?? null;
    const live = await liveModels(kernel).catch(() => new Set<string>());
    // A kernel that another took the place of says nothing about that one's controls.
    if (kernel === (this._panel.sessionContext.session?.kernel ?? null)) {
      this._putDown(live);
    }
  }

  private _putDown(live: Set<string>): void {
    if (this._panel.isDisposed) {
      return;
    }
    for (const place of [...places(this._panel)]) {
      const model = modelId(place.output);
      if (model && !live.has(model)) {
        putDown(place);
      }
    }
  }

  /** Replace outputs that the page shows since before it was loaded anew. */
  private _update(message: KernelMessage.IIOPubMessage): void {
    if (message.header.msg_type !== 'update_display_data') {
      return;
    }
    const { content } = message as KernelMessage.IUpdateDisplayDataMsg;
    const id = content.transient.display_id;
    for (const place of [...places(this._panel)]) {
      if (displayId(place.output) === id) {
        const { data, metadata } = content;
        const output = { output_type: 'display_data', data, metadata };
        if (JSON.stringify(place.output['data']) !== JSON.stringify(data)) {
          place.outputs.set(place.index, output);
        }
        keepFocus(this._panel, place.cell);
      }
    }
  }
}

/** The handle of a slider is what has the keyboard, and has no name of its own: its label's. */
function nameSliders(within: Element): void {
  for (const handle of within.querySelectorAll('.exp-form .noUi-handle:not([aria-label])')) {
    const label = handle.closest('.widget-slider')?.querySelector('.widget-label');
    if (label?.textContent) {
      handle.setAttribute('aria-label', label.textContent);
    }
  }
}

/** Controls that are taken away take the keyboard's place with them: it goes to their cell. */
function keepFocus(panel: NotebookPanel, cell: Cell): void {
  const had = cell.node.contains(document.activeElement) || lastCell === cell.node;
  window.setTimeout(() => {
    const lost = document.activeElement === null || document.activeElement === document.body;
    if (had && lost && !cell.isDisposed) {
      panel.content.activeCellIndex = panel.content.widgets.indexOf(cell);
      panel.content.node.focus();
      void NotebookActions.focusActiveCell(panel.content, { waitUntilReady: true });
    }
  }, 300);
}

/** The cell that last held the keyboard's place in its outputs. */
let lastCell: Element | null = null;

const plugin: JupyterFrontEndPlugin<void> = {
  id: 'exp-jupyter:forms',
  description: 'Keeps the records of forms true, and inserts their lines.',
  autoStart: true,
  optional: [INotebookTracker],
  activate: (_: JupyterFrontEnd, tracker: INotebookTracker | null) => {
    if (!tracker) {
      return;
    }
    const writer = new CellWriter(tracker);
    tracker.widgetAdded.connect((_, panel) => {
      new FormOutputs(panel);
    });
    document.body.dataset['expJupyter'] = '';
    document.addEventListener('focusin', event => {
      const target = event.target instanceof Element ? event.target : null;
      lastCell = target?.closest('.exp-form') ? target.closest('.jp-CodeCell') : null;
    });
    document.addEventListener('click', event => {
      const target = event.target instanceof Element ? event.target : null;
      const button = target?.closest<HTMLElement>('.exp-form button.exp-insert');
      const line = button?.dataset['expLine'] ?? '';
      const panel = tracker.currentWidget;
      if (!button || !panel || !OUR_LINE.test(line) || !isPlain(line)) {
        return;
      }
      // Below the form itself, wherever the notebook's active cell is.
      const own = panel.content.widgets.findIndex(cell => cell.node.contains(button));
      if (own >= 0) {
        panel.content.activeCellIndex = own;
      }
      writer.insert(line);
    });
  }
};

export default plugin;
