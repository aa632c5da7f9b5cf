/** The parts of a connected panel: what waits, the experiments by status, flags, templates. */

import { element, mark, note } from '../dom';
import type { Folds } from './folds';
import type { LineOffers } from './lines';
import {
  type IEntry,
  type IFlag,
  type IRequest,
  type ISnapshot,
  type ITemplate,
  UNREAD
} from './protocol';
import type { ISettings, Order } from './settings';

const STATUS_ORDER = ['running', 'paused', 'exposure_frozen', 'draft', 'stopped', 'archived'];
const TITLES: Readonly<Record<string, string>> = {
  exposure_frozen: 'exposure frozen',
  draft: 'drafts',
  stopped: 'ended'
};
/** What somebody may want to do something about today; the rest opens when asked. */
const OPEN = ['running'];

/** What is shown of a snapshot, and how. */
export interface IView {
  /** What every shown thing has in it; all of them for an empty string. */
  wanted: string;
  order: Order;
  settings: ISettings;
  /** Whether somebody points at the list: then nothing moves away under the pointer. */
  held: boolean;
}

export class Sections {
  constructor(
    private readonly _offers: LineOffers,
    private readonly _folds: Folds
  ) {}

  /** Everything of a snapshot that the view wants. */
  all(snapshot: ISnapshot, view: IView): HTMLElement[] {
    const { wanted, settings } = view;
    const has = (...texts: string[]): boolean => texts.join(' ').toLowerCase().includes(wanted);
    const entries = snapshot.experiments
      .filter(one => has(one.name, one.flagKey, ...one.tags))
      .filter(one => settings.archived || !one.archived);
    const flags = settings.flags
      ? snapshot.flags.filter(one => has(one.key, ...one.variants))
      : [];
    const templates = settings.templates
      ? snapshot.templates.filter(one => has(one.label, one.description))
      : [];
    const shown = this._experiments(entries, view);
    if (snapshot.experiments.length === 0 && !snapshot.error) {
      shown.push(note('This project has no experiments yet.'));
      shown.push(this._offers.code('%exp_create --help'));
    }
    shown.push(...this._flags(flags, wanted !== ''), ...this._templates(templates, wanted !== ''));
    return shown.length > 0 || !wanted ? shown : [note(`Nothing matches “${wanted}”.`)];
  }

  /** What waits for this person's approval. */
  waiting(snapshot: ISnapshot): HTMLElement[] {
    if (snapshot.approvals === 0) {
      return [];
    }
    const noun = snapshot.approvals === 1 ? 'change request waits' : 'change requests wait';
    const words = `${snapshot.approvals} ${noun} for you`;
    const head = this._offers.row(words, '%exp_approvals --form', 'your approvals inbox');
    const rows = snapshot.requests.map(one => this._request(one));
    return [element('div', 'jp-Exp-approvals', head, ...rows)];
  }

  private _request(request: IRequest): HTMLElement {
    const words = element('span', 'jp-Exp-text', request.title);
    if (request.by) {
      words.append(element('span', 'jp-Exp-flag', `asked by ${request.by}`));
    }
    words.title = request.line;
    const buttons = this._offers.buttons(request.line, `approving: ${request.title}`);
    return element('div', 'jp-Exp-row', words, ...buttons);
  }

  private _experiments(entries: IEntry[], view: IView): HTMLElement[] {
    const stand = (one: IEntry): string => (one.archived ? 'archived' : one.status);
    const groups = [...new Set(entries.map(stand))].sort(
      (a, b) => rank(a) - rank(b) || a.localeCompare(b)
    );
    const sorted = [...entries].sort(comparing(view.order));
    if (view.held) {
      const place = (one: IEntry): number => this._places.get(one.id) ?? -1;
      sorted.sort((a, b) => place(a) - place(b));
    }
    this._places = new Map(sorted.map((one, index) => [one.id, index]));
    return groups.map(group => {
      const members = sorted.filter(one => stand(one) === group);
      const rows = (): HTMLElement[] => members.map(one => this._entry(one));
      // Where nothing runs, the first group is what there is to see.
      const initially = OPEN.includes(group) || group === groups[0];
      return this._section(group, title(group), members.length, view.wanted !== '', rows, initially);
    });
  }

  private _places = new Map<number, number>();

  private _entry(entry: IEntry): HTMLElement {
    const key = `experiment ${entry.id}`;
    const open = this._folds.isOpen(key);
    const name = element('span', 'jp-Exp-name', entry.name);
    const words = element('span', 'jp-Exp-text', name, facts(entry));
    const toggle = this._folds.toggle(key, `What can be done with ${entry.name}`, open, words);
    toggle.title = [entry.name, about(entry), entry.reading?.sentence].filter(Boolean).join('\n');
    // The label names the button; what the row says beside the name is its description.
    toggle.setAttribute('aria-description', said(entry));
    const head = element('div', 'jp-Exp-row', toggle, ...this._offers.buttons(entry.line, entry.name));
    const item = element('li', 'jp-Exp-entry', head);
    if (open) {
      item.append(...this._inside(entry));
    }
    return item;
  }

