/** A table that sorts by its headings, filters, folds when it is long, and can be copied. */

import { element, mark } from '../dom';
import { tableCsv, tableMarkdown } from './export';
import { intervalAxis, intervalBar } from './interval';
import type { ICell, IColumn, ITable } from './page';
import { classes, copying, type Say, toneClass } from './view';

/** From this many rows on a filter is worth its place. */
const FILTERED = 10;
/** A longer table shows its first rows until asked for all. */
const FOLDED = 20;

type Direction = 'ascending' | 'descending';

export function tableView(table: ITable, say: Say): HTMLElement {
  return table.plain ? fieldList(table) : new TableView(table, say).node;
}

function fieldList(table: ITable): HTMLElement {
  const rows = table.rows.map(row => rowOf(row, table, false));
  const body = element('tbody', '', ...rows);
  return scrolling(element('table', 'jp-mod-plain', caption(table), body));
}

class TableView {
  readonly node: HTMLElement;

  constructor(
    private readonly _table: ITable,
    private readonly _say: Say
  ) {
    const head = element('tr', '', ...this._table.columns.map((_, place) => this._heading(place)));
    const inside = [caption(this._table), element('thead', '', head), this._body];
    const grid = element('table', '', ...inside);
    const cut = element('div', 'jp-ExpResult-note', this._table.cut);
    cut.hidden = !this._table.cut;
    this.node = element('div', 'jp-ExpResult-table', scrolling(grid), cut, this._tools());
    this._draw();
  }

  private _heading(place: number): HTMLTableCellElement {
    const column = this._table.columns[place] as IColumn;
    const node = element('th', column.right ? 'jp-mod-right' : '');
    node.scope = 'col';
    const axis = column.scale && intervalAxis(column.scale, column.label);
    if (this._table.rows.length < 2 || !column.label) {
      node.append(axis ?? column.label);
      return node;
    }
    const arrow = mark('jp-ExpResult-arrow', '');
    const toggle = element('button', 'jp-ExpResult-sort', axis ?? column.label, arrow);
    toggle.type = 'button';
    toggle.title = `Sort by ${column.label}`;
    if (axis) {
      toggle.setAttribute('aria-label', column.label);
    }
    toggle.addEventListener('click', () => {
      this._sortBy(place);
    });
    node.append(toggle);
    this._heads.push({ node, arrow, place });
    return node;
  }

  /** Largest first for numbers, first letter first for words; then the other way; then as it was. */
  private _sortBy(place: number): void {
    const numeric = this._table.rows.some(row => sortKey(row[place]) !== null);
    const first: Direction = numeric ? 'descending' : 'ascending';
    const second: Direction = numeric ? 'ascending' : 'descending';
    const now = this._sorted?.place === place ? this._sorted.direction : null;
    const direction = now === null ? first : now === first ? second : null;
    this._sorted = direction && { place, direction };
    this._draw();
    const label = this._table.columns[place]?.label ?? '';
    this._say(direction ? `Sorted by ${label}, ${direction}` : 'In the order of the result');
  }

  /** The rows as they are to be seen, all of them. */
  private _rows(): ICell[][] {
    const wanted = this._filter.value.trim().toLowerCase();
    const found = this._table.rows.filter(row =>
      row.some(cell => `${cell.text} ${cell.note}`.toLowerCase().includes(wanted))
    );
    const sorted = this._sorted;
    if (!sorted) {
      return found;
    }
    const sign = sorted.direction === 'ascending' ? 1 : -1;
    return [...found].sort((a, b) => comparison(a[sorted.place], b[sorted.place], sign));
  }

  private _draw(): void {
    const rows = this._rows();
    const folded = !this._all && rows.length > FOLDED;
    const shown = folded ? rows.slice(0, FOLDED) : rows;
    const ruled = !this._sorted && rows.length === this._table.rows.length;
    this._body.replaceChildren(
      ...shown.flatMap((row, place) => [
        ...(ruled ? groupsAbove(this._table, place) : []),
        rowOf(row, this._table, ruled && this._table.rules.includes(place))
      ])
    );
    for (const { node, arrow, place } of this._heads) {
      const direction = this._sorted?.place === place ? this._sorted.direction : null;
      node.setAttribute('aria-sort', direction ?? 'none');
      arrow.textContent = direction === 'ascending' ? '▴' : direction === 'descending' ? '▾' : '';
    }
    this._more.hidden = rows.length <= FOLDED;
    this._more.textContent = folded ? `Show all ${rows.length} rows` : `Show ${FOLDED} rows`;
    this._more.setAttribute('aria-expanded', String(!folded));
    this._empty.hidden = rows.length > 0;
  }

