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

export function button(
  label: string,
  description: string,
  onClick: () => void
): HTMLButtonElement {
  const node = element('button', 'jp-Exp-button', label);
  node.type = 'button';
  node.title = description;
  node.setAttribute('aria-label', description);
  node.addEventListener('click', onClick);
  return node;
}
