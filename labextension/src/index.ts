/** The extension's one plugin: the panel, its commands, and the notebook it follows. */

import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';

import { KernelLink } from './link';
import { ExperimentsPanel } from './panel';
import { CommandIDs, PANEL_ID, PLUGIN_ID } from './tokens';
import { VERSION } from './version';
import { CellWriter } from './writer';

const NO_ARGUMENTS = { args: { type: 'object', properties: {} } } as const;

/** Everything but the application is optional, so that the panel works in Notebook 7 too. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN_ID,
  description: 'The experiments of the active notebook’s project, in a side panel.',
  autoStart: true,
  optional: [INotebookTracker, ICommandPalette, ILayoutRestorer, ILabShell],
  activate: (
    app: JupyterFrontEnd,
    tracker: INotebookTracker | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    labShell: ILabShell | null
  ) => {
    const link = new KernelLink();
    const panel = new ExperimentsPanel(link, new CellWriter(tracker), VERSION);
    app.shell.add(panel, 'left', { rank: 850, type: 'Experiments' });
    restorer?.add(panel, PANEL_ID);

    const follow = (): void => {
      link.follow(tracker?.currentWidget?.sessionContext ?? null);
    };
    tracker?.currentChanged.connect(follow);
    follow();

    app.commands.addCommand(CommandIDs.open, {
      label: 'Show Experiments',
      caption: 'Show the experiments of the active notebook’s project',
      describedBy: NO_ARGUMENTS,
      execute: () => {
        if (labShell) {
          labShell.activateById(PANEL_ID);
        } else {
          app.shell.activateById(PANEL_ID);
        }
      }
    });
    app.commands.addCommand(CommandIDs.refresh, {
      label: 'Refresh Experiments',
      caption: 'Ask the active notebook’s kernel again',
      describedBy: NO_ARGUMENTS,
      execute: () => {
        link.refresh();
      }
    });
    for (const command of Object.values(CommandIDs)) {
      palette?.addItem({ command, category: 'Experiments' });
    }
  }
};

export default plugin;
