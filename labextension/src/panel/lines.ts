/** Magic lines offered to a person: every one can be inserted or run. */

import { addIcon, type LabIcon, runIcon } from '@jupyterlab/ui-components';

import { button, element } from '../dom';
import { isPlain } from '../line';
import { drawn } from './icon';

/** Puts a magic line into the active notebook; does nothing where there is none. */
export interface INotebookWriter {
  insert: (line: string) => void;
  run: (line: string) => void;
}

export class LineOffers {
  constructor(private readonly _writer: INotebookWriter) {}

  /**
   * The two buttons of a line; none where there is no line, or it says more than one thing.
   * They lie over the end of their row and show themselves to a pointer and to the keyboard.
   */
  buttons(line: string, subject: string): HTMLElement[] {
    // The kernel offers no such line either, but an older one may.
    if (!line || !isPlain(line)) {
      return [];
    }
    const insert = iconButton(addIcon, `Insert a cell for ${subject}`, line, () => {
      this._writer.insert(line);
    });
    const run = iconButton(runIcon, `Insert and run a cell for ${subject}`, line, () => {
      this._writer.run(line);
    });
    return [element('span', 'jp-Exp-actions', insert, run)];
  }

  /** A row that says what the line is for. */
  row(label: string, line: string, subject: string, className = ''): HTMLElement {
    const words = element('span', 'jp-Exp-text', label);
    words.title = line;
    const classes = `jp-Exp-row ${className}`.trim();
    return element('div', classes, words, ...this.buttons(line, subject));
  }

  /** A row that shows the line itself. */
  code(line: string): HTMLElement {
    const words = element('code', 'jp-Exp-text', line);
    return element('div', 'jp-Exp-row jp-Exp-code', words, ...this.buttons(line, line));
  }
}

function iconButton(
  icon: LabIcon,
  description: string,
  line: string,
  onClick: () => void
): HTMLButtonElement {
  const node = button('', description, onClick, 'jp-Exp-action');
  node.title = `${description}: ${line}`;
  node.append(drawn(icon));
  return node;
}
