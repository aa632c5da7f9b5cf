/** What the kernel tells the panel, and how an unknown message is turned into it. */

import { type Fields, fields, list, text, type Tone, tone } from '../given';

export interface IProject {
  name: string;
  origin: string;
  kind: string;
  person: string;
  /** The file that answers are recorded in or replayed from; empty when there is none. */
  tape: string;
  replayed: boolean;
  /** The magic line that connects it again; empty when the kernel is older. */
  line: string;
}

/** Something that can be done, and the magic line that does it. */
export interface IStep {
  label: string;
  line: string;
}

export interface IEntryMetric {
  name: string;
  /** The magic line that shows this metric's daily series; empty before the launch. */
  line: string;
}

/** What a running experiment says at a glance. */
export interface IReading {
  id: number;
  /** The day it is in, and of how many where a plan says so. */
  day: string;
  /** What its main metric says, with its lift; empty while there is none. */
  words: string;
  /** The whole sentence, with the metric's name. */
  sentence: string;
  tone: Tone;
  /** What is wrong with its data; empty when nothing is. */
  trouble: string;
  /** The smaller, the sooner it wants to be looked at. */
  attention: number;
}

export interface IEntry {
  id: number;
  name: string;
  status: string;
  archived: boolean;
  flagKey: string;
  tags: string[];
  /** The magic line that shows the experiment. */
  line: string;
  /** What can be done with it where it stands. */
  steps: IStep[];
  metrics: IEntryMetric[];
  /** When it began or ended, in short; empty before the launch. */
  when: string;
  /** What it says at a glance, once it was read. */
  reading: IReading | null;
  /** Whether the kernel can be asked for that. */
  readable: boolean;
}

export interface IFlag {
  key: string;
  active: boolean;
  variants: string[];
  /** How many experiments use it. */
  experiments: number;
  line: string;
}

export interface ITemplate {
  label: string;
  description: string;
  line: string;
}

export interface IRequest {
  title: string;
  by: string;
  /** The magic line that approves it. */
  line: string;
}

export interface ISnapshot {
  /** Of the messages; a kernel from before it was told speaks 1. */
  protocol: number;
  /** The version of the kernel's half. */
  version: string;
  project: IProject | null;
  experiments: IEntry[];
  flags: IFlag[];
  templates: ITemplate[];
  /** Change requests that wait for this person. */
  requests: IRequest[];
  /** How many those are; an older kernel tells only the number. */
  approvals: number;
  /** One sentence when the kernel could not ask the project. */
  error: string | null;
}

/** The attention of an experiment that nobody has read yet. */
export const UNREAD = 50;

function items(value: unknown): Fields[] {
  return list(value).map(fields);
}

function texts(value: unknown): string[] {
  return list(value).map(text);
}

function project(value: unknown): IProject | null {
  if (value === null || value === undefined) {
    return null;
  }
  const given = fields(value);
  return {
    name: text(given['name']),
    origin: text(given['origin']),
    kind: text(given['kind']),
    person: text(given['person']),
    tape: text(given['tape']),
    replayed: given['replayed'] === true,
    line: text(given['line'])
  };
}

function step(given: Fields): IStep {
  return { label: text(given['label']), line: text(given['line']) };
}

function reading(value: unknown): IReading | null {
  if (typeof value !== 'object' || value === null) {
    return null;
  }
  const given = fields(value);
  const attention = Number(given['attention']);
  return {
    id: Number(given['id']),
    day: text(given['day']),
    words: text(given['words']),
    sentence: text(given['sentence']),
    tone: tone(given['tone']),
    trouble: text(given['trouble']),
    attention: Number.isFinite(attention) ? attention : UNREAD
  };
}

function entry(given: Fields): IEntry {
  return {
    id: Number(given['id']),
    name: text(given['name']),
    status: text(given['status']),
    archived: given['archived'] === true,
    flagKey: text(given['flag_key']),
    tags: texts(given['tags']),
    line: text(given['line']),
    steps: items(given['steps']).map(step),
    metrics: items(given['metrics']).map(metric => ({
      name: text(metric['name']),
      line: text(metric['line'])
    })),
    when: text(given['when']),
    reading: reading(given['reading']),
    readable: given['readable'] === true
  };
}

function flag(given: Fields): IFlag {
  return {
    key: text(given['key']),
    active: given['active'] === true,
    variants: texts(given['variants']),
    experiments: Number(given['experiments']) || 0,
    line: text(given['line'])
  };
}

function template(given: Fields): ITemplate {
  return {
    label: text(given['label']),
    description: text(given['description']),
    line: text(given['line'])
  };
}

function request(given: Fields): IRequest {
  return { title: text(given['title']), by: text(given['by']), line: text(given['line']) };
}

/** The snapshot in a comm message's data, or null when it is another message. */
export function snapshotOf(data: unknown): ISnapshot | null {
  const given = fields(data);
  if (given['type'] !== 'snapshot') {
    return null;
  }
  return {
    protocol: Number(given['protocol']) || 1,
    version: text(given['version']),
    project: project(given['project']),
    experiments: items(given['experiments']).map(entry),
    flags: items(given['flags']).map(flag),
    templates: items(given['templates']).map(template),
    requests: items(given['requests']).map(request),
    approvals: Number(given['approvals']) || 0,
    error: text(given['error']) || null
  };
}

/** The reading in a comm message's data, or null when it is another message. */
export function readingOf(data: unknown): IReading | null {
  const given = fields(data);
  return given['type'] === 'reading' ? reading(given['reading']) : null;
}
