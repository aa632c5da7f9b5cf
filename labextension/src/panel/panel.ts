/** The side panel: the connection, what waits for approval, and the project's parts below it. */

import { refreshIcon } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';

import { button, element, note, redraw } from '../dom';
import { Folds } from './folds';
import { drawn, flaskIcon } from './icon';
import { type INotebookWriter, LineOffers } from './lines';
import type { KernelLink, LinkState } from './link';
import type { IProject, ISnapshot } from './protocol';
import { Sections } from './sections';
import { DEFAULTS, type ISettings, orderOf } from './settings';
import { PANEL_ID, PROTOCOL_VERSION } from './tokens';

const ORDERS = { attention: 'By attention', name: 'By name', newest: 'Newest first' } as const;

export class ExperimentsPanel extends Widget {
  constructor(
    private readonly _link: KernelLink,
    writer: INotebookWriter,
    private readonly _version: string
  ) {
    super();
    this.id = PANEL_ID;
    this.addClass('jp-Exp-panel');
    this.title.icon = flaskIcon;
    this.title.caption = 'Experiments';
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', 'Experiments');

    this._offers = new LineOffers(writer);
    this._folds = new Folds(() => {
      this._drawParts();
    });
    this._sections = new Sections(this._offers, this._folds);
    this._live.setAttribute('role', 'status');
    this._tools.append(this._searching(), this._sorting());
    const refresh = button('', 'Ask the notebook’s kernel again', () => {
      this._link.refresh();
    });
    refresh.append(drawn(refreshIcon));
    this.node.append(
      element('div', 'jp-Exp-head', element('h2', '', 'Experiments'), refresh),
      this._live,
      this._waiting,
      this._tools,
      this._parts
    );
    this._parts.addEventListener('pointerleave', () => {
      this._drawParts(this._parts.matches(':focus-within'));
    });
    this._link.changed.connect(this._draw, this);
    this._draw();
  }

  /** Take other settings. */
  apply(settings: ISettings): void {
    this._settings = settings;
    this._order.value = settings.sort;
    this._link.readOn(settings.readings);
    this._schedule();
    this._drawParts();
  }

  override dispose(): void {
    this._link.changed.disconnect(this._draw, this);
    window.clearInterval(this._timer);
    super.dispose();
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this._watch(true);
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this._watch(this.isVisible);
  }

