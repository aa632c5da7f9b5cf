/** The parts of a connected panel: what waits, the experiments by status, flags, templates. */

import { element, note } from './dom';
import type { Folds } from './folds';
import type { LineOffers } from './lines';
import type { IEntry, IFlag, IRequest, ISnapshot, ITemplate } from './protocol';

const STATUS_ORDER = ['running', 'paused', 'exposure_frozen', 'draft', 'stopped', 'archived'];

export class Sections {
  constructor(
    private readonly _offers: LineOffers,
    private readonly _folds: Folds
  ) {}

  /** Everything of a snapshot that `wanted` is found in; all of it for an empty string. */
  all(snapshot: ISnapshot, wanted: string): HTMLElement[] {
    const has = (...texts: string[]): boolean => texts.join(' ').toLowerCase().includes(wanted);
    const entries = snapshot.experiments.filter(one => has(one.name, one.flagKey, ...one.tags));
    const flags = snapshot.flags.filter(one => has(one.key, ...one.variants));
    const templates = snapshot.templates.filter(one => has(one.label, one.description));
    const shown = this._experiments(entries, wanted !== '');
    if (snapshot.experiments.length === 0 && !snapshot.error) {
      shown.push(note('This project has no experiments yet.'));
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

  private _experiments(entries: IEntry[], searching: boolean): HTMLElement[] {
    const stand = (one: IEntry): string => (one.archived ? 'archived' : one.status);
    const groups = [...new Set(entries.map(stand))].sort(
      (a, b) => rank(a) - rank(b) || a.localeCompare(b)
    );
    return groups.map(group => {
      const members = entries.filter(one => stand(one) === group);
      const rows = (): HTMLElement[] => members.map(one => this._entry(one));
      const title = group.replace('_', ' ');
      if (group === 'archived') {
        return this._folded('archived', title, members.length, searching, rows);
      }
      const heading = element('h3', '', title, count(members.length));
      return element('section', 'jp-Exp-group', heading, element('ul', '', ...rows()));
    });
  }

  private _entry(entry: IEntry): HTMLElement {
    const key = `experiment ${entry.id}`;
    const open = this._folds.isOpen(key);
    const words = element(
      'span',
      'jp-Exp-text',
      element('span', 'jp-Exp-name', entry.name),
      element('span', 'jp-Exp-flag', [`#${entry.id}`, entry.flagKey, ...entry.tags].join(' · '))
    );
    const head = element(
      'div',
      'jp-Exp-row',
      this._folds.toggle(key, `What can be done with ${entry.name}`, open, words),
      ...this._offers.buttons(entry.line, entry.name)
    );
    const item = element('li', 'jp-Exp-entry', head);
    if (open) {
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
      item.append(...steps);
      if (metrics.length > 0) {
        item.append(element('div', 'jp-Exp-label', 'Metrics, day by day'), ...metrics);
      }
    }
    return item;
  }

  private _flags(flags: IFlag[], searching: boolean): HTMLElement[] {
    if (flags.length === 0) {
      return [];
    }
    return [
      this._folded('flags', 'flags to build on', flags.length, searching, () =>
        flags.map(flag => {
          const used = flag.experiments === 1 ? '1 experiment' : `${flag.experiments} experiments`;
          const facts = [
            flag.active ? 'on' : 'off',
            flag.experiments > 0 ? `used by ${used}` : 'free',
            flag.variants.join(', ')
          ];
          return this._thing(flag.key, facts.join(' · '), flag.line, `an experiment on ${flag.key}`);
        })
      )
    ];
  }

  private _templates(templates: ITemplate[], searching: boolean): HTMLElement[] {
    if (templates.length === 0) {
      return [];
    }
    return [
      this._folded('templates', 'prompt metrics', templates.length, searching, () =>
        templates.map(one =>
          this._thing(one.label, one.description, one.line, `an experiment measured by ${one.label}`)
        )
      )
    ];
  }

  private _thing(name: string, facts: string, line: string, subject: string): HTMLElement {
    const words = element(
      'span',
      'jp-Exp-text',
      element('span', 'jp-Exp-name', name),
      element('span', 'jp-Exp-flag', facts)
    );
    words.title = line;
    const row = element('div', 'jp-Exp-row', words, ...this._offers.buttons(line, subject));
    return element('li', 'jp-Exp-entry', row);
  }

  private _folded(
    key: string,
    title: string,
    size: number,
    searching: boolean,
    rows: () => HTMLElement[]
  ): HTMLElement {
    const open = searching || this._folds.isOpen(key);
    const toggle = this._folds.toggle(key, `${title}, ${size}`, open, title, count(size));
    const list = open ? [element('ul', '', ...rows())] : [];
    return element('section', 'jp-Exp-group', element('h3', '', toggle), ...list);
  }
}

function count(size: number): HTMLElement {
  return element('span', 'jp-Exp-count', String(size));
}

function rank(status: string): number {
  const place = STATUS_ORDER.indexOf(status);
  return place < 0 ? STATUS_ORDER.length : place;
}
