/** A chart whose points say their values: to a pointer, to the arrow keys, to a screen reader. */

import { button, element } from '../dom';
import { fileName, plotCsv, pngBlob, save, svgText } from './export';
import type { IPlot, IPoint } from './page';
import { px, svg } from './svg';
import { copying, type Say } from './view';

const WIDTH = 720;
const LEFT = 62;
const TOP = 20;
const PLOT = 158;
const BARS_TOP = 192;
const BARS = 40;
const NAMES = 110;
const DASHES = ['', '6 3', '2 3', '8 3 2 3'];

export function chart(plot: IPlot, alt: string, title: string, say: Say): HTMLElement {
  return new ChartView(plot, alt, title, say).node;
}

class ChartView {
  readonly node: HTMLElement;

  constructor(
    private readonly _plot: IPlot,
    alt: string,
    private readonly _title: string,
    private readonly _say: Say
  ) {
    this._named = _plot.lines.length > 1;
    this._width = WIDTH - LEFT - (this._named ? NAMES : 16);
    this._height = _plot.bars ? 268 : 216;
    this._drawing = svg('svg', {
      class: 'jp-ExpResult-chart',
      viewBox: `0 0 ${WIDTH} ${this._height}`,
      role: 'img',
      'aria-label': alt
    });
    this._drawing.append(
      ...this._grid(),
      ...this._marks(),
      ...this._plot.lines.flatMap((line, index) => this._curve(line.points, index)),
      ...(this._named ? this._names() : []),
      ...this._bars(),
      ...this._dates(),
      this._cursor
    );
    this._tip.hidden = true;
    this._stage.append(this._drawing, this._tip);
    this._stage.tabIndex = 0;
    this._stage.setAttribute('role', 'group');
    // Jupyter's shortcuts see a key before the chart does, and Notebook 7 has some on the arrows.
    this._stage.setAttribute('data-lm-suppress-shortcuts', 'true');
    this._stage.setAttribute('aria-roledescription', 'chart');
    this._stage.setAttribute(
      'aria-label',
      `${alt} Left and right walk along the points${this._named ? ', up and down between lines' : ''}.`
    );
    this._listen();
    const scroll = element('div', 'jp-ExpResult-scroll', this._stage);
    this.node = element('div', 'jp-ExpResult-plot', scroll, this._tools());
  }

  private _x(value: number): number {
    const { low, high } = this._plot.x;
    // Half a bar of room at both ends.
    const room = this._plot.bars ? Math.min(this._width / (high - low + 1) / 2, 14) : 0;
    return LEFT + room + ((value - low) / (high - low)) * (this._width - 2 * room);
  }

  private _y(value: number): number {
    const { low, high } = this._plot.y;
    const place = ((high - value) / (high - low)) * PLOT;
    return TOP + Math.min(Math.max(place, -2 * PLOT), 3 * PLOT);
  }

  private _grid(): SVGElement[] {
    return this._plot.y.ticks.flatMap(({ at, words }) => [
      svg('line', {
        class: at === 0 ? 'jp-ExpResult-zero' : 'jp-ExpResult-grid',
        x1: LEFT,
        x2: LEFT + this._width,
        y1: px(this._y(at)),
        y2: px(this._y(at))
      }),
      label(LEFT - 8, this._y(at) + 4, words, 'end')
    ]);
  }

  private _marks(): SVGElement[] {
    return this._plot.marks.flatMap(({ x, words, tone, until, y }) => {
      const start = this._x(x);
      if (until !== null) {
        const width = Math.max(LEFT + this._width - start, 0);
        const area = { x: px(start), y: TOP, width: px(width), height: PLOT };
        const place = start + width / 2;
        const inside = Math.min(place, LEFT + this._width - 3.2 * words.length);
        return [
          svg('rect', { class: 'jp-ExpResult-future', ...area }),
          label(inside, TOP + PLOT - 8, words, 'middle')
        ];
      }
      const late = start > LEFT + this._width * 0.7;
      const top = y === null ? TOP - 14 : this._y(y);
      const parts: SVGElement[] = [
        svg('line', {
          class: `jp-ExpResult-mark jp-mod-${tone || 'quiet'}`,
          x1: px(start),
          x2: px(start),
          y1: px(top),
          y2: TOP + PLOT
        }),
        label(
          start + (late ? -5 : 5),
          y === null ? TOP - 5 : top - 8,
          words,
          late ? 'end' : 'start',
          `jp-mod-${tone || 'quiet'}`
        )
      ];
      if (y !== null) {
        const name = `jp-ExpResult-dot jp-mod-${tone || 'quiet'}`;
        parts.push(svg('circle', { class: name, cx: px(start), cy: px(top), r: 4 }));
      }
      return parts;
    });
  }

