/** The panel's plugin: the panel, its commands and settings, and the notebook it follows. */

import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';

import { openAnalysis } from '../analysis/open';
import { flaskIcon } from './icon';
import { KernelLink } from './link';
import { ExperimentsPanel } from './panel';
import { followSettings } from './settings';
import { CommandIDs, PANEL_ID, PLUGIN_ID } from './tokens';
import { VERSION } from '../version';
import { CellWriter } from './writer';

const NO_ARGUMENTS = { args: { type: 'object', properties: {} } } as const;
const CATEGORY = 'Experiments';

/** Everything but the application is optional, so that the panel works in Notebook 7 too. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN_ID,
  description: 'The experiments of the active notebook’s project, in a side panel.',
  autoStart: true,
  optional: [
    INotebookTracker,
    ICommandPalette,
    ILayoutRestorer,
    ILabShell,
    ILauncher,
    ISettingRegistry
  ],
  activate: (
    app: JupyterFrontEnd,
    tracker: INotebookTracker | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    labShell: ILabShell | null,
    launcher: ILauncher | null,
    registry: ISettingRegistry | null
  ) => {
    const link = new KernelLink();
    const writer = new CellWriter(tracker);
    const panel = new ExperimentsPanel(link, writer, VERSION);
    app.shell.add(panel, 'left', { rank: 850, type: 'Experiments' });
    restorer?.add(panel, PANEL_ID);

    const follow = (): void => {
      link.follow(tracker?.currentWidget?.sessionContext ?? null);
    };
    tracker?.currentChanged.connect(follow);
    follow();
    followSettings(registry, PLUGIN_ID, settings => {
      panel.apply(settings);
    });

    app.commands.addCommand(CommandIDs.open, {
      label: 'Show Experiments',
      caption: 'Show the experiments of the active notebook’s project',
      describedBy: NO_ARGUMENTS,
      // Notebook 7 has a command of its own for every side panel.
      isVisible: () => Boolean(labShell),
      execute: () => {
        app.shell.activateById(PANEL_ID);
      }
    });
    app.commands.addCommand(CommandIDs.refresh, {
      label: 'Refresh Experiments',
      caption: 'Ask the active notebook’s kernel again',
      describedBy: NO_ARGUMENTS,
      isVisible: () => Boolean(labShell ?? tracker?.currentWidget),
      execute: () => {
        link.refresh();
      }
    });
    app.commands.addCommand(CommandIDs.approvals, {
      label: 'Insert Approvals Inbox',
      caption: 'Insert and run a cell with what waits for your approval',
      describedBy: NO_ARGUMENTS,
      isEnabled: () => Boolean(tracker?.currentWidget),
      execute: () => {
        writer.run('%exp_approvals --form');
      }
    });
    app.commands.addCommand(CommandIDs.analysis, {
      label: args => (args['isPalette'] ? 'New Experiment Analysis' : 'New experiment analysis'),
      caption: 'Open a copy of the analysis template: choose an experiment, run, decide',
      icon: args => (args['isPalette'] ? undefined : flaskIcon),
      describedBy: {
        args: {
          type: 'object',
          properties: {
            cwd: { type: 'string', description: 'The folder that gets the notebook' },
            isPalette: { type: 'boolean', description: 'Whether it is called by the palette' }
          }
        }
      },
      execute: args => openAnalysis(app, typeof args['cwd'] === 'string' ? args['cwd'] : '')
    });
    tracker?.currentChanged.connect(() => {
      app.commands.notifyCommandChanged(CommandIDs.approvals);
    });

    launcher?.add({ command: CommandIDs.analysis, category: 'Other', rank: 100 });
    for (const command of Object.values(CommandIDs)) {
      palette?.addItem({ command, category: CATEGORY, args: { isPalette: true } });
    }
  }
};

export default plugin;