  private _inside(entry: IEntry): HTMLElement[] {
    const parts: HTMLElement[] = [element('div', 'jp-Exp-about', about(entry))];
    if (entry.reading?.sentence) {
      parts.push(element('div', 'jp-Exp-about', entry.reading.sentence));
    }
    const steps = entry.steps.map(step =>
      this._offers.row(step.label, step.line, `${step.label} of ${entry.name}`, 'jp-Exp-step')
    );
    const metrics = entry.metrics.map(metric =>
      this._offers.row(
        metric.name,
        metric.line,
        `${metric.name} of ${entry.name}`,
        'jp-Exp-step jp-Exp-metric'
      )
    );
    parts.push(...steps);
    if (metrics.length > 0) {
      parts.push(element('div', 'jp-Exp-label', 'Metrics, day by day'), ...metrics);
    }
    return parts;
  }

  private _flags(flags: IFlag[], searching: boolean): HTMLElement[] {
    if (flags.length === 0) {
      return [];
    }
    return [
      this._section('flags', 'flags to build on', flags.length, searching, () =>
        flags.map(flag => {
          const used = flag.experiments === 1 ? '1 experiment' : `${flag.experiments} experiments`;
          const known = [
            flag.active ? 'on' : 'off',
            flag.experiments > 0 ? `used by ${used}` : 'free',
            flag.variants.join(', ')
          ];
          return this._thing(flag.key, known.join(' · '), flag.line, `an experiment on ${flag.key}`);
        })
      )
    ];
  }

  private _templates(templates: ITemplate[], searching: boolean): HTMLElement[] {
    if (templates.length === 0) {
      return [];
    }
    return [
      this._section('templates', 'prompt metrics', templates.length, searching, () =>
        templates.map(one =>
          this._thing(one.label, one.description, one.line, `an experiment measured by ${one.label}`)
        )
      )
    ];
  }

  private _thing(name: string, known: string, line: string, subject: string): HTMLElement {
    const words = element(
      'span',
      'jp-Exp-text',
      element('span', 'jp-Exp-name', name),
      element('span', 'jp-Exp-flag', known)
    );
    words.title = `${name}\n${known}\n${line}`;
    const row = element('div', 'jp-Exp-row', words, ...this._offers.buttons(line, subject));
    return element('li', 'jp-Exp-entry', row);
  }

  private _section(
    key: string,
    name: string,
    size: number,
    searching: boolean,
    rows: () => HTMLElement[],
    initially = false
  ): HTMLElement {
    const open = searching || this._folds.isOpen(key, initially);
    const count = element('span', 'jp-Exp-count', String(size));
    const toggle = this._folds.toggle(key, `${name}, ${size}`, open, name, count);
    const list = open ? [element('ul', '', ...rows())] : [];
    return element('section', 'jp-Exp-group', element('h3', '', toggle), ...list);
  }
}

/** The second line of an experiment: its day, and what it says; the mark repeats it in colour. */
function facts(entry: IEntry): HTMLElement {
  const { reading } = entry;
  const line = element('span', 'jp-Exp-facts');
  if (reading) {
    const tone = reading.trouble ? 'bad' : reading.tone || 'quiet';
    line.append(mark(`jp-Exp-dot jp-mod-${tone}`, reading.trouble ? '✕' : '●'));
  }
  line.append(said(entry));
  return line;
}

function said(entry: IEntry): string {
  const { reading } = entry;
  const words = reading ? [reading.day, reading.trouble || reading.words] : [];
  const shown = words.filter(Boolean);
  return shown.length > 0 ? shown.join(' · ') : [entry.when, entry.flagKey].filter(Boolean).join(' · ');
}

function about(entry: IEntry): string {
  return [`#${entry.id}`, entry.flagKey, ...entry.tags].filter(Boolean).join(' · ');
}

function comparing(order: Order): (a: IEntry, b: IEntry) => number {
  if (order === 'name') {
    return (a, b) => a.name.localeCompare(b.name);
  }
  if (order === 'newest') {
    return (a, b) => b.id - a.id;
  }
  const attention = (one: IEntry): number => one.reading?.attention ?? UNREAD;
  return (a, b) => attention(a) - attention(b) || b.id - a.id;
}

function title(group: string): string {
  return TITLES[group] ?? group.replace('_', ' ');
}

function rank(status: string): number {
  const place = STATUS_ORDER.indexOf(status);
  return place < 0 ? STATUS_ORDER.length : place;
}
