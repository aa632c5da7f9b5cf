/** A result's page as elements: the same words as its HTML, with controls where they help. */

import { button, element } from '../dom';
import { chart } from './chart';
import { copyText } from './export';
import type { Block, IBadge, IPicture, ISpan } from './page';
import { pageOf } from './page';
import { tableView } from './table';

/** The view of a result's data; throws where it cannot all be drawn. */
export function viewOf(data: unknown): HTMLElement {
  const page = pageOf(data);
  const view = element('div', 'jp-ExpResult');
  view.setAttribute('role', 'group');
  view.setAttribute('aria-label', page.title || 'Result');
  const said = element('div', 'jp-ExpResult-said');
  said.setAttribute('role', 'status');
  view.append(...page.blocks.map(block => drawBlock(block, page.title, words => {
    said.textContent = words;
  })));
  view.append(said);
  return view;
}

/** Says something to whoever cannot see it. */
export type Say = (words: string) => void;

function drawBlock(block: Block, title: string, say: Say): HTMLElement {
  switch (block.is) {
    case 'heading':
      return heading(block);
    case 'sentence':
      return element(
        'div',
        classes('jp-ExpResult-sentence', block.lead && 'jp-mod-lead', toneClass(block.tone)),
        ...block.words.map(voice)
      );
    case 'small':
      return small(block);
    case 'status':
      return statusLine(block);
    case 'next':
      return next(block.words, block.code, say);
    case 'code':
      return codeBox(block.text, say);
    case 'diff':
      return diff(block.caption, block.lines);
    case 'details':
      return element(
        'details',
        'jp-ExpResult-details',
        element('summary', '', block.summary),
        ...block.blocks.map(inside => drawBlock(inside, title, say))
      );
    case 'card':
      return element(
        'div',
        classes('jp-ExpResult-card', `jp-mod-${block.tone || 'quiet'}`),
        ...block.blocks.map(inside => drawBlock(inside, title, say))
      );
    case 'table':
      return tableView(block, say);
    case 'picture':
      return picture(block, title, say);
  }
}

/** A run of words in its voice. */
function voice(span: ISpan): HTMLElement {
  const names = classes(
    span.strong && 'jp-mod-strong',
    span.quiet && 'jp-mod-quiet',
    toneClass(span.tone)
  );
  return element(span.code ? 'code' : 'span', names, span.text);
}

export function toneClass(tone: string): string {
  return tone ? `jp-mod-${tone}` : '';
}

export function classes(...names: (string | false)[]): string {
  return names.filter(Boolean).join(' ');
}

function heading(block: Block & { is: 'heading' }): HTMLElement {
  const shown = element(
    'div',
    'jp-ExpResult-heading',
    element('span', 'jp-mod-strong', block.title)
  );
  if (block.badge) {
    shown.append(' ', badgeView(block.badge));
  }
  if (block.note) {
    shown.append(' ', element('span', 'jp-mod-quiet', block.note));
  }
  return shown;
}

function badgeView(badge: IBadge): HTMLElement {
  return element('span', classes('jp-ExpResult-badge', toneClass(badge.tone)), badge.text);
}

function statusLine(block: Block & { is: 'status' }): HTMLElement {
  const shown = element('div', 'jp-ExpResult-status');
  if (block.share !== null) {
    const done = Math.min(Math.max(block.share, 0), 1);
    const bar = element('progress', '');
    bar.max = 1;
    bar.value = done;
    bar.setAttribute('aria-label', `${Math.round(done * 100)} % of the plan`);
    shown.append(bar);
  }
  if (block.words) {
    shown.append(element('span', 'jp-mod-quiet', block.words));
  }
  shown.append(...block.marks.map(badgeView));
  return shown;
}

function small({ parts, link }: Block & { is: 'small' }): HTMLElement {
  const shown = element('div', 'jp-ExpResult-small');
  for (const [place, part] of parts.entries()) {
    shown.append(place > 0 ? ' · ' : '', element('span', part.length < 40 ? 'jp-mod-whole' : '', part));
  }
  if (link) {
    const anchor = element('a', '', link.words);
    anchor.href = link.address;
    anchor.rel = 'noopener noreferrer';
    anchor.target = '_blank';
    shown.append(parts.length > 0 ? ' · ' : '', anchor);
  }
  return shown;
}

function next(words: ISpan[], code: string, say: Say): HTMLElement {
  const label = element('span', 'jp-mod-quiet', 'Next:');
  const shown = element('div', 'jp-ExpResult-next', label, ' ', ...words.map(voice));
  if (code) {
    shown.append(codeBox(code, say));
  }
  return shown;
}

function codeBox(code: string, say: Say): HTMLElement {
  const box = element('pre', '', code);
  box.tabIndex = 0; // it scrolls
  const copy = copying('Copy', 'Copy this code', () => code, say);
  return element('div', 'jp-ExpResult-code', box, copy);
}

/** A button that copies what `make` returns, and says so. */
export function copying(
  label: string,
  description: string,
  make: () => string,
  say: Say
): HTMLButtonElement {
  const node: HTMLButtonElement = button(
    label,
    description,
    () => {
      void copyText(make()).then(copied => {
        const words = copied ? 'Copied' : 'Not copied: the browser does not allow it';
        say('');
        say(words);
        node.textContent = copied ? 'Copied' : 'Not allowed';
        window.setTimeout(() => {
          node.textContent = label;
        }, 1500);
      });
    },
    'jp-ExpResult-button'
  );
  return node;
}

function diff(caption: string, lines: [string, string | null, string | null][]): HTMLElement {
  const body = element('tbody', '');
  for (const [label, before, after] of lines) {
    const head = element('th', 'jp-mod-quiet', label);
    head.scope = 'row';
    const row = element('tr', '', head);
    if (before !== null && before === after) {
      const stays = element('td', '', `${before} `, element('span', 'jp-mod-quiet', '(unchanged)'));
      stays.colSpan = 3;
      row.append(stays);
    } else {
      row.append(
        element('td', '', before === null ? nothing() : element('del', 'jp-mod-quiet', before)),
        element('td', '', '→'),
        element('td', '', after === null ? nothing() : element('ins', 'jp-mod-strong', after))
      );
    }
    body.append(row);
  }
  const hidden = element('caption', 'jp-ExpResult-hidden', caption);
  return element('div', 'jp-ExpResult-scroll', element('table', 'jp-mod-plain', hidden, body));
}

function nothing(): HTMLElement {
  return element('span', 'jp-mod-quiet', 'nothing');
}

function picture(block: IPicture, title: string, say: Say): HTMLElement {
  const shown = element('figure', 'jp-ExpResult-figure');
  if (block.caption) {
    shown.append(element('figcaption', '', block.caption));
  }
  if (block.plot) {
    shown.append(chart(block.plot, block.alt, title, say));
  } else {
    const image = element('img', '');
    image.alt = block.alt;
    image.width = block.width;
    image.height = block.height;
    // As an image a drawing loads nothing and runs nothing.
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(block.svg)}`;
    shown.append(element('div', 'jp-ExpResult-scroll', image));
  }
  return shown;
}
