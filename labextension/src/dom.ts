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
  onClick: () => void,
  className = 'jp-Exp-button'
): HTMLButtonElement {
  const node = element('button', className, label);
  node.type = 'button';
  node.title = description;
  node.dataset['key'] = description;
  node.setAttribute('aria-label', description);
  node.addEventListener('click', onClick);
  return node;
}

/** A mark that only repeats what words beside it say. */
export function mark(className: string, sign: string): HTMLElement {
  const node = element('span', className, sign);
  node.setAttribute('aria-hidden', 'true');
  return node;
}

export function note(sentence: string): HTMLElement {
  return element('p', 'jp-Exp-note', sentence);
}

/**
 * Put new children into `parent`. What looks as before stays the very node it was, so that a click
 * that is under way arrives; the control that had the focus has it still.
 */
export function redraw(parent: HTMLElement, ...children: Node[]): void {
  const active = document.activeElement;
  const key = active instanceof HTMLElement && parent.contains(active) ? active.dataset['key'] : '';
  reconcile(parent, children);
  if (key && document.activeElement !== active) {
    const again = [...parent.querySelectorAll<HTMLElement>('[data-key]')].find(
      node => node.dataset['key'] === key
    );
    again?.focus({ preventScroll: true });
  }
}

function reconcile(parent: Element, wanted: readonly Node[]): void {
  for (const [place, node] of wanted.entries()) {
    const present = parent.childNodes.item(place) as ChildNode | null;
    if (!present) {
      parent.append(node);
    } else if (!present.isEqualNode(node)) {
      if (present instanceof Element && node instanceof Element && alike(present, node)) {
        reconcile(present, [...node.childNodes]);
      } else {
        present.replaceWith(node);
      }
    }
  }
  while (parent.childNodes.length > wanted.length) {
    parent.lastChild?.remove();
  }
}

/** Whether two elements differ in their children only, and neither listens to anything. */
function alike(one: Element, other: Element): boolean {
  return one.tagName !== 'BUTTON' && one.cloneNode().isEqualNode(other.cloneNode());
}
