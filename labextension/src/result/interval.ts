/** An interval against zero on its column's axis, and that axis. */

import type { ICell, IScale } from './page';
import { px, svg } from './svg';

const WIDTH = 152;
const HEIGHT = 22;
const MARGIN = 8;

function place(value: number, scale: IScale): number {
  const inside = Math.max(-scale.reach, Math.min(scale.reach, value));
  return WIDTH / 2 + (inside / scale.reach) * (WIDTH / 2 - MARGIN);
}

/** The drawing of one cell; what leaves the axis ends in an arrow. */
export function intervalBar(cell: ICell, scale: IScale): SVGSVGElement | null {
  if (!cell.bar) {
    return null;
  }
  const [estimate, low, high] = cell.bar;
  const middle = HEIGHT / 2;
  const parts: SVGElement[] = [upright(WIDTH / 2, 'jp-ExpResult-rule', '2 2')];
  if (scale.mark !== null) {
    parts.push(upright(place(scale.mark, scale), 'jp-ExpResult-limit', '1 3'));
  }
  const left = place(low, scale);
  const right = place(high, scale);
  parts.push(
    svg('rect', {
      class: 'jp-ExpResult-band',
      x: px(left),
      y: middle - 3.5,
      width: px(Math.max(right - left, 0.5)),
      height: 7
    }),
    end(left, low < -scale.reach, 5),
    end(right, high > scale.reach, -5)
  );
  if (estimate !== null && Math.abs(estimate) <= scale.reach) {
    parts.push(svg('circle', { class: 'jp-ExpResult-dot', cx: px(place(estimate, scale)), cy: middle, r: 4 }));
  }
  return svg(
    'svg',
    {
      class: `jp-ExpResult-interval jp-mod-${cell.tone || 'quiet'}`,
      width: WIDTH,
      height: HEIGHT,
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      role: 'img',
      'aria-label': `interval ${cell.text}`
    },
    svg('title', {}, cell.text),
    ...parts
  );
}

function upright(x: number, name: string, dashes: string): SVGElement {
  return svg('line', {
    class: name,
    x1: px(x),
    x2: px(x),
    y1: 0,
    y2: HEIGHT,
    'stroke-dasharray': dashes
  });
}

function end(x: number, cut: boolean, inward: number): SVGElement {
  const middle = HEIGHT / 2;
  const shape = cut
    ? `M${px(x + inward)} ${middle - 6}L${px(x)} ${middle}L${px(x + inward)} ${middle + 6}`
    : `M${px(x)} ${middle - 6}V${middle + 6}`;
  return svg('path', { class: 'jp-ExpResult-end', d: shape });
}

/** The column's heading: both ends of its axis and zero. */
export function intervalAxis(scale: IScale, label: string): SVGSVGElement {
  const unit = scale.points ? ' pp' : scale.relative ? ' %' : '';
  const reach = Number((unit ? scale.reach * 100 : scale.reach).toPrecision(6));
  const ends: [number, string, string][] = [
    [MARGIN, 'start', `−${reach}${unit}`],
    [WIDTH / 2, 'middle', '0'],
    [WIDTH - MARGIN, 'end', `+${reach}${unit}`]
  ];
  return svg(
    'svg',
    {
      class: 'jp-ExpResult-axis',
      width: WIDTH,
      height: 16,
      viewBox: `0 0 ${WIDTH} 16`,
      role: 'img',
      'aria-label': `${label}, axis from ${ends[0]?.[2]} to ${ends[2]?.[2]}`
    },
    ...ends.map(([x, anchor, words]) =>
      svg('text', { x, y: 12, 'text-anchor': anchor }, words)
    )
  );
}
