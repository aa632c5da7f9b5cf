/** The side panel: the connection, then the experiments by status, each with its magic lines. */

import { LabIcon } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';

import { button, element } from './dom';
import type { KernelLink, LinkState } from './link';
import type { IEntry, IEntryMetric, IProject, ISnapshot } from './protocol';
import { PANEL_ID } from './tokens';

const STATUS_ORDER = ['running', 'paused', 'exposure_frozen', 'draft', 'stopped'];

const icon = new LabIcon({
  name: 'exp-jupyter:flask',
  svgstr:
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path class="jp-icon3" ' +
    'fill="#616161" d="M9 2v2h1v5.2L4.6 18.5A2.4 2.4 0 0 0 6.7 22h10.6a2.4 2.4 0 0 0 ' +
    '2.1-3.5L14 9.2V4h1V2H9zm3 2v5.8l2.4 4.2H9.6L12 9.8V4z"/></svg>'
});

/** Puts a magic line into the active notebook; false when there is none. */
export interface INotebookWriter {
  insert: (line: string) => void;
  run: (line: string) => void;
}

export class ExperimentsPanel extends Widget {
  constructor(
    private readonly _link: KernelLink,
    private readonly _writer: INotebookWriter,
    private readonly _version: string
  ) {
    super();
    this.id = PANEL_ID;
    this.addClass('jp-Exp-panel');
    this.title.icon = icon;
    this.title.caption = 'Experiments';
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', 'Experiments');

    this._search.type = 'search';
    this._search.placeholder = 'Filter by name or flag';
    this._search.setAttribute('aria-label', 'Filter experiments by name or flag');
    this._search.addEventListener('input', () => {
      this._drawList();
    });
    this._live.setAttribute('role', 'status');
    const refresh = button('Refresh', 'Ask the notebook’s kernel again', () => {
      this._link.refresh();
    });
    this.node.append(
      element('header', 'jp-Exp-head', element('h2', '', 'Experiments'), refresh),
      this._live,
      this._search,
      this._list
    );
    this._link.changed.connect(this._draw, this);
    this._draw();
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this._link.setWatched(true);
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this._link.setWatched(this.isVisible);
  }

  protected override onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this._link.setWatched(false);
  }

  override dispose(): void {
    this._link.changed.disconnect(this._draw, this);
    super.dispose();
  }

  private _draw(): void {
    const state = this._link.state;
    const waiting = state.kind === 'connected' ? state.snapshot.approvals : 0;
    this.title.label = waiting > 0 ? String(waiting) : '';
    this.title.caption = waiting > 0 ? `Experiments, ${waiting} to approve` : 'Experiments';
    this._live.replaceChildren(...this._summary(state));
    this._drawList();
  }

  private _summary(state: LinkState): Node[] {
    switch (state.kind) {
      case 'no-notebook':
        return [note('Open a notebook to see its project’s experiments here.')];
      case 'no-extension':
        return [
          note('This notebook’s kernel has not loaded exp_jupyter yet.'),
          this._offer('%load_ext exp_jupyter')
        ];
      case 'connected':
        return this._connected(state.snapshot);
    }
  }

  private _connected(snapshot: ISnapshot): Node[] {
    const shown: Node[] = [];
    if (snapshot.version && snapshot.version !== this._version) {
      shown.push(
        note(
          `The panel is version ${this._version}, the kernel has exp_jupyter ` +
            `${snapshot.version}. Update both to the same version.`
        )
      );
    }
    if (snapshot.error) {
      shown.push(note(snapshot.error));
    }
    if (!snapshot.project) {
      return [...shown, note('No project is connected yet.'), this._offer('%exp_connect')];
    }
    shown.push(connection(snapshot.project));
    if (snapshot.approvals > 0) {
      const noun = snapshot.approvals === 1 ? 'change request waits' : 'change requests wait';
      shown.push(
        element(
          'div',
          'jp-Exp-approvals',
          element('span', '', `${snapshot.approvals} ${noun} for you`),
          ...this._actions('%exp_approvals', 'your change requests')
        )
      );
    }
    return shown;
  }

  private _drawList(): void {
    const state = this._link.state;
    const entries =
      state.kind === 'connected' && state.snapshot.project ? state.snapshot.experiments : [];
    this._search.hidden = entries.length === 0;
    const wanted = this._search.value.trim().toLowerCase();
    const found = entries.filter(entry =>
      `${entry.name} ${entry.flagKey}`.toLowerCase().includes(wanted)
    );
    const groups = [...new Set(found.map(entry => entry.status))].sort(
      (a, b) => rank(a) - rank(b) || a.localeCompare(b)
    );
    const sections = groups.map(status =>
      this._group(
        status,
        found.filter(entry => entry.status === status)
      )
    );
    if (entries.length > 0 && found.length === 0) {
      sections.push(note(`No experiment matches “${this._search.value}”.`));
    }
    if (state.kind === 'connected' && state.snapshot.project && entries.length === 0) {
      sections.push(note('This project has no experiments yet.'));
    }
    this._list.replaceChildren(...sections);
  }

  private _group(status: string, entries: IEntry[]): HTMLElement {
    const title = element(
      'h3',
      '',
      status.replace('_', ' '),
      element('span', 'jp-Exp-count', String(entries.length))
    );
    const list = element('ul', '', ...entries.map(entry => this._entry(entry)));
    return element('section', 'jp-Exp-group', title, list);
  }

  private _entry(entry: IEntry): HTMLElement {
    const head = element(
      'div',
      'jp-Exp-row',
      element(
        'div',
        'jp-Exp-text',
        element('div', 'jp-Exp-name', entry.name),
        element('div', 'jp-Exp-flag', `#${entry.id} · ${entry.flagKey}`)
      ),
      ...this._actions(entry.line, entry.name)
    );
    const metrics = entry.metrics.map(metric => this._metric(entry, metric));
    return element('li', 'jp-Exp-entry', head, element('ul', '', ...metrics));
  }

  private _metric(entry: IEntry, metric: IEntryMetric): HTMLElement {
    return element(
      'li',
      'jp-Exp-row jp-Exp-metric',
      element('span', 'jp-Exp-text', metric.name),
      ...this._actions(metric.line, `${metric.name} of ${entry.name}`)
    );
  }

  private _offer(line: string): HTMLElement {
    return element(
      'div',
      'jp-Exp-row',
      element('code', 'jp-Exp-text', line),
      ...this._actions(line, line)
    );
  }

  private _actions(line: string, subject: string): HTMLElement[] {
    if (!line) {
      return [];
    }
    return [
      button('Insert', `Insert a cell for ${subject}`, () => {
        this._writer.insert(line);
      }),
      button('Run', `Insert and run a cell for ${subject}`, () => {
        this._writer.run(line);
      })
    ];
  }

  private readonly _search = element('input', 'jp-Exp-search');
  private readonly _live = element('div', 'jp-Exp-summary');
  private readonly _list = element('div', 'jp-Exp-list');
}

function rank(status: string): number {
  const place = STATUS_ORDER.indexOf(status);
  return place < 0 ? STATUS_ORDER.length : place;
}

function note(sentence: string): HTMLElement {
  return element('p', 'jp-Exp-note', sentence);
}

function connection(project: IProject): HTMLElement {
  const where = project.kind === 'embedded' ? 'embedded project' : project.origin;
  return element(
    'div',
    'jp-Exp-connection',
    element('div', 'jp-Exp-name', project.name),
    element('div', 'jp-Exp-flag', project.person ? `${where} · ${project.person}` : where)
  );
}
