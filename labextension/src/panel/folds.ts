/** Parts that open and close, and stay as they were when everything is drawn anew. */

import { element, mark } from '../dom';

export class Folds {
  constructor(private readonly _changed: () => void) {}

  /** Whether the part is open; `initially` until somebody says otherwise. */
  isOpen(key: string, initially = false): boolean {
    return this._chosen.get(key) ?? initially;
  }

  /** The button that opens and closes the part `key`. */
  toggle(key: string, label: string, open: boolean, ...inside: (Node | string)[]): HTMLElement {
    const node = element('button', 'jp-Exp-toggle', mark('jp-Exp-mark', open ? '▾' : '▸'));
    node.append(...inside);
    node.type = 'button';
    node.dataset['key'] = key;
    node.setAttribute('aria-expanded', String(open));
    node.setAttribute('aria-label', label);
    node.addEventListener('click', () => {
      this._chosen.set(key, !open);
      this._changed();
    });
    return node;
  }

  private readonly _chosen = new Map<string, boolean>();
}
