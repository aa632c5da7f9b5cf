/** A result's page as the kernel wrote it, read with care: a notebook can hold anything. */

import { type Fields, fields, list, text, type Tone, tone } from '../given';

export interface ISpan {
  text: string;
  strong: boolean;
  quiet: boolean;
  code: boolean;
  tone: Tone;
}

export interface ICell extends ISpan {
  note: string;
  mark: string;
  reading: boolean;
  /** The number that the text writes; null where it writes none. */
  value: number | null;
  /** Estimate, low and high; null where there is no interval. */
  bar: [number | null, number, number] | null;
}

export interface IScale {
  reach: number;
  relative: boolean;
  /** Percentage points rather than percent. */
  points: boolean;
  mark: number | null;
}

export interface IColumn {
  label: string;
  right: boolean;
  wrap: boolean;
  scale: IScale | null;
}

export interface ITable {
  is: 'table';
  caption: string;
  titled: boolean;
  /** A list of fields and values, which is not sorted. */
  plain: boolean;
  columns: IColumn[];
  rows: ICell[][];
  /** The rows with a line above them. */
  rules: number[];
  /** The rows with a heading above them. */
  groups: { row: number; words: string }[];
  /** Said where an interval goes on beyond its axis; else empty. */
  cut: string;
}

export interface IPoint {
  x: number;
  y: number;
  low: number | null;
  high: number | null;
  words: string;
}

export interface IAxis {
  low: number;
  high: number;
  ticks: { at: number; words: string }[];
}

export interface IPlot {
  x: IAxis;
  y: IAxis;
  lines: { name: string; points: IPoint[] }[];
  bars: { label: string; points: { x: number; count: number; words: string }[] } | null;
  marks: { x: number; words: string; tone: Tone; until: number | null; y: number | null }[];
}

export interface IPicture {
  is: 'picture';
  caption: string;
  alt: string;
  plot: IPlot | null;
  svg: string;
  width: number;
  height: number;
}

export interface IBadge {
  text: string;
  tone: Tone;
}

export type Block =
  | { is: 'heading'; title: string; note: string; badge: IBadge | null }
  | { is: 'sentence'; words: ISpan[]; tone: Tone; lead: boolean }
  | { is: 'small'; parts: string[]; link: { words: string; address: string } | null }
  | { is: 'status'; words: string; marks: IBadge[]; share: number | null }
  | { is: 'next'; words: ISpan[]; code: string }
  | { is: 'code'; text: string }
  | { is: 'diff'; caption: string; lines: [string, string | null, string | null][] }
  | { is: 'details'; summary: string; blocks: Block[] }
  | { is: 'card'; tone: Tone; blocks: Block[] }
  | ITable
  | IPicture;

export interface IPage {
  title: string;
  blocks: Block[];
}

/** The newest form of a page that is known here. */
const VERSION = 1;

/** Said where a page holds what is not known here: its HTML says all of it. */
export class UnknownPage extends Error {}

/** Read the page in a result's data; throws `UnknownPage` where there is none to be drawn. */
export function pageOf(data: unknown): IPage {
  const given = fields(data);
  const page = fields(given['page']);
  if (typeof page['version'] !== 'number' || page['version'] > VERSION) {
    throw new UnknownPage('no page of a known form');
  }
  return { title: text(given['title']), blocks: blocks(page['blocks']) };
}

function blocks(value: unknown): Block[] {
  return list(value).map(item => block(fields(item)));
}

function block(given: Fields): Block {
  switch (given['is']) {
    case 'heading':
      return {
        is: 'heading',
        title: text(given['title']),
        note: text(given['note']),
        badge: given['badge'] === undefined ? null : badgeOf(given['badge'])
      };
    case 'sentence':
      return {
        is: 'sentence',
        words: list(given['words']).map(span),
        tone: tone(given['tone']),
        lead: given['lead'] === true
      };
    case 'small':
      return { is: 'small', parts: list(given['parts']).map(text), link: link(given['link']) };
    case 'status':
      return {
        is: 'status',
        words: text(given['words']),
        marks: list(given['marks']).map(badgeOf),
        share: number(given['share'])
      };
    case 'next':
      return { is: 'next', words: list(given['words']).map(span), code: text(given['code']) };
    case 'code':
      return { is: 'code', text: text(given['text']) };
    case 'diff':
      return { is: 'diff', caption: text(given['caption']), lines: list(given['lines']).map(line) };
    case 'details':
      return {
        is: 'details',
        summary: text(given['summary']),
        blocks: blocks(given['blocks'])
      };
    case 'card':
      return { is: 'card', tone: tone(given['tone']), blocks: blocks(given['blocks']) };
    case 'table':
      return table(given);
    case 'picture':
      return picture(given);
    default:
      throw new UnknownPage(`a block of kind ${String(given['is'])}`);
  }
}

