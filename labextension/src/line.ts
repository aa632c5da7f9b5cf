/** Whether a magic line is read as what it is. */

/**
 * What a line may not hold: line breaks, control characters, blanks other than the plain one, and
 * marks that reorder text. A line of code runs with one click, so what is read is what is there.
 */
const NOT_PLAIN = /(?! )[\p{Cc}\p{Cs}\p{Z}\p{Bidi_Control}\u206a-\u206f]/u;

/** Whether a text says one thing, the one that is read. */
export function isPlain(line: string): boolean {
  return !NOT_PLAIN.test(line);
}
