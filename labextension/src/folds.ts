/** Parts that open and close, and stay as they were when everything is drawn anew. */

import { element } from './dom';

export class Folds {
  constructor(private readonly _changed: () => void) {}

  isOpen(key: string): boolean {
    return this._open.has(key);
  }

  /** The button that opens and closes the part `key`. */
  toggle(key: string, label: string, open: boolean, ...inside: (Node | string)[]): HTMLElement {
    const mark = element('span', 'jp-Exp-mark', open ? '▾' : '▸');
    mark.setAttribute('aria-hidden', 'true');
    const node = element('button', 'jp-Exp-toggle', mark, ...inside);
    node.type = 'button';
    node.dataset['key'] = key;
    node.setAttribute('aria-expanded', String(open));
    node.setAttribute('aria-label', label);
    node.addEventListener('click', () => {
      if (!this._open.delete(key)) {
        this._open.add(key);
      }
      this._changed();
    });
    return node;
  }

  private readonly _open = new Set<string>();
}
