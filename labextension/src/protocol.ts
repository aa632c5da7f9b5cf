/** What the kernel tells the panel, and how an unknown message is turned into it. */

export interface IProject {
  name: string;
  origin: string;
  kind: string;
  person: string;
}

export interface IEntryMetric {
  name: string;
  /** The magic line that shows this metric's daily series. */
  line: string;
}

export interface IEntry {
  id: number;
  name: string;
  status: string;
  flagKey: string;
  /** The magic line that shows the experiment. */
  line: string;
  metrics: IEntryMetric[];
}

export interface ISnapshot {
  /** The version of the kernel's half. */
  version: string;
  project: IProject | null;
  experiments: IEntry[];
  /** Change requests that wait for this person. */
  approvals: number;
  /** One sentence when the kernel could not ask the project. */
  error: string | null;
}

type Fields = Record<string, unknown>;

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function items(value: unknown): Fields[] {
  return Array.isArray(value) ? value.map(fields) : [];
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
    person: text(given['person'])
  };
}

function entry(given: Fields): IEntry {
  return {
    id: Number(given['id']),
    name: text(given['name']),
    status: text(given['status']),
    flagKey: text(given['flag_key']),
    line: text(given['line']),
    metrics: items(given['metrics']).map(metric => ({
      name: text(metric['name']),
      line: text(metric['line'])
    }))
  };
}

/** The snapshot in a comm message's data, or null when it is another message. */
export function snapshotOf(data: unknown): ISnapshot | null {
  const given = fields(data);
  if (given['type'] !== 'snapshot') {
    return null;
  }
  return {
    version: text(given['version']),
    project: project(given['project']),
    experiments: items(given['experiments']).map(entry),
    approvals: Number(given['approvals']) || 0,
    error: text(given['error']) || null
  };
}
