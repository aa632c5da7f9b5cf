/** Tables and charts as text and files; all of it stays on this machine. */

import type { ICell, IPlot, ITable } from './page';
import { svg } from './svg';

/** Put text on the clipboard; false where the browser does not allow it. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedByHand(text);
  }
}

/** On a page without TLS there is no clipboard but the old command. */
function copiedByHand(text: string): boolean {
  const active = document.activeElement;
  const area = document.createElement('textarea');
  area.value = text;
  area.style.position = 'fixed';
  area.style.opacity = '0';
  document.body.append(area);
  area.select();
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  const copied = document.execCommand('copy');
  area.remove();
  if (active instanceof HTMLElement) {
    active.focus({ preventScroll: true });
  }
  return copied;
}

/** A table as Markdown, in the order it is shown in. */
export function tableMarkdown(table: ITable, rows: ICell[][]): string {
  const escaped = (words: string): string =>
    words.replace(/[\\`*_[\]<>|~]/g, '\\$&').replace(/\n/g, ' ');
  const shown = (cell: ICell): string => {
    const words = [cell.mark, cell.text].filter(Boolean).join(' ');
    return escaped(cell.note ? `${words} (${cell.note})` : words);
  };
  const line = (parts: string[]): string => `| ${parts.join(' | ')} |`;
  const head = line(table.columns.map(column => escaped(column.label)));
  const rule = line(table.columns.map(column => (column.right ? '---:' : '---')));
  return [head, rule, ...rows.map(row => line(row.map(shown)))].join('\n') + '\n';
}

/** A table as CSV: numbers as numbers, an interval as its two bounds. */
export function tableCsv(table: ITable, rows: ICell[][]): string {
  const intervals = table.columns.map((_, place) => rows.some(row => row[place]?.bar));
  const notes = table.columns.map((_, place) => rows.some(row => row[place]?.note));
  const head = table.columns.flatMap((column, place) => [
    ...(intervals[place] ? [`${column.label} low`, `${column.label} high`] : [column.label]),
    ...(notes[place] ? [`${column.label} note`] : [])
  ]);
  const line = (row: ICell[]): string[] =>
    row.flatMap((cell, place) => [
      ...(intervals[place]
        ? [plain(cell.bar?.[1] ?? null), plain(cell.bar?.[2] ?? null)]
        : [cell.value === null ? quoted(cell.text) : plain(cell.value)]),
      ...(notes[place] ? [quoted(cell.note)] : [])
    ]);
  return csv([head.map(quoted), ...rows.map(line)]);
}

/** A chart's points as CSV. */
export function plotCsv(plot: IPlot): string {
  const rows = plot.lines.flatMap(line =>
    line.points.map(point => [
      quoted(line.name),
      quoted(point.words.split(': ')[0] ?? ''),
      plain(point.y),
      plain(point.low),
      plain(point.high)
    ])
  );
  return csv([['line', 'at', 'value', 'low', 'high'], ...rows]);
}

function csv(lines: string[][]): string {
  return lines.map(line => line.join(',')).join('\r\n') + '\r\n';
}

function plain(value: number | null): string {
  return value === null ? '' : String(value);
}

/** Text that a spreadsheet takes for text: not for a formula, and never for two fields. */
function quoted(words: string): string {
  const safe = /^[=@+\-\t\r]/.test(words) && !/^[+-][\d.,]+( ?%)?$/.test(words) ? `'${words}` : words;
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}

const DRAWN = ['fill', 'fill-opacity', 'stroke', 'stroke-width', 'stroke-dasharray', 'opacity'];
const WRITTEN = ['font-family', 'font-size', 'font-weight'];

/** A drawing as a file of its own, in the colours it has now, on the page's background. */
export function svgText(drawing: SVGSVGElement): string {
  const copy = drawing.cloneNode(true) as SVGSVGElement;
  const originals = [drawing, ...drawing.querySelectorAll<SVGElement>('*')];
  const copies = [copy, ...copy.querySelectorAll<SVGElement>('*')];
  for (const [place, original] of originals.entries()) {
    const style = window.getComputedStyle(original);
    const target = copies[place];
    for (const name of original.tagName === 'text' ? [...DRAWN, ...WRITTEN] : DRAWN) {
      target?.setAttribute(name, style.getPropertyValue(name));
    }
    target?.removeAttribute('class');
  }
  for (const gone of copy.querySelectorAll('[data-only="screen"]')) {
    gone.remove();
  }
  const { width, height } = drawing.viewBox.baseVal;
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  copy.setAttribute('width', String(width));
  copy.setAttribute('height', String(height));
  copy.prepend(svg('rect', { width: '100%', height: '100%', fill: background(drawing) }));
  return new XMLSerializer().serializeToString(copy);
}

function background(node: Element): string {
  for (let at: Element | null = node; at; at = at.parentElement) {
    const colour = window.getComputedStyle(at).backgroundColor;
    if (colour && colour !== 'transparent' && !/, 0\)$/.test(colour)) {
      return colour;
    }
  }
  return 'white';
}

const SHARPNESS = 2;

/** The same drawing as a PNG, twice as large. */
export async function pngBlob(drawing: SVGSVGElement): Promise<Blob | null> {
  const { width, height } = drawing.viewBox.baseVal;
  const image = new Image(width, height);
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svgText(drawing))}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = width * SHARPNESS;
  canvas.height = height * SHARPNESS;
  canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise(done => {
    canvas.toBlob(done, 'image/png');
  });
}

/** Have the browser save a file. */
export function save(content: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  window.setTimeout(() => {
    URL.revokeObjectURL(link.href);
  }, 1000);
}

/** A file's name from a title: letters and digits of any script, and hyphens. */
export function fileName(title: string, ending: string): string {
  const stem = title.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-|-$/g, '');
  return `${stem.slice(0, 60) || 'chart'}.${ending}`;
}
