/** The side panel: the connection, what waits for approval, and the project's parts below it. */

import { LabIcon } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';

import { button, element, note, redraw } from './dom';
import { Folds } from './folds';
import { type INotebookWriter, LineOffers } from './lines';
import type { KernelLink, LinkState } from './link';
import type { IProject, ISnapshot } from './protocol';
import { Sections } from './sections';
import { PANEL_ID, PROTOCOL_VERSION } from './tokens';

const icon = new LabIcon({
  name: 'exp-jupyter:flask',
  svgstr:
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path class="jp-icon3" ' +
    'fill="#616161" d="M9 2v2h1v5.2L4.6 18.5A2.4 2.4 0 0 0 6.7 22h10.6a2.4 2.4 0 0 0 ' +
    '2.1-3.5L14 9.2V4h1V2H9zm3 2v5.8l2.4 4.2H9.6L12 9.8V4z"/></svg>'
});

export class ExperimentsPanel extends Widget {
  constructor(
    private readonly _link: KernelLink,
    writer: INotebookWriter,
    private readonly _version: string
  ) {
    super();
    this.id = PANEL_ID;
    this.addClass('jp-Exp-panel');
    this.title.icon = icon;
    this.title.caption = 'Experiments';
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', 'Experiments');

    this._offers = new LineOffers(writer);
    this._folds = new Folds(() => {
      this._drawParts();
    });
    this._sections = new Sections(this._offers, this._folds);
    this._search.type = 'search';
    this._search.placeholder = 'Search experiments and flags';
    this._search.setAttribute('aria-label', 'Search experiments and flags');
    this._search.addEventListener('input', () => {
      this._drawParts();
    });
    this._live.setAttribute('role', 'status');
    const refresh = button('Refresh', 'Ask the notebook’s kernel again', () => {
      this._link.refresh();
    });
    this.node.append(
      element('header', 'jp-Exp-head', element('h2', '', 'Experiments'), refresh),
      this._live,
      this._waiting,
      this._search,
      this._parts
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
    redraw(this._live, ...this._summary(state));
    redraw(this._waiting, ...(this._snapshot ? this._sections.waiting(this._snapshot) : []));
    this._drawParts();
  }

  private _drawParts(): void {
    const snapshot = this._snapshot;
    this._search.hidden = !snapshot;
    const wanted = this._search.value.trim().toLowerCase();
    redraw(this._parts, ...(snapshot ? this._sections.all(snapshot, wanted) : []));
  }

  private _summary(state: LinkState): Node[] {
    switch (state.kind) {
      case 'no-notebook':
        return [note('Open a notebook to see its project’s experiments here.')];
      case 'looking':
        return [note('Asking the notebook’s kernel …')];
      case 'no-extension':
        return [
          note('This notebook’s kernel has not loaded exp_jupyter yet.'),
          this._offers.code('%load_ext exp_jupyter')
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
      return [...shown, note('No project is connected yet.'), this._offers.code('%exp_connect')];
    }
    return [connection(snapshot.project), ...shown];
  }

  private readonly _offers: LineOffers;
  private readonly _folds: Folds;
  private readonly _sections: Sections;
  private readonly _search = element('input', 'jp-Exp-search');
  private readonly _live = element('div', 'jp-Exp-summary');
  private readonly _waiting = element('div', 'jp-Exp-waiting');
  private readonly _parts = element('div', 'jp-Exp-list');
}

function connection(project: IProject): HTMLElement {
  const where = project.kind === 'embedded' ? 'embedded project' : project.origin;
  const facts = [where, project.person].filter(Boolean).join(' · ');
  const shown = element(
    'div',
    'jp-Exp-connection',
    element('div', 'jp-Exp-name', project.name),
    element('div', 'jp-Exp-flag', facts)
  );
  if (project.tape) {
    const words = project.replayed
      ? `Replayed from ${project.tape}: nothing is written`
      : `Recorded in ${project.tape}`;
    shown.append(element('div', 'jp-Exp-tape', words));
  }
  return shown;
}
