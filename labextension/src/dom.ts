/** Elements from text, never from markup: names come from outside. */

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  if (className) {
    node.className = className;
  }
  node.append(...children);
  return node;
}

/** A button; its description names it among others, also after everything was drawn anew. */
export function button(
  label: string,
  description: string,
  onClick: () => void
): HTMLButtonElement {
  const node = element('button', 'jp-Exp-button', label);
  node.type = 'button';
  node.title = description;
  node.dataset['key'] = description;
  node.setAttribute('aria-label', description);
  node.addEventListener('click', onClick);
  return node;
}

export function note(sentence: string): HTMLElement {
  return element('p', 'jp-Exp-note', sentence);
}

/** Put new children into `parent`; the button that had the focus has it still. */
export function redraw(parent: HTMLElement, ...children: Node[]): void {
  const active = document.activeElement;
  const key = active instanceof HTMLElement && parent.contains(active) ? active.dataset['key'] : '';
  parent.replaceChildren(...children);
  if (key) {
    const again = [...parent.querySelectorAll('button')].find(one => one.dataset['key'] === key);
    again?.focus({ preventScroll: true });
  }
}
