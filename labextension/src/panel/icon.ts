/** The flask: of the panel's tab and of the launcher's card. */

import { LabIcon } from '@jupyterlab/ui-components';

export const flaskIcon = new LabIcon({
  name: 'exp-jupyter:flask',
  svgstr:
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path class="jp-icon3" ' +
    'fill="#616161" d="M9 2v2h1v5.2L4.6 18.5A2.4 2.4 0 0 0 6.7 22h10.6a2.4 2.4 0 0 0 ' +
    '2.1-3.5L14 9.2V4h1V2H9zm3 2v5.8l2.4 4.2H9.6L12 9.8V4z"/></svg>'
});

/** An icon beside or instead of words that say the same; two of the same icon are equal nodes. */
export function drawn(icon: LabIcon): HTMLElement {
  const drawing = icon.element({ tag: 'span', width: '14px', height: '14px' });
  drawing.setAttribute('aria-hidden', 'true');
  drawing.querySelector('svg')?.removeAttribute('data-icon-id');
  return drawing;
}
