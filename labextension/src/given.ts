/** Values from outside, read with care: what is not of the wanted kind becomes an empty one. */

export type Fields = Record<string, unknown>;

export function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export type Tone = 'good' | 'bad' | 'notice' | 'accent' | 'quiet' | '';

const TONES: readonly Tone[] = ['good', 'bad', 'notice', 'accent', 'quiet'];

export function tone(value: unknown): Tone {
  return TONES.find(known => known === value) ?? '';
}