function badgeOf(value: unknown): IBadge {
  const given = fields(value);
  return { text: text(given['text']), tone: tone(given['tone']) };
}

/** A link out of the page; only a web address becomes one. */
function link(value: unknown): { words: string; address: string } | null {
  const [words, address] = list(value).map(text);
  return words && address && /^https?:\/\//.test(address) ? { words, address } : null;
}

function table(given: Fields): ITable {
  const columns = list(given['columns']).map(item => {
    const column = fields(item);
    const scale = column['scale'] === undefined ? null : fields(column['scale']);
    return {
      label: text(column['label']),
      right: column['right'] === true,
      wrap: column['wrap'] === true,
      scale: scale && {
        reach: Math.abs(number(scale['reach']) ?? 1) || 1,
        relative: scale['relative'] === true,
        points: scale['points'] === true,
        mark: number(scale['mark'])
      }
    };
  });
  const rows = list(given['rows']).map(row => list(row).map(cell));
  if (columns.length === 0 || rows.some(row => row.length !== columns.length)) {
    throw new UnknownPage('a table whose rows do not fit its columns');
  }
  return {
    is: 'table',
    caption: text(given['caption']),
    titled: given['titled'] === true,
    plain: given['plain'] === true,
    columns,
    rows,
    rules: list(given['rules']).map(Number),
    groups: list(given['groups']).map(item => {
      const [row, words] = list(item);
      return { row: finite(row), words: text(words) };
    }),
    cut: text(given['cut'])
  };
}

function cell(value: unknown): ICell {
  const given = fields(value);
  const [estimate, low, high] = list(given['bar']).map(number);
  return {
    ...span(value),
    note: text(given['note']),
    mark: text(given['mark']),
    reading: given['reading'] === true,
    value: number(given['value']),
    bar: low !== undefined && low !== null && high !== undefined && high !== null
      ? [estimate ?? null, low, high]
      : null
  };
}

function picture(given: Fields): IPicture {
  const plot = given['plot'] === undefined ? null : plotOf(fields(given['plot']));
  const svg = text(given['svg']);
  if (!plot && !svg) {
    throw new UnknownPage('a picture without a drawing');
  }
  return {
    is: 'picture',
    caption: text(given['caption']),
    alt: text(given['alt']),
    plot,
    svg,
    width: number(given['width']) ?? 0,
    height: number(given['height']) ?? 0
  };
}

function plotOf(given: Fields): IPlot {
  const bars = given['bars'] === undefined ? null : fields(given['bars']);
  return {
    x: axis(fields(given['x'])),
    y: axis(fields(given['y'])),
    lines: list(given['lines']).map(item => {
      const named = fields(item);
      return { name: text(named['name']), points: list(named['points']).map(point) };
    }),
    bars: bars && {
      label: text(bars['label']),
      points: list(bars['points']).map(item => {
        const [x, count, words] = list(item);
        return { x: finite(x), count: finite(count), words: text(words) };
      })
    },
    marks: list(given['marks']).map(item => {
      const found = fields(item);
      return {
        x: finite(found['x']),
        words: text(found['words']),
        tone: tone(found['tone']),
        until: number(found['until']),
        y: number(found['y'])
      };
    })
  };
}

function axis(given: Fields): IAxis {
  const low = finite(given['low']);
  const high = finite(given['high']);
  return {
    low,
    high: high > low ? high : low + 1,
    ticks: list(given['ticks']).map(item => {
      const [at, words] = list(item);
      return { at: finite(at), words: text(words) };
    })
  };
}

function point(value: unknown): IPoint {
  const [x, y, low, high, words] = list(value);
  return {
    x: finite(x),
    y: finite(y),
    low: number(low),
    high: number(high),
    words: text(words)
  };
}

function line(value: unknown): [string, string | null, string | null] {
  const [label, before, after] = list(value);
  const side = (given: unknown): string | null => (typeof given === 'string' ? given : null);
  return [text(label), side(before), side(after)];
}

function span(value: unknown): ISpan {
  const given = typeof value === 'string' ? { text: value } : fields(value);
  return {
    text: text(given['text']),
    strong: given['strong'] === true,
    quiet: given['quiet'] === true,
    code: given['code'] === true,
    tone: tone(given['tone'])
  };
}

/** A number, or an infinity by its name; null for anything else. */
function number(value: unknown): number | null {
  if (typeof value === 'number') {
    return Number.isNaN(value) ? null : value;
  }
  return value === 'inf' ? Infinity : value === '-inf' ? -Infinity : null;
}

function finite(value: unknown): number {
  const found = number(value);
  if (found === null || !Number.isFinite(found)) {
    throw new UnknownPage('a place that is no number');
  }
  return found;
}