  protected override onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this._watch(false);
  }

  private _watch(seen: boolean): void {
    this._link.setWatched(seen);
    this._schedule();
  }

  /** Ask now and then, if so set: only what is seen, and only a kernel with nothing else to do. */
  private _schedule(): void {
    window.clearInterval(this._timer);
    if (this._settings.refresh > 0 && this.isVisible) {
      this._timer = window.setInterval(() => {
        if (this._link.idle && !document.hidden) {
          this._link.refresh();
        }
      }, this._settings.refresh * 1000);
    }
  }

  private _searching(): HTMLElement {
    this._search.type = 'search';
    this._search.placeholder = 'Search';
    this._search.setAttribute('aria-label', 'Search experiments and flags');
    this._search.addEventListener('input', () => {
      this._drawParts();
    });
    return this._search;
  }

  private _sorting(): HTMLElement {
    for (const [value, label] of Object.entries(ORDERS)) {
      const option = element('option', '', label);
      option.value = value;
      this._order.append(option);
    }
    this._order.setAttribute('aria-label', 'Sort experiments');
    this._order.addEventListener('change', () => {
      this._drawParts();
    });
    return this._order;
  }

  /** The snapshot of a connected project that this panel can read, or null. */
  private get _snapshot(): ISnapshot | null {
    const state = this._link.state;
    const found = state.kind === 'connected' ? state.snapshot : null;
    return found?.project && found.protocol <= PROTOCOL_VERSION ? found : null;
  }

  private _draw(): void {
    const state = this._link.state;
    const waiting = this._snapshot?.approvals ?? 0;
    this.title.label = waiting > 0 ? String(waiting) : '';
    this.title.caption = waiting > 0 ? `Experiments, ${waiting} to approve` : 'Experiments';
    this.title.className = waiting > 0 ? 'jp-Exp-waits' : '';
    const summary = this._summary(state);
    // A reading that arrives says nothing new about the connection: nothing is announced again.
    const words = summary.map(node => node.textContent).join('\n');
    if (words !== this._announced) {
      this._announced = words;
      redraw(this._live, ...summary);
    }
    redraw(this._waiting, ...(this._snapshot ? this._sections.waiting(this._snapshot) : []));
    this._drawParts(this._parts.matches(':hover, :focus-within'));
  }

  /** Draw the lists; `held` keeps every row where it is. */
  private _drawParts(held = false): void {
    const snapshot = this._snapshot;
    this._tools.hidden = !snapshot;
    const view = {
      held,
      wanted: this._search.value.trim().toLowerCase(),
      order: orderOf(this._order.value),
      settings: this._settings
    };
    redraw(this._parts, ...(snapshot ? this._sections.all(snapshot, view) : []));
  }

  private _summary(state: LinkState): Node[] {
    switch (state.kind) {
      case 'no-notebook':
        return [note('Open a notebook to see its project’s experiments here.')];
      case 'no-kernel':
        return this._trouble('This notebook has no kernel.', 'Start a kernel');
      case 'looking':
        return [note('Asking the notebook’s kernel …')];
      case 'restarting':
        return [note('Starting the kernel …')];
      case 'dead':
        return this._trouble('The kernel has died. The notebook is as it was.', 'Start it again');
      case 'silent':
        return this._trouble(
          'The kernel does not answer. It may have died, or be stuck.',
          'Restart the kernel'
        );
      case 'offline':
        return this._unreachable();
      case 'no-extension':
        return this._unloaded(state.again);
      case 'connected':
        return this._connected(state.snapshot);
    }
  }

  private _trouble(sentence: string, label: string): Node[] {
    const again = button(label, label, () => void this._link.revive(), 'jp-Exp-wayback');
    return [element('div', 'jp-Exp-trouble', note(sentence), again)];
  }

  private _unreachable(): Node[] {
    const words = 'The Jupyter server cannot be reached. Unsaved changes are still in this page.';
    const again = button(
      'Try again',
      'Try to reach the server again',
      () => void this._link.reconnect(),
      'jp-Exp-wayback'
    );
    return [element('div', 'jp-Exp-trouble', note(words), again)];
  }

  private _unloaded(again: string | null): Node[] {
    const load = this._offers.code('%load_ext exp_jupyter');
    if (again === null) {
      return [note('This notebook’s kernel has not loaded exp_jupyter yet.'), load];
    }
    const words = 'The kernel was started anew and knows no project any more.';
    const lines = again ? [load, this._offers.code(again)] : [load];
    return [element('div', 'jp-Exp-trouble', note(words), ...lines)];
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
      return [...shown, note('No project is connected yet.'), this._offers.code('%exp_connect')];
    }
    return [connection(snapshot.project), ...shown];
  }

  private readonly _offers: LineOffers;
  private readonly _folds: Folds;
  private readonly _sections: Sections;
  private readonly _search = element('input', 'jp-Exp-search');
  private readonly _order = element('select', 'jp-Exp-sort');
  private readonly _tools = element('div', 'jp-Exp-tools');
  private readonly _live = element('div', 'jp-Exp-summary');
  private readonly _waiting = element('div', 'jp-Exp-waiting');
  private readonly _parts = element('div', 'jp-Exp-list');
  private _settings: ISettings = DEFAULTS;
  private _announced = '';
  private _timer = 0;
}

function connection(project: IProject): HTMLElement {
  const where = project.kind === 'embedded' ? 'embedded' : project.origin;
  const facts = [where, project.person].filter(Boolean).join(' · ');
  const shown = element(
    'div',
    'jp-Exp-connection',
    element('span', 'jp-Exp-name', project.name),
    ' ',
    element('span', 'jp-Exp-flag', facts)
  );
  if (project.tape) {
    const words = project.replayed
      ? `Replayed from ${project.tape}: nothing is written`
      : `Recorded in ${project.tape}`;
    shown.append(element('div', 'jp-Exp-tape', words));
  }
  return shown;
}