  private _curve(points: IPoint[], index: number): SVGElement[] {
    const name = `jp-mod-line-${index % 4}`;
    const parts = unbroken(points).flatMap(run => {
      const middle = run.map(one => this._corner(one.x, one.y)).join(' ');
      const upper = run.flatMap(one => (one.high === null ? [] : [this._corner(one.x, one.high)]));
      const lower = run.flatMap(one => (one.low === null ? [] : [this._corner(one.x, one.low)]));
      const band = upper.length === run.length && lower.length === run.length && run.length > 1;
      const shape = [...upper, ...lower.reverse()].join(' ');
      const drawn: SVGElement[] = band
        ? [svg('polygon', { class: `jp-ExpResult-area ${name}`, points: shape })]
        : [];
      if (run.length > 1) {
        drawn.push(
          svg('polyline', {
            class: `jp-ExpResult-line ${name}`,
            points: middle,
            'stroke-dasharray': DASHES[index % 4] ?? ''
          })
        );
      } else {
        const [x, y] = middle.split(',');
        drawn.push(svg('circle', { class: `jp-ExpResult-dot ${name}`, cx: x ?? 0, cy: y ?? 0, r: 3 }));
      }
      return drawn;
    });
    const last = points[points.length - 1];
    if (last) {
      const end = { cx: px(this._x(last.x)), cy: px(this._y(last.y)), r: 3.5 };
      parts.push(svg('circle', { class: `jp-ExpResult-dot ${name}`, ...end }));
    }
    return [svg('svg', { x: 0, y: TOP, width: WIDTH, height: PLOT, viewBox: `0 ${TOP} ${WIDTH} ${PLOT}` }, ...parts)];
  }

  private _corner(x: number, y: number): string {
    return `${px(this._x(x))},${px(this._y(y))}`;
  }

  /** Name every line where it ends; names that would overlap move apart. */
  private _names(): SVGElement[] {
    const ends = this._plot.lines
      .flatMap(({ name, points }, index) => {
        const last = points[points.length - 1];
        return last ? [{ name, index, y: Math.min(Math.max(this._y(last.y), TOP + 4), TOP + PLOT) }] : [];
      })
      .sort((a, b) => a.y - b.y);
    let above = -Infinity;
    return ends.map(({ name, index, y }) => {
      above = Math.max(y, above + 15);
      const short = name.length <= 14 ? name : `${name.slice(0, 13)}…`;
      return label(LEFT + this._width + 8, above + 4, short, 'start', `jp-mod-line-${index % 4}`);
    });
  }

  private _bars(): SVGElement[] {
    const bars = this._plot.bars;
    const most = Math.max(0, ...(bars?.points.map(one => one.count) ?? []));
    if (!bars || most === 0) {
      return [];
    }
    const width = Math.min((this._width / (this._plot.x.high - this._plot.x.low + 1)) * 0.6, 18);
    const shape = bars.points
      .map(({ x, count }) => {
        const height = (count / most) * BARS;
        const left = px(this._x(x) - width / 2);
        return `M${left} ${BARS_TOP + BARS}h${px(width)}v${px(-height)}h${px(-width)}z`;
      })
      .join('');
    return [
      svg('path', { class: 'jp-ExpResult-bars', d: shape }),
      label(LEFT - 8, BARS_TOP + 9, most.toLocaleString('en-US'), 'end'),
      label(LEFT - 8, BARS_TOP + 24, bars.label, 'end')
    ];
  }

  private _dates(): SVGElement[] {
    const y = this._plot.bars ? this._height - 12 : TOP + PLOT + 18;
    return this._plot.x.ticks.map(({ at, words }) => {
      const x = this._x(at);
      const late = x > LEFT + this._width - 16;
      return label(late ? LEFT + this._width : x, y, words, late ? 'end' : 'middle');
    });
  }

  private _listen(): void {
    this._stage.addEventListener('pointermove', event => {
      const box = this._drawing.getBoundingClientRect();
      this._nearest(
        ((event.clientX - box.left) / box.width) * WIDTH,
        ((event.clientY - box.top) / box.height) * this._height
      );
    });
    this._stage.addEventListener('pointerleave', () => {
      this._hide();
    });
    this._stage.addEventListener('blur', () => {
      this._hide();
    });
    this._stage.addEventListener('keydown', event => {
      if (this._key(event.key)) {
        // Else the notebook would walk to another cell.
        event.preventDefault();
        event.stopPropagation();
      }
    });
  }

  private _key(key: string): boolean {
    const lines = this._plot.lines;
    const points = lines[this._line]?.points ?? [];
    const last = points.length - 1;
    const steps: Record<string, () => void> = {
      ArrowRight: () => (this._point = Math.min(this._point + 1, last)),
      ArrowLeft: () => (this._point = this._point < 0 ? last : Math.max(this._point - 1, 0)),
      Home: () => (this._point = 0),
      End: () => (this._point = last),
      ArrowUp: () => {
        this._toLine((this._line + lines.length - 1) % lines.length);
      },
      ArrowDown: () => {
        this._toLine((this._line + 1) % lines.length);
      },
      Escape: () => {
        this._hide();
      }
    };
    const step = steps[key];
    if (!step || last < 0) {
      return false;
    }
    step();
    if (key === 'Escape') {
      return true;
    }
    this._show();
    this._say(this._words());
    return true;
  }