  private _tools(): HTMLElement {
    const about = this._table.caption || 'this table';
    this._filter.type = 'search';
    this._filter.placeholder = 'Filter rows';
    this._filter.setAttribute('aria-label', `Filter the rows of ${about}`);
    this._filter.hidden = this._table.rows.length < FILTERED;
    this._filter.addEventListener('input', () => {
      this._draw();
      this._say(`${this._rows().length} of ${this._table.rows.length} rows`);
    });
    this._more.type = 'button';
    this._more.addEventListener('click', () => {
      this._all = !this._all;
      this._draw();
    });
    const markdown = (): string => tableMarkdown(this._table, this._rows());
    const csv = (): string => tableCsv(this._table, this._rows());
    return element(
      'div',
      'jp-ExpResult-tools',
      this._empty,
      this._more,
      this._filter,
      copying('Copy as Markdown', `Copy ${about} as Markdown`, markdown, this._say),
      copying('Copy as CSV', `Copy ${about} as CSV`, csv, this._say)
    );
  }

  private readonly _heads: { node: HTMLElement; arrow: HTMLElement; place: number }[] = [];
  private readonly _body = element('tbody', '');
  private readonly _filter = element('input', 'jp-ExpResult-filter');
  private readonly _more = element('button', 'jp-ExpResult-button');
  private readonly _empty = element('span', 'jp-mod-quiet', 'No row has this in it.');
  private _sorted: { place: number; direction: Direction } | null = null;
  private _all = false;
}

function caption(table: ITable): HTMLElement {
  return element('caption', table.titled ? '' : 'jp-ExpResult-hidden', table.caption);
}

function scrolling(inside: HTMLElement): HTMLElement {
  return element('div', 'jp-ExpResult-scroll', inside);
}

/** The heading above a row that begins a group; only in the result's own order it is true. */
function groupsAbove(table: ITable, place: number): HTMLElement[] {
  return table.groups
    .filter(group => group.row === place)
    .map(group => {
      const head = element('th', 'jp-ExpResult-group', group.words);
      head.colSpan = table.columns.length;
      head.scope = 'row';
      return element('tr', '', head);
    });
}

function rowOf(row: ICell[], table: ITable, ruled: boolean): HTMLTableRowElement {
  const cells = row.map((cell, place) => {
    const column = table.columns[place] as IColumn;
    const names = classes(column.right && 'jp-mod-right', column.wrap && 'jp-mod-wrap');
    const node = element(place === 0 ? 'th' : 'td', names, ...inside(cell, column));
    if (place === 0) {
      node.setAttribute('scope', 'row');
    }
    return node;
  });
  return element('tr', ruled ? 'jp-mod-ruled' : '', ...cells);
}

function inside(cell: ICell, column: IColumn): Node[] {
  const drawing = column.scale && intervalBar(cell, column.scale);
  if (drawing) {
    return [drawing];
  }
  const names = classes(
    (cell.strong || (cell.reading && cell.tone !== 'quiet')) && 'jp-mod-strong',
    cell.quiet && 'jp-mod-quiet',
    toneClass(cell.tone)
  );
  const words = cell.mark ? `${cell.mark} ${cell.text}` : cell.text;
  const parts: Node[] = [element(cell.code ? 'code' : 'span', names, words)];
  if (cell.note) {
    parts.push(element('div', 'jp-ExpResult-note', cell.note));
  }
  return parts;
}

/** What a cell is sorted by: its number, its interval's estimate, or null for its words. */
function sortKey(cell: ICell | undefined): number | null {
  return cell?.value ?? cell?.bar?.[0] ?? null;
}

/** Numbers by size, words by letters; what is missing comes last in either direction. */
function comparison(a: ICell | undefined, b: ICell | undefined, sign: number): number {
  const [left, right] = [sortKey(a), sortKey(b)];
  if (left !== null && right !== null) {
    return (left - right) * sign;
  }
  if (left !== null || right !== null) {
    return left === null ? 1 : -1;
  }
  const [one, other] = [a?.text ?? '', b?.text ?? ''];
  if (!one || !other) {
    return one ? -1 : other ? 1 : 0;
  }
  return one.localeCompare(other, undefined, { numeric: true }) * sign;
}
