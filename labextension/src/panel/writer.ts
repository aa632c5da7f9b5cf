/** Magic lines into the active notebook, as cells below the active one. */

import { type INotebookTracker, NotebookActions } from '@jupyterlab/notebook';

import type { INotebookWriter } from './lines';

export class CellWriter implements INotebookWriter {
  constructor(private readonly _tracker: INotebookTracker | null) {}

  readonly insert = (line: string): void => {
    const notebook = this._tracker?.currentWidget?.content;
    if (!notebook) {
      return;
    }
    NotebookActions.insertBelow(notebook);
    notebook.activeCell?.model.sharedModel.setSource(line);
    void NotebookActions.focusActiveCell(notebook);
  };

  readonly run = (line: string): void => {
    const panel = this._tracker?.currentWidget;
    if (!panel) {
      return;
    }
    this.insert(line);
    void NotebookActions.run(panel.content, panel.sessionContext);
  };
}