  /** Go to another line, as near to the present place as it has a point. */
  private _toLine(line: number): void {
    const x = this._plot.lines[this._line]?.points[this._point]?.x ?? Infinity;
    this._line = line;
    const points = this._plot.lines[line]?.points ?? [];
    const nearest = points.reduce(
      (best, one, place) =>
        Math.abs(one.x - x) < Math.abs((points[best]?.x ?? Infinity) - x) ? place : best,
      0
    );
    this._point = nearest;
  }

  private _nearest(x: number, y: number): void {
    let best = Infinity;
    for (const [line, { points }] of this._plot.lines.entries()) {
      for (const [place, point] of points.entries()) {
        // First the day, then the line.
        const away = Math.abs(this._x(point.x) - x) * 100 + Math.abs(this._y(point.y) - y);
        if (away < best) {
          best = away;
          this._line = line;
          this._point = place;
        }
      }
    }
    if (Number.isFinite(best)) {
      this._show();
    }
  }

  private _words(): string {
    const line = this._plot.lines[this._line];
    const point = line?.points[this._point];
    if (!line || !point) {
      return '';
    }
    const name = this._named ? `${line.name}, ` : '';
    const bar = this._plot.bars?.points.find(one => one.x === point.x);
    return `${name}${point.words}${bar ? `, ${bar.words}` : ''}`;
  }

  private _show(): void {
    const point = this._plot.lines[this._line]?.points[this._point];
    if (!point) {
      return;
    }
    const [x, y] = [this._x(point.x), Math.min(Math.max(this._y(point.y), TOP), TOP + PLOT)];
    this._cursor.replaceChildren(
      svg('line', { class: 'jp-ExpResult-cursor', x1: px(x), x2: px(x), y1: TOP, y2: TOP + PLOT }),
      svg('circle', {
        class: `jp-ExpResult-dot jp-mod-line-${this._line % 4}`,
        cx: px(x),
        cy: px(y),
        r: 5
      })
    );
    this._tip.textContent = this._words();
    this._tip.hidden = false;
    const { clientWidth } = this._stage;
    const at = (x / WIDTH) * clientWidth;
    const beside = x > WIDTH / 2 ? at - 10 - this._tip.offsetWidth : at + 10;
    const most = clientWidth - this._tip.offsetWidth;
    this._tip.style.left = `${Math.max(Math.min(beside, most), 0).toFixed(1)}px`;
    this._tip.style.top = `${(((y - 10) / this._height) * 100).toFixed(2)}%`;
  }

  private _hide(): void {
    this._tip.hidden = true;
    this._cursor.replaceChildren();
  }

  private _tools(): HTMLElement {
    const name = (ending: string): string => fileName(this._title, ending);
    const asSvg = button(
      'Save SVG',
      'Save this chart as SVG',
      () => {
        save(new Blob([svgText(this._drawing)], { type: 'image/svg+xml' }), name('svg'));
        this._say('Saved as SVG');
      },
      'jp-ExpResult-button'
    );
    const asPng = button(
      'Save PNG',
      'Save this chart as PNG',
      () => {
        void pngBlob(this._drawing).then(blob => {
          if (blob) {
            save(blob, name('png'));
          }
          this._say(blob ? 'Saved as PNG' : 'This browser cannot make a PNG');
        });
      },
      'jp-ExpResult-button'
    );
    const csv = (): string => plotCsv(this._plot);
    const copy = copying('Copy as CSV', 'Copy this chart’s values as CSV', csv, this._say);
    return element('div', 'jp-ExpResult-tools', copy, asSvg, asPng);
  }

  private readonly _named: boolean;
  private readonly _width: number;
  private readonly _height: number;
  private readonly _drawing: SVGSVGElement;
  private readonly _stage = element('div', 'jp-ExpResult-stage');
  private readonly _tip = element('div', 'jp-ExpResult-tip');
  private readonly _cursor = svg('g', { 'data-only': 'screen' });
  private _line = 0;
  private _point = -1;
}

/** Split where days are missing: a line must not pretend to know them. */
function unbroken(points: IPoint[]): IPoint[][] {
  const steps = points.slice(1).map((one, place) => one.x - (points[place]?.x ?? 0));
  const usual = Math.min(...steps, Infinity);
  const runs: IPoint[][] = [];
  for (const [place, point] of points.entries()) {
    const run = runs[runs.length - 1];
    if (run && (steps[place - 1] ?? 0) <= usual * 1.5) {
      run.push(point);
    } else {
      runs.push([point]);
    }
  }
  return runs;
}

function label(
  x: number,
  y: number,
  words: string,
  anchor: 'start' | 'middle' | 'end',
  name = ''
): SVGElement {
  const place = { x: px(x), y: px(y), 'text-anchor': anchor };
  return svg('text', { class: `jp-ExpResult-label ${name}`.trim(), ...place }, words);
}
